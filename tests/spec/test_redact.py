import pytest

from stackctl.secret import Secret, looks_secret
from stackctl.spec.model import Service
from stackctl.spec.output.redact import common_words, in_clear, redacted, veiled_line, without


@pytest.mark.parametrize(
    "name",
    [
        "POSTGRES_PASSWORD", "PGPASSWORD", "DB_PASS", "RABBITMQ_DEFAULT_PASS", "SECRET_KEY", "SECRET_KEY_BASE",
        "AWS_ACCESS_KEY_ID", "GITHUB_TOKEN", "apiToken", "api-key", "APIKEY", "DB_PWD", "CREDENTIALS", "--requirepass",
        "some.label.password",
    ],
)  # fmt: skip
def test_names_that_look_secret(name: str) -> None:
    assert looks_secret(name)


@pytest.mark.parametrize(
    "name",
    [
        "POSTGRES_USER", "POSTGRES_DB", "POSTGRES_PASSWORD_FILE", "PWD", "KEYSPACE", "MONKEY", "KEYCLOAK_URL",
        "PASSENGERS", "TOKENIZER", "SECRETARY", "POSTGRES_HOST_AUTH_METHOD",
    ],
)  # fmt: skip
def test_names_that_do_not(name: str) -> None:
    assert not looks_secret(name)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgresql://me:pw@db:5432/app", "postgresql://me:•••@db:5432/app"),
        ("redis://:pw@cache:6379/0", "redis://:•••@cache:6379/0"),
        ("postgresql://me:p@ss@db/app", "postgresql://me:•••@db/app"),
        ("postgresql://me:p/ss@db/app", "postgresql://me:•••@db/app"),
        ("amqp://a:1@h1,amqp://b:2@h2", "amqp://a:•••@h1,amqp://b:•••@h2"),
        ("http://db:5432/app", "http://db:5432/app"),
        ("postgresql://me@db/app", "postgresql://me@db/app"),
        ("username=me,password=pw,vers=3.0", "username=me,password=•••,vers=3.0"),
        ("host=db password=pw user=me", "host=db password=••• user=me"),
        ("redis-server --requirepass pw --port 1", "redis-server --requirepass ••• --port 1"),
        ("serve --api-key='a b' --name=x", "serve --api-key=••• --name=x"),
        ("the password is asked for", "the password is asked for"),
        ("postgresql://me:${PW}@db/app", "postgresql://me:${PW}@db/app"),
    ],
)
def test_secrets_within_a_text(text: str, shown: str) -> None:
    assert redacted(text) == shown


def test_secrets_by_the_name_they_stand_under() -> None:
    tree = {
        "image": "x",
        "environment": {
            "TOKEN": "t",
            "EMPTY_SECRET": "",
            "OWN_KEY": "$KEY",
            "MODE": "t",
            "PASSWORD": {"from_env": True},
        },
        "command": ["serve", "--token", "t", "--verbose", "t"],
        "ports": [80],
    }
    assert redacted(tree) == {
        "image": "x",
        "environment": {
            "TOKEN": "•••",
            "EMPTY_SECRET": "",
            "OWN_KEY": "$KEY",
            "MODE": "t",
            "PASSWORD": {"from_env": True},
        },
        "command": ["serve", "--token", "•••", "--verbose", "t"],
        "ports": [80],
    }


def test_a_secret_prints_as_dots() -> None:
    assert str(Secret("hunter2")) == repr(Secret("hunter2")) == "Secret(•••)"
    assert Secret("hunter2").reveal() == "hunter2"


def test_a_secret_that_is_a_common_word_is_hidden_only_where_it_stands_as_a_secret() -> None:
    text = "postgres:15 in /etc/postgres: postgresql://postgres:postgres@db/postgres --password postgres"
    shown = "postgres:15 in /etc/postgres: postgresql://postgres:•••@db/postgres --password •••"
    assert without(text, ["postgres"], {"postgres"}) == shown
    assert without(f"{text} hunter2", ["postgres", "hunter2"], {"postgres"}) == f"{shown} •••"
    assert "postgres" not in without(text, ["postgres"])


def test_which_words_are_common() -> None:
    environment = {
        "POSTGRES_USER": "ada",
        "DB_NAME": "shop",
        "API_TOKEN": "t0ken",
        "MOTD": "hello",
        "EMPTY_USER": "",
    }
    service = Service(image="registry.example/team/postgres:15", resolved=environment)
    words = common_words(["db"], [service])
    assert {"db", "postgres", "15", "team", "ada", "shop"} <= words
    assert words.isdisjoint({"t0ken", "hello", ""})


@pytest.mark.parametrize(
    ("tree", "name", "found"),
    [
        ("pw", "DB_PASSWORD", ["pw"]),
        ("pw", "A", []),
        ("postgresql://me:pw@db/app", "URL", ["pw"]),
        (["serve", "--password", "pw", "--user", "me"], "command", ["pw"]),
        (["serve", "--password=pw"], "command", ["pw"]),
        ({"o": "username=me,password=pw"}, "driver_opts", ["pw"]),
        ({"x.password": "pw", "y": ["a"]}, "", ["pw"]),
        ("${DB_PASSWORD}", "DB_PASSWORD", []),
        (7, "PASSWORD", []),
    ],
)
def test_the_secrets_in_a_tree(tree: object, name: str, found: list[str]) -> None:
    assert [*in_clear(tree, name)] == found


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ('environment.DB_PASSWORD = "hunter2" # x', 'environment.DB_PASSWORD = "•••••••" # x'),
        (
            'environment = { A = "1", API_TOKEN = "hunter2" }',
            'environment = { A = "1", API_TOKEN = "•••••••" }',
        ),
        ("      POSTGRES_PASSWORD: hunter2", "      POSTGRES_PASSWORD: •••••••"),
        ('  "API_KEY=hunter2",', '  "API_KEY=•••••••",'),
        ('URL = "postgresql://me:hunter2@db/x"', 'URL = "postgresql://me:•••••••@db/x"'),
        ('DB_PASSWORD = "${DB_PASSWORD}"', 'DB_PASSWORD = "${DB_PASSWORD}"'),
        ('secrets = ["db-password"]', 'secrets = ["db-password"]'),
        ('DB_PASSWORD_FILE = "/run/x"', 'DB_PASSWORD_FILE = "/run/x"'),
        ('image = "postgres:15"', 'image = "postgres:15"'),
    ],
)
def test_a_line_of_a_file_without_its_secrets_has_the_same_columns(line: str, shown: str) -> None:
    assert veiled_line(line) == shown
    assert len(line) == len(shown)
