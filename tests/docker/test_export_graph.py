from __future__ import annotations

import pytest
from scenario import SLEEP, Project

pytestmark = pytest.mark.docker

STACK = f"""
[services.db]
{SLEEP}
volumes = ["data:/data"]
[services.web]
{SLEEP}
depends_on = ["db"]
environment = {{ A = "1" }}
[volumes.data]
"""


def test_the_graph_of_a_plan_must_show_what_up_would_do_now(project: Project) -> None:
    project.write(STACK)
    new = project.run("export", "dot", "--plan").stdout
    assert 'label="db\\ncreate: not there"' in new
    assert '"service db" -> "service web" [label="ready"];' in new
    assert project.resources() == {"containers": [], "networks": [], "volumes": []}

    project.run("up")
    project.write(STACK.replace('A = "1"', 'A = "2"') + f"[services.more]\n{SLEEP}")
    before = project.ids()
    text = project.run("export", "mermaid", "--plan").stdout
    assert text.startswith(f"%% The plan of {project.name}.\nflowchart TD\n")
    assert '["web<br/>recreate: environment.A changed"]:::changed' in text
    assert '["more<br/>create: not there"]:::made' in text
    assert '["db<br/>keep"]:::kept' in text
    assert f'[("{project.name}_data<br/>keep")]:::kept' in text
    assert project.ids() == before


def test_a_graph_of_a_plan_needs_an_engine_and_a_graph(project: Project) -> None:
    project.write(STACK)
    nobody = project.run("-H", "unix:///nowhere.sock", "export", "dot", "--plan", code=None)
    assert nobody.code != 0
    assert "/nowhere.sock" in nobody.stderr
    assert project.run("-H", "unix:///nowhere.sock", "export", "dot").stdout.startswith("digraph stack {")
    assert "--plan is for mermaid and dot" in project.run("export", "compose", "--plan", code=2).stderr
    assert "for bash, add --from-here" in project.run("export", "bash", "--plan", code=2).stderr
    assert "for a graph, add --plan" in project.run("export", "dot", "--from-here", code=2).stderr
