"""Where services are reached from this machine, and as which URL."""

from __future__ import annotations

import pytest
from plan_world import stack

from stackctl.errors import EngineError
from stackctl.planner.reach.places import ServicePlace, default_port, places, places_of_services, reach, url
from stackctl.planner.world import labels
from stackctl.planner.world.observed import Joined, ObservedContainer, ObservedEngine, PublishedPort
from stackctl.planner.world.replica import Replica
from stackctl.spec.model import Service

HERE = ObservedEngine(id="e", endpoint="unix:///var/run/docker.sock")
DESKTOP = ObservedEngine(id="e", endpoint="unix:///var/run/docker.sock", reaches_containers=False)
FAR = ObservedEngine(
    id="e",
    endpoint="tcp://build.lan:2376",
    shares_loopback=False,
    shares_paths=False,
    reaches_containers=False,
)


def made(
    *ports: PublishedPort, state: str = "running", mode: str = "", address: str = "", **own: str
) -> ObservedContainer:
    told = {labels.SERVICE: "web"} | {f"{labels.PREFIX}{key}": text for key, text in own.items()}
    return ObservedContainer(
        id="c",
        name="c",
        state=state,
        labels=told,
        ports=ports,
        network_mode=mode,
        networks=(Joined("none", "n0", ""), Joined("net", "n1", address)),
    )


def place(*containers: ObservedContainer, engine: ObservedEngine = DESKTOP) -> ServicePlace | None:
    return places_of_services(places(containers, engine)).get("web")


def test_a_published_port_is_reached_where_the_engine_publishes_it() -> None:
    ports = (
        PublishedPort(80, "tcp", "::", 49153),
        PublishedPort(80, "tcp", "0.0.0.0", 49152),
        PublishedPort(53, "udp", "0.0.0.0", 53),
        PublishedPort(81, "tcp", "::1", 8081),
        PublishedPort(82, "tcp", "127.0.0.1", 8082),
        PublishedPort(83, "tcp", "10.0.0.5", 8083),
    )
    found = place(made(*ports))
    assert found == ServicePlace(
        {80: ("127.0.0.1", 49152), 81: ("::1", 8081), 82: ("127.0.0.1", 8082), 83: ("10.0.0.5", 8083)}
    )
    assert place(made(*ports), engine=FAR) == ServicePlace({80: ("build.lan", 49152), 83: ("10.0.0.5", 8083)})


def test_a_port_that_is_not_published_is_reached_at_the_containers_own_address_if_at_all() -> None:
    container = made(PublishedPort(80, "tcp", "127.0.0.1", 8000), address="172.18.0.2")
    near, elsewhere = place(container, engine=HERE), place(container)
    assert near
    assert elsewhere
    assert (near.at(80), near.at(81)) == (("127.0.0.1", 8000), ("172.18.0.2", 81))
    assert (elsewhere.at(80), elsewhere.at(81)) == (("127.0.0.1", 8000), None)


def test_on_the_hosts_network_it_is_the_host() -> None:
    assert place(made(mode="host")) == ServicePlace({}, "127.0.0.1")
    assert place(made(mode="host"), engine=FAR) == ServicePlace({}, "build.lan")


def test_each_replica_has_a_place_and_a_service_that_of_its_lowest_that_runs() -> None:
    def at(port: int, **own: str) -> ObservedContainer:
        return made(PublishedPort(80, "tcp", "", port), **own)

    several = [at(3, number="3"), at(1, number="1", state="exited"), at(2, number="2"), at(9, kind="run")]
    assert places(several, DESKTOP).keys() == {Replica("web", 2), Replica("web", 3)}
    assert place(*several) == ServicePlace({80: ("127.0.0.1", 2)})
    assert places(several[1:2], HERE) == {}


def service(keys: str) -> Service:
    return stack(f"[services.web]\n{keys}\n").services["web"]


PUBLISHED = ServicePlace({port: ("127.0.0.1", port + 40000) for port in (25, 80, 5432, 5433, 6379, 27017)})
POSTGRES = 'image = "postgres:15"\nenvironment = { POSTGRES_PASSWORD = "a@b", POSTGRES_DB = "shop" }'


@pytest.mark.parametrize(
    ("keys", "port"),
    [
        (POSTGRES, 5432),
        (f'{POSTGRES}\ncommand = "-p 5433"', 5433),
        (f'{POSTGRES}\ncommand = "sleep infinity"\nports = [80]', 80),
        (f'{POSTGRES}\nbuild = "."\nports = [80, 25]', 80),
        ('image = "app"\nhealthcheck = { http = ":8000/health" }\nports = [80]', 8000),
        ('image = "app"\nhealthcheck = { tcp = 8000 }\nports = [80]', 8000),
        ('image = "app"\nports = [8443, 80, 25]', 80),
        ('image = "app"', 25),
    ],
)
def test_the_port_one_means_when_saying_none(keys: str, port: int) -> None:
    assert default_port(service(keys), PUBLISHED) == port


def test_no_port_is_meant_where_none_is_published() -> None:
    assert default_port(service('image = "app"\nports = [80]'), ServicePlace({}, "172.18.0.2")) is None


MONGO = 'image = "mongo:7"\nenvironment = { MONGO_INITDB_ROOT_USERNAME = "root", MONGO_INITDB_ROOT_PASSWORD = "pw" }'


@pytest.mark.parametrize(
    ("keys", "arguments", "expected"),
    [
        (POSTGRES, {}, "postgresql://postgres:a%40b@127.0.0.1:45432/shop"),
        (POSTGRES, {"path": "/other"}, "postgresql://postgres:a%40b@127.0.0.1:45432/other"),
        (POSTGRES, {"path": "other", "target": 5432}, "postgresql://postgres:a%40b@127.0.0.1:45432/other"),
        (POSTGRES, {"scheme": "postgresql+psycopg"}, "postgresql+psycopg://postgres:a%40b@127.0.0.1:45432/shop"),
        (POSTGRES, {"scheme": "jdbc"}, "jdbc://127.0.0.1:45432"),
        (POSTGRES, {"target": 80, "path": "/metrics"}, "http://127.0.0.1:40080/metrics"),
        (MONGO, {}, "mongodb://root:pw@127.0.0.1:67017/?authSource=admin"),
        (MONGO, {"path": "/shop"}, "mongodb://root:pw@127.0.0.1:67017/shop?authSource=admin"),
        (MONGO, {"path": "/shop?authSource=shop"}, "mongodb://root:pw@127.0.0.1:67017/shop?authSource=shop"),
        ('image = "redis:7"', {}, "redis://127.0.0.1:46379"),
        ('image = "redis:7"', {"path": "/1"}, "redis://127.0.0.1:46379/1"),
        ('image = "nginx:1"', {"path": "/a?b=c"}, "http://127.0.0.1:40080/a?b=c"),
        ('image = "memcached:1"\ncommand = "-p 80"', {}, "127.0.0.1:40080"),
        ('image = "app"\nports = [80]', {"path": "/health"}, "http://127.0.0.1:40080/health"),
        ('image = "app"\nports = [80]', {"scheme": "ws", "path": "/"}, "ws://127.0.0.1:40080/"),
    ],
)  # fmt: skip
def test_urls(keys: str, arguments: dict[str, str], expected: str) -> None:
    assert url("web", service(keys), PUBLISHED, **arguments) == expected  # type: ignore[arg-type]


def test_an_address_of_ipv6_stands_in_brackets() -> None:
    six = ServicePlace({5432: ("::1", 5432)})
    assert url("web", service(POSTGRES), six) == "postgresql://postgres:a%40b@[::1]:5432/shop"
    assert reach("web", service(POSTGRES), six) == ("::1", 5432)


@pytest.mark.parametrize(
    ("text", "target", "message"),
    [
        ("[services.web]", None, "web does not publish any port (add one to services.web.ports)"),
        (
            "[services.web]",
            81,
            "web does not publish port 81 where it can be reached from here (add it to services.web.ports)",
        ),
        (
            '[jobs."a.b"]',
            81,
            'a.b does not publish port 81 where it can be reached from here (add it to jobs."a.b".ports)',
        ),
    ],
)
def test_a_port_that_cannot_be_reached(text: str, target: int | None, message: str) -> None:
    ((name, found),) = stack(f'{text}\nimage = "app"\n').everything.items()
    with pytest.raises(EngineError) as error:
        url(name, found, ServicePlace({}), target=target)
    assert str(error.value) == message
