import pytest

from stackctl.secret import Secret, looks_secret
from stackctl.spec.output.redact import redacted


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
