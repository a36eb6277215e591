"""The options that `up`, `plan` and `create` share: what to do, to which part of the stack."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

import click

from stackctl.cli.options import PULL, wait_timeout_option

F = TypeVar("F", bound=Callable[..., Any])


def scale_of(_: click.Context, parameter: click.Parameter, texts: tuple[str, ...]) -> dict[str, int]:
    """`SERVICE=NUMBER` as a mapping; the last number for a service wins."""
    counts = {}
    for text in texts:
        name, _sign, number = text.rpartition("=")
        if not name or not number.lstrip("-").isdigit():
            raise click.BadParameter(f"expected SERVICE=NUMBER, found {text!r}", param=parameter)
        counts[name] = int(number)
    return counts


_STARTING = (
    click.option("--no-start", is_flag=True, help="Make containers, and start none."),
    wait_timeout_option,
)
"""The options that say nothing about a command which starts nothing."""
_MAKING = (
    click.option("--build", is_flag=True, help="Build images also when they are here."),
    click.option("--no-build", is_flag=True, help="Build nothing: an image that is missing is an error."),
    click.option("--pull", type=click.Choice(PULL), help="When to pull, for all services."),
    click.option("--force-recreate", is_flag=True, help="Recreate the named services (without names all) also when nothing changed."),
    click.option("--no-recreate", is_flag=True, help="Leave containers that exist as they are."),
    click.option("--always-recreate-deps", is_flag=True, help="Recreate what the named services depend on, too."),
    click.option("-V", "--renew-anon-volumes", is_flag=True, help="Recreate with new anonymous volumes; the old ones stay."),
    click.option("--scale", multiple=True, callback=scale_of, metavar="SERVICE=NUMBER", help="So many containers of a service, for this time alone."),
    click.option("--no-deps", is_flag=True, help="Without what the named services depend on."),
    click.option("--remove-orphans", is_flag=True, help="Remove containers of services that the spec no longer has."),
    click.option("--rerun", is_flag=True, help="Run jobs again that have completed: the named ones, or all that are needed."),
    click.option("--adopt", is_flag=True, help="Take over the same project, started from another directory or by Docker Compose."),
    click.option("--strict", is_flag=True, help="Warnings stop, too."),
    click.option("-t", "--timeout", type=int, metavar="SECONDS", help="How long a container may take to stop."),
)  # fmt: skip


def planning_options(function: F) -> F:
    """Add the options that say what `up` is to do."""
    return making_options(_with(_STARTING, function))


def making_options(function: F) -> F:
    """The same for a command that starts nothing."""
    return _with(_MAKING, function)


def _with(options: Iterable[Callable[[F], F]], function: F) -> F:
    for option in reversed([*options]):
        function = option(function)
    return function


def check_planning_options(given: Mapping[str, Any]) -> None:
    """Raise UsageError for options that contradict each other."""
    if given["build"] and given["no_build"]:
        raise click.UsageError("--build and --no-build exclude each other")
    for option in ("force_recreate", "always_recreate_deps", "renew_anon_volumes"):
        if given[option] and given["no_recreate"]:
            raise click.UsageError(f"--{option.replace('_', '-')} and --no-recreate exclude each other")
