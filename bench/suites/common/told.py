"""What a test run tells the benchmark: a line of JSON each in the file BENCH_REPORT."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path


def tell(event: str, **more: object) -> None:
    line = json.dumps({"event": event, "time": time.time(), **more})
    with Path(os.environ["BENCH_REPORT"]).open("a", encoding="utf-8") as report:
        report.write(f"{line}\n")  # one write: lines of several workers do not mix
