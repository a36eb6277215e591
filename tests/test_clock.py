"""A test may stop the clock; what stackctl waits for ends nevertheless."""

from __future__ import annotations

import socket
import time

import pytest
from freezegun import freeze_time

from stackctl.engine.talk.frames import DeadlineError, Frames, talk
from stackctl.engine.transport.byte_stream import ByteStream
from stackctl.engine.transport.duplex import Duplex
from stackctl.real import monotonic, real_time


def test_the_clocks_go_on_while_a_test_has_stopped_them() -> None:
    before = real_time(), monotonic()
    with freeze_time("2001-02-03"):
        assert time.time() < before[0] - 3600
        assert before[0] <= real_time() < before[0] + 3600
        assert before[1] <= monotonic() < before[1] + 3600


def test_a_deadline_ends_a_talk_while_a_test_has_stopped_the_clock() -> None:
    here, there = socket.socketpair()
    with here, there, freeze_time("2001-02-03"), pytest.raises(DeadlineError):
        list(talk(Duplex(ByteStream(here), b""), Frames(), bytearray(), monotonic() + 0.05))
