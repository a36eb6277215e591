"""Find out whether one service reaches another: collect the facts, and let `planner.reach.route` judge them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from msgspec.structs import replace

from stackctl.comparing import Comparing
from stackctl.debugging import Beside, Debugging
from stackctl.engine import inside
from stackctl.engine.proc import listening_on_this_machine
from stackctl.engine.protocol import Engine
from stackctl.errors import StackError, UsageError
from stackctl.planner.before.images import ImageOptions
from stackctl.planner.life.debug import DebugTarget, image_with_shell
from stackctl.planner.life.options import RunOptions
from stackctl.planner.reach.ends import End, Heard, ports_asked
from stackctl.planner.reach.route import OutsideRoute, Route, RouteVerdict, outside_verdict, verdict
from stackctl.planner.steps.outcome import succeed
from stackctl.planner.view.slots import UpOptions
from stackctl.planner.world.containers import containers_of, of_project
from stackctl.planner.world.observed import Observed, ObservedContainer
from stackctl.spec.lint.subject import Subject
from stackctl.spec.model import PullPolicy
from stackctl.spec.selection import Selection

_ITSELF = ("localhost", "127.0.0.1", "::1")
"""What leads to the service itself that asks."""


class Routes(Comparing):
    """A stack on an engine, in which one service asks another."""

    engine: Engine

    def reach(self, client: str, target: str, port: int | None = None) -> tuple[RouteVerdict, ...]:
        """Whether the service `client` reaches `target`: a service, one of its other names, localhost, or a host outside of the stack.

        Without a port there is a verdict for each port that the client names, or for the one that the service is known for.
        Raises UsageError for an unknown name, and for a host without a port.
        """
        observed = self.engine.observe()
        mine = of_project(observed.containers, self.name)
        asking = self._container(mine, client)
        server = client if target.lower() in _ITSELF else self._service(mine, target)
        if server is None:
            if port is None:
                raise UsageError(
                    f"{target} is not in the stack, so no port is known", f"name it: {target}:PORT"
                )
            return (self._outside(observed, End.of(client, asking, observed.containers), target, port),)
        asked = self._container(mine, server)
        sockets = inside.listening(self.engine, asked.id) if asked and asked.state == "running" else None
        end = End.of(server, asked, observed.containers, sockets)
        ports = ports_asked(self.stack, client, end, port, target)
        route = Route(
            stack=self.stack,
            client=End.of(client, asking, observed.containers),
            server=end,
            host=target,
            networks=observed.networks,
            owners=_owners(observed),
        )
        if route.client.running and end.running and (route.shared or route.together):
            host = "localhost" if route.together else target
            numbers = list(dict.fromkeys(each.port for each in ports))
            route = replace(route, host=host, heard=self._ask(observed, route.client, host, numbers))
        return tuple(verdict(route, each) for each in ports or (None,))

    def _outside(self, observed: Observed, client: End, host: str, port: int) -> RouteVerdict:
        heard = self._ask(observed, client, host, [port]) if client.running else Heard()
        machine = listening_on_this_machine() if observed.engine.reaches_containers else None
        route = OutsideRoute(stack=self.stack, client=client, host=host, heard=heard, machine=machine)
        return outside_verdict(route, port)

    def _ask(self, observed: Observed, client: End, host: str, ports: Sequence[int]) -> Heard:
        """What the client hears. An image that has no means to ask is asked for by a container beside it, from an image that is here."""
        assert client.container is not None
        heard = inside.ask(self.engine, client.container.id, host, ports)
        image = image_with_shell(observed.images)
        if heard.answers or not ports or image is None:
            return heard
        argv = inside.argv(host, ports)
        options = RunOptions(
            entrypoint=argv[:1],
            command=argv[1:],
            environment={"PROGRAM": inside.PROGRAM},
            user="0",
            dependencies=False,
        )
        place = Beside(image=image, target=DebugTarget(container=self.engine.inspect(client.container.id)))
        beside = Debugging(self.stack, self.engine, client.name, options, place=place)
        images = ImageOptions(no_build=True, pull=PullPolicy.never)
        try:
            succeed(beside.prepare(Selection(), UpOptions(), images))
            return inside.heard(beside.collect(), host)
        except StackError:
            return heard
        finally:
            beside.discard()

    def _container(self, mine: Iterable[ObservedContainer], service: str) -> ObservedContainer | None:
        """The container of a service that is looked at: the lowest replica that runs, else the lowest."""
        found = containers_of(mine, self.name, [service], self.stack.everything)
        return next((each for each in found if each.state == "running"), found[0] if found else None)

    def _service(self, mine: Iterable[ObservedContainer], name: str) -> str | None:
        """The service that has a name; None for a host outside of the stack. Raises UsageError if it looks like a service's name."""
        if name in self.stack.everything:
            return name
        owners = {host: member.name for host, member in Subject(self.stack).owners.items()}
        for container in mine:
            owners[container.name] = container.service
        if found := owners.get(name.lower()):
            return found
        if (
            "." in name
            or ":" in name
            or any(name in each.extra_hosts for each in self.stack.everything.values())
        ):
            return None
        containers_of(mine, self.name, [name], self.stack.everything)  # raises
        return None


def _owners(observed: Observed) -> Mapping[str, ObservedContainer]:
    return {
        place.address: container
        for container in observed.containers
        for place in container.networks
        if place.address
    }
