"""Isolated stacks take small subnets of their own pool, where an engine's own pools would end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from ipaddress import ip_network
from typing import Any

import pytest
from private_engine import Machine, alone, why_not

from stackctl import api
from stackctl.errors import StackError
from stackctl.planner.runs.isolation import isolate
from stackctl.planner.steps.outcome import succeed
from stackctl.planner.view.slots import UpOptions

pytestmark = [pytest.mark.docker, pytest.mark.skipif(bool(why_not()), reason=why_not())]

TWO_NETWORKS = {"bip": "172.29.0.1/24", "default-address-pools": [{"base": "172.30.0.0/23", "size": 24}]}
STACK = """
services.web.image = "busybox"
networks.default.enable_ipv6 = true
"""


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    with alone(TWO_NETWORKS, images=["busybox"]) as machine:
        yield machine


def up(machine: Machine, file: Any, project: str, pool: str) -> None:
    with closing(api.connect(machine.host)) as engine:
        isolated = isolate(api.load(file), project, subnets=pool)
        succeed(api.up(isolated, engine, options=UpOptions(start=False)))


def at_once(do: Callable[[int], None], times: int) -> None:
    with ThreadPoolExecutor(times) as pool:
        for _ in pool.map(do, range(times)):
            """An error is raised here."""


def subnets(machine: Machine) -> dict[str, list[str]]:
    with closing(machine.api) as engine:
        return {
            network["Name"]: [each["Subnet"] for each in network["IPAM"]["Config"] or ()]
            for network in engine.networks()
            if "_default" in network["Name"]
        }


def test_small_subnets_must_not_run_out_nor_collide(machine: Machine, tmp_path: Any) -> None:
    file = tmp_path / "stack.toml"
    file.write_text(STACK)
    at_once(
        lambda number: up(machine, file, f"t{number}", "10.77.0.0/24"), 6
    )  # of eight subnets: some choose the same
    found = subnets(machine)
    assert sorted(found) == [f"t{number}_default" for number in range(6)]
    small = [ip_network(subnet) for both in found.values() for subnet in both]
    assert len({*small}) == 12
    assert {(net.version, net.prefixlen) for net in small} == {(4, 27), (6, 64)}
    up(machine, file, "t0", "10.77.0.0/24")  # the subnet is no part of the definition: nothing is made again
    assert subnets(machine) == found


@pytest.mark.slow
def test_a_hundred_stacks_must_come_up_at_once(machine: Machine, tmp_path: Any) -> None:
    file = tmp_path / "stack.toml"
    file.write_text('services.web.image = "busybox"')
    at_once(lambda number: up(machine, file, f"h{number}", "10.223.0.0/16"), 100)
    assert sum(name.startswith("h") for name in subnets(machine)) == 100


def test_without_a_free_small_subnet_the_engine_must_choose_and_without_any_say_what_to_do(
    machine: Machine, tmp_path: Any
) -> None:
    file = tmp_path / "stack.toml"
    file.write_text('services.web.image = "busybox"')
    up(machine, file, "e1", "10.78.0.0/27")
    for number in (2, 3):
        up(machine, file, f"e{number}", "10.78.0.0/27")
    assert [subnets(machine)[f"e{number}_default"][0].split(".")[0] for number in (1, 2, 3)] == [
        "10",
        "172",
        "172",
    ]
    with pytest.raises(StackError, match=r"e4_default.*stackctl gc"):
        up(machine, file, "e4", "")
