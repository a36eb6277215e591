"""What `up` and `plan` are told: the part of the stack that is asked for, and the arguments of the api."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from stackctl.api import ImageOptions, UpOptions
from stackctl.cli.settings import Settings
from stackctl.spec.model import PullPolicy, Stack


def plan_arguments(
    settings: Settings, services: tuple[str, ...], given: Mapping[str, Any]
) -> tuple[Stack, dict[str, Any]]:
    """Read the stack, and turn the options into the arguments of `api.up` and `api.plan`.

    Raises SpecError, with `--strict` for warnings as well.
    """
    if given["force_recreate"] and given["no_recreate"]:
        raise click.UsageError("--force-recreate and --no-recreate exclude each other")
    stack = settings.load_asked(services, strict=given["strict"], dependencies=not given["no_deps"])
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
