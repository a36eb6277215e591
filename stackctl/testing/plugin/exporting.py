"""Set variables with the addresses of the run's stack before conftest files and settings are imported.

Host ports are chosen here. The stack gets them when a test first needs it.
"""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from stackctl.errors import UsageError
from stackctl.testing.plugin.exported import EXPORTED, ExportedAddresses
from stackctl.testing.plugin.fixtures import stacks_of
from stackctl.testing.plugin.settings import PluginSettings, files

_PASSED = "STACKCTL_EXPORTED"
"""The variable with which an xdist controller passes what it has exported to its workers. They need it before xdist gives them any
input.
"""


def export(config: pytest.Config, settings: PluginSettings) -> None:
    """Set the variables of `stack_env` and `tests.environment`, if there are any. Raises StackError.

    A worker that shares the stack gets what the controller has set.
    """
    passed = _from_controller()
    if passed and settings.xdist == "shared":
        _set(config, ExportedAddresses.unpack(passed))
    elif _wanted(config, settings):
        from stackctl.testing.plugin.choosing import choose_addresses
        from stackctl.testing.runs.run import Run

        if settings.scope != "session" and settings.ports == "free":
            raise UsageError(
                f"each {settings.scope} has its own stack, so no variable can hold its address before",
                "use stack_scope = session or stack_ports = file, or leave out stack_env and tests.environment",
            )
        run = Run.unpack(passed["run"]) if passed else stacks_of(config).run
        worker = os.environ["PYTEST_XDIST_WORKER"] if passed else ""
        _set(config, choose_addresses(config, settings, run, worker))


def pass_on(config: pytest.Config) -> None:
    """Let xdist workers, which are begun after this, know what was exported."""
    if EXPORTED in config.stash:
        os.environ[_PASSED] = config.stash[EXPORTED].pack(stacks_of(config).run)


def _from_controller() -> Mapping[str, Any]:
    """What the controller has passed to this worker. It is taken away: a program that a test starts is no worker."""
    passed = os.environ.pop(_PASSED, None)
    return json.loads(passed) if passed and "PYTEST_XDIST_WORKER" in os.environ else {}


def _wanted(config: pytest.Config, settings: PluginSettings) -> bool:
    asked = config.known_args_namespace
    if getattr(asked, "help", False) or getattr(asked, "version", False):
        return False
    return bool(settings.env) or any(map(_has_tests, files(settings, config.rootpath)))


def _has_tests(file: Path) -> bool:
    """Whether a file has the table `tests`. Whatever else is in the file is read when a stack is asked for."""
    try:
        text = file.read_bytes()
        return b"tests" in text and "tests" in tomllib.loads(text.decode())
    except (OSError, ValueError):
        return False


def _set(config: pytest.Config, exported: ExportedAddresses) -> None:
    before = {name: os.environ.get(name) for name in (*exported.variables, _PASSED)}

    def put_back() -> None:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value

    os.environ.update(exported.variables)
    config.stash[EXPORTED] = exported
    config.add_cleanup(put_back)
