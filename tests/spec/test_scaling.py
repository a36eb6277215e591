"""Other numbers of containers than the file says."""

from __future__ import annotations

from pathlib import Path

import pytest

import stackctl
from stackctl.errors import SpecError, UsageError

STACK = """\
[services.api]
image = "api:1"
deploy.replicas = 2
[services.db]
image = "mydb:1"
container_name = "it"
[jobs.seed]
image = "seed:1"
"""


def replicas(directory: Path, **scale: int) -> dict[str, int]:
    (directory / "stack.toml").write_text(STACK)
    stack = stackctl.load(directory=directory, scale=scale)
    return {name: service.replicas for name, service in stack.everything.items()}


def test_a_number_wins_over_the_file(tmp_path: Path) -> None:
    assert replicas(tmp_path) == {"api": 2, "db": 1, "seed": 1}
    assert replicas(tmp_path, api=0, db=1) == {"api": 0, "db": 1, "seed": 1}


@pytest.mark.parametrize(
    ("name", "count", "said"),
    [
        ("api", -1, "api cannot have -1 containers"),
        ("apy", 1, "no service is called 'apy'"),
        ("seed", 1, "seed is a job, which runs once: it has one container"),
    ],
)
def test_what_cannot_be_scaled(tmp_path: Path, name: str, count: int, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        replicas(tmp_path, **{name: count})


def test_a_name_that_only_one_can_have_is_an_error_with_its_place(tmp_path: Path) -> None:
    with pytest.raises(
        SpecError, match=r"stack\.toml:6:1: services\.db\.container_name: db has 2 containers"
    ):
        replicas(tmp_path, db=2)
