"""Directories of this machine: what is certainly gone, and which branch is checked out."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from stackctl.engine import directories
from stackctl.engine.directories import branch_of, is_gone, is_of_this_machine, place_of, placed
from stackctl.planner.world import labels


@pytest.fixture
def there(tmp_path: Path) -> Path:
    directory = tmp_path / "trees" / "feature"
    directory.mkdir(parents=True)
    return directory


def test_a_directory_that_was_removed_is_gone(there: Path) -> None:
    place = place_of(str(there))
    assert is_of_this_machine(place)
    assert not is_gone(str(there), place)
    there.rmdir()
    assert is_gone(str(there), place)


def test_it_is_gone_also_with_the_directory_above_it(there: Path) -> None:
    place = place_of(str(there))
    shutil.rmtree(there.parent)
    assert is_gone(str(there), place)


@pytest.mark.parametrize(("part", "other"), [(0, "0123456789ab"), (1, "1f"), (2, "1/2"), (2, "")])
def test_of_another_machine_filesystem_or_directory_above_nobody_can_tell(
    there: Path, part: int, other: str
) -> None:
    told = place_of(str(there)).split(":")
    there.rmdir()
    told[part] = other
    assert not is_gone(str(there), ":".join(told))


def test_what_was_below_a_place_to_mount_is_not_gone_when_nothing_is_mounted(
    there: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(directories, "_mounted", lambda: frozenset([str(there.parent)]))
    place = place_of(str(there))
    assert place.count("/") == 0, "of the directories above, only that in the same filesystem counts"
    shutil.rmtree(there.parent)
    assert not is_gone(str(there), place)


def test_what_is_no_place_tells_nothing(there: Path) -> None:
    assert place_of(str(there / "missing")) == ""
    assert not any(is_gone(str(there / "missing"), text) for text in ("", "x", f"{directories.machine()}:1"))
    assert not is_gone("/", place_of("/"))
    assert not is_gone("/x\0y", place_of(str(there)))  # labels may say anything


def test_a_pipe_is_no_checkout(there: Path) -> None:
    (there / ".git").mkdir()
    os.mkfifo(there / ".git" / "HEAD")
    assert branch_of(str(there)) == ""


def test_the_mounts_of_this_machine_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = tmp_path / "mountinfo"
    table.write_text("36 35 98:0 / /mnt/my\\040disk rw,noatime master:1 - ext3 /dev/root rw\n")
    monkeypatch.setattr(directories, "_MOUNTS", table)
    assert directories._mounted() == {"/mnt/my disk"}


def test_labels_get_the_place_of_their_directory(there: Path) -> None:
    own = {labels.SOURCE: str(there / "stack.toml"), "mine": "x"}
    assert placed(own) == {**own, labels.PLACE: place_of(str(there))}
    for nowhere in ({}, {labels.SOURCE: str(there / "missing" / "stack.toml")}):
        assert placed(nowhere) == nowhere


def test_the_branch_of_a_clone_a_worktree_and_a_commit(there: Path) -> None:
    assert branch_of(str(there)) == "" or not str(there).startswith("/tmp")
    repository = there.parent / ".git"
    (repository / "worktrees" / "feature").mkdir(parents=True)
    (repository / "HEAD").write_text("ref: refs/heads/main\n")
    assert branch_of(str(there)) == "main", "of a directory within the clone"
    (repository / "worktrees" / "feature" / "HEAD").write_text("ref: refs/heads/fix/login\n")
    (there / ".git").write_text(f"gitdir: {repository}/worktrees/feature\n")
    assert branch_of(str(there)) == "fix/login"
    (there / ".git").write_text("gitdir: ../.git/worktrees/feature\n")
    assert branch_of(str(there)) == "fix/login"
    (repository / "worktrees" / "feature" / "HEAD").write_text("0123456789abcdef0123456789abcdef01234567\n")
    assert branch_of(str(there)) == "0123456789ab"
    (repository / "worktrees" / "feature" / "HEAD").write_text("ref: refs/heads/.invalid\n")
    assert branch_of(str(there)) == ""
