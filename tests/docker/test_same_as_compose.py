"""One compose.yaml under Docker Compose and under stackctl: the engine must have the same containers, networks and volumes."""

from __future__ import annotations

import re
from contextlib import closing
from typing import Any

import pytest
from exported import compose
from scenario import ROOT, Project

from stackctl import connect
from stackctl.planner.before.images import ImageOptions
from stackctl.planner.steps.actions import ConnectNetwork, CreateContainer, CreateNetwork, CreateVolume
from stackctl.planner.view.slots import UpOptions
from stackctl.project import Project as Verbs
from stackctl.spec.selection import Selection
from stackctl.spec.source.reading import read
from stackctl.spec.source.request import StackRequest

pytestmark = pytest.mark.docker

FILE = """
x-small: &small {image: busybox}
services:
  limits:
    <<: *small
    command: sleep infinity
    mem_limit: 64m
    mem_reservation: 32m
    memswap_limit: 128m
    mem_swappiness: 10
    cpus: 0.5
    cpu_shares: 512
    cpuset: "0"
    pids_limit: 50
    ulimits: {nofile: {soft: 1000, hard: 2000}, nproc: 60}
    oom_score_adj: 100
    shm_size: 128m
  quota: {<<: *small, cpu_period: 50000, cpu_quota: 25000, oom_kill_disable: true, mem_limit: 1gb, memswap_limit: -1}
  deployed:
    <<: *small
    deploy:
      resources:
        limits: {cpus: "0.25", memory: 50M, pids: 40}
        reservations: {memory: 20M, cpus: "0.1"}
      restart_policy: {condition: on-failure, max_attempts: 3}
  any: {<<: *small, restart: "no", deploy: {restart_policy: {condition: any}}}
  none: {<<: *small, restart: always, deploy: {restart_policy: {condition: none}}}
  retried: {<<: *small, restart: "on-failure:5"}
  rights:
    <<: *small
    security_opt: ["no-new-privileges:true", "seccomp:unconfined", systempaths=unconfined]
    devices: ["/dev/null:/dev/nix:r", /dev/zero]
    device_cgroup_rules: ["c 1:3 mr"]
    sysctls: [net.core.somaxconn=99]
    group_add: [mail, 1234]
    uts: host
    userns_mode: host
    cap_add: [NET_ADMIN]
    cap_drop: [ALL]
    read_only: true
    user: "1:2"
    cgroup_parent: /x
    runtime: runc
    init: true
  privileged: {<<: *small, privileged: true, cgroup: private, pid: host, ipc: host}
  donor: {<<: *small, ipc: shareable, volumes: [/shared]}
  tied: {<<: *small, ipc: "service:donor", pid: "service:donor", volumes_from: ["donor:ro"]}
  neighbour: {<<: *small, network_mode: "service:donor"}
  alone: {<<: *small, network_mode: none, hostname: alone}
  outside: {<<: *small, network_mode: host}
  logs:
    <<: *small
    logging: {driver: json-file, options: {max-size: 1m, max-file: "2"}}
    dns: 1.1.1.1
    dns_search: [example.org]
    dns_opt: [ndots:1]
    extra_hosts: ["a:10.0.0.1", "b=host-gateway"]
    hostname: h
    domainname: example.org
    mac_address: 02:42:ac:11:00:09
    labels: [a=b]
    attach: false
    stop_grace_period: 3s
    stop_signal: SIGINT
    tty: true
    stdin_open: true
    platform: linux/amd64
    environment: {A: b, EMPTY: ""}
    working_dir: /w
    entrypoint: [sh, -c]
    healthcheck: {test: "exit 0", interval: 5s, timeout: 1s, retries: 2, start_period: 1m30s}
  bounded: {<<: *small, logging: {options: {max-size: 5m}}, healthcheck: {disable: true}}
  net:
    <<: *small
    expose: ["8000-8001", 53/udp]
    networks:
      back: {ipv4_address: 10.223.17.9, aliases: [www], link_local_ips: [169.254.8.8], priority: 3}
      front: {driver_opts: {a.b: c}}
  mounts:
    <<: *small
    volumes:
      - data:/data:ro
      - ./:/here
      - {type: volume, source: data, target: /nc, volume: {nocopy: true}}
      - {type: bind, source: ./, target: /b, read_only: true, bind: {propagation: rprivate}}
      - /anon
networks:
  back:
    attachable: true
    ipam: {config: [{subnet: 10.223.17.0/24, gateway: 10.223.17.3, ip_range: 10.223.17.128/25, aux_addresses: {r: 10.223.17.5}}]}
  front: {internal: true, driver_opts: {com.docker.network.bridge.enable_icc: "false"}, labels: {x: y}, enable_ipv6: false}
volumes:
  data: {driver_opts: {type: tmpfs, device: tmpfs, o: size=1m}, labels: {v: w}}
"""
DIFFERENT = {
    "mac_address": ["logs.Config.MacAddress"],
    "volumes_from: [NAME:ro]": ["tied.HostConfig.VolumesFrom", "tied.Mounts./shared.RW"],
}
"""The differences, by the keys of docs/reference/compose-differences.md."""


def test_a_file_must_make_the_same_under_both_tools(project: Project) -> None:
    project.write(FILE, "compose.yaml")
    try:
        compose(project, "--project-name", project.name, "create")
        composed = seen(project)
    finally:
        compose(project, "--project-name", project.name, "down", "--volumes", "--timeout", "0")
    create(project)
    ours = seen(project)
    told = dict(differences(composed, ours))
    expected = [path for paths in DIFFERENT.values() for path in paths]
    assert {path: pair for path, pair in told.items() if path not in expected} == {}
    if project.api.version()["ApiVersion"] < "1.44":
        assert {*expected} == told.keys()


def test_the_differences_must_be_those_of_the_docs() -> None:
    page = (ROOT / "docs/reference/compose-differences.md").read_text()
    assert re.findall(r"^\| `(.*?)` \|", page, re.MULTILINE) == [*DIFFERENT]


def create(project: Project) -> None:
    """Make all that `up` makes, and start nothing."""
    file = project.directory / "compose.yaml"
    stack = read(StackRequest(files=[file], directory=project.directory, environ={}, name=project.name))
    with closing(connect()) as engine:
        for step in Verbs(stack, engine).plan(Selection(), UpOptions(), ImageOptions()).steps:
            if isinstance(step.action, CreateContainer | CreateNetwork | CreateVolume | ConnectNetwork):
                engine.perform(step.action, lambda *_: None)


def seen(project: Project) -> dict[str, Any]:
    """What the engine has, with one spelling for each meaning. Names and ids of others are written as names of services."""
    api, label = project.api, f"com.docker.compose.project={project.name}"
    rows = [api.inspect_container(row["Id"]) for row in api.containers(all=True, filters={"label": label})]
    ids = {row["Id"]: row["Config"]["Labels"]["com.docker.compose.service"] for row in rows}
    names = {f"{project.name}_{key}" for key in ("back", "front", "default")}
    ids |= {row["Id"]: row["Name"] for row in api.networks() if row["Name"] in names}
    found = {ids[row["Id"]]: container(row) for row in rows}
    found |= {
        row["Name"]: {key: row[key] for key in ("Driver", "Internal", "Attachable", "EnableIPv6", "Options")}
        | {"Labels": own(row["Labels"]), "IPAM": row["IPAM"] if row["Name"].endswith("_back") else None}
        for row in map(api.inspect_network, sorted(names))
    }
    volume = api.inspect_volume(f"{project.name}_data")
    found["data"] = {
        "Driver": volume["Driver"],
        "Options": volume["Options"],
        "Labels": own(volume["Labels"]),
    }
    with_names: dict[str, Any] = replaced(found, ids)
    return with_names


def container(row: dict[str, Any]) -> dict[str, Any]:
    config = {
        key: value for key, value in row["Config"].items() if key not in ("AttachStdout", "AttachStderr")
    }
    config |= {"Labels": own(config["Labels"]), "StopTimeout": config.get("StopTimeout") or 10}
    if row["Id"].startswith(config["Hostname"]):
        config["Hostname"] = ""
    host = {key: value for key, value in row["HostConfig"].items() if key not in ("Binds", "Mounts")}
    host["RestartPolicy"]["Name"] = host["RestartPolicy"]["Name"] or "no"
    host["CapAdd"] = [name.removeprefix("CAP_") for name in host["CapAdd"] or ()]
    # Compose writes what comes from a map in any order.
    config["Env"] = sorted(config["Env"])
    host["ExtraHosts"] = sorted(host["ExtraHosts"] or ())
    host["Ulimits"] = sorted(host["Ulimits"] or (), key=lambda limit: limit["Name"])
    places = {
        name: {key: place[key] for key in ("IPAMConfig", "Links", "DriverOpts")}
        | {"Aliases": sorted(alias for alias in place["Aliases"] or () if not row["Id"].startswith(alias))}
        for name, place in row["NetworkSettings"]["Networks"].items()
    }
    mounts = {
        mount["Destination"]: {key: mount.get(key) for key in ("Type", "RW", "Propagation")}
        for mount in row["Mounts"]
    }
    return {"Config": config, "HostConfig": host, "Networks": places, "Mounts": mounts}


def own(labels: dict[str, str] | None) -> dict[str, str]:
    return {
        name: text
        for name, text in (labels or {}).items()
        if not re.match(r"com\.docker\.compose|stackctl\.", name)
    }


def replaced(value: Any, ids: dict[str, str]) -> Any:
    match value:
        case dict():
            return {key: replaced(item, ids) for key, item in value.items()}
        case list():
            return [replaced(item, ids) for item in value]
        case str():
            return re.sub(r"\b[0-9a-f]{64}\b", lambda match: ids.get(match[0], match[0]), value)
    return value


def differences(left: Any, right: Any, path: str = "") -> Any:
    """Path and both values of each difference. No value and an empty one are the same."""
    if isinstance(left, dict) and isinstance(right, dict):
        for key in left.keys() | right.keys():
            yield from differences(left.get(key), right.get(key), f"{path}.{key}" if path else key)
    elif left != right and (left or right):
        yield path, (left, right)
