"""A process whose tests guard their sockets, as pytest-socket does."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator

import pytest
import pytest_socket

from stackctl.engine.host import free_ports
from stackctl.engine.ready.probe import UnreachableError, ask_from_outside
from stackctl.engine.ready.target import ContainerState
from stackctl.engine.transport.byte_stream import sockets_are_guarded
from stackctl.errors import EngineError
from stackctl.looking import connect
from stackctl.planner.world.probes import TcpProbe


@pytest.fixture
def sockets(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a guard puts in their place goes away at the end."""
    for name in ("socket", "getaddrinfo", "gethostbyname"):
        monkeypatch.setattr(socket, name, getattr(socket, name))
    monkeypatch.setattr(socket.socket, "connect", socket.socket.connect)


@pytest.fixture
def port() -> Iterator[int]:
    """A server on 127.0.0.1 that says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        taken: list[socket.socket] = []

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    taken.append(server.accept()[0])

        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
        thread.join()
        for each in taken:
            each.close()


def there(port: int) -> ContainerState:
    """A container whose port 80 can be reached at its own address (nobody listens there), and on the host."""
    return ContainerState(state="running", addresses=("127.0.0.9",), published={80: ("127.0.0.1", port)})


@pytest.mark.usefixtures("sockets")
def test_a_container_is_asked_at_its_published_port(port: int) -> None:
    """Without a warning of the guard, which would be an error here."""
    assert not ask_from_outside(TcpProbe(80), there(port), 2).ready
    pytest_socket.socket_allow_hosts(["127.0.0.1"])
    assert sockets_are_guarded()
    assert ask_from_outside(TcpProbe(80), there(port), 2).ready


@pytest.mark.usefixtures("sockets")
def test_a_published_port_that_may_not_be_dialled_either_is_told_at_once(port: int) -> None:
    pytest_socket.disable_socket(allow_unix_socket=True)
    assert sockets_are_guarded()
    with pytest.raises(UnreachableError) as caught:
        ask_from_outside(TcpProbe(80), there(port), 2)
    assert caught.value.message.startswith(
        "port 80 cannot be asked, because the tests guard their sockets: A test"
    )
    assert "--allow-hosts=127.0.0.1" in caught.value.hint


@pytest.mark.usefixtures("sockets")
@pytest.mark.parametrize("host", ["unix:///var/run/docker.sock", "tcp://127.0.0.1:2375"])
def test_an_engine_that_may_not_be_dialled_is_told_with_the_option_that_lets_it_through(host: str) -> None:
    pytest_socket.disable_socket()
    with pytest.raises(EngineError) as caught:
        connect(host)
    assert f"cannot reach the Docker engine at {host}: A test tried to use" in caught.value.message
    assert "--allow-unix-socket" in caught.value.hint


@pytest.mark.usefixtures("sockets")
def test_ports_that_cannot_be_tried_count_as_free() -> None:
    pytest_socket.disable_socket()
    assert len(set(free_ports(["tcp", "tcp", "udp"]))) == 3


@pytest.mark.usefixtures("sockets")
def test_sockets_after_a_guard_are_not_guarded() -> None:
    before = socket.socket.connect
    pytest_socket.socket_allow_hosts(["127.0.0.1"])
    socket.socket.connect = before  # type: ignore[method-assign]
    assert not sockets_are_guarded()
