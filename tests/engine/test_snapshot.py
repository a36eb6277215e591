"""The engine's list answers → Observed."""

from __future__ import annotations

from typing import Any

import pytest

from stackctl.engine.docker import snapshot
from stackctl.planner.world.observed import ImageConfig, Joined, Mounted, ObservedEngine, PublishedPort

ENGINE = ObservedEngine(id="E")

# As Engine 20.10 answers GET /containers/json?all=1.
ROW: dict[str, Any] = {
    "Id": "e7f57776eb48",
    "Names": ["/shop-web-1", "/other/alias"],
    "Image": "web:1",
    "ImageID": "sha256:b995",
    "Command": "sleep 100",
    "Created": 1795323671,
    "Ports": [
        {"PrivatePort": 9000, "Type": "tcp"},
        {"IP": "127.0.0.1", "PrivatePort": 80, "PublicPort": 8080, "Type": "tcp"},
        {"IP": "::1", "PrivatePort": 80, "PublicPort": 8080, "Type": "tcp"},
    ],
    "Labels": {"stackctl.project": "shop", "stackctl.service": "web"},
    "State": "running",
    "Status": "Up 3 minutes (health: starting)",
    "HostConfig": {"NetworkMode": "fa9f"},
    "NetworkSettings": {"Networks": {"shop_default": {"NetworkID": "fa9f", "IPAddress": "172.27.0.2"}}},
    "Mounts": [
        {"Type": "volume", "Name": "shop_data", "Source": "/var/lib/x", "Destination": "/data"},
        {"Type": "bind", "Source": "/src", "Destination": "/app"},
        {"Type": "tmpfs", "Destination": "/t"},
    ],
}


def test_a_running_container() -> None:
    seen = snapshot.container(ROW, {})
    assert (seen.id, seen.name, seen.image, seen.image_id) == (
        "e7f57776eb48",
        "shop-web-1",
        "web:1",
        "sha256:b995",
    )
    assert (seen.state, seen.health, seen.exit_code, seen.created) == (
        "running",
        "starting",
        None,
        1795323671.0,
    )
    assert (seen.project, seen.service) == ("shop", "web")
    assert seen.ports == (
        PublishedPort(80, "tcp", "127.0.0.1", 8080),
        PublishedPort(80, "tcp", "::1", 8080),
    )
    assert seen.mounts == (
        Mounted("volume", "shop_data", "/data"),
        Mounted("bind", "/src", "/app"),
        Mounted("tmpfs", "", "/t"),
    )
    assert seen.networks == (Joined("shop_default", "fa9f", "172.27.0.2"),)
    assert seen.network_mode == "fa9f"


@pytest.mark.parametrize(
    ("state", "status", "health", "exit_code"),
    [
        ("running", "Up 2 hours", "", None),
        ("running", "Up About a minute (healthy)", "healthy", None),
        ("running", "Up 5 seconds (unhealthy)", "unhealthy", None),
        ("paused", "Up 3 minutes (Paused)", "", None),
        ("exited", "Exited (137) 2 hours ago", "", 137),
        ("exited", "Exited (0) Less than a second ago", "", 0),
        ("restarting", "Restarting (1) 4 seconds ago", "", 1),
        ("created", "Created", "", None),
        ("removing", "Removal In Progress", "", None),
    ],
)
def test_health_and_exit_code_are_read_from_the_status(
    state: str, status: str, health: str, exit_code: int | None
) -> None:
    seen = snapshot.container(ROW | {"State": state, "Status": status}, {})
    assert (seen.state, seen.health, seen.exit_code) == (state, health, exit_code)


@pytest.mark.parametrize(("field", "health"), [("healthy", "healthy"), ("none", "")])
def test_a_field_for_health_wins_over_the_status(field: str, health: str) -> None:
    assert snapshot.container(ROW | {"Health": {"Status": field, "FailingStreak": 0}}, {}).health == health


def test_the_network_of_a_container_that_never_ran_is_found_by_its_name_if_only_one_has_it() -> None:
    row = ROW | {"NetworkSettings": {"Networks": {"a": {"NetworkID": ""}, "twice": {"NetworkID": ""}}}}
    networks = [{"Id": "1", "Name": "a"}, {"Id": "2", "Name": "twice"}, {"Id": "3", "Name": "twice"}]
    seen = snapshot.observed(ENGINE, containers=[row], networks=networks, volumes=None, images=[])
    assert seen.containers[0].networks == (Joined("a", "1", ""), Joined("twice", "", ""))


def test_podman_gives_the_name_of_a_network_for_its_id() -> None:
    row = ROW | {"NetworkSettings": {"Networks": {"a": {"NetworkID": "a", "IPAddress": "10.89.0.2"}}}}
    seen = snapshot.observed(
        ENGINE, containers=[row], networks=[{"Id": "1", "Name": "a"}], volumes=None, images=[]
    )
    assert seen.containers[0].networks == (Joined("a", "1", "10.89.0.2"),)


def test_what_engines_leave_out_or_give_as_null_is_no_error() -> None:
    seen = snapshot.observed(
        ENGINE,
        containers=[{"Id": "0123456789abcdef", "Names": None, "Labels": None, "Ports": None, "Mounts": None}],
        networks=[{"Id": "1", "Name": "n", "Labels": None}],
        volumes={"Volumes": None, "Warnings": None},
        images=[{"Id": "sha256:1", "RepoTags": None, "RepoDigests": None}],
    )
    assert seen.containers[0].name == "0123456789ab"
    assert seen.networks[0].labels == {}
    assert seen.volumes == ()
    assert seen.images == {"sha256:1": "sha256:1"}


@pytest.mark.parametrize(
    ("api", "labels", "created"),
    [
        ((1, 42), None, 86400.0),
        ((1, 41), None, 0.0),
        ((1, 41), {"stackctl.created": "1000"}, 1000.0),
        ((1, 42), {"stackctl.created": "1000"}, 1000.0),
        ((1, 42), {"stackctl.created": "yesterday"}, 86400.0),
    ],
)
def test_volumes_know_when_they_were_made(
    api: tuple[int, int], labels: dict[str, str] | None, created: float
) -> None:
    """Engines before 23.0 (API 1.42) tell when the volume's directory last changed."""
    row = {"Name": "v", "Driver": "local", "CreatedAt": "1970-01-02T00:00:00Z", "Labels": labels}
    engine = ObservedEngine(id="E", api=api)
    seen = snapshot.observed(engine, containers=[], networks=[], volumes={"Volumes": [row]}, images=[])
    assert [(v.name, v.created) for v in seen.volumes] == [("v", created)]


@pytest.mark.parametrize("text", [None, "", "yesterday"])
def test_no_time_is_zero(text: str | None) -> None:
    assert snapshot.epoch(text) == 0.0


def test_images_are_known_by_tag_digest_id_and_the_short_form() -> None:
    rows = [
        {"Id": "sha256:1", "RepoTags": ["redis:7"], "RepoDigests": ["redis@sha256:abc"]},
        {"Id": "sha256:2", "RepoTags": ["<none>:<none>"], "RepoDigests": ["<none>@<none>"]},
        {
            "Id": "sha256:3",
            "RepoTags": ["localhost/own:1", "docker.io/library/nginx:1", "docker.io/me/app:2"],
        },
    ]
    ids = snapshot.image_ids(rows)
    assert (ids["redis:7"], ids["redis@sha256:abc"], ids["sha256:2"]) == ("sha256:1", "sha256:1", "sha256:2")
    assert {ids["own:1"], ids["nginx:1"], ids["me/app:2"], ids["docker.io/library/nginx:1"]} == {"sha256:3"}
    assert not [ref for ref in ids if "<none>" in ref]


def test_podmans_states_are_told_in_dockers_words() -> None:
    assert snapshot.container(ROW | {"State": "configured"}, {}).state == "created"
    assert snapshot.container(ROW | {"State": "stopped"}, {}).state == "exited"


def test_what_an_image_brings_along() -> None:
    answer = {
        "Config": {
            "Volumes": {"/b": {}, "/a": {}},
            "Entrypoint": ["entry.sh"],
            "Cmd": ["serve"],
            "Healthcheck": {"Test": ["CMD", "true"]},
        }
    }
    assert snapshot.image_config(answer) == ImageConfig(
        volumes=("/a", "/b"), entrypoint=("entry.sh",), command=("serve",), healthcheck=True
    )
    assert (
        snapshot.image_config({"Config": {"Healthcheck": {"Test": ["NONE"]}, "Cmd": None}}) == ImageConfig()
    )
    assert snapshot.image_config({}) == ImageConfig()


@pytest.mark.parametrize(
    ("told", "ahead"),
    [("1970-01-01T00:16:45.500000001Z", 4.5), ("1970-01-01T01:16:35+01:00", -6.0), (None, 0.0), ("now", 0.0)],
)
def test_a_clock_is_compared_with_the_middle_of_the_question(told: str | None, ahead: float) -> None:
    assert snapshot.clock_ahead({"SystemTime": told}, 1000.0, 1002.0) == pytest.approx(ahead)
