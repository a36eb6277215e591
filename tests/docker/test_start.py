"""What a command loads and asks before it says anything: nearly all of the time that one which changes nothing takes."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping

import pytest
from proxy import RecordingProxy
from scenario import Project, free_ports, servers

pytestmark = pytest.mark.docker

LOADED = """
import atexit, json, sys
atexit.register(lambda: print("\\n" + json.dumps(sorted(sys.modules))))
sys.argv[0] = "stackctl"
from stackctl.__main__ import main
main()
"""
LIBRARIES = "import click, msgspec, json, tomllib, socket, hashlib"
TABLE = f"{LIBRARIES}, tabulate"

NEVER = {
    "asyncio", "concurrent.futures", "difflib", "docker", "dotenv", "http.client", "logging", "pytest", "requests", "rich",
    "secrets", "ssl", "tomli_w", "tomlkit", "tree_sitter", "urllib.request", "urllib3", "yaml",
    "stackctl.engine.docker.perform", "stackctl.engine.last_run", "stackctl.engine.memory", "stackctl.planner.steps.timeline",
    "stackctl.show.timeline", "stackctl.testing",
}  # fmt: skip
"""What no command needs that changes nothing."""
ACTS = {
    "stackctl.api", "stackctl.engine.execute", "stackctl.engine.host", "stackctl.engine.lock", "stackctl.planner.down",
    "stackctl.planner.steps.actions", "stackctl.planner.before", "stackctl.planner.up", "stackctl.project", "stackctl.spec.lint.subject",
    "subprocess", "tempfile",
}  # fmt: skip
"""What no command needs that only looks."""


def loaded(project: Project, *args: str, env: Mapping[str, str] | None = None) -> set[str]:
    """The modules that a command has loaded when it ends."""
    done = subprocess.run(
        [sys.executable, "-c", LOADED, *args],
        cwd=project.directory,
        env=project.environment | project.env | dict(env or {}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    modules: list[str] = json.loads(done.stdout.splitlines()[-1])
    return set(modules)


def brought(imports: str) -> set[str]:
    """The modules that an interpreter has loaded after these imports."""
    code = f"import sys, json; {imports}; print(json.dumps(sorted(sys.modules)))"
    return set(
        json.loads(subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout)
    )


def within(found: set[str], names: set[str]) -> set[str]:
    """Those of the found modules that are one of the names, or in its package."""
    return {module for module in found if any(f"{module}.".startswith(f"{name}.") for name in names)}


@pytest.fixture(scope="module")
def up(shared: Project) -> Project:
    port = free_ports(1)[0]
    shared.write(
        servers(web=f'ports = ["127.0.0.1:{port}:80"]\nlabels.mode = "${{MODE}}"', worker="", other="")
    )
    (shared.directory / ".env").write_text("MODE=quick\n")
    shared.run("up")
    return shared


@pytest.mark.parametrize(
    ("command", "libraries", "most"),
    [
        ("status", TABLE, 135),
        ("status --json", LIBRARIES, 149),
        ("ps", TABLE, 115),
        ("ps --quiet", LIBRARIES, 127),
        ("ls", TABLE, 111),
        ("images --json", LIBRARIES, 121),
        ("volumes --json", LIBRARIES, 123),
        ("top --json", LIBRARIES, 122),
        ("port web 80", LIBRARIES, 117),
    ],
)
def test_a_command_that_looks_must_load_nothing_that_acts(
    up: Project, command: str, libraries: str, most: int
) -> None:
    found = loaded(up, *command.split())
    assert within(found, ACTS | NEVER) - within(brought(libraries), ACTS | NEVER) == set()
    assert len(found - brought(libraries)) <= most


@pytest.mark.parametrize("command", ["up", "plan", "logs", "exec web true", "env"])
def test_a_command_that_changes_nothing_must_not_load_the_sdk(up: Project, command: str) -> None:
    found = loaded(up, *command.split())
    assert within(found, NEVER) - within(brought(TABLE), NEVER) == set()


@pytest.mark.parametrize("command", ["--help", "up --help", "completion bash"])
def test_help_must_load_neither_engine_nor_planner(up: Project, command: str) -> None:
    found = loaded(up, *command.split())
    assert (
        within(found, NEVER | {"stackctl.engine", "stackctl.planner", "stackctl.spec", "tabulate"}) == set()
    )


def test_a_completion_must_load_neither_engine_nor_rules_nor_model(up: Project) -> None:
    shell = {"_STACKCTL_COMPLETE": "bash_complete", "COMP_WORDS": "stackctl up ", "COMP_CWORD": "2"}
    found = loaded(up, env=shell)
    spec = {"stackctl.spec.lint", "stackctl.spec.model"}  # `.env` may name the files (COMPOSE_FILE)
    assert within(found, NEVER | spec | {"stackctl.engine", "stackctl.planner", "tabulate"}) == set()
    assert "stackctl.spec.source.names" in found


@pytest.mark.parametrize("command", ["check --offline", "check --offline --json"])
def test_a_check_without_an_engine_must_load_little_more_than_help(up: Project, command: str) -> None:
    found, of_help = loaded(up, *command.split()), loaded(up, "--help")
    assert within(found, NEVER | {"stackctl.engine", "stackctl.planner", "tabulate", "tomlkit"}) == set()
    assert len(found - brought(LIBRARIES) - of_help) <= 107  # of these, each room of rules is one


def test_export_bash_must_load_no_engine_if_none_is_asked(up: Project) -> None:
    """The module with the engine's interface has types only."""
    found = within(loaded(up, "export", "bash"), NEVER | {"stackctl.engine"})
    assert found - within(brought(LIBRARIES), NEVER) == {"stackctl.engine", "stackctl.engine.protocol"}


@pytest.mark.parametrize(
    ("command", "most"),
    [("explain SC204", 133), ("explain", 169), ("explain --md", 169), ("explain web.ports", 150), ("explain ports", 150)],
)  # fmt: skip
def test_an_explanation_must_load_only_what_it_is_about(up: Project, command: str, most: int) -> None:
    found, of_help = loaded(up, *command.split()), loaded(up, "--help")
    engine = {"stackctl.api", "stackctl.project", "stackctl.engine", "tabulate"}
    assert within(found, (NEVER - {"tomli_w"}) | engine) == {"stackctl.engine", "stackctl.engine.protocol"}
    assert len(found - brought(LIBRARIES) - of_help) <= most


LISTS = ["GET /containers/json", "GET /images/json", "GET /info", "GET /networks", "GET /volumes"]


@pytest.mark.parametrize(
    ("command", "calls"),
    [
        ("status", ["GET /_ping", *LISTS]),
        ("up", ["GET /_ping", *LISTS]),
        ("plan", ["GET /_ping", *LISTS]),
        ("ps", ["GET /_ping", "GET /containers/json"]),
        ("port web 80", ["GET /_ping", "GET /containers/json"]),
    ],
)
def test_a_command_must_ask_the_engine_no_more_than_it_needs(
    up: Project, recorder: RecordingProxy, command: str, calls: list[str]
) -> None:
    up.run(*command.split(), env={"DOCKER_HOST": f"unix://{recorder.path}"})
    asked = sorted(map(str, recorder.requests))
    assert [request.partition("?")[0] for request in asked] == sorted(calls)
    assert all("filters=" in request for request in asked if "/containers/json" in request)
