"""A stack as a graph for other tools."""

from __future__ import annotations

from pathlib import Path

from stackctl.planner.world.desire import desire
from stackctl.planner.world.desired import Desired
from stackctl.spec.source.reading import read
from stackctl.spec.source.request import StackRequest
from stackctl.teach.graph import dot, mermaid, stack_graph

SHOP = """
[services.db]
image = "busybox"
volumes = ["data:/data", "/cache"]
[services.api]
image = "busybox"
depends_on = ["db", "seed"]
[jobs.seed]
image = "busybox"
depends_on = { db = { condition = "service_started" } }
[volumes.data]
"""


def shop(directory: Path) -> Desired:
    (directory / "stack.toml").write_text(SHOP)
    request = StackRequest(files=[directory / "stack.toml"], directory=directory, environ={}, name="shop")
    return desire(read(request), instance="")


def test_mermaid(tmp_path: Path) -> None:
    assert (
        mermaid(stack_graph(shop(tmp_path)))
        == """\
flowchart TD
  service0["db"]
  job1(["seed"])
  service2["api"]
  network3{{"default"}}
  volume4[("data")]
  service0 -.- network3
  service0 -.- volume4
  service0 -->|started| job1
  job1 -.- network3
  service0 -->|ready| service2
  job1 -->|completed| service2
  service2 -.- network3
"""
    )


def test_dot(tmp_path: Path) -> None:
    text = dot(stack_graph(shop(tmp_path)))
    assert text.startswith('digraph stack {\n  "service db" [label="db", shape=box];\n')
    assert '  "job seed" -> "service api" [label="completed"];\n' in text
    assert '  "service db" -> "volume data" [dir=none, style=dotted];\n' in text
    assert text.endswith("}\n")
