"""Data per test: what a snapshot remembers must come back, what a clone is given must be nobody else's."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from scenario import NOTHING, Project, eventually

import stackctl
from stackctl.testing import Running, RunningService, stack_fixture

pytestmark = pytest.mark.docker

lesson = stack_fixture(services=("postgres", "redis"), scope="module")
"""The lesson's databases, of this file alone."""


@pytest.fixture
def db(lesson: Running) -> RunningService:
    """Postgres with one table of one row, remembered as `one`."""
    db = lesson["postgres"]
    sql(db, "DROP TABLE IF EXISTS t; CREATE TABLE t (n int); INSERT INTO t VALUES (1)")
    db.snapshot("one")
    return db


def sql(db: RunningService, text: str, database: str = "myapp") -> str:
    return db.exec("psql", "-qAtX", "-U", "postgres", "-d", database, "-c", text, check=True).stdout.strip()


def databases(db: RunningService) -> list[str]:
    return sql(db, "SELECT datname FROM pg_database ORDER BY 1").splitlines()


def copies(db: RunningService, of: str = "one") -> set[str]:
    """The copies of a snapshot that are there, also those that are made for the next test."""
    return {name for name in databases(db) if name.startswith(f"{of}_")}


def test_a_clone_must_have_the_data_and_be_ones_own_and_gone_afterwards(db: RunningService) -> None:
    sql(db, "INSERT INTO t VALUES (2)")
    with db.clone("one") as mine, db.clone("one") as other:
        assert sql(db, "SELECT n FROM t", mine.name) == "1"
        sql(db, "INSERT INTO t VALUES (3)", mine.name)
        assert sql(db, "SELECT count(*) FROM t", other.name) == "1"
        assert mine.url == f"postgresql://postgres:secret@127.0.0.1:{db.port()}/{mine.name}"
        assert mine.inner_url == f"postgresql://postgres:secret@postgres:5432/{mine.name}"
        assert sql(db, "SELECT 1", f"{mine.inner_url.replace('@postgres:', '@127.0.0.1:')}") == "1"
    assert not copies(db) & {mine.name, other.name}
    assert sql(db, "SELECT count(*) FROM t") == "2"


def test_the_next_clone_must_be_made_while_the_test_runs_and_of_the_snapshot_as_it_is(
    lesson: Running, db: RunningService
) -> None:
    with db.clone("one"), db.clone("one"):  # whoever wants two will want a third
        eventually(lambda: len(copies(db)) == 3)
        before = copies(db)
    with db.clone("one") as mine:
        assert mine.name in before
        assert sql(db, "SELECT n FROM t", mine.name) == "1"
    sql(db, "INSERT INTO t VALUES (2)")
    db.snapshot("one")
    with db.clone("one") as mine:
        assert mine.name not in before
        assert sql(db, "SELECT count(*) FROM t", mine.name) == "2"
        eventually(lambda: len(copies(db)) == 2)
    db.restore("one")
    assert sql(db, "SELECT count(*) FROM t") == "2"
    lesson.close()
    eventually(lambda: not copies(db))


def test_a_snapshot_must_remove_what_dead_runs_have_left(lesson: Running, db: RunningService) -> None:
    dead, others = ["one_01234567_89abcdef", "replaced_01234567_89abcdef"], ["two_01234567_89abcdef", "one_1"]
    for name in (*dead, *others):
        sql(db, f"CREATE DATABASE {name}", "postgres")
    with db.clone("one") as mine:
        dataclasses.replace(lesson, reused=True)["postgres"].snapshot("one")
        assert {*dead, *others, mine.name} & {*databases(db)} == {*others, mine.name}
    for name in others:
        sql(db, f"DROP DATABASE {name}", "postgres")


@contextmanager
def a_client(db: RunningService, database: str) -> Iterator[None]:
    """One that is connected when the block begins, and was cut off when it ends."""
    with ThreadPoolExecutor() as threads:
        client = threads.submit(
            db.exec, "psql", "-U", "postgres", "-d", database, "-c", "SELECT pg_sleep(60)"
        )
        asked = f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{database}' AND query LIKE '%pg_sleep(60)'"
        eventually(lambda: sql(db, asked, "postgres") == "1")
        yield
        assert client.result(timeout=10).exit_code == 2


def test_a_clone_must_go_while_clients_are_connected(db: RunningService) -> None:
    with ExitStack() as cleanup:
        clone = db.clone("one")
        mine = clone.__enter__()
        cleanup.enter_context(a_client(db, mine.name))
        clone.__exit__(None, None, None)
        assert mine.name not in copies(db)


def test_a_clone_must_go_when_the_test_fails(db: RunningService) -> None:
    with pytest.raises(ZeroDivisionError), db.clone("one") as mine:
        _ = 1 / 0
    assert mine.name not in copies(db)


def test_restore_must_bring_the_data_back_although_clients_are_connected(db: RunningService) -> None:
    with a_client(db, "myapp"):
        sql(db, "INSERT INTO t VALUES (2); CREATE TABLE u ()")
        db.restore("one")
    assert sql(db, "SELECT count(*) FROM t") == "1"
    assert sql(db, "SELECT to_regclass('u') IS NULL") == "t"
    sql(db, "DELETE FROM t")
    db.reset()
    assert sql(db, "SELECT n FROM t") == "1"
    eventually(lambda: not [name for name in databases(db) if name.startswith("replaced")])


def test_a_restore_that_fails_must_leave_the_data_as_they_are(db: RunningService) -> None:
    db.snapshot("used")  # no copy of it was made ahead
    sql(db, "INSERT INTO t VALUES (2)")
    sql(db, "UPDATE pg_database SET datistemplate = false WHERE datname = 'snapshot_used'", "postgres")
    sql(db, "ALTER DATABASE snapshot_used ALLOW_CONNECTIONS true", "postgres")
    with a_client(db, "snapshot_used"):
        with pytest.raises(stackctl.EngineError, match="is being accessed by other users"):
            db.restore("used")
        assert sql(db, "SELECT count(*) FROM t") == "2"
        db.snapshot("used")
    db.restore("used")
    assert sql(db, "SELECT count(*) FROM t") == "2"


def test_rights_settings_and_owner_must_come_along(db: RunningService) -> None:
    sql(db, "DROP OWNED BY guest") if "guest" in sql(db, "SELECT rolname FROM pg_roles") else sql(
        db, "CREATE ROLE guest LOGIN"
    )
    sql(
        db,
        "ALTER DATABASE myapp SET search_path = other; GRANT CREATE ON DATABASE myapp TO guest; ALTER DATABASE myapp OWNER TO guest",
    )
    asked = (
        "SELECT pg_get_userbyid(datdba), datacl, (SELECT setconfig FROM pg_db_role_setting WHERE setdatabase = d.oid)"
        " FROM pg_database d WHERE datname = current_database()"
    )
    try:
        is_so = sql(db, asked)
        assert "search_path=other" in is_so
        db.snapshot("settings")
        with db.clone("settings") as mine:
            assert sql(db, asked, mine.name) == is_so
        for _ in range(2):  # the second copy was made ahead
            db.restore("settings")
            assert sql(db, asked) == is_so
    finally:
        sql(
            db,
            "ALTER DATABASE myapp RESET ALL; ALTER DATABASE myapp OWNER TO postgres; REVOKE ALL ON DATABASE myapp FROM guest",
        )


def test_a_snapshot_must_replace_the_one_of_its_name(db: RunningService) -> None:
    sql(db, "INSERT INTO t VALUES (2)")
    db.snapshot("one")
    sql(db, "DELETE FROM t")
    db.restore("one")
    assert sql(db, "SELECT count(*) FROM t") == "2"


def test_a_name_that_is_none_must_be_refused_and_nothing_changed(db: RunningService) -> None:
    for call in (db.restore, lambda name: db.clone(name).__enter__()):
        with pytest.raises(stackctl.UsageError, match=r"no snapshot 'tow'.*there are:.*one"):
            call("tow")
    with pytest.raises(stackctl.UsageError, match="no name of a snapshot"):
        db.snapshot('x"; DROP DATABASE myapp')
    assert sql(db, "SELECT n FROM t") == "1"


def test_clones_must_be_made_by_many_threads_at_once(db: RunningService) -> None:
    def count(_: int) -> tuple[str, str]:
        with db.clone("one") as mine:
            return mine.name, sql(db, "SELECT count(*) FROM t", mine.name)

    with ThreadPoolExecutor(6) as threads:
        names, counts = zip(*threads.map(count, range(12)), strict=True)
    assert counts == ("1",) * 12
    assert not copies(db) & {*names}


def test_clones_must_work_again_after_the_server_was_killed_which_loses_no_data(db: RunningService) -> None:
    sql(db, "INSERT INTO t VALUES (2)")
    with db.clone("one") as first, db.clone("one") as second:  # another one is being made
        sql(db, "INSERT INTO t VALUES (2)", second.name)
        with db.killed():
            pass
        assert sql(db, "SELECT count(*) FROM t", second.name) == sql(db, "SELECT count(*) FROM t") == "2"
    with db.clone("one") as mine:
        assert sql(db, "SELECT n FROM t", mine.name) == "1"
        assert not copies(db) & {first.name, second.name}
        eventually(lambda: len(copies(db)) == 2)


def test_clones_must_work_again_after_somebody_cut_off_who_makes_them(db: RunningService) -> None:
    with db.clone("one"):
        others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'postgres' AND pid <> pg_backend_pid()"
        assert sql(db, others, "postgres") == "t"
    with db.clone("one") as mine:
        assert sql(db, "SELECT n FROM t", mine.name) == "1"


# Redis


def cli(redis: RunningService, *words: str, number: int = 0) -> str:
    return redis.exec("redis-cli", "-n", str(number), *words, check=True).stdout.strip()


def test_flush_must_empty_all_databases(lesson: Running) -> None:
    redis = lesson["redis"]
    cli(redis, "SET", "a", "1")
    cli(redis, "SET", "b", "1", number=3)
    redis.flush()
    assert (cli(redis, "DBSIZE"), cli(redis, "DBSIZE", number=3)) == ("0", "0")
    cli(redis, "SET", "a", "1")
    redis.reset()
    assert cli(redis, "DBSIZE") == "0"


def test_a_numbered_database_must_be_ones_own_and_empty(lesson: Running) -> None:
    redis = lesson["redis"]
    cli(redis, "SET", "a", "1")
    with redis.database() as mine, redis.database() as other:
        assert len({0, mine.number, other.number}) == 3
        assert mine.url == f"redis://127.0.0.1:{redis.port()}/{mine.number}"
        cli(redis, "SET", "b", "1", number=mine.number)
        assert cli(redis, "DBSIZE", number=other.number) == "0"
    assert cli(redis, "DBSIZE", number=mine.number) == "0"
    assert cli(redis, "GET", "a") == "1"


def test_when_all_databases_are_given_away_it_must_be_said(lesson: Running) -> None:
    one_more = lesson["redis"].database()
    with ExitStack() as given:
        for _ in range(15):
            given.enter_context(lesson["redis"].database())
        with pytest.raises(stackctl.UsageError, match="all 16 databases of redis are in use"):
            given.enter_context(one_more)
    with lesson["redis"].database() as mine:
        assert mine.number == 1


def test_what_is_of_another_server_must_be_refused(lesson: Running) -> None:
    with pytest.raises(stackctl.UsageError, match="redis is no Postgres"):
        lesson["redis"].clone("one")
    with pytest.raises(stackctl.UsageError, match="postgres is no Redis"):
        lesson["postgres"].flush()


# Volumes


SHELF = """
[services.shelf]
image = "busybox"
command = "httpd -f -p 80 -h /named"
volumes = ["named:/named", "/unnamed"]
healthcheck = { tcp = 80 }
[services.reader]
image = "busybox"
command = "sleep infinity"
[volumes.named]
"""


def shelf(project: Project, text: str = SHELF) -> str:
    return str(project.write(f'name = "{project.name}"\n{text}'))


def test_volumes_must_be_as_they_were(project: Project) -> None:
    with stackctl.running(shelf(project)) as app:
        service = app["shelf"]
        script = "echo 1 > /named/a; mkdir -p /unnamed/d; echo 2 > /unnamed/d/b; chown 1234:5678 /unnamed/d/b; chmod 600 /unnamed/d/b; ln -s a /named/l"
        service.exec("sh", "-c", script, check=True)
        look = ("sh", "-c", "cd /; ls -lnR named unnamed | grep -v total; cat named/l unnamed/d/b")
        before, port, reader = service.exec(*look), service.port(), app["reader"].container.id
        service.snapshot("full")
        assert service.exec(*look) == before
        service.exec("sh", "-c", "rm -r /named/* /unnamed/d; echo 3 > /named/new", check=True)
        service.restore("full")
        assert service.exec(*look) == before
        assert service.port() == port
        assert app["reader"].container.id == reader
        service.exec("rm", "/named/a")
        service.reset()
        assert service.exec(*look) == before
        with pytest.raises(stackctl.UsageError, match=r"no snapshot 'none'.*there are: full"):
            service.restore("none")
        assert service.exec(*look) == before
    assert project.resources() == NOTHING


def test_data_that_cannot_be_put_back_must_be_refused_before_anything_is_changed(project: Project) -> None:
    text = SHELF.replace(
        'command = "sleep infinity"', 'command = "sleep infinity"\nvolumes = ["named:/other"]'
    )
    with stackctl.running(shelf(project, text)) as app:
        container = app["shelf"].container.id
        app["shelf"].snapshot("full")
        with pytest.raises(stackctl.UsageError, match=r"also those of .*-reader-1"):
            app["shelf"].restore("full")
        assert app["shelf"].container.id == container
    with (
        stackctl.running(shelf(project)) as app,
        pytest.raises(stackctl.UsageError, match="reader has no volume"),
    ):
        app["reader"].snapshot("full")


def test_data_in_memory_must_be_on_no_volume_and_no_stop_must_lose_them(project: Project) -> None:
    text = """
    [services.db]
    image = "postgres:15"
    environment = { POSTGRES_PASSWORD = "x" }
    volumes = ["data:/var/lib/postgresql/data"]
    [volumes.data]
    """
    with stackctl.running(shelf(project, text), memory=True) as app:
        assert project.api.volumes(filters={"label": f"stackctl.project={app.project}"})["Volumes"] in (
            None,
            [],
        )
        assert "tmpfs" in app["db"].exec("df", "-T", "/var/lib/postgresql/data").stdout
        for fault in (app["db"].stopped, app["db"].killed, app["db"].restarted):
            with pytest.raises(stackctl.UsageError, match="keeps its data in memory"), fault():
                pytest.fail("its data would be gone")
        with app["db"].paused():
            pass
        app["db"].snapshot("empty")
        sql(app["db"], "CREATE TABLE t ()", "postgres")  # which is the server's own database, too
        app["db"].restore("empty")
        assert sql(app["db"], "SELECT to_regclass('t') IS NULL", "postgres") == "t"
        with app["db"].clone("empty") as mine:
            assert sql(app["db"], "SELECT 1", mine.name) == "1"


def test_the_data_of_others_must_not_be_touched(project: Project, tmp_path: Path) -> None:
    project.write(f'name = "{project.name}"\n{SHELF}')
    project.run("up")
    engine = stackctl.connect()
    app = Running(stack=stackctl.load(project.directory / "stack.toml", name=project.name), engine=engine)
    with pytest.raises(stackctl.UsageError, match="belongs to whoever started it"):
        app["shelf"].snapshot("full")
    engine.close()
