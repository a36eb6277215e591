"""`watch` where nothing is to be watched, and what it tells."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from commandline import Run

from stackctl.planner.watch import WatchTold
from stackctl.show.run.watched import watched_json, watched_text

pytest_plugins = ["commandline_fixtures"]

STACK = '[services.api]\nbuild = "."\n[services.db]\nimage = "busybox"\n'
PROPOSED = """\
[[services.api.develop.watch]]
path = "./Dockerfile"
action = "rebuild"

[[services.api.develop.watch]]
path = "."
action = "sync+restart"
target = "/app"
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path) -> None:
    (tmp_path / "stack.toml").write_text(STACK)
    (tmp_path / "Dockerfile").write_text("FROM busybox\nCOPY . /app\n")


def test_without_rules_it_proposes_some_and_asks_no_engine(run: Run) -> None:
    asked = run("watch", "--propose")
    assert (asked.code, asked.out) == (0, PROPOSED)
    for words in (["watch"], ["up", "--watch"], ["watch", "api"]):
        refused = run(*words)
        assert (refused.code, refused.out) == (2, "")
        assert PROPOSED in refused.err
        assert "has no develop.watch: there is nothing to watch" in refused.err
        assert "put the lines above into stack.toml" in refused.err
    assert "daily-loop.md says how to write it" in run("watch", "db").err
    assert "no such service: apu" in run("watch", "apu").err


@pytest.mark.parametrize(
    ("told", "text"),
    [
        (WatchTold(what="sync", service="a", files=("x",)), "a: synced x"),
        (WatchTold(what="sync", service="a", files=("x", "y", "z"), containers=2), "a: synced x (and 2 more) in 2 containers"),
        (WatchTold(what="delete", service="a", files=("x\x1b[2J",)), "a: deleted x"),
        (WatchTold(what="rebuild", service="a", files=("x", "y")), "a: rebuild because x (and 1 more) changed"),
        (WatchTold(what="restart", service="a", files=("x",), dry=True), "a: would restart because x changed"),
        (WatchTold(what="exec", service="a", text="kill 1", exit_code=0), "a: exec kill 1 ended with exit code 0"),
        (WatchTold(what="exec", service="a", text="kill 1", dry=True), "a: would run kill 1"),
        (WatchTold(what="note", text="watching x"), "watching x"),
    ],
)  # fmt: skip
def test_each_line_names_the_file_that_caused_it(told: WatchTold, text: str) -> None:
    assert watched_text(told).startswith(text)
    assert "\x1b" not in watched_text(told)


def test_as_json_each_is_an_object() -> None:
    told = WatchTold(what="exec", service="a", text="x", exit_code=0, output=("one", "two"))
    assert json.loads(watched_json(told, 0)) == {
        "version": 1,
        "ts": "1970-01-01T00:00:00.000Z",
        "event": "watch",
        "what": "exec",
        "service": "a",
        "text": "x",
        "exit_code": 0,
        "output": ["one", "two"],
    }
