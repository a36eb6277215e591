"""Add a service to the text of a stack.toml: text in, text out."""

from __future__ import annotations

import tomllib

import pytest

from stackctl.adding import with_service
from stackctl.errors import UsageError
from stackctl.spec.known_images import names_of_tables
from stackctl.spec.output.starter import pick

SHOP = """\
# The shop.
name = "shop"

[services.api] # the api
image = "busybox:1"
command = [
    "sleep", # for ever
    "infinity",
]
environment = { A = "1" } # one line

[services.worker]
image = "busybox:1"
depends_on = ["api"]

# What the worker needs.
[services.worker.environment]
B = "2"


# Volumes come last.
[volumes.other]
"""


def test_the_service_comes_behind_the_others_and_the_rest_stays() -> None:
    added = with_service(SHOP, pick("postgres:16"), ["api", "worker"])
    assert added.told == {"api": "DATABASE_URL", "worker": "DATABASE_URL"}
    assert (
        added.text
        == """\
# The shop.
name = "shop"

[services.api] # the api
image = "busybox:1"
command = [
    "sleep", # for ever
    "infinity",
]
environment = { A = "1", DATABASE_URL = "${services.postgres.url}" } # one line
depends_on = ["postgres"]

[services.worker]
image = "busybox:1"
depends_on = ["api", "postgres"]

# What the worker needs.
[services.worker.environment]
B = "2"
DATABASE_URL = "${services.postgres.url}"

[services.postgres]
image = "postgres:16"
volumes = ["postgres-data:/var/lib/postgresql/data"]  # `down` keeps it

[services.postgres.environment]
POSTGRES_PASSWORD = "${POSTGRES_PASSWORD}"  # from .env, which git does not track
POSTGRES_DB = "app"


# Volumes come last.
[volumes.other]

[volumes.postgres-data]
"""
    )


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_every_known_image_can_be_added_to_one_file(end: str) -> None:
    text = SHOP.replace("\n", end)
    for name in names_of_tables():
        text = with_service(text, pick(name), ["api", "worker"]).text
    assert text.count("\n") == text.count(end)
    tree = tomllib.loads(text)
    assert tree["services"].keys() == {"api", "worker", *names_of_tables()}
    assert tree["services"]["worker"]["depends_on"] == ["api", *names_of_tables()]
    urls = tree["services"]["api"]["environment"].values()
    assert {*urls} == {"1", *(f"${{services.{name}.url}}" for name in names_of_tables())}
    assert [line for line in text.splitlines() if "#" in line][:4] == [
        "# The shop.",
        "[services.api] # the api",
        '    "sleep", # for ever',
        next(line for line in text.splitlines() if line.startswith("environment")),
    ]


@pytest.mark.parametrize(
    ("service", "environment", "depends_on"),
    [
        ('image = "a"', {"CACHE_URL": "R"}, ["cache"]),
        ('image = "a"\nenvironment = ["A=1"]', ["A=1", "CACHE_URL=R"], ["cache"]),
        ('image = "a"\nenvironment.A = "1"', {"A": "1", "CACHE_URL": "R"}, ["cache"]),
        ('image = "a"\ndepends_on = { b = { condition = "started" } }', {"CACHE_URL": "R"}, {"b": {"condition": "started"}, "cache": {}}),
        ('image = "a"\n[services.b.depends_on.c]\nrequired = false', {"CACHE_URL": "R"}, {"c": {"required": False}, "cache": {}}),
        ('image = "a"\n[services.b.healthcheck]\ntcp = 1', {"CACHE_URL": "R"}, ["cache"]),
    ],
)  # fmt: skip
def test_whatever_way_a_service_is_written(service: str, environment: object, depends_on: object) -> None:
    for head in ("[services.b]\n", "[jobs.b]\n"):
        text = head + service.replace("services.b", head.strip("[]\n"))
        found = tomllib.loads(with_service(text, pick("redis", "cache"), ["b"]).text)
        made = {**found.get("jobs", {}), **found["services"]}["b"]
        told = str(made["environment"]).replace("${services.cache.url}", "R")
        assert told == str(environment)
        assert made["depends_on"] == depends_on


def test_whether_data_is_kept() -> None:
    def service(image: str, volume: bool | None = None) -> object:
        tree = tomllib.loads(with_service('[services.a]\nimage = "a"\n', pick(image, volume=volume)).text)
        name = image.partition(":")[0]
        made = tree["services"][name]
        return made.get("command"), made.get("volumes"), [*tree.get("volumes", {})]

    assert service("redis") == (None, None, [])
    kept = (["redis-server", "--appendonly", "yes"], ["redis-data:/data"], ["redis-data"])
    assert service("redis", volume=True) == kept
    assert service("postgres:18") == (None, ["postgres-data:/var/lib/postgresql"], ["postgres-data"])
    assert service("postgres:18", volume=False) == (None, None, [])
    with pytest.raises(UsageError, match="memcached keeps no data that stackctl knows of"):
        service("memcached", volume=True)


def test_the_name_of_the_service_is_where_others_find_it() -> None:
    text = with_service('[services.a]\nimage = "a"\n', pick("kafka", "my.bus"), ["a"]).text
    services = tomllib.loads(text)["services"]
    assert services["my.bus"]["environment"]["KAFKA_ADVERTISED_LISTENERS"] == "PLAINTEXT://my.bus:9092"
    assert services["a"]["environment"] == {"MY_BUS_URL": "${services.my.bus.url}"}
    two = with_service(SHOP.replace('B = "2"', 'DATABASE_URL = "x"'), pick("postgres"), ["api", "worker"])
    assert two.told == {"api": "DATABASE_URL", "worker": "POSTGRES_URL"}


@pytest.mark.parametrize(
    ("text", "to", "message", "hint"),
    [
        ('[jobs.redis]\nimage = "a"', [], "there is a service redis already", "--name OTHER adds one more under another name"),
        ("[volumes.redis-data]", [], "there is a volume redis-data already, which has the data of something else", "--name OTHER, or --no-volume"),
        ('[services.api]\nimage = "a"', ["apo"], "--to: no service apo is written in this file", "did you mean 'api'?"),
        ('[services.api]\nenvironment = { REDIS_URL = "x" }', ["api"], "--to: api has the variable REDIS_URL already", 'remove it, or write another one by hand: "${services.redis.url}"'),
        ('services = { api = { image = "a" } }', [], "the service cannot be added to this file, because of the way in which its tables are written", "write it by hand:\n\n[services.redis]"),
    ],
)  # fmt: skip
def test_what_cannot_be_added(text: str, to: list[str], message: str, hint: str) -> None:
    with pytest.raises(UsageError) as raised:
        with_service(text, pick("redis", volume=True), to)
    assert raised.value.message == message
    assert raised.value.hint.startswith(hint)
