"""What an engine shares with this machine: three facts, and what follows from each."""

import socket
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stackctl import api
from stackctl.engine.docker.sharing import Sharing, sharing
from stackctl.engine.host import free_ports
from stackctl.engine.memory import MemoryEngine
from stackctl.errors import PreflightError, SpecError
from stackctl.planner.steps.actions import CreateContainer
from stackctl.planner.world.observed import ImageConfig, ObservedEngine
from stackctl.project import Project
from stackctl.spec.model import Stack

SOCKET = "unix:///var/run/docker.sock"
ALL = Sharing(loopback=True, paths=True, addresses=True, clock=True)
ROOTLESS = Sharing(loopback=True, paths=True, clock=True)
DESKTOP = Sharing(loopback=True, paths=True)
LOOPBACK = Sharing(loopback=True)
NOTHING = Sharing()


@pytest.mark.parametrize(
    ("endpoint", "info", "platform", "found"),
    [
        (SOCKET, {"OperatingSystem": "Debian GNU/Linux 12"}, "linux", ALL),
        (SOCKET, {"SecurityOptions": ["name=seccomp", "name=rootless"]}, "linux", ROOTLESS),
        (SOCKET, {"OperatingSystem": "Docker Desktop"}, "linux", DESKTOP),  # Linux and WSL
        (SOCKET, {"OperatingSystem": "Docker Desktop"}, "darwin", DESKTOP),
        (SOCKET, {"OperatingSystem": "Ubuntu 24.04"}, "darwin", DESKTOP),  # OrbStack, Colima
        ("tcp://localhost:2375", {"OperatingSystem": "Docker Desktop"}, "linux", DESKTOP),
        ("tcp://127.0.0.1:2375", {"Name": "here"}, "linux", LOOPBACK),
        ("tcp://127.0.0.1:2375", {"Name": "a-tunnels-end"}, "linux", NOTHING),
        ("tcp://[::1]:2375", {"Name": "here"}, "linux", LOOPBACK),
        ("tcp://docker:2375", {"Name": "here"}, "linux", NOTHING),
        ("ssh://far", {"Name": "here"}, "linux", NOTHING),
        ("ssh://me@localhost", {"OperatingSystem": "Docker Desktop"}, "darwin", NOTHING),
    ],
)
def test_what_tells_what_is_shared(
    endpoint: str, info: dict[str, Any], platform: str, found: Sharing
) -> None:
    assert sharing(endpoint, info, platform=platform, hostname="here") == found


FAR = "tcp://10.0.0.5:2376"
KINDS = {
    "linux": ObservedEngine(id="linux", endpoint=SOCKET),
    "desktop": ObservedEngine(id="desktop", endpoint=SOCKET, reaches_containers=False),
    "loopback": ObservedEngine(
        id="loopback", endpoint="tcp://127.0.0.1:2375", shares_paths=False, reaches_containers=False
    ),
    "far": ObservedEngine(
        id="far", endpoint=FAR, shares_loopback=False, shares_paths=False, reaches_containers=False
    ),
}
STACK = '[services.web]\nimage = "busybox"\nports = ["{port}:80"]\n'


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def engine(kind: str) -> MemoryEngine:
    return MemoryEngine({"busybox": ImageConfig()}, info=KINDS[kind])


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def stack(directory: Path, text: str) -> Stack:
    (directory / "stack.toml").write_text(text)
    return api.load(directory / "stack.toml", name=f"sharing-{uuid.uuid4().hex[:8]}")


def test_a_port_without_an_address_is_published_where_loopback_is_shared(
    kind: str, engine: MemoryEngine, tmp_path: Path
) -> None:
    wanted = stack(tmp_path, STACK.format(port=free_ports(["tcp"])[0]))
    if kind == "far":
        with pytest.raises(SpecError, match="port 80 names no address"):
            api.plan(wanted, engine)
        return
    (spec,) = (s.action.spec for s in api.plan(wanted, engine).steps if isinstance(s.action, CreateContainer))
    assert [port.host_ip for port in spec.ports] == ["127.0.0.1"]


def test_ports_of_other_processes_are_seen_where_loopback_is_shared(
    kind: str, engine: MemoryEngine, tmp_path: Path, listener: socket.socket
) -> None:
    wanted = stack(tmp_path, STACK.format(port=listener.getsockname()[1]))
    selection = api.Selection(publish_host="127.0.0.1")
    if kind == "far":
        assert api.plan(wanted, engine, selection=selection).changes
    else:
        with pytest.raises(PreflightError, match="taken"):
            api.plan(wanted, engine, selection=selection)


def test_paths_are_looked_at_where_they_are_shared(kind: str, engine: MemoryEngine, tmp_path: Path) -> None:
    wanted = stack(tmp_path, '[services.web]\nimage = "busybox"\nvolumes = ["./not-there:/data"]\n')
    if kind in ("linux", "desktop"):
        with pytest.raises(PreflightError, match="not-there"):
            api.plan(wanted, engine)
    else:
        assert api.plan(wanted, engine).changes


def test_a_container_has_its_own_address_where_that_can_be_reached(
    kind: str, engine: MemoryEngine, tmp_path: Path
) -> None:
    wanted = stack(tmp_path, '[services.web]\nimage = "busybox"\nports = ["80"]\n')
    published_at = "10.0.0.5" if kind == "far" else None
    list(api.up(wanted, engine, selection=api.Selection(publish_host=published_at)))
    place = Project(wanted, engine).places()["web"]
    assert bool(place.address) == (kind == "linux")
    host, _ = place.published[80]
    assert host == ("10.0.0.5" if kind == "far" else "127.0.0.1")
