"""The stack of one checkout among several: its name, and that it shares nothing with another checkout's."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from plan_world import stack

from stackctl.errors import SpecError
from stackctl.planner.runs.checkouts import (
    CheckoutPlace,
    checked_out,
    in_use,
    new_project,
    project_there,
    published,
)
from stackctl.planner.world import labels
from stackctl.planner.world.desire import desire
from stackctl.planner.world.observed import Observed, ObservedContainer, ObservedEngine, ObservedVolume


@pytest.mark.parametrize(
    ("checkout", "branch", "project"),
    [
        ("feature-1", "main", "shop-feature-1"),
        ("shop-feature-1", "main", "shop-feature-1"),
        ("Shop_Review #12", "main", "shop-review-12"),
        ("shopping", "main", "shop-shopping"),
        ("shop", "fix/Login", "shop-fix-login"),
        ("shop", "shop", "shop-1"),
        ("shop", "", "shop-1"),
        ("Ünï-日本", "", "shop-uni"),
        ("日本", "emoji/🚀", "shop-emoji"),
        ("a" * 60, "", f"shop-{'a' * 40}"),
    ],
)
def test_the_directory_gives_the_name_else_the_branch_else_a_number(
    checkout: str, branch: str, project: str
) -> None:
    assert new_project("shop", CheckoutPlace("/a/stack.toml", checkout, branch), lambda _: False) == project


def test_a_name_that_another_directory_has_gets_the_next_free_number() -> None:
    taken = {"shop-x", "shop-x-2", "shop-1"}
    assert new_project("shop", CheckoutPlace("/a/stack.toml", "x"), taken.__contains__) == "shop-x-3"
    assert new_project("shop", CheckoutPlace("/a/stack.toml", "shop"), taken.__contains__) == "shop-2"


def made(kind: str, project: str, source: str, checkout: str = "shop") -> Observed:
    """An engine that has one container or volume of a project."""
    said = {labels.PROJECT: project, labels.SOURCE: source, labels.CHECKOUT: checkout}
    said = {name: text for name, text in said.items() if text}
    found = Observed(engine=ObservedEngine(id="e"))
    if kind == "volume":
        return replace(found, volumes=(ObservedVolume(name="v", labels=said),))
    return replace(found, containers=(ObservedContainer(name="c", id="c", labels=said),))


@pytest.mark.parametrize("kind", ["container", "volume"])
def test_labels_tell_the_project_of_a_directory(kind: str) -> None:
    here = CheckoutPlace("/w/here/stack.toml", "here")
    assert project_there("shop", here, made(kind, "shop-old", "/w/here/other.toml")) == "shop-old"
    assert project_there("shop", here, made(kind, "shop-old", "/w/there/stack.toml")) is None
    assert project_there("shop", here, made(kind, "shop-api-here", "/w/here/s.toml", "shop-api")) is None
    assert project_there("shop", here, made(kind, "shop", "/w/here/stack.toml", "")) is None


def test_a_name_is_in_use_if_anything_of_it_is_not_of_this_directory() -> None:
    here = CheckoutPlace("/w/here/stack.toml", "here")
    assert in_use(made("container", "shop-x", "/w/here/stack.toml"), here) == set()
    assert in_use(made("container", "shop-x", "/w/there/stack.toml"), here) == {"shop-x"}
    assert in_use(made("volume", "shop-x", "", ""), here) == {"shop-x"}, "data of an unknown directory"
    compose = ObservedContainer(name="c", id="c", labels={labels.COMPOSE_PROJECT: "shop-x"})
    assert in_use(replace(made("container", "", ""), containers=(compose,)), here) == {"shop-x"}


TEXT = """
[services.db]
image = "postgres:15"
container_name = "postgres"
ports = ["5433:5432", "0.0.0.0:5433:5432", "5434:5432", "7000-7001:9000-9001", "53:53/udp"]
volumes = ["data:/var/lib/postgresql/data"]
environment = { POSTGRES_PASSWORD = "x" }
[services.web]
image = "redis:7"
ports = ["8080:80"]
deploy.replicas = 2
[services.api]
build = "."
networks = ["back", "shared"]
[jobs.migrate]
image = "shop-api"
[services.tool]
build = "tool"
image = "acme/tool:dev"
[jobs.uses]
image = "acme/tool:dev"
[networks.back]
name = "net"
[networks.shared]
external = true
[volumes.data]
name = "precious"
"""


def test_names_ports_images_networks_and_volumes_of_its_own() -> None:
    given = stack(TEXT)
    wanted = [*published(given)]
    assert wanted == [
        ("db", 53, "udp"),
        ("db", 5432, "tcp"),
        ("db", 9000, "tcp"),
        ("db", 9001, "tcp"),
    ]
    own = checked_out(given, "shop-x", dict(zip(wanted, range(20001, 20005), strict=True)), "10.0.0.0/8")
    found = desire(own, instance="i")
    by_name = {container.service: container for container in found.containers if container.number == 1}
    assert [str(port) for port in by_name["db"].ports] == [
        "127.0.0.1:20002→5432",
        "0.0.0.0:20002→5432",
        "127.0.0.1:20003→9000",
        "127.0.0.1:20004→9001",
        "127.0.0.1:20001→53/udp",
    ], "a port once at each address; a range as single ports"
    assert [port.published for port in by_name["web"].ports] == [""], "two containers: the engine chooses"
    assert {name: container.image for name, container in by_name.items()} == {
        "db": "postgres:15",
        "web": "redis:7",
        "api": "shop-x-api",
        "migrate": "shop-x-api",
        "tool": "acme/tool:shop-x",
        "uses": "acme/tool:shop-x",
    }
    assert (by_name["db"].name, by_name["db"].networks[0].aliases[-1]) == ("shop-x-db-1", "postgres")
    assert {network.name for network in found.networks} == {"shop-x_default", "shop-x_net", "shared"}
    assert {network.pool for network in found.networks} == {"10.0.0.0/8", ""}, "not of the external one"
    (volume,) = found.volumes
    assert volume.name == "shop-x_precious"
    assert (volume.labels[labels.CHECKOUT], volume.labels[labels.SOURCE]) == ("shop", found.source)
    assert by_name["db"].digest == desire(replace(own, marks={}), instance="i").containers[0].digest


def test_data_that_two_checkouts_would_write_to_is_refused() -> None:
    def refused(mount: str, more: str = "") -> list[str]:
        text = f'[services.db]\nimage = "postgres:15"\nvolumes = ["{mount}:/var/lib/postgresql/data"]\n{more}'
        try:
            checked_out(stack(text), "shop-x", {})
        except SpecError as error:
            return [problem.where for problem in error.problems]
        return []

    assert refused("/srv/data") == refused("../data") == refused("~/data") == ["services.db.volumes[0]"]
    assert refused("./data") == refused("./a/../data") == []
    assert refused("data", "[volumes.data]\nexternal = true") == ["volumes.data"]
