"""Commands that end, or should, and conversations, on a real engine."""

from __future__ import annotations

import io
import subprocess
import sys
import tarfile
import time
from contextlib import closing

import pytest
from lab import Lab

from stackctl.engine.protocol import Exec
from stackctl.errors import EngineError, ExecTimeoutError
from stackctl.planner.steps.actions import WaitFor
from stackctl.planner.world.probes import ProtocolProbe
from stackctl.spec.model import Condition

pytest_plugins = ["lab_fixtures"]
pytestmark = pytest.mark.docker


def running(lab: Lab, name: str) -> list[str]:
    """The command lines of what runs in a container, but for its init and main process."""
    rows = lab.engine.client.get("containers", name, "top", ps_args="-eo pid,args")["Processes"]
    return [line for _, line in rows[2:]]


def await_quiet(lab: Lab, name: str) -> None:
    deadline = time.monotonic() + 10
    while found := running(lab, name):
        assert time.monotonic() < deadline, found
        time.sleep(0.05)


def test_a_command_out_of_time_is_ended_in_the_container(lab: Lab) -> None:
    name = lab.run()
    with pytest.raises(ExecTimeoutError) as caught:
        lab.engine.exec(Exec(container=name, argv=("sleep", "77")), timeout=1)
    assert str(caught.value) == "sleep 77 still ran after 1 s (give it more time)"
    assert running(lab, name) == []


def test_what_ends_a_command_in_time_is_no_program_from_the_path_of_the_container(lab: Lab) -> None:
    name = lab.run("owned", "sleep", "600", image="python:3.11-slim")
    plant = "for p in timeout true; do printf '#!/bin/sh\\necho planted' > /srv/$p; chmod +x /srv/$p; done"
    assert lab.engine.exec(Exec(container=name, argv=("sh", "-c", plant))).exit_code == 0
    command = Exec(container=name, argv=("printenv", "PATH"), environment={"PATH": "/srv:/usr/bin:/bin"})
    assert lab.engine.exec(command, timeout=20).stdout == b"/srv:/usr/bin:/bin\n"


def test_of_output_beyond_the_limit_the_last_bytes_are_collected(lab: Lab) -> None:
    script = "seq 100000; echo abcdef >&2"
    limited = Exec(container=lab.run(), argv=("sh", "-c", script), output_limit=5)
    result = lab.engine.exec(limited, timeout=20)
    assert (result.exit_code, result.stdout, result.stderr) == (0, b"0000\n", b"cdef\n")


def image_without_shell(lab: Lab) -> str:
    """One that holds nothing but `sleep`."""
    packed = io.BytesIO(b"".join(lab.engine.pack(lab.create("donor"), "/bin/busybox")))
    image = io.BytesIO()
    with tarfile.open(fileobj=packed) as source, tarfile.open(fileobj=image, mode="w") as archive:
        (program,) = source.getmembers()
        data = source.extractfile(program)
        program.name = "sleep"
        archive.addfile(program, data)
    image.seek(0)
    with lab.engine.link.changing.stream(
        "POST", "images/create", data=image, fromSrc="-", repo=lab.name
    ) as answer:
        answer.read()
    return lab.name


def test_without_a_shell_in_the_image_a_command_runs_all_the_same_and_may_go_on(lab: Lab) -> None:
    name = lab.run("bare", "/sleep", "600", image=image_without_shell(lab))
    assert lab.engine.exec(Exec(container=name, argv=("/sleep", "0")), timeout=20).exit_code == 0
    with pytest.raises(ExecTimeoutError, match=r"^/sleep 77 still ran after 0\.5 s") as caught:
        lab.engine.exec(Exec(container=name, argv=("/sleep", "77")), timeout=0.5)
    assert not caught.value.ended
    assert f"it may still run in {name}" in caught.value.hint
    assert running(lab, name) == ["/sleep 77"]


def test_the_output_of_a_terminal_is_collected_as_it_is(lab: Lab) -> None:
    result = lab.engine.exec(Exec(container=lab.run(), argv=("echo", "hello"), tty=True))
    assert (result.exit_code, result.stdout) == (0, b"hello\r\n")


def test_closing_a_conversation_ends_its_command(lab: Lab) -> None:
    name = lab.run()
    with closing(lab.engine.converse(Exec(container=name, argv=("cat",)))) as talk:
        assert talk.ask(b"END\n", b"END", 20) == b""
        assert running(lab, name) == ["cat"]
    await_quiet(lab, name)


PROGRAM = """
import os, signal, sys
from stackctl.engine.transport.connect import connect
from stackctl.engine.protocol import Exec
talk = connect().converse(Exec(container=sys.argv[1], argv=tuple(sys.argv[2:])))
print(talk.ask(b"echo here; echo END\\n", b"END", 20).decode(), end="", flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_conversation_ends_with_our_process_however_that_ends(lab: Lab) -> None:
    name = lab.run()
    program = [sys.executable, "-c", PROGRAM, name, "sh"]
    assert subprocess.run(program, capture_output=True, check=False, timeout=60).stdout == b"here\n"
    await_quiet(lab, name)


def test_a_conversation_with_psql(lab: Lab) -> None:
    name = lab.run("db", image="postgres:15", command=None, environment={"POSTGRES_PASSWORD": "x"})
    lab.do(WaitFor(name, name, Condition.healthy, (ProtocolProbe("postgres", 5432),)))
    psql = Exec(container=name, argv=("psql", "-h", "127.0.0.1", "-U", "postgres", "-AtqX"))
    with closing(lab.engine.converse(psql)) as talk:
        for number in range(50):
            said = talk.ask(f"SELECT {number};\n\\echo END\n".encode(), b"END", 20)
            assert said == f"{number}\n".encode()
        with pytest.raises(EngineError, match=r"(?s)gave no answer within .* s: ERROR: .* at or near"):
            talk.ask(b"SELEC 1;\n", b"END", 0.5)
    stranger = Exec(container=name, argv=("psql", "-U", "nobody"))
    with (
        closing(lab.engine.converse(stranger)) as talk,
        pytest.raises(EngineError, match=r'exit code 2: .*role "nobody" does not exist'),
    ):
        talk.ask(b"SELECT 1;\n", b"END", 20)
