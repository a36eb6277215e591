"""A stack on a Swarm: look, decide, act, as `project.py` does on one engine.

Every verb that writes holds the project's lock on this machine, from its look to its last step. From two machines the version of a
service decides: whose look is too old looks again and plans again.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Generator, Iterable, Mapping
from contextlib import AbstractContextManager, closing

from msgspec.structs import replace

from stackctl.engine.again import settled
from stackctl.engine.execute import Cancel, execute
from stackctl.engine.lock import lock
from stackctl.engine.protocol import Manage
from stackctl.errors import EngineError, PreflightError, Problem, UsageError
from stackctl.looking import Looking
from stackctl.planner.before.builders import needs_buildkit
from stackctl.planner.before.images import ImageOptions, plan_images, plan_push
from stackctl.planner.steps.actions import BuildImage, CreateService, PushImage, UpdateService
from stackctl.planner.steps.events import Done, Event, Failed, Planned
from stackctl.planner.steps.outcome import outcome
from stackctl.planner.steps.plan import Plan
from stackctl.planner.steps.secrets import concealed
from stackctl.planner.swarm.converged import Convergence, at_rest, stands_still
from stackctl.planner.swarm.desire import desire_swarm
from stackctl.planner.swarm.down import (
    SwarmDownOptions,
    plan_roll_back,
    plan_swarm_down,
    plan_undo,
)
from stackctl.planner.swarm.planning import (
    DeployOptions,
    DeployPlan,
    Resting,
    goal_of,
    images_to_resolve,
    ours,
    plan_deploy,
    with_images,
)
from stackctl.planner.swarm.refusals import Asked, refusals, swarm_problems
from stackctl.planner.swarm.status import SwarmRow, swarm_status
from stackctl.planner.world.desire import desire
from stackctl.planner.world.desired import Desired, Image
from stackctl.planner.world.matching import image_id
from stackctl.planner.world.naming import first_instance
from stackctl.planner.world.observed import Observed
from stackctl.planner.world.swarm_desired import DesiredSwarm
from stackctl.planner.world.swarm_observed import ObservedService, ObservedSwarm, ObservedTask
from stackctl.real import monotonic
from stackctl.spec.model import Stack
from stackctl.spec.scaling import one_each
from stackctl.spec.selection import Selection
from stackctl.spec.source.reading import place, place_warnings, placing
from stackctl.spelling import did_you_mean

Events = Generator[Event, None, None]
Waiting = Callable[[str], None]

_GOING_BACK = 120.0
"""Seconds that a service has at least to go back: a deploy that gave up early is no reason to give up here, too."""


class Deploying(Looking):
    """A stack on a Swarm. If only the name of a project is known, the stack has no services: labels tell the rest."""

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

    def plan(self, selection: Selection, options: DeployOptions) -> DeployPlan:
        """The plan of what `deploy` does. Makes no call that writes. Raises PreflightError with every reason why it would fail."""
        observed = self.engine.observe_swarm(self.name)
        desired = self._desired(selection, observed)
        images, local = self._images(desired, observed, options)
        swarm = desire_swarm(self.stack, desired, _built(desired, local, observed))
        warnings = self._preflight(swarm, observed, options)
        found = {ref: self.engine.image_digest(ref) for ref in self._asked(swarm, observed, options)}
        swarm = with_images(swarm, observed, found)
        resting = self._resting(swarm, observed)
        plan = plan_deploy(swarm, observed, options, resting=resting, images=images)
        unknown = [ref for ref, digest in found.items() if digest is None and not _is_made(images, ref)]
        names = ", ".join(unknown)
        notes = (
            [f"no registry knows {names}: nodes use what they have, and it is not pinned"] if unknown else []
        )
        return DeployPlan(
            plan.project,
            plan.steps,
            (*plan.notes, *notes),
            warnings,
            desired=swarm,
            options=options,
        )

    def _desired(self, selection: Selection, observed: ObservedSwarm) -> Desired:
        with placing(self.stack):
            return desire(
                one_each(self.stack),
                instance=_instance(observed, self.name) or first_instance(self.stack, self.engine.id),
                services=selection.services,
                profiles=selection.profiles,
                dependencies=selection.dependencies,
            )

    def _images(
        self, desired: Desired, observed: ObservedSwarm, options: DeployOptions
    ) -> tuple[Plan, Observed | None]:
        """The plan that builds images, and pushes them if there are other nodes; and what this engine has. Nothing is asked if the
        stack builds nothing.
        """
        made = [image for image in desired.images if image.build]
        if not made or not observed.nodes:
            return Plan(self.name), None
        local = self.engine.observe(self.name)
        if options.no_build:
            return Plan(self.name), local
        spread = len(observed.nodes) > 1
        wanted = tuple(
            image for image in made if options.build or not self._is_there(image, local, spread=spread)
        )
        part = replace(desired, images=wanted)
        plan = plan_images(part, local, ImageOptions(build=options.build))
        if spread:
            plan = plan_push(part, build=plan)
        if (problems := tuple(needs_buildkit(plan, desired))) and not self.engine.has_buildkit():
            raise PreflightError(place(self.stack, problems))
        return plan, local

    def _is_there(self, image: Image, local: Observed, *, spread: bool) -> bool:
        """Whether the nodes can get the image: a registry has it, or on a single node the engine."""
        if not spread:
            return image_id(local, image.ref) is not None
        return self.engine.image_digest(image.ref) is not None

    def _asked(self, swarm: DesiredSwarm, observed: ObservedSwarm, options: DeployOptions) -> Iterable[str]:
        """The references that a registry is asked about: not those that are built for this node alone."""
        if not observed.nodes:
            return ()
        alone = len(observed.nodes) == 1
        own = {image.ref for image in swarm.images if image.build and (alone or "/" not in image.ref)}
        return [ref for ref in images_to_resolve(swarm, observed, options) if ref not in own]

    def _preflight(
        self, swarm: DesiredSwarm, observed: ObservedSwarm, options: DeployOptions
    ) -> tuple[Problem, ...]:
        """Warnings. Raises PreflightError if one problem is an error."""
        new = not ours(observed, swarm)
        asked = Asked(
            stack=self.stack,
            desired=swarm,
            observed=observed,
            options=options,
            containers=self._there() if new else (),
        )
        return place_warnings(self.stack, refusals(asked), strict=options.strict)

    def _resting(self, swarm: DesiredSwarm, observed: ObservedSwarm) -> Resting:
        """Which services are as they should be. Tasks are asked for only if the list of services does not tell."""
        there = ours(observed, swarm)
        reached, unsure = set[str](), []
        for want in swarm.services:
            if have := there.get(want.service):
                verdict = at_rest(goal_of(want, observed), have, observed.nodes)
                if verdict:
                    reached.add(want.service)
                elif verdict is None:
                    unsure.append((want, have))
        failed, stuck = set[str](), set[str]()
        if unsure:
            tasks = self.engine.swarm_tasks(self.name)
            for want, have in unsure:
                goal = replace(goal_of(want, observed), settle=0.0)
                mine = [task for task in tasks if task.service_id == have.id]
                state = Convergence(goal).look(have, mine, observed.node, 0.0).state
                if state == "converged":
                    reached.add(want.service)
                elif state == "failed" and want.job:
                    failed.add(want.service)
                elif stands_still(goal, have, mine, observed.node):
                    stuck.add(want.service)
        return Resting(frozenset(reached), frozenset(failed), frozenset(stuck))

    def plan_down(self, options: SwarmDownOptions) -> Plan:
        """The plan of what `deploy down` does."""
        observed = self._managed()
        return plan_swarm_down(self.name, observed, options, tasks=self.engine.swarm_tasks(self.name))

    def _managed(self) -> ObservedSwarm:
        """A snapshot. Raises EngineError if the engine manages no Swarm."""
        observed = self.engine.observe_swarm(self.name)
        for problem in swarm_problems(observed):
            raise EngineError(problem.message, problem.hint)
        return observed

    # Look

    def status(self, selection: Selection) -> tuple[SwarmRow, ...]:
        """A row for each service, with everything that differs from the file."""
        observed = self._managed()
        desired = self._desired(selection, observed)
        local = self.engine.observe(self.name) if any(image.build for image in desired.images) else None
        swarm = desire_swarm(self.stack, desired, _built(desired, local, observed))
        return swarm_status(with_images(swarm, observed, {}), observed, self.engine.swarm_tasks(self.name))

    def services(self, names: Collection[str] = ()) -> tuple[ObservedService, ...]:
        """The services of the project, or only the named ones. Raises UsageError for an unknown name."""
        return self._named(self._managed(), names)

    def tasks(self) -> tuple[tuple[ObservedTask, ...], ObservedSwarm]:
        """The tasks of the project, and the snapshot that names their services and nodes."""
        return self.engine.swarm_tasks(self.name), self._managed()

    def _named(self, observed: ObservedSwarm, names: Collection[str]) -> tuple[ObservedService, ...]:
        mine = {s.key: s for s in observed.services if s.project == self.name and s.instance}
        for name in names:
            if name not in mine and name not in self.stack.everything:
                there = f"there are: {', '.join(mine)}" if mine else f"project {self.name} has no services"
                raise UsageError(f"no such service: {name}", did_you_mean(name, mine, there))
        return tuple(service for key, service in mine.items() if not names or key in names)

    # Do

    def deploy(
        self, selection: Selection, options: DeployOptions | None = None, *, cancel: Cancel | None = None
    ) -> Events:
        """Plan and act: first the images that are built, then everything else. After a failure with `options.rollback`, what this
        run has changed goes back.
        """
        began, options = monotonic(), options or DeployOptions()
        with self._locked(cancel):
            plan = self.plan(selection, options)
            images = plan.only(BuildImage, PushImage)
            if images.steps:
                failed = False
                for event in concealed(self._run(images, cancel, began), self.stack):
                    failed = failed or bool(outcome([event]).exit_code)
                    yield event
                if failed:
                    return
                options = replace(options, build=False)
                plan = self.plan(selection, options)
            yield from self._act(plan, selection, options, cancel, began)

    def _act(
        self,
        plan: DeployPlan,
        selection: Selection,
        options: DeployOptions,
        cancel: Cancel | None,
        began: float,
    ) -> Events:
        done: list[CreateService | UpdateService] = []
        failed = False
        run = settled(
            plan,
            lambda each: concealed(self._run(each, cancel, began), self.stack),
            lambda: self.plan(selection, options),
            cancel,
        )
        with closing(run) as events:
            for event in events:
                match event:
                    case Failed(step) if not step.optional:
                        failed = True
                    case Done(step) if isinstance(step.action, CreateService | UpdateService):
                        done.append(step.action)
                yield event
        if failed and options.rollback and done and not (cancel and cancel()):
            undo = plan_undo(
                self.name,
                done,
                self.engine.observe_swarm(self.name),
                wait_timeout=max(options.wait_timeout, _GOING_BACK),
            )
            yield from concealed(self._run(undo, cancel, began), self.stack)

    def down(self, options: SwarmDownOptions, *, cancel: Cancel | None = None) -> Events:
        """Remove the project from the Swarm. Volumes stay."""
        began = monotonic()
        with self._locked(cancel):
            yield from settled(
                self.plan_down(options),
                lambda plan: self._run(plan, cancel, began),
                lambda: self.plan_down(options),
                cancel,
            )

    def roll_back(
        self,
        services: Collection[str],
        *,
        wait_timeout: float = 120.0,
        detach: bool = False,
        cancel: Cancel | None = None,
    ) -> Events:
        """Let services, or all, go back to what they were before their last update."""
        began = monotonic()
        with self._locked(cancel):
            found = self._named(self._managed(), services)
            plan = plan_roll_back(self.name, found, wait_timeout=wait_timeout, detach=detach)
            yield from self._run(plan, cancel, began)

    def _locked(self, cancel: Cancel | None) -> AbstractContextManager[None]:
        return lock(
            self.engine.id,
            self.name,
            timeout=self._lock_timeout,
            command=" ".join(sys.argv[:3]),
            waiting=self._waiting,
            cancelled=cancel,
        )

    def _run(self, plan: Plan, cancel: Cancel | None, began: float) -> Events:
        yield Planned(plan, monotonic() - began)
        yield from execute(plan, self.engine.perform, cancel=cancel, began=began)


def _instance(observed: ObservedSwarm, project: str) -> str | None:
    """The instance of a project that is there: its services tell it, else its networks, secrets or configs."""
    for things in (observed.services, observed.networks, observed.secrets, observed.configs):
        found = sorted(
            {
                thing.instance
                for thing in things
                if thing.project == project and thing.instance and _of_a_swarm(thing)
            }
        )
        if found:
            return found[0]
    return None


def _of_a_swarm(thing: object) -> bool:
    """Whether it is not the network that an `up` on this machine has made."""
    return getattr(thing, "driver", "") != "bridge"


def _built(desired: Desired, local: Observed | None, observed: ObservedSwarm) -> Mapping[str, str]:
    """The ids of the images that are built for this node alone."""
    if local is None or len(observed.nodes) != 1:
        return {}
    return {image.ref: id_ for image in desired.images if image.build and (id_ := image_id(local, image.ref))}


def _is_made(plan: Plan, ref: str) -> bool:
    return any(
        step.action.image.ref == ref for step in plan.steps if isinstance(step.action, BuildImage | PushImage)
    )
