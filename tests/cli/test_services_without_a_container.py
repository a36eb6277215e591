"""What tells about services tells about each of them once, however many containers it has, and also if it has none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from commandline import Run

pytest_plugins = ["commandline_fixtures"]

STACK = """
name = "shop"
[services.web]
image = "busybox"
scale = {}
[services.one]
image = "busybox"
depends_on = ["web"]
"""


@pytest.mark.parametrize("count", [0, 3])
def test_each_service_is_told_once(run: Run, tmp_path: Path, count: int) -> None:
    (tmp_path / "stack.toml").write_text(STACK.format(count))
    for words in (["export", "compose"], ["config", "--format", "yaml"]):
        told = run(*words).out
        assert (told.count("  web:\n"), told.count(f"    scale: {count}\n")) == (2, 1), told
    assert run("export", "mermaid").out.count('["web"]') == 1
    assert "service_started" in run("export", "compose").out
    assert run("config", "--services").out.split() == ["web", "one"]
    assert json.loads(run("config", "--format", "json").out)["services"]["web"]["scale"] == count
    for words in (
        ["export", "bash"],
        ["explain"],
        ["explain", "one"],
        ["config", "--hash", "*"],
        ["check", "--offline"],
    ):
        assert run(*words).code == 0
