"""The scripts that copy data, run by the shell of this machine in directories that stand for volumes."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from stackctl.planner.data.copying import PLAIN, REPLACE


def start(script: str, root: Path, **env: str) -> subprocess.Popen[str]:
    """Run a script in which `/from` and `/to` are directories of `root`, with programs of `root/bin` first."""
    text = script.replace("/from", f"{root}/from").replace("/to", f"{root}/to")
    path = f"{root}/bin:{os.environ['PATH']}"
    return subprocess.Popen(["sh", "-c", text], env={"PATH": path, **env}, stderr=subprocess.PIPE, text=True)


def run(script: str, root: Path, **env: str) -> int:
    with start(script, root, **env) as process:
        process.communicate(timeout=60)
    return process.returncode


def fake(root: Path, program: str, text: str) -> None:
    """A program that is found instead of the real one."""
    (root / "bin").mkdir(exist_ok=True)
    file = root / "bin" / program
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(0o755)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two volumes: new data in `from`, old data in `to`."""
    for number in ("0", "1"):
        new, old = tmp_path / "from" / number, tmp_path / "to" / number
        (new / "deep er").mkdir(parents=True)
        (new / "deep er" / "-file").write_text("new")
        (new / ".hidden").write_text("new")
        (new / "link").symlink_to("nowhere")
        new.chmod(0o750)
        old.mkdir(parents=True)
        (old / "old").write_text("old")
        (old / "deep er").mkdir()
        (old / "deep er" / "other").write_text("old")
        (old / "..strange").write_text("old")
    return tmp_path


def tree(directory: Path) -> dict[str, str]:
    """What is below a directory, with the directory's own mode."""
    found = {".": oct(directory.stat().st_mode & 0o7777)}
    for path in sorted(directory.rglob("*")):
        name = str(path.relative_to(directory))
        found[name] = (
            str(path.readlink()) if path.is_symlink() else path.read_text() if path.is_file() else "/"
        )
    return found


def both(root: Path, side: str) -> list[dict[str, str]]:
    return [tree(root / side / number) for number in ("0", "1")]


def test_a_copy_has_everything(root: Path) -> None:
    for number in ("0", "1"):
        subprocess.run(["rm", "-rf", root / "to" / number], check=True)
        (root / "to" / number).mkdir()
    assert run(PLAIN, root) == 0
    assert both(root, "to") == both(root, "from")


def test_new_data_take_the_place_of_the_old_ones(root: Path) -> None:
    assert run(REPLACE, root) == 0
    assert both(root, "to") == both(root, "from")


def test_data_that_cannot_be_copied_leave_the_old_ones(root: Path) -> None:
    before = both(root, "to")
    cp = 'case "$*" in *from/1*) exit 1;; esac; exec /bin/cp "$@"'
    fake(root, "cp", cp)
    assert run(REPLACE, root) == 1
    assert both(root, "to") == before


def test_a_stop_before_all_is_copied_leaves_the_old_data(root: Path) -> None:
    before = both(root, "to")
    fake(root, "cp", f"echo ready > {root}/told; exec sleep 100")
    os.mkfifo(root / "told")
    with start(REPLACE, root) as process:
        assert (root / "told").read_text() == "ready\n"
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
    assert process.returncode == 1
    assert both(root, "to") == before


def test_a_stop_while_names_change_does_not_stop_that(root: Path) -> None:
    os.mkfifo(root / "told")
    os.mkfifo(root / "go")
    fake(root, "stat", f'echo ready > {root}/told; read go < {root}/go; exec /usr/bin/stat "$@"')
    with start(REPLACE, root) as process:
        for _ in range(4):
            assert (root / "told").read_text() == "ready\n"
            process.send_signal(signal.SIGTERM)
            (root / "go").write_text("go\n")
        process.communicate(timeout=60)
    assert process.returncode == 0
    assert both(root, "to") == both(root, "from")


def test_only_empty_volumes_are_filled_if_that_is_asked_for(root: Path) -> None:
    subprocess.run(["rm", "-rf", root / "to" / "1"], check=True)
    (root / "to" / "1" / "lost+found").mkdir(parents=True)
    (root / "to" / "1" / ".stackctl-new").mkdir()
    before = tree(root / "to" / "0")
    assert run(REPLACE, root, ONLY_EMPTY="yes") == 0
    assert tree(root / "to" / "0") == before
    assert tree(root / "to" / "1") == tree(root / "from" / "1")


def test_what_an_interrupted_run_has_left_is_no_data(root: Path) -> None:
    for name in (".stackctl-new", ".stackctl-old"):
        (root / "to" / "0" / name).mkdir()
        (root / "to" / "0" / name / "half").write_text("half")
    assert run(REPLACE, root) == 0
    assert both(root, "to") == both(root, "from")
