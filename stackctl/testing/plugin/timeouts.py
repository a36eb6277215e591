"""pytest-timeout: the time in which stackctl starts and removes a stack does not count against the test that needs it.

pytest-timeout calls two hooks, one to set the timer of a test and one to cancel it. They tell which timer runs, and they stop it
and set it again, whatever its method is.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import pytest


class _Timer(NamedTuple):
    """The timer of a test. `settings` are those of pytest-timeout; `timeout` is a key of them."""

    item: pytest.Item
    settings: Any
    thread: int
    """The thread that has set the timer. Only this thread may stop it: a signal's timer belongs to the main thread."""


_RUNS = pytest.StashKey[_Timer | None]()
_STOPPED = pytest.StashKey[_Timer | None]()


@pytest.hookimpl(tryfirst=True, optionalhook=True)
def pytest_timeout_set_timer(item: pytest.Item, settings: Any) -> None:
    item.config.stash[_RUNS] = _Timer(item, settings, threading.get_ident())


@pytest.hookimpl(tryfirst=True, optionalhook=True)
def pytest_timeout_cancel_timer(item: pytest.Item) -> None:
    item.config.stash[_RUNS] = None


@contextmanager
def not_counted(config: pytest.Config) -> Iterator[None]:
    """Stop the timer of the test for a block. After the block the test has its whole time again."""
    timer = config.stash.get(_RUNS, None)
    if timer is None or timer.thread != threading.get_ident():
        yield
        return
    config.hook.pytest_timeout_cancel_timer(item=timer.item)
    config.stash[_STOPPED] = timer
    try:
        yield
    finally:
        config.stash[_STOPPED] = None
        config.hook.pytest_timeout_set_timer(item=timer.item, settings=timer.settings)


@contextmanager
def at_least(config: pytest.Config, seconds: float) -> Iterator[None]:
    """Within a block that is not counted: give a block of the user's code the time of a test, but at least these seconds."""
    timer = config.stash.get(_STOPPED, None)
    if timer is None:
        yield
        return
    enough = timer.settings._replace(timeout=max(timer.settings.timeout, seconds))
    config.hook.pytest_timeout_set_timer(item=timer.item, settings=enough)
    try:
        yield
    finally:
        config.hook.pytest_timeout_cancel_timer(item=timer.item)
