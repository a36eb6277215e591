"""The plans of `run`: what the service depends on, one container beside those of the service, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from plan_stories import lines
from plan_world import INSTANCE, World, plan_up, stack

from stackctl.errors import UsageError
from stackctl.planner.life.one_off import steps_of_run, with_one_off, with_variant
from stackctl.planner.life.options import RunOptions
from stackctl.planner.steps.plan import Plan
from stackctl.planner.view.slots import UpOptions
from stackctl.planner.world import labels
from stackctl.planner.world.desire import desire
from stackctl.planner.world.desired import Desired, DesiredContainer

SHOP = """
[volumes.data]
[networks.default]
ipam.config = [{ subnet = "172.30.0.0/16" }]
[services.db]
image = "db:1"
[services.api]
image = "app:1"
command = "serve"
depends_on = { db = { condition = "service_started" } }
environment = { A = "1", B = "2" }
ports = ["127.0.0.1:8000:80"]
restart = "always"
container_name = "my-api"
scale = 1
networks.default = { aliases = ["backend"], ipv4_address = "172.30.0.9" }
mac_address = "02:42:ac:11:65:43"
volumes = ["data:/data"]
labels.own = "yes"
cap_add = ["NET_ADMIN"]
[services.web]
image = "app:1"
depends_on = ["api"]
[jobs.seed]
image = "app:1"
command = "true"
"""
NAME = "shop-api-run-1"


def wanted(service: str = "api", **given: Any) -> Desired:
    options = RunOptions(**given)
    desired = desire(
        with_variant(stack(SHOP), service, options),
        instance=INSTANCE,
        services=[service],
        dependencies=options.dependencies,
    )
    return with_one_off(desired, service, options.name or NAME, options)


def one_off(service: str = "api", **given: Any) -> DesiredContainer:
    return wanted(service, **given).containers[-1]


def plan(world: World, *, options: UpOptions | None = None, **given: Any) -> Plan:
    desired = wanted(**given)
    made = plan_up(desired, world.look(desired), options)
    return Plan(made.project, steps_of_run(made.steps, NAME, RunOptions(**given)), made.notes)


def test_what_it_depends_on_is_started_and_the_rest_is_left_alone() -> None:
    assert lines(plan(World())) == [
        "#1 CreateNetwork shop_default, not there",
        "#2 CreateVolume shop_data, not there",
        "[1] -> #3 CreateContainer shop-db-1, not there",
        "[1, 2] -> #4 CreateContainer shop-api-run-1, not there",
        "[3] -> #5 StartContainer shop-db-1, new",
        "[5] -> #7 WaitFor shop-db-1 ready, up waits for it",
    ]


def test_beside_a_running_service_only_one_container_is_made() -> None:
    world = World().up(SHOP)
    assert lines(plan(world)) == ["#1 CreateContainer shop-api-run-1, not there"]
    assert lines(plan(World(), dependencies=False))[2:] == [
        "[1, 2] -> #3 CreateContainer shop-api-run-1, not there"
    ]


def test_a_detached_one_is_started_and_not_waited_for() -> None:
    assert lines(plan(World().up(SHOP), detach=True)) == [
        "#1 CreateContainer shop-api-run-1, not there",
        "[1] -> #2 StartContainer shop-api-run-1, new",
    ]


def test_one_offs_that_have_ended_are_orphans() -> None:
    world = World().up(SHOP)
    world.do(plan(world, detach=True, command=("true",)).steps)
    assert world.names()[NAME] == "exited"
    again = wanted(name="shop-api-run-2")
    assert "RemoveContainer" not in str(plan_up(again, world.look(again)))
    found = plan_up(again, world.look(again), UpOptions(remove_orphans=True))
    assert "RemoveContainer shop-api-run-1, a one-off that ended" in str(found)
    assert "RemoveContainer shop-api-run-1" in str(world.down())


def test_it_is_the_service_without_ports_names_and_restarts() -> None:
    made = one_off()
    assert (made.ports, made.restart, made.name, made.kind) == ((), "no", NAME, "run")
    assert made.networks[0].aliases == (NAME,)
    assert (made.networks[0].use.ipv4_address, made.settings.mac_address) == (None, None)
    assert made.command == ("serve",)
    assert made.environment == {"A": "1", "B": "2"}
    assert {made.labels[name] for name in (labels.SERVICE, labels.COMPOSE_SERVICE)} == {"api"}
    assert (made.labels[labels.KIND], made.labels[labels.COMPOSE_ONEOFF]) == ("run", "True")
    assert one_off("seed", command=("x",)).command == ("x",)


def test_what_is_asked_for_wins() -> None:
    made = one_off(
        command=("work", "hard"),
        environment={"B": "3", "C": None},
        user="1000",
        working_dir="/src",
        volumes=("/host:/data:ro", "data:/more"),
        ports=("9000:90",),
        labels={"own": "no"},
        cap_add=("SYS_TIME",),
        cap_drop=("CHOWN",),
        name="mine",
        remove=True,
        stdin=True,
        tty=True,
        terminal_size=(33, 99),
    )
    settings = made.settings
    assert made.command == ("work", "hard")
    assert made.environment == {"A": "1", "B": "3", "C": None}
    assert (settings.user, settings.working_dir) == ("1000", "/src")
    assert {(mount.type, mount.source, mount.target) for mount in made.mounts} == {
        ("bind", "/host", "/data"),
        ("volume", "shop_data", "/more"),
    }
    assert [str(port) for port in made.ports] == ["127.0.0.1:9000→90"]
    assert (made.labels["own"], made.name) == ("no", "mine")
    assert (settings.cap_add, settings.cap_drop) == (("NET_ADMIN", "SYS_TIME"), ("CHOWN",))
    assert made.terminal_size == (33, 99)
    assert (made.auto_remove, made.attached, settings.tty, settings.stdin_open) == (True,) * 4


def test_ports_and_aliases_of_the_service_only_on_request() -> None:
    made = one_off(service_ports=True, use_aliases=True)
    assert [str(port) for port in made.ports] == ["127.0.0.1:8000→80"]
    assert made.networks[0].aliases == (NAME, "api", "backend")


def test_an_entrypoint_of_its_own_gets_no_arguments_of_the_service() -> None:
    assert (one_off(entrypoint=("sh",)).entrypoint, one_off(entrypoint=("sh",)).command) == (("sh",), ())
    assert one_off(entrypoint=("sh",), command=("-c",)).command == ("-c",)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"service": "apii"}, r"no such service: apii \(did you mean 'api'\?\)"),
        ({"volumes": ("daat:/x",)}, r"no such volume: daat \(did you mean 'data'\?\)"),
        ({"volumes": ("data:x",)}, "the volume 'data:x': 'x' is not an absolute path"),
        ({"volumes": ("a:b:c:d",)}, "the volume 'a:b:c:d': expected"),
        ({"ports": ("x",)}, "the port 'x': expected"),
        ({"ports": ("nowhere:80:80",)}, "the port 'nowhere:80:80'"),
    ],
)
def test_what_cannot_be_read_is_told(given: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        wanted(**given)
