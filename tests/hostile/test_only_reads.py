"""`check --offline`, `config`, `schema`, `export`, `import` and `explain` write no file, start no process and open no connection."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

WATCHED = Path(__file__).with_name("watched.py")


@pytest.mark.parametrize("number", [5, pytest.param(300, marks=pytest.mark.slow)])
def test_commands_that_read_only_read(tmp_path: Path, number: int) -> None:
    """Each example of the project, and as many damaged stacks of each kind."""
    environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "POSTGRES_PASSWORD": "x"}
    stacks = tmp_path / "stacks"
    stacks.mkdir()
    done = subprocess.run(
        [sys.executable, str(WATCHED), str(stacks), str(number)],
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    print(done.stdout)
