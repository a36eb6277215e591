"""What a container says when it is asked for a name and its ports: the answers of the programs that images have."""

from __future__ import annotations

import subprocess

import pytest

from stackctl.engine.inside import PROGRAM, argv, heard
from stackctl.engine.protocol import ExecResult
from stackctl.planner.reach.ends import Heard

REFUSED = "--port 80\nnc: can't connect to remote host (10.0.0.2): Connection refused\n--code 1\n"


@pytest.mark.parametrize(
    ("said", "code", "expected"),
    [
        (
            "--name\n10.0.0.2       STREAM db\n10.0.0.2       DGRAM  \n--asked\n--port 80\n--code 0\n",
            0,
            Heard(addresses=("10.0.0.2",), answers={80: ""}),
        ),
        (
            (
                "--name\nServer:\t\t127.0.0.11\nAddress:\t127.0.0.11:53\n\nNon-authoritative answer:\nName:\tdb\nAddress: 10.0.0.2\n"
                f"--asked\n{REFUSED}"
            ),
            0,
            Heard(addresses=("10.0.0.2",), answers={80: "connection refused"}),
        ),
        (
            "--name\nServer:    127.0.0.11\nAddress 1: 127.0.0.11\n\nName:      db\nAddress 1: 10.0.0.2 db.net\n--asked\n",
            0,
            Heard(addresses=("10.0.0.2",)),
        ),
        (
            (
                "--name\nServer:\t\t127.0.0.11\nAddress:\t127.0.0.11:53\n\n** server can't find db: NXDOMAIN\n--asked\n"
                "--port 80\nnc: bad address 'db'\n--code 1\n"
            ),
            0,
            Heard(addresses=(), answers={80: "bad address"}),
        ),
        (
            "--name\n10.0.0.9\n--port 80\n--code 143\n",
            0,
            Heard(addresses=("10.0.0.9",), answers={80: "no answer in time"}),
        ),
        (
            "--name\n127.0.0.1\nServer:\t\t127.0.0.11\nAddress:\t127.0.0.11:53\n\n** server can't find db: NXDOMAIN\n--asked\n",
            0,
            Heard(addresses=("127.0.0.1",)),
        ),
        ("--name\n", 0, Heard()),
        ("OCI runtime exec failed: no such file", 126, Heard()),
    ],
)
def test_the_answer_is_read(said: str, code: int, expected: Heard) -> None:
    assert heard(ExecResult(code, said.encode()), "db") == expected


def test_the_command_works_with_the_programs_of_this_machine() -> None:
    ran = subprocess.run(
        argv("localhost", [1]),
        env={"PROGRAM": PROGRAM, "PATH": "/usr/bin:/bin"},
        stdout=subprocess.PIPE,
        check=False,
    )
    found = heard(ExecResult(ran.returncode, ran.stdout), "localhost")
    assert found.addresses
    assert "127.0.0.1" in found.addresses or "::1" in found.addresses
    assert found.answers == {1: "connection refused"}
