"""Volumes remembered and put back: nothing is removed before it is certain that it can be made anew."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

import stackctl
from stackctl.engine.memory import MemoryEngine
from stackctl.planner.steps.actions import PullImage
from stackctl.testing import Running, RunningService

pytest_plugins = ["memory_fixtures"]
Start = Callable[..., Running]

STACK = """
[services.files]
image = "busybox"
command = "sleep infinity"
ports = ["80"]
volumes = ["named:/named", "/unnamed"]
[services.other]
image = "busybox"
command = "sleep infinity"
[volumes.named]
"""


def note(service: RunningService, tmp_path: Path, at: str = "/named") -> bytes:
    return service.copy_out(f"{at}/note", tmp_path / "note").read_bytes()


@pytest.mark.parametrize("engine_name", ["engine", "remote"])
def test_volumes_are_as_they_were_and_nothing_else_is_touched(
    request: pytest.FixtureRequest, engine_name: str, start: Start, tmp_path: Path
) -> None:
    app = start(request.getfixturevalue(engine_name), STACK)
    files, other, address = app["files"], app["other"].container, app["files"].address
    for at in ("/named", "/unnamed"):
        files.copy_in(b"before", f"{at}/note")
    files.snapshot("full")
    for at in ("/named", "/unnamed"):
        files.copy_in(b"after", f"{at}/note")
    files.copy_in(b"more", "/named/more")
    files.restore("full")
    assert [note(files, tmp_path, at) for at in ("/named", "/unnamed")] == [b"before", b"before"]
    with pytest.raises(stackctl.EngineError, match="there is no /named/more"):
        files.copy_out("/named/more", tmp_path / "more")
    assert app["other"].container.id == other.id
    assert engine_name == "remote" or files.address == address
    files.copy_in(b"after", "/named/note")
    files.reset()
    assert note(files, tmp_path) == b"before"


def test_what_could_not_be_made_anew_is_not_removed(
    engine: MemoryEngine, start: Start, tmp_path: Path
) -> None:
    app = start(engine, STACK)
    app["files"].copy_in(b"before", "/named/note")
    app["files"].snapshot("full")
    engine.performed.clear()
    services = {**app.stack.services, "files": replace(app.stack.services["files"], image="gone:1")}
    changed = Running(stack=replace(app.stack, services=services), engine=engine, run=app.run)
    with pytest.raises(stackctl.EngineError, match="pull access denied for gone:1"):
        changed["files"].restore("full")
    assert [type(action) for action in engine.performed] == [PullImage]
    assert note(app["files"], tmp_path) == b"before"


def test_a_name_that_is_none_and_a_service_without_volumes_are_refused(
    engine: MemoryEngine, start: Start
) -> None:
    app = start(engine, STACK)
    with pytest.raises(stackctl.UsageError, match="other has no volume"):
        app["other"].snapshot("full")
    with pytest.raises(stackctl.UsageError, match="there is no snapshot of files"):
        app["files"].reset()
    app["files"].snapshot("full")
    writes = engine.writes
    with pytest.raises(stackctl.UsageError, match=r"no snapshot 'ful'.*there are: full"):
        app["files"].restore("ful")
    with pytest.raises(stackctl.UsageError, match="no name of a snapshot"):
        app["files"].snapshot("../full")
    assert engine.writes == writes


def test_volumes_that_another_container_uses_are_refused(engine: MemoryEngine, start: Start) -> None:
    app = start(engine, STACK.replace("[services.other]", '[services.other]\nvolumes = ["named:/theirs"]'))
    app["files"].snapshot("full")
    writes = engine.writes
    with pytest.raises(stackctl.UsageError, match=r"also those of shop-.*-other-1"):
        app["files"].restore("full")
    assert engine.writes == writes
