"""A stack that runs and its services, as a test sees them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from stackctl.engine.protocol import Exec, LogLine
from stackctl.errors import EngineError
from stackctl.testing import copy, faults
from stackctl.testing.data import stores
from stackctl.testing.data.postgres import Database
from stackctl.testing.data.redis import Keyspace
from stackctl.testing.given_names import NoSuchServiceError
from stackctl.testing.live_stack import LiveService, LiveStack


@dataclass(frozen=True)
class Output:
    """What a command came to. Bytes that are no UTF-8 are replaced."""

    exit_code: int
    stdout: str
    stderr: str


@dataclass(frozen=True)
class RunningService(LiveService):
    """A service of a running stack, and what a test does with it."""

    app: Running = field(repr=False)

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
        """What it wrote so far; the arguments are those of `Running.logs`."""
        return self.app.logs(self.name, since=since, tail=tail)

    def wait_ready(self, timeout: float | None = None) -> None:
        """Return once it is ready. Raises WaitError, WaitTimeoutError after `timeout` seconds (those of the stack)."""
        faults.wait_ready(self, timeout)

    def copy_in(self, source: str | Path | bytes, target: str) -> None:
        """Put a file, the contents of a directory, or bytes at a path of the container, owned by root."""
        copy.copy_in(self.app.engine, self.container_name, source, target)

    def copy_out(self, source: str, target: str | Path) -> Path:
        """Put a file, or the contents of a directory of the container, at a path here, and return that."""
        return copy.copy_out(self.app.engine, self.container_name, source, Path(target))

    # What may happen to it: each for the length of a `with` block, after which it is ready again

    def paused(self) -> AbstractContextManager[None]:
        """Its processes stand still: connections stay open, and nothing answers."""
        return faults.during(self, faults.pause())

    def stopped(self, grace: int = 10) -> AbstractContextManager[None]:
        """It was asked to stop, and killed after `grace` seconds: connections are refused."""
        return faults.during(self, faults.stop(grace))

    def killed(self, signal: str = "SIGKILL") -> AbstractContextManager[None]:
        """It was killed, without time to tidy up."""
        return faults.during(self, faults.kill(signal))

    def restarted(self, grace: int = 10) -> AbstractContextManager[None]:
        """It was stopped and started: the block begins while it comes up."""
        return faults.during(self, faults.restart(grace))

    def disconnected(self, network: str | None = None) -> AbstractContextManager[None]:
        """It is cut off from a network of the stack, or from all of its networks."""
        return faults.during(self, faults.disconnect(self.app.stack, network))

    # Its data

    def snapshot(self, name: str) -> None:
        """Remember its data under a name, in place of what had that name.

        Of Postgres the database becomes a template, and whoever is connected is cut off; of any other service the volumes are
        copied while it is stopped.
        """
        stores.store(self).snapshot(name)

    def restore(self, name: str) -> None:
        """Make its data what they were when the snapshot was taken. Whoever is connected is cut off.

        Raises UsageError if there is no such snapshot; then nothing was changed.
        """
        stores.store(self).restore(name)

    def reset(self) -> None:
        """The last snapshot again; a Redis without one is emptied. Raises UsageError if there is nothing to go back to."""
        stores.store(self).reset()

    def clone(self, name: str) -> AbstractContextManager[Database]:
        """A database of one's own, made from a snapshot of Postgres, and dropped at the end of the block."""
        return stores.postgres(self).clone(name)

    def flush(self) -> None:
        """Empty a Redis, all of its databases."""
        stores.redis(self).flush()

    def database(self) -> AbstractContextManager[Keyspace]:
        """One of the numbered databases of a Redis, empty and nobody else's until the end of the block."""
        return stores.redis(self).database()


@dataclass(frozen=True, kw_only=True)
class Running(LiveStack, Mapping[str, RunningService]):
    """A stack that runs, by the names of its services: `app["api"]`. Safe to share between threads."""

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
