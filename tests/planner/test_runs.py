"""Test runs: what they have left is told by labels, and nothing but theirs is removed."""

from __future__ import annotations

import pytest
from msgspec import structs
from plan_world import stack

from stackctl.planner.reach.places import ServicePlace, planned_places
from stackctl.planner.runs.isolation import isolate, published
from stackctl.planner.runs.owner import Owner, unpack
from stackctl.planner.runs.runs import owners, plan_reap, replaced_images, strangers
from stackctl.planner.steps.actions import RemoveImage
from stackctl.planner.world import labels
from stackctl.planner.world.desire import desire
from stackctl.planner.world.observed import (
    Joined,
    Mounted,
    Observed,
    ObservedContainer,
    ObservedEngine,
    ObservedNetwork,
    ObservedVolume,
)

OWNER = Owner(pid=7, start="123", boot="b", space="here", uid=0)


def marks(run: str, project: str = "p", owner: str = "") -> dict[str, str]:
    return {labels.RUN: run, labels.PROJECT: project, labels.OWNER: owner or OWNER.pack()}


def observed() -> Observed:
    """What two runs have left, and what belongs to nobody's run."""
    return Observed(
        engine=ObservedEngine(id="e"),
        containers=(
            ObservedContainer(
                id="c1",
                name="one",
                labels=marks("r1"),
                networks=(Joined("n", "n1", ""),),
                mounts=(Mounted("volume", "v1", "/data"),),
            ),
            ObservedContainer(id="c2", name="two", labels=marks("r2", owner="broken")),
            ObservedContainer(id="c3", name="kept", labels=marks("r1", "kept")),
            ObservedContainer(id="c4", name="mine", labels={labels.PROJECT: "p"}),
        ),
        networks=(
            ObservedNetwork(id="n1", name="n", labels=marks("r1")),
            ObservedNetwork(id="n2", name="bridge"),
        ),
        volumes=(
            ObservedVolume(name="v1", labels=marks("r1")),
            ObservedVolume(name="v2", labels=marks("r2")),
            ObservedVolume(name="v3"),
        ),
    )


def test_only_what_carries_the_run_is_removed_and_in_order() -> None:
    assert str(plan_reap(["r1"], observed(), spared=["kept"])) == (
        "#1 RemoveContainer one, the run r1 has ended\n"
        "[1] -> #2 RemoveNetwork n, the run r1 has ended\n"
        "[1] -> #3 RemoveVolume v1, the run r1 has ended"
    )


def test_a_copier_that_holds_a_volume_of_the_run_goes_with_it_and_what_it_had_paused_goes_on() -> None:
    volume = ObservedVolume(name="v", labels=marks("r1"))
    seen = Observed(
        engine=ObservedEngine(id="e"),
        volumes=(volume,),
        containers=tuple(
            ObservedContainer(
                id=name,
                name=name,
                labels={labels.PROJECT: "p", **more},
                state="running" if more else "paused",
                mounts=(Mounted(type="volume", name="v", target="/from/0"),),
            )
            for name, more in {"copier": {labels.COPY: "mine,x"}, "mine": {}, "other": {}}.items()
        ),
    )
    steps = str(plan_reap(["r1"], seen)).splitlines()
    assert [step.partition(",")[0] for step in steps] == [
        "#1 RemoveContainer copier",
        "[1] -> #2 UnpauseContainer mine",
        "[1] -> #3 RemoveVolume v",
    ]


def test_an_image_is_replaced_that_lost_its_tag_to_a_build_and_that_nobody_uses() -> None:
    built = stack('[services.api]\nbuild = "."\n[services.db]\nimage = "db"\n')

    def seen(api: str, *there: str, user: str = "") -> Observed:
        images = {"shop-api:latest": api, "db:latest": "db1"} | {id_: id_ for id_ in (api, "db1", *there)}
        users = (ObservedContainer(id="c", name="c", image_id=user),) if user else ()
        return Observed(engine=ObservedEngine(id="e"), images=images, containers=users)

    before = seen("old")
    assert replaced_images(built, before, seen("new", "old")) == [RemoveImage("old", "shop-api")]
    assert replaced_images(built, before, seen("new", "old", user="old")) == []
    assert replaced_images(built, before, seen("new")) == [], "somebody was faster"
    assert replaced_images(built, before, before) == []
    assert replaced_images(built, Observed(engine=ObservedEngine(id="e")), before) == []


def test_a_container_goes_with_its_anonymous_volumes() -> None:
    (step, *_) = plan_reap(["r2"], observed()).steps
    assert getattr(step.action, "volumes", False)


def test_owners_are_read_from_labels() -> None:
    assert owners(observed()) == {"r1": OWNER, "r2": OWNER}
    broken = structs.replace(observed(), volumes=())
    assert owners(broken) == {"r1": OWNER, "r2": None}


def test_what_has_the_name_of_a_project_and_not_the_run_is_a_strangers() -> None:
    assert strangers(observed(), "p", "r1") == ["mine", "two", "v2"]
    assert strangers(observed(), "kept", "r1") == []
    assert strangers(observed(), "kept", "lasting") == ["kept"]


@pytest.mark.parametrize("label", [None, "", "{", "[]", "{}", '{"pid": 1}', "null", "7"])
def test_a_broken_owner_is_nobody(label: str | None) -> None:
    assert unpack(label) is None
    assert unpack(OWNER.pack()) == OWNER


STACK = """
[services.db]
image = "postgres:15"
volumes = ["data:/var/lib/postgresql/data"]
environment = { POSTGRES_PASSWORD = "x" }
[services.api]
image = "api"
ports = ["8000:80", "8001:80", "9000-9010:9000-9010", "53:53/udp"]
healthcheck = { http = ":8080/health" }
[services.inside]
image = "redis:7"
network_mode = "service:api"
[jobs.seed]
image = "postgres:15"
[volumes.data]
"""


def test_marks_are_on_everything_that_is_made_and_in_no_digest() -> None:
    plain = desire(isolate(stack(STACK), "t"), instance="i")
    marked = desire(isolate(stack(STACK), "t", marks=marks("r")), instance="i")
    made = [*(c.labels for c in marked.containers), *(n.labels for n in marked.networks)]
    made += [v.labels for v in marked.volumes]
    assert {each[labels.RUN] for each in made} == {"r"}
    assert [c.digest for c in plain.containers] == [c.digest for c in marked.containers]


def test_every_port_that_a_test_may_want_is_published_once() -> None:
    assert list(published(stack(STACK))) == [
        ("db", 5432, "tcp"),
        ("api", 80, "tcp"),
        ("api", 53, "udp"),
        ("api", 8080, "tcp"),
    ]


def test_chosen_host_ports_are_fixed_and_all_others_free() -> None:
    isolated = isolate(stack(STACK), "t", host_ports={("api", 80, "tcp"): 40000, ("db", 5432, "tcp"): 40001})
    wanted = {c.service: c for c in desire(isolated, instance="i").containers}
    assert [(p.target, p.published, p.host_ip) for p in wanted["db"].ports] == [(5432, "40001", "127.0.0.1")]
    assert [(p.target, p.published) for p in wanted["api"].ports if p.published] == [(80, "40000")]
    assert {p.host_ip for p in wanted["api"].ports} == {"127.0.0.1"}
    assert wanted["inside"].ports == wanted["seed"].ports == ()


def test_host_ports_of_the_file_stay_on_request() -> None:
    there = stack(
        """
[services.api]
image = "api"
ports = ["8000:80", "8001:80", "9000-9001:90-91", 70, "0.0.0.0:53:53/udp"]
healthcheck = { tcp = 80 }
[services.cache]
image = "redis:7"
"""
    )
    wanted = list(published(there, file_ports=True))
    assert wanted == [("api", 70, "tcp"), ("cache", 6379, "tcp")]
    chosen = {("api", 80, "tcp"): 40000, ("api", 70, "tcp"): 40001, ("cache", 6379, "tcp"): 40002}
    isolated = isolate(there, "t", host_ports=chosen, file_ports=True)
    ports = [port for service in isolated.everything.values() for port in service.ports]
    assert [f"{port.published}:{port.target}" for port in ports] == [
        "8000:80",
        "8001:80",
        "9000-9001:90-91",
        "40001:70",
        "53:53",
        "40002:6379",
    ]
    assert {port.host_ip for port in ports} == {None, "127.0.0.1"}
    assert planned_places(isolated, "here") == {
        "api": ServicePlace(
            {80: ("here", 8001), 90: ("here", 9000), 91: ("here", 9001), 70: ("here", 40001)}
        ),
        "cache": ServicePlace({6379: ("here", 40002)}),
    }


def test_in_memory_a_server_has_its_data_on_no_volume() -> None:
    wanted = {c.service: c for c in desire(isolate(stack(STACK), "t", memory=True), instance="i").containers}
    assert [(m.type, m.target) for m in wanted["db"].mounts] == [("tmpfs", "/var/lib/postgresql/data")]
    assert wanted["api"].mounts == ()
