"""The start of a stack that tests ask for: shared by all processes of the run, or for one test alone.

`session` imports this module when a test first asks: pytest loads the plugin in every run.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from msgspec import structs

from stackctl.checkouts import meant
from stackctl.engine.files import replace_file
from stackctl.engine.protocol import Engine
from stackctl.errors import StackError, UsageError
from stackctl.looking import Looking
from stackctl.planner.runs.isolation import HostPorts
from stackctl.planner.world.desire import desire
from stackctl.show.error_text import error_report
from stackctl.spec.model import Stack
from stackctl.spec.source.discovery import NAME, merge
from stackctl.testing.plugin.settings import PluginSettings, files
from stackctl.testing.runs.lease import LastingLease, Lease, Ready
from stackctl.testing.runs.run import Run
from stackctl.testing.runs.running import Recipe, RunRequest, attach, enter
from stackctl.testing.stack import Running


class StartError(StackError):
    """The stack could not be started, by this process or by another one of the run. The message says why."""


@dataclass(frozen=True)
class Wanted:
    """A stack that a fixture asks for, in the directory of the ini file. `worker`: the only worker that uses it; "" for all."""

    settings: PluginSettings
    directory: Path
    recipe: Recipe
    stack: Stack
    ready: Ready
    worker: str = ""

    @classmethod
    def by(
        cls,
        settings: PluginSettings,
        directory: Path,
        overrides: Mapping[str, Any],
        ready: Ready,
        worker: str = "",
        host_ports: HostPorts | None = None,
    ) -> Wanted:
        """What the settings ask for. `host_ports` were chosen before. Raises SpecError, UsageError."""
        recipe = Recipe(
            files=_files(settings, directory),
            overrides=merge((overrides, _tests(settings.environment))),
            services=settings.services,
            profiles=settings.profiles,
            timeout=settings.timeout,
            build=settings.build,
            memory=settings.memory,
            durable=settings.durable,
            ports=settings.ports,
            host_ports=host_ports or {},
            allow_external_volumes=settings.allow_external_volumes,
            allow_data_binds=settings.allow_data_binds,
        )
        return cls(settings, directory, recipe, recipe.load(), ready, worker)

    @cached_property
    def key(self) -> str:
        """A text that is the same for the same stack in every process."""
        desired = desire(self.stack, instance="", profiles=("*",))
        recipe = self.recipe
        ways = [recipe.memory, recipe.durable, recipe.build]
        parts = [self.worker, sorted(recipe.services), sorted(recipe.profiles), ways]
        parts += [repr(image.build) for image in desired.images]
        for kind in (desired.containers, desired.networks, desired.volumes):
            parts += [each.digest for each in kind]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


def external(wanted: Wanted, _: Run, engine: Engine) -> Running:
    """A project that runs already, and does not belong to the run. Raises UsageError if nothing of it runs."""
    if wanted.settings.project:
        stack = structs.replace(wanted.stack, project=wanted.settings.project)
    else:
        stack = meant(wanted.stack, engine, os.environ)
    project = stack.project
    if not Looking(stack, engine).containers():
        raise UsageError(
            f"nothing of project {project} runs", "stackctl up starts it; or leave out --stack-external"
        )
    return Running(stack=stack, engine=engine, timeout=wanted.settings.timeout)


def own(wanted: Wanted, run: Run, engine: Engine) -> Running:
    """Start a stack that no other test or process uses."""
    project = wanted.settings.project or f"{wanted.stack.project}-test-{run.id}"
    return _start(wanted, Lease(run, f"{project}-{secrets.token_hex(2)}", wanted.settings.keep), engine)


def shared(wanted: Wanted, run: Run, engine: Engine) -> Running:
    """Start the stack, or use it if another process of the run has started it. A lock of the run decides which."""
    file = run.directory / f"{wanted.key}.json"
    with run.locked(wanted.key):
        if file.exists():
            state = json.loads(file.read_text())
            if state["error"]:
                raise StartError(state["error"])
            request = RunRequest(wanted.recipe, wanted.stack, run, state["project"], state["marks"])
            app = attach(request, engine)
            return dataclasses.replace(app, reused=state["reused"])
        try:
            app = _start_for_all(wanted, run, engine)
        except BaseException as error:  # pytest.fail() in a hook, for one
            replace_file(file, json.dumps({"error": error_report(error)}))
            raise
        state = {
            "error": "",
            "project": app.project,
            "marks": dict(app.stack.marks),
            "reused": app.reused,
        }
        replace_file(file, json.dumps(state))
        return app


def _start_for_all(wanted: Wanted, run: Run, engine: Engine) -> Running:
    """Start the stack under the name that later runs use again, if the settings say so and no other run has the name; else under
    a name of this run.
    """
    settings, project = wanted.settings, wanted.settings.project
    usual = f"{wanted.stack.project}-test"
    suffix = f"-{wanted.worker}" if wanted.worker else ""
    if settings.reuse:
        lease = lasting(wanted, run)
        with lease.taken() as taken:
            if taken:
                return _start(wanted, lease, engine)
    name = project if project and not settings.reuse else f"{project or usual}-{run.id}"
    used = run.projects
    numbers = ("", *(f"-{number}" for number in range(2, len(used) + 3)))
    free = next(n for number in numbers if (n := f"{name}{number}{suffix}") not in used)
    return _start(wanted, Lease(run, free, settings.keep), engine)


def lasting(wanted: Wanted, run: Run) -> LastingLease:
    """The project that later runs use again: it has the same name in the same directory, for the same user and worker."""
    settings = wanted.settings
    name = settings.project or f"{wanted.stack.project}-test-{_stable(wanted.directory)}"
    suffix = f"-{wanted.worker}" if wanted.worker else ""
    return LastingLease(run, name + suffix, fresh=settings.recreate)


def _start(wanted: Wanted, lease: Lease, engine: Engine) -> Running:
    enter(lease.run, engine)
    return lease.start(wanted.recipe, wanted.stack, engine, wanted.ready)


def _tests(environment: Mapping[str, str]) -> Mapping[str, Any]:
    return {"tests": {"environment": environment}} if environment else {}


def _files(settings: PluginSettings, directory: Path) -> tuple[Path, ...]:
    """The files that are set, relative to the ini file; else the stack.toml or compose file there or in tests/."""
    found = files(settings, directory)
    if not found:
        raise UsageError(
            f"there is no {NAME} or compose.yaml in {directory} or its tests/",
            "name the file: --stack-file, or stack_file in the ini file",
        )
    return found


def _stable(directory: Path) -> str:
    """A text that is the same for the same directory and user."""
    return hashlib.sha256(f"{os.getuid()} {directory.resolve()}".encode()).hexdigest()[:8]
