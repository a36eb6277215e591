"""What another user has put where stackctl keeps or writes files is neither followed nor trusted."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from stackctl.engine import last_run
from stackctl.engine.files import replace_file
from stackctl.engine.lock import held, lock
from stackctl.engine.remembered import Checkout, remembered
from stackctl.errors import LockedError
from stackctl.planner.steps.timeline import Timeline

ANOTHER = 12345
"""A user who is not this one."""
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files to another user")
RUN = Timeline(project="p", seconds=1.0)


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    """A directory like /tmp."""
    directory = tmp_path / "shared"
    directory.mkdir()
    directory.chmod(0o1777)
    return directory


@pytest.fixture
def treasure(tmp_path: Path) -> Path:
    """What the other user would like this one to overwrite."""
    path = tmp_path / "treasure"
    path.write_text("gold")
    return path


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


@as_root
def test_a_link_that_another_user_has_planted_is_not_followed(shared: Path, treasure: Path) -> None:
    link = shared / "x.env"
    link.symlink_to(treasure)
    os.lchown(link, ANOTHER, ANOTHER)
    with pytest.raises(PermissionError, match="another user has put a link there"):
        replace_file(link, "new")
    assert treasure.read_text() == "gold"


def test_an_own_link_is_followed_and_stays(shared: Path, treasure: Path) -> None:
    link = shared / "x.env"
    link.symlink_to(treasure)
    replace_file(link, "new")
    assert link.is_symlink()
    assert treasure.read_text() == "new"


@as_root
def test_the_mode_of_a_file_of_another_user_is_not_taken_over(shared: Path) -> None:
    path = shared / "x.env"
    path.write_text("")
    path.chmod(0o666)
    os.chown(path, ANOTHER, ANOTHER)
    replace_file(path, "secret", mode=0o600)
    assert (mode(path), path.stat().st_uid) == (0o600, os.geteuid())
    path.chmod(0o640)
    replace_file(path, "secret", mode=0o600)
    assert mode(path) == 0o640, "that of an own file is"


def test_another_name_of_a_file_keeps_its_content(shared: Path, treasure: Path) -> None:
    (shared / "x.env").hardlink_to(treasure)
    replace_file(shared / "x.env", "new")
    assert treasure.read_text() == "gold"


def test_nothing_is_left_beside_a_file_that_cannot_be_written(shared: Path) -> None:
    with pytest.raises(UnicodeEncodeError):
        replace_file(shared / "x", "\ud800")
    assert [*shared.iterdir()] == []


def plant_directory(path: Path) -> None:
    path.mkdir()
    path.chmod(0o777)


def plant_link(path: Path) -> None:
    (path.parent / "trap").mkdir(mode=0o700)
    path.symlink_to(path.parent / "trap")


def plant_theirs(path: Path) -> None:
    path.mkdir(mode=0o755)
    os.chown(path, ANOTHER, ANOTHER)


def plant_pipe(path: Path) -> None:
    os.mkfifo(path)


@pytest.mark.parametrize(
    "plant", [plant_directory, plant_link, pytest.param(plant_theirs, marks=as_root), plant_pipe]
)
def test_a_directory_that_is_not_of_this_user_alone_is_used_for_nothing(
    shared: Path, plant: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither for locks, where this is an error, nor for the cache, which is nothing that a run needs."""
    plant(shared / "stackctl")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(shared))
    monkeypatch.setenv("XDG_CACHE_HOME", str(shared))
    with pytest.raises(LockedError, match="not a directory of this user alone"), lock("engine", "p"):
        pass
    last_run.remember("engine", RUN)
    assert last_run.recall("engine", "p") is None
    with remembered() as memory:
        memory.checkouts.append(Checkout(engine="e", name="n", directory=str(shared), project="p"))
    with remembered() as memory:
        assert memory.checkouts == []
    assert [path for path in shared.rglob("*") if path.is_file()] == []


def test_the_cache_is_of_this_user_alone(shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(shared))
    last_run.remember("engine", RUN)
    assert last_run.recall("engine", "p") == RUN
    with remembered() as memory:
        memory.checkouts.append(Checkout(engine="e", name="n", directory=str(shared), project="p"))
    found = [*(shared / "stackctl").rglob("*"), shared / "stackctl"]
    assert {mode(path) for path in found if path.is_dir()} == {0o700}
    assert {mode(path) for path in found if path.is_file()} == {0o600}


def test_a_lock_follows_no_link(shared: Path, treasure: Path) -> None:
    (shared / "x.lock").symlink_to(treasure)
    with pytest.raises(LockedError, match="symbolic links"), held(shared / "x.lock"):
        pass
    assert treasure.read_text() == "gold"
