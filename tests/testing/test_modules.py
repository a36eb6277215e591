"""The guide for users of testcontainers: the stacks of images that are not on every machine give the addresses that it shows."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from stackctl.engine.memory import MemoryEngine
from stackctl.planner.world.observed import ImageConfig
from stackctl.testing import Running

pytest_plugins = ["memory_fixtures"]

PAGE = Path(__file__).parents[2] / "docs/guide/from-pytest-docker-and-testcontainers.md"
STACK = re.compile(r"^```toml\nname = [^\n]*\n(.*?)^```$", re.DOTALL | re.MULTILINE)
ADDRESS = re.compile(r"^    \w+ = (.+)  # (\S+)$", re.MULTILINE)


def section(title: str) -> str:
    return PAGE.read_text().partition(f"\n### {title}\n")[2].partition("\n### ")[0]


@pytest.mark.parametrize("module", ["MySqlContainer", "MongoDbContainer", "KafkaContainer"])
def test_a_module_has_the_address_that_is_shown(
    home: Path, start: Callable[..., Running], module: str
) -> None:
    text = section(module)
    (stack,) = STACK.findall(text)
    ((expression, shown),) = ADDRESS.findall(text)
    ((name, service),) = tomllib.loads(stack)["services"].items()
    engine = MemoryEngine({service["image"]: ImageConfig()}, removes_running=True)
    running = start(engine, stack)[name]
    assert eval(expression, {name: running}) == re.sub(r":\d+(?=/|$)", f":{running.port()}", shown)
