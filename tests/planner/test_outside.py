"""The environment of a process outside the stack: which words of a value are addresses, and which only look like it."""

from __future__ import annotations

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from plan_world import stack

from stackctl.planner.reach.outside import env_of_tests, service_env, stack_env
from stackctl.planner.reach.places import ServicePlace

TEXT = """
[services.postgres]
image = "postgres:15"
container_name = "Pg_Main"
environment = { POSTGRES_PASSWORD = "postgres" }
networks.default.aliases = ["database", "either"]
[services.cache]
image = "redis:7"
networks.default.aliases = ["either"]
[services.web]
image = "web"
ports = [80, 8443]
[services.b1]
image = "apache/kafka"
[services.b2]
image = "apache/kafka"
[services.hidden]
image = "app"
[services.redis]
image = "redis:7"
[services.own]
image = "app"
[services.api]
build = "."
environment = {environment}
"""
PLACES = {
    "postgres": ServicePlace({5432: ("127.0.0.1", 32801)}),
    "cache": ServicePlace({6379: ("127.0.0.1", 32802)}),
    "web": ServicePlace({80: ("127.0.0.1", 32803), 8443: ("127.0.0.1", 32804)}),
    "b1": ServicePlace({9092: ("10.0.0.5", 32805)}),
    "b2": ServicePlace({9092: ("::1", 32806)}),
    "hidden": ServicePlace({}),
    "own": ServicePlace({}, "172.18.0.9"),
    "redis": ServicePlace({}, "172.18.0.8"),
}


def env(**variables: str) -> dict[str, str]:
    """The variables of the api, as they are outside."""
    quoted = ", ".join(f"{name} = {value!r}" for name, value in variables.items())
    return service_env("api", stack(TEXT.replace("{environment}", f"{{ {quoted} }}")), PLACES)


@pytest.mark.parametrize(
    ("inside", "outside"),
    [
        ("postgres:5432", "127.0.0.1:32801"),
        ("POSTGRES:5432", "127.0.0.1:32801"),
        ("postgresql://u:p@postgres:5432/app", "postgresql://u:p@127.0.0.1:32801/app"),
        ("postgresql://u:p@postgres/app?sslmode=off", "postgresql://u:p@127.0.0.1:32801/app?sslmode=off"),
        ("postgresql://postgres:pw@postgres:5432/postgres", "postgresql://postgres:pw@127.0.0.1:32801/postgres"),
        ("postgresql://postgres:postgres@postgres", "postgresql://postgres:postgres@127.0.0.1:32801"),
        ("postgresql://postgres:5432@postgres:5432/x", "postgresql://postgres:5432@127.0.0.1:32801/x"),
        ("postgresql://u:p@ss@postgres:5432/app", "postgresql://u:p@ss@127.0.0.1:32801/app"),
        ("postgresql://u:p/w@postgres:5432/app", "postgresql://u:p/w@127.0.0.1:32801/app"),
        ("postgresql+asyncpg://u@database/app", "postgresql+asyncpg://u@127.0.0.1:32801/app"),
        ("jdbc:postgresql://pg_main:5432/app", "jdbc:postgresql://127.0.0.1:32801/app"),
        ("jdbc:postgresql://shop-cache-1/0", "jdbc:postgresql://127.0.0.1:32802/0"),
        ("redis://cache/0", "redis://127.0.0.1:32802/0"),
        ("redis://:cache@cache:6379", "redis://:cache@127.0.0.1:32802"),
        ("http://web", "http://127.0.0.1:32803"),
        ("http://web/web?web=web", "http://127.0.0.1:32803/web?web=web"),
        ("https://web:8443/x", "https://127.0.0.1:32804/x"),
        ("http://cache", "http://127.0.0.1:32802"),
        ("http://own", "http://172.18.0.9:80"),
        ("redis://redis:7", "redis://172.18.0.8:7"),
        ('["http://web:80","http://web:8443"]', '["http://127.0.0.1:32803","http://127.0.0.1:32804"]'),
        ("amqp://own,amqp://cache:6379", "amqp://172.18.0.9:5672,amqp://127.0.0.1:32802"),
        ("mongodb://own,cache:6379/app", "mongodb://172.18.0.9:27017,127.0.0.1:32802/app"),
        ("b1:9092,b2:9092", "10.0.0.5:32805,[::1]:32806"),
        ("b1,b2:9092", "10.0.0.5:32805,[::1]:32806"),
        ("b1:9092, b2:9092", "10.0.0.5:32805, [::1]:32806"),
        ("b1:9092,kafka.example.com:9092", "10.0.0.5:32805,kafka.example.com:9092"),
        ("postgres:5432,hidden:80", "127.0.0.1:32801,hidden:80"),
        ("root:postgres@tcp(postgres:5432)/app", "root:postgres@tcp(127.0.0.1:32801)/app"),
        ("--brokers=b1:9092 --db postgres:5432", "--brokers=10.0.0.5:32805 --db 127.0.0.1:32801"),
        ("jdbc:oracle:thin:@//own:1521/x", "jdbc:oracle:thin:@//172.18.0.9:1521/x"),
        ("host=postgres port=5432 user=postgres", "host=127.0.0.1 port=32801 user=postgres"),
        ("port=5432 dbname=host host=postgres", "port=32801 dbname=host host=127.0.0.1"),
        ("host=postgres password=postgres", "host=127.0.0.1 port=32801 password=postgres"),
        ("host = 'postgres' dbname = 'a'", "host = '127.0.0.1' port=32801 dbname = 'a'"),
        ("user=u host=b2 port=9092", "user=u host=::1 port=32806"),
        ("dbname=postgres host=postgres", "dbname=postgres host=127.0.0.1 port=32801"),
        ("pgsql:host=postgres;dbname=app", "pgsql:host=127.0.0.1;port=32801;dbname=app"),
        ("Server=postgres;Port=5432;Database=app", "Server=127.0.0.1;Port=32801;Database=app"),
        ("postgresql:///app?host=postgres", "postgresql:///app?host=127.0.0.1&port=32801"),
        ("postgresql:///app?host=postgres&port=5432", "postgresql:///app?host=127.0.0.1&port=32801"),
    ],
)  # fmt: skip
def test_an_address_is_replaced(inside: str, outside: str) -> None:
    assert env(VALUE=inside) == {"VALUE": outside}


@pytest.mark.parametrize(
    "value",
    [
        "postgres",
        "postgres,web",
        "web, cache and postgres",
        "mypostgres:5432",
        "postgres-2:5432",
        "postgres.example.com:5432",
        "http://web.example.com/web",
        "http://example.com/web",
        "http://example.com/web:80",
        "http://example.com/?next=web",
        "postgresql://postgres:pw@db.example.com/postgres",
        "postgresql://postgres@/postgres",
        "postgres:9999",
        "hidden:80",
        "http://hidden/",
        "either:5432",
        "redis:7",
        "redis:7-alpine",
        "redis:7.2",
        "own:99999",
        "registry.example.com/own:8080",
        "own:8080:ro",
        "own:80x",
        "docker://own:8080",
        "s3://own/key",
        "mongodb+srv://own/app",
        "admin@web",
        "me@web:80@home",
        "host=postgres.example.com port=5432",
        "host=hidden port=80",
        "ghost=postgres",
        "user=postgres port=5432",
        "",
    ],
)
def test_what_only_looks_like_an_address_stays(value: str) -> None:
    assert env(VALUE=value) == {"VALUE": value}


@pytest.mark.parametrize(
    ("inside", "outside"),
    [
        ({"PGHOST": "postgres"}, {"PGHOST": "127.0.0.1", "PGPORT": "32801"}),
        ({"PGHOST": "postgres", "PGPORT": "5432"}, {"PGHOST": "127.0.0.1", "PGPORT": "32801"}),
        ({"PGHOST": "postgres", "PGPORT": ""}, {"PGHOST": "127.0.0.1", "PGPORT": "32801"}),
        ({"PGHOST": "postgres", "PGPORT": "9999"}, {"PGHOST": "postgres", "PGPORT": "9999"}),
        ({"PGHOST": "own", "PGPORT": "tcp://x"}, {"PGHOST": "own", "PGPORT": "tcp://x"}),
        ({"db_host": "Database"}, {"db_host": "127.0.0.1", "db_port": "32801"}),
        ({"DB_HOSTNAME": "b2"}, {"DB_HOSTNAME": "::1", "DB_PORT": "32806"}),
        ({"APP_DB_SERVER": "cache"}, {"APP_DB_SERVER": "127.0.0.1", "APP_DB_PORT": "32802"}),
        ({"REDIS_ADDR": "cache"}, {"REDIS_ADDR": "127.0.0.1", "REDIS_PORT": "32802"}),
        ({"REDIS_ADDRESS": "cache:6379"}, {"REDIS_ADDRESS": "127.0.0.1:32802"}),
        ({"DB_HOST": "hidden"}, {"DB_HOST": "hidden"}),
        ({"DB_HOST": "own"}, {"DB_HOST": "own"}),
        ({"DB_HOST": "own", "DB_PORT": "5000"}, {"DB_HOST": "172.18.0.9", "DB_PORT": "5000"}),
        ({"DB_HOST": "either"}, {"DB_HOST": "either"}),
        ({"DB_HOST": "db.example.com", "DB_PORT": "1"}, {"DB_HOST": "db.example.com", "DB_PORT": "1"}),
        ({"CACHE_BACKEND": "cache", "POSTGRES_DB": "postgres"}, {"CACHE_BACKEND": "cache", "POSTGRES_DB": "postgres"}),
        (
            {"DB_HOST": "b1", "DB_SERVER": "cache"},
            {"DB_HOST": "10.0.0.5", "DB_PORT": "32805", "DB_SERVER": "cache"},
        ),
    ],
)  # fmt: skip
def test_a_host_of_its_own_takes_its_port_along(inside: dict[str, str], outside: dict[str, str]) -> None:
    assert env(**inside) == outside


def test_a_variable_that_is_removed_is_none() -> None:
    text = TEXT.replace("{environment}", '["GONE", "KEPT=1"]')
    assert service_env("api", stack(text), PLACES) == {"KEPT": "1"}


NOBODY = stack(TEXT.replace("{environment}", "{}"))
NAMES = (
    "postgres",
    "pg_main",
    "database",
    "either",
    "cache",
    "web",
    "b1",
    "b2",
    "hidden",
    "redis",
    "own",
    "api",
)
PIECES = [
    "://",
    "http",
    "host=",
    "port=",
    ":",
    "@",
    "/",
    ",",
    ";",
    "=",
    " ",
    "'",
    "80",
    "6379",
    "x",
    "cach",
    "b3",
    ".",
]
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=5)


def seen(environment: dict[str, str]) -> dict[str, str]:
    api = replace(NOBODY.services["api"], resolved=environment)
    return service_env("api", replace(NOBODY, services={**NOBODY.services, "api": api}), PLACES)


@settings(deadline=None)
@given(st.lists(st.sampled_from(PIECES) | TEXTS).map("".join))
def test_a_value_without_a_name_never_changes(value: str) -> None:
    assume(not any(name in value.lower() for name in NAMES))
    environment = {"VALUE": value, "DB_HOST": value}
    assert seen(environment) == environment


@settings(deadline=None)
@given(st.lists(st.sampled_from([*PIECES, *NAMES]) | TEXTS).map("".join))
def test_what_was_replaced_once_stays(value: str) -> None:
    once = seen({"VALUE": value, "DB_HOST": value})
    assert seen(once) == once


# The whole stack


def whole(text: str, places: dict[str, ServicePlace]) -> dict[str, str]:
    return stack_env(stack(text), places)


SHOP = """
[services.my-db]
image = "postgres:15"
environment = { POSTGRES_PASSWORD = "pw", POSTGRES_DB = "shop" }
[services.cache]
image = "memcached:1"
[services.api]
build = "."
ports = [8000]
environment = { DATABASE_URL = "postgresql://postgres:pw@my-db/shop", LEVEL = "info", DB_HOST = "my-db", DB_PORT = "5432" }
[jobs.migrate]
image = "migrate"
environment = { DATABASE_URL = "postgresql://postgres:pw@my-db/shop" }
"""
DB = {"my-db": ServicePlace({5432: ("127.0.0.1", 32801)})}


def test_every_service_that_can_be_reached_and_every_variable_that_leads_there() -> None:
    there = DB | {"cache": ServicePlace({}, "172.18.0.3"), "api": ServicePlace({8000: ("127.0.0.1", 8000)})}
    assert whole(SHOP, there) == {
        "MY_DB_HOST": "127.0.0.1",
        "MY_DB_PORT": "32801",
        "MY_DB_URL": "postgresql://postgres:pw@127.0.0.1:32801/shop",
        "CACHE_HOST": "172.18.0.3",
        "CACHE_PORT": "11211",
        "CACHE_URL": "172.18.0.3:11211",
        "API_HOST": "127.0.0.1",
        "API_PORT": "8000",
        "API_URL": "http://127.0.0.1:8000",
        "DATABASE_URL": "postgresql://postgres:pw@127.0.0.1:32801/shop",
        "DB_HOST": "127.0.0.1",
        "DB_PORT": "32801",
    }


def test_the_variables_of_a_service_that_does_not_run_count_too() -> None:
    found = whole(SHOP, DB)
    assert found["DATABASE_URL"] == found["MY_DB_URL"]
    assert "API_URL" not in found


def test_a_port_that_is_the_same_outside_goes_with_its_host() -> None:
    found = whole(SHOP, {"my-db": ServicePlace({5432: ("127.0.0.1", 5432)})})
    assert (found["DB_HOST"], found["DB_PORT"]) == ("127.0.0.1", "5432")


def test_what_two_services_say_differently_is_left_out() -> None:
    other = '[services.{name}]\nimage = "x"\nenvironment.{variable} = "{value}"\n'
    database = other.format(name="worker", variable="DATABASE_URL", value="postgresql://my-db/other")
    assert "DATABASE_URL" not in whole(SHOP + database, DB)
    contested = other.format(name="worker", variable="MY_DB_URL", value="http://my-db:5432/1")
    contested += other.format(name="worker2", variable="MY_DB_URL", value="http://my-db:5432/2")
    assert "MY_DB_URL" not in whole(SHOP + contested, DB)


def test_what_a_service_says_of_another_wins_over_a_name_made_up() -> None:
    said = '[services.w]\nimage = "x"\nenvironment = { MY_DB_URL = "mydb://my-db", MY_DB_PORT = "1" }\n'
    found = whole(SHOP + said, DB)
    assert found["MY_DB_URL"] == "mydb://127.0.0.1:32801"
    assert found["MY_DB_PORT"] == "32801"


def test_two_services_of_one_name_in_capitals_are_left_out() -> None:
    twin = '[services.my_db]\nimage = "postgres:15"\n'
    found = whole(SHOP + twin, DB | {"my_db": ServicePlace({5432: ("127.0.0.1", 32802)})})
    assert "MY_DB_PORT" not in found
    assert found["MY_DB_HOST"] == "127.0.0.1"


def test_the_environment_of_tests_has_addresses_that_work_here() -> None:
    there = stack(
        TEXT.replace("{environment}", '{ DATABASE_URL = "postgresql://u@postgres/app" }')
        + """
[tests.environment]
DATABASE_URL = "${services.postgres.url}?a=b"
WHERE = "${services.web.host}:${services.web.port}"
LOGIN = "${services.postgres.user}"
API_HOST = "web"
SECOND = "https://web:8443/"
GONE = "${services.hidden.url}"
POSTGRES_URL = "mine"
"""
    )
    found, problems = env_of_tests(there, PLACES)
    assert found == {
        "DATABASE_URL": "postgresql://postgres:postgres@127.0.0.1:32801/postgres?a=b",
        "WHERE": "127.0.0.1:32803",
        "LOGIN": "postgres",
        "API_HOST": "127.0.0.1",
        "API_PORT": "32803",
        "SECOND": "https://127.0.0.1:32804/",
        "POSTGRES_URL": "mine",
    }
    assert [(each.path, each.message) for each in problems] == [
        (("tests", "environment", "GONE"), "hidden does not publish any port")
    ]
    assert stack_env(there, PLACES).items() >= found.items()
