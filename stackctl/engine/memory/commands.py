"""What containers of the in-memory engine do: a few shell commands, and whatever a test wants a service to do."""

from __future__ import annotations

import math
import re
import shlex
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

from msgspec import Struct, field

FOREVER = math.inf


class Behaviour(Struct, frozen=True, kw_only=True):
    """How the containers of a service or of an image behave. Times are seconds after a container's start."""

    exit_code: int | None = None
    """The exit code with which the container ends at once. None: the command decides; an unknown program runs for ever."""
    exit_after: float = 0.0
    ready_after: float = 0.0
    """The time from which checks pass; `math.inf` for never."""
    start_error: str = ""
    """Why the engine cannot start the containers; "" if it can."""
    ignores_stop: bool = False
    log: tuple[str, ...] = ()
    commands: Mapping[tuple[str, ...], tuple[int, str]] = field(default_factory=dict)
    """Other commands that can be run in the containers: exit code and output by command."""


class CommandRun(Struct, frozen=True):
    """What a command does: its output, its exit code, and the seconds after which it ends."""

    exit_code: int
    seconds: float = 0.0
    stdout: str = ""
    stderr: str = ""


def run(argv: Sequence[str], stdin: bytes | None = None) -> CommandRun | None:
    """Run true, false, exit, echo, sleep, cat or tail, alone or as a list in `sh -c`; None for any other program.

    Without `stdin` the command has an input, but nothing ever comes.
    """
    match argv:
        case [shell, "-c", script, *_] if PurePosixPath(shell).name in ("sh", "bash"):
            return _script(script, stdin)
        case [program, *arguments]:
            return _simple(PurePosixPath(program).name, arguments, stdin)
    return None


def _script(script: str, stdin: bytes | None) -> CommandRun | None:
    code, seconds, out, err = 0, 0.0, "", ""
    for command, separator in re.findall(r"((?:>&2|[^;&|\n])+)(&&|\|\||;|\n|$)", script):
        words = shlex.split(command)
        to_stderr = ">&2" in words
        done = run([word for word in words if word != ">&2"], stdin) if words else CommandRun(code)
        if done is None:
            return None
        code, seconds = done.exit_code, seconds + done.seconds
        out, err = out + ("" if to_stderr else done.stdout), err + (done.stdout if to_stderr else done.stderr)
        over = words[:1] == ["exit"] or seconds == FOREVER
        if over or (separator == "&&" and code) or (separator == "||" and not code):
            break
    return CommandRun(code, seconds, out, err)


def _simple(program: str, arguments: Sequence[str], stdin: bytes | None) -> CommandRun | None:
    match program, [*arguments]:
        case "cat", [] if stdin is not None:
            return CommandRun(0, stdout=stdin.decode(errors="surrogateescape"))
        case (("true" | ":"), _):
            return CommandRun(0)
        case "false", _:
            return CommandRun(1)
        case "exit", [*codes]:
            return CommandRun(int(codes[0]) if codes else 0)
        case "echo", words:
            return CommandRun(0, stdout=" ".join(words) + "\n")
        case "sleep", [time]:
            return CommandRun(0, FOREVER if time == "infinity" else float(time))
        case (("cat" | "tail"), _):
            return CommandRun(0, FOREVER)
    return None
