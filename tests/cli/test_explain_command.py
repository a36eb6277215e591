import json
import subprocess
import sys
from pathlib import Path

import pytest
from commandline import Run

pytest_plugins = ["commandline_fixtures"]

STACK = """
name = "shop"
[services.db]
image = "postgres:15"
environment = { POSTGRES_PASSWORD = "${DB_PASSWORD}" }
volumes = ["data:/var/lib/postgresql/data"]
[services.api]
image = "busybox"
ports = ["${PORT}:80"]
environment = { URL = "${services.db.url}" }
[volumes.data]
"""


def test_a_password_that_is_not_set_keeps_its_place_in_a_url(run: Run, tmp_path: Path) -> None:
    (tmp_path / "stack.toml").write_text(STACK)
    ran = run("explain")
    assert (ran.code, ran.err) == (0, "")
    assert 'URL="postgresql://postgres:${DB_PASSWORD}@db:5432' in ran.out
    assert "stand-in" not in ran.out
    assert run("explain", "--md").out.startswith("# shop, step by step\n")
    page = run("explain", "--html").out
    assert page.startswith("<!doctype html>")
    assert "stand-in" not in page


def test_a_value_of_the_shell_is_never_printed(run: Run, tmp_path: Path) -> None:
    (tmp_path / "stack.toml").write_text(STACK)
    for form in ((), ("--md",), ("--html",)):
        assert "hunter22" not in run("explain", *form, DB_PASSWORD="hunter22").out


@pytest.mark.parametrize("words", [("ports",), ("SC101",), ("healthcheck.interval",)])
def test_keys_and_rules_need_no_stack(run: Run, words: tuple[str, ...]) -> None:
    assert run("explain", *words).code == 0


def test_a_key_is_explained_beside_a_file_with_mistakes(run: Run, tmp_path: Path) -> None:
    (tmp_path / "stack.toml").write_text('[services.db]\nimage = "x"\nport = 1\n')
    assert run("explain", "ports").code == 0
    ran = run("explain", "db.ports")
    assert (ran.code, ran.out) == (2, "")
    assert "did you mean 'ports'?" in ran.err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--json",), "--json goes with --inside"),
        (("--inside",), "--inside needs the name of a service"),
        (("db", "--md"), "leave WHAT out"),
        (("--step", "--html"), "leave --md and --html out"),
        (("nothing",), "nothing here is called 'nothing'"),
    ],
)
def test_what_does_not_fit_together_is_refused(
    run: Run, tmp_path: Path, words: tuple[str, ...], told: str
) -> None:
    (tmp_path / "stack.toml").write_text(STACK)
    ran = run("explain", *words)
    assert (ran.code, ran.out) == (2, "")
    assert told in ran.err


@pytest.mark.parametrize("words", [["explain"], ["explain", "--html"], ["explain", "db.volumes"]])
def test_an_explanation_loads_neither_the_sdk_nor_what_others_need(tmp_path: Path, words: list[str]) -> None:
    (tmp_path / "stack.toml").write_text(STACK)
    script = (
        "import sys, json, atexit\n"
        "atexit.register(lambda: print(json.dumps(sorted(sys.modules)), file=sys.stderr))\n"
        "from stackctl.__main__ import main\n"
        f"main({words!r})\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    loaded = {name.partition(".")[0] for name in json.loads(ran.stderr)}
    assert not loaded & {"docker", "requests", "rich", "tree_sitter", "tomlkit"}


def test_without_a_file_the_stack_cannot_be_explained(run: Run) -> None:
    ran = run("explain")
    assert (ran.code, ran.out) == (2, "")
    assert "stackctl init" in ran.err
