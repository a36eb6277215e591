"""Measure how long it takes until a container that will never be ready is told, with stackctl and Docker Compose.

    .venv/bin/python bench/waits.py

Both tools bring up one service, `--wait` with Compose, and the time of the whole process counts. Where nothing but time tells that
it will never be ready, the time that both are given is 10 s.
"""

from __future__ import annotations

import os
import secrets
import sys
import time
from pathlib import Path

import stacks
from results import Results, command_line, machine, publish, spread
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


def told(app: Project, tool: Tool) -> bool:
    """Whether the tool ends with a failure."""
    limit = ("--wait-timeout", str(LIMIT))
    way = ("up", *limit) if tool.name == "stackctl" else ("up", "-d", "--wait", *limit)
    try:
        app.time(*way)
    except FailedError:
        return True
    return False


def measure(results: Results, what: str, turn: int, tool: Tool) -> None:
    print(f"{what} {turn + 1} {tool.name}", file=sys.stderr)
    service = {"image": "busybox", "init": True, **SERVICES[what]}
    with project(tool, f"bench-{secrets.token_hex(4)}", 0, {"services": {"web": service}}) as app:
        load, began = os.getloadavg()[0], time.perf_counter()
        if told(app, tool):
            results.add(what, tool.name, turn, time.perf_counter() - began, load)
        else:
            results.failures.append(f"{tool.name} has not told: {what}")


def table(results: Results) -> str:
    rows = [
        [
            what,
            spread(results.all_of(what, "stackctl"), 2),
            spread(results.all_of(what, "compose"), 2),
            spread(results.ratios(what, "stackctl", "compose"), 2),
            results.load(what),
        ]
        for what in results.seconds
    ]
    headers = ["a container that", "stackctl s", "Compose s", "ratio", "load"]
    return tabulate(rows, headers, tablefmt="github", disable_numparse=True)


def main() -> None:
    given = command_line(__doc__, SERVICES, "5")
    tools = (stackctl(), compose())
    results = Results()
    for what in given.only or SERVICES:
        for turn in range(given.rounds or 5):
            for tool in tools:
                measure(results, what, turn, tool)
    publish(results, machine(tools[0].python or Path(sys.executable)), [table(results)], given.json)


if __name__ == "__main__":
    main()
