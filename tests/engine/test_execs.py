"""What is done to a command so that it ends by itself, and how its output is taken apart."""

import subprocess

import pytest

from stackctl.engine.talk.execs import bounded
from stackctl.engine.talk.frames import Frames


def run(*argv: str, seconds: float = 1) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(bounded(argv, seconds), input=b"in", capture_output=True, check=False, timeout=20)


def test_the_bound_ends_a_command() -> None:
    assert run("sleep", "30").returncode in (-9, 137)


def test_the_bound_changes_nothing_else() -> None:
    done = run("sh", "-c", 'cat; echo "$0 $1" >&2; exit 3', "a b", "*")
    assert (done.returncode, done.stdout, done.stderr) == (3, b"in", b"a b *\n")


@pytest.mark.parametrize(("seconds", "whole"), [(0, "1"), (0.2, "1"), (1, "1"), (7.2, "8")])
def test_the_bound_is_in_whole_seconds(seconds: float, whole: str) -> None:
    assert bounded(("true",), seconds)[3:] == (whole, "true")


OUT, ERR = b"\1\0\0\0\0\0\0\3out", b"\2\0\0\0\0\0\0\3err"


@pytest.mark.parametrize("size", [1, 5, 11, 100])
def test_frames_in_whatever_pieces_they_come(size: int) -> None:
    frames, whole = Frames(), OUT + ERR + OUT
    pieces = [whole[at : at + size] for at in range(0, len(whole), size)]
    said = [pair for piece in pieces for pair in frames.feed(piece)]
    assert said == [("stdout", b"out"), ("stderr", b"err"), ("stdout", b"out")]


def test_frames_that_were_not_asked_for_are_not_lost() -> None:
    frames = Frames()
    assert next(frames.feed(OUT + ERR)) == ("stdout", b"out")
    assert list(frames.feed(b"")) == [("stderr", b"err")]


def test_a_terminal_has_no_frames() -> None:
    assert list(Frames(tty=True).feed(OUT)) == [("stdout", OUT)]
