"""Compare what should be with what is: the status, and the inputs of every plan. Loads no module that changes an engine."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from stackctl.errors import EngineError
from stackctl.looking import Looking
from stackctl.planner.reach.outside import service_env, stack_env
from stackctl.planner.reach.places import ServicePlace, places, places_of_services
from stackctl.planner.status import StatusRow, status
from stackctl.planner.view.slots import UpOptions
from stackctl.planner.view.view import View
from stackctl.planner.world.checks import unanswered
from stackctl.planner.world.containers import instance_of, of_project
from stackctl.planner.world.desire import desire
from stackctl.planner.world.desired import Desired
from stackctl.planner.world.matching import image_id, ours
from stackctl.planner.world.naming import first_instance
from stackctl.planner.world.observed import Observed, Outdated
from stackctl.planner.world.replica import Replica
from stackctl.spec.choosing import select
from stackctl.spec.selection import Selection
from stackctl.spec.source.reading import placing


class Comparing(Looking):
    """A stack on an engine, which is compared with what is there."""

    def desired_and_observed(
        self, selection: Selection, *, strangers: bool = True
    ) -> tuple[Desired, Observed]:
        """What should be there and what is there: the two inputs of every plan and of the status. `strangers`: look also at
        the containers of other projects, which only matters if something is to be done.
        """
        observed = self.engine.observe("" if strangers else self.name)
        with placing(self.stack):
            desired = desire(
                self.stack,
                instance=instance_of(observed, self.name) or first_instance(self.stack, self.engine.id),
                services=selection.services,
                profiles=selection.profiles,
                dependencies=selection.dependencies,
                publish_host=selection.publish_host
                or ("127.0.0.1" if observed.engine.shares_loopback else None),
            )
        return desired, observed

    def view(self, selection: Selection, options: UpOptions | None = None, *, strangers: bool = True) -> View:
        """What should be there beside what is there, with what the checks of running containers say."""
        desired, observed = self.desired_and_observed(selection, strangers=strangers)
        view = View.of(desired, replace(observed, outdated=_outdated(desired, observed)), options)
        answers = self._answers(view.desired, observed)
        return replace(view, observed=replace(view.observed, answers=answers))

    def status(self, selection: Selection) -> tuple[StatusRow, ...]:
        """Compare desired with observed: a row for each container, with everything that differs from the file."""
        return status(self.view(selection, strangers=False))

    def places(self) -> dict[str, ServicePlace]:
        """For each service that runs: where it can be reached from this machine."""
        return places_of_services(self.places_of_replicas())

    def places_of_replicas(self) -> dict[Replica, ServicePlace]:
        """For each container of a service that runs: where it can be reached from this machine."""
        observed = self.engine.observe(self.name)
        return places(of_project(observed.containers, self.name), observed.engine)

    def environment(self, service: str | None = None) -> dict[str, str]:
        """The variables with which a process on this machine reaches the stack. With `service`: the variables of its container,
        changed so that they work on this machine.

        Raises UsageError for an unknown service, EngineError if nothing of the project runs.
        """
        if service is not None:
            select(self.stack, [service], dependencies=False)
        found = self.places()
        if not found:
            raise EngineError(f"nothing of project {self.name} runs", "stackctl up starts it")
        return stack_env(self.stack, found) if service is None else service_env(service, self.stack, found)

    def _answers(self, desired: Desired, observed: Observed) -> Mapping[str, str]:
        """What the checks of running containers say, if they can be asked over the network."""
        wanted = {want.replica: want for want in desired.containers}
        mine = [c for c in ours(observed, desired.project, desired.instance) if c.replica in wanted]
        return self.engine.answers_from_outside(
            {have.id: unanswered(wanted[have.replica], have) for have in mine}, observed
        )


def _outdated(desired: Desired, observed: Observed) -> Mapping[str, Outdated]:
    """The images whose code or build has changed on this machine since they were built."""
    built = {
        image.ref: (image.build, here)
        for image in desired.images
        if image.build and (here := observed.built.get(image_id(observed, image.ref) or ""))
    }
    if not built:
        return {}
    from stackctl.engine.build_context import outdated

    ahead = observed.engine.clock_ahead
    found = {
        ref: outdated(build, replace(image, created=image.created - ahead))
        for ref, (build, image) in built.items()
    }
    return {ref: what for ref, what in found.items() if what}
