"""What other engines than the one of the tests answer, written down here. `make test-engines` runs the tests on these engines."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

import pytest
from http_server import asking, refuses, tells

from stackctl.engine.docker import lifecycle, made
from stackctl.engine.transport.client import Client, RefusedError
from stackctl.planner.same.side import Thing


@contextmanager
def engine(status: int, message: str) -> Iterator[Client]:
    """An engine that refuses whatever it is asked for."""
    with asking(refuses(status, message)) as client:
        yield cast("Client", client)


def test_a_newer_engine_says_twice_what_it_cannot_do() -> None:
    said = "cannot kill container: shop-web-1: invalid signal: SIGNONE"
    with (
        engine(500, said) as client,
        pytest.raises(RefusedError, match=r"^cannot kill shop-web-1: invalid signal: SIGNONE$"),
    ):
        lifecycle.control(client, "shop-web-1", "shop-web-1", "kill", signal="SIGNONE")


def test_a_kill_ends_when_the_engine_lists_the_container_as_ended() -> None:
    """Engine 28 lists it as it was before for some milliseconds more."""
    with asking(tells({}), tells([{"State": "running"}]), tells([])) as client:
        lifecycle.kill(cast("Client", client), "1234", "shop-web-1")
    with asking(tells({})) as client:
        lifecycle.kill(cast("Client", client), "1234", "shop-web-1", "SIGHUP")


def test_podman_cannot_change_a_restart_policy_and_needs_not() -> None:
    with engine(404, "Not Found") as client:
        lifecycle.set_restart(client, "shop-web-1", {"Name": "no"})
    with engine(404, "No such container: shop-web-1") as client, pytest.raises(RefusedError):
        lifecycle.set_restart(client, "shop-web-1", {"Name": "no"})


def test_the_label_that_a_newer_engine_gives_anonymous_volumes_is_no_difference() -> None:
    anonymous = {"com.docker.volume.anonymous": ""}
    assert made.volume({"Name": "v", "Labels": anonymous}) == made.volume({"Name": "v", "Labels": {}})

    def container(labels: dict[str, str]) -> Thing:
        mounts = [{"Type": "volume", "Target": "/data", "VolumeOptions": {"Labels": labels}}]
        answer = {"Id": "1", "Name": "/web", "Config": {}, "HostConfig": {"Mounts": mounts}}
        return made.container(answer, None, moved=False, names={})

    assert container(anonymous) == container({})
    assert container({"mine": ""}) != container({})
