import json
from pathlib import Path

import pytest
from commandline import Run

pytest_plugins = ["commandline_fixtures"]

STACK = """\
[services.db]
image = "postgres:15"
environment = { POSTGRES_PASSWORD = "hunter2hunter2", TZ = "UTC" }
[services.web]
image = "nginx"
ports = ["8080:80"]
depends_on = ["db"]
"""
SCRIPT = """\
docker network create n
docker run -d --name db --network n -e POSTGRES_PASSWORD=hunter2hunter2 -e TZ=UTC postgres:15
docker run -d --name web --network n -p 127.0.0.1:8080:80 nginx
"""
CHANGED = SCRIPT.replace("UTC", "CET").replace("hunter2hunter2", "swordfish99").replace("127.0.0.1:", "")


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "stack.toml").write_text(STACK)
    (tmp_path / "run.sh").write_text(SCRIPT)
    (tmp_path / "changed.sh").write_text(CHANGED)
    return tmp_path


def test_two_that_make_the_same(run: Run, files: Path) -> None:
    ran = run("same", "stack.toml", "run.sh")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.splitlines() == [
        "Not compared:",
        "  web: depends_on.db (a script has no such setting)",
        "",
        "stack.toml and run.sh make the same: 2 containers, 1 network",
    ]
    assert run("same", ".", "stack.toml").code == 0
    assert run("same", "run.sh", "run.sh").code == 0


def test_two_that_make_something_else(run: Run, files: Path) -> None:
    ran = run("same", "stack.toml", "changed.sh")
    assert (ran.code, ran.err) == (1, "")
    assert ran.out.splitlines()[:6] == [
        "WHAT                             stack.toml               changed.sh",
        "container db",
        "· environment.POSTGRES_PASSWORD  ••• (line 3)             ••• (another one) (line 2)",
        "· environment.TZ                 UTC (line 3)             CET (line 2)",
        "container web",
        "· ports.80/tcp                   127.0.0.1:8080 (line 6)  0.0.0.0:8080 (line 3)",
    ]
    assert ran.out.splitlines()[-1] == "3 differences"
    assert "hunter2" not in ran.out
    assert "swordfish" not in ran.out


def test_it_fits_a_narrow_terminal(run: Run, files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (files / "long.sh").write_text(CHANGED.replace("CET", "Europe/" + "a b" * 60))
    monkeypatch.setattr("stackctl.show.text.style.is_terminal", lambda _: True)
    monkeypatch.setattr("stackctl.show.text.style.columns", lambda _: 60)
    ran = run("same", "stack.toml", "long.sh", NO_COLOR="1", COLUMNS="60")
    assert ran.code == 1
    assert max(map(len, ran.out.splitlines())) <= 60


def test_json(run: Run, files: Path) -> None:
    ran = run("same", "stack.toml", "changed.sh", "--json")
    found = json.loads(ran.out)
    assert (ran.code, found["version"], found["same"]) == (1, 1, False)
    assert found["differences"][1] == {
        "kind": "container",
        "name": "db",
        "key": "environment.TZ",
        "left": "UTC",
        "right": "CET",
        "left_place": {"file": "stack.toml", "line": 3, "column": 55},
        "right_place": {"file": "changed.sh", "line": 2, "column": 70},
    }
    assert found["not_compared"] == [
        {"kind": "container", "name": "web", "key": "depends_on.db", "why": "a script has no such setting"}
    ]
    assert "swordfish" not in ran.out
    assert json.loads(run("same", "run.sh", "stack.toml", "--json").out)["same"]


def test_variables_need_no_value_to_be_the_same(run: Run, files: Path) -> None:
    (files / "stack.toml").write_text(STACK.replace("hunter2hunter2", "${POSTGRES_PASSWORD}"))
    (files / "run.sh").write_text(SCRIPT.replace("=hunter2hunter2", '="$POSTGRES_PASSWORD"'))
    assert run("same", "stack.toml", "run.sh").out.endswith("make the same: 2 containers, 1 network\n")
    assert run("same", "stack.toml", "run.sh", POSTGRES_PASSWORD="x").code == 0
    ran = run("same", "stack.toml", "changed.sh")
    assert "db: environment.POSTGRES_PASSWORD (it depends on POSTGRES_PASSWORD)" in ran.out


@pytest.mark.parametrize(
    ("sides", "message"),
    [
        (("no.toml", "run.sh"), "no.toml: error: no such file"),
        (("stack.toml", "no.sh"), "no.sh cannot be read: No such file or directory"),
        (("stack.toml", "empty.sh"), "empty.sh starts no container"),
        (("compose.yaml", "run.sh"), "no services in compose.yaml"),
        (("empty", "run.sh"), "there is no stack.toml or compose.yaml in empty"),
        (("wrong.toml", "run.sh"), "wrong.toml:1:"),
        (("running", "running"), "running and running are the same containers"),
    ],
)
def test_what_cannot_be_read_is_no_difference(
    run: Run, files: Path, sides: tuple[str, str], message: str
) -> None:
    (files / "empty").mkdir()
    (files / "empty.sh").write_text("#!/bin/bash\n")
    (files / "compose.yaml").write_text("services: {}\n")
    (files / "wrong.toml").write_text("services = 1\n")
    ran = run("same", *sides)
    assert (ran.code, ran.out) == (2, "")
    assert message in ran.err


@pytest.mark.parametrize("side", ["running", "project:shop"])
def test_an_engine_that_does_not_answer_is_no_difference(run: Run, files: Path, side: str) -> None:
    ran = run("-H", f"unix://{files}/no.sock", "same", "stack.toml", side)
    assert (ran.code, ran.out) == (2, "")
    assert "no.sock" in ran.err


def test_every_note_of_a_script_is_told(run: Run, files: Path) -> None:
    (files / "run.sh").write_text(SCRIPT.replace("-p 127", "--io-maxiops 9 -p 127"))
    ran = run("same", "run.sh", "stack.toml")
    assert ran.code == 0
    assert "Left out:\n  run.sh:3:38: --io-maxiops 9 is not imported" in ran.out
