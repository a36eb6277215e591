"""Facts about services and jobs that several rules need."""

from functools import cached_property

from msgspec import Struct

from stackctl.errors import Key
from stackctl.spec.known import Connection, KnownImage
from stackctl.spec.model import Service
from stackctl.spec.server import server

Path = tuple[Key, ...]


class Member(Struct, frozen=True, dict=True):
    """A service or job, with its name and its key path."""

    path: Path
    name: str
    service: Service

    @property
    def command(self) -> tuple[str, ...] | None:
        return self.service.command.argv if self.service.command else None

    @property
    def entrypoint(self) -> tuple[str, ...] | None:
        return self.service.entrypoint.argv if self.service.entrypoint else None

    @cached_property
    def server(self) -> KnownImage | None:
        """The known image whose server the member runs, else None."""
        return server(self.service)

    @cached_property
    def connection(self) -> Connection | None:
        """How clients reach the member's server and log in; None if the server is not known."""
        return self.server.connection(self.service.resolved, self.command) if self.server else None

    @cached_property
    def networks(self) -> frozenset[str]:
        """The networks of the stack that the member joins. With `network_mode` it joins none."""
        return frozenset() if self.service.network_mode else frozenset(self.service.networks or ("default",))

    @property
    def hosts(self) -> frozenset[str]:
        """The names by which other services find the member, in lower case."""
        aliases = (alias for network in self.service.networks.values() for alias in network.aliases)
        return frozenset(
            each.lower() for each in (self.name, self.service.container_name or self.name, *aliases)
        )

    @property
    def profiles(self) -> tuple[str, ...]:
        """The keys under which a table of members holds this one: its profiles, or "" if it needs none; and `*`, which holds
        every member.
        """
        return (*(self.service.profiles or ("",)), "*")

    @property
    def beside(self) -> tuple[str, ...]:
        """The keys of such a table that together hold every member that may run together with this one.

        These are the members that share a profile with this one, and those that need none. If this one needs no profile,
        it may run with every member.
        """
        return (*self.service.profiles, "") if self.service.profiles else ("*",)

    def variable(self, name: str) -> Path:
        """The key path of a variable of the member's environment."""
        return (
            (*self.path, "environment", name)
            if name in self.service.environment
            else (*self.path, "env_file")
        )
