"""However a file is damaged: problems with places, or a stack of which bodies for the engine can be made; never a traceback."""

import contextlib
import json
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stackctl.engine.docker import bodies
from stackctl.errors import Problem, SpecError, UsageError
from stackctl.planner.world.desire import desire
from stackctl.planner.world.observed import ImageConfig
from stackctl.spec.lint.rules import lint
from stackctl.spec.model import Stack
from stackctl.spec.source.reading import read
from stackctl.spec.source.request import StackRequest

ROOT = Path(__file__).parents[2]
TEXTS = [path.read_text() for path in (ROOT / "stack.toml", *sorted(ROOT.glob("examples/*/stack*.toml")))]
PIECES = ["[", "]", "{", "}", '"', "'", '"""', "=", ",", ".", "\n", "$", "${", "${services.", "}", "[[", "]]", "#", "\\u0000",
          "1e999", "-1", "[]", "{}", "true", "x-", "services", "..", "=\n", "\0", "\x85", "é", "\\"]  # fmt: skip

quick = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    text = draw(st.sampled_from(TEXTS))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.integers(0, 12)))
        piece = draw(st.one_of(st.sampled_from(PIECES), st.text(max_size=3), st.just(text[end : end + 40])))
        text = text[:start] + piece + text[end:]
    data = text.encode(errors="replace")
    cut = draw(st.integers(0, len(data)))
    return data[:cut] + draw(st.binary(max_size=2)) + data[cut:] if draw(st.booleans()) else data


def send(stack: Stack) -> None:
    """Go on as `up` does, as far as what would be sent to the engine."""
    sent: list[bodies.Body] = []
    with contextlib.suppress(SpecError):
        desired = desire(stack, instance="i", profiles=["*"])
        sent += map(bodies.network, desired.networks)
        sent += (bodies.volume(volume, created=1) for volume in desired.volumes)
        sent += (bodies.container(each, api=(1, 44), image=ImageConfig()) for each in desired.containers)
    assert json.loads(json.dumps(sent)) == sent


def survives(directory: Path) -> None:
    problems: tuple[Problem, ...] = ()
    with contextlib.suppress(UsageError):
        try:
            stack = read(StackRequest(directory=directory, environ={"POSTGRES_PASSWORD": "x"}), [lint])
            send(stack)
        except SpecError as error:
            problems = error.problems
    for problem in problems:
        assert problem.message
        assert problem.place or not problem.path  # only what is wrong with all of it has no place


@quick
@given(damaged())
def test_a_damaged_stack(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "stack.toml").write_bytes(data)
    survives(tmp_path)


@quick
@given(st.one_of(st.binary(max_size=60), st.text("A=b'\" \n$\\{}#:\r", max_size=30).map(str.encode)))
def test_a_damaged_env_file(tmp_path: Path, data: bytes) -> None:
    (tmp_path / ".env").write_bytes(data)
    (tmp_path / "stack.toml").write_text(
        '[services.a]\nimage = "a"\nenv_file = ".env"\nenvironment.A = "${A:-}"\n'
    )
    survives(tmp_path)


COMPOSE = """\
name: ${NAME:-shop}
x-all: &all
  restart: unless-stopped
  environment: &env {A: "${A:-1}", B: yes}
services:
  web:
    <<: *all
    build: {context: ., args: [X=1]}
    ports: ["8000:80", {target: 81, published: "9-10"}]
    depends_on:
      db: {condition: service_healthy}
    volumes: ["data:/data:ro", ./src:/src]
    healthcheck: {test: [CMD, x], interval: 1s}
  db:
    image: postgres:15
    environment: [POSTGRES_PASSWORD=x, "C"]
    networks: {back: , default: {aliases: [x]}}
    command: >
      a 'b
      c'
networks: {back: {internal: true}}
volumes:
  data: !override {}
"""
YAML_PIECES = [
    "[", "]", "{", "}", "'", '"', ":", ": ", "- ", ",", "\n", "\n  ", "\t", "&all", "*all", "*env", "<<: ", "<<: *env", "!reset ", "!override ",
    "!!int ", "|", ">", "---\n", "...", "? ", "#", "%", "~", "$", "${", "}", "null", "1e999", "0x", ".nan", "\0", "\x85", "\\", "é", "services:",
]  # fmt: skip


@st.composite
def damaged_yaml(draw: st.DrawFn) -> bytes:
    text = COMPOSE
    for _ in range(draw(st.integers(1, 5))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.integers(0, 12)))
        piece = draw(
            st.one_of(st.sampled_from(YAML_PIECES), st.text(max_size=3), st.just(text[end : end + 40]))
        )
        text = text[:start] + piece + text[end:]
    data = text.encode(errors="replace")
    cut = draw(st.integers(0, len(data)))
    return data[:cut] + draw(st.binary(max_size=2)) + data[cut:] if draw(st.booleans()) else data


@quick
@given(damaged_yaml())
def test_a_damaged_compose_file(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "compose.yaml").write_bytes(data)
    survives(tmp_path)
