"""Whatever others write (names, labels, logs, what an engine says), no command passes on what does something to a terminal."""

from __future__ import annotations

import io
import json
import re
import sys
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import pytest
from commandline import Run
from escapes import ALL, harm
from msgspec.structs import replace

from stackctl.engine.memory import Behaviour, MemoryEngine
from stackctl.engine.protocol import LogLine
from stackctl.errors import EngineError
from stackctl.planner.steps.actions import Action, StartContainer
from stackctl.planner.world.asked import Happened, Processes
from stackctl.planner.world.observed import ImageConfig, Observed, ObservedContainer

pytest_plugins = ["commandline_fixtures"]

EVIL = f"a{ALL}\n::error::z"
WRITTEN = json.dumps(
    EVIL.replace("\0", "").replace("$", "$$").encode(errors="ignore").decode(), ensure_ascii=False
)
for code in range(0x20):
    WRITTEN = WRITTEN.replace(chr(code), f"\\u{code:04x}")
WRITTEN = WRITTEN.replace("\x7f", "\\u007f")
STACK = f"""
name = "shop"
[services.db]
image = "redis:7"
ports = [6379]
volumes = ["dump:/dump"]
environment.MOTD = {WRITTEN}
labels.motd = {WRITTEN}
[services.api]
image = "app:1"
command = ["serve", {WRITTEN}]
depends_on = ["db"]
[jobs.seed]
image = "app:1"
[volumes.dump]
"""
COMMANDS = (
    "config", "plan", "plan --steps", "status", "ps -a", "ps -a --services", "ps -a -q",
    "ps -a --format {{.Labels}}|{{.Command}}|{{.Mounts}}|{{.Networks}}", "ps -a --format json", "ps -a --format {{json.Labels}}", "images", "volumes", "ls -a",
    "ls -a -q", "top", "stats --no-stream", "stats --no-stream --format {{.Name}}", "port db 6379", "logs", "events --since 1h --until 0s",
    "explain", "explain services.db", "explain up", "explain db --inside", "env", "env --from db",
    "check", "export bash", "export compose", "export k8s", "export mermaid", "export dot", "timeline", "timeline --html -", "snapshot ls",
    "reach api db", "same . .", "gc", "version", "wait seed", "--progress plain up", "--progress plain down -y", "--progress live up",
    "--progress live up --force-recreate", "--progress live down -y",
)  # fmt: skip


DRAWN = r"\x1b\[(?:\?25[lh]|2K|\d*A)|\r"
"""What redraws the live display."""


class Hostile(MemoryEngine):
    """An engine where everybody else writes what does something to a terminal."""

    def observe(self, project: str = "") -> Observed:
        seen = super().observe(project)
        others = tuple(
            replace(network, name=f"{network.name}{EVIL}", labels={EVIL: EVIL, "stackctl.project": EVIL})
            for network in seen.networks
        )
        return replace(seen, containers=tuple(map(evil, seen.containers)), networks=(*seen.networks, *others))

    def containers(self, project: str) -> tuple[ObservedContainer, ...]:
        return tuple(map(evil, super().containers(project)))

    def images(self, ids: Collection[str]) -> Any:
        return {id_: replace(image, tags=(EVIL,)) if hasattr(image, "tags") else image for id_, image in super().images(ids).items()}  # fmt: skip

    def processes(self, container: str, options: str = "") -> Processes:
        return Processes((EVIL, "PID"), ((EVIL, "1"),))

    def logs(self, containers: Any, **window: Any) -> Iterator[LogLine]:
        for name in containers:
            yield LogLine(name, "stdout", "2026-01-31T12:00:00Z", EVIL.replace("\n", ""))

    def events(self, project: str, **window: Any) -> Iterator[Happened]:
        yield Happened("2026-01-31T12:00:00Z", EVIL, "c0ffee", {"name": EVIL, EVIL: EVIL})


def evil(container: ObservedContainer) -> ObservedContainer:
    return replace(
        container,
        image=f"{container.image}{EVIL}" if container.service != "db" else container.image,
        command=EVIL,
        status=f"Up {EVIL}",
        labels={**container.labels, "motd": EVIL, EVIL: EVIL, "stackctl.source": f"/x/{EVIL}/stack.toml"},
    )


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def engine() -> MemoryEngine:
    images = {"app:1": ImageConfig(), "redis:7": ImageConfig(volumes=("/data",))}
    return Hostile(images, behaviours={"seed": Behaviour(exit_code=0, log=(EVIL,))})


def test_no_command_does_anything_to_a_terminal(
    tmp_path: Path, run: Run, engine: MemoryEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "stack.toml").write_text(STACK)
    monkeypatch.setattr("stackctl.cli.settings.connect", lambda **_: engine)
    assert run("--progress", "plain", "up").code == 0
    harmed = {}
    for command in COMMANDS:
        terminal = Terminal()
        monkeypatch.setattr(sys, "stdout", terminal)
        monkeypatch.setattr(sys, "stderr", terminal)
        ran = run(*command.split(), COLUMNS="200", TERM="xterm")
        said = re.sub(DRAWN, "", terminal.getvalue()) if "live" in command else terminal.getvalue()
        assert said, command
        assert ran.code in (0, 1, 2), (command, said)
        if found := harm(said):
            harmed[command] = found
    assert harmed == {}


def test_what_an_engine_says_is_harmless_in_an_error(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(action: Action) -> None:
        if isinstance(action, StartContainer):
            raise EngineError(EVIL, EVIL)

    (tmp_path / "stack.toml").write_text('[services.db]\nimage = "redis:7"\n')
    for progress in ("plain", "live", "json", "quiet"):
        engine = MemoryEngine({"redis:7": ImageConfig()}, before=refuse)
        monkeypatch.setattr("stackctl.cli.settings.connect", lambda **_: engine)  # noqa: B023
        terminal = Terminal()
        monkeypatch.setattr(sys, "stdout", terminal)
        monkeypatch.setattr(sys, "stderr", terminal)
        assert run("--progress", progress, "up", GITHUB_ACTIONS="true").code == 5
        assert harm(re.sub(DRAWN, "", terminal.getvalue())) == []
        assert "[2J||" in terminal.getvalue() or progress == "json"
        commands = [line for line in terminal.getvalue().splitlines() if line.lstrip().startswith("::")]
        assert all(re.match("::(group::|endgroup::|error file=stack.toml,)", line) for line in commands), (
            commands
        )
