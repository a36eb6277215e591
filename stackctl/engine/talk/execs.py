"""Run a command in a container and collect its output."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from stackctl.engine.docker import bodies
from stackctl.engine.protocol import Exec, ExecResult
from stackctl.engine.talk.frames import DeadlineError, Frames, GivenUpError, talk
from stackctl.engine.transport.client import Json, RefusedError, WireClient
from stackctl.errors import ExecTimeoutError
from stackctl.real import monotonic

_ENDING = 2.0
"""Seconds that the engine may take to note the exit code after the output has ended, and that `timeout` may take to end a
command."""

_BOUND = (
    "t=$(PATH=/usr/sbin:/usr/bin:/sbin:/bin; command -v timeout) || t=timeout; "
    'if "$t" 1 /bin/sh -c : 2>/dev/null; then exec "$t" -s KILL "$0" "$@"; fi; exec "$@"'
)
"""`timeout` comes from a directory of the system, if it is there: others may write to the directories of the image's own PATH,
and the command may run as root."""
_MAY_STILL_RUN = "it may still run in {}, whose image has no shell or no timeout command to end it with; a restart of the container does"
_NO_SHELL = re.compile(r"(OCI runtime|crun).*/bin/sh")


def run(
    client: WireClient,
    command: Exec,
    *,
    timeout: float | None = None,
    stdin: bytes | None = None,
    given_up: Callable[[], bool] | None = None,
) -> ExecResult:
    """The exit code and output of a command, which gets `stdin` as its whole input. A detached command counts as 0.

    If the program is missing, the exit code is 126 or 127 and the output says why. Raises `ExecTimeoutError` if the command
    still runs after `timeout` seconds; the command is then ended in the container, too, if the image has a shell and
    `timeout`. Raises `GivenUpError` soon after `given_up()` is true; the command then goes on until its time is over.
    """
    command = replace(command, stdin=stdin is not None)
    if timeout is None or command.detach:
        return _run(client, command, command.argv, stdin, None, given_up)
    result = _run(client, command, bounded(command.argv, timeout), stdin, timeout, given_up)
    if result.exit_code in (126, 127) and _NO_SHELL.match(result.stdout.decode(errors="replace")):
        return _run(client, command, command.argv, stdin, timeout, given_up)
    return result


def bounded(argv: tuple[str, ...], seconds: float) -> tuple[str, ...]:
    """The command, changed so that it ends by itself after that time (rounded up), if the image has `timeout`. Without that
    it would go on after its client has ended.
    """
    return ("/bin/sh", "-c", _BOUND, str(max(1, math.ceil(seconds))), *argv)


def create(client: WireClient, command: Exec, *, size: tuple[int, int] | None = None) -> str:
    """The id of a new exec. `size` is the size of the terminal: lines and columns."""
    body: dict[str, Any] = {
        "Cmd": list(command.argv),
        "Env": bodies.environment(command.environment or {}),
        "Tty": command.tty,
        "Privileged": command.privileged,
        "AttachStdin": command.stdin,
        "AttachStdout": not command.detach,
        "AttachStderr": not command.detach,
    }
    body |= {"User": command.user} if command.user else {}
    body |= {"WorkingDir": command.working_dir} if command.working_dir else {}
    body |= {"ConsoleSize": list(size)} if size and client.version >= (1, 42) else {}
    try:
        answer = client.post("containers", command.container, "exec", body=body)
    except RefusedError as error:
        if error.status == 404:
            raise no_container(command.container) from error
        if error.status == 409 and "paused" in error.message:
            raise RefusedError(f"{command.container} is paused", "unpause it first", status=409) from error
        if error.status == 409:
            raise RefusedError(
                f"{command.container} does not run", "start it: stackctl up", status=409
            ) from error
        raise
    return str(answer["Id"])


def no_container(container: str) -> RefusedError:
    return RefusedError(
        f"there is no container {container}", "stackctl ps --all shows those there are", status=404
    )


def exit_code(client: WireClient, exec_id: str) -> int:
    """The exit code of an exec whose output has ended; 0 if the user has detached from it, so that it goes on."""
    return _exit_code(_await_end(client, exec_id, _ENDING))


def _run(
    client: WireClient,
    command: Exec,
    argv: tuple[str, ...],
    stdin: bytes | None,
    timeout: float | None,
    given_up: Callable[[], bool] | None,
) -> ExecResult:
    """Run `argv`: the command itself, or the form of it that `bounded` makes."""
    exec_id = create(client, replace(command, argv=argv))
    start = {"Detach": command.detach, "Tty": command.tty}
    if command.detach:
        client.post("exec", exec_id, "start", body=start)
        return ExecResult(0)
    output = {"stdout": bytearray(), "stderr": bytearray()}
    deadline = None if timeout is None else monotonic() + timeout
    try:
        with client.hijack("exec", exec_id, "start", body=start) as line:
            for stream, data in talk(
                line,
                Frames(tty=command.tty),
                bytearray(stdin or b""),
                deadline,
                last=command.stdin,
                given_up=given_up,
            ):
                output[stream] += data
                if command.output_limit is not None:
                    del output[stream][: -command.output_limit]
    except DeadlineError as error:
        assert timeout is not None
        patience = math.ceil(timeout) - timeout + _ENDING
        still = _await_end(client, exec_id, patience, given_up).get("Running")
        raise ExecTimeoutError(
            f"{command.title} still ran after {timeout:g} s",
            _MAY_STILL_RUN.format(command.container) if still else "give it more time",
            stdout=bytes(output["stdout"]),
            stderr=bytes(output["stderr"]),
            ended=not still,
        ) from error
    code = _exit_code(_await_end(client, exec_id, _ENDING, given_up))
    return ExecResult(code, bytes(output["stdout"]), bytes(output["stderr"]))


def _exit_code(ended: Json) -> int:
    return int(ended.get("ExitCode") or 0)


def _await_end(
    client: WireClient, exec_id: str, seconds: float, given_up: Callable[[], bool] | None = None
) -> Json:
    """What the engine says about the exec once it has ended, or after that time."""
    deadline = monotonic() + seconds
    while (answer := client.get("exec", exec_id, "json")).get("Running") and monotonic() < deadline:
        if given_up and given_up():
            raise GivenUpError
        time.sleep(0.02)
    return answer
