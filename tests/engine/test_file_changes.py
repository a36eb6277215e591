"""Which files change, and what is there afterwards: on real files."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest

from stackctl.engine.file_changes import FileChanges, below, seen
from stackctl.planner.watch import WatchRule
from stackctl.spec.model import Watch, WatchAction

PATIENCE = 60.0
"""Seconds: many times what a change takes."""


class Told:
    """The changes that were told until now, as `seen` says them."""

    def __init__(self, root: Path, *paths: str, **keys: Any) -> None:
        self.root = root
        watch = Watch(path=".", action=WatchAction.sync, target="/t", **keys)
        self.rules = [WatchRule.of("a", watch, root / path, is_directory="." not in path) for path in paths]
        self.queue: SimpleQueue[Any] = SimpleQueue()
        self.changes = FileChanges([rule.root for rule in self.rules], self.queue.put)

    def until(self, path: str) -> dict[str, str]:
        """What has changed, until that path is told."""
        found: dict[str, str] = {}
        while path not in found:
            batch = self.queue.get(timeout=PATIENCE)
            found |= {
                p.relative_to(self.root).as_posix(): kind for p, kind in seen(batch, self.rules).items()
            }
        return found


@pytest.fixture
def watch(tmp_path: Path) -> Iterator[Callable[..., Told]]:
    begun: list[Told] = []

    def begin(*paths: str, **keys: Any) -> Told:
        begun.append(Told(tmp_path.resolve(), *paths, **keys))
        return begun[-1]

    yield begin
    for each in begun:
        each.changes.close()


def write(path: Path, text: str = "x") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_a_save_by_renaming_is_a_change_of_the_file(watch: Callable[..., Told], tmp_path: Path) -> None:
    write(tmp_path / "src/a")
    write(tmp_path / "one.txt")
    told = watch("src", "one.txt")
    for name in ("src/a", "one.txt", "src/a", "one.txt"):  # twice: the file has another inode afterwards
        write(tmp_path / f"{name}.tmp", "new")
        (tmp_path / f"{name}.tmp").rename(tmp_path / name)
        assert told.until(name)[name] == "file"


def test_what_is_in_a_new_directory_is_found_and_a_removed_one_told(
    watch: Callable[..., Told], tmp_path: Path
) -> None:
    write(tmp_path / "src/old/a")
    write(tmp_path / "else/deep/b")
    told = watch("src")
    (tmp_path / "else").rename(tmp_path / "src/new")
    assert told.until("src/new/deep/b") == {"src/new": "directory", "src/new/deep": "directory", "src/new/deep/b": "file"}  # fmt: skip
    write(tmp_path / "src/new/deep/c")
    assert told.until("src/new/deep/c")["src/new/deep/c"] == "file"
    (tmp_path / "src/old").rename(tmp_path / "else")
    assert told.until("src/old") == {"src/old": "gone"}


def test_a_path_may_come_later_and_come_again(watch: Callable[..., Told], tmp_path: Path) -> None:
    told = watch("a/src", "b/c.txt")
    for _ in range(2):
        write(tmp_path / "a/src/x/1")
        assert told.until("a/src/x/1")["a/src/x/1"] == "file"
        write(tmp_path / "a/src/x/2")
        assert "a/src/x/2" in told.until("a/src/x/2")
        (tmp_path / "a").rename(tmp_path / f"gone{_}")
    write(tmp_path / "b/c.txt")
    assert told.until("b/c.txt")["b/c.txt"] == "file"


def test_a_link_is_a_link_and_nothing_behind_it_counts(watch: Callable[..., Told], tmp_path: Path) -> None:
    write(tmp_path / "else/b")
    (tmp_path / "src").mkdir()
    told = watch("src")
    (tmp_path / "src/link").symlink_to(tmp_path / "else")
    assert told.until("src/link") == {"src/link": "link"}
    write(tmp_path / "else/c")
    write(tmp_path / "src/end")
    assert "src/link/c" not in told.until("src/end")


def test_a_walk_looks_into_nothing_that_is_left_out(tmp_path: Path) -> None:
    for name in ("a/b", "node_modules/x/y", ".git/objects/z", "keep/node_modules/k"):
        write(tmp_path / name)
    os.mkfifo(tmp_path / "pipe")
    watch = Watch(path=".", action=WatchAction.sync, target="/t", ignore=("**/node_modules",))
    rule = WatchRule.of("a", watch, tmp_path)
    found = {path.relative_to(tmp_path).as_posix(): kind for path, kind in below(tmp_path, [rule])}
    assert found == {".": "directory", "a": "directory", "a/b": "file", "keep": "directory"} | dict.fromkeys(
        ("node_modules", ".git", "keep/node_modules"), "directory"
    )
