"""Answers that no engine gives, or that are not true: a proxy or a login page stands between, or the engine is ill."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from http_server import asking, keeps_open, refuses, says, tells

from stackctl.engine.docker import lifecycle
from stackctl.engine.transport.endpoint import Endpoint
from stackctl.engine.transport.link import Link
from stackctl.errors import EngineError

REMOVALS: list[Callable[[Any], object]] = [
    lambda client: lifecycle.remove_container(client, "c", volumes=False),
    lambda client: lifecycle.remove_network(client, "n", "shop_default"),
    lambda client: lifecycle.remove_volume(client, "v"),
    lambda client: lifecycle.remove_image(client, "i", "shop-web"),
    lambda client: lifecycle.stop(client, "c", 0),
]


@pytest.mark.parametrize("remove", REMOVALS)
def test_what_is_said_to_be_gone_and_is_there_is_not_gone(remove: Callable[[Any], object]) -> None:
    there = asking(refuses(404, "page not found"), tells({}))
    with there as client, pytest.raises(EngineError, match="page not found"):
        remove(client)
    with asking(refuses(404, "no such thing"), refuses(404, "no such thing")) as client:
        remove(client)


def test_an_answer_that_is_no_json_is_an_error_of_the_engine() -> None:
    page = b"<html>Please log in</html>"
    answer = asking(says(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(page), page)))
    with (
        answer as client,
        pytest.raises(EngineError, match="its answer cannot be read: '<html>Please log in"),
    ):
        client.get("info")
    page = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n%b" % (len(page), page)
    with (
        asking(says(page)) as client,
        pytest.raises(EngineError, match="its answer cannot be read: '<html>Please log in"),
        client.hijack("containers", "c", "attach"),
    ):
        pytest.fail("a page is no conversation")


def test_a_conversation_that_does_not_begin_is_given_up() -> None:
    with asking(keeps_open()) as client:
        client.answer_timeout = 0.1
        with pytest.raises(EngineError), client.hijack("exec", "e", "start"):
            pass


@pytest.mark.parametrize("said", ["soon", "0", "-1", "nan", "inf"])
def test_a_time_limit_must_be_a_number_of_seconds(said: str, tmp_path: Path) -> None:
    environ = {"STACKCTL_ENGINE_TIMEOUT": said, "DOCKER_API_VERSION": "1.41", "DOCKER_CONFIG": str(tmp_path)}
    with pytest.raises(EngineError, match="no number of seconds"):
        Link(Endpoint(f"unix://{tmp_path}/engine.sock"), environ)
    Link(Endpoint(f"unix://{tmp_path}/engine.sock"), environ | {"STACKCTL_ENGINE_TIMEOUT": "9"}).close()
