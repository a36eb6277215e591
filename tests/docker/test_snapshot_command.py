"""Data that were saved under a name must come back as they were, whatever ran meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from scenario import Project

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
  for i in 1..1000000 loop insert into one values (i); insert into two values (i); commit; end loop;
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
    neighbour.run("up", "files", "cache", "--data-from", project.name)
    assert neighbour.inside("files", "sh", "-c", STATE) == before
    assert neighbour.inside("cache", "redis-cli", "get", "key").strip() == "kept"
    project.inside("files", "sh", "-c", "echo new > /files/new")
    told = neighbour.run("up", "files", "cache", "--data-from", f"{project.name}/seeded").stderr
    assert (
        f"note: not filled from snapshot {project.name}/seeded, for they are in use: {neighbour.name}_files"
        in told
    )
    every = project.json("snapshot", "ls", "--all")["snapshots"]
    assert [each["name"] for each in every if each["project"] in (project.name, neighbour.name)] == ["seeded"]

    file = str(neighbour.directory / "files.tar")
    neighbour.inside("files", "sh", "-c", "rm -rf /files/*")
    project.inside("files", "rm", "/files/new")
    project.run("snapshot", "create", "any", "files", "--to", file)
    neighbour.run("snapshot", "restore", "--from", file)
    assert neighbour.inside("files", "sh", "-c", STATE) == before

    project.run("down", "--volumes")
    assert {v["Name"] for v in project.api.volumes()["Volumes"] if v["Name"].startswith(project.name)} == {
        *(each["volume"] for each in found["data"]),
        found["data"][0]["volume"].removesuffix("-0"),
    }
    project.run("snapshot", "restore", "seeded", "files")
    project.run("up", "files")
    assert project.inside("files", "sh", "-c", STATE) == before
    project.run("snapshot", "rm", "seeded")
    assert project.json("snapshot", "ls")["snapshots"] == []
