"""The networks of isolated stacks: each takes a small subnet from a pool of their own, unless it says what it wants."""

from __future__ import annotations

from ipaddress import IPv4Network, ip_network

import pytest
from plan_world import desired, stack

from stackctl.errors import UsageError
from stackctl.planner.runs.isolation import isolate
from stackctl.planner.runs.subnets import candidates, pool_of, prefix_for, unique_local

TEXT = """
services.a = { image = "app:1", networks = ["back", "front", "swarm", "theirs"] }
services.b = { image = "app:1", networks = ["back"], scale = 30 }
networks.back = { ipam = { config = [{ subnet = "10.1.0.0/16" }] } }
networks.front = {}
networks.swarm = { driver = "macvlan" }
networks.theirs = { external = true }
"""


def test_a_network_that_asks_for_nothing_takes_a_small_subnet_with_room_for_its_containers() -> None:
    isolated = desired(isolate(stack(TEXT), "t", subnets="10.0.0.0/8"))
    small = {network.key: (network.pool, network.members) for network in isolated.networks}
    # An isolated stack leaves out the subnets of the file: two stacks could not have the same.
    assert small == {
        "back": ("10.0.0.0/8", 31),
        "front": ("10.0.0.0/8", 1),
        "swarm": ("", 0),
        "theirs": ("", 0),
    }
    assert all(not network.pool for network in desired(TEXT).networks)


def test_the_pool_does_not_count_for_the_digest() -> None:
    small, usual = (desired(isolate(stack(TEXT), "t", subnets=pool)) for pool in ("10.0.0.0/8", ""))
    assert [network.digest for network in small.networks] == [network.digest for network in usual.networks]


@pytest.mark.parametrize(
    ("containers", "prefix"), [(0, 27), (1, 27), (21, 27), (22, 26), (53, 26), (54, 25), (500, 23)]
)
def test_the_subnet_has_room_for_the_containers_and_some_more(containers: int, prefix: int) -> None:
    assert prefix_for(containers) == prefix
    assert 2 ** (32 - prefix) - 3 >= containers + 8


def test_candidates_are_all_free_subnets_of_the_pool_each_once() -> None:
    taken = [IPv4Network("10.9.0.64/26"), IPv4Network("10.9.0.0/30"), IPv4Network("10.10.0.0/16")]
    found = [*candidates("10.9.0.0/24", 27, "seed", taken)]
    assert sorted(map(str, found)) == [f"10.9.0.{n}/27" for n in (128, 160, 192, 224, 32)]
    assert [*candidates("10.9.0.0/27", 27, "", [])] == [IPv4Network("10.9.0.0/27")]
    assert not [*candidates("10.9.0.0/27", 26, "", [])], "too small a pool"


def test_what_is_taken_meanwhile_is_left_out() -> None:
    taken: list[IPv4Network] = []
    found = candidates("10.9.0.0/26", 27, "seed", taken)
    next(found)
    taken.append(IPv4Network("10.9.0.0/26"))
    assert not [*found]


def test_runs_begin_at_different_subnets() -> None:
    firsts = [next(candidates("10.0.0.0/12", 27, str(run), [])) for run in range(100)]
    assert len(set(firsts)) > 90


def test_an_ipv6_network_gets_a_unique_local_subnet() -> None:
    assert unique_local("a") == unique_local("a") != unique_local("b")
    assert unique_local("a").subnet_of(ip_network("fd00::/8"))  # type: ignore[arg-type]


def test_one_variable_names_the_pool() -> None:
    assert pool_of({}) == pool_of({"STACKCTL_SUBNETS": ""}) == "10.223.0.0/16"
    assert pool_of({"STACKCTL_SUBNETS": "172.16.0.0/12"}) == "172.16.0.0/12"
    assert pool_of({"STACKCTL_SUBNETS": "engine"}) == pool_of({"STACKCTL_SUBNETS": "off"}) == ""


@pytest.mark.parametrize("text", ["on", "10.0.0.1/8", "10.0.0.0/28", "fd00::/8"])
def test_what_is_no_pool_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="STACKCTL_SUBNETS") as refused:
        pool_of({"STACKCTL_SUBNETS": text})
    assert "10.223.0.0/16" in refused.value.hint
