import json
import platform
import re
from importlib import metadata

import pytest
from commandline import Run

from stackctl import __version__
from stackctl.cli import cli
from stackctl.cli.settings import Settings
from stackctl.engine.memory import MemoryEngine
from stackctl.planner.world.observed import ObservedEngine

pytest_plugins = ["commandline_fixtures"]

NOWHERE = {"DOCKER_HOST": "unix:///nowhere/docker.sock"}


def test_the_version_alone(run: Run) -> None:
    assert run("version", "--short").out == f"{__version__}\n"
    assert run("--version").out == f"stackctl, version {__version__}\n"
    assert metadata.version("stackctl-docker") == __version__


def test_it_is_no_error_that_no_engine_answers(run: Run) -> None:
    ran = run("version", **NOWHERE)
    assert (ran.code, ran.err) == (0, "")
    lines = dict(re.split(r"  +| (?=[\d.]+$)", line, maxsplit=1) for line in ran.out.splitlines())
    assert lines["stackctl"] == __version__
    assert lines["Python"] == platform.python_version()
    assert lines["Docker SDK"] == metadata.version("docker")
    assert "/nowhere/docker.sock" in lines["engine"]


@pytest.mark.parametrize("options", [["--context", "nope"], ["-H", "::"]])
def test_neither_is_an_engine_that_cannot_be_named(run: Run, options: list[str]) -> None:
    ran = run(*options, "version", "--json")
    assert ran.code == 0
    found = json.loads(ran.out)
    assert found["version"] == 1
    assert found["stackctl"] == __version__
    assert found["engine"] is None
    assert found["problem"]


def test_the_engine_that_answers(capsys: pytest.CaptureFixture[str]) -> None:
    info = ObservedEngine(
        id="x", name="docker", version="28.5.2", api=(1, 51), endpoint="unix:///var/run/docker.sock"
    )
    settings = Settings(_engine=MemoryEngine(info=info))
    cli.main(["version"], standalone_mode=False, obj=settings)
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.split(maxsplit=1)[1] == "docker 28.5.2 (API 1.51) at unix:///var/run/docker.sock"
    cli.main(["version", "--json"], standalone_mode=False, obj=settings)
    assert json.loads(capsys.readouterr().out)["engine"] == {
        "name": "docker", "version": "28.5.2", "api": "1.51", "endpoint": "unix:///var/run/docker.sock",
    }  # fmt: skip
