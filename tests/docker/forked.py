"""`stackctl ARGS` in a process of its own that need not load Python and stackctl first: it is forked from one that has.

This takes a fifth of the time of `python -m stackctl`. What a real start loads, and how long it takes, is tested in `test_start.py`.
"""

from __future__ import annotations

import ctypes
import os
import pkgutil
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from pathlib import Path

import stackctl

_CLONE_NEWNET = 0x40000000
_PARTS = ("cli", "convert", "engine", "planner", "show", "spec", "teach")
_CONTEXT = get_context("forkserver")
_CONTEXT.set_forkserver_preload(
    [
        "stackctl.__main__",
        *(
            module.name
            for part in _PARTS
            for module in pkgutil.walk_packages([f"{stackctl.__path__[0]}/{part}"], f"stackctl.{part}.")
            if ".program" not in module.name
        ),
    ]
)
_AT_START = ("PYTHON", "LC_", "LANG")
"""How the names of variables begin that an interpreter reads when it starts."""


def can_run(env: Mapping[str, str]) -> bool:
    """Whether a process with this environment can be forked: an interpreter that has started reads some variables no more."""

    def read(variables: Mapping[str, str]) -> dict[str, str]:
        return {
            name: text
            for name, text in variables.items()
            if name.startswith(_AT_START) and name != "PYTHONPATH"
        }

    return read(env) == read(os.environ)


def run(
    args: Sequence[str],
    cwd: Path,
    env: Mapping[str, str],
    output: Path,
    seconds: float,
    network_of: int | None = None,
    begun: Callable[[BaseProcess], None] = lambda _: None,
) -> int:
    """Run `stackctl ARGS` without input, and return its exit code. What it says is then in the files `stdout` and `stderr` in `output`.
    `network_of` is a process in whose network it runs. `begun` gets the process that has begun.
    """
    for name in _OUTPUT:  # a process that is killed at once has made none
        (output / name).touch()
    process = _CONTEXT.Process(target=_stackctl, args=(tuple(args), cwd, dict(env), output, network_of))
    process.start()
    begun(process)
    try:
        process.join(seconds)
        assert process.exitcode is not None, f"stackctl {args} takes more than {seconds:g} s"
    finally:
        process.kill()
        process.join()
    return process.exitcode


_OUTPUT = ("stdout", "stderr")


def enter_network(pid: int) -> None:
    """From now on the thread is in the network namespace of that process (setns(2))."""
    with Path(f"/proc/{pid}/ns/net").open() as namespace:
        refused = ctypes.CDLL(None, use_errno=True).setns(namespace.fileno(), _CLONE_NEWNET)
    assert not refused, os.strerror(ctypes.get_errno())


def _stackctl(
    args: Sequence[str], cwd: Path, env: Mapping[str, str], output: Path, network_of: int | None
) -> None:
    """What the forked process does: it puts everything in the place of what it has from the process it comes from."""
    if network_of:
        enter_network(network_of)
    empty, end = os.pipe()
    os.close(end)
    os.dup2(empty, 0)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115
    for number, name in enumerate(_OUTPUT, 1):
        os.dup2(os.open(output / name, os.O_WRONLY), number)
    os.environ.clear()
    os.environ.update(env)
    time.tzset()
    os.chdir(cwd)
    from stackctl import __main__ as program

    sys.argv = [program.__file__, *args]
    program.main()
