from __future__ import annotations

from pathlib import Path

import pytest

from stackctl.errors import SpecError
from stackctl.spec.source.reading import read
from stackctl.spec.source.request import StackRequest

JOB = '[jobs.seed]\nimage = "busybox"\ninputs = {}\n'


def digest(directory: Path, inputs: str = '["sql/**/*.sql"]') -> str:
    (directory / "stack.toml").write_text(JOB.format(inputs))
    return read(StackRequest(directory=directory, environ={})).jobs["seed"].inputs_digest


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "sql" / "more").mkdir(parents=True)
    (tmp_path / "sql" / "a.sql").write_text("one")
    (tmp_path / "sql" / "more" / "b.sql").write_text("two")
    (tmp_path / "sql" / "notes.txt").write_text("notes")
    return tmp_path


def test_content_and_names_count_and_nothing_else(directory: Path) -> None:
    before = digest(directory)
    (directory / "sql" / "notes.txt").write_text("other notes")
    (directory / "sql" / "a.sql").touch()
    assert digest(directory) == before
    (directory / "sql" / "a.sql").write_text("One")
    changed = digest(directory)
    assert changed != before
    (directory / "sql" / "a.sql").rename(directory / "sql" / "c.sql")
    assert digest(directory) not in (before, changed)


def test_a_directory_stands_for_the_files_in_it(directory: Path) -> None:
    before = digest(directory, '["sql"]')
    (directory / "sql" / "more" / "b.sql").write_text("changed")
    assert digest(directory, '["sql"]') != before


@pytest.mark.parametrize(
    ("pattern", "said"), [("sq/*.sql", "no file matches 'sq/*.sql'"), ("/etc/*", "no file matches '/etc/*'")]
)
def test_a_pattern_that_matches_nothing_is_an_error_with_its_place(
    directory: Path, pattern: str, said: str
) -> None:
    with pytest.raises(SpecError) as error:
        digest(directory, f'["{pattern}"]')
    assert str(error.value).startswith("stack.toml:3:11: jobs.seed.inputs[0]: " + said)


def test_a_job_without_inputs_has_no_digest(tmp_path: Path) -> None:
    (tmp_path / "stack.toml").write_text('[jobs.seed]\nimage = "busybox"\n')
    assert read(StackRequest(directory=tmp_path, environ={})).jobs["seed"].inputs_digest == ""
