"""What a Swarm is told: each key under its name there. VIP and ingress, which some kernels lack, are shown here alone."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from stackctl.engine.docker.swarm import bodies
from stackctl.planner.world.desired import (
    Attachment,
    DesiredContainer,
    DesiredHealthcheck,
    DesiredMount,
    DesiredVolume,
)
from stackctl.planner.world.observed import ImageConfig
from stackctl.planner.world.swarm_desired import (
    Amounts,
    DesiredService,
    DesiredSwarmFile,
    Placing,
    Restarting,
    Rollout,
    SwarmFileUse,
    SwarmPort,
)
from stackctl.secret import Secret
from stackctl.spec.model import NetworkUse, Service
from stackctl.spec.source.reading import read
from stackctl.spec.source.request import StackRequest
from stackctl.spec.text.parts import Text

NEW, OLD = (1, 47), (1, 41)
MB = 1024 * 1024
PLAIN_IMAGE = ImageConfig()


def body(
    spec: DesiredService, api: tuple[int, int] = NEW, image: ImageConfig = PLAIN_IMAGE
) -> dict[str, Any]:
    return bodies.service(spec, api=api, image=image, networks={"shop_default": "n1"}, files={"pw_1": "s1", "c_1": "c1"})  # fmt: skip


def container(**given: Any) -> DesiredContainer:
    return DesiredContainer(name="web", service="web", image="web:1", **given)


def service(template: DesiredContainer | None = None, **given: Any) -> DesiredService:
    template = template or container()
    return DesiredService(name="shop_web", service="web", image="web:1@sha256:aa", template=template, **given)


def settings(text: str, directory: Path) -> Service:
    (directory / "stack.toml").write_text(f'[services.web]\nimage = "web:1"\n{text}\n')
    request = StackRequest(files=[directory / "stack.toml"], directory=directory, environ={}, name="shop")
    return read(request).services["web"]


def test_a_service_that_says_nothing_still_sends_every_decision() -> None:
    rollout = {
        "Parallelism": 1,
        "Delay": 0,
        "Monitor": 5_000_000_000,
        "MaxFailureRatio": 0.0,
        "Order": "stop-first",
    }
    assert body(service(labels={"a": "b"}, task_labels={"c": "d"})) == {
        "Name": "shop_web",
        "Labels": {"a": "b"},
        "TaskTemplate": {
            "ContainerSpec": {
                "Image": "web:1@sha256:aa",
                "Labels": {"c": "d"},
                "Env": [],
                "StopGracePeriod": 10_000_000_000,
                "Init": True,
                "Mounts": [],
                "Secrets": [],
                "Configs": [],
            },
            "Resources": {},
            "RestartPolicy": {"Condition": "any", "Delay": 5_000_000_000, "MaxAttempts": 0, "Window": 0},
            "Placement": {"Constraints": [], "Preferences": [], "MaxReplicas": 0, "Platforms": []},
            "ForceUpdate": 0,
            "Networks": [],
        },
        "Mode": {"Replicated": {"Replicas": 1}},
        "EndpointSpec": {"Mode": "vip", "Ports": []},
        "UpdateConfig": {**rollout, "FailureAction": "rollback"},
        "RollbackConfig": {**rollout, "FailureAction": "pause"},
    }


def test_what_a_container_is_has_other_names_on_a_swarm() -> None:
    template = container(
        command=("serve", "--fast"),
        entrypoint=("/entry",),
        environment={"B": "2", "A": "1", "UNSET": None},
        grace=30,
        healthcheck=DesiredHealthcheck(
            test=("CMD", "true"), interval=1.5, timeout=2.0, retries=3, start_period=4.0, start_interval=0.5
        ),
        networks=(Attachment("shop_default", ("web", "www"), use=NetworkUse(driver_opts={"o": Text("1")})),),
    )
    task = body(service(template))["TaskTemplate"]
    spec = task["ContainerSpec"]
    assert (spec["Command"], spec["Args"]) == (["/entry"], ["serve", "--fast"])
    assert spec["Env"] == ["A=1", "B=2", "UNSET"]
    assert spec["StopGracePeriod"] == 30_000_000_000
    check = {
        "Test": ["CMD", "true"],
        "Interval": 1_500_000_000,
        "Timeout": 2_000_000_000,
        "Retries": 3,
        "StartPeriod": 4_000_000_000,
    }
    assert spec["Healthcheck"] == {**check, "StartInterval": 500_000_000}
    assert body(service(template), OLD)["TaskTemplate"]["ContainerSpec"]["Healthcheck"] == check
    assert task["Networks"] == [{"Target": "n1", "Aliases": ["web", "www"], "DriverOpts": {"o": "1"}}]


def test_an_empty_command_needs_the_entrypoint_of_the_image() -> None:
    image = ImageConfig(entrypoint=("/entry",), command=("serve",))
    spec = body(service(container(command=())), image=image)["TaskTemplate"]["ContainerSpec"]
    assert (spec["Command"], spec["Args"]) == (["/entry"], [])


def test_an_image_that_brings_its_init_gets_no_other() -> None:
    image = ImageConfig(entrypoint=("/usr/bin/tini", "--"))
    assert body(service(), image=image)["TaskTemplate"]["ContainerSpec"]["Init"] is False


PLAIN: dict[str, tuple[str, dict[str, Any]]] = {
    "hostname": ('hostname = "{{.Task.Slot}}"', {"Hostname": "{{.Task.Slot}}"}),
    "user": ('user = "1:2"', {"User": "1:2"}),
    "working_dir": ('working_dir = "/w"', {"Dir": "/w"}),
    "stop_signal": ('stop_signal = "SIGINT"', {"StopSignal": "SIGINT"}),
    "tty": ("tty = true", {"TTY": True}),
    "stdin_open": ("stdin_open = true", {"OpenStdin": True}),
    "read_only": ("read_only = true", {"ReadOnly": True}),
    "group_add": ('group_add = ["mail", 1000]', {"Groups": ["mail", "1000"]}),
    "cap_add": ('cap_add = ["NET_ADMIN"]', {"CapabilityAdd": ["NET_ADMIN"]}),
    "cap_drop": ('cap_drop = ["ALL"]', {"CapabilityDrop": ["ALL"]}),
    "sysctls": ('sysctls = { "net.core.somaxconn" = 9 }', {"Sysctls": {"net.core.somaxconn": "9"}}),
    "ulimits": ("ulimits = { nproc = 5 }", {"Ulimits": [{"Name": "nproc", "Soft": 5, "Hard": 5}]}),
    "oom_score_adj": ("oom_score_adj = -5", {"OomScoreAdj": -5}),
    "extra_hosts": ('extra_hosts = { a = "10.0.0.1", b = "::1" }', {"Hosts": ["10.0.0.1 a", "::1 b"]}),
    "dns": (
        'dns = ["1.1.1.1"]\ndns_search = ["x.org"]\ndns_opt = ["ndots:1"]',
        {"DNSConfig": {"Nameservers": ["1.1.1.1"], "Search": ["x.org"], "Options": ["ndots:1"]}},
    ),
    "isolation": ('isolation = "process"', {"Isolation": "process"}),
    "shm_size": (
        'shm_size = "64m"',
        {"Mounts": [{"Type": "tmpfs", "Target": "/dev/shm", "TmpfsOptions": {"SizeBytes": 64 * MB}}]},
    ),
    "no_new_privileges": ('security_opt = ["no-new-privileges"]', {"Privileges": {"NoNewPrivileges": True}}),
    "selinux": (
        'security_opt = ["label=user:u", "label=type:t", "label:level:s0", "label=role:r"]',
        {"Privileges": {"SELinuxContext": {"User": "u", "Type": "t", "Level": "s0", "Role": "r"}}},
    ),
    "selinux_off": ('security_opt = ["label=disable"]', {"Privileges": {"SELinuxContext": {"Disable": True}}}),
    "unconfined": (
        'security_opt = ["seccomp=unconfined", "apparmor=unconfined"]',
        {"Privileges": {"Seccomp": {"Mode": "unconfined"}, "AppArmor": {"Mode": "disabled"}}},
    ),
}  # fmt: skip


@pytest.mark.parametrize("key", PLAIN)
def test_each_plain_key_has_its_line(key: str, tmp_path: Path) -> None:
    text, lines = PLAIN[key]
    spec = body(service(container(settings=settings(text, tmp_path))))["TaskTemplate"]["ContainerSpec"]
    assert {name: spec.get(name) for name in lines} == lines


def test_every_line_that_a_swarm_takes_is_among_these() -> None:
    shown = {name for _, lines in PLAIN.values() for name in lines}
    assert {place.partition(".")[0] for place, _ in bodies.TAKEN.values()} <= shown


def test_an_old_swarm_is_not_sent_what_it_would_silently_drop(tmp_path: Path) -> None:
    text = 'oom_score_adj = 5\nsecurity_opt = ["no-new-privileges", "seccomp=unconfined", "label=disable"]'
    spec = body(service(container(settings=settings(text, tmp_path))), OLD)["TaskTemplate"]["ContainerSpec"]
    assert "OomScoreAdj" not in spec
    assert spec["Privileges"] == {"SELinuxContext": {"Disable": True}}


def test_a_log_driver_belongs_to_the_task(tmp_path: Path) -> None:
    text = 'logging = { driver = "json-file", options = { max-size = "9m" } }'
    task = body(service(container(settings=settings(text, tmp_path))))["TaskTemplate"]
    assert task["LogDriver"] == {"Name": "json-file", "Options": {"max-size": "9m"}}


def test_the_network_of_the_host_is_a_network_of_the_task() -> None:
    assert body(service(container(network_mode="host")))["TaskTemplate"]["Networks"] == [{"Target": "host"}]


@pytest.mark.parametrize(
    ("mode", "sent"),
    [
        ("replicated", {"Replicated": {"Replicas": 3}}),
        ("global", {"Global": {}}),
        ("replicated-job", {"ReplicatedJob": {"MaxConcurrent": 3, "TotalCompletions": 3}}),
        ("global-job", {"GlobalJob": {}}),
    ],
)
def test_modes(mode: Any, sent: dict[str, Any]) -> None:
    found = body(service(mode=mode, replicas=3, restart=Restarting(condition="none")))
    assert found["Mode"] == sent
    assert ("UpdateConfig" in found) == ("RollbackConfig" in found) == (not mode.endswith("-job"))


def test_vip_and_ingress_and_ports_of_the_nodes() -> None:
    ports = (SwarmPort(target=80, published=8080), SwarmPort(target=53, protocol="udp", mode="host"))
    assert body(service(ports=ports))["EndpointSpec"] == {
        "Mode": "vip",
        "Ports": [
            {"Protocol": "tcp", "TargetPort": 80, "PublishedPort": 8080, "PublishMode": "ingress"},
            {"Protocol": "udp", "TargetPort": 53, "PublishMode": "host"},
        ],
    }
    assert body(service(endpoint_mode="dnsrr"))["EndpointSpec"]["Mode"] == "dnsrr"


def test_rollout_restarts_and_force() -> None:
    rollout = Rollout(
        parallelism=2,
        delay=1.5,
        failure_action="continue",
        monitor=9.0,
        max_failure_ratio=0.25,
        order="start-first",
    )
    restart = Restarting(condition="on-failure", delay=1.0, max_attempts=4, window=60.0)
    found = body(service(update=rollout, rollback=rollout, restart=restart, force=7))
    assert (
        found["UpdateConfig"]
        == found["RollbackConfig"]
        == {
            "Parallelism": 2,
            "Delay": 1_500_000_000,
            "FailureAction": "continue",
            "Monitor": 9_000_000_000,
            "MaxFailureRatio": 0.25,
            "Order": "start-first",
        }
    )
    assert found["TaskTemplate"]["RestartPolicy"] == {
        "Condition": "on-failure",
        "Delay": 1_000_000_000,
        "MaxAttempts": 4,
        "Window": 60_000_000_000,
    }
    assert found["TaskTemplate"]["ForceUpdate"] == 7


def test_placement_and_resources() -> None:
    spec = service(
        placement=Placing(
            constraints=("node.role==worker",),
            spread=("node.labels.zone",),
            max_per_node=2,
            platform="linux/arm64/v8",
        ),
        limits=Amounts(nano_cpus=500_000_000, memory=64 * MB, pids=9),
        reservations=Amounts(nano_cpus=1, memory=2, generic={"gpu": 2}),
    )
    task = body(spec)["TaskTemplate"]
    assert task["Placement"] == {
        "Constraints": ["node.role==worker"],
        "Preferences": [{"Spread": {"SpreadDescriptor": "node.labels.zone"}}],
        "MaxReplicas": 2,
        "Platforms": [{"OS": "linux", "Architecture": "arm64"}],
    }
    assert task["Resources"] == {
        "Limits": {"NanoCPUs": 500_000_000, "MemoryBytes": 64 * MB, "Pids": 9},
        "Reservations": {
            "NanoCPUs": 1,
            "MemoryBytes": 2,
            "GenericResources": [{"DiscreteResourceSpec": {"Kind": "gpu", "Value": 2}}],
        },
    }


def test_a_volume_is_described_where_it_is_mounted() -> None:
    volume = DesiredVolume(key="data", name="shop_data", driver="nfs", options={"o": "x"}, labels={"l": "1"})
    mounts = (
        DesiredMount(type="volume", source="shop_data", target="/data", subpath="sub", nocopy=True),
        DesiredMount(type="bind", source="/srv", target="/srv", read_only=True, create_host_path=True),
        DesiredMount(type="tmpfs", target="/tmp", tmpfs_size=MB, tmpfs_mode=0o700),
    )
    spec = service(container(mounts=mounts), volumes=(volume,))
    volume_mount, bind, tmpfs = body(spec)["TaskTemplate"]["ContainerSpec"]["Mounts"]
    assert volume_mount == {
        "Type": "volume",
        "Source": "shop_data",
        "Target": "/data",
        "ReadOnly": False,
        "VolumeOptions": {
            "NoCopy": True,
            "Subpath": "sub",
            "Labels": {"l": "1"},
            "DriverConfig": {"Name": "nfs", "Options": {"o": "x"}},
        },
    }
    assert bind == {
        "Type": "bind",
        "Source": "/srv",
        "Target": "/srv",
        "ReadOnly": True,
        "BindOptions": {"CreateMountpoint": True},
    }
    assert tmpfs["TmpfsOptions"] == {"SizeBytes": MB, "Mode": 0o700}
    external = replace(spec, volumes=(replace(volume, external=True),))
    assert "DriverConfig" not in body(external)["TaskTemplate"]["ContainerSpec"]["Mounts"][0]["VolumeOptions"]


def test_secrets_and_configs_are_named_by_id_and_made_from_bytes() -> None:
    uses = (
        SwarmFileUse(section="secrets", name="pw_1", target="pw", uid=1, gid=2, mode=0o400),
        SwarmFileUse(section="configs", name="c_1", target="/etc/c"),
    )
    spec = body(service(files=uses))["TaskTemplate"]["ContainerSpec"]
    assert spec["Secrets"] == [
        {
            "SecretID": "s1",
            "SecretName": "pw_1",
            "File": {"Name": "pw", "UID": "1", "GID": "2", "Mode": 0o400},
        }
    ]
    assert spec["Configs"] == [
        {
            "ConfigID": "c1",
            "ConfigName": "c_1",
            "File": {"Name": "/etc/c", "UID": "0", "GID": "0", "Mode": 0o444},
        }
    ]
    file = DesiredSwarmFile(
        section="configs", key="c", name="c_1", content=Secret("a\udcff"), labels={"l": "1"}
    )
    data = base64.b64encode(b"a\xff").decode()
    assert bodies.config(file) == {"Name": "c_1", "Labels": {"l": "1"}, "Data": data}
    assert bodies.config(replace(file, template_driver="golang"))["Templating"] == {"Name": "golang"}
    kept = replace(file, section="secrets", driver="vault", driver_opts={"path": "x"})
    assert bodies.secret(kept)["Driver"] == {"Name": "vault", "Options": {"path": "x"}}
    assert bodies.secret(kept)["Data"] == ""
