"""`reach`: facts about two services in, the broken link out."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest
from plan_world import stack
from reach_world import MISTAKES, Made, asking, causes, world

from stackctl.planner.reach.ends import End, Heard, ports_asked
from stackctl.planner.reach.listening import Listener, listeners
from stackctl.planner.reach.route import HOST, OutsideRoute, Route, outside_verdict, verdict
from stackctl.planner.world import labels
from stackctl.planner.world.observed import Joined, ObservedContainer


@pytest.mark.parametrize("mistake", MISTAKES)
def test_the_right_link_is_named(mistake: str) -> None:
    """`bench/reach.py` counts the same in more stacks."""
    assert causes(mistake, 6) == [MISTAKES[mistake][0]] * 6


def test_a_use_of_localhost_that_means_the_client_or_another_server_is_left_alone() -> None:
    random = Random(1)
    made = world(random)
    assert all(each.reachable for each in asking(made, "localhost", made.client.port, random).verdicts())
    third = Made("third", made.server.port, 1001)
    with_third = replace(made, services=(*made.services, third))
    assert all(each.reachable for each in asking(with_third, "localhost", third.port, random).verdicts())


def test_who_asks_localhost_for_the_port_of_another_service_is_told_its_name() -> None:
    text = """
[services.db]
image = "redis:7"
[services.api]
image = "app"
"""
    here = ObservedContainer(id="1", name="api", state="running", networks=(Joined("n", "n", "10.0.0.2"),))
    heard = Heard(addresses=("127.0.0.1",), answers={6379: "connection refused"})

    def told(*listening: Listener, port: int = 6379) -> tuple[str | None, str, str]:
        client, server = End.of("api", here), End.of("api", here, (), listening)
        route = Route(stack=stack(text), client=client, server=server, host="localhost", heard=heard)
        (asked,) = ports_asked(route.stack, "api", server, port, "localhost")
        link = verdict(route, asked).links[-1]
        return link.cause, link.text, link.hint

    assert told() == (
        "localhost",
        "inside api localhost is api itself, which does not listen on port 6379",
        "write db:6379",
    )
    assert "api itself, which listens on 0.0.0.0:80, not on port 6379" in told(Listener("0.0.0.0", 80))[1]
    assert told(Listener("0.0.0.0", 80), port=81)[2] == "write localhost:80"


def test_in_one_network_namespace_localhost_is_right() -> None:
    text = """
[services.db]
image = "redis:7"
[services.api]
image = "app"
network_mode = "service:db"
environment.CACHE_URL = "redis://localhost:6379"
"""
    db = ObservedContainer(
        id="1",
        name="shop-db-1",
        state="running",
        labels={labels.SERVICE: "db"},
        networks=(Joined("n", "n", "10.0.0.2"),),
    )
    api = ObservedContainer(id="2", name="shop-api-1", state="running", network_mode="container:1")
    server = End.of("db", db, [db, api], (Listener("127.0.0.1", 6379),))
    client = End.of("api", api, [db, api])
    route = Route(
        stack=stack(text),
        client=client,
        server=server,
        host="localhost",
        heard=Heard(addresses=("127.0.0.1",), answers={6379: ""}),
    )
    (asked,) = ports_asked(route.stack, "api", server)
    assert [link.state for link in verdict(route, asked).links] == ["ok"] * 7


@pytest.mark.parametrize(
    ("heard", "machine", "cause", "hint"),
    [
        (Heard(addresses=()), (), "name", f'write services.api.extra_hosts = ["{HOST}:host-gateway"]'),
        (
            Heard(addresses=("172.17.0.1",), answers={8000: "connection refused"}),
            (Listener("127.0.0.1", 8000),),
            "loopback",
            "let the program listen on 0.0.0.0:8000, or on the gateway of the container's network",
        ),
        (
            Heard(addresses=("172.17.0.1",), answers={8000: "connection refused"}),
            (),
            "silent",
            "start the program, or ask another port",
        ),
        (
            Heard(addresses=("172.17.0.1",), answers={8000: "no answer in time"}),
            (Listener("0.0.0.0", 8000),),
            "refused",
            "is there a firewall between the two, or does the server refuse the address of the client?",
        ),
        (Heard(addresses=("172.17.0.1",), answers={8000: ""}), (), None, None),
        (Heard(), (), "unasked", "docker pull busybox"),
    ],
)
def test_the_way_to_the_machine(
    heard: Heard, machine: tuple[Listener, ...], cause: str | None, hint: str | None
) -> None:
    api = ObservedContainer(
        id="1", name="shop-api-1", state="running", networks=(Joined("n", "n", "10.0.0.2"),)
    )
    read = stack('[services.api]\nimage = "app"')
    route = OutsideRoute(stack=read, client=End.of("api", api), host=HOST, heard=heard, machine=machine)
    found = outside_verdict(route, 8000)
    assert found.cause == cause
    assert (found.broken.hint if found.broken else None) == hint


def test_an_address_of_ipv6_stands_in_brackets() -> None:
    api = ObservedContainer(id="1", name="shop-api-1", state="running")
    heard = Heard(addresses=("::1",), answers={80: "connection refused"})
    read = stack('[services.api]\nimage = "app"')
    found = outside_verdict(OutsideRoute(stack=read, client=End.of("api", api), host="::1", heard=heard), 80)
    assert found.target == "[::1]:80"
    assert found.broken
    assert found.broken.text.startswith("[::1]:80 does not accept")


def test_an_internal_network_has_no_way_out() -> None:
    read = stack('[services.api]\nimage = "app"\nnetworks = ["in"]\n[networks.in]\ninternal = true')
    api = ObservedContainer(
        id="1", name="shop-api-1", state="running", networks=(Joined("n", "n", "10.0.0.2"),)
    )
    heard = Heard(addresses=("1.1.1.1",), answers={443: "unreachable"})
    route = OutsideRoute(stack=read, client=End.of("api", api), host="example.com", heard=heard)
    assert outside_verdict(route, 443).cause == "internal"


def test_the_tables_of_the_kernel_are_read() -> None:
    heading = (
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
    )
    tcp = (
        heading
        + "   0: 0100007F:1538 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1\n"
        + "   1: 0B00007F:A9C9 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 2 1\n"
        + "   2: 0200000A:1538 0300000A:9C40 01 00000000:00000000 00:00000000 00000000     0        0 3 1\n"
    )
    tcp6 = (
        heading
        + "   0: 00000000000000000000000000000000:0050 00000000000000000000000000000000:0000 0A 00000000:00000000 0 0 0 0 4\n"
        + "   1: 0000000000000000FFFF00000100007F:1F90 00000000000000000000000000000000:0000 0A 00000000:00000000 0 0 0 0 5\n"
    )
    found = listeners(tcp + tcp6)
    assert [str(each) for each in found] == ["127.0.0.1:5432", "127.0.0.1:8080", "[::]:80"]
    assert [(each.everywhere, each.loopback) for each in found] == [
        (False, True),
        (False, True),
        (True, False),
    ]
