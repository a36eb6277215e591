from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stackctl.errors import UsageError
from stackctl.planner.world.desire import desire
from stackctl.rules import RULES
from stackctl.spec.model import Build, ConfigSource, Job, Network, SecretSource, Stack, Volume
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
    ("section", "table"),
    [
        *(("services", Job), ("networks", Network), ("volumes", Volume), ("", Stack)),
        *(("secrets", SecretSource), ("configs", ConfigSource)),
    ],
)
def test_every_key_has_a_lesson(section: str, table: type) -> None:
    for key in forms(table):
        found = lesson(section, key)
        assert found is not None, key
        assert set(found.rules) <= RULES.keys()
        assert found.without.endswith((".", '".'))


def test_every_key_of_build_has_a_lesson() -> None:
    for key in forms(Build):
        found = lesson("services", "build", key)
        assert found is not None, key
        assert found.option, key
        assert found.without.endswith((".", '".')), key


COMPOSE = """\
services:
  web:
    image: me:1   # the shop
    build: {context: ., secrets: [tok], args: {API_TOKEN: hunter22}}
    depends_on:
      - db
    environment:
      - API_TOKEN=hunter22
      - MODE=${MODE:-fast}
    ports: ["8080:80"]
    configs:
      - {source: conf, target: /etc/app.conf, mode: 0440}
    healthcheck:
      test: ["CMD", "curl", "-f", "http://localhost/a/very/long/address/that/fits/on/no/line"]
      interval: 1m30s
  db:
    image: postgres:15
    environment: {POSTGRES_PASSWORD: hunter22}
secrets:
  tok:
    file: tok
configs:
  conf: {content: "a=b"}
"""


@pytest.fixture
def composed(tmp_path: Path) -> Stack:
    (tmp_path / "compose.yaml").write_text(COMPOSE)
    (tmp_path / "tok").write_text("t0k")
    return read(StackRequest(files=[Path("compose.yaml")], directory=tmp_path, environ={}, name="shop"))


@pytest.mark.parametrize(
    ("key", "now"),
    [
        ("web.image", "image: me:1   # the shop"),
        ("web.depends_on", "depends_on: [db]"),
        ("web.ports", 'ports: ["8080:80"]'),
        ("web.environment", 'environment: ["API_TOKEN=•••", "MODE=${MODE:-fast}"]'),
        ("db.environment", 'environment: {POSTGRES_PASSWORD: "•••"}'),
        ("web.build.args", 'args: {API_TOKEN: "•••"}'),
        ("web.build.secrets", "secrets: [tok]"),
        ("web.configs", 'configs: [{source: conf, target: /etc/app.conf, mode: "0440"}]'),
        ("web.healthcheck.interval", "interval: 1m30s"),
        ("web.healthcheck", "healthcheck:\n              test:\n                - CMD\n                - curl"),
        ("web.healthcheck.retries", "Not set in compose.yaml."),
        ("secrets.tok.file", "file: tok"),
        ("configs.conf.content", "content: a=b"),
    ],
)  # fmt: skip
def test_a_compose_file_is_shown_in_its_own_notation(composed: Stack, key: str, now: str) -> None:
    text = said(key, composed)
    assert f"\nnow         {now}" in text
    assert "hunter22" not in text


def test_a_whole_service_of_a_compose_file(composed: Stack) -> None:
    text = said("web", composed)
    assert "build: {context: ., secrets: [tok], args" not in text
    assert 'API_TOKEN: "•••"' in text
    assert "--secret" in text
    assert '--secret id="tok,src=${PWD}/tok"' in text
    assert "hunter22" not in text


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
