"""What a build is made from, by the rules of .dockerignore, and what an image remembers of it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from docker.utils.build import exclude_paths

from stackctl.engine import build_context
from stackctl.engine.build_context import (
    Fingerprint,
    entries,
    fingerprint,
    ignored,
    outdated,
    touched_since,
)
from stackctl.planner.world.desired import DesiredBuild
from stackctl.planner.world.observed import BuiltImage
from stackctl.spec.dockerignore import Ignored

FILES = (
    "Dockerfile", "README.md", "app.py", "a/b/c.py", "a/b/c.pyc", "a/keep.md", "a/x.md", "logs/a.log", "logs/deep/b.log", "logs/keep.log",
    "node_modules/x/y.js", ".git/config", "x1.txt", "x2.txt", "we[i]rd", "dir.d/inner", "-a", "]b",
)  # fmt: skip
FUTURE, PAST = 4e9, 1.0


@pytest.fixture
def context(tmp_path: Path) -> Path:
    for name in FILES:
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(name)
    return tmp_path


def kept(context: Path, text: str) -> set[str]:
    return {entry.path for entry in entries(context, Ignored(text)) if (context / entry.path).is_file()}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# a comment\n\n  \nREADME.md",
        "*.md",
        "**/*.md",
        "*/*.md",
        "**",
        "a",
        "a/",
        "/a/b",
        "./a/../a/b",
        "logs/*\n!logs/keep.log",
        "logs\n!logs/keep.log",
        "*\n!a/b",
        "**/b\n!a/b/c.py",
        "x?.txt",
        "x[12].txt",
        "a/**\n!a/keep.md\n**/keep.md",
        "node_modules\n.git",
        "!a\na",
        "dir.d",
        "dirxd",
        "a/**/c.py",
        "[-a]a",
    ],
)
def test_patterns_leave_out_what_docker_leaves_out(context: Path, text: str) -> None:
    lines = [line.strip() for line in text.splitlines()]
    patterns = [line for line in lines if line and not line.startswith("#")]
    # The SDK always keeps its Dockerfile: it gets one that is not there.
    docker = {p for p in exclude_paths(str(context), patterns, dockerfile="other") if (context / p).is_file()}
    assert kept(context, text) == docker


def test_what_the_sdk_does_not_know_of_patterns(context: Path) -> None:
    assert "x2.txt" not in kept(context, "x[^1].txt") >= {"x1.txt"}
    assert "we[i]rd" not in kept(context, "we\\[i\\]rd")
    assert kept(context, "[\n[z-a]") == set(FILES), "the builder refuses what is no pattern"


def test_a_pattern_with_a_wildcard_includes_again_below_a_directory_that_is_left_out(context: Path) -> None:
    assert kept(context, "*\n!**/keep.*") == {"a/keep.md", "logs/keep.log"}


def test_a_directory_that_is_left_out_is_not_read(context: Path) -> None:
    visited: list[str] = []
    scandir = os.scandir

    def visit(path: Path) -> Any:
        visited.append(path.name)
        return scandir(path)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(os, "scandir", visit)
        assert kept(context, "node_modules\n.git\n!a/keep.md")
    assert not {"node_modules", ".git", "x"} & {*visited}


def test_a_file_beside_the_dockerfile_wins(context: Path) -> None:
    (context / ".dockerignore").write_text("a")
    (context / "other.Dockerfile.dockerignore").write_text("logs")
    build = DesiredBuild(context=context)
    assert ignored(build)("a")
    assert not ignored(DesiredBuild(context=context, dockerfile="other.Dockerfile"))("a")


def built(context: Path, created: float = PAST, **settings: object) -> BuiltImage:
    """The image that would be built now."""
    return BuiltImage(str(fingerprint(DesiredBuild(context=context, **settings))), created)  # type: ignore[arg-type]


def test_what_has_changed_is_told(context: Path) -> None:
    (context / ".dockerignore").write_text("logs\n.git")
    build, image = DesiredBuild(context=context), built(context)
    assert outdated(build, image) is None
    (context / "logs/a.log").write_text("more")
    (context / "app.py").touch()
    for name in ("stack.toml", "stack.override.toml", "compose.yaml", "docker-compose.prod.yml"):
        (context / name).touch()
    assert outdated(build, image) is None, (
        "neither what is left out, nor a time, nor the stack's file is a change"
    )
    (context / "app.py").write_text("yp.app")
    assert outdated(build, image) == "code", "the size is the same"
    assert outdated(build, built(context, FUTURE)) is None
    (context / "app.py").write_text("longer text")
    assert outdated(build, BuiltImage(image.fingerprint, FUTURE)) == "code", (
        "the size tells it, whatever the times say"
    )
    (context / "app.py").write_text("app.py")
    assert outdated(build, image) is None
    for name, change in (
        ("new", Path.touch),
        ("app.py", Path.unlink),
        ("link", lambda path: path.symlink_to("README.md")),
        ("README.md", lambda path: path.chmod(0o755)),
        ("directory", Path.mkdir),
    ):
        before = built(context)
        change(context / name)
        assert outdated(build, before) == "code", name


def test_a_change_of_the_definition_is_told_without_a_look_at_the_files(context: Path) -> None:
    image = built(context, target="first")
    assert outdated(DesiredBuild(context=context, target="second"), image) == "build"
    assert outdated(DesiredBuild(context=context, target="first", args={"A": "b"}), image) == "build"
    (context / "Dockerfile").write_text("FROM busybox")
    assert outdated(DesiredBuild(context=context, target="first"), image) == "build"


def test_content_is_read_only_if_a_file_was_touched_since(
    context: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build, image = DesiredBuild(context=context), built(context, FUTURE)
    monkeypatch.setattr(build_context, "_content", lambda *_: pytest.fail("content was read"))
    assert outdated(build, image) is None


def test_a_look_is_bounded(context: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build, image = DesiredBuild(context=context), built(context)
    (context / "app.py").write_text("yp.app")
    monkeypatch.setattr(build_context, "MOST_BYTES", 10)
    assert outdated(build, image) is None
    monkeypatch.setattr(build_context, "MOST_FILES", 10)
    (context / "new").touch()
    assert outdated(build, image) is None


def test_what_cannot_be_told_is_not_told(context: Path) -> None:
    build = DesiredBuild(context=context)
    assert outdated(build, BuiltImage("2.of.another.version")) is None
    assert outdated(build, BuiltImage("1.broken.2.3")) is None
    assert outdated(DesiredBuild(context=context / "gone"), built(context)) is None
    assert fingerprint(DesiredBuild(context=context / "gone")) is None
    told = fingerprint(build)
    assert told
    assert Fingerprint.parse(str(told)) == told


def test_a_change_during_the_build_is_seen(context: Path) -> None:
    assert touched_since(DesiredBuild(context=context), PAST)
    assert not touched_since(DesiredBuild(context=context), FUTURE)


def test_what_is_mounted_counts_only_where_the_dockerfile_names_it(context: Path) -> None:
    """With live code in a bind mount, nothing is said of each edit, but of what is installed from."""
    (context / "Dockerfile").write_text(
        'FROM python\nCOPY --chown=me ./a/b/c.py\\\n  x*.txt /app/\nCOPY ["README.md", "/"]\nCOPY --from=other app.py /\n'
        "RUN --mount=type=bind,source=logs/a.log,target=/a true\nCOPY . /app\nCOPY logs /logs\n"
    )
    live = DesiredBuild(context=context, live=(".",))
    image = BuiltImage(str(fingerprint(live)), PAST)
    for name in ("app.py", "a/x.md", "logs/b.log", "a/b/c.pyc", "new"):
        (context / name).write_text("changed")
    assert outdated(live, image) is None
    assert outdated(DesiredBuild(context=context), image) is None, "other files count then"
    for name in ("a/b/c.py", "x2.txt", "README.md", "logs/a.log"):
        before = BuiltImage(str(fingerprint(live)), PAST)
        (context / name).write_text("changed")
        assert outdated(live, before) == "code", name
    part = DesiredBuild(context=context, live=("a",))
    before = BuiltImage(str(fingerprint(part)), PAST)
    (context / "a/x.md").write_text("changed again")
    assert outdated(part, before) is None
    (context / "app.py").write_text("changed again")
    assert outdated(part, before) == "code"
