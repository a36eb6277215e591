"""A port that is published on 127.0.0.1 must be closed to other machines, or doctor says that it is not."""

from __future__ import annotations

import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from private_engine import Namespaces, alone, why_not

pytestmark = [
    pytest.mark.docker,
    pytest.mark.slow,
    pytest.mark.skipif(bool(why_not()), reason=why_not()),
]

HERE, THERE = "10.219.77.1", "10.219.77.2"
ASK = """
import socket, sys
for place in sys.argv[1:]:
    host, _, port = place.partition(":")
    try:
        socket.create_connection((host, int(port)), 2).close()
        print("open")
    except OSError:
        print("closed")
"""


def test_a_loopback_port_must_be_closed_to_a_neighbour_or_doctor_says_so(tmp_path: Path) -> None:
    with (
        alone(images=["busybox"]) as machine,
        closing(Namespaces("neighbour")) as neighbour,
        machine.project(tmp_path / "project") as project,
    ):
        neighbour.ip("link", "add", "eth0", "type", "veth", "peer", "name", "lan0", "netns", str(machine.pid))
        neighbour.ip("addr", "add", f"{THERE}/30", "dev", "eth0")
        neighbour.ip("link", "set", "eth0", "up")
        neighbour.ip("route", "add", "default", "via", HERE)
        machine.ip("addr", "add", f"{HERE}/30", "dev", "lan0")
        machine.ip("link", "set", "lan0", "up")
        project.write(
            """
            [services.web]
            image = "busybox"
            command = "httpd -f -p 80"
            stop_grace_period = "0s"
            ports = ["8080:80", "0.0.0.0:8081:80"]
            """
        )
        said = project.run("up").output
        assert "PUBLIC 0.0.0.0:8081" in said
        assert "PUBLIC 0.0.0.0:8080" not in said
        (network,) = project.inspect("web")["NetworkSettings"]["Networks"].values()
        places = [f"{HERE}:8080", f"{network['Gateway']}:8080", f"{HERE}:8081", f"{network['IPAddress']}:80"]
        argv = neighbour.command(sys.executable, "-c", ASK, *places)
        asked = subprocess.run(argv, check=True, capture_output=True, text=True, timeout=60).stdout.split()
        assert asked[:3] == ["closed", "closed", "open"], "the addresses of this machine"
        told = "published on 127.0.0.1, but machines of the same network"
        doctor = project.run("doctor", code=None).stdout
        assert (told in doctor) == (asked[3] == "open"), "the container's own address"
        project.run("down")
