"""What logs make of a container that goes away."""

from __future__ import annotations

import pytest
from http_server import Script, asking, refuses, tells

from stackctl.engine.talk.logs import logs
from stackctl.engine.transport.client import RefusedError

THERE = tells({"Config": {"Tty": False}, "State": {"Running": True}})


@pytest.mark.parametrize(
    "refusal",
    [
        refuses(409, "can not get logs from container which is dead or marked for removal"),
        refuses(404, "No such container: web"),
    ],
    ids=["going", "gone"],
)
def test_a_container_that_is_being_removed_has_no_more_lines(refusal: Script) -> None:
    gone = refuses(404, "No such container: web")
    with asking(THERE, refusal, THERE, refusal, gone) as client:
        assert [*logs(client, ["web"], follow=True)] == []


def test_another_refusal_to_tell_logs_is_an_error() -> None:
    refusal = refuses(501, "configured logging driver does not support reading")
    with asking(THERE, refusal) as client, pytest.raises(RefusedError, match="does not support reading"):
        [*logs(client, ["web"])]
