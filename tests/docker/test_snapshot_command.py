"""Data that were saved under a name must come back as they were, whatever ran meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pages
import pytest
from proxy import RecordingProxy
from scenario import ROOT, SLEEP, Project, killed_at

pytestmark = pytest.mark.docker

STACK = """
[services.db]
image = "postgres:15"
command = "-c fsync=off"
environment = { POSTGRES_HOST_AUTH_METHOD = "trust", POSTGRES_USER = "ada" }
volumes = ["data:/var/lib/postgresql/data"]
stop_grace_period = "0s"

[services.cache]
image = "redis:7"
stop_grace_period = "0s"

[services.log]
image = "redis:7"
command = "--appendonly yes --requirepass pw"
stop_grace_period = "0s"

[services.files]
image = "busybox"
command = "sleep infinity"
volumes = ["files:/files", ".:/host:ro"]
stop_grace_period = "0s"

[volumes.data]
[volumes.files]
"""
WRITES = """
create table one (n int); create table two (n int);
create procedure fill() language plpgsql as $$ begin
  for i in 1..1000000 loop
    insert into one values (i); insert into two values (i); commit; perform pg_sleep(0.002);
  end loop;
end $$;
"""
FILES = "cd /files && mkdir -p 'd e' && echo hello > 'd e/-x' && ln -s a l && touch .hidden && chown 5:6 . && chmod 750 ."
STATE = "cd /files && find . -exec stat -c '%n %F %a %u:%g' {} + | sort && find . -type f -exec sha256sum {} + | sort"


def sql(project: Project, text: str) -> str:
    return project.inside("db", "psql", "-U", "ada", "-qAtc", text).strip()


def log(project: Project, *words: str) -> str:
    return project.inside("log", "redis-cli", "-a", "pw", "--no-auth-warning", *words).strip()


@contextmanager
def writing(project: Project) -> Iterator[None]:
    """Two rows that belong together are written again and again."""
    sql(project, WRITES)
    made = project.api.exec_create(project.ids()["db"], ["psql", "-U", "ada", "-c", "call fill()"])
    project.api.exec_start(made["Id"], detach=True)
    while sql(project, "select count(*) from two") == "0":
        pass
    yield
    assert project.api.exec_inspect(made["Id"])["Running"], "nothing was written meanwhile"
    sql(project, "select pg_terminate_backend(pid) from pg_stat_activity where query = 'call fill()'")


def test_data_must_come_back_as_they_were(project: Project, neighbour: Project) -> None:
    project.write(STACK)
    project.run("up")
    project.inside("files", "sh", "-c", FILES)
    before = project.inside("files", "sh", "-c", STATE)
    project.inside("cache", "redis-cli", "set", "key", "kept")
    log(project, "set", "key", "kept")
    with writing(project):
        made = project.run("snapshot", "create", "seeded")
    assert "of files" in next(
        line for line in made.stderr.splitlines() if line.startswith("note: not copied")
    )
    assert "db                     paused" not in made.stderr
    assert set(project.states().values()) == {"running"}
    assert len(project.containers()) == 4

    (found,) = project.json("snapshot", "ls")["snapshots"]
    assert (found["name"], found["complete"]) == ("seeded", True)
    assert [each["key"] for each in found["data"]] == ["cache:/data", "data", "files", "log:/data"]
    assert found["size"] > 20_000_000
    assert "there is a snapshot seeded already" in project.run("snapshot", "create", "seeded", code=2).stderr

    project.inside(
        "files", "sh", "-c", "rm -rf /files/* /files/.hidden; echo new > /files/new; chown 0:0 /files"
    )
    project.inside("cache", "redis-cli", "flushall")
    log(project, "flushall")
    ids = project.ids()
    project.run("snapshot", "restore", "seeded")
    assert project.ids() == ids
    assert project.inside("files", "sh", "-c", STATE) == before
    assert project.inside("cache", "redis-cli", "get", "key").strip() == "kept"
    assert log(project, "get", "key") == "kept"
    one, two = (
        sql(project, "select count(*), max(n) from one"),
        sql(project, "select count(*), max(n) from two"),
    )
    assert one == two
    count, last = one.split("|")
    assert int(count) == int(last) > 0

    neighbour.write(STACK)
    neighbour.run("up", "files", "cache", "--data-from", f"{project.name}/seeded")
    assert neighbour.inside("files", "sh", "-c", STATE) == before
    assert neighbour.inside("cache", "redis-cli", "get", "key").strip() == "kept"


GUIDE = pages.section(ROOT / "docs" / "guide" / "daily-loop.md", "Data")
COMMANDS = [
    line.partition("#")[0].split()[1:]
    for piece in GUIDE
    if isinstance(piece, pages.Block) and piece.language == "bash"
    for line in piece.text.splitlines()
]


@pytest.mark.slow
def test_after_a_kill_all_must_go_on_and_each_command_of_the_guide_must_do_as_it_says(
    project: Project, neighbour: Project, recorder: RecordingProxy
) -> None:
    stack = f'[services.files]\n{SLEEP}volumes = ["files:/files"]\n[volumes.files]\n'
    project.write(stack)
    neighbour.write(stack)
    project.run("up")
    project.inside("files", "sh", "-c", FILES)
    before = project.inside("files", "sh", "-c", STATE)

    assert killed_at(project, recorder, 4, "snapshot", "create", "seeded")
    (left,) = project.json("snapshot", "ls")["snapshots"]
    assert (left["name"], left["complete"]) == ("seeded", False)
    project.run("up")
    assert project.states() == {"files": "running"}
    assert "not complete" in project.run("snapshot", "restore", "seeded", code=2).stderr

    assert COMMANDS[0] == ["snapshot", "create", "seeded"]
    for command in COMMANDS:
        words = [project.name if word == "shop" else word for word in command]
        if "--data-from" in words:
            source = words[-1]
            neighbour.run(*words[:-1], f"{project.name}/{source}" if source == "seeded" else source)
            assert neighbour.inside("files", "sh", "-c", STATE) == before
            neighbour.run("down", "--volumes")
        elif words == ["snapshot", "restore", "seeded"]:
            project.run("down", "--volumes")
            project.run(*words)
            project.run("up")
        else:
            if "restore" in words:
                project.inside(
                    "files", "sh", "-c", "rm -rf /files/*; chown 0:0 /files; echo new > /files/new"
                )
            project.run(*words)
        assert project.inside("files", "sh", "-c", STATE) == before
