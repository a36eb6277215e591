"""The wheel, installed in a virtual environment of its own, must be all that `stackctl` needs besides its dependencies."""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("dist")
    build = [
        sys.executable,
        "-m",
        "build",
        "--wheel",
        "--no-isolation",
        "--outdir",
        str(directory),
        str(ROOT),
    ]
    subprocess.run(build, check=True, capture_output=True)
    (made,) = directory.iterdir()
    return made


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bin` of an environment with the wheel. Its dependencies are borrowed from this one, behind its own packages."""
    directory = tmp_path_factory.mktemp("venv")
    venv.create(directory, symlinks=True)
    python = directory / "bin/python"
    install = ["--python", str(python), "install", "--quiet", "--no-index", "--no-deps", str(wheel)]
    subprocess.run([sys.executable, "-m", "pip", *install], check=True)
    (packages,) = directory.glob("lib/python*/site-packages")
    (packages / "borrowed.pth").write_text(sysconfig.get_path("purelib"))
    return directory / "bin"


def said(program: Path, *args: str, at: Path) -> str:
    done = subprocess.run([program, *args], cwd=at, check=True, capture_output=True, text=True)
    return done.stdout


def test_every_file_of_the_package_is_in_the_wheel(wheel: Path) -> None:
    files = {str(path.relative_to(ROOT)) for path in (ROOT / "stackctl").rglob("*") if path.is_file()}
    expected = {file for file in files if "__pycache__" not in file}
    assert {"stackctl/py.typed", "stackctl/spec/known.toml"} <= expected
    with zipfile.ZipFile(wheel) as archive:
        assert expected <= set(archive.namelist())
        assert all(name.startswith(("stackctl/", "stackctl_docker-")) for name in archive.namelist())


def test_the_package_comes_from_the_wheel(installed: Path, tmp_path: Path) -> None:
    file = said(installed / "python", "-c", "import stackctl; print(stackctl.__file__)", at=tmp_path)
    assert Path(file.strip()).is_relative_to(installed.parent)


def test_the_command_helps(installed: Path, tmp_path: Path) -> None:
    assert "Bring the stack up" in said(installed / "stackctl", "--help", at=tmp_path)


def test_the_command_reads_its_data_files(installed: Path, tmp_path: Path) -> None:
    assert "services" in json.loads(said(installed / "stackctl", "schema", at=tmp_path))["properties"]
    known = "from stackctl.spec.known_images import BUILT_IN; print(BUILT_IN.of('postgres:15').port)"
    assert said(installed / "python", "-c", known, at=tmp_path) == "5432\n"


def test_the_lowest_versions_that_are_allowed_are_those_that_are_tested() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    pins = [
        Requirement(line.removesuffix(" \\"))
        for line in (ROOT / "requirements-lowest.lock").read_text().splitlines()
        if "==" in line
    ]
    tested = {pin.name: lowest(pin) for pin in pins}
    for allowed in map(Requirement, project["dependencies"]):
        assert tested[allowed.name.lower()] == lowest(allowed), f"{allowed.name}: run make lock"


def lowest(requirement: Requirement) -> Version:
    """The version of the one bound that a requirement has."""
    (bound,) = requirement.specifier
    return Version(bound.version)
