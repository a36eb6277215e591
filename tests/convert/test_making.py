"""What a script makes, beside the stack that makes the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import tomli_w
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stackctl.convert.making import Making, making
from stackctl.errors import UsageError
from stackctl.looking import load
from stackctl.planner.same.compare import Comparison, compare
from stackctl.planner.same.desired import side_of
from stackctl.spec.model import Stack
from stackctl.spec.selection import Selection
from stackctl.teach.bash import bash
from stackctl.teach.commands import Docker
from stackctl.teach.from_nothing import from_nothing

Compare = Callable[..., Comparison]

STACK = """\
[services.db]
image = "postgres:15"
environment = { POSTGRES_PASSWORD = "${POSTGRES_PASSWORD}" }
volumes = ["data:/var/lib/postgresql/data"]
[services.api]
build = "./api"
ports = ["8000:8000"]
depends_on = ["db"]
healthcheck = { http = ":8000/health" }
environment = { URL = "postgresql://postgres:${POSTGRES_PASSWORD}@db:5432/app", MODE = "fast" }
[volumes.data]
"""
SCRIPT = """\
#!/bin/bash
docker network create net
docker volume create data
docker run -d --name db --network net -e POSTGRES_PASSWORD="$POSTGRES_PASSWORD" \\
  -v data:/var/lib/postgresql/data postgres:15
docker build -t api ./api
docker run -d --name api --network net -p 127.0.0.1:8000:8000 -e MODE=fast \\
  -e "URL=postgresql://postgres:$POSTGRES_PASSWORD@db:5432/app" api
"""


def made(script: str, directory: Path, environ: dict[str, str] | None = None) -> Making:
    return making("run.sh", script, directory=directory, environ=environ or {})


@pytest.fixture
def compared(tmp_path: Path) -> Compare:
    def compared(script: str, stack: str = STACK, **environ: str) -> Comparison:
        (tmp_path / "stack.toml").write_text(stack)
        left = side_of(
            load(directory=tmp_path, name="shop", strict=False, environ={"POSTGRES_PASSWORD": "x"})
        )
        return compare(left, made(script, tmp_path, environ).side)

    return compared


def texts(found: Comparison) -> list[str]:
    return [str(each) for each in found.differences]


def test_a_script_written_by_hand_makes_what_its_stack_makes(compared: Compare) -> None:
    found = compared(SCRIPT)
    assert texts(found) == []
    assert {(each.what, each.why) for each in found.not_compared} == {
        ("depends_on.db", "a script has no such setting"),
        ("healthcheck.http", "a script has no such setting"),
    }


CHANGES = {
    ("postgres:15", "postgres:16"): "container db image: postgres:15 | postgres:16",
    ("MODE=fast", "MODE=slow"): "container api environment.MODE: fast | slow",
    ("-e MODE=fast", ""): "container api environment.MODE: fast | -",
    ("127.0.0.1:8000", "8000"): "container api ports.8000/tcp: 127.0.0.1:8000 | 0.0.0.0:8000",
    ("@db:5432", "@localhost:5432"): (
        "container api environment.URL: postgresql://postgres:•••@db:5432/app"
        " | postgresql://postgres:${POSTGRES_PASSWORD}@localhost:5432/app"
    ),
    ("-p 127", "--restart always -p 127"): "container api restart: no | always",
    ("-p 127", "--init -p 127"): None,
    ("create data", "create data --label a=b"): "volume data labels.a: - | b",
    ("create net", "create --internal net"): "network default internal: - | yes",
    ("build -t api ./api", "build -t api ./other"): "container api build.context: ./api | ./other",
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_exactly_that_difference(change: tuple[str, str], compared: Compare) -> None:
    found = compared(SCRIPT.replace(*change))
    expected = CHANGES[change]
    assert texts(found) == ([expected] if expected else [])


def test_without_a_network_nobody_has_a_name(compared: Compare) -> None:
    script = SCRIPT.replace("--network net ", "").replace("docker network create net\n", "")
    assert texts(compared(script)) == [
        "container db network_mode: - | bridge",
        "container api network_mode: - | bridge",
        "network default: there | -",
    ]


def test_a_container_that_joins_a_network_later_is_in_it(compared: Compare) -> None:
    script = SCRIPT.replace("--name db --network net ", "--name db ")
    found = compared(f"{script}docker network connect net db\n")
    assert texts(found) == ["container db network_mode: - | bridge"]


def test_another_name_is_one_difference_wherever_it_is_used(compared: Compare) -> None:
    script = SCRIPT.replace("--name db", "--name my-pg").replace("@db:", "@my-pg:")
    assert texts(compared(script)) == ["container db name: db | my-pg"]


def test_a_container_without_a_name_is_known_by_its_image_and_found_by_nobody(compared: Compare) -> None:
    found = compared(SCRIPT.replace("--name db ", ""))
    assert texts(found) == ["container db networks.default: joined as db | joined"]


def test_a_variable_that_nobody_sets_is_left_open(compared: Compare) -> None:
    script = SCRIPT.replace("MODE=fast", "MODE=$MODE").replace("127.0.0.1:8000", "127.0.0.1:$PORT")
    found = compared(script)
    assert texts(found) == []
    open_ends = {(each.what, each.why) for each in found.not_compared if each.why.startswith("it depends")}
    assert open_ends == {("environment.MODE", "it depends on MODE"), ("ports.8000/tcp", "it depends on PORT")}
    assert texts(compared(script, MODE="slow", PORT="9000")) == [
        "container api environment.MODE: fast | slow",
        "container api ports.8000/tcp: 127.0.0.1:8000 | 127.0.0.1:9000",
    ]


def test_a_password_of_another_variable_is_another_one(compared: Compare) -> None:
    found = compared(SCRIPT.replace("$POSTGRES_PASSWORD", "$OTHER"), OTHER="y")
    assert texts(found) == [
        "container db environment.POSTGRES_PASSWORD: ••• | ••• (another one)",
        (
            "container api environment.URL: postgresql://postgres:•••@db:5432/app"
            " | postgresql://postgres:•••@db:5432/app (another one)"
        ),
    ]


def test_a_loop_and_a_function_are_unrolled(compared: Compare) -> None:
    stack = "".join(f'[services.w{n}]\nimage = "app"\nenvironment = {{ N = {n} }}\n' for n in (1, 2))
    script = (
        "docker network create n\nstart() { docker run -d --name w$1 --network n -e N=$1 app; }\n"
        "for i in 1 2; do start $i; done\n"
    )
    assert texts(compared(script, stack)) == []


def test_every_difference_has_its_line(tmp_path: Path) -> None:
    found = made(SCRIPT, tmp_path)
    assert str(found.place(("services", "api", "ports", 0))) == "run.sh:7:40"
    assert str(found.place(("volumes", "data"))) == "run.sh:3:22"
    assert found.place(("networks", "no")) is None


def test_what_is_not_read_is_noted(tmp_path: Path) -> None:
    found = made(SCRIPT.replace("-p 127", "--io-maxiops 9 -p 127"), tmp_path)
    assert [note.message.partition(":")[0] for note in found.notes] == ["--io-maxiops 9 is not imported"]
    (note,) = made(SCRIPT.replace("docker network create net\n", ""), tmp_path).notes
    assert "the script never creates" in note.message


@pytest.mark.parametrize("script", ["", "# nothing\n", "echo hello\n", "docker ps\n"])
def test_a_script_that_makes_nothing_cannot_be_compared(script: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="starts no container"):
        made(script, tmp_path)


TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12)
NAME = st.from_regex(r"[A-Z][A-Z_]{0,8}", fullmatch=True)
KEYS = st.fixed_dictionaries(
    {},
    optional={
        "environment": st.dictionaries(NAME, TEXT, max_size=3),
        "labels": st.dictionaries(st.from_regex(r"[a-z][a-z.]{0,8}[a-z]", fullmatch=True), TEXT, max_size=3),
        "command": st.lists(TEXT, min_size=1, max_size=3),
        "entrypoint": st.lists(TEXT.filter(bool), min_size=1, max_size=2),
        "ports": st.sampled_from([["8000:80"], ["0.0.0.0:1:2/udp", "3:4"], []]),
        "volumes": st.sampled_from([["data:/data"], ["/own", "./here:/here:ro"], []]),
        "tmpfs": st.sampled_from([["/run:size=1m,mode=1777,noexec"], []]),
        "restart": st.sampled_from(["no", "always", "on-failure:3"]),
        "stop_grace_period": st.sampled_from(["10s", "1m", "20000ms"]),
        "networks": st.sampled_from([["front"], {"front": {"aliases": ["www"]}, "back": {}}]),
        "healthcheck": st.sampled_from(
            [{"test": ["CMD", "a b", "$c"], "interval": "1500ms"}, {"test": "x | y"}, {"disable": True}]
        ),
        "cap_add": st.just(["NET_ADMIN"]),
        "user": st.just("1:2"),
        "init": st.booleans(),
        "hostname": st.just("box"),
    },
)
OTHER: Mapping[str, Any] = {
    "environment": {"NEW": "x"},
    "labels": {"new": "x"},
    "command": ["another", "command"],
    "restart": "unless-stopped",
    "stop_grace_period": "7s",
    "user": "7",
    "hostname": "another",
}


def read(tree: Mapping[str, Any], directory: Path) -> Stack:
    tree = {
        "services": {"web": {"image": "app:1", **tree}},
        "volumes": {"data": {}},
        "networks": {"front": {}, "back": {}},
    }
    (directory / "stack.toml").write_text(tomli_w.dumps(_literal(tree)))
    return load(directory=directory, name="shop", strict=False, environ={})


def _literal(tree: Any) -> Any:
    """The tree with every text as it is: a dollar is written as two."""
    match tree:
        case dict():
            return {key: _literal(value) for key, value in tree.items()}
        case list():
            return [_literal(value) for value in tree]
        case str():
            return tree.replace("$", "$$")
    return tree


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(KEYS, st.sampled_from(sorted(OTHER)))
def test_a_stack_is_the_same_as_its_script_and_a_changed_key_is_one_difference(
    tmp_path: Path, keys: dict[str, Any], key: str
) -> None:
    stack = read(keys, tmp_path)
    view, plan = from_nothing(stack, Selection())
    docker = Docker(stack, view.observed.configs, view.observed.engine.api)
    script = made(bash(docker, view.desired, plan, source="stack.toml"), tmp_path)
    assert texts(compare(side_of(stack), script.side)) == []
    other = {**keys.get(key, {}), **OTHER[key]} if isinstance(OTHER[key], dict) else OTHER[key]
    found = compare(side_of(read({**keys, key: other}, tmp_path)), script.side)
    assert [(each.name, each.key[0]) for each in found.differences] == [("web", key)]


EXPORTED = """\
[services.web]
image = "me:1"
pull_policy = "missing"
secrets = ["tok"]
networks = ["default", "outside"]
volumes = ["kept:/k"]
[services.web.build]
context = "."
dockerfile = "./D"
[secrets.tok]
environment = "TOK"
[networks.outside]
external = true
[volumes.kept]
external = true
"""


def test_a_script_of_export_makes_no_more_than_its_stack(tmp_path: Path) -> None:
    (tmp_path / "stack.toml").write_text(EXPORTED)
    stack = load(directory=tmp_path, name="shop", strict=False, environ={"TOK": "t0k"})
    view, plan = from_nothing(stack, Selection())
    docker = Docker(stack, view.observed.configs, view.observed.engine.api)
    script = made(bash(docker, view.desired, plan, source="stack.toml"), tmp_path)
    assert texts(compare(side_of(stack), script.side)) == []


def test_words_that_are_not_known_are_left_open(tmp_path: Path) -> None:
    script = "docker run -d --name web --network net -p $PORT:80 x serve $PORT\ndocker network create net\n"
    other = "docker run -d --name web --network net --entrypoint run -p 80:80 x serve 80\ndocker network create net\n"
    for found in (
        compare(made(script, tmp_path).side, made(other, tmp_path).side),
        compare(made(other, tmp_path).side, made(script, tmp_path).side),
    ):
        assert "image" not in [each.what for each in found.differences]
        assert ("web", "command") in [(each.name, each.what) for each in found.not_compared]
