"""What lists a part of what is there: images, volumes, processes, counters, events."""

import json
from pathlib import Path

import pytest
from commandline import Run

from stackctl.engine.memory import Behaviour, MemoryEngine
from stackctl.planner.steps.actions import KillContainer

pytest_plugins = ["commandline_fixtures"]

STACK = """
name = "shop"
[services.db]
image = "redis:7"
volumes = ["dump:/dump"]
[services.api]
image = "app:1"
command = "sleep infinity"
[jobs.seed]
image = "app:1"
[volumes.dump]
protect = true
"""


@pytest.fixture(autouse=True)
def up(memory: MemoryEngine, there: Run, tmp_path: Path) -> None:
    memory.behaviours["seed"] = Behaviour(exit_code=0)
    (tmp_path / "stack.toml").write_text(STACK)
    there("up")


def cells(text: str) -> list[list[str]]:
    return [line.split() for line in text.splitlines()]


def test_images(there: Run, memory: MemoryEngine) -> None:
    app, redis = (memory.observe().images[ref] for ref in ("app:1", "redis:7"))
    header, *rows = cells(there("images").out)
    assert header == ["CONTAINER", "REPOSITORY", "TAG", "PLATFORM", "IMAGE", "ID", "SIZE", "CREATED"]
    assert [row[:5] for row in rows] == [
        ["shop-api-1", "app", "1", "linux/amd64", app[7:19]],
        ["shop-db-1", "redis", "7", "linux/amd64", redis[7:19]],
        ["shop-seed-1", "app", "1", "linux/amd64", app[7:19]],
    ]
    assert there("images", "-q").out.split() == [app[7:], redis[7:]]
    assert there("images", "-q", "db").out.split() == [redis[7:]]
    (told,) = json.loads(there("images", "--format", "json", "db").out)
    assert (told["ContainerName"], told["Repository"], told["Tag"], told["ID"]) == (
        "shop-db-1",
        "redis",
        "7",
        redis,
    )
    (told,) = json.loads(there("images", "--json", "db").out)["images"]
    assert (told["service"], told["image"], told["size"], told["id"]) == ("db", "redis:7", len(redis), redis)


def test_an_image_that_has_lost_its_tag(there: Run, memory: MemoryEngine) -> None:
    memory.revise("app:1")
    memory._images.build("app:1")
    assert cells(there("images", "api").out)[1][1:3] == ["app", "<none>"]


def test_volumes(there: Run) -> None:
    header, anonymous, dump = cells(there("volumes").out)
    assert header == ["VOLUME", "NAME", "DRIVER", "USED", "BY", "CREATED", "NOTE"]
    assert (anonymous[1:3], anonymous[-1]) == (["local", "db"], "anonymous")
    assert (dump[:3], dump[-1]) == (["shop_dump", "local", "db"], "protected")
    assert there("volumes", "-q", "api").out == ""
    assert there("volumes", "-q", "db").out.splitlines()[1:] == ["shop_dump"]
    assert cells(there("volumes", "--size").out)[0][-1] == "SIZE"
    assert there("volumes", "--format", "{{.Name}}={{.Driver}}").out.splitlines()[1] == "shop_dump=local"
    told = json.loads(there("volumes", "--json", "--size").out)["volumes"][1]
    assert told == {
        "name": "shop_dump",
        "key": "dump",
        "driver": "local",
        "services": ["db"],
        "external": False,
        "anonymous": False,
        "protected": True,
        "created": told["created"],
        "size": 0,
    }
    assert json.loads(there("volumes", "--json").out)["volumes"][1]["size"] is None


def test_volumes_that_are_left_when_the_containers_are_gone(there: Run, memory: MemoryEngine) -> None:
    for container in memory.containers("shop"):
        memory.remove_by_hand(container.id)
    assert there("volumes", "-q").out.splitlines()[1:] == ["shop_dump"]


def test_top(there: Run) -> None:
    header, row, _ = cells(there("top").out)
    assert header[:3] == ["SERVICE", "#", "UID"]
    assert (row[:3], row[-2:]) == (["api", "1", "root"], ["sleep", "infinity"])
    assert there("top", "seed").out == ""
    told = json.loads(there("top", "api", "--json").out)
    (api,) = told["containers"]
    assert (told["version"], told["project"], api["container"]) == (1, "shop", "shop-api-1")
    assert api["processes"][0]["CMD"] == "sleep infinity"


def test_stats(there: Run) -> None:
    header, *rows = cells(there("stats", "--no-stream").out)
    assert header[:4] == ["SERVICE", "NAME", "CPU", "%"]
    assert [row[:3] for row in rows] == [["api", "shop-api-1", "0.00%"], ["db", "shop-db-1", "0.00%"]]
    assert len(cells(there("stats", "--no-stream", "-a").out)) == 4
    told = json.loads(there("stats", "--no-stream", "--json", "api").out)
    assert (told["version"], [each["pids"] for each in told["containers"]]) == (1, [1])
    line = there("stats", "--no-stream", "--format", "{{.Name}} {{.MemUsage}} {{.PIDs}}", "db").out
    assert line == "shop-db-1 0B / 0B 1\n"


def test_events(there: Run, memory: MemoryEngine) -> None:
    (api,) = (c for c in memory.containers("shop") if c.service == "api")
    memory.perform(KillContainer(api.id, api.name, "KILL"), lambda _: None)
    ran = there("events", "api", "--since", "1h")
    assert [line.split()[2:4] for line in ran.out.splitlines()] == [
        ["container", word] for word in ("create", "start", "kill", "die")
    ]
    assert f"container die {api.id} (exitCode=137, image=app:1, name=shop-api-1)" in ran.out
    told = [json.loads(line) for line in there("events", "--json", "--since", "1h").out.splitlines()]
    assert {each["service"] for each in told} == {"api", "db", "seed"}
    assert told[-1] == {
        "version": 1,
        "time": told[-1]["time"],
        "type": "container",
        "action": "die",
        "id": api.id,
        "service": "api",
        "number": 1,
        "container": "shop-api-1",
        "attributes": {"exitCode": "137", "image": "app:1", "name": "shop-api-1"},
    }
    assert there("events").out == ""


@pytest.mark.parametrize("command", ["images", "volumes", "top", "stats", "events"])
def test_a_name_that_nobody_has(there: Run, command: str) -> None:
    ran = there(command, "apj")
    assert (ran.code, ran.out) == (2, "")
    assert "did you mean 'api'" in ran.err
