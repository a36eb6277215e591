import json
import tomllib
from pathlib import Path

import pytest
from commandline import Run

pytest_plugins = ["commandline_fixtures"]

STACK = """
name = "shop"

[services.db]
image = "postgres:15"
volumes = ["pgdata:/var/lib/postgresql/data"]
env_file = "db.env"
networks = ["back"]

[services.api]
image = "shop/api:${TAG:-1}"
command = ["serve", "--api-token", "${TOKEN}", "--name", "$$HOME"]
environment = { DATABASE_URL = "postgresql://me:${TOKEN}@db:5432/app", MODE = "${MODE}" }
ports = ["${PORT}:80"]
depends_on = ["db"]
networks = ["back"]

[services.debug]
image = "busybox"
profiles = ["tools"]
environment = ["DISPLAY"]
networks = ["back"]

[networks.back]
[volumes.pgdata]
"""
VARIABLES = {"TOKEN": "t0p", "PORT": "8000"}


@pytest.fixture(autouse=True)
def _files(tmp_path: Path) -> None:
    (tmp_path / "stack.toml").write_text(STACK)
    (tmp_path / "db.env").write_text("POSTGRES_PASSWORD=hunter2\nPOSTGRES_HOST_AUTH_METHOD=trust\n")
    (tmp_path / ".env").write_text("MODE=dev\n")


def test_the_stack_is_shown_with_its_variables_filled_in(run: Run) -> None:
    ran = run("config", "--show-secrets", **VARIABLES)
    assert (ran.code, ran.err) == (0, "")
    services = tomllib.loads(ran.out)["services"]
    assert services["api"] == {
        "image": "shop/api:1",
        "command": ["serve", "--api-token", "t0p", "--name", "$$HOME"],
        "environment": {"DATABASE_URL": "postgresql://me:t0p@db:5432/app", "MODE": "dev"},
        "ports": ["8000:80"],
        "depends_on": ["db"],
        "networks": ["back"],
    }
    assert services["db"]["environment"] == {
        "POSTGRES_PASSWORD": "hunter2",
        "POSTGRES_HOST_AUTH_METHOD": "trust",
    }
    assert "env_file" not in services["db"]
    assert "debug" not in services


def test_what_is_shown_can_be_read_again_and_means_the_same(run: Run, tmp_path: Path) -> None:
    first = run("--profile", "*", "config", "--show-secrets", "-o", "again.toml", **VARIABLES)
    assert (first.code, first.out) == (0, "")
    digests = run("--profile", "*", "config", "--hash", "*", **VARIABLES)
    assert len(digests.out.splitlines()) == 3
    assert run("--profile", "*", "-f", "again.toml", "config", "--hash", "*").out == digests.out
    again = run("--profile", "*", "-f", "again.toml", "config", "--show-secrets").out
    assert again == (tmp_path / "again.toml").read_text()


def test_secrets_are_dots_unless_asked_for(run: Run) -> None:
    for arguments in (["config"], ["config", "--json"], ["config", "--variables"]):
        ran = run(*arguments, **VARIABLES)
        assert ran.code == 0
        assert "t0p" not in ran.out
        assert "hunter2" not in ran.out
    text = run("config", **VARIABLES).out
    assert text.startswith("# Secrets are shown as dots")
    assert "postgresql://me:•••@db:5432/app" in text
    assert '"--api-token",\n    "•••",' in text


def test_names_one_a_line(run: Run) -> None:
    def lines(*arguments: str) -> list[str]:
        return run(*arguments, **VARIABLES).out.splitlines()

    assert lines("config", "--services") == ["db", "api"]
    assert lines("--profile", "tools", "config", "--services") == ["db", "api", "debug"]
    assert lines("config", "--services", "db") == ["db"]
    assert lines("config", "--images") == ["postgres:15", "shop/api:1"]
    assert lines("config", "--volumes") == ["pgdata"]
    assert lines("config", "--networks") == ["back"]
    assert json.loads(run("config", "--services", "--json", **VARIABLES).out) == {
        "version": 1,
        "services": ["db", "api"],
    }


def test_profiles_are_listed_whether_they_are_on_or_not(run: Run) -> None:
    assert run("config", "--profiles", **VARIABLES).out == "tools\n"


def test_digests(run: Run) -> None:
    both = run("config", "--hash", "*", **VARIABLES).out.splitlines()
    assert [line.split()[0] for line in both] == ["db", "api"]
    assert run("config", "--hash", "api", **VARIABLES).out.splitlines() == both[1:]
    changed = run("config", "--hash", "*", **VARIABLES | {"PORT": "8001"}).out.splitlines()
    assert [before == after for before, after in zip(both, changed, strict=True)] == [True, False]
    unknown = run("config", "--hash", "nope", **VARIABLES)
    assert (unknown.code, unknown.out) == (2, "")
    assert "nope" in unknown.err


def test_variables_and_where_they_are_set(run: Run) -> None:
    ran = run("config", "--variables", TOKEN="t0p")
    assert [line.split() for line in ran.out.splitlines()] == [
        ["VARIABLE", "VALUE", "FROM"],
        ["DISPLAY", "not", "set"],
        ["MODE", "dev", ".env"],
        ["PORT", "not", "set"],
        ["TAG", "1", "default"],
        ["TOKEN", "•••", "shell"],
    ]
    found = json.loads(run("config", "--variables", "--json", "--show-secrets", TOKEN="t0p").out)
    assert found["variables"][-1] == {"name": "TOKEN", "value": "t0p", "source": "shell", "default": None}


def test_what_is_written_is_shown_without_variables(run: Run, tmp_path: Path) -> None:
    (tmp_path / "stack.override.toml").write_text('[services.api]\nports = ["9000:80"]\n')
    ran = run("config", "--no-interpolate")
    assert ran.code == 0
    api = tomllib.loads(ran.out)["services"]["api"]
    assert api["image"] == "shop/api:${TAG:-1}"
    assert api["environment"]["DATABASE_URL"] == "postgresql://me:${TOKEN}@db:5432/app"
    assert api["ports"] == ["9000:80"]


def test_json_has_long_forms_and_a_version(run: Run, tmp_path: Path) -> None:
    data = json.loads(run("config", "--json", **VARIABLES).out)
    assert (data["version"], data["project"], data["directory"]) == (1, "shop", str(tmp_path))
    api = data["stack"]["services"]["api"]
    assert api["ports"] == [{"target": 80, "published": 8000}]
    assert api["depends_on"] == {"db": {}}
    assert api["command"][-1] == "$HOME"


def test_all_mistakes_at_once(run: Run, tmp_path: Path) -> None:
    (tmp_path / "stack.toml").write_text(STACK.replace('"pgdata:/', '"data:/').replace("[networks.back]", ""))
    ran = run("config", "-q", TOKEN="x")
    assert (ran.code, ran.out) == (2, "")
    for mistake in ("PORT is not set", "data", "back", "stack.toml:6:", "stack.toml:14:"):
        assert mistake in ran.err


def test_quiet_says_nothing_of_a_stack_that_is_right(run: Run) -> None:
    ran = run("config", "-q", **VARIABLES)
    assert (ran.code, ran.out, ran.err) == (0, "", "")


def test_warnings_are_told_and_strict_makes_them_errors(run: Run, tmp_path: Path) -> None:
    (tmp_path / "stack.toml").write_text(
        '[services.db]\nimage = "mysql:8"\nenvironment = { MYSQL_ROOT_PASSWORD = "x" }\n'
    )
    told = run("config")
    assert told.code == 0
    assert "SC401" in told.err
    assert told.out
    strict = run("config", "--strict")
    assert (strict.code, strict.out) == (2, "")
    assert "SC401" in strict.err


def test_what_only_shows_when_names_are_decided_has_its_place_too(run: Run, tmp_path: Path) -> None:
    (tmp_path / "stack.toml").write_text(STACK.replace('depends_on = ["db"]', 'depends_on = ["debug"]'))
    ran = run("config", "-q", **VARIABLES)
    assert ran.code == 2
    assert "stack.toml:15:" in ran.err
    assert "--profile tools" in ran.err
    assert run("--profile", "tools", "config", "-q", **VARIABLES).code == 0


def test_a_stack_toml_is_told_as_the_compose_file_that_does_the_same(run: Run, tmp_path: Path) -> None:
    told = json.loads(run("config", "--format", "json", **VARIABLES).out)
    assert list(told) == ["name", "networks", "services", "volumes"]
    assert list(told["services"]) == ["api", "db"]
    api, db = told["services"]["api"], told["services"]["db"]
    assert api["command"] == ["serve", "--api-token", "t0p", "--name", "$$HOME"]
    assert api["ports"] == [
        {"mode": "ingress", "host_ip": "127.0.0.1", "target": 80, "published": "8000", "protocol": "tcp"}
    ]
    assert api["init"] is True
    assert api["depends_on"] == {"db": {"condition": "service_healthy", "required": True}}
    assert db["environment"] == {"POSTGRES_PASSWORD": "hunter2", "POSTGRES_HOST_AUTH_METHOD": "trust"}
    assert told["volumes"] == {"pgdata": {"name": "shop_pgdata"}}
    assert told["networks"] == {"back": {"name": "shop_back", "ipam": {}}}
    yaml = run("config", "--format", "yaml", **VARIABLES).out
    (tmp_path / "again.yaml").write_text(yaml)
    assert json.loads(run("-f", "again.yaml", "config", "--format", "json").out) == told


def test_a_compose_file_is_shown_as_compose_shows_it_with_dots_for_secrets(run: Run, tmp_path: Path) -> None:
    (tmp_path / "stack.toml").unlink()
    (tmp_path / "compose.yaml").write_text(
        "services: {a: {image: i, environment: [TOKEN], volumes: ['b:/b']}, z: {image: i}}\nvolumes: {b: , c: }\n"
    )
    shown = run("config", TOKEN="t0p").out
    assert shown.startswith("# Secrets are shown as dots")
    assert 'TOKEN: "•••"' in shown
    assert "TOKEN: t0p" in run("config", "--show-secrets", TOKEN="t0p").out
    assert run("config", "--images").out == "i\ni\n"
    assert run("config", "--volumes").out == "b\n"
    assert "MODE=dev" in run("config", "--environment").out.splitlines()


def test_variables_of_a_compose_file_can_be_listed_and_left_as_they_are(run: Run, tmp_path: Path) -> None:
    (tmp_path / "stack.toml").unlink()
    (tmp_path / "compose.yaml").write_text(
        'services: {a: {image: "i:${TAG:-1}", ports: ["${PORT}:80", "${OTHER:-1}:81"], environment: ["T=${MODE}", "P=$$PORT"], volumes: ["${DIR:-/a}/b:/b"]}}\n'
    )
    ran = run("config", "--no-interpolate")
    assert (ran.code, ran.err) == (0, "")
    assert 'image: "i:${TAG:-1}"' in ran.out
    assert '- "${PORT}:80"' in ran.out
    assert '- "${DIR:-/a}/b:/b"' in ran.out
    assert "P: $$PORT" in ran.out.replace('"', "")
    assert [line.split()[0] for line in run("config", "--variables").out.splitlines()[1:]] == [
        "DIR",
        "MODE",
        "OTHER",
        "PORT",
        "TAG",
    ]
