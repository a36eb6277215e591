"""The options that `up` and `plan` share: what to do, to which part of the stack."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from stackctl.cli.settings import Settings

if TYPE_CHECKING:
    from stackctl.spec.model import Stack

F = TypeVar("F", bound=Callable[..., Any])

_OPTIONS = (
    click.option("--build", is_flag=True, help="Build images also when they are here."),
    click.option("--pull", type=click.Choice(["always", "missing", "never"]), help="When to pull, for all services."),
    click.option("--force-recreate", is_flag=True, help="Recreate the named services (without names all) also when nothing changed."),
    click.option("--no-recreate", is_flag=True, help="Leave containers that exist as they are."),
    click.option("--no-deps", is_flag=True, help="Without what the named services depend on."),
    click.option("--remove-orphans", is_flag=True, help="Remove containers of services that the spec no longer has."),
    click.option("--rerun", is_flag=True, help="Run jobs again that have completed: the named ones, or all that are needed."),
    click.option("--adopt", is_flag=True, help="Take over the same project started from another directory."),
    click.option("--strict", is_flag=True, help="Warnings stop, too."),
    click.option("--wait-timeout", type=float, default=120.0, metavar="SECONDS", help="How long to wait for each service (120)."),
    click.option("-t", "--timeout", type=int, metavar="SECONDS", help="How long a container may take to stop."),
)  # fmt: skip


def planning_options(function: F) -> F:
    """Add the options that say what `up` is to do."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def checked(
    settings: Settings, services: tuple[str, ...], *, strict: bool, dependencies: bool = True
) -> Stack:
    """Read the part of the stack that is asked for. `strict`: warnings are errors.

    Raises SpecError.
    """
    from msgspec.structs import replace

    from stackctl.errors import SpecError

    stack = settings.load(services, dependencies=dependencies, warn=not strict)
    if strict and (warnings := [p for p in stack.problems if p.severity == "warning"]):
        raise SpecError(replace(problem, severity="error") for problem in warnings)
    return stack


def plan_arguments(
    settings: Settings, services: tuple[str, ...], given: dict[str, Any]
) -> tuple[Stack, dict[str, Any]]:
    """Read the stack, and turn the options into the arguments of `api.up` and `api.plan`.

    Raises SpecError, with `--strict` for warnings as well.
    """
    from stackctl.api import ImageOptions, UpOptions
    from stackctl.spec.model import PullPolicy

    if given["force_recreate"] and given["no_recreate"]:
        raise click.UsageError("--force-recreate and --no-recreate exclude each other")
    stack = checked(settings, services, strict=given["strict"], dependencies=not given["no_deps"])
    recreate = "always" if given["force_recreate"] else "never" if given["no_recreate"] else "changed"
    return stack, {
        "selection": settings.selection(services, dependencies=not given["no_deps"]),
        "options": UpOptions(
            recreate=recreate,  # type: ignore[arg-type]
            remove_orphans=given["remove_orphans"],
            rerun=given["rerun"],
            adopt=given["adopt"],
            strict=given["strict"],
            wait_timeout=given["wait_timeout"],
            grace=given["timeout"],
        ),
        "images": ImageOptions(
            build=given["build"], pull=PullPolicy(given["pull"]) if given["pull"] else None
        ),
    }
