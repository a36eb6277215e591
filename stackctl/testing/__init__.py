"""Stacks for tests: a stack runs for a `with` block or for a test run, and a test works with it.

pytest finds the fixtures in `stackctl.pytest_plugin`. This package has functions that make more fixtures, and the classes of what
fixtures give.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stackctl.testing.data.postgres import Database
    from stackctl.testing.data.redis import Keyspace
    from stackctl.testing.plugin.fixtures import service_fixture, stack_fixture
    from stackctl.testing.runs.running import Recipe, running
    from stackctl.testing.stack import Output, Running, RunningService

_WHERE = {
    "Database": "data.postgres",
    "Keyspace": "data.redis",
    "Output": "stack",
    "Recipe": "runs.running",
    "Running": "stack",
    "RunningService": "stack",
    "running": "runs.running",
    "service_fixture": "plugin.fixtures",
    "stack_fixture": "plugin.fixtures",
}

__all__ = [
    "Database",
    "Keyspace",
    "Output",
    "Recipe",
    "Running",
    "RunningService",
    "running",
    "service_fixture",
    "stack_fixture",
]


def __getattr__(name: str) -> object:
    """Import a public name when it is first used: pytest loads the plugin in every run, with or without a stack."""
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_WHERE[name]}"), name)
