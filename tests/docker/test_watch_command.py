"""Containers that follow the files of their developer: the stack of the guide."""

from __future__ import annotations

import signal
import subprocess

import pages
import pytest
from scenario import ROOT, Project

pytestmark = pytest.mark.docker

GUIDE = ROOT / "docs" / "guide" / "daily-loop.md"
DOCKERFILE = """\
FROM busybox
WORKDIR /srv/conf
WORKDIR /srv
COPY passwd /etc/
COPY app app
USER dev
CMD ["sh", "-c", "echo begins with $(cat /srv/conf/*); exec sleep infinity"]
"""


def until(process: subprocess.Popen[str], *texts: str) -> None:
    """Read what it says until each of these texts was in a line."""
    assert process.stdout
    missing = set(texts)
    while missing:
        line = process.stdout.readline()
        assert line, f"it has ended without {missing}"
        missing -= {text for text in missing if text in line}


def inside(project: Project, script: str) -> list[str]:
    """What a script says in each container."""
    said = []
    for container in project.containers():
        made = project.api.exec_create(container["Id"], ["sh", "-c", script])
        said.append(project.api.exec_start(made["Id"]).decode())
    return said


def test_containers_must_follow_files_and_go_on_when_a_rebuild_fails(project: Project) -> None:
    [stack] = [piece for piece in pages.section(GUIDE, "Watch") if isinstance(piece, pages.File)]
    project.write(stack.text, stack.name)
    project.write(DOCKERFILE, "Dockerfile")
    project.write("dev:x:7:7::/:/bin/sh\n", "passwd")
    for name in ("app/a.py", "app/old/b.py", "conf/first"):
        project.write("1", name)
    for number in range(50):
        project.write("1", f"else/{number}")
    with project.start("up", "--watch", "--scale", "api=2", "--progress", "plain") as process:
        until(process, "api: synced conf/first in 2 containers", "watching app, conf, req", "begins with 1")
        ids = {container["Id"] for container in project.containers()}
        project.write("22", "app/.a.py.tmp").rename(project.directory / "app/a.py")
        until(process, "api: synced app/a.py in 2 containers")
        (project.directory / "else").rename(project.directory / "app/new")
        until(process, "api: synced app/new/0 (and 49 more) in 2 containers")
        (project.directory / "app/old").rename(project.directory / "else")
        until(process, "api: deleted app/old in 2 containers")
        project.write("333", "conf/first")
        until(process, "api: restart because conf/first changed", "begins with 333")
        project.write("FROM busybox\nCOPY nothing /\n", "Dockerfile")
        project.write("1", "requirements.txt")
        until(
            process, "rebuild because requirements.txt changed", "failed; the container that is there goes on"
        )
        project.write("4444", "app/a.py")
        until(process, "api: synced app/a.py")
        look = "ls app; ls app/new | wc -l; cat app/a.py; stat -c ' %u:%g %a' app/a.py app/new"
        assert inside(project, look) == ["a.py\nnew\n50\n4444 7:7 644\n 7:7 755\n"] * 2
        assert {container["Id"] for container in project.containers()} == ids
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=120)
    assert process.returncode == 130
    assert project.states() == {"api": "exited"}
