"""`with` must give any command a stack of its own, ready, and leave nothing behind, however it ends."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pages
import pytest
from scenario import NOTHING, ROOT, Project, eventually, servers
from terminal import open_terminal

pytestmark = pytest.mark.docker

STACK = servers(web='healthcheck = { tcp = 80, interval = "1s" }\nstop_grace_period = "0s"')


def test_a_command_must_have_its_terminal_its_signals_and_its_exit_code(project: Project) -> None:
    project.write(STACK)
    ask = project.write(
        "import os, urllib.request as r; print(r.urlopen(os.environ['WEB_URL'] + '/passwd').read(6))",
        "ask.py",
    )
    script = f"trap 'echo $((2*111))' INT; trap 'exit 9' TERM; tty -s && {sys.executable} {ask.name}; while :; do sleep 0.05; done"
    with open_terminal(project, "with", "web", "--", "sh", "-c", script) as terminal:
        terminal.expect("b'root:x'")
        assert len(project.resources()["containers"]) == 1
        assert project.containers() == [], "it is another project"
        terminal.type("\x03")
        terminal.expect("222")
        terminal.process.send_signal(signal.SIGTERM)
        assert terminal.end() == 9
        assert terminal.said.count("222") == 1, "Ctrl-C reaches the command once"
        assert terminal.settings() == terminal.before
    assert project.resources() == NOTHING


def test_a_killed_stackctl_must_leave_no_stack(project: Project) -> None:
    project.write(STACK)
    with project.start("with", "--progress", "quiet", "--", "sh", "-c", "echo begun; cat") as process:
        assert process.stdout
        assert process.stdout.readline() == "begun\n"
        assert project.resources() != NOTHING
        process.kill()
        eventually(lambda: project.resources() == NOTHING, 60)


def test_a_command_must_have_data_of_its_own_that_began_as_another_stacks(project: Project) -> None:
    """Here as those of the developer's own stack, which is up and has the same file."""
    more = 'volumes = ["data:/data"]\nhealthcheck = { tcp = 80, interval = "1s" }\nstop_grace_period = "0s"'
    project.write(servers(web=more).replace("/etc", "/data") + "[volumes.data]\n")
    project.run("up")
    project.inside("web", "sh", "-c", "echo seeded > /data/index.html")
    project.write("import os, urllib.request as r; print(r.urlopen(os.environ['WEB_URL']).read())", "ask.py")
    with project.start("with", "--data-from", project.name, "--", sys.executable, "ask.py") as process:
        said, shown = process.communicate(timeout=120)
    assert (process.returncode, said) == (0, "b'seeded\\n'\n"), shown
    there = project.resources()
    assert (len(there["containers"]), len(there["networks"]), there["volumes"]) == (
        1,
        1,
        [f"{project.name}_data"],
    )
    project.run("down", "-v")
    assert project.resources() == NOTHING


# The guide

GUIDE = ROOT / "docs" / "guide" / "daily-loop.md"


SECTION = pages.section(GUIDE, "A stack for any command")
COMMANDS = [c for piece in SECTION if isinstance(piece, pages.Block) for c in pages.commands(piece)]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.text)
def test_each_command_of_the_guide_must_do_as_it_says(command: pages.Command, project: Project) -> None:
    if "npm" in command.text and not shutil.which("npm"):
        pytest.skip("npm is not installed")
    for piece in SECTION:
        if isinstance(piece, pages.File):
            project.write(piece.text, piece.name)
    project.write('{ "scripts": { "test": "node --test" } }', "package.json")
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    ran = subprocess.run(
        ["bash", "-c", command.text],
        cwd=project.directory,
        env=project.environment | {"PATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=180,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout
    assert pages.is_as_shown(command.shown, ran.stdout.replace("\r", "").splitlines()), ran.stdout
    assert project.resources() == NOTHING
