"""A script that becomes a stack must make the same containers, and its pieces must find each other."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest
from scenario import Project

pytestmark = pytest.mark.docker

SCRIPT = """\
#!/bin/bash
set -e
P="{name}"; PASSWORD='p@ss $word'"'s"
docker network create "$P-net" > /dev/null
docker volume create $P-data > /dev/null
for n in 1 2; do
  docker run -d --name $P-w$n --network "$P-net" -h w$n -e "N=$n" -e 'LITERAL=$HOME "x"' --restart unless-stopped \\
    --label "what=a b" -v $(pwd)/conf:/conf:ro -w /tmp --stop-timeout 1 busybox sh -c 'echo "$N" > /tmp/n; sleep 600' > /dev/null
done
docker run -d --name $P-db --network $P-net --network-alias store -p {port}:5432 -v $P-data:/var/lib/postgresql/data \\
  -e POSTGRES_PASSWORD="$PASSWORD" --shm-size 96m postgres:15 -c shared_buffers=64MB > /dev/null
sleep 1
"""


def facts(container: dict[str, Any]) -> dict[str, Any]:
    """What the script decides about a container."""
    config, host = container["Config"], container["HostConfig"]
    mounts = sorted(
        (
            mount["Type"],
            mount["Destination"],
            mount["RW"],
            mount.get("Source") if mount["Type"] == "bind" else "",
        )
        for mount in container["Mounts"]
    )
    return {
        "config": {
            key: config[key] for key in ("Image", "Cmd", "Entrypoint", "WorkingDir", "Tty", "OpenStdin")
        },
        "environment": sorted(config["Env"]),
        "hostname": config["Hostname"] if len(config["Hostname"]) != 12 else "",
        "label": config["Labels"].get("what"),
        "mounts": mounts,
        "ports": {
            port: [each["HostPort"] for each in bound] for port, bound in (host["PortBindings"] or {}).items()
        },
        "addresses": {
            (each["HostIp"] or "0.0.0.0") for bound in (host["PortBindings"] or {}).values() for each in bound
        },
        "restart": host["RestartPolicy"],
        "shm": host["ShmSize"],
        "grace": config.get("StopTimeout") or 10,
        "networks": len(container["NetworkSettings"]["Networks"]),
    }


def inspected(*names: str) -> list[dict[str, Any]]:

    found = subprocess.run(["docker", "inspect", *names], check=True, capture_output=True, text=True)
    result: list[dict[str, Any]] = json.loads(found.stdout)
    return result


def test_an_imported_script_must_make_the_same_containers(project: Project, free_port: int) -> None:
    name = f"{project.name}-s"
    services = [f"{name}-w1", f"{name}-w2", f"{name}-db"]
    (project.directory / "conf").mkdir()
    script = project.write(SCRIPT.format(name=name, port=free_port), "run.sh")
    try:
        subprocess.run(["bash", script], cwd=project.directory, check=True, capture_output=True, timeout=60)
        wanted = [facts(each) for each in inspected(*services)]
    finally:
        subprocess.run(["docker", "rm", "-fv", *services], check=False, capture_output=True)
        subprocess.run(["docker", "network", "rm", f"{name}-net"], check=False, capture_output=True)
        subprocess.run(["docker", "volume", "rm", f"{name}-data"], check=False, capture_output=True)
    told = project.run("import", "run.sh", "-o", "stack.toml").stdout
    assert "sleep 1 is dropped" in told
    assert "p@ss" not in told
    assert "p@ss" not in (project.directory / "stack.toml").read_text()
    project.run("up")
    found = [facts(project.inspect(service)) for service in services]
    assert found == wanted
    assert project.inside(f"{name}-w1", "nslookup", "store")
