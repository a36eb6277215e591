"""Logs and exec on a real engine."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Iterator
from fcntl import ioctl
from typing import Any

import pytest
from lab import Lab

from stackctl.engine.protocol import Exec, LogLine
from stackctl.engine.talk import logs as reading
from stackctl.engine.talk.log_times import timestamp
from stackctl.errors import EngineError, UsageError
from stackctl.planner.steps.actions import RemoveContainer, StopContainer, WaitFor
from stackctl.spec.model import Condition

pytest_plugins = ["lab_fixtures"]
pytestmark = pytest.mark.docker


def texts(lines: Iterator[LogLine]) -> list[str]:
    return [line.text for line in lines]


def ended(lab: Lab, *names: str) -> None:
    for name in names:
        lab.do(WaitFor(name, name, Condition.completed))


def test_lines_of_several_containers_are_merged_by_time(lab: Lab) -> None:
    a = lab.run("a", "sh", "-c", "echo a1; sleep 0.6; echo a2 >&2")
    b = lab.run("b", "sh", "-c", "echo b1; sleep 0.6; echo b2")
    ended(lab, a, b)
    lines = list(lab.engine.logs([b, a]))
    assert [line.time for line in lines] == sorted(line.time for line in lines)
    assert {(line.container, line.stream, line.text) for line in lines} == {
        (a, "stdout", "a1"),
        (a, "stderr", "a2"),
        (b, "stdout", "b1"),
        (b, "stdout", "b2"),
    }
    assert lines[0].text == "a1"  # though b was named first


def test_tail_since_and_until(lab: Lab) -> None:
    name = lab.run("a", "sh", "-c", "for i in 1 2 3 4 5; do echo $i; sleep 0.05; done")
    ended(lab, name)
    lines = list(lab.engine.logs([name]))
    assert [line.text for line in lines] == ["1", "2", "3", "4", "5"]
    assert texts(lab.engine.logs([name], tail=2)) == ["4", "5"]
    assert texts(lab.engine.logs([name], tail=0)) == []
    assert texts(lab.engine.logs([name], since=lines[3].time)) == ["4", "5"]
    assert texts(lab.engine.logs([name], until=lines[1].time)) == ["1", "2"]
    assert texts(lab.engine.logs([name], since="10m")) == ["1", "2", "3", "4", "5"]


def test_following_goes_on_from_the_past_without_loss_or_repetition_and_ends_with_the_containers(
    lab: Lab,
) -> None:
    script = "i=0; while [ $i -lt 400 ]; do echo $i; i=$((i+1)); [ $((i % 40)) = 0 ] && sleep 0.05; done"
    names = [lab.run(service, "sh", "-c", script) for service in "ab"]
    lines = list(lab.engine.logs(names, follow=True))
    for name in names:
        assert [line.text for line in lines if line.container == name] == [str(i) for i in range(400)]


def test_following_only_what_comes(lab: Lab) -> None:
    name = lab.run("a", "sh", "-c", "echo before; sleep 1.5; echo after")
    time.sleep(0.5)
    assert texts(lab.engine.logs([name], follow=True, tail=0)) == ["after"]


def test_a_container_that_the_engine_starts_again_is_followed_on(lab: Lab) -> None:
    name = lab.run("a", "sh", "-c", "echo hello; exit 1", restart="on-failure", restart_times=2)
    assert texts(lab.engine.logs([name], follow=True)) == ["hello"] * 3


def test_following_ends_when_the_reader_has_enough_and_hangs_up(lab: Lab) -> None:
    names = [lab.run(service, "sh", "-c", "while echo y; do sleep 0.01; done") for service in "ab"]
    before = threading.active_count()
    lines = lab.engine.logs(names, follow=True, tail=1)
    assert [next(lines).text for _ in range(100)] == ["y"] * 100
    lines.close()  # type: ignore[attr-defined]
    assert threading.active_count() == before


def test_silence_is_not_the_end(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "_SILENCE", 0.2)
    name = lab.run("a", "sh", "-c", "echo one; sleep 1; echo two")
    assert texts(lab.engine.logs([name], follow=True)) == ["one", "two"]


def test_removing_a_followed_container_ends_its_log(lab: Lab) -> None:
    name = lab.run("a", "sh", "-c", "echo one; exec sleep 600")
    lines = lab.engine.logs([name], follow=True)
    assert next(lines).text == "one"
    lab.do(RemoveContainer(name, name))
    assert texts(lines) == []


def test_long_lines_are_put_together_and_what_is_not_text_is_replaced(lab: Lab) -> None:
    script = r"head -c 40000 /dev/zero | tr '\0' x; echo; printf 'a\377b\r\n'; printf 'no end'"
    name = lab.run("a", "sh", "-c", script)
    ended(lab, name)
    assert texts(lab.engine.logs([name])) == ["x" * 40000, "a\N{REPLACEMENT CHARACTER}b", "no end"]


def test_a_line_without_an_end_is_cut(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "LINE_LIMIT", 20_000)
    name = lab.run("a", "sh", "-c", r"head -c 50000 /dev/zero | tr '\0' x")
    ended(lab, name)
    lines = texts(lab.engine.logs([name]))
    assert "".join(lines) == "x" * 50000
    assert len(lines) == 2


def test_the_log_of_a_terminal(lab: Lab) -> None:
    name = lab.run("a", "sh", "-c", "echo one; echo two >&2", tty=True)
    ended(lab, name)
    lines = list(lab.engine.logs([name]))
    assert [(line.stream, line.text) for line in lines] == [("stdout", "one"), ("stdout", "two")]
    assert all(line.time for line in lines)


def test_logs_of_a_container_that_is_not_there(lab: Lab) -> None:
    with pytest.raises(EngineError, match="No such container"):
        list(lab.engine.logs([f"{lab.name}-gone"]))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1700000000", "1700000000"),
        ("1700000000.5", "1700000000.5"),
        ("10m", "400.000000000"),
        ("1h30s", "-2630.000000000"),
        ("1970-01-01T00:01:00.123456789Z", "60.123456789"),
        ("1970-01-01T01:00:00+01:00", "0.000000000"),
    ],
)
def test_times(text: str, seconds: str) -> None:
    assert timestamp(text, now=1000) == seconds


def test_what_is_no_time() -> None:
    with pytest.raises(UsageError, match="'yesterday' is not a time"):
        timestamp("yesterday", now=0)


def test_exec_returns_code_and_both_streams(lab: Lab) -> None:
    name = lab.run()
    result = lab.engine.exec(Exec(container=name, argv=("sh", "-c", "echo out; echo err >&2; exit 3")))
    assert (result.exit_code, result.stdout, result.stderr) == (3, b"out\n", b"err\n")


def test_exec_settings(lab: Lab) -> None:
    name = lab.run(environment={"A": "old", "GONE": "x"})
    result = lab.engine.exec(
        Exec(
            container=name,
            argv=("sh", "-c", "pwd; id -u; echo $A$GONE"),
            environment={"A": "new", "GONE": None},
            user="65534",
            working_dir="/tmp" if directory_exists(lab, name, "/tmp") else "/etc",
        )
    )
    assert result.stdout.split()[1:] == [b"65534", b"new"]
    assert result.stdout.split()[0] in (b"/tmp", b"/etc")


def directory_exists(lab: Lab, name: str, directory: str) -> bool:
    return lab.engine.exec(Exec(container=name, argv=("test", "-d", directory))).exit_code == 0


def test_a_detached_exec_goes_on_by_itself(lab: Lab) -> None:
    name = lab.run()
    script = "until test -e /go; do sleep 0.05; done; touch /done"
    lab.engine.exec(Exec(container=name, argv=("sh", "-c", script), detach=True))
    lab.engine.exec(Exec(container=name, argv=("touch", "/go")))
    for _ in range(100):
        if lab.engine.exec(Exec(container=name, argv=("test", "-e", "/done"))).exit_code == 0:
            return
        time.sleep(0.05)
    pytest.fail("it never ended")


def test_exec_of_what_is_not_there(lab: Lab) -> None:
    name = lab.run()
    assert lab.engine.exec(Exec(container=name, argv=("no-such-program",))).exit_code in (126, 127)
    with pytest.raises(EngineError, match=f"there is no container {lab.name}-gone"):
        lab.engine.exec(Exec(container=f"{lab.name}-gone", argv=("true",)))
    lab.do(StopContainer(name, name, 1))
    with pytest.raises(EngineError, match=f"{name} does not run"):
        lab.engine.exec(Exec(container=name, argv=("true",)))


# A process of its own: signals go to processes, and a terminal belongs to one.
PROGRAM = """
import json, sys, warnings
warnings.simplefilter("error")
from stackctl.engine.transport.connect import connect
from stackctl.engine.protocol import Exec
from stackctl.engine.talk.terminal import interact
options = json.loads(sys.argv[1])
engine = connect()
try:
    code = interact(engine.client, Exec(**options))
finally:
    engine.close()
sys.exit(code)
"""


def interactive(container: str, *argv: str, tty: bool = False) -> list[str]:
    options = {"container": container, "argv": argv, "tty": tty, "stdin": True}
    return [sys.executable, "-c", PROGRAM, json.dumps(options)]


def piped(container: str, *argv: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        interactive(container, *argv), input=stdin, capture_output=True, check=False, timeout=60
    )


def test_stdin_is_piped_and_both_outputs_kept_apart(lab: Lab) -> None:
    done = piped(lab.run(), "sh", "-c", "cat; echo err >&2; exit 5", stdin=b"hello\n")
    assert (done.returncode, done.stdout, done.stderr) == (5, b"hello\n", b"err\n")


def test_much_more_than_any_buffer_goes_both_ways(lab: Lab) -> None:
    data = os.urandom(1 << 20) * 8
    assert piped(lab.run(), "cat", stdin=data).stdout == data


def test_input_that_nobody_reads_is_no_error(lab: Lab) -> None:
    done = piped(lab.run(), "sh", "-c", "exit 4", stdin=bytes(8 << 20))
    assert (done.returncode, done.stderr) == (4, b"")


def test_a_reader_that_leaves_ends_it(lab: Lab) -> None:
    command = interactive(lab.run(), "yes")
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stdout.readline() == b"y\n"
        process.stdout.close()
        assert process.wait(20) == 128 + signal.SIGPIPE


def test_a_terminal_that_is_none_is_refused(lab: Lab) -> None:
    done = subprocess.run(
        interactive(lab.run(), "true", tty=True),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        text=True,
    )
    assert "the input is not a terminal" in done.stderr


class Terminal:
    """Our end of a terminal of 33 lines and 101 columns, with the program at the other."""

    def __init__(self, command: list[str]) -> None:
        self.ours, self.theirs = pty.openpty()
        self.resize(33, 101)
        self.before = self.settings()
        self.process = subprocess.Popen(command, stdin=self.theirs, stdout=self.theirs, stderr=self.theirs)
        self.said = b""

    def settings(self) -> list[Any]:
        return termios.tcgetattr(self.theirs)

    def resize(self, lines: int, columns: int) -> None:
        ioctl(self.theirs, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def type(self, text: str) -> None:
        os.write(self.ours, text.encode())

    def expect(self, text: str) -> None:
        """Read on until the text has come."""
        deadline = time.monotonic() + 20
        while text.encode() not in self.said:
            assert time.monotonic() < deadline, self.said
            if select.select([self.ours], [], [], 0.1)[0]:
                self.said += os.read(self.ours, 4096)
        self.said = self.said.partition(text.encode())[2]

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self.ours)
        os.close(self.theirs)


@pytest.fixture
def terminal(lab: Lab) -> Iterator[Terminal]:
    terminal = Terminal(interactive(lab.run(), "sh", tty=True))
    yield terminal
    terminal.close()


def test_a_shell_on_a_terminal(terminal: Terminal) -> None:
    terminal.expect("# ")
    terminal.type("stty size; echo end\r")
    terminal.expect("33 101\r\nend")
    terminal.resize(40, 120)
    terminal.process.send_signal(signal.SIGWINCH)
    terminal.type('until [ "$(stty size)" = "40 120" ]; do sleep 0.1; done; echo resized\r')
    terminal.expect("\nresized")
    assert terminal.settings() != terminal.before
    terminal.type("sleep 600\r")
    terminal.expect("sleep 600")
    time.sleep(0.3)
    terminal.type("\x03")  # interrupts the command, not us
    terminal.expect("# ")
    terminal.type("exit 7\r")
    assert terminal.process.wait(20) == 7
    assert terminal.settings() == terminal.before


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_puts_the_terminal_back(terminal: Terminal, number: signal.Signals) -> None:
    terminal.expect("# ")
    assert terminal.settings() != terminal.before
    terminal.process.send_signal(number)
    assert terminal.process.wait(20) == 128 + number
    assert terminal.settings() == terminal.before
