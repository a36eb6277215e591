"""Two stacks that make the same, however they are written; and every difference once."""

from __future__ import annotations

from pathlib import Path

import pytest
from plan_world import stack

from stackctl.planner.same.compare import Comparison, compare, compare_stacks
from stackctl.planner.same.desired import side_of
from stackctl.planner.same.normal import Values
from stackctl.planner.same.side import Open, Side, Thing, Unknown

BASE = """\
[services.db]
image = "db:1"
command = ["serve", "--wal", "yes"]
environment = { NAME = "shop", DB_PASSWORD = "hunter2" }
volumes = ["data:/data"]
ports = ["5432:5432"]
stop_grace_period = "30s"
healthcheck = { test = "ready db", interval = "10s" }
[services.web]
image = "app:1"
depends_on = ["db"]
environment = { URL = "db://db:5432/shop", DB_HOST = "db" }
expose = ["8000"]
labels = { tier = "front" }
networks = ["inner"]
[networks.inner]
internal = true
[volumes.data]
"""
EQUAL = """\
[volumes.data]
driver = "local"
[networks.inner]
driver = "bridge"
internal = true
[services.web]
image = "docker.io/library/app:1"
expose = ["8000-8000"]
labels = ["tier=front"]
networks = { inner = {} }
environment = ["DB_HOST=db", "URL=db://db:5432/shop"]
depends_on = { db = { condition = "ready" } }
[services.db]
image = "db:1"
command = "serve --wal yes"
environment = { DB_PASSWORD = "hunter2", NAME = "shop" }
volumes = [{ type = "volume", source = "data", target = "/data" }]
ports = [{ target = 5432, published = 5432, host_ip = "127.0.0.1" }]
stop_grace_period = "30000ms"
restart = "no"
healthcheck = { test = ["CMD", "ready", "db"], interval = "10000ms", retries = 3 }
"""


def differences(left: str, right: str, *, name: str = "other") -> list[str]:
    return [str(each) for each in compared(left, right, name=name).differences]


def compared(left: str, right: str, *, name: str = "other") -> Comparison:
    return compare_stacks(stack(left), stack(right, name=name))


def test_what_is_written_in_another_way_is_the_same() -> None:
    assert differences(BASE, BASE) == []
    assert differences(BASE, EQUAL) == []
    assert differences(EQUAL, BASE) == []


CHANGES = {
    ('image = "db:1"', 'image = "db:2"'): "container db image: db:1 | db:2",
    ('"--wal", "yes"', '"--wal", "a b"'): "container db command: serve --wal yes | serve --wal 'a b'",
    ('NAME = "shop"', 'NAME = "shoq"'): "container db environment.NAME: shop | shoq",
    (', DB_HOST = "db"', ""): "container web environment.DB_HOST: db | -",
    ('"data:/data"', '"data:/date"'): (
        "container db volumes./data: volume data | -",
        "container db volumes./date: - | volume data",
    ),
    ('"data:/data"', '"data:/data:ro"'): "container db volumes./data: volume data | volume data read_only",
    ('"5432:5432"', '"5433:5432"'): "container db ports.5432/tcp: 127.0.0.1:5432 | 127.0.0.1:5433",
    ('"5432:5432"', '"0.0.0.0:5432:5432"'): "container db ports.5432/tcp: 127.0.0.1:5432 | 0.0.0.0:5432",
    ('"30s"', '"31s"'): "container db stop_grace_period: 30s | 31s",
    ('interval = "10s"', 'interval = "1m"'): "container db healthcheck.interval: 10s | 60s",
    (
        'healthcheck = { test = "ready db", interval = "10s" }',
        "",
    ): "container db healthcheck.test: ready db | -",
    ('depends_on = ["db"]', ""): "container web depends_on.db: ready | -",
    ('tier = "front"', 'tier = "back"'): "container web labels.tier: front | back",
    ('expose = ["8000"]', ""): "container web expose.8000/tcp: yes | -",
    ("internal = true", ""): "network inner internal: yes | -",
    ("[volumes.data]\n", '[volumes.data]\ndriver_opts = { o = "size=1g" }'): (
        "volume data driver_opts.o: - | size=1g"
    ),
    ('networks = ["inner"]', 'networks = { inner = { aliases = ["www"] } }'): (
        "container web networks.inner: joined | joined as www"
    ),
    ('networks = ["inner"]', 'network_mode = "none"'): (
        "container web network_mode: - | none",
        "network inner: there | -",
    ),
    ('image = "app:1"', 'image = "app:1"\nrestart = "on-failure:3"'): (
        "container web restart: no | on-failure:3"
    ),
    ('image = "app:1"', 'image = "app:1"\ncap_add = ["net_admin"]'): "container web cap_add: - | NET_ADMIN",
    ('image = "app:1"', 'image = "app:1"\nbuild = "./app"'): (
        "container web build.context: - | ./app",
        "container web build.dockerfile: - | Dockerfile",
    ),
}


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change[1] or change[0])
def test_a_change_is_exactly_that_difference(change: tuple[str, str]) -> None:
    expected = CHANGES[change]
    assert BASE.count(change[0]) == 1
    found = differences(BASE, BASE.replace(*change))
    assert found == ([expected] if isinstance(expected, str) else [*expected])


def test_a_service_that_is_missing_is_one_difference() -> None:
    without = BASE[: BASE.index("[services.web]")] + BASE[BASE.index("[volumes.data]") :]
    assert differences(BASE, without) == [
        "container web: app:1 | -",
        "network inner: there | -",
    ]


def test_a_service_with_another_name_is_one_difference() -> None:
    renamed = BASE.replace("services.db", "services.store").replace('["db"]', '["store"]')
    renamed = renamed.replace("db://db:", "db://store:").replace('DB_HOST = "db"', 'DB_HOST = "store"')
    assert differences(BASE, renamed) == ["container db name: db | store"]


def test_a_volume_and_a_network_with_another_name_are_one_difference_each() -> None:
    renamed = BASE.replace("data:/data", "pg:/data").replace("volumes.data", "volumes.pg")
    assert differences(BASE, renamed) == ["volume data name: data | pg"]
    renamed = BASE.replace("inner", "back")
    assert differences(BASE, renamed) == ["network inner name: inner | back"]


def test_a_secret_is_never_shown() -> None:
    url = 'URL = "db://me:{}@db:5432/shop"'
    left = BASE.replace('URL = "db://db:5432/shop"', url.format("hunter2"))
    right = BASE.replace("hunter2", "hunter3").replace('URL = "db://db:5432/shop"', url.format("hunter3"))
    right = right.replace("yes", "hunter3")
    found = differences(left, right)
    assert found == [
        "container db command: serve --wal yes | serve --wal •••",
        "container db environment.DB_PASSWORD: ••• | ••• (another one)",
        "container web environment.URL: db://me:•••@db:5432/shop | db://me:•••@db:5432/shop (another one)",
    ]


def test_a_difference_tells_where_it_stands_in_both_files() -> None:
    (found,) = compared(BASE, BASE.replace('"5432:5432"', '"5433:5432"')).differences
    assert found.left_path == found.right_path == ("services", "db", "ports", 0)
    (found,) = compared(BASE, BASE.replace(', DB_HOST = "db"', "")).differences
    assert found.left_path == ("services", "web", "environment", "DB_HOST")
    assert found.right_path == ("services", "web")


def test_entrypoint_and_command_count_together() -> None:
    left = '[services.a]\nimage = "app:1"\nentrypoint = ["python", "-u"]\ncommand = ["x.py"]\n'
    right = '[services.a]\nimage = "app:1"\nentrypoint = ["python"]\ncommand = ["-u", "x.py"]\n'
    assert differences(left, right) == []
    assert differences(left, right.replace("x.py", "y.py")) == [
        "container a command: x.py | y.py",
    ]


def test_the_image_of_a_build_has_the_name_of_its_project() -> None:
    built = '[services.web]\nbuild = "./web"\n'
    assert differences(built, built) == []
    assert differences(built, '[services.web]\nbuild = "./web"\nimage = "mine"\n') == []
    assert differences(built, '[services.web]\nbuild = "./app"\n') == [
        "container web build.context: ./web | ./app"
    ]


def test_copies_of_a_directory_are_the_same(tmp_path: Path) -> None:
    sides = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        text = '[services.web]\nimage = "app:1"\nvolumes = ["./src:/src", "/etc:/etc"]\n'
        sides.append(stack(text, directory=tmp_path / name))
    assert compare_stacks(*sides).same


def test_what_a_side_cannot_tell_is_not_compared_and_told() -> None:
    right = side_of(stack(BASE.replace('depends_on = ["db"]', "")))
    right = Side(things=right.things, directory=right.directory, silent={"depends_on": "nobody says"})
    found = compare(side_of(stack(BASE)), right)
    assert found.same
    assert [(each.name, each.what, each.why) for each in found.not_compared] == [
        ("web", "depends_on.db", "nobody says")
    ]


def test_a_text_with_gaps_equals_every_text_that_fits_and_is_told() -> None:
    def side(value: object) -> Side:
        values: Values = {("image",): "app:1", ("environment", "URL"): value}
        return Side(things=(Thing(kind="container", key="web", name="web", values=values),))

    gap = Open(("db://", "@db"), ("WHO",))
    found = compare(side("db://me@db"), side(gap))
    assert found.same
    assert [each.why for each in found.not_compared] == ["it depends on WHO"]
    assert [str(each) for each in compare(side("db://me@other"), side(gap)).differences] == [
        "container web environment.URL: db://me@other | db://${WHO}@db"
    ]
    assert compare(side(gap), side(gap)) == Comparison(differences=())
    assert compare(side("x"), side(Unknown("no idea"))).not_compared[0].why == "no idea"


def test_what_the_image_gives_is_no_difference() -> None:
    def side(values: Values, inherited: Values | None) -> Side:
        values = {("image",): "app:1", **values}
        thing = Thing(kind="container", key="web", name="web", values=values, inherited=inherited)
        return Side(things=(thing,))

    image: Values = {("environment", "PATH"): "/bin", ("command",): ["serve"]}
    running = side({}, image)
    assert compare(side({}, None), running).same
    assert compare(side(image, None), running).same
    assert [
        str(each) for each in compare(side({("environment", "PATH"): "/usr"}, None), running).differences
    ] == ["container web environment.PATH: /usr | /bin"]
    removed = side({("environment", "OTHER"): None}, None)
    assert compare(removed, running).same
