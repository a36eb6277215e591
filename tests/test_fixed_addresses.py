"""Fixed subnets and addresses: what the engine is asked, what `docker` would be told, the way back, and what cannot be."""

from __future__ import annotations

import shlex
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from stackctl.convert.importing import import_script
from stackctl.engine.docker import bodies
from stackctl.errors import SpecError
from stackctl.planner.before.missing import needed_versions
from stackctl.planner.runs.isolation import isolate
from stackctl.planner.world.observed import ImageConfig
from stackctl.spec.selection import Selection
from stackctl.spec.source.reading import read
from stackctl.spec.source.request import StackRequest
from stackctl.teach.commands import Docker
from stackctl.teach.compose.file import compose
from stackctl.teach.from_nothing import from_nothing

TEXT = """\
[services.web]
image = "busybox"
[services.web.networks.back]
priority = 5
ipv4_address = "10.9.8.7"
ipv6_address = "fd00:9::7"
link_local_ips = ["169.254.8.8"]
mac_address = "02:42:0a:09:08:07"
driver_opts = { "a.b" = "c" }
aliases = ["www"]
[services.web.networks.front]
gw_priority = 3
interface_name = "eth9"
[networks.front]
[networks.back]
enable_ipv6 = true
[networks.back.ipam]
driver = "default"
options = { o = 1 }
config = [
    { subnet = "10.9.8.0/24", gateway = "10.9.8.1", ip_range = "10.9.8.128/25", aux_addresses = { router = "10.9.8.2" } },
    { subnet = "fd00:9::/64" },
]
"""


class Given:
    def __init__(self, text: str, directory: Path) -> None:
        (directory / "stack.toml").write_text(text)
        request = StackRequest(files=[directory / "stack.toml"], directory=directory, environ={}, name="shop")
        self.stack = read(request)
        self.desired = from_nothing(self.stack, Selection())[0].desired
        self.web = self.desired.containers[0]


def test_the_engine_gets_them(tmp_path: Path) -> None:
    given = Given(TEXT, tmp_path)
    back, front = given.desired.networks
    body = bodies.network(back)
    assert (body["EnableIPv6"], body["IPAM"]) == (
        True,
        {
            "Driver": "default",
            "Options": {"o": "1"},
            "Config": [
                {
                    "Subnet": "10.9.8.0/24",
                    "Gateway": "10.9.8.1",
                    "IPRange": "10.9.8.128/25",
                    "AuxiliaryAddresses": {"router": "10.9.8.2"},
                },
                {"Subnet": "fd00:9::/64"},
            ],
        },
    )
    assert "IPAM" not in bodies.network(front)
    place = {
        "NetworkID": "back",
        "Aliases": ["web", "shop-web-1", "www"],
        "IPAMConfig": {
            "IPv4Address": "10.9.8.7",
            "IPv6Address": "fd00:9::7",
            "LinkLocalIPs": ["169.254.8.8"],
        },
        "MacAddress": "02:42:0a:09:08:07",
        "DriverOpts": {"a.b": "c"},
    }
    first, second = given.web.networks  # by priority
    assert bodies.endpoint("back", first) == place
    assert bodies.endpoint("front", second) == {
        "NetworkID": "front",
        "Aliases": ["web", "shop-web-1"],
        "DriverOpts": {"com.docker.network.endpoint.ifname": "eth9"},
        "GwPriority": 3,
    }
    old = bodies.container(given.web, api=(1, 41), image=ImageConfig(), network_id="back")
    assert (old["NetworkingConfig"], old["MacAddress"]) == (
        {"EndpointsConfig": {"back": place}},
        "02:42:0a:09:08:07",
    )
    assert "MacAddress" not in bodies.container(
        given.web, api=(1, 44), image=ImageConfig(), network_id="back"
    )


def test_an_engine_may_be_too_old_for_them(tmp_path: Path) -> None:
    found = {".".join(map(str, path)): since for path, since in needed_versions(Given(TEXT, tmp_path).web)}
    assert found == {"networks.front.gw_priority": (1, 48), "networks.front.interface_name": (1, 49)}
    other = Given(TEXT.replace("priority = 5", "priority = -5"), tmp_path)
    assert ("networks.back.mac_address", (1, 44)) in {
        (".".join(map(str, p)), v) for p, v in needed_versions(other.web)
    }


COMMANDS = """\
docker network create --ipv6 --ipam-driver default --subnet 10.9.8.0/24 --ip-range 10.9.8.128/25 --gateway 10.9.8.1 --aux-address router=10.9.8.2 --subnet fd00:9::/64 --ipam-opt o=1 shop_back
docker create --name shop-web-1 --network name=shop_back,driver-opt=a.b=c --mac-address 02:42:0a:09:08:07 --network-alias web --network-alias www --ip 10.9.8.7 --ip6 fd00:9::7 --link-local-ip 169.254.8.8 --init busybox
docker network connect --alias web --driver-opt com.docker.network.endpoint.ifname=eth9 --gw-priority 3 shop_front shop-web-1
"""


def test_docker_is_told_the_same(tmp_path: Path) -> None:
    given = Given(TEXT, tmp_path)
    docker = Docker(given.stack)
    lines = [
        docker.network(given.desired.networks[0]),
        docker.container(given.web),
        *docker.connect(given.web),
    ]
    assert "".join(f"{shlex.join(line.argv)}\n" for line in lines) == COMMANDS


def test_compose_is_told_the_same(tmp_path: Path) -> None:
    given = Given(TEXT, tmp_path)
    tree: dict[str, Any] = yaml.safe_load(compose(given.stack, given.desired, source="stack.toml"))
    uses = tree["services"]["web"]["networks"]
    assert [*uses] == ["back", "front"]
    assert uses["back"].pop("priority") > uses["front"].pop("priority")
    assert uses == {
        "back": {
            "aliases": ["www"],
            "ipv4_address": "10.9.8.7",
            "ipv6_address": "fd00:9::7",
            "link_local_ips": ["169.254.8.8"],
            "mac_address": "02:42:0a:09:08:07",
            "driver_opts": {"a.b": "c"},
        },
        "front": {"gw_priority": 3, "interface_name": "eth9"},
    }
    assert tree["networks"]["back"] == {
        "enable_ipv6": True,
        "ipam": {
            "driver": "default",
            "config": [
                {
                    "subnet": "10.9.8.0/24",
                    "ip_range": "10.9.8.128/25",
                    "gateway": "10.9.8.1",
                    "aux_addresses": {"router": "10.9.8.2"},
                },
                {"subnet": "fd00:9::/64"},
            ],
            "options": {"o": "1"},
        },
    }


def test_a_script_is_imported_with_them() -> None:
    script = """\
docker network create --ipv6 --subnet 10.9.8.0/24 --gateway 10.9.8.1 --aux-address router=10.9.8.2 --subnet fd00:9::/64 back
docker network create front
docker run -d --name web --network back --ip 10.9.8.7 --ip6 fd00:9::7 --link-local-ip 169.254.8.8 busybox
docker network connect --driver-opt a.b=c --gw-priority 3 front web
"""
    made = tomllib.loads(import_script("run.sh", script).text)
    assert made["networks"]["back"] == {
        "enable_ipv6": True,
        "ipam": {
            "config": [
                {"subnet": "10.9.8.0/24", "gateway": "10.9.8.1", "aux_addresses": {"router": "10.9.8.2"}},
                {"subnet": "fd00:9::/64"},
            ]
        },
    }
    assert made["services"]["web"]["networks"] == {
        "back": {"ipv4_address": "10.9.8.7", "ipv6_address": "fd00:9::7", "link_local_ips": ["169.254.8.8"]},
        "front": {"driver_opts": {"a.b": "c"}, "gw_priority": 3},
    }


def test_two_stacks_of_tests_cannot_have_the_same_ones(tmp_path: Path) -> None:
    stack = isolate(Given(TEXT, tmp_path).stack, "other")
    use = stack.services["web"].networks["back"]
    assert (stack.networks["back"].ipam, use.addresses, use.mac_address, use.aliases) == (
        None,
        (),
        None,
        ("www",),
    )


def test_a_changed_subnet_is_another_network(tmp_path: Path) -> None:
    before, after = Given(TEXT, tmp_path), Given(TEXT.replace("fd00:9::/64", "fd00:9::/48"), tmp_path)
    assert before.desired.networks[0].digest != after.desired.networks[0].digest
    assert before.web.digest == after.web.digest
    moved = Given(TEXT.replace('"10.9.8.7"', '"10.9.8.9"'), tmp_path)
    changed = {name for name in moved.web.fields if moved.web.fields[name] != before.web.fields[name]}
    assert changed == {"networks.back"}


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ('"10.9.8.7"', '"10.9.9.7"', "10.9.9.7 is outside of 10.9.8.0/24 and fd00:9::/64, the addresses of back"),
        ('"fd00:9::7"', '"10.9.8.7"', "10.9.8.7 is an address of the other version"),
        ("[networks.front]", '[networks.front]\nipam.config = [{ subnet = "10.9.0.0/16" }]', "10.9.8.0/24 overlaps 10.9.0.0/16 of network front"),
        ("gw_priority = 3", 'ipv4_address = "10.9.8.7"', "the network front has no subnet of its own"),
        ('gateway = "10.9.8.1"', 'gateway = "10.9.7.1"', "10.9.7.1 is outside of the subnet 10.9.8.0/24"),
        ('"10.9.8.128/25"', '"10.9.0.0/16"', "10.9.0.0/16 is outside of the subnet 10.9.8.0/24"),
        ('subnet = "10.9.8.0/24"', 'subnet = "10.9.8.1/24"', "'10.9.8.1/24' is an address within a subnet"),
        ('"02:42:0a:09:08:07"', '"02:42"', "expected six pairs of digits"),
        ('image = "busybox"', 'image = "busybox"\nscale = 2', "web has 2 containers, and 10.9.8.7 is one address"),
        ("[networks.front]", '[services.api]\nimage = "busybox"\nnetworks.back.ipv4_address = "10.9.8.7"\n[networks.front]', "web has the address 10.9.8.7 in back, too"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_told(before: str, after: str, message: str, tmp_path: Path) -> None:
    assert before in TEXT
    with pytest.raises(SpecError) as caught:
        Given(TEXT.replace(before, after, 1), tmp_path)
    assert any(problem.message.startswith(message) for problem in caught.value.problems)
