"""What stackctl writes for a shell: whatever a stack says is data there, never a command."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import tomli_w
from commandline import Run

pytest_plugins = ["commandline_fixtures"]

TEXTS = (
    "$(touch x)",
    "`touch x`",
    "'; touch x; '",
    '"; touch x; "',
    "$(touch x",
    "a\ntouch x\n",
    "; touch x #",
    "| touch x",
    "&& touch x",
    "> x",
    "-rf",
    "--",
    "--privileged",
    "${IFS}touch${IFS}x",
    "$'\\n'touch x",
    "!touch",
    "\\",
    "\\'; touch x; '",
    "*",
    "~",
    "{a,b}",
    "a\\\ntouch x",
    "EOF\ntouch x\nEOF",
    "\u2028touch x",
    "%s%n",
    "$PATH",
)
"""Each makes the file x, or is no longer itself, where a shell reads it as anything else than a text."""
DOCKER = r"""#!/bin/sh
for word; do printf '%s\0' "$word" >>"$SAID"; done
case "$*" in
  "image inspect"*) exit 0 ;;
  "inspect --format"*) echo "running 0 none" ;;
  *" inspect "*) exit 1 ;;
esac
"""
"""Takes what it is asked down. Images are there, and what was started runs."""


def escaped(text: str) -> str:
    return text.replace("$", "$$")


def stack() -> dict[str, Any]:
    """A stack that has every text in every place where a text may stand."""
    texts = [escaped(text) for text in TEXTS]
    lines = [text for text in texts if "\n" not in text]
    named = {f"N{number}": text for number, text in enumerate(texts)}
    web = {
        "image": "busybox",
        "command": texts,
        "environment": named,
        "labels": {**named, **{text: "1" for text in lines if " " not in text}},
        "healthcheck": {"test": ["CMD", *texts]},
        "volumes": [
            {
                "type": "bind",
                "source": f"./{text}",
                "target": f"/t{number}",
                "bind": {"create_host_path": True},
            }
            for number, text in enumerate(lines)
        ],
        "working_dir": f"/{lines[0]}",
        "logging": {"driver": "json-file", "options": {"tag": lines[2]}},
        "stop_grace_period": "1s",
    }
    built = {
        "build": {"context": ".", "args": named, "labels": {"l": lines[1]}, "target": "last"},
        "entrypoint": texts,
        "configs": [{"source": "c", "target": "/c"}],
    }
    return {
        "services": {"web": web, "built": built},
        "configs": {"c": {"content": "\n".join(texts)}},
        "networks": {"default": {"labels": named, "driver_opts": {"o": lines[0]}}},
        "volumes": {"data": {"labels": named}},
    }


@pytest.fixture
def sandbox(tmp_path: Path) -> dict[str, str]:
    """A machine whose docker only takes down what it is asked; the file `said` has it."""
    (tmp_path / "bin").mkdir()
    docker = tmp_path / "bin" / "docker"
    docker.write_text(DOCKER)
    docker.chmod(0o755)
    return {"PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}", "SAID": str(tmp_path / "said")}


def in_shell(directory: Path, env: dict[str, str], *words: str) -> str:
    before = {path.name for path in directory.iterdir()}
    done = subprocess.run(
        words, cwd=directory, env=env, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    made = {path.name for path in directory.iterdir()} - before - {"said"}
    assert not made, made
    return done.stdout


@pytest.mark.parametrize("how", ["up", "down", "down --volumes"])
def test_a_script_says_every_text_to_docker_and_does_nothing_else(
    tmp_path: Path, run: Run, sandbox: dict[str, str], how: str
) -> None:
    (tmp_path / "stack.toml").write_text(tomli_w.dumps(stack()))
    (tmp_path / "Dockerfile").write_text("FROM busybox AS last\n")
    for text in TEXTS:  # so that the script makes no directory
        if "\n" not in text:
            (tmp_path / text).mkdir(parents=True, exist_ok=True)
    done = run("export", "bash", "-o", "run.sh")
    assert done.code == 0, done.err
    script = tmp_path / "run.sh"
    subprocess.run(["bash", "-n", str(script)], check=True)
    in_shell(tmp_path, sandbox, "bash", "run.sh", *how.split())
    if how == "up":
        said = (tmp_path / "said").read_bytes().decode().split("\0")
        for number, text in enumerate(TEXTS):
            assert text in said
            assert f"N{number}={text}" in said


@pytest.mark.parametrize("shell", ["bash", "dash"])
def test_variables_are_read_by_a_shell_as_they_are(
    tmp_path: Path, there: Run, sandbox: dict[str, str], shell: str
) -> None:
    named = {f"N{number}": escaped(text) for number, text in enumerate(TEXTS)}
    web = {"image": "app:1", "environment": named}
    (tmp_path / "stack.toml").write_text(tomli_w.dumps({"services": {"web": web}}))
    there("up")
    done = there("env", "web", "--export")
    assert done.code == 0, done.err
    lines = tmp_path / "variables"
    lines.write_text(done.out)
    names = " ".join(f'"$N{number}"' for number in range(len(TEXTS)))
    said = in_shell(tmp_path, sandbox, shell, "-c", f"set -e; . ./variables; printf '%s\\0' {names}")
    assert tuple(said.split("\0")[:-1]) == TEXTS
