"""Containers must find each other by name on the networks they share, and only there."""

from __future__ import annotations

import docker
import pytest
from scenario import Project, sleepers

pytestmark = pytest.mark.docker

WEB = '[services.{}]\nimage = "busybox"\ncommand = "httpd -f -p 8000 -h /etc"\n'


def pings(project: Project, service: str, *names: str) -> None:
    for name in names:
        project.inside(service, "ping", "-c", "1", "-W", "2", name)


def test_every_name_of_a_container_must_resolve(project: Project) -> None:
    project.write(
        sleepers(
            db=f'container_name = "{project.name}-base"\nnetworks.back.aliases = ["database", "primary"]',
            web='networks = ["back"]',
        )
        + "[networks.back]\n"
    )
    project.run("up")
    pings(project, "web", "db", "database", "primary", f"{project.name}-base")


def test_a_service_on_two_networks_must_be_found_on_both_and_keep_them_apart(project: Project) -> None:
    project.write(
        sleepers(
            db='networks = ["back"]',
            api='networks.front.aliases = ["gateway"]\nnetworks.back.aliases = ["backend"]',
            web='networks = ["front"]',
        )
        + "[networks.front]\n[networks.back]\n"
    )
    project.run("up")
    pings(project, "api", "db", "web")
    pings(project, "web", "api", "gateway")
    pings(project, "db", "api", "backend")
    with pytest.raises(AssertionError, match="bad address"):
        pings(project, "web", "db")


def test_names_must_resolve_after_their_network_was_rebuilt(project: Project) -> None:
    spec = (
        sleepers(db='networks.back.aliases = ["database"]', web='networks = ["back", "front"]')
        + "[networks.front]\n[networks.back]\n"
    )
    project.write(spec)
    project.run("up")
    before = project.ids()
    project.write(spec + "internal = true\n")
    project.run("up")
    assert project.recreated(before) == set()
    assert project.states() == {"db": "running", "web": "running"}
    pings(project, "web", "db", "database", f"{project.name}-db-1")
    pings(project, "db", "web")
    assert project.api.inspect_network(f"{project.name}_back")["Internal"]
    assert project.json("plan")["changes"] == []


FIXED = """
[networks.back]
driver_opts = { "com.docker.network.bridge.enable_icc" = "true" }
[networks.back.ipam]
config = [{ subnet = "10.217.7.0/24", gateway = "10.217.7.3", ip_range = "10.217.7.128/25" }]
[networks.front]
ipam.config = [{ subnet = "10.217.6.0/24" }]
"""


def test_fixed_addresses_must_hold_and_stay_when_their_network_is_rebuilt(project: Project) -> None:
    text = sleepers(
        db='networks.back = { ipv4_address = "10.217.7.9", mac_address = "02:42:0a:d9:07:09" }',
        web='[services.web.networks]\nfront = { priority = 9, aliases = ["www"], ipv4_address = "10.217.6.9" }\n'
        'back = { ipv4_address = "10.217.7.10", link_local_ips = ["169.254.8.8"] }',
    )
    project.write(text + FIXED)
    project.run("up")
    before = project.ids()
    assert places(project) == {
        "db": {"back": ("10.217.7.9", "02:42:0a:d9:07:09")},
        "web": {"back": ("10.217.7.10", "02:42:0a:d9:07:0a"), "front": ("10.217.6.9", "02:42:0a:d9:06:09")},
    }
    (config,) = project.api.inspect_network(f"{project.name}_back")["IPAM"]["Config"]
    assert config == {"Subnet": "10.217.7.0/24", "Gateway": "10.217.7.3", "IPRange": "10.217.7.128/25"}
    pings(project, "web", "db", "10.217.7.9", "www")
    assert project.json("plan")["changes"] == []
    project.run("same", "stack.toml", "running")
    project.write(text + FIXED.replace("7.3", "7.4"))
    project.run("up")
    assert project.ids() == before  # only the network is another one
    assert project.api.inspect_network(f"{project.name}_back")["IPAM"]["Config"][0]["Gateway"] == "10.217.7.4"
    assert places(project)["web"]["back"][0] == "10.217.7.10"
    pings(project, "web", "db", "10.217.7.9")


def places(project: Project) -> dict[str, dict[str, tuple[str, str]]]:
    """Address and hardware address of each service in each network."""
    return {
        service: {
            name.removeprefix(f"{project.name}_"): (place["IPAddress"], place["MacAddress"])
            for name, place in project.inspect(service)["NetworkSettings"]["Networks"].items()
        }
        for service in project.ids()
    }


def test_names_must_resolve_after_a_container_was_disconnected_by_hand(project: Project) -> None:
    project.write(sleepers(db='networks.default.aliases = ["database"]', web=""))
    project.run("up")
    before = project.ids()
    project.api.disconnect_container_from_network(before["db"], f"{project.name}_default")
    project.run("up")
    assert project.recreated(before) == set()
    pings(project, "web", "db", "database")


def test_a_shared_network_must_make_two_services_one_host(project: Project) -> None:
    project.write(WEB.format("server") + sleepers(side='network_mode = "service:server"'))
    project.run("up")
    assert "root" in project.inside("side", "wget", "-qO-", "http://127.0.0.1:8000/passwd")


def test_a_shared_network_must_follow_its_owner(project: Project) -> None:
    sharer = sleepers(side='network_mode = "service:server"')
    project.write(WEB.format("server") + sharer)
    project.run("up")
    before = project.ids()
    project.write(WEB.format("server") + 'environment.A = "1"\n' + sharer)
    project.run("up")
    assert project.recreated(before) == {"server", "side"}
    assert "root" in project.inside("side", "wget", "-qO-", "http://127.0.0.1:8000/passwd")
    project.run("up")


def test_no_network_must_mean_none(project: Project) -> None:
    project.write(sleepers(web='network_mode = "none"'))
    project.run("up")
    assert project.inside("web", "ls", "/sys/class/net") == "lo\n"
    with pytest.raises(docker.errors.NotFound):
        project.api.inspect_network(f"{project.name}_default")
