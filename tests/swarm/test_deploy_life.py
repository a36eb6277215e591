"""A stack on a Swarm from its first deploy to its end."""

from __future__ import annotations

import json

import pytest
from deployed import NOTHING, QUICK, Deployed, changed, created
from proxy import RecordingProxy
from scenario import eventually

pytestmark = pytest.mark.docker
pytest_plugins = ["swarm_fixtures"]

SHOP = f"""
[jobs.prepare]
{QUICK}
command = "true"
deploy.placement.constraints = ["node.hostname == node1"]

[jobs.elsewhere]
{QUICK}
command = "true"
deploy.placement.constraints = ["node.hostname == node2"]
volumes = ["logs:/logs"]

[services.db]
{QUICK}
command = ["sh", "-c", "sleep 1; touch /healthy; exec sleep infinity"]
healthcheck = {{ test = "test -e /healthy", interval = "300ms", retries = 100 }}
depends_on = ["prepare"]
volumes = ["data:/data"]

[services.api]
{QUICK}
command = ["sh", "-c", "echo serving $(cat /outside) for $(cat /settings); exec sleep infinity"]
environment = {{ LEVEL = "1" }}
depends_on = ["db"]
secrets = ["pw"]
configs = ["settings", "outside"]
deploy.replicas = 3

[services.agent]
{QUICK}
command = ["sh", "-c", "echo watching; exec sleep infinity"]
deploy.mode = "global"

[secrets.pw]
environment = "PW"
[configs.settings]
content = "{{{{ .Service.Name }}}}"
template_driver = "golang"
labels = {{ team = "a" }}
[configs.outside]
external = true
name = "NAME-outside"
[volumes.data]
sticky = true
[volumes.logs]
"""


def test_a_stack_must_come_up_in_waves_stay_as_it_is_be_scaled_go_back_and_leave_nothing(
    swarm: Deployed, recorder: RecordingProxy
) -> None:
    outside = f"{swarm.name}-outside"
    shop = SHOP.replace("NAME-outside", outside)
    swarm.write(shop)
    swarm.env["PW"] = "secret"
    refused = swarm.run("deploy", code=1)
    assert f"configs.outside: there is no config {outside} in the Swarm" in refused.output
    assert recorder.writes == []
    kept = swarm.api.create_config(outside, b"all")["ID"]
    try:
        _live(swarm, recorder, shop)
        assert swarm.api.inspect_config(kept)["Spec"]["Name"] == outside
    finally:
        swarm.clean()
        swarm.api.remove_config(kept)


def _live(swarm: Deployed, recorder: RecordingProxy, shop: str) -> None:
    swarm.run("deploy")
    assert swarm.api.configs(filters={"label": "team=a"})[0]["Spec"]["Templating"] == {"Name": "golang"}
    (prepared,) = swarm.tasks("prepare", "complete")
    (db,) = swarm.tasks("db")
    apis = swarm.tasks("api")
    assert changed(prepared) <= created(db) <= changed(db) <= created(apis[0])
    assert (changed(db) - created(db)).total_seconds() >= 1, "it counts as running once it is healthy"
    assert len(apis) == 3
    assert swarm.nodes_of("api") == swarm.nodes_of("agent") == {"node1", "node2", "node3"}

    recorder.forget()
    versions = swarm.versions()
    told = swarm.run("deploy")
    assert recorder.writes == [], told.output
    asked = [request.path.partition("?")[0] for request in recorder.requests if request.path != "/_ping"]
    assert len(asked) <= 6, asked
    assert swarm.versions() == versions
    assert swarm.run("deploy", "plan", "--detailed-exitcode").code == 0

    assert f"{swarm.name} 5\n" in swarm.docker("stack", "ls", "--format", "{{.Name}} {{.Services}}")
    listed = swarm.docker("stack", "services", "--format", "{{.Name}} {{.Mode}}", swarm.name)
    assert f"{swarm.name}_api replicated\n" in listed
    assert f"{swarm.name}_agent global\n" in listed
    places = swarm.docker("stack", "ps", "--format", "{{.Name}} {{.CurrentState}}", swarm.name)
    assert f"{swarm.name}_api.3 Running" in places

    rows = {
        row["service"]: row for row in json.loads(swarm.run("deploy", "status", "--json").stdout)["services"]
    }
    assert {key: (row["running"], row["wanted"]) for key, row in rows.items()} == {
        "prepare": (1, 1),
        "elsewhere": (1, 1),
        "db": (1, 1),
        "api": (3, 3),
        "agent": (3, 3),
    }
    assert rows["db"]["nodes"] == {next(iter(swarm.nodes_of("db"))): 1}

    def said(service: str) -> list[str]:
        return sorted(swarm.run("deploy", "logs", service).stdout.splitlines())

    eventually(
        lambda: len(said("api")) == len(said("agent")) == 3
    )  # a task runs before it has said something
    assert [line.split() for line in said("api")] == [
        [f"api-{n}", "|", "serving", "all", "for", f"{swarm.name}_api"] for n in (1, 2, 3)
    ]
    assert [line.split()[0] for line in said("agent")] == ["agent.node1", "agent.node2", "agent.node3"]

    swarm.run("deploy", "scale", "api=1")
    assert len(swarm.nodes_of("api")) == 1
    assert "api" in swarm.run("deploy", "plan").stdout
    swarm.within("db", "touch", "/data/kept")
    node = swarm.nodes_of("db")
    swarm.write(shop.replace('LEVEL = "1"', 'LEVEL = "2"').replace("retries = 100", "retries = 99"))
    swarm.run("deploy")
    assert (swarm.environment_of("api"), len(swarm.tasks("api"))) == (["LEVEL=2"], 3)
    assert swarm.nodes_of("db") == node
    assert swarm.within("db", "ls", "/data") == "kept\n"
    swarm.run("deploy", "rollback", "api")
    assert swarm.environment_of("api") == ["LEVEL=1"]

    told = swarm.run("-p", swarm.name, "deploy", "down", at=swarm.directory.parent)  # without the file
    left = swarm.left()
    forgotten = [name for name in left["containers"] if "_elsewhere." in name]
    assert left == {**NOTHING, "containers": forgotten}
    assert bool(forgotten) == ("its ended containers stay on node2" in told.output)
    (kept,) = node
    data, logs = f"{swarm.name}_data", f"{swarm.name}_logs"
    volumes = swarm.volumes()
    assert data in volumes[kept]
    assert logs in volumes["node2"]
    assert sum(map(len, volumes.values())) == 2
    assert f"data kept: {data} on {kept}, {logs} on node2" in told.output
    recorder.forget()
    assert f"data kept: {data} on {kept}" in swarm.run("deploy", "down").output
    assert recorder.writes == []
