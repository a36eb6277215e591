"""What a look makes of an engine's refusal."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest
from http_server import Script, Scripted, says

from stackctl.engine.docker.look import DockerLook
from stackctl.engine.transport.byte_stream import ByteStream
from stackctl.engine.transport.client import RefusedError, WireClient
from stackctl.engine.transport.endpoint import Endpoint
from stackctl.engine.transport.wire import Wire
from stackctl.errors import EngineError


def refusal(message: str) -> Script:
    body = b'{"message":"%b"}' % message.encode()
    return says(b"HTTP/1.1 500 E\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%b" % (len(body), body))


@contextmanager
def looking(*answers: Script) -> Iterator[DockerLook]:
    """A look at an engine that answers one call after the other so."""
    server = Scripted(*answers)
    wire = Wire(lambda: ByteStream(server.pair()), {"Host": "docker"})
    with closing(WireClient(wire, "1.41", lambda error: EngineError(str(error)))) as client:
        yield DockerLook(client, Endpoint("unix:///x"))
    server.join()


def test_no_size_is_known_while_the_engine_counts_for_another_caller() -> None:
    with looking(refusal("a disk usage operation is already running")) as look:
        assert look.volume_sizes() == {}


def test_another_refusal_to_tell_sizes_is_an_error() -> None:
    with looking(refusal("the disk is gone")) as look, pytest.raises(RefusedError, match="disk is gone"):
        look.volume_sizes()


def test_an_engine_that_did_not_say_what_it_is_is_asked_again() -> None:
    with looking(refusal("not yet"), refusal("still not")) as look:
        look.expect()
        for said in ("not yet", "still not"):
            with pytest.raises(RefusedError, match=said):
                look.engine  # noqa: B018
