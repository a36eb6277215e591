"""Bring a stack of containers up and down from one file, stack.toml. Containers start in order, and each is waited for.

    import stackctl

    with stackctl.running("stack.toml") as app:      # its own project and free host ports; all is removed at the end
        httpx.get(app["api"].url("/health"))

Or step by step: `load` reads the file, `plan` decides, `up`, `down` and `execute` act, `deploy` acts on a Swarm, `status` compares. Every error is a
`StackError`, unless it is a bug of stackctl.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from stackctl.version import __version__

if TYPE_CHECKING:
    from stackctl.api import (
        DownOptions,
        ImageOptions,
        RemoveOptions,
        RunOptions,
        Selection,
        StartOptions,
        UpOptions,
        connect,
        containers,
        deploy,
        down,
        execute,
        isolated,
        kill,
        load,
        pause,
        plan,
        remove,
        restart,
        run,
        start,
        status,
        stop,
        unpause,
        up,
        wait,
    )
    from stackctl.errors import (
        EngineError,
        ExecTimeoutError,
        LockedError,
        PreflightError,
        RolledBackError,
        SpecError,
        StackError,
        UsageError,
        WaitError,
        WaitTimeoutError,
    )
    from stackctl.planner.swarm.planning import DeployOptions
    from stackctl.testing import Running, RunningService, running

_TESTING = ("Running", "RunningService", "running")
_ERRORS = (
    "EngineError",
    "ExecTimeoutError",
    "LockedError",
    "PreflightError",
    "RolledBackError",
    "SpecError",
    "StackError",
    "UsageError",
    "WaitError",
    "WaitTimeoutError",
)
_MODULES = {
    **dict.fromkeys(_ERRORS, "errors"),
    **dict.fromkeys(_TESTING, "testing"),
    "DeployOptions": "planner.swarm.planning",
}
"""Where a name is, if not in `api`."""

__all__ = [
    "DeployOptions",
    "DownOptions",
    "EngineError",
    "ExecTimeoutError",
    "ImageOptions",
    "LockedError",
    "PreflightError",
    "RemoveOptions",
    "RolledBackError",
    "RunOptions",
    "Running",
    "RunningService",
    "Selection",
    "SpecError",
    "StackError",
    "StartOptions",
    "UpOptions",
    "UsageError",
    "WaitError",
    "WaitTimeoutError",
    "__version__",
    "connect",
    "containers",
    "deploy",
    "down",
    "execute",
    "isolated",
    "kill",
    "load",
    "pause",
    "plan",
    "remove",
    "restart",
    "run",
    "running",
    "start",
    "status",
    "stop",
    "unpause",
    "up",
    "wait",
]


def __getattr__(name: str) -> object:
    """Import a public name when it is first used, so that importing stackctl costs nothing (PEP 562)."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = _MODULES.get(name, "api")
    return getattr(importlib.import_module(f"stackctl.{module}"), name)


def __dir__() -> list[str]:
    return __all__
