"""`stackctl cp` must do what `docker cp` does: the same arguments, to containers and directories that are alike."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from scenario import Project, sleepers

from stackctl.cli import cli
from stackctl.cli.exit_codes import guarded

pytestmark = pytest.mark.docker

PREPARE = (
    "mkdir -p /there/dir/sub && echo old >/there/file && echo in >/there/dir/sub/in && ln -s dir /there/to-dir"
    " && ln -s file /there/to-file && ln -s nowhere /there/to-nothing"
)
INTO = [
    ("one", "/there/new"),
    ("one", "/there/dir"),
    ("one", "/there/to-dir"),
    ("one", "/there/to-dir/"),
    ("one", "/there/to-file"),
    ("one", "there/relative"),
    ("one", "/there/new-dir/"),
    ("one", "/there/no/new"),
    ("tree", "/there/tree-new"),
    ("tree", "/there/dir"),
    ("tree/.", "/there/dir"),
    ("tree", "/there/file"),
    ("link", "/there/link"),
    ("nothing", "/there/x"),
    ("one/", "/there/x"),
]
OUT_OF = [
    ("/there/file", "new"),
    ("/there/file", "dir"),
    ("/there/file", "no/new"),
    ("/there/file", "new-dir/"),
    ("/there/dir", "dir-new"),
    ("/there/dir", "dir"),
    ("/there/dir/.", "dir"),
    ("/there/dir", "here-file"),
    ("/there/to-file", "link"),
    ("-L /there/to-file", "followed"),
    ("/there/nothing", "x"),
]


def tree(directory: Path) -> dict[str, str]:
    """What is below a directory: the text of each file, where each link leads."""
    return {
        str(path.relative_to(directory)): f"-> {path.readlink()}"
        if path.is_symlink()
        else path.read_text()
        if path.is_file()
        else "/"
        for path in sorted(directory.rglob("*"))
    }


def words(command: str, source: str, target: str, container: str) -> list[str]:
    return [command, *f"{source} {target}".replace("SERVICE:", f"{container}:").split()]


def test_cp_must_do_what_docker_cp_does(
    bring_up: Callable[..., Project],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    project = bring_up(sleepers(ours="", dockers=""))
    for service in ("ours", "dockers"):
        project.run("exec", service, "sh", "-c", PREPARE)
    work = {name: tmp_path / name for name in ("ours", "dockers")}
    for directory in work.values():
        (directory / "tree" / "sub").mkdir(parents=True)
        (directory / "dir").mkdir()
        (directory / "tree" / "sub" / "leaf").write_text("leaf\n")
        (directory / "one").write_text("one\n")
        (directory / "here-file").write_text("")
        (directory / "link").symlink_to("one")
        (directory / "one").chmod(0o640)
    docker_id = project.ids()["dockers"]
    monkeypatch.setenv("STACKCTL_FILE", str(project.directory / "stack.toml"))
    monkeypatch.setenv("STACKCTL_PROJECT", project.name)

    def both(source: str, target: str) -> bool:
        """Run both; return whether they succeeded."""
        command = ["docker", *words("cp", source, target, docker_id)]
        theirs = subprocess.run(command, cwd=work["dockers"], capture_output=True, text=True, check=False)
        monkeypatch.chdir(work["ours"])
        ours = guarded(lambda: cli.main(words("cp", source, target, "ours"), standalone_mode=False))
        said = capsys.readouterr().err
        assert (ours == 0) == (theirs.returncode == 0), (source, target, said, theirs.stderr)
        return theirs.returncode == 0

    done = [both(source, f"SERVICE:{target}") for source, target in INTO]
    assert True in done
    assert False in done
    listing = (
        "cd /there && find . | sort | while read f; do stat -c '%n %a %F %u' $f; [ -f $f ] && cat $f; done"
    )
    assert project.inside("ours", "sh", "-c", listing) == project.inside("dockers", "sh", "-c", listing)
    done = [
        both(f"{'-L ' if '-L' in source else ''}SERVICE:{source.split()[-1]}", target)
        for source, target in OUT_OF
    ]
    assert True in done
    assert False in done
    assert tree(work["ours"]) == tree(work["dockers"])
    for name in ("new", "dir/sub/in"):
        assert (work["ours"] / name).stat().st_mode == (work["dockers"] / name).stat().st_mode
    stream = project.run("cp", "ours:/there/dir", "-")
    project.run("cp", "-", "ours:/tmp", stdin=stream.stdout)
    assert project.inside("ours", "cat", "/tmp/dir/sub/in") == "in\n"
