"""Data of Redis and Valkey: remove all keys, or give a test one of the numbered databases.

One `redis-cli` keeps running in the container and does everything.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from stackctl.engine.lock import held_if_free
from stackctl.engine.protocol import Exec
from stackctl.errors import EngineError, UsageError
from stackctl.real import real_files
from stackctl.spec.server import connection, server
from stackctl.testing.cleanup import Cleanup
from stackctl.testing.data.console import Console
from stackctl.testing.data.volumes import Volumes
from stackctl.testing.live_stack import LiveService

_PATIENCE = 30.0
"""Seconds that one command may take."""
_IMPATIENCE = 2.0
"""Seconds that an answer may take that nobody needs."""
_FLUSHES = r"cmdstat_(flushall|flushdb):calls=(\d+)"
_FIRST = 1
"""A client that names no database uses database 0."""


@dataclass(frozen=True)
class Keyspace:
    """A numbered database of a running Redis."""

    number: int
    service: LiveService

    @property
    def url(self) -> str:
        """The database's address from this machine, with the login."""
        return self.service.url(f"/{self.number}")


class Redis:
    """The store of a service that runs Redis: snapshots are those of its volumes."""

    def __init__(self, service: LiveService) -> None:
        self._service = service
        self._volumes = Volumes(service)

    def snapshot(self, name: str) -> None:
        self._volumes.snapshot(name)

    def restore(self, name: str) -> None:
        self._volumes.restore(name)

    def reset(self) -> None:
        """Put back the last snapshot; without a snapshot, remove all keys."""
        if self._volumes.last:
            self._volumes.reset()
        else:
            self.flush()

    def flush(self) -> None:
        self._run("FLUSHALL")

    @contextmanager
    def database(self) -> Iterator[Keyspace]:
        """An empty numbered database, which no other test of the run has meanwhile. At the end it is emptied again."""
        run = self._service.app.run
        if run is None:
            raise UsageError(
                f"the databases of {self._service.name} belong to whoever started it",
                "only in a stack of the test's own can some be given away",
            )
        count = int(self._run("CONFIG GET databases").splitlines()[-1])
        with Cleanup() as cleanup:
            with real_files():
                locks = ((n, run.directory / self._lock(n)) for n in range(_FIRST, count))
                number = next((n for n, lock in locks if cleanup.enter_context(held_if_free(lock))), None)
            if number is None:
                raise UsageError(
                    f"all {count} databases of {self._service.name} are in use",
                    'give it more: command = "redis-server --databases 64"',
                )
            cleanup.callback(self._run, f"SELECT {number}", "FLUSHDB")
            self._run(f"SELECT {number}", "FLUSHDB")
            yield Keyspace(number, self._service)

    def flushes(self) -> Mapping[str, int]:
        """How often all keys were removed since the server started: by FLUSHALL, or by FLUSHDB those of one database.

        FLUSHDB is left out if tests use `database`, which itself calls it. Raises EngineError if the server does not say it soon.
        """
        stats = self._run("INFO commandstats", patience=_IMPATIENCE)
        calls = {name.upper(): int(count) for name, count in re.findall(_FLUSHES, stats)}
        run = self._service.app.run
        if run and any(run.directory.glob(self._lock("[0-9]*"))):
            calls.pop("FLUSHDB", None)
        return calls

    def _lock(self, number: int | str) -> str:
        """The name of the file whose lock the user of a numbered database holds."""
        return f"{self._service.app.project}-{self._service.name}-{number}.lock"

    def _run(self, *commands: str, patience: float = _PATIENCE) -> str:
        """The answer to the commands. Raises EngineError if the server refuses one."""
        answer = self._console.ask("".join(f"{line}\n" for line in commands), patience, again=True)
        refused = next(
            (
                line
                for line in answer.splitlines()
                if line.startswith(("ERR ", "NOAUTH ", "NOPERM ", "WRONG"))
            ),
            "",
        )
        if refused:
            raise EngineError(f"{self._service.name}: {refused}")
        return answer

    @property
    def _console(self) -> Console:
        service = self._service
        known, login = server(service.spec), connection(service.spec)
        assert known is not None  # `stores.store` has checked this
        assert login is not None
        program = "valkey-cli" if known.name == "valkey" else "redis-cli"
        command = Exec(
            container=service.container_name,
            argv=(program, "-h", "127.0.0.1", "-p", str(login.port)),
            environment={"REDISCLI_AUTH": login.password.reveal()} if login.password else None,
        )
        return service.app.consoles.get(
            service.container_name, Console, lambda: Console(service.app.engine, command, "ECHO {}")
        )
