"""Run a command in a container and collect what it says."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import requests
import urllib3

from stackctl.engine import bodies
from stackctl.engine.client import Client, RefusedError
from stackctl.engine.engine import Exec, ExecResult

_ENDING = 2.0
"""Seconds the engine may take to note the exit code after the output has ended."""


def run(client: Client, command: Exec, timeout: float | None = None) -> ExecResult | None:
    """Its exit code and output; None if it still runs after `timeout` seconds. A detached one counts as 0.

    A missing program is 126 or 127, with the engine's words among the output.
    """
    deadline = None if timeout is None else time.monotonic() + timeout
    exec_id = create(client, command)
    if command.detach:
        client.post("exec", exec_id, "start", body={"Detach": True, "Tty": command.tty})
        return ExecResult(0)
    output = {"stdout": bytearray(), "stderr": bytearray()}
    start = {"Detach": False, "Tty": command.tty}
    with client.stream("POST", "exec", exec_id, "start", body=start, timeout=timeout) as response:
        try:
            for stream, data in frames(response):
                output[stream] += data
                if deadline is not None and time.monotonic() > deadline:
                    return None
        except urllib3.exceptions.ReadTimeoutError:
            return None
    return ExecResult(exit_code(client, exec_id), bytes(output["stdout"]), bytes(output["stderr"]))


def create(client: Client, command: Exec, *, size: tuple[int, int] | None = None) -> str:
    """The id of a new exec. `size` is the terminal's, lines and columns."""
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
            raise RefusedError(
                f"there is no container {command.container}",
                "stackctl ps --all shows those there are",
                status=404,
            ) from error
        if error.status == 409:
            raise RefusedError(
                f"{command.container} does not run", "start it: stackctl up", status=409
            ) from error
        raise
    return str(answer["Id"])


def exit_code(client: Client, exec_id: str) -> int:
    """Of an exec whose output has ended; 0 if it goes on by itself, detached by its keys."""
    deadline = time.monotonic() + _ENDING
    while (answer := client.get("exec", exec_id, "json")).get("Running") and time.monotonic() < deadline:
        time.sleep(0.02)
    return int(answer.get("ExitCode") or 0)


def frames(response: requests.Response) -> Iterator[tuple[str, bytes]]:
    """The engine's two streams in one: stream number, length and data, again and again (Docker Engine API, attach)."""
    read = response.raw.read
    while len(header := read(8)) == 8:
        yield "stderr" if header[0] == 2 else "stdout", read(int.from_bytes(header[4:], "big"))
