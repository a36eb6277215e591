"""Where the start-up time of a stackctl command goes, by top-level package.

    .venv/bin/python bench/imports.py --help
    .venv/bin/python bench/imports.py -f stack.toml up

Each module counts with the least time that its own code took in several runs, so that what else the machine does is left out.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections import Counter

from tabulate import tabulate

from tools import ENVIRON, ROOT

RUNS = 10
SHOWN = 10


def main(arguments: list[str]) -> None:
    least: dict[str, int] = {}
    walls = []
    for _ in range(RUNS):
        walls.append(wall(arguments))
        for module, microseconds in imports(arguments).items():
            least[module] = min(microseconds, least.get(module, microseconds))
    spent: Counter[str] = Counter()
    modules: Counter[str] = Counter()
    for module, microseconds in least.items():
        package = module.partition(".")[0]
        spent[package] += microseconds
        modules[package] += 1
    rows = [[package, modules[package], f"{us / 1000:.1f}"] for package, us in spent.most_common(SHOWN)]
    rows.append(["all", modules.total(), f"{spent.total() / 1000:.1f}"])
    print(tabulate(rows, ["package", "modules", "ms"], tablefmt="github", disable_numparse=True))
    print(f"\nwhole process: {statistics.median(walls):.3f} s, at best {min(walls):.3f} s")


def imports(arguments: list[str]) -> dict[str, int]:
    """Microseconds by module, from the table that `-X importtime` writes on stderr."""
    timed = {}
    for line in run("-X", "importtime", "-m", "stackctl", *arguments).stderr.splitlines():
        fields = line.removeprefix("import time:").split("|")
        if line.startswith("import time:") and fields[0].strip().isdigit():
            timed[fields[2].strip()] = int(fields[0])
    return timed


def wall(arguments: list[str]) -> float:
    began = time.perf_counter()
    run("-m", "stackctl", *arguments)
    return time.perf_counter() - began


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(ROOT / ".venv/bin/python"), *arguments]
    return subprocess.run(command, env=ENVIRON, capture_output=True, text=True, check=False)


if __name__ == "__main__":
    main(sys.argv[1:])
