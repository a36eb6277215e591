"""A plan as a graph: what becomes of each thing, and what is done before what."""

from __future__ import annotations

from pathlib import Path

import pytest

from stackctl import api
from stackctl.engine.memory import Behaviour, MemoryEngine
from stackctl.planner.before.images import ImageOptions
from stackctl.planner.steps.events import Failed
from stackctl.planner.view.slots import UpOptions
from stackctl.planner.world.observed import ImageConfig
from stackctl.project import Project
from stackctl.spec.model import Stack
from stackctl.spec.selection import Selection
from stackctl.spec.source.reading import read
from stackctl.spec.source.request import StackRequest
from stackctl.teach.graph import Edge, Graph, Node, dot, mermaid
from stackctl.teach.plan_graph import plan_graph

SHOP = """\
name = "shop"
[services.db]
image = "db:1"
volumes = ["data:/data"]
[jobs.seed]
image = "app:1"
depends_on = ["db"]
[services.api]
image = "app:1"
depends_on = ["db", "seed"]
[volumes.data]
"""


class World:
    """An engine in memory, and one directory for every stack."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        images = {"db:1": ImageConfig(), "app:1": ImageConfig(), "app:2": ImageConfig()}
        self.engine = MemoryEngine(images, behaviours={"seed": Behaviour(exit_code=0)})

    def stack(self, text: str) -> Stack:
        file = self.directory / "stack.toml"
        file.write_text(text)
        return read(StackRequest(files=[file], directory=self.directory, environ={}))

    def up(self, text: str) -> None:
        assert not [event for event in api.up(self.stack(text), self.engine) if isinstance(event, Failed)]

    def graph(self, text: str, options: UpOptions | None = None) -> Graph:
        project = Project(self.stack(text), self.engine)
        plan = project.plan(Selection(), options or UpOptions(), ImageOptions())
        return plan_graph(plan.view.desired, plan)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def drawn(graph: Graph) -> list[str]:
    """The nodes with what becomes of them, then the edges, in short."""
    nodes = [f"{node.kind} {': '.join(node.lines)} ({node.look})" for node in graph.nodes]
    arrows = [
        f"{' '.join(edge.first)} {f'-{edge.label}->' if edge.order else '...'} {' '.join(edge.then)}"
        for edge in graph.edges
    ]
    return [*nodes, *arrows]


KEPT = [
    "service db: keep (kept)",
    "job seed: keep (kept)",
    "service api: keep (kept)",
    "network shop_default: keep (kept)",
    "volume shop_data: keep (kept)",
    "service db ... network shop_default",
    "service db ... volume shop_data",
    "job seed ... network shop_default",
    "service api ... network shop_default",
]


def test_from_nothing(world: World) -> None:
    assert drawn(world.graph(SHOP)) == [
        "network shop_default: create: not there (made)",
        "volume shop_data: create: not there (made)",
        "service db: create: not there (made)",
        "job seed: create: not there (made)",
        "service api: create: not there (made)",
        "network shop_default --> service db",
        "volume shop_data --> service db",
        "service db -ready-> job seed",
        "job seed -completed-> service api",
    ]


def test_one_change(world: World) -> None:
    world.up(SHOP)
    found = drawn(
        world.graph(SHOP.replace('[services.api]\nimage = "app:1"', '[services.api]\nimage = "app:2"'))
    )
    assert found[0] == "service api: recreate: image changed (changed)"
    assert found[1:] == [line for line in KEPT if line != "service api: keep (kept)"]


def test_what_is_not_in_the_file_any_more(world: World) -> None:
    world.up(SHOP + '[services.old]\nimage = "app:1"\n')
    graph = world.graph(SHOP)
    assert drawn(graph) == KEPT
    assert graph.notes == (
        "Nothing to do.",
        "not in the spec, left alone: shop-old-1 (--remove-orphans removes them)",
    )
    removing = world.graph(SHOP, UpOptions(remove_orphans=True))
    assert drawn(removing) == ["service old: remove: not in the spec (removed)", *KEPT]


def test_containers_that_stop_before_their_network_is_made_again_start_after_it(world: World) -> None:
    world.up(SHOP)
    assert drawn(world.graph(SHOP + "[networks.default]\ninternal = true\n")) == [
        "network shop_default: recreate: its definition changed (changed)",
        "service api: restart: network shop_default is: rebuilt (changed)",
        "job seed: reconnect: seed joins it (changed)",
        "service db: restart: network shop_default is: rebuilt (changed)",
        "volume shop_data: keep (kept)",
        "network shop_default --> service db",
        "network shop_default --> job seed",
        "service db -ready-> service api",
        "service db ... volume shop_data",
    ]


def test_nothing_to_do(world: World) -> None:
    world.up(SHOP)
    graph = world.graph(SHOP)
    assert (drawn(graph), graph.notes) == (KEPT, ("Nothing to do.",))


def test_a_plan_for_mermaid(world: World) -> None:
    world.up(SHOP)
    text = mermaid(world.graph(SHOP + '[jobs.more]\nimage = "app:1"\nvolumes = ["data:/d"]\n'))
    assert (
        text
        == """\
%% The plan of shop.
flowchart TD
  job0(["more<br/>create: not there"]):::made
  service1["db<br/>keep"]:::kept
  job2(["seed<br/>keep"]):::kept
  service3["api<br/>keep"]:::kept
  network4{{"shop_default<br/>keep"}}:::kept
  volume5[("shop_data<br/>keep")]:::kept
  service1 -.- network4
  service1 -.- volume5
  job0 -.- network4
  job0 -.- volume5
  job2 -.- network4
  service3 -.- network4
  classDef made fill:#d3f9d8,stroke:#2b8a3e,color:#000
  classDef kept fill:#f1f3f5,stroke:#868e96,color:#000
"""
    )


def test_a_plan_for_graphviz(world: World) -> None:
    lines = dot(world.graph(SHOP)).splitlines()
    assert lines[:2] == ["// The plan of shop.", "digraph stack {"]
    made = 'style=filled, fillcolor="#d3f9d8", color="#2b8a3e"'
    assert f'  "job seed" [label="seed\\ncreate: not there", shape=oval, {made}];' in lines
    assert '  "service db" -> "job seed" [label="ready"];' in lines
    assert '  "volume shop_data" -> "service db";' in lines


def test_no_text_can_mean_something_to_mermaid_or_graphviz() -> None:
    evil = 'a "b" <c> #35; \\ `d` {e} | \n%% f'
    graph = Graph((Node(("image", evil), (evil,)),), (Edge(("image", evil), ("image", evil)),), (evil,))
    escaped = "a #34;b#34; #60;c#62; #35;35#59; #92; #96;d#96; #123;e#125; #124; #65533;#37;#37; f"
    commented = 'a "b" <c> #35; \\ `d` {e} | �%% f'
    assert mermaid(graph).splitlines() == [
        f"%% {commented}",
        "flowchart TD",
        f'  image0[/"{escaped}"/]',
        "  image0 --> image0",
    ]
    quoted = '"image a \\"b\\" <c> #35; \\\\ `d` {e} | �%% f"'
    assert dot(graph).splitlines() == [
        f"// {commented}",
        "digraph stack {",
        f"  {quoted} [label={quoted.replace('image ', '')}, shape=note];",
        f"  {quoted} -> {quoted};",
        "}",
    ]
