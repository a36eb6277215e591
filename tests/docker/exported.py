"""Run what `export` has written, with nothing in the environment that it does not need."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from scenario import Project

COMPOSE = str(Path(sys.executable).parent / "docker-compose")


def script(project: Project, *args: str, env: Mapping[str, str] = {}) -> str:
    """Run `run.sh` with bash. Returns what it says."""
    return _run(project, "bash", "run.sh", *args, env=env)


def compose(project: Project, *args: str, env: Mapping[str, str] = {}) -> str:
    """Run Docker Compose on `compose.yaml`. Returns what it says."""
    return _run(project, COMPOSE, *args, env=env)


def _run(project: Project, *command: str, env: Mapping[str, str]) -> str:
    needed = {name: os.environ[name] for name in ("PATH", "HOME", "DOCKER_HOST") if name in os.environ}
    done = subprocess.run(
        command,
        cwd=project.directory,
        env={**needed, **env},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}{done.stderr}"
    return done.stdout + done.stderr
