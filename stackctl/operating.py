"""Stop, start, restart, kill, pause and remove what is there: the verbs of a project that keep to the containers it has."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from msgspec.structs import replace

from stackctl.engine.execute import Cancel
from stackctl.planner.life.acts import (
    meant,
    plan_kill,
    plan_pause,
    plan_remove,
    plan_stop,
)
from stackctl.planner.life.options import RemoveOptions, StartOptions
from stackctl.planner.life.start import plan_restart, plan_start
from stackctl.planner.life.stops import Stops
from stackctl.planner.steps.plan import Plan
from stackctl.planner.world.containers import of_project
from stackctl.planner.world.desired import Desired
from stackctl.planner.world.naming import Naming
from stackctl.planner.world.observed import Observed, ObservedContainer
from stackctl.project import Events, Project
from stackctl.spec.selection import Selection


class Operating(Project):
    """A project whose containers are operated. No verb makes a container. All but `start` and `restart` need only the project's
    name: labels tell the rest.

    Every verb raises UsageError for an unknown name, PreflightError if the project was started from another directory,
    LockedError and EngineError. A step that fails is an event.
    """

    def stop(
        self, services: Collection[str] = (), *, grace: int | None = None, cancel: Cancel | None = None
    ) -> Events:
        """Stop the containers of the named services, or all but one-offs, dependents first. They are not removed. `grace`: seconds
        to stop. Raises UsageError for an unknown name.
        """

        def decide() -> Plan:
            containers = self._meant(services)
            return plan_stop(self.name, containers, Stops.of(self.stack), grace)

        return self._do_locked(decide, cancel)

    def start(
        self, options: StartOptions, selection: Selection | None = None, *, cancel: Cancel | None = None
    ) -> Events:
        """Start the containers of services and of what they depend on, in order, and wait until they are ready. None is made.

        Raises EngineError if there is no container, or if a named service has none.
        """
        return self._do_locked(lambda: plan_start(*self._whole(selection), options), cancel)

    def restart(
        self, options: StartOptions, selection: Selection | None = None, *, cancel: Cancel | None = None
    ) -> Events:
        """Stop the containers of services and start them again, in order, and wait until they are ready. They are the same
        containers; a note says if the file has changed since they were made.
        """
        return self._do_locked(lambda: plan_restart(*self._whole(selection), options), cancel)

    def kill(
        self, services: Collection[str] = (), *, signal: str = "SIGKILL", cancel: Cancel | None = None
    ) -> Events:
        """Send a signal to the containers of the named services, or to all but one-offs."""
        return self._do_locked(lambda: plan_kill(self.name, self._meant(services), signal), cancel)

    def pause(self, services: Collection[str] = (), *, cancel: Cancel | None = None) -> Events:
        """Freeze the containers of the named services, or all that run but one-offs."""
        return self._do_locked(lambda: plan_pause(self.name, self._meant(services), "pause"), cancel)

    def unpause(self, services: Collection[str] = (), *, cancel: Cancel | None = None) -> Events:
        """Let the paused containers of the named services, or all of them, go on."""
        return self._do_locked(lambda: plan_pause(self.name, self._meant(services), "unpause"), cancel)

    def remove(
        self,
        services: Collection[str] = (),
        options: RemoveOptions | None = None,
        *,
        cancel: Cancel | None = None,
        confirm: Callable[[Plan], bool] = lambda _: True,
    ) -> Events:
        """Remove the containers of the named services that do not run, or all of them but one-offs, unless `confirm`, which gets
        the plan, returns False.
        """
        chosen: set[str] = set()

        def plan_for(containers: Sequence[ObservedContainer], observed: Observed) -> Plan:
            stops = Stops.of(self.stack)
            return plan_remove(self.name, containers, observed, options or RemoveOptions(), stops)

        def decide() -> Plan | None:
            observed = self.engine.observe()
            containers = self._meant(services, observed)
            chosen.update(container.id for container in containers)
            plan = plan_for(containers, observed)
            return plan if confirm(plan) else None

        def again() -> Plan:
            """A name of what is gone by now is no mistake."""
            observed = self.engine.observe()
            return plan_for([each for each in observed.containers if each.id in chosen], observed)

        return self._do_locked(decide, cancel, again=again)

    def _meant(
        self, names: Collection[str], observed: Observed | None = None
    ) -> tuple[ObservedContainer, ...]:
        """The containers that are meant by names of services or containers. Raises UsageError for an unknown name, PreflightError
        if the project was started from another directory.
        """
        observed = observed or self.engine.observe(self.name)
        self._refuse_others(observed)
        mine = of_project(observed.containers, self.name)
        return meant(mine, self.name, names, self.stack.everything)

    def _whole(self, selection: Selection | None) -> tuple[Desired, Observed]:
        """The whole stack, whatever is selected, and what is there of it."""
        everything = replace(selection or Selection(), services=(), profiles=("*",), dependencies=True)
        view = self.view(everything, strangers=False)
        self._refuse_others(view.observed)
        return view.desired, view.observed

    def _refuse_others(self, observed: Observed) -> None:
        """Raise PreflightError if the project was started from another directory, and that is not the stack that was read."""
        if self.stack.files:
            hint = "run it there; or --isolated means the stack of this directory alone, -p another project"
            self._refuse_other_directory(observed, Naming(self.stack, "").source, hint)
