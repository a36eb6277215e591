"""The container of `debug`: which image it is made from, and what it shares with the service."""

from __future__ import annotations

import pytest
from plan_world import desired, stack

from stackctl.planner.life.debug import DebugTarget, debugged, image_with_shell, with_target
from stackctl.planner.life.one_off import with_one_off, with_variant
from stackctl.planner.life.options import RunOptions
from stackctl.planner.world.desired import DesiredContainer
from stackctl.planner.world.inspected import Inspected, InspectedMount

TEXT = """
[services.api]
image = "app:1"
environment.NAME = "x"
read_only = true
cap_drop = ["ALL"]
networks = ["back"]
volumes = ["data:/data", "other:/other"]
[jobs.seed]
image = "app:1"
[networks.back]
[volumes.data]
[volumes.other]
"""


@pytest.mark.parametrize(
    ("refs", "found"),
    [
        ([], None),
        (["app:1", "sha256:12", "busybox@sha256:12", "redis:7"], None),
        (
            ["debian:12", "alpine:3", "docker.io/library/busybox:1.36", "my/busybox"],
            "docker.io/library/busybox:1.36",
        ),
        (["ubuntu", "debian:12", "debian:11"], "debian:11"),
    ],
)
def test_the_same_images_give_the_same_one(refs: list[str], found: str | None) -> None:
    assert image_with_shell(refs) == found
    assert image_with_shell(reversed(refs)) == found


def one_off(name: str, state: str, **more: str) -> DesiredContainer:
    container = Inspected(
        id="1",
        name="shop-api-1",
        state=state,
        mounts=(
            InspectedMount(type="volume", name="shop_data", source="/var/x", target="/data"),
            InspectedMount(type="volume", name="f" * 64, target="/cache"),
            InspectedMount(type="bind", source="/srv", target="/srv", read_only=True),
            InspectedMount(type="tmpfs", target="/tmp"),
        ),
        **more,  # type: ignore[arg-type]
    )
    target, options = DebugTarget(container=container), RunOptions(entrypoint=("/bin/sh",), remove=True)
    made = with_variant(debugged(stack(TEXT), name, "busybox", target), name, options)
    return with_target(with_one_off(desired(made, services=[name]), name, "c", options), target).containers[
        -1
    ]


@pytest.mark.parametrize("name", ["api", "seed"])
def test_beside_a_container_that_runs_it_shares_what_that_one_has(name: str) -> None:
    own = one_off(name, "running", network_mode="shop_back")
    assert (own.image, own.entrypoint, own.kind, own.auto_remove) == ("busybox", ("/bin/sh",), "run", True)
    assert (own.network_mode, own.pid, own.networks) == ("container:1", "container:1", ())
    assert (own.settings.read_only, own.settings.cap_drop, own.settings.cap_add) == (
        False,
        (),
        ("SYS_PTRACE",),
    )
    assert [(mount.type, mount.source, mount.target, mount.read_only) for mount in own.mounts] == [
        ("volume", "shop_data", "/data", False),
        ("volume", "f" * 64, "/cache", False),
        ("bind", "/srv", "/srv", True),
    ]


@pytest.mark.parametrize("mode", ["host", "none", "container:2"])
def test_a_container_without_a_network_of_its_own_has_none_to_share(mode: str) -> None:
    assert one_off("api", "paused", network_mode=mode).network_mode == mode


@pytest.mark.parametrize("state", ["exited", "created", "restarting"])
def test_what_has_crashed_gets_its_networks_and_the_volumes_of_its_last_container(state: str) -> None:
    own = one_off("api", state, network_mode="shop_back")
    assert (own.network_mode, own.pid) == (None, None)
    assert [place.network for place in own.networks] == ["shop_back"]
    assert own.environment == {"NAME": "x"}
    assert [mount.target for mount in own.mounts] == ["/data", "/cache", "/srv"]
