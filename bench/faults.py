"""Docker Compose and stackctl under the faults of `tests/faults`: every fault at every call that writes, of three commands.

    .venv/bin/python bench/faults.py [--only recreate] [--faults 500,lost]

Needs root: the engine is one of its own. A point is right if the state is the one that an undisturbed run leaves: `within` at the end
of the run, which ended with 0; `rerun` after the same command again.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tools import Tool, compose, stackctl

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), *(str(ROOT / "tests" / name) for name in ("docker", "faults"))]

from faulty import FAULTS  # noqa: E402
from points import Point, Scenario, Trial, figures  # noqa: E402
from private_engine import alone  # noqa: E402
from proxy import RecordingProxy  # noqa: E402
from scenario import Killable, Project, Result  # noqa: E402
from scenarios import ALONE, fresh, two  # noqa: E402

_PATIENCE = 20.0
"""Seconds after which a command counts as one that hangs. Compose has no time limit for an answer."""
_HUNG = 124

_DB = """\
  db: {{image: busybox, init: true, command: sleep infinity, stop_grace_period: 0s, environment: {{A: "{value}"}}, volumes: ["data:/data"]}}
"""
_WEB = "  web: {image: busybox, init: true, command: sleep infinity, stop_grace_period: 0s, volumes: ['data:/data']}\n"
_DEPENDENT = (
    "  web: {image: busybox, init: true, command: sleep infinity, stop_grace_period: 0s, depends_on: [db]}\n"
)


def composed(services: str) -> str:
    return f"services:\n{services}volumes: {{data: {{}}}}\n"


def recreated(value: int) -> str:
    return composed(_DB.format(value=value) + _DEPENDENT)


SCENARIOS: Mapping[str, Mapping[str, Scenario]] = {
    "stackctl": {
        "first up": Scenario("up", ALONE, [fresh]),
        "recreate": Scenario("up", two(1), ["up"], old=two(0), kept="data:/data"),
        "down": Scenario("down", two(), ["up"], quiet="down", kept="data:/data"),
    },
    "compose": {
        "first up": Scenario("up", composed(_WEB), [fresh]),
        "recreate": Scenario("up", recreated(1), ["up"], old=recreated(0), kept="data:/data"),
        "down": Scenario("down", recreated(0), ["up"], quiet="down", kept="data:/data"),
    },
}


class Called(Project):
    """A project of one of the tools, called as users call it."""

    tool: Tool

    def write(self, text: str, file: str = "") -> Path:
        return super().write(text, file or self.tool.file)

    def run(
        self,
        *args: str,
        code: int | None = 0,
        env: Mapping[str, str] | None = None,
        begun: Callable[[Killable], None] = lambda _: None,
        **_: Any,
    ) -> Result:
        words = [*self.tool.command, "-p", self.name, *(self.tool.up if args == ("up",) else args)]
        given = {**os.environ, **self.tool.environ, **self.env, **(env or {})}
        with subprocess.Popen(
            words, cwd=self.directory, env=given, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as process:
            begun(process)
            try:
                said, _ = process.communicate(timeout=_PATIENCE)
                ended = process.returncode
            except subprocess.TimeoutExpired:
                process.kill()
                said, ended = process.communicate()[0], _HUNG
        assert code is None or ended == code, f"{words} ended with {ended}: {said}"
        return Result(ended, said, "")


class StateOnly(Trial):
    """Only the state is judged, not what a tool says, nor how many calls it makes."""

    def _told(self, *_: Any, **__: Any) -> None:
        pass

    def _is_quiet(self) -> None:
        pass


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", help="one of: first up, recreate, down")
    parser.add_argument("--faults", default=",".join(FAULTS), help="their names, with commas between")
    parser.add_argument("--tool", help="stackctl or compose alone")
    asked = parser.parse_args()
    points: list[Point] = []
    with alone(images=["busybox"]) as machine, tempfile.TemporaryDirectory() as place:
        for tool in (compose(), stackctl()):
            for name, scenario in SCENARIOS[tool.name].items():
                if asked.only in (None, name) and asked.tool in (None, tool.name):
                    directory = Path(place, tool.name, name)
                    directory.mkdir(parents=True)
                    project = Called(f"b{os.getpid()}", directory, machine.api, network_of=machine.pid)
                    project.tool = tool
                    with RecordingProxy(machine.socket, directory / "engine.sock") as proxy:
                        project.env["DOCKER_HOST"] = f"unix://{proxy.path}"
                        trial = StateOnly(f"{tool.name}: {name}", scenario, project, proxy)
                        for point in trial.points(asked.faults.split(",")):
                            print(point, flush=True)
                            points.append(point)
                        project.clean()
    for part in (0, 1):
        print("", figures([point.row for point in points], part), sep="\n")
    print("", f"{sum(point.code == _HUNG for point in points)} commands hung for {_PATIENCE:g} s", sep="\n")


if __name__ == "__main__":
    main()
