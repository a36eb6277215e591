"""Data of Postgres. A snapshot is a template database; the server copies it in a few hundredths of a second.

The copy for the next test is made while a test runs. One session of the server does everything, one statement after the other.
"""

from __future__ import annotations

import secrets
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
from stackctl.testing.data.psql import Psql
from stackctl.testing.data.psql import name as quoted
from stackctl.testing.data.psql import text as literal
from stackctl.testing.data.spares import Spares, drop
from stackctl.testing.given_names import checked, no_such_snapshot, nothing_to_go_back_to
from stackctl.testing.live_stack import LiveService

_HOME = "postgres"
"""The database to which `psql` connects: every server has it. `psql` can copy its own database, but neither drop nor rename it."""
_SNAPSHOT = "snapshot_"
_REPLACED = "replaced"
_RANDOM = 4
_SNAPSHOTS = rf"FROM pg_database WHERE datname LIKE '{_SNAPSHOT[:-1]}\_%'"
_STEM = f"substr(datname, {len(_SNAPSHOT) + 1})"
"""The name of a snapshot, from that of its database."""


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


class Server:
    """A running Postgres: its session, and the copies that it has made ahead."""

    def __init__(self, service: LiveService) -> None:
        login, app = _login(service), service.app
        command = Exec(
            container=service.container_name,
            argv=("psql", "-qAtX", "-p", str(login.port), "-U", login.user, "-d", _HOME),
            environment={"PGPASSWORD": login.password.reveal()} if login.password else None,
        )
        self.psql = Psql(service.name, Console(app.engine, command, "SELECT '{}';"))
        self.spares = Spares(self.psql, self._spare)
        self._run = f"_{app.run.id}" if app.run else ""

    def new_name(self, stem: str) -> str:
        """A name for a database that this run makes and drops. `leftovers` finds it after the run."""
        return f"{stem}{self._run}_{secrets.token_hex(_RANDOM)}"

    def leftovers(self) -> list[str]:
        """The databases that were not dropped by earlier runs, which were killed."""
        if not self._run:
            return []
        return self.psql.run(
            rf"""SELECT datname FROM pg_database WHERE datname ~ '_[0-9a-f]{{8}}_[0-9a-f]{{8}}$'
                AND left(datname, -18) IN (SELECT '{_REPLACED}' UNION SELECT {_STEM} {_SNAPSHOTS})
                AND right(datname, 18) NOT LIKE '{self._run}\_%'""",
            again=True,
        )

    def copy(self, source: str, target: str) -> Sequence[str]:
        """Copy a database that nobody uses, with its owner, rights and settings, which CREATE DATABASE does not copy (its manual
        page). Owner and rights are written only if they differ.
        """
        pair = f"s.datname = {literal(source)} AND t.datname = {literal(target)}"
        strategy = " STRATEGY file_copy" if self.psql.copies_files else ""
        return (
            f"CREATE DATABASE {quoted(target)} TEMPLATE {quoted(source)}{strategy}",
            "SET allow_system_table_mods = on",
            f"""UPDATE pg_database t SET datacl = s.datacl, datdba = s.datdba FROM pg_database s
                WHERE {pair} AND (t.datacl, t.datdba) IS DISTINCT FROM (s.datacl, s.datdba)""",
            f"""INSERT INTO pg_db_role_setting SELECT t.oid, r.setrole, r.setconfig
                FROM pg_db_role_setting r JOIN pg_database s ON r.setdatabase = s.oid, pg_database t WHERE {pair}""",
        )

    def close(self) -> None:
        self.spares.close()
        self.psql.console.close()

    def _spare(self, source: str) -> tuple[str, Sequence[str]]:
        target = self.new_name(source.removeprefix(_SNAPSHOT))
        return target, (_id_of(source), *self.copy(source, target))


class Postgres:
    """The store of a service that runs Postgres 13 or newer."""

    def __init__(self, service: LiveService) -> None:
        self._service = service
        self._login = _login(service)
        self._server = service.app.consoles.get(service.container_name, Server, lambda: Server(service))
        self._psql, self._spares = self._server.psql, self._server.spares

    def snapshot(self, name: str) -> None:
        """Make a template of the service's database. Its clients are cut off, because Postgres copies only a database that nobody uses."""
        source, target = self._main, _SNAPSHOT + checked(name)
        left = self._server.leftovers() if self._service.app.reused else []
        self._psql.run(
            *_let_in(target, allow=True, template=False),
            *map(drop, [target, *left]),
            again=True,
        )
        self._psql.run(
            *_alone(source),
            *self._server.copy(source, target),
            *_let_in(target, allow=False, template=True),
            *_let_in(source, allow=True, template=False),
        )

    def restore(self, name: str) -> None:
        self._restore(_SNAPSHOT + checked(name))

    def reset(self) -> None:
        found = self._psql.run(f"SELECT datname {_SNAPSHOTS} ORDER BY oid DESC LIMIT 1", again=True)
        if not found:
            raise nothing_to_go_back_to(self._service.name)
        self._restore(found[0])

    @contextmanager
    def clone(self, name: str) -> Iterator[Database]:
        """A database made from a snapshot, dropped at the end of the block."""
        source = _SNAPSHOT + checked(name)
        target, made = self._take(source)
        if not made:
            self._psql.run(drop(target), *self._server.copy(source, target), again=True)
        with Cleanup() as cleanup:
            cleanup.callback(self._psql.run, drop(target), again=True)
            self._spares.prepare(source)
            yield Database(target, self._service)

    def _restore(self, source: str) -> None:
        """Replace the service's database by a copy of `source`.

        The old database is renamed, and dropped while the test goes on. If the copy fails, it gets its name back.
        """
        main, aside = self._main, self._server.new_name(_REPLACED)
        spare, made = self._take(source)
        exchange = (
            *_alone(main),
            _rename(main, aside),
            *([_rename(spare, main)] if made else self._server.copy(source, main)),
        )
        if main == _HOME:
            exchange = ("\\connect template1", *exchange, f"\\connect {_HOME}")
        try:
            self._psql.run(*exchange)
        except EngineError:
            with suppress(EngineError):  # all statements are tried; some fail if nothing was renamed
                self._psql.run(
                    _rename(aside, main), *_let_in(main, allow=True, template=False), drop(spare), again=True
                )
            raise
        self._psql.begin(drop(aside))
        self._spares.prepare(source)

    def _take(self, source: str) -> tuple[str, bool]:
        """The name for a copy of a snapshot as it is now, and whether the copy was made ahead.

        Raises UsageError if there is no such snapshot.
        """
        spare = self._spares.take(source)
        there = self._psql.run(_id_of(source), again=True)
        if spare and spare.original in there:
            return spare.database, True
        if spare:
            self._psql.begin(drop(spare.database))
        if not there:
            kept = self._psql.run(f"SELECT {_STEM} {_SNAPSHOTS} ORDER BY oid DESC", again=True)
            raise no_such_snapshot(self._service.name, source.removeprefix(_SNAPSHOT), kept)
        return self._server.new_name(source.removeprefix(_SNAPSHOT)), False

    @property
    def _main(self) -> str:
        return self._login.database or self._login.user


def _login(service: LiveService) -> Connection:
    known = connection(service.spec)
    assert known is not None  # `stores.store` has checked this
    return known


def _alone(database: str) -> Sequence[str]:
    """Cut off all clients of a database. None can connect again before `_let_in`, however fast a pool of connections tries.

    The loop waits until they are gone. CREATE and DROP DATABASE would look only every tenth of a second.
    """
    others = f"FROM pg_stat_activity WHERE datname = {literal(database)} AND pid <> pg_backend_pid()"
    return (
        *_let_in(database, allow=False, template=False),
        f"""DO $$ BEGIN PERFORM pg_terminate_backend(pid) {others};
            FOR i IN 1..1000 LOOP EXIT WHEN NOT EXISTS (SELECT {others});
            PERFORM pg_sleep(0.002), pg_stat_clear_snapshot(); END LOOP; END $$""",
    )


def _let_in(database: str, *, allow: bool, template: bool) -> Sequence[str]:
    return (
        f"UPDATE pg_database SET datallowconn = {allow}, datistemplate = {template} WHERE datname = {literal(database)}",
    )


def _id_of(database: str) -> str:
    return f"SELECT oid FROM pg_database WHERE datname = {literal(database)}"


def _rename(database: str, to: str) -> str:
    return f"ALTER DATABASE {quoted(database)} RENAME TO {quoted(to)}"
