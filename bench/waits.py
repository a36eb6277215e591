"""Measure how long it takes until a container that will never be ready is told, with stackctl and Docker Compose.

    .venv/bin/python bench/waits.py

Both tools bring up one service, `--wait` with Compose, and the time of the whole process counts. Where nothing but time tells that
it will never be ready, the time that both are given is 10 s.
"""

from __future__ import annotations

import secrets
import statistics
import sys
import time

import stacks
from results import command_line, spread
from tabulate import tabulate

from tools import FailedError, Project, Tool, compose, project, stackctl

LIMIT = 10
LOOP = ["sh", "-c", "exit 1"]
CHECK = {"test": ["CMD", "false"], "interval": "1s", "retries": 1000}
SERVICES: dict[str, stacks.Stack] = {
    "ends at once": {"command": LOOP},
    "ends at once, restart always": {"command": LOOP, "restart": "always"},
    "ends after 2 s, restart always": {"command": ["sh", "-c", "sleep 2; exit 1"], "restart": "always"},
    "out of memory": {"command": ["sh", "-c", "tail /dev/zero"], "mem_limit": "16m"},
    "out of memory, restart always": {
        "command": ["sh", "-c", "tail /dev/zero"],
        "mem_limit": "16m",
        "restart": "always",
    },
    "program is missing": {"command": ["nosuchprogram"]},
    "program is missing, restart always": {"command": ["nosuchprogram"], "restart": "always"},
    "unhealthy by its own check": {"command": ["sleep", "600"], "healthcheck": CHECK | {"retries": 2}},
    f"never healthy (limit {LIMIT} s)": {"command": ["sleep", "600"], "healthcheck": CHECK},
}


def told(app: Project, tool: Tool) -> tuple[float, bool]:
    """Seconds until the tool has ended, and whether it has told a failure."""
    limit = ("--wait-timeout", str(LIMIT))
    way = ("up", *limit) if tool.name == "stackctl" else ("up", "-d", "--wait", *limit)
    began = time.perf_counter()
    try:
        app.time(*way)
    except FailedError:
        return time.perf_counter() - began, True
    return time.perf_counter() - began, False


def main() -> None:
    given = command_line(__doc__, SERVICES, "5")
    rows = []
    for what in given.only or SERVICES:
        took: dict[str, list[float]] = {}
        missed: dict[str, int] = {}
        for turn in range(given.rounds or 5):
            for tool in (stackctl(), compose()):
                print(f"{what} {turn + 1} {tool.name}", file=sys.stderr)
                service = {"image": "busybox", "init": True, **SERVICES[what]}
                with project(tool, f"bench-{secrets.token_hex(4)}", 0, {"services": {"web": service}}) as app:
                    seconds, failed = told(app, tool)
                took.setdefault(tool.name, []).append(seconds)
                missed[tool.name] = missed.get(tool.name, 0) + (not failed)
        words = []
        for name in ("stackctl", "compose"):
            count = missed[name]
            words += [spread(took[name], 2), f"not told {count}×" if count else ""]
        rows.append(
            [what, *words, f"{statistics.median(took['stackctl']) / statistics.median(took['compose']):.2f}"]
        )
    headers = ["a container that", "stackctl s", "", "Compose s", "", "ratio"]
    print(tabulate(rows, headers, tablefmt="github", disable_numparse=True))


if __name__ == "__main__":
    main()
