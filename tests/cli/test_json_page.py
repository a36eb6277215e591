"""docs/reference/json.md tells the shape of all JSON that commands print: each row is compared with what the command prints."""

import json
import re
from pathlib import Path
from typing import Any

import click
import pytest
from commandline import Run

from stackctl import api
from stackctl.cli import SECTIONS, cli
from stackctl.engine.memory import Behaviour, MemoryEngine
from stackctl.planner.view.slots import UpOptions

pytest_plugins = ["commandline_fixtures"]

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "json.md"
ROWS = re.findall(r"^\| `([^`]+)` \| (a line each: )?`([^`]+)`", PAGE.read_text(), re.MULTILINE)
STACK = """
name = "shop"
[services.db]
image = "redis:7"
ports = [6379]
volumes = ["data:/data"]
environment = { PASSWORD = "${PASSWORD:-x}", LEVEL = "1" }
env_file = ["app.env"]
[services.api]
image = "app:1"
command = "sh -c 'echo hello; sleep infinity'"
depends_on = ["db"]
[services.worker]
image = "app:1"
environment.CACHE_URL = "redis://db:6379"
[services.lazy]
image = "app:1"
environment.CACHE_URL = "redis://db:6379"  # stackctl: allow SC201 — it tries again
[jobs.seed]
image = "app:1"
[volumes.data]
"""
CHANGED = STACK.replace("echo hello", "echo changed")
ARGUMENTS = {
    "port": ["db"],
    "reach": ["api", "db"],
    "env --from": ["db"],
    "explain --inside": ["db"],
    "same": ["old.toml", "stack.toml"],
}
ASKED = {"events": ["--since", "1h"], "stats": ["--no-stream"], "config --hash": ["*"]}
BROUGHT_UP = {"timeline --json": ["--quiet-pull"]}
"""Only the `up` of the command line is remembered."""
EMPTY = {"drift", "mounts", "not_compared", "notes", "ports", "shadowed", "variables", "warnings"}
"""Lists that may be empty in the example."""


def commands_with_json() -> set[str]:
    found = {name: cli.get_command(None, name) for section in SECTIONS.values() for name in section}  # type: ignore[arg-type]
    options = {
        name: {word for each in command.params if isinstance(each, click.Option) for word in each.opts}
        for name, command in found.items()
        if command
    }
    return {name for name, words in options.items() if "--json" in words}


def test_every_command_that_prints_json_has_a_row() -> None:
    assert {words.split()[0] for words, *_ in ROWS if not words.startswith("-")} == commands_with_json()


def parsed(text: str) -> Any:
    """A shape as the page writes it: {} with keys, [] with one item, or None for anything else."""
    tokens = re.findall(r"[{}\[\],:]|[\w.]+", text)

    def shape() -> Any:
        if tokens[0] == "[":
            tokens.pop(0)
            item = shape()
            assert tokens.pop(0) == "]"
            return [item]
        if tokens[0] != "{":
            tokens.pop(0)
            return None
        tokens.pop(0)
        keys = {}
        while tokens[0] != "}":
            key = tokens.pop(0)
            keys[key] = tokens.pop(0) and shape() if tokens[0] == ":" else None
            if tokens[0] == ",":
                tokens.pop(0)
        tokens.pop(0)
        return keys

    return shape()


def differences(shape: Any, value: Any, at: str = "") -> list[str]:
    """Where a value does not have the shape."""
    match shape, value:
        case (None, _) | (_, None):
            return []
        case [item], list():
            key = at.rpartition(".")[2]
            if not value and key not in EMPTY:
                return [f"{at} is empty: the example does not show it"]
            return [each for one in value for each in differences(item, one, f"{at}[]")]
        case dict(), dict():
            if [*shape] == ["NAME"]:
                return []
            if shape.keys() != value.keys():
                return [
                    f"{at}: the page has {sorted(shape.keys() - value.keys())}, there is {sorted(value.keys() - shape.keys())}"
                ]
            return [each for key in shape for each in differences(shape[key], value[key], f"{at}.{key}")]
    return [f"{at}: {value!r}"]


@pytest.mark.parametrize(("words", "lines", "shape"), [row for row in ROWS if not row[0].startswith("-")])
def test_a_command_prints_what_the_page_tells(
    there: Run, memory: MemoryEngine, tmp_path: Path, words: str, lines: str, shape: str
) -> None:
    memory.behaviours["seed"] = Behaviour(exit_code=0)
    (tmp_path / "app.env").write_text("LEVEL=2\n")
    (tmp_path / "stack.toml").write_text(STACK)
    (tmp_path / "old.toml").write_text(STACK)
    there("up", *BROUGHT_UP.get(words, ()))
    (tmp_path / "stack.toml").write_text(CHANGED)
    if words.startswith("gc "):  # the clock of this engine is long past every end
        assert all(api.up(api.load(tmp_path / "stack.toml", environ={}), memory, options=UpOptions(life=1)))
    before, _, _ = words.rpartition(" --json")
    typed = [*before.split(), *ASKED.get(before, ()), "--json", *ARGUMENTS.get(before, ())]
    ran = there(*typed)
    assert ran.out, ran.err
    for text in ran.out.splitlines() if lines else [ran.out]:
        told = json.loads(text)
        assert differences(parsed(shape), told) == []
        assert told["version"] >= 1
