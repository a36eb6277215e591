"""Find out whether one service reaches another: collect the facts, and let `planner.reach.route` judge them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from msgspec.structs import replace

from stackctl.comparing import Comparing
from stackctl.engine import inside
from stackctl.engine.proc import listening_on_this_machine
from stackctl.engine.protocol import Engine
from stackctl.errors import UsageError
from stackctl.planner.reach.ends import End, Heard, ports_asked
from stackctl.planner.reach.route import OutsideRoute, Route, Verdict, outside_verdict, verdict
from stackctl.planner.world.containers import containers_of, of_project
from stackctl.planner.world.observed import Observed, ObservedContainer
from stackctl.spec.lint.subject import Subject


class Reaching(Comparing):
    """A stack on an engine, in which one service asks another."""

    engine: Engine

    def reach(self, client: str, target: str, port: int | None = None) -> tuple[Verdict, ...]:
        """Whether the service `client` reaches `target`: a service, one of its other names, or a host outside of the stack.

        Without a port there is a verdict for each port that the client names, or for the one that the service is known for.
        Raises UsageError for an unknown name, and for a host without a port.
        """
        observed = self.engine.observe()
        mine = of_project(observed.containers, self.name)
        asking = self._container(mine, client)
        server = self._service(mine, target)
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
            route = replace(route, host=host, heard=self._ask(route.client, host, numbers))
        return tuple(verdict(route, each) for each in ports or (None,))

    def _outside(self, observed: Observed, client: End, host: str, port: int) -> Verdict:
        heard = self._ask(client, host, [port]) if client.running else Heard()
        machine = listening_on_this_machine() if observed.engine.reaches_containers else None
        route = OutsideRoute(stack=self.stack, client=client, host=host, heard=heard, machine=machine)
        return outside_verdict(route, port)

    def _ask(self, client: End, host: str, ports: Sequence[int]) -> Heard:
        assert client.container is not None
        return inside.ask(self.engine, client.container.id, host, ports)

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
