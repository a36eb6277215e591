"""What this machine says about ports and paths."""

import os
import socket
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from stackctl.engine.host import free_ports, give_back, host_facts
from stackctl.planner.before.situation import HostFacts

linux = pytest.mark.skipif(sys.platform != "linux", reason="processes are found in /proc")


def test_nothing_asked_nothing_found() -> None:
    assert host_facts((), ()) == HostFacts()


@linux
def test_a_taken_port_names_its_holder_and_a_free_one_next_to_it() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port = server.getsockname()[1]
        facts = host_facts({("127.0.0.1", port, "tcp")}, ())
    assert facts.busy.keys() == {("127.0.0.1", port, "tcp")}
    assert facts.busy["127.0.0.1", port, "tcp"].startswith(f"process {os.getpid()} (")
    assert facts.free[port] > port
    with closing(socket.create_server(("127.0.0.1", facts.free[port]))):
        pass


@linux
def test_a_holder_in_another_process_is_named_with_its_command() -> None:
    code = "import socket,sys; s=socket.create_server(('127.0.0.1',0)); print(s.getsockname()[1],flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        port = int(process.stdout.readline())
        holder = host_facts({("0.0.0.0", port, "tcp")}, ()).busy["0.0.0.0", port, "tcp"]
        process.communicate("")
    assert holder.startswith(f"process {process.pid} ({sys.executable} -c import socket")


def test_all_addresses_clash_with_one_and_other_addresses_do_not() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port = server.getsockname()[1]
        assert host_facts({("0.0.0.0", port, "tcp")}, ()).busy
        assert not host_facts({("127.0.0.2", port, "tcp")}, ()).busy
        assert not host_facts({("127.0.0.1", port, "udp")}, ()).busy


@linux
def test_free_ports_are_none_that_a_connection_could_take() -> None:
    first = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    ports = free_ports(["tcp", "udp"] * 20)
    assert len(set(ports)) == 40
    assert all(1024 < port < max(first, 20_000) for port in ports)


def test_free_ports_are_not_those_that_somebody_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "urandom", bytes)
    (first,) = free_ports(["tcp"])
    with closing(socket.create_server(("127.0.0.1", first))):
        (second,) = free_ports(["tcp"])
    assert second != first


def test_a_free_port_belongs_to_one_process_until_it_is_given_back_or_the_process_ends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "urandom", bytes)
    first, second = free_ports(["tcp", "tcp"])
    code = (
        "import os, sys; os.urandom = bytes; from stackctl.engine.host import free_ports\n"
        "print(*free_ports(['tcp'] * 2), flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout
        theirs = [int(word) for word in other.stdout.readline().split()]
        assert not {first, second} & {*theirs, *free_ports(["tcp"])}
        give_back([second])
        assert free_ports(["tcp"]) == [second]
        other.communicate("")
    assert set(free_ports(["tcp", "tcp"])) & set(theirs)


def test_who_searches_for_free_ports_at_once_begins_at_another_place(monkeypatch: pytest.MonkeyPatch) -> None:
    starts = [int.to_bytes(start, 4) for start in (1000, 5000)]
    monkeypatch.setattr(os, "urandom", lambda _: starts.pop())
    (one,), (other,) = free_ports(["tcp"]), free_ports(["tcp"])
    assert abs(one - other) > 3000


def test_udp() -> None:
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as server:
        server.bind(("127.0.0.1", 0))
        port = server.getsockname()[1]
        assert host_facts({("127.0.0.1", port, "udp")}, ()).busy


def test_a_connection_that_lingers_does_not_hold_its_port() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port = server.getsockname()[1]
        with closing(socket.create_connection(("127.0.0.1", port))) as client:
            accepted, _ = server.accept()
            accepted.close()  # this side hangs up first: TIME_WAIT stays here
            assert client.recv(1) == b""
    assert not host_facts({("127.0.0.1", port, "tcp")}, ()).busy


def test_an_address_of_another_machine_is_left_to_the_engine() -> None:
    assert host_facts({("192.0.2.1", 80, "tcp"), ("127.0.0.1", 1, "sctp")}, ()) == HostFacts()


def test_the_free_port_is_none_that_the_stack_wants_itself() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port = server.getsockname()[1]
        facts = host_facts({("127.0.0.1", port, "tcp"), ("127.0.0.1", port + 1, "tcp")}, ())
    assert facts.free[port] not in (port, port + 1)


def test_missing_paths(tmp_path: Path) -> None:
    here = tmp_path / "here"
    here.mkdir()
    (tmp_path / "dangling").symlink_to("nowhere")
    facts = host_facts((), [str(here), str(tmp_path / "gone"), str(tmp_path / "dangling")])
    assert facts.missing == {str(tmp_path / "gone"), str(tmp_path / "dangling")}
