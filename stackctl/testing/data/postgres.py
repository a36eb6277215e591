"""Data of Postgres. A snapshot is a template database; the server copies it in a few hundredths of a second.

One `psql` keeps running in the container and does everything. So this machine needs no driver, no published port and no password.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from urllib.parse import quote

from stackctl.engine.protocol import Exec
from stackctl.errors import EngineError
from stackctl.spec.known import Connection
from stackctl.spec.server import connection
from stackctl.testing.cleanup import Cleanup
from stackctl.testing.data.console import Console
from stackctl.testing.given_names import checked, no_such_snapshot, nothing_to_go_back_to
from stackctl.testing.live_stack import LiveService

_HOME = "postgres"
"""The database to which `psql` connects: every server has it. `psql` can copy its own database, but neither drop nor rename it."""
_PATIENCE = 60.0
"""Seconds that one statement may take."""
_SNAPSHOT = "snapshot_"
_RANDOM = 4
_LAST = f"SELECT datname FROM pg_database WHERE datname LIKE '{_SNAPSHOT[:-1]}\\_%' ORDER BY oid DESC LIMIT 1"


@dataclass(frozen=True)
class Database:
    """A database of a running Postgres."""

    name: str
    service: LiveService

    @property
    def url(self) -> str:
        """The database's address from this machine, with the login."""
        return self.service.url(f"/{quote(self.name, safe='')}")

    @property
    def inner_url(self) -> str:
        """The database's address for a container of the same stack, with the login."""
        known = _login(self.service)
        return Connection(known.scheme, known.port, known.user, known.password, self.name, known.query).url(
            self.service.name
        )


class Postgres:
    """The store of a service that runs Postgres 11 or newer."""

    def __init__(self, service: LiveService) -> None:
        self._service = service
        self._login = _login(service)

    def snapshot(self, name: str) -> None:
        """Make a template of the service's database. Its clients are cut off, because Postgres copies only a database that nobody uses."""
        source, target = self._main, _SNAPSHOT + checked(name)
        self._run(
            *_let_in(target, allow=True, template=False),
            f"DROP DATABASE IF EXISTS {_name(target)} WITH (FORCE)",
        )
        self._run(
            *_alone(source),
            *_copy(source, target),
            *_let_in(target, allow=False, template=True),
            *_let_in(source, allow=True, template=False),
        )

    def restore(self, name: str) -> None:
        self._restore(self._there(name))

    def reset(self) -> None:
        found = self._run(_LAST)
        if not found:
            raise nothing_to_go_back_to(self._service.name)
        self._restore(found[0])

    @contextmanager
    def clone(self, name: str) -> Iterator[Database]:
        """A database made from a snapshot, dropped at the end of the block."""
        source = self._there(name)
        target = f"{name}_{secrets.token_hex(_RANDOM)}"
        self._run(*_copy(source, target))
        with Cleanup() as cleanup:
            cleanup.callback(self._run, f"DROP DATABASE IF EXISTS {_name(target)} WITH (FORCE)")
            yield Database(target, self._service)

    def _restore(self, source: str) -> None:
        """Replace the service's database by a copy of `source`.

        The old database is renamed, and dropped while the test goes on. If the copy fails, it gets its name back.
        """
        main, aside = self._main, f"replaced_{secrets.token_hex(_RANDOM)}"
        exchange = (
            *_alone(main),
            f"ALTER DATABASE {_name(main)} RENAME TO {_name(aside)}",
            *_copy(source, main),
        )
        if main == _HOME:
            exchange = ("\\connect template1", *exchange, f"\\connect {_HOME}")
        try:
            self._run(*exchange)
        except EngineError:
            with suppress(EngineError):  # all statements are tried; some fail if nothing was renamed
                self._run(
                    f"ALTER DATABASE {_name(aside)} RENAME TO {_name(main)}",
                    *_let_in(main, allow=True, template=False),
                )
            raise
        threading.Thread(target=self._drop, args=(aside,), daemon=True).start()

    def _drop(self, database: str) -> None:
        """Drop a database. A failure does not matter: the whole server goes with the stack."""
        with suppress(EngineError):
            self._run(f"DROP DATABASE IF EXISTS {_name(database)} WITH (FORCE)")

    @property
    def _main(self) -> str:
        return self._login.database or self._login.user

    def _there(self, name: str) -> str:
        """The template of a snapshot. Raises UsageError if there is none."""
        database = _SNAPSHOT + checked(name)
        if not self._run(f"SELECT 1 FROM pg_database WHERE datname = {_text(database)}"):
            kept = self._run(
                f"SELECT substr(datname, {len(_SNAPSHOT) + 1}) FROM ({_LAST.rpartition(' LIMIT')[0]}) s"
            )
            raise no_such_snapshot(self._service.name, name, kept)
        return database

    def _run(self, *statements: str) -> list[str]:
        """Run the statements and return their rows. One that fails does not stop the others. Raises EngineError for the first failure."""
        done = f"done-{secrets.token_hex(_RANDOM)}"
        script = "".join(
            f"{each};\n\\echo {done} :ERROR :LAST_ERROR_MESSAGE\n" if each[0] != "\\" else f"{each}\n"
            for each in statements
        )
        rows = []
        for line in self._console.ask(script, _PATIENCE).splitlines():
            if not line.startswith(f"{done} "):
                rows.append(line)
            elif line.startswith(f"{done} true"):
                raise EngineError(f"{self._service.name}: {line.removeprefix(f'{done} true ')}")
        return rows

    @property
    def _console(self) -> Console:
        service, login = self._service, self._login
        command = Exec(
            container=service.container_name,
            argv=("psql", "-qAtX", "-p", str(login.port), "-U", login.user, "-d", _HOME),
            environment={"PGPASSWORD": login.password.reveal()} if login.password else None,
        )
        return service.app.consoles.get(
            service.name, lambda: Console(service.app.engine, command, "SELECT '{}';")
        )


def _login(service: LiveService) -> Connection:
    known = connection(service.spec)
    assert known is not None  # `stores.store` has checked this
    return known


def _copy(source: str, target: str) -> Sequence[str]:
    """Copy a database that nobody uses, with its owner, rights and settings, which CREATE DATABASE does not copy (its manual page).

    Owner and rights are written only if they differ.
    """
    pair = f"s.datname = {_text(source)} AND t.datname = {_text(target)}"
    return (
        f"CREATE DATABASE {_name(target)} TEMPLATE {_name(source)}",
        "SET allow_system_table_mods = on",
        f"""UPDATE pg_database t SET datacl = s.datacl, datdba = s.datdba FROM pg_database s
            WHERE {pair} AND (t.datacl, t.datdba) IS DISTINCT FROM (s.datacl, s.datdba)""",
        f"""INSERT INTO pg_db_role_setting SELECT t.oid, r.setrole, r.setconfig
            FROM pg_db_role_setting r JOIN pg_database s ON r.setdatabase = s.oid, pg_database t WHERE {pair}""",
    )


def _alone(database: str) -> Sequence[str]:
    """Cut off all clients of a database. None can connect again before `_let_in`, however fast a pool of connections tries.

    The loop waits until they are gone. CREATE and DROP DATABASE would look only every tenth of a second.
    """
    others = f"FROM pg_stat_activity WHERE datname = {_text(database)} AND pid <> pg_backend_pid()"
    return (
        *_let_in(database, allow=False, template=False),
        f"""DO $$ BEGIN PERFORM pg_terminate_backend(pid) {others};
            FOR i IN 1..1000 LOOP EXIT WHEN NOT EXISTS (SELECT {others});
            PERFORM pg_sleep(0.002), pg_stat_clear_snapshot(); END LOOP; END $$""",
    )


def _let_in(database: str, *, allow: bool, template: bool) -> Sequence[str]:
    return (
        f"UPDATE pg_database SET datallowconn = {allow}, datistemplate = {template} WHERE datname = {_text(database)}",
    )


def _name(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
