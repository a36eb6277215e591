"""A stack as a script of `export bash`, and a sandbox that runs it: `docker` is recorded, and no other command is there."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import tomli_w
from hypothesis import strategies as st

from stackctl.planner.steps import actions
from stackctl.spec.selection import Selection
from stackctl.spec.source.reading import read
from stackctl.spec.source.request import StackRequest
from stackctl.teach.bash import bash
from stackctl.teach.commands import Docker
from stackctl.teach.from_nothing import from_nothing

BASH = shutil.which("bash") or "/bin/bash"
RECORDER = """\
#!{bash}
printf '%s\\0' "$@" END >>"$LOG"
case "$1 $2" in
  "image inspect" | "network inspect" | "volume inspect") exit 1 ;;
  "inspect --format") printf 'running 0 none\\n' ;;
esac
"""
"""Stands for `docker`: writes down its arguments. Nothing is there, and every container runs."""


class Written:
    """A stack as a script, and what the script should run."""

    def __init__(self, tree: dict[str, Any], directory: Path, **environ: str) -> None:
        self.directory, self.environ = directory, environ
        (directory / "stack.toml").write_text(tomli_w.dumps(tree))
        request = StackRequest(
            files=[directory / "stack.toml"], directory=directory, environ=environ, name="shop"
        )
        stack = read(request)
        view, plan = from_nothing(stack, Selection())
        docker = Docker(stack)
        self.containers = view.desired.containers
        self.text = bash(docker, view.desired, plan, source="stack.toml")
        self.meant = [list(docker.container(spec, start=True).argv[1:]) for spec in view.desired.containers]
        self.meant += [
            list(line.argv[1:])
            for step in plan.steps
            if not isinstance(step.action, actions.CreateContainer | actions.StartContainer)
            and (line := docker.command(step.action))
        ]

    def run(self, *args: str) -> tuple[list[list[str]], str]:
        """Run the script. Return the arguments of each call of docker, and what the script says."""
        return record(self.text, self.directory, *args, **self.environ)


def record(text: str, directory: Path, *args: str, **environ: str) -> tuple[list[list[str]], str]:
    """Run a script where `docker` is recorded and no other command is there. Return the arguments of each call, and what the
    script says.
    """
    path = directory / "bin"
    path.mkdir(exist_ok=True)
    (path / "docker").write_text(RECORDER.format(bash=BASH))
    (path / "docker").chmod(0o755)
    for tool in ("env", "sleep"):
        (path / tool).unlink(missing_ok=True)
        (path / tool).symlink_to(shutil.which(tool) or tool)
    log, script = directory / "log", directory / "run.sh"
    log.write_bytes(b"")
    script.write_text(text)
    done = subprocess.run(
        [BASH, str(script), *args],
        cwd=path,
        env={"PATH": str(path), "LOG": str(log), **environ},
        capture_output=True,
        timeout=60,
        check=False,
    )
    said = (done.stdout + done.stderr).decode(errors="replace")
    assert done.returncode == 0, said
    assert sorted(each.name for each in path.iterdir()) == ["docker", "env", "sleep"]
    words = log.read_bytes().decode().split("\0")[:-1]
    calls: list[list[str]] = [[]]
    for word in words:
        if word == "END":
            calls.append([])
        else:
            calls[-1].append(word)
    return calls[:-1], said


EVIL = (
    "$(touch injected)", "`touch injected`", "'; touch injected; '", '"; touch injected; "', "\n touch injected\n", "\\", "\\'",
    "${IFS}", "$HOME", "!!", "-x", "", " ", "a=b", "#", "~", "*", "\r\n", "\x01\x7f", "}", "${x:-$(touch injected)}", "é🐳\u202e",
)  # fmt: skip
TEXT = st.sampled_from(EVIL) | st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12
)
FULL = TEXT.filter(bool)
NAME = FULL.filter(lambda text: "=" not in text)
LABEL = NAME.filter(lambda text: not any(letter.isspace() for letter in text))
PATH = FULL.map(lambda text: text.replace(":", "").replace("/", "").replace("..", "") or "x")


@st.composite
def trees(draw: st.DrawFn) -> dict[str, Any]:
    """A stack with arbitrary text wherever a text may stand."""
    web = {
        "image": draw(FULL),
        "command": draw(st.lists(TEXT, max_size=3)),
        "entrypoint": draw(st.lists(FULL, max_size=2)),
        "environment": draw(st.dictionaries(NAME, TEXT, max_size=3)),
        "labels": draw(st.dictionaries(LABEL, TEXT, max_size=2)),
        "user": draw(TEXT),
        "working_dir": draw(TEXT),
        "hostname": draw(TEXT),
        "domainname": draw(TEXT),
        "stop_signal": draw(TEXT),
        "cap_add": draw(st.lists(TEXT, max_size=2)),
        "volumes": [
            {"type": "volume", "source": "data", "target": "/" + draw(PATH)},
            {"type": "bind", "source": "./" + draw(PATH), "target": "/b/" + draw(PATH)},
        ],
        "healthcheck": {"test": ["CMD", *draw(st.lists(FULL, min_size=1, max_size=3))]},
        "networks": {"net": {"aliases": draw(st.lists(TEXT, max_size=2))}},
    }
    return {
        "services": {"web": web},
        "networks": {
            "net": {
                "name": draw(FULL),
                "driver": draw(FULL),
                "driver_opts": draw(st.dictionaries(NAME, TEXT, max_size=1)),
                "labels": draw(st.dictionaries(LABEL, TEXT, max_size=1)),
            }
        },
        "volumes": {"data": {"name": draw(FULL), "driver": draw(FULL)}},
    }
