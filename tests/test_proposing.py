"""What could be watched, read from a Dockerfile."""

from __future__ import annotations

from pathlib import Path

import pytest

import stackctl
from stackctl.proposing import proposal

DOCKERFILE = """\
FROM python:3.11-slim
WORKDIR /app
COPY requirements.txt .
RUN pip install -r requirements.txt
COPY entry.sh /bin/
COPY web .
CMD ["uvicorn", "main:app"]
"""

TOML = """\
[[services.api.develop.watch]]
path = "./server/Dockerfile"
action = "rebuild"

[[services.api.develop.watch]]
path = "./server/requirements.txt"
action = "rebuild"

[[services.api.develop.watch]]
path = "./server/entry.sh"
action = "sync+restart"
target = "/bin/entry.sh"

[[services.api.develop.watch]]
path = "./server/web"
action = "sync+restart"
target = "/app"
ignore = ["node_modules/"]
"""

YAML = """\
services:
  api:
    develop:
      watch:
        - path: "./server/Dockerfile"
          action: "rebuild"
        - path: "./server/requirements.txt"
          action: "rebuild"
        - path: "./server/entry.sh"
          action: "sync"
          target: "/bin/entry.sh"
        - path: "./server/web"
          action: "sync"
          target: "/app"
          ignore: ["node_modules/"]
"""

STACK = 'name = "a"\n[services.api]\nbuild = "server"\n[services.db]\nimage = "b"\n'
COMPOSE = "services:\n  api: {build: server, command: uvicorn --reload main:app}\n  db: {image: b}\n"


@pytest.fixture
def here(tmp_path: Path) -> Path:
    for name in ("requirements.txt", "entry.sh", "web/main.py", "web/node_modules/x"):
        file = tmp_path / "server" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    (tmp_path / "server/Dockerfile").write_text(DOCKERFILE)
    return tmp_path


@pytest.mark.parametrize(
    ("file", "text", "proposed"), [("stack.toml", STACK, TOML), ("compose.yaml", COMPOSE, YAML)]
)
def test_what_a_run_uses_is_rebuilt_and_all_else_copied(
    here: Path, file: str, text: str, proposed: str
) -> None:
    (here / file).write_text(text)
    assert proposal(stackctl.load(here / file, environ={})) == proposed


def test_a_proposal_can_be_put_into_the_file_and_then_there_is_none(here: Path) -> None:
    (here / "stack.toml").write_text(STACK + TOML)
    stack = stackctl.load(here / "stack.toml", environ={})
    develop = stack.services["api"].develop
    assert develop
    assert [watch.action for watch in develop.watch] == ["rebuild", "rebuild", "sync+restart", "sync+restart"]
    assert proposal(stack) == proposal(stack, ["db"]) == ""
