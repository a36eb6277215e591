"""Runs the tests on engines, and over ways to an engine, that this machine does not have by itself: `run.py [NAME…] [-- PYTEST ARGUMENTS]`.

Without a name it runs all. `differences.py` says after each what it has shown.
"""

from __future__ import annotations

import sys

from machines import machine

CONTRACT = ("tests/engine",)
"""What each call of the engine does, and what it is for stackctl."""
SCENARIOS = ("tests/docker",)
OVER_A_WAY = tuple(
    f"tests/docker/test_{name}.py"
    for name in "attach build copied_files cp exec lesson logs networks run secrets service watch_command".split()
)
"""What needs most of a way to an engine: streams both ways, terminals, archives, builds."""

RUNS = {
    "docker-20": CONTRACT + SCENARIOS,
    "docker-28": CONTRACT + SCENARIOS,
    "podman": CONTRACT + OVER_A_WAY,
    "tls": CONTRACT + OVER_A_WAY,
    "ssh": CONTRACT + OVER_A_WAY,
}


def main() -> int:
    words = sys.argv[1:]
    end = words.index("--") if "--" in words else len(words)
    names, more = words[:end] or [*RUNS], words[end + 1 :]
    if unknown := [name for name in names if name not in RUNS]:
        sys.exit(f"no engine is called {', '.join(unknown)}; there are {', '.join(RUNS)}")
    failed = [name for name in names if run(name, more)]
    if failed:
        print(f"other than tests/engines/differences.toml says: {', '.join(failed)}")
    return bool(failed)


def run(name: str, more: list[str]) -> int:
    """Run the tests; pytest's exit code."""
    pytest = [sys.executable, "-m", "pytest", "-m", "docker and not slow", "-p", "differences", "--way", name]
    with machine(name) as made:
        return made.call(
            "PYTHONPATH=tests/engines:tests/engine",
            *pytest,
            "-n",
            "2",
            "--dist",
            "worksteal",
            *(more or RUNS[name]),
        )


if __name__ == "__main__":
    raise SystemExit(main())
