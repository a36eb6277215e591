"""A service of a running stack, as a test sees it from this machine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from stackctl import api
from stackctl.engine.protocol import Exec, LogLine
from stackctl.errors import EngineError, UsageError
from stackctl.planner.reach import places as addresses
from stackctl.planner.reach.outside import service_env
from stackctl.planner.world.observed import Container
from stackctl.spec.model import Service
from stackctl.testing.stack import publish_host

if TYPE_CHECKING:
    from stackctl.testing.data.postgres import Database
    from stackctl.testing.data.redis import Keyspace
    from stackctl.testing.stack import Running


@dataclass(frozen=True)
class Output:
    """What a command came to. Bytes that are no UTF-8 are replaced."""

    exit_code: int
    stdout: str
    stderr: str


@dataclass(frozen=True)
class RunningService:
    """A service of a running stack. It is looked at anew with each call: what a test did to it does not matter."""

    name: str
    app: Running = field(repr=False)

    @property
    def spec(self) -> Service:
        """What the stack says of it."""
        return self.app.stack.everything[self.name]

    @property
    def container(self) -> Container:
        """Its container as it is now, running or not. Raises UsageError if it has none."""
        found = api.containers(self.app.engine, self.app.project, [self.name], self.app.stack.everything)
        if not found:
            raise UsageError(f"{self.name} has no container", "it was not started, or somebody removed it")
        return found[0]

    @property
    def health(self) -> str:
        """What the engine's own check says: starting, healthy or unhealthy; "" without one."""
        return self.container.health

    # Where it is

    @property
    def host(self) -> str:
        """Where its ports can be reached from here."""
        return self._reach(None)[0]

    def port(self, target: int | None = None) -> int:
        """The port to connect to for a port of the container; without one, for the server's, or its first published port.

        It stays the same when the container is started anew. Raises EngineError for a port that is not published.
        """
        return self._reach(target)[1]

    @property
    def address(self) -> tuple[str, int]:
        """Host and port, as sockets take them."""
        return self._reach(None)

    def url(self, path: str = "", *, target: int | None = None, scheme: str | None = None) -> str:
        """The address of a path, `app["api"].url("/health")`, or of a known server with its login, `app["db"].url()`.

        `scheme="postgresql+psycopg"` is a variant of the server's own. Raises EngineError as `port` does.
        """
        return addresses.url(self.name, self.spec, self._place(target), path, target=target, scheme=scheme)

    def env(self) -> dict[str, str]:
        """The variables its container gets, with the addresses that hold on this machine in place of service names."""
        return service_env(self.name, self.app.stack, self.app.places())

    # What it does

    def exec(
        self,
        *argv: str,
        stdin: str | bytes | None = None,
        timeout: float | None = None,
        check: bool = False,
        env: Mapping[str, str | None] | None = None,
        user: str | None = None,
        workdir: str | None = None,
    ) -> Output:
        """Run a command in it and collect what it says.

        `stdin` is its whole input. Raises ExecTimeoutError after `timeout` seconds; with `check` EngineError, with all that it
        said on stderr, if it does not end with 0.
        """
        command = Exec(
            container=self.app.container_name(self.name),
            argv=argv,
            environment=env,
            user=user,
            working_dir=workdir,
        )
        data = stdin.encode() if isinstance(stdin, str) else stdin
        done = self.app.engine.exec(command, timeout=timeout, stdin=data)
        output = Output(
            done.exit_code, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")
        )
        if check and output.exit_code:
            said = output.stderr.strip() or output.stdout.strip()
            separator = ":\n" if "\n" in said else ": " if said else ""
            raise EngineError(f"{self.name}: {command.title} ended with {output.exit_code}{separator}{said}")
        return output

    def logs(
        self, *, since: float | datetime | str | None = None, tail: int | None = None
    ) -> Iterator[LogLine]:
        """What it wrote so far; the arguments are those of `Running.logs`."""
        return self.app.logs(self.name, since=since, tail=tail)

    def wait_ready(self, timeout: float | None = None) -> None:
        """Return once it is ready. Raises WaitError, WaitTimeoutError after `timeout` seconds (those of the stack)."""
        from stackctl.testing.faults import wait_ready

        wait_ready(self, timeout)

    def copy_in(self, source: str | Path | bytes, target: str) -> None:
        """Put a file, the contents of a directory, or bytes at a path of the container, owned by root."""
        from stackctl.testing.copy import copy_in

        copy_in(self, source, target)

    def copy_out(self, source: str, target: str | Path) -> Path:
        """Put a file, or the contents of a directory of the container, at a path here, and return that."""
        from stackctl.testing.copy import copy_out

        return copy_out(self, source, Path(target))

    # What may happen to it: each for the length of a `with` block, after which it is ready again

    def paused(self) -> AbstractContextManager[None]:
        """Its processes stand still: connections stay open, and nothing answers."""
        from stackctl.testing import faults

        return faults.paused(self)

    def stopped(self, grace: int = 10) -> AbstractContextManager[None]:
        """It was asked to stop, and killed after `grace` seconds: connections are refused."""
        from stackctl.testing import faults

        return faults.stopped(self, grace)

    def killed(self, signal: str = "SIGKILL") -> AbstractContextManager[None]:
        """It was killed, without time to tidy up."""
        from stackctl.testing import faults

        return faults.killed(self, signal)

    def restarted(self, grace: int = 10) -> AbstractContextManager[None]:
        """It was stopped and started: the block begins while it comes up."""
        from stackctl.testing import faults

        return faults.restarted(self, grace)

    def disconnected(self, network: str | None = None) -> AbstractContextManager[None]:
        """It is cut off from a network of the stack, or from all of its networks."""
        from stackctl.testing import faults

        return faults.disconnected(self, network)

    # Its data

    def snapshot(self, name: str) -> None:
        """Remember its data under a name, in place of what had that name.

        Of Postgres the database becomes a template, and whoever is connected is cut off; of any other service the volumes are
        copied while it is stopped.
        """
        from stackctl.testing.data.data import store

        store(self).snapshot(name)

    def restore(self, name: str) -> None:
        """Make its data what they were when the snapshot was taken. Whoever is connected is cut off.

        Raises UsageError if there is no such snapshot; then nothing was changed.
        """
        from stackctl.testing.data.data import store

        store(self).restore(name)

    def reset(self) -> None:
        """The last snapshot again; a Redis without one is emptied. Raises UsageError if there is nothing to go back to."""
        from stackctl.testing.data.data import store

        store(self).reset()

    def clone(self, name: str) -> AbstractContextManager[Database]:
        """A database of one's own, made from a snapshot of Postgres, and dropped at the end of the block."""
        from stackctl.testing.data.data import postgres

        return postgres(self).clone(name)

    def flush(self) -> None:
        """Empty a Redis, all of its databases."""
        from stackctl.testing.data.data import redis

        redis(self).flush()

    def database(self) -> AbstractContextManager[Keyspace]:
        """One of the numbered databases of a Redis, empty and nobody else's until the end of the block."""
        from stackctl.testing.data.data import redis

        return redis(self).database()

    def _reach(self, target: int | None) -> tuple[str, int]:
        return addresses.reach(self.name, self.spec, self._place(target), target)

    def _place(self, target: int | None) -> addresses.Place:
        """Where it can be reached: as its ports were chosen, so that no engine need be asked; else as it runs.

        The container's own address is meant where the server's port is not published, and never for any other port: `host`
        holds for all ports that `port` gives.
        """
        chosen = addresses.Place(self._chosen_ports())
        port = addresses.default_port(self.spec, chosen) if target is None else target
        if port in chosen.published:
            return chosen
        place = self.app.places().get(self.name, chosen)
        if target in (None, addresses.default_port(self.spec, place)):
            return place
        return replace(place, address="")

    def _chosen_ports(self) -> Mapping[int, tuple[str, int]]:
        """The host ports that were chosen when the stack was started, all on this machine."""
        if self.app.run is None or publish_host():
            return {}
        return {
            port.target.first: ("127.0.0.1", port.published.first)
            for port in self.spec.ports
            if port.published and port.protocol == "tcp"
        }
