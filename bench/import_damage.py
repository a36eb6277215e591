"""Import damaged scripts, ten thousand by default: no traceback, and how long the slowest takes.

    python bench/import_damage.py [NUMBER]

The time is that of the processor: what else the machine does counts for nothing.
"""

from __future__ import annotations

import sys
import time
import tomllib
import traceback
from collections import Counter
from pathlib import Path

from stackctl.convert.importing import import_script
from stackctl.errors import StackError

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "convert"))
from damaged_scripts import damaged


def main() -> int:
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    result: Counter[str] = Counter()
    slowest, which = 0.0, 0
    for seed in range(number):
        text = damaged(seed)
        start = time.process_time()
        try:
            tomllib.loads(import_script("run.sh", text, env=seed % 2 == 0).text)
            result["imported"] += 1
        except StackError:
            result["refused, with the reason"] += 1
        except Exception:
            result["tracebacks"] += 1
            print(f"seed {seed}:", *traceback.format_exc().splitlines()[-3:], sep="\n  ")
        taken = time.process_time() - start
        if taken > slowest:
            slowest, which = taken, seed
    for key, count in result.items():
        print(f"{key:<26} {count}")
    print(f"{'the slowest':<26} {slowest:.2f} s of the processor (seed {which})")
    return 1 if result["tracebacks"] or slowest > 1 else 0


if __name__ == "__main__":
    sys.exit(main())
