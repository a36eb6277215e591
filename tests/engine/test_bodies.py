"""plan.resources → the JSON of the Docker API."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest

from stackctl.engine.docker import bodies
from stackctl.planner.world.desired import (
    Attachment,
    DesiredContainer,
    DesiredHealthcheck,
    DesiredMount,
    DesiredNetwork,
    DesiredPort,
    DesiredVolume,
)
from stackctl.planner.world.observed import ImageConfig
from stackctl.spec.model import Service, Stack
from stackctl.spec.structure import structure
from stackctl.spec.text.parts import Text
from stackctl.spec.values import ByteSize, ExposedPorts

OLD = (1, 41)
NEW = (1, 44)


PLAIN = ImageConfig()


def body(api: tuple[int, int] = OLD, image: ImageConfig = PLAIN, **fields: Any) -> dict[str, Any]:
    network_id = fields.pop("network_id", None)
    replaces = fields.pop("replaces", None)
    settings = Service(
        **{key: fields.pop(key) for key in [*fields] if key not in DesiredContainer.__struct_fields__}
    )
    spec = DesiredContainer(name="shop-web-1", service="web", image="web:1", settings=settings, **fields)
    return bodies.container(spec, api=api, image=image, network_id=network_id, replaces=replaces)


def test_a_plain_container() -> None:
    assert body() == {
        "Image": "web:1",
        "Env": [],
        "Labels": {},
        "ExposedPorts": {},
        "StopTimeout": 10,
        "HostConfig": {
            "Init": True,
            "Binds": [],
            "Mounts": [],
            "PortBindings": {},
            "RestartPolicy": {"Name": "no", "MaximumRetryCount": 0},
        },
    }


def test_a_variable_that_is_none_is_taken_from_the_image() -> None:
    assert body(environment={"A": "1=2", "GONE": None, "EMPTY": ""})["Env"] == ["A=1=2", "GONE", "EMPTY="]


def test_what_it_replaces_is_a_label() -> None:
    assert body(labels={"a": "b"}, replaces="abc")["Labels"] == {"a": "b", "stackctl.replaces": "abc"}


@pytest.mark.parametrize(
    ("fields", "image", "init"),
    [
        ({}, ImageConfig(command=("gunicorn",)), True),
        ({}, ImageConfig(entrypoint=("/usr/bin/tini", "--"), command=("app",)), False),
        ({}, ImageConfig(entrypoint=("/init",)), False),
        ({}, ImageConfig(command=("/sbin/init",)), False),
        ({"entrypoint": ("app",)}, ImageConfig(entrypoint=("/usr/bin/tini",)), True),
        ({"entrypoint": ("app",)}, ImageConfig(command=("/sbin/init",)), True),
        ({"command": ("dumb-init", "app")}, ImageConfig(command=("app",)), False),
        ({"command": ("dumb-init", "app")}, ImageConfig(entrypoint=("/entry.sh",)), True),
        ({"init": True}, ImageConfig(entrypoint=("tini",)), True),
        ({"init": False}, ImageConfig(), False),
    ],
)
def test_an_init_unless_the_image_brings_one(fields: dict[str, Any], image: ImageConfig, init: bool) -> None:
    assert body(image=image, **fields)["HostConfig"]["Init"] is init


def test_command_and_entrypoint() -> None:
    made = body(command=("a", "b"), entrypoint=("sh", "-c"))
    assert (made["Cmd"], made["Entrypoint"]) == (["a", "b"], ["sh", "-c"])
    assert body(entrypoint=())["Entrypoint"] == []


def test_an_empty_command_drops_the_images_but_keeps_its_entrypoint() -> None:
    made = body(command=(), image=ImageConfig(entrypoint=("entry.sh",), command=("serve",)))
    assert (made["Cmd"], made["Entrypoint"]) == ([], ["entry.sh"])


def test_durations_are_nanoseconds_and_what_is_not_given_is_left_to_the_image() -> None:
    check = DesiredHealthcheck(
        test=("CMD-SHELL", "true"), interval=0.5, timeout=2, retries=3, start_period=1.5
    )
    assert body(healthcheck=check)["Healthcheck"] == {
        "Test": ["CMD-SHELL", "true"],
        "Interval": 500_000_000,
        "Timeout": 2_000_000_000,
        "Retries": 3,
        "StartPeriod": 1_500_000_000,
    }
    assert body(healthcheck=DesiredHealthcheck(retries=5))["Healthcheck"] == {"Test": [], "Retries": 5}


@pytest.mark.parametrize(("api", "sent"), [(OLD, None), (NEW, 100_000_000), ((1, 51), 100_000_000)])
def test_start_interval_is_sent_to_engines_that_know_it(api: tuple[int, int], sent: int | None) -> None:
    check = DesiredHealthcheck(test=("CMD", "true"), start_interval=0.1, start_period=1)
    assert body(api, healthcheck=check)["Healthcheck"].get("StartInterval") == sent


@pytest.mark.parametrize(("api", "sent"), [(OLD, None), ((1, 42), [33, 99])])
def test_the_size_of_the_terminal_is_sent_to_engines_that_know_it(
    api: tuple[int, int], sent: list[int] | None
) -> None:
    assert body(api, terminal_size=(33, 99), tty=True)["HostConfig"].get("ConsoleSize") == sent


def test_ports() -> None:
    made = body(
        ports=(
            DesiredPort(target=80, published="8080"),
            DesiredPort(target=80, host_ip="0.0.0.0", published="8000-8010"),
            DesiredPort(target=53, protocol="udp", host_ip="::1"),
        ),
        expose=(ExposedPorts("9000"), ExposedPorts("9001-9002/udp")),
    )
    assert made["HostConfig"]["PortBindings"] == {
        "80/tcp": [
            {"HostIp": "127.0.0.1", "HostPort": "8080"},
            {"HostIp": "0.0.0.0", "HostPort": "8000-8010"},
        ],
        "53/udp": [{"HostIp": "::1", "HostPort": ""}],
    }
    assert set(made["ExposedPorts"]) == {"80/tcp", "53/udp", "9000/tcp", "9001/udp", "9002/udp"}


def test_nothing_is_exposed_in_a_network_of_another_container() -> None:
    made = body(expose=(ExposedPorts("9000"),), network_mode="container:shop-db-1")
    assert made["ExposedPorts"] == {}
    assert made["HostConfig"]["NetworkMode"] == "container:shop-db-1"


def test_mounts() -> None:
    made = body(
        mounts=(
            DesiredMount(type="volume", source="shop_data", target="/data", nocopy=True),
            DesiredMount(type="volume", target="/cache", labels={"stackctl.project": "shop"}),
            DesiredMount(type="bind", source="/src", target="/app", read_only=True, propagation="rslave"),
            DesiredMount(type="tmpfs", target="/tmp", tmpfs_size=1024, tmpfs_mode=0o1777),
        )
    )["HostConfig"]
    assert made["Binds"] == []
    assert made["Mounts"] == [
        {
            "Type": "volume",
            "Source": "shop_data",
            "Target": "/data",
            "ReadOnly": False,
            "VolumeOptions": {"NoCopy": True, "Labels": {}},
        },
        {
            "Type": "volume",
            "Target": "/cache",
            "ReadOnly": False,
            "VolumeOptions": {"NoCopy": False, "Labels": {"stackctl.project": "shop"}},
        },
        {
            "Type": "bind",
            "Source": "/src",
            "Target": "/app",
            "ReadOnly": True,
            "BindOptions": {"Propagation": "rslave"},
        },
        {
            "Type": "tmpfs",
            "Target": "/tmp",
            "ReadOnly": False,
            "TmpfsOptions": {"SizeBytes": 1024, "Mode": 0o1777},
        },
    ]


def test_options_of_a_tmpfs_that_are_no_part_of_a_mount() -> None:
    mounts = (
        DesiredMount(type="tmpfs", target="/run", tmpfs_options="size=1024,uid=7"),
        DesiredMount(type="tmpfs", target="/tmp"),
    )
    made = body(mounts=mounts)["HostConfig"]
    assert made["Tmpfs"] == {"/run": "size=1024,uid=7"}
    assert [mount["Target"] for mount in made["Mounts"]] == ["/tmp"]


def test_a_relabelled_bind_takes_the_short_form() -> None:
    made = body(mounts=(DesiredMount(type="bind", source="/a", target="/b", read_only=True, selinux="z"),))
    assert made["HostConfig"]["Binds"] == ["/a:/b:ro,z"]
    assert made["HostConfig"]["Mounts"] == []


def test_the_first_network_is_joined_by_id_with_its_aliases() -> None:
    made = body(
        networks=(Attachment("shop_default", ("web", "shop-web-1")), Attachment("other")), network_id="f00"
    )
    assert made["HostConfig"]["NetworkMode"] == "f00"
    assert made["NetworkingConfig"] == {
        "EndpointsConfig": {"f00": {"NetworkID": "f00", "Aliases": ["web", "shop-web-1"]}}
    }


@pytest.mark.parametrize(
    ("keys", "part", "expected"),
    [
        ('domainname = "example.org"', "Domainname", "example.org"),
        ("pids_limit = 64", "HostConfig.PidsLimit", 64),
        ('dns = ["192.0.2.53"]', "HostConfig.Dns", ["192.0.2.53"]),
    ],
)
def test_a_plain_key_is_a_line_of_the_request(keys: str, part: str, expected: object) -> None:
    tree = {"services": {"web": {"image": "web:1", **tomllib.loads(keys)}}}
    stack, problems = structure(Stack, tree)
    assert stack is not None
    assert problems == []
    made = body(**{name: getattr(stack.services["web"], name) for name in tomllib.loads(keys)})
    for name in part.split("."):
        made = made[name]
    assert made == expected


def test_the_other_settings() -> None:
    made = body(
        hostname="h",
        user="1000:1000",
        working_dir="/w",
        stop_signal="SIGINT",
        grace=90,
        tty=True,
        stdin_open=True,
        restart="on-failure",
        restart_times=3,
        extra_hosts={"host": Text("host-gateway")},
        read_only=True,
        privileged=True,
        cap_add=("NET_ADMIN",),
        cap_drop=("ALL",),
        shm_size=ByteSize(1 << 20),
    )
    host = made.pop("HostConfig")
    assert (
        made.items()
        >= {
            "Hostname": "h",
            "User": "1000:1000",
            "WorkingDir": "/w",
            "StopSignal": "SIGINT",
            "StopTimeout": 90,
            "Tty": True,
            "OpenStdin": True,
        }.items()
    )
    assert host["RestartPolicy"] == {"Name": "on-failure", "MaximumRetryCount": 3}
    assert host["ExtraHosts"] == ["host:host-gateway"]
    assert (host["ReadonlyRootfs"], host["Privileged"]) == (True, True)
    assert (host["CapAdd"], host["CapDrop"], host["ShmSize"]) == (["NET_ADMIN"], ["ALL"], 1 << 20)


def test_networks_and_volumes() -> None:
    assert bodies.network(DesiredNetwork(key="back", name="shop_back", internal=True, labels={"a": "b"})) == {
        "Name": "shop_back",
        "CheckDuplicate": True,
        "Driver": "bridge",
        "Internal": True,
        "Attachable": False,
        "Options": {},
        "Labels": {"a": "b"},
    }
    assert bodies.volume(
        DesiredVolume(key="data", name="shop_data", options={"type": "nfs"}, labels={"a": "b"}), created=86400
    ) == {
        "Name": "shop_data",
        "Driver": "local",
        "DriverOpts": {"type": "nfs"},
        "Labels": {"a": "b", "stackctl.created": "86400"},
    }
