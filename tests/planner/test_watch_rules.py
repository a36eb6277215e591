"""What a batch of changed files means to services: values in, text out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from stackctl.planner.watch import (
    NEVER,
    Kind,
    WatchRule,
    WatchWork,
    covering,
    decide,
    followers,
    mounted_below,
    owner,
    shared,
)
from stackctl.planner.world.observed import Mounted
from stackctl.spec.dockerignore import Ignored
from stackctl.spec.model import Stack, Watch
from stackctl.spec.structure import structure

HERE = Path("/here")


def rule(path: str, action: str, target: str | None = None, service: str = "api", **more: Any) -> WatchRule:
    keys: dict[str, Any] = {key: more.pop(key) for key in ("ignore", "include", "exec") if key in more}
    tree: Any = {"path": path, "action": action, **({"target": target} if target else {}), **keys}
    watch, problems = structure(Watch, tree)
    assert watch
    assert not problems
    return WatchRule.of(service, watch, HERE / path, is_directory="." not in Path(path).name, **more)


def said(rules: list[WatchRule], changed: dict[str, Kind]) -> list[str]:
    works = decide(rules, {HERE / path: kind for path, kind in changed.items()})
    return [f"{work.service}: " + "; ".join(lines(work)) for work in works]


def lines(work: WatchWork) -> list[str]:
    def names(paths: Any) -> str:
        return " ".join(path.relative_to(HERE).as_posix() for path in paths)

    parts = [f"rebuild for {names(work.rebuild)}"] if work.rebuild else []
    parts += [f"copy {i.path.relative_to(HERE).as_posix()} to {i.target}" for i in work.copies]
    parts += [f"remove {i.target}" for i in work.removals]
    parts += [f"restart for {names(work.restart)}"] if work.restart else []
    hooks = [each.watch.exec for each in work.hooks]
    return parts + [f"run {' '.join(each.command.argv)}" for each in hooks if each]


SYNC = rule("src", "sync", "/app/src")


def test_a_file_is_copied_to_its_place_and_a_missing_one_removed() -> None:
    assert said([SYNC], {"src/a/b.py": "file", "src/old.py": "gone", "other.py": "file"}) == [
        "api: copy src/a/b.py to /app/src/a/b.py; remove /app/src/old.py"
    ]


def test_the_strongest_action_wins_once_for_a_batch() -> None:
    rules = [
        SYNC,
        rule("conf", "sync+restart", "/etc/conf"),
        rule("req.txt", "rebuild"),
        rule("sql", "sync+exec", "/sql", exec={"command": "migrate now"}),
    ]
    changes: dict[str, Kind] = {
        "src/0.py": "file",
        "src/1.py": "file",
        "conf/a": "file",
        "conf/b": "file",
    }
    assert said(rules, changes) == [
        (
            "api: copy src/0.py to /app/src/0.py; copy src/1.py to /app/src/1.py; copy conf/a to /etc/conf/a; "
            "copy conf/b to /etc/conf/b; restart for conf/a conf/b"
        )
    ]
    assert said(rules, {"conf/a": "file", "req.txt": "file"}) == [
        "api: rebuild for req.txt; copy conf/a to /etc/conf/a"
    ]
    assert said(rules, {"sql/1": "file", "sql/2": "file"}) == [
        "api: copy sql/1 to /sql/1; copy sql/2 to /sql/2; run migrate now"
    ]


def test_a_file_serves_every_service_that_names_it() -> None:
    rules = [
        SYNC,
        rule("src/shared.py", "restart", service="worker"),
        rule("docs", "sync", "/d", service="web"),
    ]
    assert said(rules, {"src/shared.py": "file"}) == [
        "api: copy src/shared.py to /app/src/shared.py",
        "worker: restart for src/shared.py",
    ]


@pytest.mark.parametrize(
    "name",
    [".git/index", "a/.git", ".a.py.swp", "x/.a.swx", "a.py~", "4913", ".#a.py", "#a.py#", ".idea/w.xml", "a___jb_tmp___", ".DS_Store"],
)  # fmt: skip
def test_what_editors_and_git_write_for_themselves_never_counts(name: str) -> None:
    assert NEVER(name)
    assert said([SYNC], {f"src/{name}": "file"}) == []


@pytest.mark.parametrize("name", ["a.py", "swp", "a.swp", ".gitignore", ".github/x", "49130", ".env"])
def test_other_names_count(name: str) -> None:
    assert said([SYNC], {f"src/{name}": "file"}) != []


def test_ignore_and_include_are_relative_to_the_path_of_their_rule() -> None:
    picky = rule("src", "sync", "/a", include=["*.py", "deep/**/*.js"], ignore=["test_*.py", "deep/out"])
    changes: dict[str, Kind] = dict.fromkeys(
        ("src/a.py", "src/test_a.py", "src/a.txt", "src/deep/x/y.js", "src/deep/out/y.js", "src/deep/a.py"),
        "file",
    )
    assert said([picky], changes) == ["api: copy src/a.py to /a/a.py; copy src/deep/x/y.js to /a/deep/x/y.js"]


def test_a_dockerignore_counts_but_not_for_what_a_rule_names_itself() -> None:
    leave_out = Ignored("Dockerfile\n**/*.log\nbuild\n!build/keep.txt")
    more: Any = {"context": HERE, "dockerignore": leave_out}
    everything, file, built = (
        rule("", "sync", "/app", **more),
        rule("./Dockerfile", "rebuild", **more),
        rule("build", "sync", "/out", service="web", **more),
    )
    changes: dict[str, Kind] = dict.fromkeys(("Dockerfile", "a/x.log", "build/a", "build/keep.txt"), "file")
    assert said([everything], changes) == ["api: copy build/keep.txt to /app/build/keep.txt"]
    assert said([built], changes) == ["web: copy build/a to /out/a; copy build/keep.txt to /out/keep.txt"]
    named = WatchRule.of("api", file.watch, HERE / "Dockerfile", is_directory=False, **more)
    assert said([named], changes) == ["api: rebuild for Dockerfile"]


def test_the_files_of_the_stack_count_only_if_a_rule_names_them() -> None:
    own = [HERE / "stack.toml"]
    everything, itself = rule("", "sync", "/app", own=own), rule("stack.toml", "restart", own=own)
    assert said([everything, itself], {"stack.toml": "file"}) == ["api: restart for stack.toml"]


def test_a_removed_directory_goes_as_a_whole_and_the_target_itself_never() -> None:
    assert said([SYNC], {"src/a": "gone", "src/a/b": "gone", "src/ab": "gone"}) == [
        "api: remove /app/src/a; remove /app/src/ab"
    ]
    assert said([SYNC], {"src": "gone"}) == []
    assert said([rule("a.conf", "sync", "/etc/a.conf")], {"a.conf": "gone"}) == ["api: remove /etc/a.conf"]


def test_a_new_directory_is_copied_but_asks_for_no_rebuild_of_its_own() -> None:
    assert said(
        [SYNC, rule("src", "rebuild", service="web")], {"src/new": "directory", "src/new/a": "file"}
    ) == [
        "api: copy src/new to /app/src/new; copy src/new/a to /app/src/new/a",
        "web: rebuild for src/new/a",
    ]


def test_a_file_goes_into_a_target_that_ends_with_a_slash() -> None:
    assert said([rule("a.conf", "sync", "/etc/")], {"a.conf": "file"}) == ["api: copy a.conf to /etc/a.conf"]


def test_only_the_very_files_of_a_bind_mount_are_there_already() -> None:
    [work] = decide([SYNC], {HERE / "src/a": "file", HERE / "src/data/b": "file"})
    bind = Mounted("bind", "/here/src", "/app/src")
    other = Mounted("volume", "data", "/app/src/data")
    assert shared(work.items, [bind]) == {"/app/src/a", "/app/src/data/b"}
    assert shared(work.items, [bind, Mounted("bind", "/else", "/app/src/data")]) == {"/app/src/a"}
    assert shared(work.items, [Mounted("bind", "/here", "/app/src")]) == set()
    assert covering("/app/src/data/b", [bind, other]) == other
    assert covering("/app/srcs", [bind]) is None
    assert mounted_below("/app", [other]) == other
    assert mounted_below("/app/src/dat", [other]) is None


def test_dependents_that_ask_for_it_follow_a_new_container() -> None:
    text: Any = {
        "services": {
            "db": {"image": "a"},
            "api": {"image": "a", "depends_on": {"db": {"restart": True}}},
            "web": {"image": "a", "depends_on": {"api": {"restart": True}}},
            "cron": {"image": "a", "depends_on": ["db"]},
        }
    }
    stack, _ = structure(Stack, text)
    assert stack
    assert followers(stack, ["db"]) == ("api", "web")


PASSWD = "root:x:0:0::/root:/bin/sh\napp:x:100:101:App:/:/bin/false\nbroken\n"
GROUP = "root:x:0:\napp:x:101:\nstaff:x:50:app\n"


@pytest.mark.parametrize(
    ("user", "numbers"),
    [
        ("", (0, 0)),
        ("app", (100, 101)),
        ("100", (100, 101)),
        ("1000", (1000, 0)),
        ("1000:1001", (1000, 1001)),
        ("app:staff", (100, 50)),
        ("app:7", (100, 7)),
        ("nobody", (0, 0)),
    ],
)
def test_files_belong_to_the_user_of_the_container(user: str, numbers: tuple[int, int]) -> None:
    assert owner(user, PASSWD, GROUP) == numbers
