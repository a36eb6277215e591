from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stackctl.errors import UsageError
from stackctl.planner.world.desire import desire
from stackctl.rules import RULES
from stackctl.spec.model import Job, Network, Stack, Volume
from stackctl.spec.source.reading import read
from stackctl.spec.source.request import StackRequest
from stackctl.spec.structure import forms
from stackctl.spec.text.parts import Part, Text, VariableOrigin
from stackctl.teach.explain.keys import shell, topics, topics_text
from stackctl.teach.explain.lessons import lesson

SHOP = """\
name = "shop"

[services.db]
image = "postgres:15"
volumes = ["pgdata:/var/lib/postgresql/data"]
environment = { POSTGRES_PASSWORD = "${SECRET}", POSTGRES_USER = "me", API_TOKEN = "hunter22" }

[services."a.b"]
image = "busybox"
depends_on = ["db"]
networks = ["back"]
healthcheck = { http = ":80/" }

[networks.back]
internal = true

[volumes.pgdata]
"""


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    (tmp_path / "stack.toml").write_text(SHOP)
    request = StackRequest(files=[Path("stack.toml")], directory=tmp_path, environ={"SECRET": "s3cret"})
    return read(request)


def said(text: str, stack: Stack | None) -> str:
    wanted = desire(stack, instance="") if stack else None
    return topics_text(topics(text, stack), stack, wanted)


def test_a_key_of_a_service(stack: Stack) -> None:
    text = said("db.volumes", stack)
    assert text.startswith("services.db.volumes  stack.toml:5\n\nmeans       Volumes, host paths")
    assert text[text.index("now") :] == (
        """\
now         volumes = ["pgdata:/var/lib/postgresql/data"]

docker      --mount type=volume,source=shop_pgdata,target=/var/lib/postgresql/data

without it  What it writes is in the container alone. After `docker rm` the rows
            are gone, and nothing says so.

rules       SC401 Data that is not kept (warning)
            SC403 Bind source missing (error)
            SC408 Data of another version (error)
            More: stackctl explain SC401"""
    )


def test_a_service_line_by_line(stack: Stack) -> None:
    text = said("db", stack)
    assert "image       The image to run; with `build`, the name it gets. (stack.toml:4)" in text
    assert text[text.index("docker  ") :] == (
        """\
docker      docker run --detach --name shop-db-1 --network shop_default \\
              --network-alias db --env POSTGRES_PASSWORD="${SECRET}" \\
              --env POSTGRES_USER=me --env 'API_TOKEN=•••' \\
              --mount type=volume,source=shop_pgdata,target=/var/lib/postgresql/data \\
              --init postgres:15"""
    )


def test_no_secret_is_shown(stack: Stack) -> None:
    for what in ("db", "db.environment", "db.environment.API_TOKEN"):
        text = said(what, stack)
        assert "hunter22" not in text
        assert "s3cret" not in text
    assert "${SECRET}" in said("db.environment", stack)


def test_what_docker_has_no_option_for(stack: Stack) -> None:
    for what in ("a.b.depends_on", "a.b.healthcheck"):
        assert "docker      No option says this." in said(what, stack)


def test_what_is_not_set(stack: Stack) -> None:
    text = said("db.ports", stack)
    assert "now         Not set in stack.toml." in text
    assert "docker      --publish" in text


def test_networks_and_volumes(stack: Stack) -> None:
    assert "docker network create --internal shop_back" in said("networks.back", stack)
    assert "now         internal = true" in said("networks.back.internal", stack)
    assert "docker      docker volume create shop_pgdata" in said("volumes.pgdata", stack)


def test_a_key_as_such_needs_no_stack() -> None:
    text = said("volumes", None)
    assert text.startswith("[services.NAME] volumes\n")
    assert "\n\nvolumes, at the top of stack.toml\n" in text
    assert "Time between two checks" in said("healthcheck.interval", None)
    assert "--health-cmd" not in said("healthcheck.interval", None)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("dbb", "did you mean 'db'?"),
        ("db.volums", "did you mean 'volumes'?"),
        ("volumse", "did you mean 'volumes'?"),
        ("SC1O1", "did you mean 'SC101'?"),
        ("db.healthcheck.intervall", "did you mean 'interval'?"),
        ("db.image.tag", ""),
        ("zzz", "name a service, a key, SERVICE.KEY, a rule or `up`"),
        ("", "name a service, a key, SERVICE.KEY, a rule or `up`"),
    ],
)
def test_an_unknown_name_is_answered_with_a_near_one(stack: Stack, text: str, hint: str) -> None:
    with pytest.raises(UsageError) as raised:
        topics(text, stack)
    assert raised.value.hint.startswith(hint)


@pytest.mark.parametrize(
    ("section", "table"), [("services", Job), ("networks", Network), ("volumes", Volume), ("", Stack)]
)
def test_every_key_has_a_lesson(section: str, table: type) -> None:
    for key in forms(table):
        found = lesson(section, key)
        assert found is not None, key
        assert set(found.rules) <= RULES.keys()
        assert found.without.endswith((".", '".'))


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])), min_size=1, max_size=20
    )
)
def test_a_shell_reads_the_words_that_were_meant(words: list[str]) -> None:
    words = [*words, "$(id)", "`id`", "${HOME}", "it's $HOME", '"', "a;b", "-n", "!", "\\"]
    read = subprocess.run(
        ["bash", "-c", f"printf '%s\\0' {shell(words)}"], capture_output=True, check=True
    ).stdout
    assert read.decode().split("\0")[:-1] == words


def test_a_variable_is_the_only_thing_that_a_shell_replaces() -> None:
    parts = (
        Part("$A "),
        Part("x", VariableOrigin("B", "shell")),
        Part("`"),
        Part('de"f', VariableOrigin("C", "")),
    )
    line = shell([Text.of(parts)])
    read = subprocess.run(["bash", "-c", f"B='$1'; printf %s {line}"], capture_output=True, check=True).stdout
    assert read.decode() == '$A $1`de"f'
