"""A running stack and its services, as a test sees them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from stackctl.engine.protocol import Exec, LogLine
from stackctl.errors import EngineError
from stackctl.real import real_files
from stackctl.testing import copy, faults
from stackctl.testing.data import stores
from stackctl.testing.data.postgres import Database
from stackctl.testing.data.redis import Keyspace
from stackctl.testing.given_names import NoSuchServiceError
from stackctl.testing.live_stack import LiveService, LiveStack


@dataclass(frozen=True)
class Output:
    """The exit code and the output of a command. Bytes that are not UTF-8 are replaced."""

    exit_code: int
    stdout: str
    stderr: str


@dataclass(frozen=True)
class RunningService(LiveService):
    """A service of a running stack, and everything that a test can do with it."""

    app: Running = field(repr=False)

    @property
    def replicas(self) -> tuple[RunningService, ...]:
        """The service's containers that are there, the lowest number first. Each is like a service with one container."""
        found = self.app.on_engine.containers([self.name])
        numbers = dict.fromkeys(container.number for container in found if container.kind != "run")
        return tuple(replace(self, number=number) for number in numbers)

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
        """Run a command in the service's container and collect its output. No shell runs it.

        `stdin` is the command's whole input. After `timeout` seconds the command is ended, and ExecTimeoutError is raised. With
        `check`, raises EngineError with all of stderr if the exit code is not 0.
        """
        command = Exec(
            container=self.container_name,
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
        """The lines that the service has written so far; of one of its `replicas`, its own lines. The arguments are those of
        `Running.logs`.
        """
        which = self.name if self.number is None else self.container_name
        return self.app.logs(which, since=since, tail=tail)

    def wait_ready(self, timeout: float | None = None) -> None:
        """Return once the service is ready. Raises WaitError if it can never be ready, WaitTimeoutError after `timeout` seconds
        (default: the timeout of the stack).
        """
        faults.wait_ready(self, timeout)

    def copy_in(self, source: str | Path | bytes, target: str) -> None:
        """Copy a file, the contents of a directory, or bytes to a path of the container. root owns the files.

        Raises UsageError for a source that does not exist or a path that is not absolute, EngineError.
        """
        copy.copy_in(self.app.engine, self.container_name, source, target)

    def copy_out(self, source: str, target: str | Path) -> Path:
        """Copy a file, or the contents of a directory, from the container to the path `target` here. Return that path.

        Raises EngineError if the container does not have it.
        """
        return copy.copy_out(self.app.engine, self.container_name, source, Path(target))

    # Faults. Each lasts for a `with` block; after the block the service is ready again.

    def paused(self) -> AbstractContextManager[None]:
        """Stop the service's processes where they are: connections stay open, but nothing answers."""
        return faults.during(self, faults.pause())

    def stopped(self, grace: int = 10) -> AbstractContextManager[None]:
        """Stop the service; kill it after `grace` seconds. Connections are refused."""
        return faults.during(self, faults.stop(grace))

    def killed(self, signal: str = "SIGKILL") -> AbstractContextManager[None]:
        """Kill the service with a signal. It has no time to clean up."""
        return faults.during(self, faults.kill(signal))

    def restarted(self, grace: int = 10) -> AbstractContextManager[None]:
        """Stop the service (kill it after `grace` seconds) and start it. The block begins while the service starts."""
        return faults.during(self, faults.restart(grace))

    def disconnected(self, network: str | None = None) -> AbstractContextManager[None]:
        """Cut the service off from a network of the stack, or from all of its networks."""
        return faults.during(self, faults.disconnect(self.app.stack, network))

    # Data

    def snapshot(self, name: str) -> None:
        """Save the service's data under a name. A snapshot that has the name already is replaced.

        For Postgres, the database is copied to a template; all clients are cut off. For any other service, the volumes are copied
        while the service is stopped. Raises UsageError for a service without volumes, EngineError.
        """
        with real_files():
            stores.store(self).snapshot(name)

    def restore(self, name: str) -> None:
        """Put back the data of a snapshot. All clients are cut off.

        Raises UsageError if there is no such snapshot; then nothing has changed.
        """
        with real_files():
            stores.store(self).restore(name)

    def reset(self) -> None:
        """Put back the last snapshot. A Redis without a snapshot is emptied; for any other service, UsageError is raised then."""
        with real_files():
            stores.store(self).reset()

    def clone(self, name: str) -> AbstractContextManager[Database]:
        """A new Postgres database, copied from a snapshot. It is dropped at the end of the block. Raises UsageError if there is no
        such snapshot, or if the service does not run Postgres.
        """
        return stores.postgres(self).clone(name)

    def flush(self) -> None:
        """Remove all keys of all databases of a Redis. Raises UsageError if the service does not run Redis."""
        stores.redis(self).flush()

    def database(self) -> AbstractContextManager[Keyspace]:
        """One of the numbered databases of a Redis. It is empty, and no other test gets it until the end of the block. Raises
        UsageError if the service does not run Redis.
        """
        return stores.redis(self).database()


@dataclass(frozen=True, kw_only=True)
class Running(LiveStack, Mapping[str, RunningService]):
    """A running stack: a mapping of its services by name, `app["api"]`. Safe to share between threads."""

    def __repr__(self) -> str:
        return f"<stack {self.project}: {', '.join(self)}>"

    def __getitem__(self, service: str) -> RunningService:
        """Raises NoSuchServiceError, which is a KeyError."""
        if service not in self.stack.everything:
            raise NoSuchServiceError(service, self.stack.everything)
        return RunningService(service, self)

    def __iter__(self) -> Iterator[str]:
        return iter(self.stack.everything)

    def __len__(self) -> int:
        return len(self.stack.everything)

    def __hash__(self) -> int:
        return hash(self.project)
