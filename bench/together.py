"""Two runs of Docker Compose on one project at once, at random offsets: what tests/faults/test_together.py asks of stackctl.

Prints how often both ended with 0, how often one more `up` ended with 0, and how often all was right then. Needs root: an engine of its
own is started.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests" / part) for part in ("docker", "engine", "faults")]

from private_engine import Machine, alone  # noqa: E402

COMPOSE = Path(sys.executable).parent / "docker-compose"
FILE = """
services:
  db: {{image: busybox, command: sleep infinity, init: true, stop_grace_period: 0s, environment: {{A: "{value}"}}, volumes: ["data:/data"]}}
  web: {{image: busybox, command: sleep infinity, init: true, stop_grace_period: 0s, depends_on: [db]}}
volumes: {{data: {{}}}}
"""
KINDS = {
    "up-up": (None, ("1", "up", "-d"), ("1", "up", "-d")),
    "recreate": ("0", ("1", "up", "-d"), ("2", "up", "-d")),
    "up-down": ("0", ("1", "up", "-d"), ("0", "down")),
}


def begin(machine: Machine, directory: Path, value: str, *args: str) -> subprocess.Popen[str]:
    file = directory / f"{value}.yaml"
    file.write_text(FILE.format(value=value))
    return subprocess.Popen(
        machine.command(str(COMPOSE), "-p", "races", "-f", str(file), *args),
        env={"DOCKER_HOST": machine.host, "PATH": "/usr/bin:/bin", "HOME": str(directory)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def right(machine: Machine) -> bool:
    """Whether both services run under their names, in one network."""
    api = machine.api
    try:
        running = {name for c in api.containers() for name in c["Names"]}
        every = {name for c in api.containers(all=True) for name in c["Names"]}
        networks = [n for n in api.networks() if n["Name"].startswith("races")]
    finally:
        api.close()
    return running == every == {"/races-db-1", "/races-web-1"} and len(networks) == 1


def trial(machine: Machine, directory: Path, kind: str, seed: int) -> tuple[bool, bool, bool]:
    """Whether both runs ended with 0, whether one more `up` made all right, and whether that ended with 0."""
    rng = random.Random(seed)
    before, *runs = KINDS[kind]
    if before:
        assert begin(machine, directory, before, "up", "-d").wait() == 0
    pause = rng.uniform(0, 2.0) * rng.choice((0.1, 0.3, 1))
    first = begin(machine, directory, *runs[0])
    time.sleep(pause)
    codes = [begin(machine, directory, *runs[1]).wait(120), first.wait(120)]
    again = begin(machine, directory, "1", "up", "-d").wait(120)
    made_right = again == 0 and right(machine)
    if begin(machine, directory, "0", "down", "-v").wait(120):
        machine.run("docker", "-H", machine.host, "system", "prune", "-af", "--volumes", check=False)
    api = machine.api
    for container in api.containers(all=True):
        api.remove_container(container["Id"], force=True)
    for network in [n for n in api.networks() if n["Name"].startswith("races")]:
        api.remove_network(network["Id"])
    api.close()
    return codes == [0, 0], made_right, again == 0


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--times", type=int, default=20)
    times = options.parse_args().times
    with tempfile.TemporaryDirectory() as scratch, alone(images=["busybox"]) as machine:
        for kind in KINDS:
            results = [trial(machine, Path(scratch), kind, number) for number in range(times)]
            ok, good, again = (sum(column) for column in zip(*results, strict=True))
            print(
                f"{kind}: both 0 {ok}, one more up exits 0 {again}, and all right {good}, of {times}",
                flush=True,
            )


if __name__ == "__main__":
    main()
