"""Read a stack, connect to an engine, and look at what is there. Loads no module that changes an engine."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from stackctl.engine.protocol import Engine, Look
from stackctl.errors import Problem
from stackctl.planner.world.containers import containers_of, of_project, running_container
from stackctl.planner.world.observed import ObservedContainer
from stackctl.spec.lint.circles import circles, dependencies
from stackctl.spec.model import Stack
from stackctl.spec.selection import Selection
from stackctl.spec.source.reading import read
from stackctl.spec.source.request import StackRequest

if TYPE_CHECKING:
    from stackctl.planner.world.asked import ObservedImage
    from stackctl.planner.world.used import UsedVolume


def load(
    *files: str | Path,
    name: str | None = None,
    directory: str | Path | None = None,
    project_directory: str | Path | None = None,
    overrides: Mapping[str, Any] | None = None,
    scale: Mapping[str, int] | None = None,
    env_files: Sequence[str | Path] = (),
    environ: Mapping[str, str] | None = None,
    services: Collection[str] = (),
    profiles: Collection[str] = (),
    dependencies: bool = True,
    strict: bool = True,
) -> Stack:
    """Read a stack and check it.

    | argument | meaning |
    |---|---|
    | `files` | the files; later ones are laid over earlier ones. None: the `stack.toml` in `directory` or above it |
    | `name` | the project's name; it wins over the file |
    | `directory` | what file names are relative to (default: the current directory) |
    | `project_directory` | what paths in the files are relative to (default: the directory of the first file) |
    | `overrides` | tables that are laid over the files |
    | `scale` | how many containers services have, instead of what the files say |
    | `env_files` | files of variables instead of the `.env` beside the stack; later ones win |
    | `environ` | the variables of the shell (default: `os.environ`) |
    | `services`, `profiles`, `dependencies` | the part that is asked for: unset variables of other services are no error |
    | `strict` | an unset variable is an error; else it is empty |

    Warnings are in `problems` of the stack. Raises SpecError with all mistakes at once; UsageError if there is no file, if
    the project has no valid name, or if something cannot be scaled.
    """
    request = StackRequest(
        files=[Path(file) for file in files],
        directory=Path(directory or Path.cwd()),
        environ=os.environ if environ is None else environ,
        env_files=[Path(file) for file in env_files],
        selection=Selection(services=services, profiles=profiles, dependencies=dependencies),
        strict=strict,
        name=name,
        project_directory=Path(project_directory) if project_directory else None,
        overrides=overrides,
        scale=scale or {},
    )
    return load_requested(request)


def load_requested(request: StackRequest, *, swarm: bool = False) -> Stack:
    """Read the stack of a request, and check it as `load` does. `swarm`: it is for a Swarm, where several containers of a service may
    publish one port.
    """
    if not request.strict:
        return read(request, [_circles])
    from stackctl.spec.lint.files import lint_files
    from stackctl.spec.lint.rules import lint
    from stackctl.spec.scaling import one_each

    def rules(stack: Stack) -> tuple[Problem, ...]:
        return lint(one_each(stack) if swarm else stack)

    return read(request, [rules, lambda stack: lint_files(stack, request.directory.absolute())])


def connect(
    host: str | None = None,
    context: str | None = None,
    *,
    insecure: bool = False,
    waiting: Callable[[str], None] = lambda _: None,
) -> Engine:
    """Connect to the engine that `host` or a Docker context names. If both are None, the environment decides, as for the Docker
    CLI (DOCKER_HOST, DOCKER_CONTEXT, the current context, the usual sockets).

    `insecure` allows a tcp engine on another machine without TLS: anyone on the network between could then control that
    machine. `waiting` is called once, with words about what is waited for, if the engine does not answer for three seconds.

    Raises EngineError, which says what to do, if no engine answers; UsageError for an unknown context, and for a tcp engine
    on another machine without TLS.
    """
    from stackctl.engine.transport import connect as connecting

    return connecting.connect(host, context, insecure=insecure, waiting=waiting)


def _circles(stack: Stack) -> tuple[Problem, ...]:
    """Problems of circular dependencies. This rule is needed even to look: a circle has no order."""
    return tuple(
        replace(problem, rule="SC113", severity="error") for problem in circles(stack, dependencies(stack))
    )


class Looking:
    """A stack on an engine, which is looked at. If only the name of a project is known, the stack has no services."""

    def __init__(self, stack: Stack, engine: Look) -> None:
        self.stack = stack
        self.engine = engine
        self.name = stack.project

    def containers(self, names: Collection[str] = ()) -> tuple[ObservedContainer, ...]:
        """The containers of the project, or only those of the named services. Raises UsageError for an unknown name."""
        return containers_of(self._there(), self.name, names, self.stack.everything)

    def running_container(self, name: str, index: int | None = None) -> ObservedContainer:
        """The container in which a command can run; with `index` only that replica. Raises UsageError if no container has that
        name, or if it does not run.
        """
        return running_container(self._there(), self.name, name, self.stack.everything, index)

    def images(self, containers: Collection[ObservedContainer]) -> Mapping[str, ObservedImage]:
        """The images from which the containers were made, by id. An image that the engine no longer has is left out."""
        return self.engine.images(list(dict.fromkeys(c.image_id for c in containers)))

    def volumes(self, names: Collection[str] = ()) -> tuple[UsedVolume, ...]:
        """The volumes of the project, or only those of the named services. Raises UsageError for an unknown name."""
        from stackctl.planner.world.used import used_volumes  # few looks are about volumes

        return used_volumes(self.engine.observe(self.name), self.name, names, self.stack.everything)

    def _there(self) -> list[ObservedContainer]:
        """The containers of the project."""
        return of_project(self.engine.containers(self.name), self.name)
