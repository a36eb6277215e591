"""The table of known images, asked as the readers, the linter and the planner ask it."""

import tomllib
from importlib import resources
from urllib.parse import unquote, urlsplit

import pytest

from stackctl.spec import known_images as tables
from stackctl.spec.known import KnownImage
from stackctl.spec.known_images import BUILT_IN

TABLE = tomllib.loads(resources.files("stackctl.spec").joinpath("known.toml").read_text())
IMAGES = [image for table in TABLE.values() for image in table["images"]]


def known(ref: str) -> KnownImage:
    image = BUILT_IN.of(ref)
    assert image is not None
    return image


@pytest.mark.parametrize(
    ("ref", "name"),
    [
        ("postgres", "postgres"),
        ("postgres:15", "postgres"),
        ("postgres:15-alpine@sha256:0123", "postgres"),
        ("postgres@sha256:0123", "postgres"),
        ("docker.io/postgres:15", "postgres"),
        ("docker.io/library/postgres:15", "postgres"),
        ("library/postgres", "postgres"),
        ("registry.example.com:5000/library/postgres:15", "postgres"),
        ("localhost:5000/postgres", "postgres"),
        ("localhost/postgres", "postgres"),
        ("public.ecr.aws/docker/library/postgres:15", "postgres"),
        ("pgvector/pgvector:pg16", "postgres"),
        ("postgis/postgis:16-3.4", "postgres"),
        ("timescale/timescaledb:latest-pg15", "postgres"),
        ("docker.elastic.co/elasticsearch/elasticsearch:8.15.0", "elasticsearch"),
        ("valkey/valkey:8", "valkey"),
    ],
)
def test_an_image_is_known_by_any_of_its_names(ref: str, name: str) -> None:
    assert known(ref).name == name


@pytest.mark.parametrize(
    "ref",
    ["", "postgres-backup", "me/postgres", "ghcr.io/me/postgres:15", "bitnami/postgresql", "python:3.11"],
)
def test_an_image_of_somebody_else_is_not_known(ref: str) -> None:
    assert BUILT_IN.of(ref) is None


@pytest.mark.parametrize("ref", IMAGES)
def test_every_entry_can_be_asked_everything(ref: str) -> None:
    for image in (known(ref), known(f"{ref}:1"), known(f"{ref}:99")):
        assert image.runs_server(None)
        connection = image.connection({})
        url = urlsplit(connection.url("h") if image.scheme else f"none://{connection.url('h')}")
        assert (url.scheme, url.hostname, url.port) == (image.scheme or "none", "h", image.port)
        assert unquote(url.path).removeprefix("/") == (connection.database if image.scheme else "")
        assert all("{" not in word or "{ping" in word for word in image.ready({}))
        assert all(path.startswith("/") for path in image.data_paths({}))
        assert {name.partition("=")[0] for group in image.required for name in group} <= image.variables


def test_table_by_table_the_file_says_what_it_says_as_a_whole() -> None:
    assert {name: tables._table(name) for name in tables._sections()} == TABLE
    for key in ("images", "schemes"):
        assert tables._in_one_line(key) == {n: table[key] for n, table in TABLE.items() if key in table}


def test_no_image_is_in_two_tables() -> None:
    assert len(IMAGES) == len(set(IMAGES))


@pytest.mark.parametrize(
    ("ref", "data"),
    [
        ("postgres:15", ("/var/lib/postgresql/data",)),
        ("postgres:17.2-alpine", ("/var/lib/postgresql/data",)),
        ("postgres:18", ("/var/lib/postgresql",)),
        ("pgvector/pgvector:0.8.0-pg17", ("/var/lib/postgresql/data",)),
        ("pgvector/pgvector:pg18-trixie", ("/var/lib/postgresql",)),
        ("postgres", ("/var/lib/postgresql", "/var/lib/postgresql/data")),
        (f"postgres:{'1' * 5000}", ("/var/lib/postgresql",)),
        ("postgres:alpine", ("/var/lib/postgresql", "/var/lib/postgresql/data")),
        ("influxdb:1.8", ("/var/lib/influxdb",)),
        ("influxdb:2", ("/var/lib/influxdb2",)),
    ],
)
def test_the_version_decides_where_the_data_are(ref: str, data: tuple[str, ...]) -> None:
    assert known(ref).data_paths({}) == data


@pytest.mark.parametrize(
    ("ref", "environment", "command", "data"),
    [
        ("postgres:15", {"PGDATA": "/data/pg"}, None, ("/data/pg",)),
        ("mysql:8", {}, ["--datadir=/data"], ("/data",)),
        ("mongo:7", {}, ["mongod", "--dbpath", "/d"], ("/d",)),
        ("minio/minio", {}, ["server", "/export", "--console-address", ":9001"], ("/export",)),
        ("minio/minio", {}, ["server", "http://minio{1...4}/data"], ()),
        ("nats:2", {}, ["-js", "-sd", "/data"], ("/data",)),
        ("nats:2", {}, None, ()),
        ("redis:7", {}, None, ()),
        ("redis:7", {}, ["redis-server", "--appendonly", "yes"], ("/data",)),
        ("redis:7", {}, ["redis-server", "--appendonly", "no", "--save", ""], ()),
        ("redis:7", {}, ["sh", "-c", "redis-server --save '60 1'"], ("/data",)),
        ("nginx", {}, None, ()),
    ],
)
def test_settings_decide_where_the_data_are(
    ref: str, environment: dict[str, str], command: list[str] | None, data: tuple[str, ...]
) -> None:
    assert known(ref).data_paths(environment, command) == data


@pytest.mark.parametrize(
    ("ref", "command", "entrypoint", "runs"),
    [
        ("postgres:15", None, None, True),
        ("postgres:15", [], None, True),
        ("postgres:15", ["postgres"], None, True),
        ("postgres:15", ["postgres", "-c", "max_connections=200"], None, True),
        ("postgres:15", ["-c", "max_connections=200"], None, True),
        ("postgres:15", ["/usr/lib/postgresql/15/bin/postgres"], None, True),
        ("postgres:15", ["docker-entrypoint.sh", "postgres"], None, True),
        ("postgres:15", ["sh", "-c", "sleep 1 && exec postgres -c x=y"], None, True),
        ("postgres:15", ["sh", "-ec", "docker-entrypoint.sh postgres"], None, True),
        ("postgres:15", None, ["docker-entrypoint.sh"], True),
        ("postgres:15", ["postgres"], ["/usr/local/bin/docker-entrypoint.sh"], True),
        ("postgres:15", ["postgres"], ["tini", "--", "docker-entrypoint.sh"], True),
        ("postgres:15", None, ["postgres"], True),
        ("postgres:15", ["bash"], None, False),
        ("postgres:15", ["pg_dump", "-h", "postgres", "-U", "postgres"], None, False),
        ("postgres:15", ["sh", "-c", "pg_dump -h postgres -U postgres > /dump"], None, False),
        ("postgres:15", ["sleep", "infinity"], ["docker-entrypoint.sh"], False),
        ("postgres:15", ["postgres"], ["sleep"], False),
        ("postgres:15", ["-c", "while true; do psql -h postgres; done"], ["sh"], False),
        ("redis:7", ["redis-server", "--requirepass", "x"], None, True),
        ("redis:7", ["/usr/local/etc/redis/redis.conf"], None, True),
        ("redis:7", ["redis-cli", "-h", "redis"], None, False),
        ("minio/minio", ["server", "/data"], None, True),
        ("minio/minio", ["mc", "ls"], None, False),
        ("mysql:8", ["--character-set-server=utf8mb4"], None, True),
        ("mariadb:11", ["mysqld", "--port=3307"], None, True),
    ],
)
def test_the_command_tells_whether_the_server_starts(
    ref: str, command: list[str] | None, entrypoint: list[str] | None, runs: bool
) -> None:
    assert known(ref).runs_server(command, entrypoint) is runs


@pytest.mark.parametrize(
    ("ref", "environment", "command", "url"),
    [
        (
            "postgres:15",
            {"POSTGRES_PASSWORD": "secret", "POSTGRES_DB": "myapp"},
            None,
            "postgresql://postgres:secret@h:5432/myapp",
        ),
        (
            "postgres:15",
            {"POSTGRES_USER": "me", "POSTGRES_PASSWORD": "x"},
            None,
            "postgresql://me:x@h:5432/me",
        ),
        (
            "postgres:15",
            {"POSTGRES_USER": "", "POSTGRES_PASSWORD": "x"},
            None,
            "postgresql://postgres:x@h:5432/postgres",
        ),
        (
            "postgres:15",
            {"POSTGRES_PASSWORD": "p@:/?#%", "POSTGRES_DB": "a b"},
            None,
            "postgresql://postgres:p%40%3A%2F%3F%23%25@h:5432/a%20b",
        ),
        (
            "postgres:15",
            {"POSTGRES_HOST_AUTH_METHOD": "trust"},
            None,
            "postgresql://postgres@h:5432/postgres",
        ),
        ("postgres:15", {}, ["postgres", "-p", "5433"], "postgresql://postgres@h:5433/postgres"),
        ("postgres:15", {"PGPORT": "5434"}, None, "postgresql://postgres@h:5434/postgres"),
        ("mysql:8", {"MYSQL_ROOT_PASSWORD": "r", "MYSQL_DATABASE": "d"}, None, "mysql://root:r@h:3306/d"),
        (
            "mysql:8",
            {"MYSQL_ROOT_PASSWORD": "r", "MYSQL_USER": "u", "MYSQL_PASSWORD": "p"},
            None,
            "mysql://u:p@h:3306",
        ),
        ("mysql:8", {"MYSQL_ROOT_PASSWORD": "r", "MYSQL_PASSWORD": "p"}, None, "mysql://root:r@h:3306"),
        ("mariadb:11", {"MARIADB_ROOT_PASSWORD": "r"}, ["--port=3307"], "mysql://root:r@h:3307"),
        ("redis:7", {}, None, "redis://h:6379"),
        ("redis:7", {}, ["redis-server", "--requirepass", "p@ss"], "redis://:p%40ss@h:6379"),
        ("redis:7", {"PW": "x"}, ["sh", "-c", 'redis-server --requirepass "$PW"'], "redis://:x@h:6379"),
        ("valkey/valkey:8", {}, ["--port", "6380"], "redis://h:6380"),
        ("mongo:7", {}, None, "mongodb://h:27017"),
        (
            "mongo:7",
            {"MONGO_INITDB_ROOT_USERNAME": "u", "MONGO_INITDB_ROOT_PASSWORD": "p"},
            None,
            "mongodb://u:p@h:27017/?authSource=admin",
        ),
        ("rabbitmq:3", {}, None, "amqp://guest:guest@h:5672"),
        ("rabbitmq:3", {"RABBITMQ_DEFAULT_VHOST": "/"}, None, "amqp://guest:guest@h:5672/%2F"),
        ("minio/minio", {"MINIO_ROOT_USER": "u"}, ["server", "/d", "--address", ":9900"], "http://h:9900"),
        ("apache/kafka", {}, None, "h:9092"),
    ],
)
def test_the_url_says_how_to_log_in(
    ref: str, environment: dict[str, str], command: list[str] | None, url: str
) -> None:
    assert known(ref).connection(environment, command).url("h") == url


def test_a_port_of_the_host_can_stand_in_the_url() -> None:
    assert known("redis").connection({}).url("127.0.0.1", 16379) == "redis://127.0.0.1:16379"


@pytest.mark.parametrize("port", ["0", "-1", "70000", "x", "²", "1" * 5000])
def test_what_is_no_port_is_not_taken_for_one(port: str) -> None:
    assert known("redis").connection({}, ["--port", port]).port == 6379


def test_a_connection_does_not_show_its_password() -> None:
    connection = known("postgres").connection({"POSTGRES_PASSWORD": "hunter2"})
    assert "hunter2" not in repr(connection)
    assert connection.password is not None
    assert connection.password.reveal() == "hunter2"


@pytest.mark.parametrize(
    ("ref", "environment", "missing"),
    [
        ("postgres:15", {}, "POSTGRES_PASSWORD"),
        ("postgres:15", {"POSTGRES_PASSWORD": ""}, "POSTGRES_PASSWORD"),
        ("postgres:15", {"POSTGRES_PASSWORD": None}, "POSTGRES_PASSWORD"),
        ("postgres:15", {"POSTGRES_HOST_AUTH_METHOD": "md5"}, "POSTGRES_PASSWORD"),
        ("postgres:15", {"POSTGRES_HOST_AUTH_METHOD": "trust"}, None),
        ("postgres:15", {"POSTGRES_PASSWORD_FILE": "/run/secrets/pw"}, None),
        ("mysql:8", {"MYSQL_USER": "u", "MYSQL_PASSWORD": "p"}, "MYSQL_ROOT_PASSWORD"),
        ("mysql:8", {"MYSQL_ALLOW_EMPTY_PASSWORD": "yes"}, None),
        ("mariadb:11", {"MYSQL_ROOT_PASSWORD": "x"}, None),
        ("redis:7", {}, None),
    ],
)
def test_some_images_need_a_variable(
    ref: str, environment: dict[str, str | None], missing: str | None
) -> None:
    assert [group[0] for group in known(ref).missing(environment)] == ([missing] if missing else [])


def test_the_command_that_tells_whether_it_is_ready_is_filled_in() -> None:
    ready = known("postgres:15").ready({"POSTGRES_USER": "me", "POSTGRES_DB": "shop"}, ["-p", "5433"])
    assert ready == ("pg_isready", "-h", "127.0.0.1", "-p", "5433", "-U", "me", "-d", "shop")
    assert known("nats").ready({}) == ()
    assert known("mariadb:10.11").ready({})[0] == "mysqladmin"
    assert known("mariadb:11").ready({})[0] == "mariadb-admin"
    assert known("mongo:5").ready({})[2].startswith("mongo --quiet")
    assert known("mongo:6").ready({})[2].endswith("'db.adminCommand({ping:1}).ok'")
