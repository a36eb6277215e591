"""What `import stackctl` gives."""

from __future__ import annotations

import importlib
from types import ModuleType

import pytest

import stackctl
import stackctl.planner.world.labels as labels_by_path
from stackctl.planner.world import labels


def test_a_module_must_be_importable_by_its_path() -> None:
    assert labels_by_path is labels


def test_the_package_is_a_plain_module_that_lists_its_names() -> None:
    assert type(stackctl) is ModuleType
    assert dir(stackctl) == sorted(stackctl.__all__)


@pytest.mark.parametrize("name", stackctl.__all__)
def test_every_name_must_be_there(name: str) -> None:
    assert getattr(stackctl, name) is not None


def test_a_verb_must_stay_a_verb_after_all_modules_are_imported() -> None:
    for name in ("api", "planner.up.planning", "planner.status", "testing"):
        importlib.import_module(f"stackctl.{name}")
    assert all(callable(verb) for verb in (stackctl.plan, stackctl.up, stackctl.down, stackctl.status))
