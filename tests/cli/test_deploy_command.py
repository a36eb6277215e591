"""`deploy` and its commands on a Swarm in memory."""

import json
import re
from pathlib import Path

import pytest
from commandline import Run

from stackctl.engine.memory import Behaviour, MemoryEngine
from stackctl.engine.memory.swarm import MemorySwarm
from stackctl.planner.world.observed import ImageConfig, ObservedEngine

pytest_plugins = ["commandline_fixtures"]

FILE = """
name = "shop"
[services.db]
image = "db:1"
volumes = ["data:/data"]
[services.web]
image = "app:1"
ports = ["8000:80"]
depends_on = ["db"]
environment = { LEVEL = "info" }
deploy.replicas = 3
[volumes.data]
sticky = true
"""


@pytest.fixture
def swarm() -> MemorySwarm:
    return MemorySwarm(3)


@pytest.fixture
def memory(swarm: MemorySwarm, request: pytest.FixtureRequest) -> MemoryEngine:
    images = {"app:1": ImageConfig(), "app:2": ImageConfig(), "db:1": ImageConfig()}
    return MemoryEngine(
        images,
        info=ObservedEngine(id=f"swarm-{request.node.name}", reaches_containers=False),
        behaviours={"app:2": Behaviour(exit_code=3)},
        swarm=swarm,
    )


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "stack.toml"
    path.write_text(FILE)
    return path


def test_plan_deploy_status_and_down(there: Run, file: Path, memory: MemoryEngine) -> None:
    planned = there("deploy", "plan", "--detailed-exitcode")
    assert planned.code == 10
    assert "Plan: 3 to create, 0 to recreate, 0 to remove, 1 to label." in planned.out.replace(
        "1 to label, 0 to remove", "0 to remove, 1 to label"
    )
    assert "+ web" in planned.out
    assert memory.writes == 0
    ran = there("deploy", "--progress", "plain")
    assert ran.code == 0, ran.err
    assert there("deploy", "plan", "--detailed-exitcode").code == 0
    writes = memory.writes
    assert there("deploy").code == 0
    assert memory.writes == writes
    status = there("deploy", "status")
    assert status.code == 0
    assert re.search(r"web +running +3/3", status.out)
    assert "differs" not in status.out.lower()
    told = json.loads(there("deploy", "status", "--json").out)
    assert [(row["service"], row["running"], row["drift"]) for row in told["services"]] == [
        ("db", 1, []),
        ("web", 3, []),
    ]
    assert sum(told["services"][1]["nodes"].values()) == 3
    down = there("deploy", "down", "--progress", "plain")
    assert down.code == 0, down.err
    assert "data kept: shop_data on" in down.err
    left = memory.observe_swarm("shop")
    assert (left.services, left.secrets, memory.swarm_tasks("shop")) == ((), (), ())
    assert not [network for network in left.networks if network.project == "shop"]


def test_the_plan_names_the_field_that_changed(there: Run, file: Path) -> None:
    assert there("deploy").code == 0
    file.write_text(FILE.replace("info", "debug").replace("replicas = 3", "replicas = 2"))
    planned = there("deploy", "plan")
    assert "~ web" in planned.out
    assert "update: environment.LEVEL changed, replicas changed" in planned.out
    told = json.loads(there("deploy", "plan", "--json").out)
    assert [change["change"] for change in told["changes"]] == ["update"]
    dry = there("deploy", "--dry-run", "web")
    assert dry.out == planned.out
    status = there("deploy", "status", "--exit-code", "web")
    assert status.code == 10
    assert "environment.LEVEL changed" in status.out


def test_a_service_that_went_back_exits_with_6(there: Run, file: Path) -> None:
    assert there("deploy").code == 0
    file.write_text(FILE.replace("app:1", "app:2"))
    ran = there("deploy", "--progress", "plain")
    assert ran.code == 6
    assert "stackctl deploy logs web" in ran.err
    status = there("deploy", "status", "web")
    assert re.search(r"web +rolled back +3/3", status.out)
    assert "image changed" in status.out


def test_scale_and_rollback(there: Run, file: Path, memory: MemoryEngine) -> None:
    assert there("deploy").code == 0
    assert there("deploy", "scale", "web=5").code == 0
    assert {s.key: s.replicas for s in memory.observe_swarm("shop").services} == {"db": 1, "web": 5}
    assert there("deploy", "rollback", "web").code == 0
    assert {s.key: s.replicas for s in memory.observe_swarm("shop").services} == {"db": 1, "web": 3}
    again = there("deploy", "rollback", "--progress", "plain")
    assert "nothing to go back to" in again.err


def test_logs_stand_behind_the_task(there: Run, file: Path) -> None:
    assert there("deploy").code == 0
    ran = there("deploy", "logs", "web")
    assert ran.code == 0
    assert all(line.startswith("web") for line in ran.out.splitlines())
    assert there("deploy", "logs", "nope").code == 2


def test_refusals_come_all_at_once_with_their_places(there: Run, file: Path) -> None:
    file.write_text(FILE.replace('"8000:80"', '"127.0.0.1:8000:80"').replace("sticky = true", ""))
    ran = there("deploy")
    assert ran.code == 1
    assert "stack.toml:7:10" in ran.err or "stack.toml:8" in ran.err
    assert "services.web.ports[0]" in ran.err
    assert "sticky = true" in ran.err


def test_an_engine_in_no_swarm_says_how_to_make_one(there: Run, file: Path, memory: MemoryEngine) -> None:
    memory.swarm = None
    for words in (("deploy",), ("deploy", "plan"), ("deploy", "status"), ("deploy", "down")):
        ran = there(*words)
        assert ran.code == 1, words
        assert "docker swarm init" in ran.err


def test_orphans_go_with_prune(there: Run, file: Path, memory: MemoryEngine) -> None:
    assert there("deploy").code == 0
    file.write_text(FILE.split("[services.web]", maxsplit=1)[0] + "[volumes.data]\nsticky = true\n")
    kept = there("deploy", "plan")
    assert "left alone: shop_web" in kept.out
    assert there("deploy", "--prune").code == 0
    assert [s.key for s in memory.observe_swarm("shop").services] == ["db"]


def test_help_tells_options_and_commands(run: Run) -> None:
    said = run("deploy", "--help").out
    for word in ("--rollback", "--resolve-image", "--timeout", "plan", "status", "down", "scale", "Examples"):
        assert word in said
    assert "SERVICE" not in said.partition("Options:")[2].partition("Commands:")[0]


def test_events_as_json(there: Run, file: Path) -> None:
    ran = there("deploy", "--progress", "json")
    assert ran.code == 0
    events = [json.loads(line) for line in ran.out.splitlines()]
    assert {event["event"] for event in events} >= {"planned", "done"}
    file.write_text(FILE.replace("[volumes.data]", "[volumes.dat]"))
    assert json.loads(there("deploy", "--progress", "json").out.splitlines()[-1])["event"] == "error"


def test_options_that_contradict_each_other(there: Run, file: Path) -> None:
    assert there("deploy", "--build", "--no-build").code == 2


def test_a_mistake_in_the_options_speaks_of_the_command_that_was_typed(there: Run, file: Path) -> None:
    assert "deploy [OPTIONS] [SERVICE]..." in there("deploy", "--nope").err
