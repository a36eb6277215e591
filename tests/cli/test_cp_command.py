"""`stackctl cp` in words; `tests/docker/test_cp.py` compares what it does with `docker cp`."""

import io
import sys
import tarfile
from pathlib import Path

import pytest
from commandline import Run

pytest_plugins = ["commandline_fixtures"]

STACK = 'name = "shop"\n[services.db]\nimage = "app:1"\n[services.later]\nimage = "app:1"\nprofiles = ["x"]\n'


@pytest.fixture(autouse=True)
def up(there: Run, tmp_path: Path) -> None:
    (tmp_path / "stack.toml").write_text(STACK)
    (tmp_path / "dump.sql").write_text("SELECT 1\n")
    there("up")


def test_there_and_back(there: Run, tmp_path: Path) -> None:
    assert there("cp", "dump.sql", "db:/tmp").code == 0
    assert there("cp", "shop-db-1:/tmp/dump.sql", "./back").code == 0
    assert (tmp_path / "back").read_text() == "SELECT 1\n"
    (tmp_path / "a:b").write_text("colon\n")
    assert there("cp", "./a:b", "db:tmp/").code == 0
    assert there("cp", "--index", "1", "db:/tmp/a:b", "back").code == 0
    assert (tmp_path / "back").read_text() == "colon\n"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["dump.sql", "x"], 2, "neither names a service"),
        (["db:/a", "db:/b"], 2, "both name a service"),
        (["bd:/a", "x"], 2, "did you mean 'db'"),
        (["dump.sql", "later:/x"], 2, "later has no container"),
        (["--index", "2", "dump.sql", "db:/x"], 2, "has no container number 2"),
        (["nothing", "db:/tmp"], 2, "there is no nothing"),
        (["dump.sql/", "db:/tmp"], 2, "is no directory"),
        (["dump.sql", "db:/tmp/no/x"], 1, "there is no directory /tmp/no in shop-db-1"),
        (["db:/tmp/no", "."], 1, "there is no /tmp/no in shop-db-1"),
        (["db:/tmp", "no/x"], 2, "the directory no does not exist"),
        (["db:/tmp", "dump.sql"], 2, "dump.sql is a file"),
    ],
)
def test_mistakes(there: Run, words: list[str], code: int, said: str) -> None:
    ran = there("cp", *words)
    assert (ran.code, ran.out) == (code, "")
    assert said in ran.err


def test_an_archive_comes_from_stdin(there: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        archive.add(tmp_path / "dump.sql", "inside.sql")
    packed.seek(0)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(packed))
    assert there("cp", "-", "db:/tmp").code == 0
    assert there("cp", "db:/tmp/inside.sql", "out").code == 0
    assert (tmp_path / "out").read_text() == "SELECT 1\n"
