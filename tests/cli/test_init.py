import re
import stat
import tomllib
from pathlib import Path
from typing import Any

import pytest
from commandline import Ran, Run

from stackctl.spec.known_images import BUILT_IN, starters

pytest_plugins = ["commandline_fixtures"]

DOCKERFILE = "FROM python:3.11-slim\nEXPOSE 9000/tcp\nCMD serve\n"


def stack(path: Path) -> dict[str, Any]:
    return tomllib.loads((path / "stack.toml").read_text())


def test_an_empty_directory_gets_something_to_look_at(run: Run, tmp_path: Path) -> None:
    ran = run("init")
    assert (ran.code, ran.err) == (0, "")
    assert stack(tmp_path)["services"] == {"nginx": {"image": "nginx:1", "ports": ["8080:80"]}}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["stack.schema.json", "stack.toml"]
    assert ran.out.splitlines()[-1] == "next: stackctl up"
    assert run("config", "-q") == Ran(0, "", "")


def test_a_dockerfile_becomes_a_service_that_knows_the_others(run: Run, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text(DOCKERFILE)
    run("init", "postgres", "redis")
    services = stack(tmp_path)["services"]
    assert services["postgres"] == {
        "image": "postgres:15",
        "volumes": ["postgres-data:/var/lib/postgresql/data"],
        "environment": {"POSTGRES_PASSWORD": "${POSTGRES_PASSWORD}", "POSTGRES_DB": "app"},
    }
    assert services["redis"] == {"image": "redis:7"}
    assert services["api"] == {
        "build": ".",
        "ports": ["9000:9000"],
        "environment": {"DATABASE_URL": "${services.postgres.url}", "REDIS_URL": "${services.redis.url}"},
    }
    assert run("config", "-q") == Ran(0, "", "")
    secret = (tmp_path / ".env").read_text().strip().removeprefix("POSTGRES_PASSWORD=")
    shown = tomllib.loads(run("config", "--show-secrets").out)["services"]["api"]
    assert shown["environment"]["DATABASE_URL"] == f"postgresql://postgres:{secret}@postgres:5432/app"
    assert shown["depends_on"] == ["postgres", "redis"]


def test_a_dockerfile_that_exposes_nothing_publishes_nothing(run: Run, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    assert run("init").code == 0
    assert stack(tmp_path)["services"] == {"api": {"build": "."}}


def test_the_password_is_generated_private_and_out_of_git(run: Run, tmp_path: Path) -> None:
    run("init", "postgres")
    env = tmp_path / ".env"
    assert re.fullmatch(r"POSTGRES_PASSWORD=[0-9a-f]{32}\n", env.read_text())
    assert stat.S_IMODE(env.stat().st_mode) == 0o600
    assert "POSTGRES_PASSWORD=change-me\n" in (tmp_path / ".env.example").read_text()
    assert (tmp_path / ".gitignore").read_text() == ".env\n"


def test_two_stacks_have_two_passwords(run: Run, tmp_path: Path) -> None:
    run("init", "postgres")
    first = (tmp_path / ".env").read_text()
    for file in ("stack.toml", ".env"):
        (tmp_path / file).unlink()
    run("init", "postgres")
    assert (tmp_path / ".env").read_text() != first


def test_what_is_there_is_kept(run: Run, tmp_path: Path) -> None:
    there = {
        ".env": "A=1\nPOSTGRES_PASSWORD=mine",
        ".env.example": "A=1",
        ".gitignore": "/.env\n",
        "stack.schema.json": "{}",
    }
    for name, text in there.items():
        (tmp_path / name).write_text(text)
    ran = run("init", "postgres", "mysql")
    assert ran.code == 0
    text = (tmp_path / ".env").read_text()
    assert text.startswith("A=1\nPOSTGRES_PASSWORD=mine\nMYSQL_ROOT_PASSWORD=")
    assert text.count("POSTGRES_PASSWORD") == 1
    example = "A=1\nPOSTGRES_PASSWORD=change-me\nMYSQL_ROOT_PASSWORD=change-me\n"
    assert (tmp_path / ".env.example").read_text() == example
    assert (tmp_path / ".gitignore").read_text() == "/.env\n"
    assert (tmp_path / "stack.schema.json").read_text() == "{}"
    assert "stack.schema.json" not in ran.out


def test_a_stack_that_exists_is_never_overwritten(run: Run, tmp_path: Path) -> None:
    (tmp_path / "stack.toml").write_text("# mine\n")
    ran = run("init", "postgres")
    assert (ran.code, ran.out) == (2, "")
    assert "stack.toml exists" in ran.err
    assert [path.name for path in tmp_path.iterdir()] == ["stack.toml"]
    assert (tmp_path / "stack.toml").read_text() == "# mine\n"


@pytest.mark.parametrize("name", sorted(starters()))
def test_every_starter_is_right_without_a_warning(run: Run, tmp_path: Path, name: str) -> None:
    assert run("init", name).code == 0
    ran = run("config", "-q")
    assert (ran.code, ran.err) == (0, "")
    service = stack(tmp_path)["services"][name]
    known = BUILT_IN.of(service["image"])
    assert known is not None
    assert known.name == name


def test_all_starters_go_together(run: Run, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text(DOCKERFILE)
    assert run("init", *starters()).code == 0
    ran = run("config", "-q")
    assert (ran.code, ran.err) == (0, "")


@pytest.mark.parametrize(
    ("image", "service", "expected", "volume"),
    [
        ("postgres:18", "postgres", "postgres:18", "postgres-data:/var/lib/postgresql"),
        ("minio:RELEASE.1", "minio", "minio/minio:RELEASE.1", "minio-data:/data"),
        (
            "pgvector/pgvector:pg17",
            "postgres",
            "pgvector/pgvector:pg17",
            "postgres-data:/var/lib/postgresql/data",
        ),
        ("localhost:5000/mysql:8", "mysql", "localhost:5000/mysql:8", "mysql-data:/var/lib/mysql"),
    ],
)
def test_an_image_of_ones_own_choice(
    run: Run, tmp_path: Path, image: str, service: str, expected: str, volume: str
) -> None:
    assert run("init", image).code == 0
    written = stack(tmp_path)["services"][service]
    assert (written["image"], written["volumes"]) == (expected, [volume])
    assert run("config", "-q").err == ""


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (["postgress"], "did you mean 'postgres'?"),
        (["somebody/thing:1"], "it knows cassandra, clickhouse"),
        (["redis", "redis:6"], "redis is given twice"),
        (['postgres:"'], "not the name of an image"),
    ],
)
def test_what_init_cannot_do(run: Run, tmp_path: Path, images: list[str], message: str) -> None:
    ran = run("init", *images)
    assert (ran.code, ran.out) == (2, "")
    assert message in ran.err
    assert list(tmp_path.iterdir()) == []


def test_where_and_under_which_name(run: Run, tmp_path: Path) -> None:
    (tmp_path / "My Shop").mkdir()
    assert run("-f", "My Shop/stack.toml", "init", "--no-schema").code == 0
    written = tmp_path / "My Shop" / "stack.toml"
    assert tomllib.loads(written.read_text())["name"] == "myshop"
    assert not written.read_text().startswith("#:schema")
    assert [path.name for path in written.parent.iterdir()] == ["stack.toml"]
    assert run("-p", "other", "init").code == 0
    assert stack(tmp_path)["name"] == "other"


def test_a_compose_file_that_is_here_can_be_imported(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "compose.yaml").write_text("services: {web: {image: nginx, ports: ['8080:80']}}\n")
    refused = run("init")
    assert refused.code == 2
    assert "stackctl up reads compose.yaml as it is" in refused.err
    assert "stackctl import compose.yaml -o stack.toml" in refused.err
    assert not (tmp_path / "stack.toml").exists()
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("click.confirm", lambda _: True)
    ran = run("init")
    assert (ran.code, ran.err) == (0, "")
    assert stack(tmp_path)["services"] == {"web": {"image": "nginx", "ports": ["*:8080:80"]}}
    assert "next: stackctl up" in ran.out
    assert run("same", "compose.yaml", "stack.toml").code == 0
