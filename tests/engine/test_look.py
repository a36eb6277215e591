"""What a look makes of an engine's refusal."""

from __future__ import annotations

import pytest
from http_server import asking, refuses

from stackctl.engine.docker.look import DockerLook
from stackctl.engine.transport.client import RefusedError, WireClient
from stackctl.engine.transport.endpoint import Endpoint


def look_through(client: WireClient) -> DockerLook:
    return DockerLook(client, Endpoint("unix:///x"))


def test_no_size_is_known_while_the_engine_counts_for_another_caller() -> None:
    with asking(refuses(500, "a disk usage operation is already running")) as client:
        assert look_through(client).volume_sizes() == {}


def test_another_refusal_to_tell_sizes_is_an_error() -> None:
    with (
        asking(refuses(500, "the disk is gone")) as client,
        pytest.raises(RefusedError, match="disk is gone"),
    ):
        look_through(client).volume_sizes()


def test_an_engine_that_did_not_say_what_it_is_is_asked_again() -> None:
    with asking(refuses(500, "not yet"), refuses(500, "still not")) as client:
        look = look_through(client)
        look.expect()
        for said in ("not yet", "still not"):
            with pytest.raises(RefusedError, match=said):
                look.engine  # noqa: B018
