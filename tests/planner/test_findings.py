"""`doctor`: facts in, what they mean and what to type out."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from plan_world import desired

from stackctl.planner.doctor import Disk, Examination, Finding, Held, Machine, findings, free_subnets
from stackctl.planner.world import labels
from stackctl.planner.world.examined import USUAL_POOLS, ExaminedEngine, Pool
from stackctl.planner.world.inspected import Inspected, InspectedNetwork
from stackctl.planner.world.observed import (
    Joined,
    Observed,
    ObservedContainer,
    ObservedEngine,
    ObservedNetwork,
    ObservedVolume,
    PublishedPort,
)

ENGINE = ObservedEngine(id="e", version="28.0", api=(1, 48), endpoint="unix:///var/run/docker.sock")
OF_SHOP = {labels.PROJECT: "shop", labels.SERVICE: "api", labels.INSTANCE: "i"}
API = ObservedContainer(
    id="1",
    name="shop-api-1",
    state="running",
    labels=OF_SHOP,
    networks=(Joined("shop_default", "n", "10.0.0.2"),),
)
DEFAULT = ObservedNetwork(id="n", name="shop_default", labels={labels.PROJECT: "shop"})
INSPECTED = Inspected(
    id="1",
    name="shop-api-1",
    networks=(InspectedNetwork(network="shop_default", names=("api", "shop-api-1")),),
)
OBSERVED = Observed(engine=ENGINE, containers=(API,), networks=(DEFAULT,))
EXAMINED = ExaminedEngine(root="/var/lib/docker", pools=USUAL_POOLS, subnets=("172.17.0.0/16",))
WELL = Examination(
    observed=OBSERVED,
    examined=EXAMINED,
    machine=Machine(disk=Disk(50_000_000_000, 100_000_000_000, 0.9), resolvers=("10.0.0.53",)),
    inspected={"1": INSPECTED},
)


def odd(of: Examination) -> list[Finding]:
    return [each for each in findings(of) if each.state != "ok"]


def seen(**changes: Any) -> Examination:
    return replace(WELL, observed=replace(OBSERVED, **changes))


def api(**changes: Any) -> Examination:
    return seen(containers=(replace(API, **changes),))


def here(**changes: Any) -> Examination:
    return replace(WELL, machine=replace(WELL.machine, **changes))


def asked(**changes: Any) -> Examination:
    return replace(WELL, examined=replace(EXAMINED, **changes))


def test_all_is_well() -> None:
    assert [(each.area, each.state) for each in findings(WELL)] == [
        (area, "ok")
        for area in (
            "engine",
            "choice",
            "disk",
            "pools",
            "clock",
            "dns",
            "proxies",
            "networks",
            "containers",
            "names",
            "locks",
        )
    ]


HELD = Held(project="shop", pid=7, words="process 7 (stackctl up), since 10:00:00", state="alive")
ALIAS = replace(INSPECTED, networks=(InspectedNetwork(network="shop_default", names=("shop-api-1",)),))


@pytest.mark.parametrize(
    ("of", "area", "state", "text", "hint"),
    [
        (seen(engine=replace(ENGINE, api=(1, 40))), "engine", "wrong", "older than 20.10", "newer"),
        (
            asked(warnings=("WARNING: No swap limit support",)),
            "engine",
            "note",
            "No swap limit",
            "docker info",
        ),
        (
            here(chosen="DOCKER_HOST", passed_over=("the current context (desktop)",)),
            "choice",
            "note",
            "DOCKER_HOST names the engine; not used: the current context (desktop)",
            "unset DOCKER_HOST",
        ),
        (
            here(disk=Disk(1_000_000_000, 10_000_000_000, 1)),
            "disk",
            "wrong",
            "1.0 GB of 10.0 GB",
            "docker system df",
        ),
        (here(disk=Disk(4_000_000_000, 100_000_000_000, 1)), "disk", "wrong", "4.0 GB of 100.0 GB", "prune"),
        (
            here(disk=Disk(50_000_000_000, 100_000_000_000, 0.01)),
            "disk",
            "wrong",
            "1% of its inodes",
            "prune",
        ),
        (
            asked(pools=(Pool("10.0.0.0/24", 28),), subnets=tuple(f"10.0.0.{16 * n}/28" for n in range(13))),
            "pools",
            "note",
            "room for 3 more networks of 16",
            "default-address-pools",
        ),
        (
            replace(
                asked(pools=(Pool("10.0.0.0/24", 24),), subnets=("10.0.0.128/25",)),
                observed=replace(OBSERVED, networks=(DEFAULT, ObservedNetwork(id="x", name="x"))),
            ),
            "pools",
            "wrong",
            "room for 0 more networks of 1",
            "docker network prune removes the 1 without containers",
        ),
        (
            seen(engine=replace(ENGINE, clock_ahead=-90)),
            "clock",
            "wrong",
            "90 s behind this machine's",
            "set-ntp",
        ),
        (here(resolvers=("127.0.0.1", "::1")), "dns", "note", "the engine gives them 8.8.8.8", "daemon.json"),
        (
            replace(WELL, names_inside=False),
            "dns",
            "wrong",
            "a container does not know the names",
            "firewall",
        ),
        (replace(WELL, names_inside=False, names_here=False), "dns", "note", "neither a container nor", ""),
        (
            here(proxies=("HTTPS_PROXY",)),
            "proxies",
            "note",
            "HTTPS_PROXY is set here and not in the engine",
            "docs",
        ),
        (
            seen(
                networks=(
                    DEFAULT,
                    replace(DEFAULT, id="o", name="old_default", labels={labels.PROJECT: "old"}),
                )
            ),
            "networks",
            "note",
            "without containers: old_default",
            "stackctl -p old down",
        ),
        (api(state="paused"), "containers", "wrong", "shop-api-1 is paused", "stackctl -p shop unpause api"),
        (api(state="restarting"), "containers", "wrong", "again and again", "stackctl -p shop logs api"),
        (api(state="dead"), "containers", "wrong", "could not be removed", "docker rm -f shop-api-1"),
        (api(state="removing"), "containers", "wrong", "is being removed", "docker rm -f shop-api-1"),
        (api(state="created"), "containers", "note", "never started", "stackctl -p shop up"),
        (api(name="shop-api-1.old"), "containers", "wrong", "was being replaced", "stackctl -p shop up"),
        (
            seen(volumes=(ObservedVolume(name="v", labels={**OF_SHOP, labels.KIND: labels.PENDING}),)),
            "containers",
            "wrong",
            "not all post_start commands of api in project shop have succeeded",
            "stackctl -p shop up",
        ),
        (
            replace(WELL, inspected={"1": ALIAS}),
            "names",
            "wrong",
            "shop-api-1 does not answer to api in shop_default",
            "stackctl -p shop up --force-recreate api",
        ),
        (here(locks=(HELD,)), "locks", "note", "project shop is held by process 7", "kill 7"),
        (here(locks=(replace(HELD, state="stopped"),)), "locks", "wrong", "which is stopped", "kill -CONT 7"),
        (here(locks=(replace(HELD, state="gone"),)), "locks", "wrong", "which has ended", "lsof"),
    ],
)
def test_what_is_odd_is_told_with_what_to_type(
    of: Examination, area: str, state: str, text: str, hint: str
) -> None:
    (found,) = odd(of)
    assert (found.area, found.state) == (area, state)
    assert text in found.text
    assert hint in found.hint


def test_without_an_engine_the_machine_is_told() -> None:
    found = findings(Examination(problem=("no engine", "start it"), machine=Machine(locks=(HELD,))))
    assert [(each.area, each.state) for each in found] == [
        ("engine", "wrong"),
        ("choice", "ok"),
        ("locks", "note"),
    ]


def test_a_container_that_has_replaced_another_is_not_odd() -> None:
    assert odd(api(labels={**OF_SHOP, labels.REPLACES: "0"})) == []


def test_what_a_run_is_about_to_do_is_not_odd() -> None:
    assert [
        each.area for each in odd(replace(api(name="shop-api-1.new"), machine=Machine(locks=(HELD,))))
    ] == ["locks"]


def test_other_projects_do_not_count_for_a_project() -> None:
    assert odd(replace(api(state="paused"), project="other", machine=Machine(locks=(HELD,)))) == []


def test_the_names_are_those_of_the_file() -> None:
    wanted = desired('[services.api]\nimage = "app:1"\nnetworks.default.aliases = ["web"]')
    (found,) = odd(replace(WELL, desired=wanted))
    assert found.text == "shop-api-1 does not answer to web in shop_default"


@given(st.lists(st.integers(0, 30), unique=True))
def test_each_subnet_takes_its_part_of_the_pools(taken: list[int]) -> None:
    parts = [f"172.{n}.0.0/16" for n in range(17, 32)] + [f"192.168.{16 * n}.0/20" for n in range(16)]
    assert free_subnets(USUAL_POOLS, [parts[n] for n in taken]) == (31 - len(taken), 31)


def test_a_subnet_within_a_part_and_one_above_it_take_what_they_overlap() -> None:
    assert free_subnets(USUAL_POOLS, ["192.168.1.0/27", "192.168.2.0/27"]) == (30, 31)
    assert free_subnets(USUAL_POOLS, ["172.16.0.0/12"]) == (16, 31)
    assert free_subnets(USUAL_POOLS, ["10.0.0.0/8", "fd00::/64"]) == (31, 31)
    assert free_subnets([Pool("10.0.0.0/8", 24)], ["10.1.0.0/16"]) == (65536 - 256, 65536)


@pytest.mark.parametrize(
    ("version", "host_ip", "told"),
    [
        ((1, 41), "127.0.0.1", True),
        ((1, 47), "::1", True),
        ((1, 48), "127.0.0.1", False),
        ((1, 41), "0.0.0.0", False),
    ],
)
def test_an_old_engine_leaves_loopback_ports_open_to_neighbours(
    version: tuple[int, int], host_ip: str, told: bool
) -> None:
    of = api(ports=(PublishedPort(80, "tcp", host_ip, 8080),))
    assert of.observed
    of = replace(of, observed=replace(of.observed, engine=replace(ENGINE, api=version)))
    found = [each for each in odd(of) if each.area == "ports"]
    assert [each.state for each in found] == ["note"] * told
    if told:
        assert found[0].text.startswith(
            "shop-api-1 (80): published on 127.0.0.1, but machines of the same network"
        )
