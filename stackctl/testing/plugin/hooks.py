"""The hooks that a conftest.py or a plugin may implement.

With `@pytest.hookimpl(optionalhook=True)` they do no harm where pytest runs without this plugin.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from stackctl.testing.stack import Running


@pytest.hookspec
def pytest_stack_overrides(config: pytest.Config) -> Mapping[str, Any] | None:
    """Tables to lay over the stack's file, in this test run."""


@pytest.hookspec
def pytest_stack_ready(stack: Running) -> None:
    """A stack is ready, and no test has used it yet. Use this hook for migrations and snapshots.

    The hook is called once for each stack, in the process that has started the stack; all others wait. `stack.reused` says
    whether an earlier run has left the stack.
    """


@pytest.hookspec
def pytest_stack_failed(stack: Running, report: pytest.TestReport) -> None:
    """A test that uses the stack has failed; the report already shows its logs."""
