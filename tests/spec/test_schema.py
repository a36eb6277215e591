"""The schema an editor uses says what the reader says. Taplo itself is asked."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from stackctl.spec.model import Stack
from stackctl.spec.output.json_schema import json_schema
from stackctl.spec.structure import structure
from stackctl.spec.text.interpolate import Lookup, Variables, interpolate

TAPLO = Path(sys.executable).parent / "taplo"
ROOT = Path(__file__).parents[2]

GOOD = """
name = "shop"
version = "3"
x-team = { anything = 1 }

[services.db]
image = "postgres:15"
env_file = ".env"
environment = { A = 1, B = true, C = "x", D = { from_env = true } }
volumes = ["pgdata:/data:ro", { type = "tmpfs", target = "/cache", tmpfs = { size = "64m" } }]
ports = ["5432:5432/tcp", 80, { target = "9000-9001" }]
healthcheck = { test = ["CMD", "true"], interval = "${INTERVAL}", retries = 3 }
stop_grace_period = "1m30s"
restart = "on-failure:3"
init = "${INIT}"

[services.api]
build = "."
environment = ["A=1", "B"]
env_file = [".env", { path = "b.env", required = false, format = "raw" }]
depends_on = ["db"]
networks = { front = { aliases = ["www"] } }

[jobs.migrate]
image = "api"
build = { context = ".", args = ["A"] }
depends_on.db.condition = "service_healthy"

[networks.front]
[volumes.pgdata]
protect = true
"""

MISTAKES = {
    "unknown key": ('image = "postgres:15"', 'imge = "postgres:15"'),
    "unknown key of a sub-table": ("retries = 3", "retires = 3"),
    "number without unit": ('stop_grace_period = "1m30s"', "stop_grace_period = 90"),
    "unknown choice": ("service_healthy", "healthy"),
    "wrong type": ("protect = true", 'protect = "yes"'),
    "array for a table": ("[networks.front]", "[[networks]]"),
    "pattern": ("on-failure:3", "on-failure-3"),
    "a port that is none": ("80, {", "8.5, {"),
}


@pytest.fixture(scope="session")
def schema(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("schema") / "stack.schema.json"
    path.write_text(json.dumps(json_schema(Stack), ensure_ascii=False))
    return path


def taplo(schema: Path, document: Path) -> bool:
    command = [str(TAPLO), "lint", "--no-auto-config", "--schema", schema.as_uri(), str(document)]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def reads(text: str) -> bool:
    lookup = Lookup((Variables("shell", {"INTERVAL": "1s", "INIT": "true", "POSTGRES_PASSWORD": "x"}),))
    tree, unset = interpolate(tomllib.loads(text), lookup)
    _, problems = structure(Stack, tree)
    return not unset and not [problem for problem in problems if problem.severity == "error"]


def test_taplo_and_the_reader_accept_what_is_right(schema: Path, tmp_path: Path) -> None:
    document = tmp_path / "stack.toml"
    document.write_text(GOOD)
    assert reads(GOOD)
    assert taplo(schema, document)


@pytest.mark.parametrize("mistake", MISTAKES)
def test_taplo_and_the_reader_refuse_what_is_wrong(schema: Path, tmp_path: Path, mistake: str) -> None:
    before, after = MISTAKES[mistake]
    assert before in GOOD
    document = tmp_path / "stack.toml"
    document.write_text(GOOD.replace(before, after))
    assert not reads(document.read_text())
    assert not taplo(schema, document)


def test_taplo_accepts_the_stacks_of_this_repository(schema: Path) -> None:
    documents = [ROOT / "stack.toml", *sorted(ROOT.glob("examples/*/stack*.toml"))]
    assert [each for each in documents if not taplo(schema, each)] == []


def test_every_key_is_described_and_nothing_is_referred_to() -> None:
    schema = json_schema(Stack)
    text = json.dumps(schema)
    assert "$ref" not in text
    assert '"type": "null"' not in text
    assert not re.search(r'"description": ""', text)
    service = schema["properties"]["services"]["additionalProperties"]
    assert [key for key, each in service["properties"].items() if not each.get("description")] == []
    assert "resolved" not in service["properties"]


def test_the_schema_is_the_same_every_time() -> None:
    assert json.dumps(json_schema(Stack)) == json.dumps(json_schema(Stack))
