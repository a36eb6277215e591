"""The timeline must tell who waited for whom, and a wait that is removed must be gone."""

from __future__ import annotations

import json
from typing import Any

import pages
import pytest
from scenario import ROOT, Project, eventually

pytestmark = pytest.mark.docker

GATED = """\
[services.db]
image = "busybox"
command = "sleep infinity"
volumes = ["./gate:/gate:ro"]
healthcheck = { test = "test -e /gate/open", interval = "1s" }
stop_grace_period = "0s"
[services.api]
image = "busybox"
command = "sleep infinity"
stop_grace_period = "0s"
"""
"""The test decides when `db` is healthy."""


def up_until(project: Project, state: str) -> dict[str, Any]:
    """Bring the stack up. `db` gets healthy only once `api` is in the state. Return the timeline."""
    gate = project.directory / "gate" / "open"
    gate.parent.mkdir(exist_ok=True)
    with project.start("up") as process:
        eventually(lambda: project.states() == {"db": "running", "api": state}, 60)
        gate.touch()
        assert process.wait(60) == 0
    gate.unlink()
    told: dict[str, Any] = project.json("timeline")
    assert sum(link["seconds"] for link in told["critical_path"]) == pytest.approx(told["seconds"], abs=0.1)
    return told


def ended(told: dict[str, Any], service: str, phase: str) -> float:
    (row,) = (each for each in told["services"] if each["name"] == service)
    return max(float(segment["ended"]) for segment in row["segments"] if segment["phase"] == phase)


def test_a_wait_must_be_told_and_be_gone_without_its_line(project: Project) -> None:
    project.write(GATED + 'depends_on = ["db"]\n')
    told = up_until(project, "created")
    assert "api waited for db to be healthy" in [link["reason"] for link in told["critical_path"]]
    (wait,) = told["waits"]
    assert wait["seconds"] > 0
    assert 0 < wait["saves"] < told["seconds"]
    assert ended(told, "db", "ready") <= ended(told, "api", "start")
    project.run("down")

    project.write(GATED)
    told = up_until(project, "running")
    assert told["waits"] == []
    assert ended(told, "api", "start") <= ended(told, "db", "ready")


def test_each_command_of_the_guide_must_do_as_it_says(project: Project) -> None:
    section = pages.section(ROOT / "docs" / "guide" / "daily-loop.md", "See why")
    (file,) = (piece for piece in section if isinstance(piece, pages.File))
    project.write(file.text, file.name)
    blocks = [piece for piece in section if isinstance(piece, pages.Block) and piece.language == "console"]
    for command in (command for block in blocks for command in pages.commands(block)):
        printed = project.run(*command.text.split()[1:]).stdout
        assert pages.is_as_shown(command.shown, printed.splitlines()), printed
    assert "api waited for db to be healthy" in (project.directory / "up.html").read_text()
    assert json.loads((project.directory / "up-trace.json").read_text())["traceEvents"]
