"""How long a saved file takes until the container has it: `stackctl watch` and `docker compose watch` beside each other.

    .venv/bin/python bench/watch.py [ROUNDS]

Both follow one compose.yaml, each in a project of its own, and one file is saved in turns for the one and for the other. The time ends when the
file has its new text in the container's file system, which this machine sees (as root, overlay2).
"""

from __future__ import annotations

import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TOOLS = {"stackctl": ROOT / ".venv/bin/stackctl", "compose": ROOT / ".venv/bin/docker-compose"}
COMPOSE = """\
services:
  api:
    image: busybox
    command: sleep infinity
    stop_grace_period: 0s
    develop: { watch: [{ path: ./src, action: sync, target: /srv }] }
"""
PATIENCE = 60.0
EDITS = 5


class Watch:
    """A tool that watches a directory of its own."""

    def __init__(self, name: str, directory: Path) -> None:
        self.name, self.directory = name, directory
        (directory / "src").mkdir(parents=True)
        (directory / "compose.yaml").write_text(COMPOSE)
        (directory / "src/file").write_text("0")
        self.call("up", "-d")
        self.log = (directory / "log").open("w+")
        begun = subprocess.Popen(
            [TOOLS[name], "-p", self.project, "watch", "--no-up"],
            cwd=directory,
            stdout=self.log,
            stderr=self.log,
        )
        self.process = begun
        deadline = time.monotonic() + PATIENCE
        while not any(
            word in (directory / "log").read_text().lower() for word in ("watch enabled", "watching ")
        ):
            assert time.monotonic() < deadline, (directory / "log").read_text()
            time.sleep(0.05)
        container = subprocess.check_output(
            [TOOLS[name], "-p", self.project, "ps", "-q", "api"], cwd=directory, text=True
        )
        merged = ["docker", "inspect", "-f", "{{.GraphDriver.Data.MergedDir}}", container.strip()]
        self.seen = Path(subprocess.check_output(merged, text=True).strip(), "srv/file")

    @property
    def project(self) -> str:
        return f"bench-watch-{self.name}"

    def call(self, *words: str) -> None:
        subprocess.run(
            [TOOLS[self.name], "-p", self.project, *words],
            cwd=self.directory,
            check=True,
            capture_output=True,
        )

    def latency(self, text: str) -> float:
        began = time.perf_counter()
        (self.directory / "src/file").write_text(text)
        while time.perf_counter() < began + PATIENCE:
            try:
                if self.seen.read_text() == text:
                    return time.perf_counter() - began
            except OSError:
                pass
            time.sleep(0.002)
        raise TimeoutError((self.directory / "log").read_text())

    def close(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()
        self.call("down")


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    took: dict[str, list[float]] = {name: [] for name in TOOLS}
    with tempfile.TemporaryDirectory() as directory:
        watches = [Watch(name, Path(directory, name)) for name in TOOLS]
        for number in range(rounds * EDITS):
            for watch in watches:
                took[watch.name].append(watch.latency(f"{number + 1} {watch.name}"))
                time.sleep(0.7)  # so that no change waits for the end of the batch before
        for watch in watches:
            watch.close()
    for name, times in took.items():
        print(
            f"{name}: median {statistics.median(times):.3f} s ({min(times):.3f}-{max(times):.3f}), {len(times)} edits"
        )
    ratios = [a / b for a, b in zip(took["stackctl"], took["compose"], strict=True)]
    low, *_, high = statistics.quantiles(ratios, n=10)
    print(
        f"ratio: median {statistics.median(ratios):.2f} ({low:.2f}-{high:.2f}); load {os.getloadavg()[0]:.1f}"
    )


if __name__ == "__main__":
    main()
