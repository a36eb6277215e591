"""A project on an engine: look, decide, act. The functions of `api.py` are its verbs.

Every verb that writes holds the project's lock, from its look to the end of its execution.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager

from msgspec.structs import replace

from stackctl.comparing import Comparing
from stackctl.engine.again import settled
from stackctl.engine.confirm import confirmed
from stackctl.engine.execute import Cancel, execute
from stackctl.engine.lock import lock
from stackctl.engine.protocol import Manage
from stackctl.errors import PreflightError, Problem, SpecError
from stackctl.planner.before.builders import needs_buildkit
from stackctl.planner.before.images import (
    BuildOptions,
    ImageOptions,
    images_to_look_into,
    plan_images,
    plan_push,
)
from stackctl.planner.before.preflight import preflight, questions, told_by_images
from stackctl.planner.before.situation import HostFacts
from stackctl.planner.down import DownOptions, images_of, plan_down, spared
from stackctl.planner.life.stops import Stops
from stackctl.planner.steps.actions import BuildImage, PullImage
from stackctl.planner.steps.events import Event, Planned
from stackctl.planner.steps.outcome import outcome
from stackctl.planner.steps.plan import Plan
from stackctl.planner.steps.secrets import concealed
from stackctl.planner.up.planning import LivePlan, UpPlan, plan_up
from stackctl.planner.view.slots import UpOptions
from stackctl.planner.view.view import View
from stackctl.planner.world.adopting import COMPOSE, file_of_compose, made_by_compose
from stackctl.planner.world.containers import instance_of, of_project, other_source
from stackctl.planner.world.desired import Desired
from stackctl.planner.world.naming import Naming
from stackctl.planner.world.observed import Observed
from stackctl.real import monotonic
from stackctl.spec.model import Stack
from stackctl.spec.selection import Selection
from stackctl.spec.source.reading import place, place_warnings

Events = Generator[Event, None, None]
Waiting = Callable[[str], None]
"""Is called with words about the run that holds the project, while another run waits."""
_WAYS_OUT = (
    "--isolated starts a stack of this directory alone beside it; --adopt takes its containers over (they are recreated);"
    " -p NAME starts another project"
)


class Project(Comparing):
    """A stack on an engine, which is brought up and down. If only the name of a project is known, the stack has no services.

    `lock_timeout` is the number of seconds to wait for another run; `waiting` is then called with words about that run.
    """

    engine: Manage

    def __init__(
        self,
        stack: Stack,
        engine: Manage,
        *,
        lock_timeout: float = 60.0,
        waiting: Waiting | None = None,
    ) -> None:
        super().__init__(stack, engine)
        self._lock_timeout = lock_timeout
        self._waiting = waiting

    # Decide

    def plan(self, selection: Selection, options: UpOptions, images: ImageOptions) -> UpPlan:
        """The plan of what `up` does. Makes no call that writes. Raises PreflightError with every reason why `up` would fail.

        With the option `strict` a warning is such a reason, too; otherwise warnings are in the plan.
        """
        # What Compose has made has no label of the project: it is among the strangers.
        view, plan = self.view(selection, options, strangers=options.adopt), None
        if of_project(view.observed.containers, self.name):
            view = self._with_image_configs(view)
            plan = _decided(view, images)
        if plan is None or plan.steps:
            desired, observed = self.desired_and_observed(selection)  # other projects may be in the way
            told = replace(observed, answers=view.observed.answers, outdated=view.observed.outdated)
            view = View.of(desired, told, options)
            view, plan = self._with_image_configs(view), None
        warnings = place_warnings(self.stack, self._preflight(view, options, images), strict=options.strict)
        return self._up_plan(plan or _decided(view, images), view, selection, warnings)

    def check(self, selection: Selection) -> tuple[Problem, ...]:
        """What `up` would stop at on this engine, and its warnings, without places. Makes no call that writes."""
        options = UpOptions()
        try:
            view = self._with_image_configs(View.of(*self.desired_and_observed(selection), options))
            return self._preflight(view, options, ImageOptions())
        except SpecError as error:
            return error.problems

    def _without_builder(self, plan: Plan, desired: Desired) -> tuple[Problem, ...]:
        """What asks for BuildKit, if that is not here. Nothing is asked if nothing needs it."""
        problems = tuple(needs_buildkit(plan, desired))
        if problems and not self.engine.has_buildkit():
            return problems
        return ()

    def _preflight(self, view: View, options: UpOptions, images: ImageOptions) -> tuple[Problem, ...]:
        """What the rules of the engine find in a view that has what is to know of its images."""
        if not options.adopt:
            self._refuse_other_directory(view.observed, view.desired.source, _WAYS_OUT)
            self._refuse_compose(view.observed)
        builds = plan_images(view.desired, view.observed, images)
        return (*preflight(view, self._host(view), images), *self._without_builder(builds, view.desired))

    def plan_down(self, options: DownOptions) -> Plan:
        """The plan of what `down` does. Raises PreflightError if the project was started from another directory."""
        observed = self.engine.observe()
        if not options.adopt:
            source = Naming(self.stack, "").source if self.stack.files else options.source
            hint = "run it there; or --isolated means the stack of this directory alone, -p another project, --adopt takes that one away"
            self._refuse_other_directory(observed, source, hint)
        plan = plan_down(
            self.name,
            instance_of(observed, self.name) or "",
            observed,
            options,
            stops=Stops.of(self.stack),
            spared=spared(self.stack),
            images=images_of(self.stack, options),
        )
        return replace(plan, notes=(*plan.notes, *self._whose(observed)))

    # Do

    def up(
        self,
        selection: Selection,
        options: UpOptions,
        images: ImageOptions,
        *,
        cancel: Cancel | None = None,
    ) -> Events:
        """Plan and act: first the images, then, planned after a second look, everything else."""
        return self._do_locked(lambda: self.plan(selection, options, images), cancel)

    def execute(self, plan: Plan, *, cancel: Cancel | None = None) -> Events:
        """Do a plan that was made before."""

        def again() -> Plan | None:
            return self._plan_rest(plan.selection, plan.view.options) if isinstance(plan, UpPlan) else plan

        return self._do_locked(lambda: plan, cancel, again=again)

    def down(
        self, options: DownOptions, *, cancel: Cancel | None = None, confirm: Callable[[Plan], bool]
    ) -> Events:
        """Remove the project, unless `confirm`, which gets the plan, returns False."""

        def decide() -> Plan | None:
            plan = self.plan_down(options)
            return plan if confirm(plan) else None

        return self._do_locked(decide, cancel, again=lambda: self.plan_down(options))

    def build(
        self,
        selection: Selection,
        options: BuildOptions | None = None,
        *,
        push: bool = False,
        cancel: Cancel | None = None,
    ) -> Events:
        """Build the images of a part of the stack; with `push` send them to their registries."""
        images = ImageOptions(build=True, builds=options or BuildOptions())

        def decide() -> Plan:
            plan = self._plan_images(selection, images, BuildImage)
            return plan_push(self.desired_and_observed(selection)[0], build=plan) if push else plan

        return self._do_locked(decide, cancel)

    def push(
        self, selection: Selection, *, ignore_failures: bool = False, cancel: Cancel | None = None
    ) -> Events:
        """Send the images that are built and have a name to their registries."""

        def decide() -> Plan:
            return plan_push(self.desired_and_observed(selection)[0], ignore_failures=ignore_failures)

        return self._do_locked(decide, cancel)

    def pull(self, selection: Selection, images: ImageOptions, *, cancel: Cancel | None = None) -> Events:
        """Pull the images of a part of the stack, and build none. An image that can be built is pulled if it has a policy."""
        images = replace(images, no_build=True, again=True)
        return self._do_locked(lambda: self._plan_images(selection, images, PullImage), cancel)

    def _plan_images(
        self, selection: Selection, images: ImageOptions, kind: type[BuildImage | PullImage]
    ) -> Plan:
        desired, observed = self.desired_and_observed(selection)
        plan = plan_images(desired, observed, images).only(kind)
        if problems := self._without_builder(plan, desired):
            raise PreflightError(place(self.stack, problems))
        return plan

    def _do_locked(
        self,
        decide: Callable[[], Plan | None],
        cancel: Cancel | None,
        *,
        again: Callable[[], Plan | None] | None = None,
    ) -> Events:
        """Take the project's lock, make the plan, do it. Nothing happens before the first event is asked for, and nothing is
        done if there is no plan. `again` plans after another look, in place of `decide` (see `settled`).
        """
        began = monotonic()
        with self._locked(cancel):
            plan = decide()
            if plan is not None:
                yield from self._do_settled(plan, cancel, began, again or decide)

    def _do_settled(
        self, plan: Plan, cancel: Cancel | None, began: float, again: Callable[[], Plan | None]
    ) -> Events:
        events = settled(plan, lambda each: self._do(each, cancel, began), again, cancel)
        if not (isinstance(plan, UpPlan) and plan.view.options.rollback):
            return events
        from stackctl.engine.undo import or_undone  # few runs may go back

        return concealed(or_undone(events, plan, self.engine, began=began), self.stack)

    def _locked(self, cancel: Cancel | None) -> AbstractContextManager[None]:
        """The project's lock. Raises LockedError if another run holds it for too long, CancelledError if `cancel` is set meanwhile."""
        return lock(
            self.engine.id,
            self.name,
            timeout=self._lock_timeout,
            command=" ".join(sys.argv[:3]),
            waiting=self._waiting,
            cancelled=cancel,
        )

    def _do(self, plan: Plan, cancel: Cancel | None, began: float) -> Events:
        """Do a plan. Once an `up` has its images, the rest is planned again: only now is it known what containers inherit from
        the images.
        """
        images = plan.only(PullImage, BuildImage)
        if isinstance(plan, UpPlan) and images.steps:
            failed = False
            for event in concealed(self._run(images, cancel, began), self.stack):
                failed = failed or bool(outcome([event]).exit_code)
                yield event
            if failed:
                return
            plan = self._plan_rest(plan.selection, plan.view.options)
        events = self._run(plan, cancel, began)
        if isinstance(plan, LivePlan):
            events = confirmed(events, plan.desired, self.engine, cancel=cancel, began=began)
        _, last = plan.parts
        if last.steps:
            from stackctl.engine.undo import with_last  # as above

            events = with_last(events, last, self.engine.perform, cancel=cancel, began=began)
        yield from concealed(events, self.stack)

    def _run(self, plan: Plan, cancel: Cancel | None, began: float) -> Events:
        yield Planned(plan, monotonic() - began)
        yield from execute(plan.parts[0], self.engine.perform, cancel=cancel, began=began)

    def _plan_rest(self, selection: Selection, options: UpOptions) -> UpPlan:
        """The plan of an `up` whose images are here. Raises PreflightError for problems that only the images can show."""
        view = self._with_image_configs(self.view(selection, options))
        return self._up_plan(
            plan_up(view),
            view,
            selection,
            place_warnings(self.stack, told_by_images(view), strict=options.strict),
        )

    def _up_plan(self, plan: Plan, view: View, selection: Selection, warnings: tuple[Problem, ...]) -> UpPlan:
        return UpPlan(
            plan.project,
            plan.steps,
            (*plan.notes, *self._whose(view.observed)),
            warnings,
            desired=view.desired if view.options.start else replace(view.desired, containers=()),
            view=view,
            stack=self.stack,
            selection=selection,
        )

    # What is needed to plan

    def _with_image_configs(self, view: View) -> View:
        """The view, with what containers that may be created inherit from their images."""
        refs = images_to_look_into(view)
        return view.with_configs(self.engine.image_configs(refs)) if refs else view

    def _refuse_other_directory(self, observed: Observed, source: str, hint: str) -> None:
        """Raise PreflightError if the project was started from a file in another directory than `source` ("": not known)."""
        other = self._other_source(observed, source)
        if other and self.stack.checkouts != "shared":
            message = f"project {self.name} is already running from {other}; this is {source}"
            raise PreflightError([Problem(("name",), message, hint)])

    def _whose(self, observed: Observed) -> tuple[str, ...]:
        """A sentence about the directory that the project was started from, if all checkouts share the project and it was another."""
        if self.stack.checkouts != "shared" or not self.stack.files:
            return ()
        source = Naming(self.stack, "").source
        other = self._other_source(observed, source)
        return (
            (f"project {self.name} is shared: it was started from {other}; this is {source}",)
            if other
            else ()
        )

    def _other_source(self, observed: Observed, source: str) -> str | None:
        """The file in another directory than `source` ("": not known) from which the project was started."""
        mine = of_project(observed.containers, self.name)
        return other_source((container.source for container in mine), source) if source else None

    def _refuse_compose(self, observed: Observed) -> None:
        """Raise PreflightError if Docker Compose has made a project of this name."""
        if theirs := made_by_compose(observed, self.name):
            file = file_of_compose(theirs[0])
            names = ", ".join(container.name for container in theirs[:3])
            raise PreflightError(
                [
                    Problem(
                        ("name",),
                        f"{COMPOSE} has made a project {self.name}{f' from {file}' if file else ''}: {names}"
                        + ("" if len(theirs) <= 3 else f" and {len(theirs) - 3} more"),
                        "--adopt takes it over in one plan and keeps its volumes; -p OTHER starts another project beside it",
                    )
                ]
            )

    def _host(self, view: View) -> HostFacts:
        """What only this machine can tell: which process holds which port, and which paths exist. Nothing is asked that the
        engine does not share with this machine.
        """
        engine = view.observed.engine
        if not (engine.shares_loopback or engine.shares_paths):
            return HostFacts()
        from stackctl.engine.host import host_facts

        asked = questions(view)
        return host_facts(
            asked.bindings if engine.shares_loopback else (), asked.paths if engine.shares_paths else ()
        )


def _decided(view: View, images: ImageOptions) -> Plan:
    """The steps that get the images, and those from what is there to what should be."""
    return plan_up(view, plan_images(view.desired, view.observed, images))
