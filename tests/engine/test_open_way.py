from __future__ import annotations

from pathlib import Path

import pytest

from stackctl.engine.transport.connect import connect
from stackctl.engine.transport.endpoint import Endpoint, Tls
from stackctl.errors import EngineError, UsageError


@pytest.mark.parametrize(
    ("host", "tls", "open_"),
    [
        ("tcp://build.example:2375", None, True),
        ("tcp://build.example:2376", Tls(), False),
        ("tcp://127.0.0.1:2375", None, False),
        ("tcp://localhost:2375", None, False),
        ("ssh://build.example", None, False),
        ("unix:///var/run/docker.sock", None, False),
    ],
)
def test_only_tcp_without_tls_to_another_machine_is_open(host: str, tls: Tls | None, open_: bool) -> None:
    assert Endpoint(host, tls=tls).is_open is open_


def test_an_open_way_has_to_be_allowed(tmp_path: Path) -> None:
    environ = {"HOME": str(tmp_path)}
    with pytest.raises(UsageError, match="nothing protects the way to it"):
        connect("tcp://engine.invalid:2375", environ=environ)
    with pytest.raises(EngineError):
        connect("tcp://engine.invalid:2375", environ=environ, insecure=True)
