"""`stackctl env --from`: where each variable of a container comes from, and what it hides."""

import json
from pathlib import Path

import pytest
from commandline import Run

from stackctl.engine.memory import MemoryEngine
from stackctl.planner.world.observed import ImageConfig

pytest_plugins = ["commandline_fixtures"]

STACK = """
name = "shop"
[services.api]
image = "app:1"
env_file = ["app.env", "more.env"]

[services.api.environment]
MODE = "fast"
LANG = { from_env = true }
NOWHERE = { from_env = true }
DATABASE_URL = "postgresql://u:${DB_PASSWORD}@db/${DB_NAME:-shop}"

[jobs.seed]
image = "none:1"
environment = { A = "1" }
"""


@pytest.fixture(autouse=True)
def files(tmp_path: Path) -> None:
    (tmp_path / "stack.toml").write_text(STACK)
    (tmp_path / ".env").write_text("DB_PASSWORD=hunter2\nLANG=de\n")
    (tmp_path / "app.env").write_text("# first\nMODE=slow\nLEVEL=1\nAPI_KEY=abc\n")
    (tmp_path / "more.env").write_text('export LEVEL="2"\nNOWHERE=x\n')


@pytest.fixture
def memory() -> MemoryEngine:
    return MemoryEngine({"app:1": ImageConfig(environment={"PATH": "/bin", "LEVEL": "0", "MODE": "none"})})


def rows(text: str) -> dict[str, tuple[str, str, str]]:
    """Value, origin and hidden values by variable."""
    header, *lines = text.splitlines()
    starts = [header.index(title) for title in ("VARIABLE", "VALUE", "FROM", "HIDES")]
    ends = [*starts[1:], None]
    cells = [[line[a:b].strip() for a, b in zip(starts, ends, strict=True)] for line in lines]
    return {name: (value, origin, hidden) for name, value, origin, hidden in cells}


def test_every_variable_with_its_origin_and_what_it_hides(there: Run) -> None:
    ran = there("env", "--from", "api", LANG="fr")
    assert (ran.code, ran.err) == (0, "")
    assert rows(ran.out) == {
        "API_KEY": ("•••", "env_file app.env:4", ""),
        "DATABASE_URL": (
            "postgresql://u:•••@db/shop",
            "environment stack.toml:11 (DB_PASSWORD: .env, DB_NAME: default)",
            "",
        ),
        "LANG": ("fr", "shell", ""),
        "LEVEL": ("2", "env_file more.env:1", "env_file app.env:3: 1; image app:1: 0"),
        "MODE": ("fast", "environment stack.toml:8", "env_file app.env:2: slow; image app:1: none"),
        "NOWHERE": ("(not set: taken away)", "environment stack.toml:10", "env_file more.env:2: x"),
        "PATH": ("/bin", "image app:1", ""),
    }
    assert rows(there("env", "--from", "api").out)["LANG"] == ("de", ".env", "")


def test_one_variable_with_its_secrets(there: Run) -> None:
    shown = rows(there("env", "--from", "api", "DATABASE_URL", "--show-secrets").out)
    assert {name: value for name, (value, *_) in shown.items()} == {
        "DATABASE_URL": "postgresql://u:hunter2@db/shop"
    }
    ran = there("env", "--from", "api", "MOED")
    assert (ran.code, ran.out) == (2, "")
    assert "api has no variable MOED" in ran.err
    assert "did you mean 'MODE'" in ran.err


def test_json(there: Run) -> None:
    told = json.loads(there("env", "--from", "api", "LEVEL", "--json").out)
    assert told == {
        "version": 1,
        "project": "shop",
        "service": "api",
        "variables": [
            {
                "name": "LEVEL",
                "value": "2",
                "origin": "env_file",
                "source": "more.env:1",
                "variables": [],
                "shadowed": [
                    {"value": "1", "origin": "env_file", "source": "app.env:3", "variables": []},
                    {"value": "0", "origin": "image", "source": "app:1", "variables": []},
                ],
            }
        ],
    }
    (key,) = json.loads(there("env", "--from", "api", "API_KEY", "--json").out)["variables"]
    assert key["value"] == "•••"
    (url,) = json.loads(there("env", "--from", "api", "DATABASE_URL", "--json").out)["variables"]
    assert url["variables"] == [{"name": "DB_PASSWORD", "source": ".env"}, {"name": "DB_NAME", "source": ""}]


def test_an_image_that_is_not_here_is_told(there: Run, run: Run) -> None:
    ran = there("env", "--from", "seed")
    assert rows(ran.out) == {"A": ("1", "environment stack.toml:15", "")}
    assert "note: the variables of the image none:1 are not known: it is not here" in ran.err
    ran = run("env", "--from", "seed", DOCKER_HOST="unix:///nowhere")
    assert ran.code == 0
    assert "no Docker engine answers" in ran.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--from"], "--from needs a SERVICE"),
        (["api", "MODE"], "goes with --from"),
        (["--from", "apj"], "did you mean 'api'"),
    ],
)
def test_mistakes(there: Run, words: list[str], said: str) -> None:
    ran = there("env", *words)
    assert (ran.code, ran.out) == (2, "")
    assert said in ran.err


def test_variables_of_a_raw_file_and_of_a_compose_file(there: Run, tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").write_text(
        "name: shop\nservices:\n  api:\n    image: app:1\n    env_file:\n      - {path: raw.env, format: raw}\n"
        "    environment:\n      - MODE=yaml\n      - LANG\n"
    )
    (tmp_path / "raw.env").write_text("# x\n\nQUOTED='a'\n")
    shown = rows(there("-f", "compose.yaml", "env", "--from", "api", LANG="fr").out)
    assert shown["QUOTED"] == ("'a'", "env_file raw.env:3", "")
    assert shown["MODE"] == ("yaml", "environment compose.yaml:8", "image app:1: none")
    assert shown["LANG"] == ("fr", "shell", "")
