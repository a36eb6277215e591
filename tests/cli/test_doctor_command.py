"""`stackctl doctor` without a stack, without an engine, and with a stack that cannot be read."""

from __future__ import annotations

import json
from pathlib import Path

from commandline import Run

pytest_plugins = ["commandline_fixtures"]


def test_without_a_stack_and_without_an_engine_it_says_what_to_do(run: Run, tmp_path: Path) -> None:
    own = str(tmp_path)  # other runs of this machine hold locks
    ran = run("doctor", DOCKER_HOST="unix:///nowhere", XDG_RUNTIME_DIR=own)
    assert ran.code == 1
    assert ran.out.startswith("wrong  engine      no Docker engine answers: /nowhere does not exist\n")
    assert "→ DOCKER_HOST says so: correct it, or unset it" in ran.out
    assert "ok     choice      DOCKER_HOST names the engine" in ran.out
    assert ran.out.endswith("\n1 wrong\n")


def test_what_names_another_engine_is_told(run: Run, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"currentContext": "desktop-linux"}')
    given = {"DOCKER_HOST": "unix:///nowhere", "DOCKER_CONTEXT": "far", "DOCKER_CONFIG": str(tmp_path)}
    findings = json.loads(run("doctor", "--json", **given).out)["findings"]
    assert [(f["area"], f["state"], f["text"]) for f in findings][1] == (
        "choice",
        "note",
        "DOCKER_HOST names the engine; not used: DOCKER_CONTEXT (far), the current context (desktop-linux)",
    )
    assert "far" in run("doctor", DOCKER_CONTEXT="far", DOCKER_CONFIG=str(tmp_path)).out


def test_a_stack_that_cannot_be_read_is_told(run: Run, tmp_path: Path) -> None:
    (tmp_path / "stack.toml").write_text("[services\n")
    ran = run("doctor", DOCKER_HOST="unix:///nowhere")
    assert (ran.code, ran.err) == (1, "note: the stack cannot be read: stackctl check says why\n")
