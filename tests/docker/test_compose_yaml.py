"""Compose files on a real engine."""

from __future__ import annotations

import pytest
from scenario import Project

pytestmark = pytest.mark.docker

COMPOSE = """\
x-all: &all
  image: ${IMAGE:-busybox}
  command: sleep 600
  stop_grace_period: 1s
services:
  web:
    <<: *all
    ports: ["80"]
    volumes: [./made:/made, data:/data]
    depends_on: [checked]
    environment: {RATE: 1.10, EMPTY: $NOWHERE}
  checked:
    <<: *all
    init: true
    healthcheck: {test: "true", interval: 1s}
  tool:
    <<: *all
    profiles: [tools]
volumes: {data: }
"""
OVERRIDE = "services:\n  web:\n    command: !override [sleep, '700']\n    ports: ['127.0.0.1::81']\n"


def test_a_compose_file_must_come_up_as_compose_means_it(project: Project) -> None:
    (project.directory / "stack.toml").unlink(missing_ok=True)
    (project.directory / "compose.yaml").write_text(COMPOSE)
    (project.directory / "compose.override.yaml").write_text(OVERRIDE)
    ran = project.run("up")
    assert "NOWHERE is not set" in ran.stderr
    web = project.inspect("web")
    assert web["Config"]["Cmd"] == ["sleep", "700"]
    assert web["HostConfig"]["PortBindings"] == {
        "80/tcp": [{"HostIp": "", "HostPort": ""}],
        "81/tcp": [{"HostIp": "127.0.0.1", "HostPort": ""}],
    }
    assert not web["HostConfig"]["Init"]
    assert {"RATE=1.1", "EMPTY="} <= set(web["Config"]["Env"])
    assert (project.directory / "made").is_dir()
    assert project.inspect("checked")["HostConfig"]["Init"]
    assert project.json("plan")["changes"] == []
    project.run("up", "tool")
    assert "tool" in project.run("ps", "--services").stdout.split()
    project.run("down", "--volumes", "--yes")
    assert project.run("ps", "-a", "-q").stdout == ""
