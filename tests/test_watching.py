"""Containers follow the files of their developer: on the in-memory engine."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import stackctl
from stackctl.engine.execute import Cancel
from stackctl.engine.memory import MemoryEngine
from stackctl.engine.talk.tars import content
from stackctl.errors import EngineError
from stackctl.planner.steps.actions import Action, BuildImage
from stackctl.planner.steps.outcome import outcome, succeed
from stackctl.planner.world.observed import ImageConfig, ObservedContainer, ObservedEngine
from stackctl.show.run.watched import watched_text
from stackctl.spec.selection import Selection
from stackctl.watching import Watching, WatchOptions

HEAD = 'name = "shop"\n[services.api]\n'
SYNC = HEAD + 'image = "app:1"\ndevelop.watch = [{ path = "src", action = "sync", target = "/app" }]\n'
INITIAL = HEAD + 'image = "app:1"\ndevelop.watch = [{ path = "src", action = "sync+restart", target = "/app", initial_sync = true }]\n'  # fmt: skip


class Flaky(MemoryEngine):
    """An engine that can be gone, and on which builds can fail."""

    gone = False
    builds = True

    def perform(self, action: Action, *others: Any) -> str:
        if isinstance(action, BuildImage) and not self.builds:
            raise EngineError("a line of the Dockerfile is wrong")
        return super().perform(action, *others)

    def containers(self, project: str) -> tuple[ObservedContainer, ...]:
        if self.gone:
            raise EngineError("no engine answers")
        return super().containers(project)


class World:
    """A stack that is up, a directory beside it, and what the watching has told since it was last asked."""

    def __init__(self, directory: Path, text: str, name: str, **options: Any) -> None:
        self.directory = directory
        (directory / "stack.toml").write_text(text)
        self.write("src/a.py", "1")
        info = ObservedEngine(id=f"memory-{name}", name="memory", endpoint="memory:")
        images = {"app:1": ImageConfig(), "shop-api": ImageConfig()}
        self.engine = Flaky(images, info=info)
        self.stack = stackctl.load(directory / "stack.toml", environ={}, strict=False)
        succeed(stackctl.up(self.stack, self.engine))
        self.said: list[str] = []
        self.watching = Watching(
            self.stack,
            self.engine,
            Selection(),
            WatchOptions(**options),
            tell=lambda told: self.said.append(watched_text(told)),
            follow=lambda events: outcome(events(Cancel())).exit_code,
        )

    def write(self, path: str, text: str) -> None:
        file = self.directory / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def change(self, *paths: str) -> list[str]:
        """A batch: these paths have changed. What is told."""
        self.watching.handle({self.directory / path: False for path in paths})
        said, self.said[:] = [*self.said], []
        return said

    def file(self, path: str, container: str = "shop-api-1") -> str | None:
        if self.engine.path(container, path) is None:
            return None
        return content(self.engine.pack(container, path)).decode()


@pytest.fixture
def world(tmp_path: Path, request: pytest.FixtureRequest) -> Callable[..., World]:
    def make(text: str, **options: Any) -> World:
        return World(tmp_path.resolve(), text, request.node.name, **options)

    return make


def test_it_names_what_it_copies_and_removes(world: Callable[..., World]) -> None:
    shop = world(SYNC)
    shop.write("src/b.py", "2")
    assert shop.change("src/a.py", "src/b.py", "src/never-there") == ["api: synced src/a.py (and 1 more)"]
    assert shop.file("/app/b.py") == "2"
    (shop.directory / "src/b.py").unlink()
    assert shop.change("src/b.py") == ["api: deleted src/b.py"]
    assert (shop.file("/app/a.py"), shop.file("/app/b.py")) == ("1", None)


def test_the_first_copy_takes_all_that_differs_also_what_is_older(world: Callable[..., World]) -> None:
    shop = world(INITIAL)
    os.utime(shop.directory / "src/a.py", (0, 0))
    shop.write("src/deep/b.py", "2")
    assert shop.change() == [
        "api: synced src/a.py (and 1 more)",
        "api: restart because src/a.py (and 1 more) changed",
    ]
    assert (shop.file("/app/a.py"), shop.file("/app/deep/b.py")) == ("1", "2")
    again = Watching(
        shop.stack,
        shop.engine,
        Selection(),
        tell=lambda told: shop.said.append(str(told)),
        follow=lambda _: 1,
    )
    again.handle({})
    assert shop.said == []


def test_a_container_that_was_made_again_gets_what_was_copied(world: Callable[..., World]) -> None:
    shop = world(SYNC)
    shop.change()
    shop.write("src/b.py", "2")
    (shop.directory / "src/a.py").unlink()
    shop.change("src/a.py", "src/b.py")
    options = stackctl.UpOptions(recreate="always")
    succeed(stackctl.up(shop.stack, shop.engine, options=options))
    assert shop.file("/app/b.py") is None
    shop.write("src/c.py", "3")
    assert shop.change("src/c.py") == ["api: synced src/b.py (and 1 more)"]
    assert (shop.file("/app/b.py"), shop.file("/app/c.py")) == ("2", "3")


def test_changes_wait_while_the_engine_is_gone(world: Callable[..., World]) -> None:
    shop = world(SYNC)
    shop.change()
    shop.engine.gone = True
    assert shop.change("src/a.py") == ["no engine answers; the changes wait"]
    assert (shop.change(), shop.watching.waits) == ([], True)
    shop.engine.gone = False
    assert shop.change() == ["api: synced src/a.py", "the engine answers again"]
    assert not shop.watching.waits


BUILT = (
    HEAD
    + """build = "."
scale = 2
develop.watch = [{ path = "req.txt", action = "rebuild" }, { path = "src", action = "sync", target = "/app" }]
[services.web]
image = "app:1"
depends_on.api.restart = true
[services.cron]
image = "app:1"
depends_on = ["api"]
"""
)


def test_a_rebuild_says_why_and_restarts_who_asks_for_it_and_one_that_fails_ends_nothing(
    world: Callable[..., World],
) -> None:
    shop = world(BUILT)
    shop.write("Dockerfile", "FROM scratch\n")
    shop.write("req.txt", "1")
    shop.change()
    before = {c.name: (c.id, c.created) for c in shop.engine.containers("shop")}
    shop.engine.builds = False
    failed = "api: build failed; the container that is there goes on"
    assert shop.change("req.txt", "src/a.py") == [
        "api: rebuild because req.txt changed",
        failed,
        "api: synced src/a.py in 2 containers",
    ]
    assert {c.name: (c.id, c.created) for c in shop.engine.containers("shop")} == before
    shop.engine.builds = True
    shop.engine.revise("shop-api")
    assert shop.change("req.txt") == [
        "api: rebuild because req.txt changed",
        "api: rebuilt",
        "api: synced src/a.py in 2 containers",
    ]
    after = {c.name: c.id for c in shop.engine.containers("shop")}
    assert {name for name, (id_, _) in before.items() if after.get(name) != id_} == {
        "shop-api-1",
        "shop-api-2",
    }


def test_beside_a_bind_mount_nothing_is_copied_but_it_restarts(world: Callable[..., World]) -> None:
    shop = world(
        HEAD
        + 'image = "app:1"\nvolumes = ["./src:/app"]\n'
        + 'develop.watch = [{ path = "src", action = "sync+restart", target = "/app" }]\n'
    )
    shop.change()
    assert shop.change("src/a.py") == [
        "api: /app is src itself, by a bind mount: nothing is copied there",
        "api: restart because src/a.py changed",
    ]
    assert shop.change("src/a.py") == ["api: restart because src/a.py changed"]


def test_what_is_mounted_is_not_removed_with_its_directory(world: Callable[..., World]) -> None:
    shop = world(SYNC.replace('"app:1"', '"app:1"\nvolumes = ["data:/app/lib/data"]') + "[volumes.data]\n")
    shop.write("src/lib/x", "1")
    shop.change("src/lib/x")
    (shop.directory / "src/lib/x").unlink()
    (shop.directory / "src/lib").rmdir()
    assert shop.change("src/lib") == ["api: /app/lib stays: /app/lib/data is mounted there"]


def test_a_hook_runs_once_for_a_batch_and_its_exit_code_is_told(world: Callable[..., World]) -> None:
    watch = '{ path = "src", action = "sync+exec", target = "/app", exec = { command = ["sh", "-c", "echo no; exit 3"] } }'
    shop = world(HEAD + f'image = "app:1"\ndevelop.watch = [{watch}]\n')
    shop.write("src/b.py", "2")
    assert shop.change("src/a.py", "src/b.py") == [
        "api: synced src/a.py (and 1 more)",
        "api: exec sh -c 'echo no; exit 3' ended with exit code 3\n  no",
    ]


def test_a_dry_run_says_it_and_does_nothing(world: Callable[..., World]) -> None:
    shop = world(BUILT, dry_run=True)
    assert shop.change("src/a.py", "req.txt", "src/b.py") == [
        "api: would rebuild because req.txt changed",
        "api: would sync src/a.py",
        "api: would delete src/b.py",
    ]
    assert shop.file("/app/a.py") is None


def test_a_service_that_is_down_is_told(world: Callable[..., World]) -> None:
    shop = world(SYNC)
    succeed(stackctl.stop("shop", shop.engine))
    assert shop.change("src/a.py") == ["api: it does not run: nothing is done"]


def test_a_rebuild_without_a_build_is_a_mistake(world: Callable[..., World]) -> None:
    with pytest.raises(stackctl.SpecError, match=r"develop.watch\[0\].action: api has no build"):
        world(HEAD + 'image = "app:1"\ndevelop.watch = [{ path = "src", action = "rebuild" }]\n')
