"""Turn the options of `up` and `plan` into the arguments of the api."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stackctl.api import ImageOptions, UpOptions
from stackctl.cli.settings import Settings
from stackctl.spec.model import PullPolicy


def plan_arguments(settings: Settings, services: tuple[str, ...], given: Mapping[str, Any]) -> dict[str, Any]:
    """Turn the options into the arguments of `api.up` and `api.plan`."""
    recreate = "always" if given["force_recreate"] else "never" if given["no_recreate"] else "changed"
    return {
        "selection": settings.selection(services, dependencies=not given["no_deps"]),
        "options": UpOptions(
            recreate=recreate,  # type: ignore[arg-type]
            recreate_dependencies=given["always_recreate_deps"],
            renew=given["renew_anon_volumes"],
            start=not given["no_start"],
            remove_orphans=given["remove_orphans"] or _says_yes(settings, "COMPOSE_REMOVE_ORPHANS"),
            tell_orphans=not _says_yes(settings, "COMPOSE_IGNORE_ORPHANS"),
            rerun=given["rerun"],
            adopt=given["adopt"],
            strict=given["strict"],
            wait_timeout=given["wait_timeout"],
            grace=given["timeout"],
        ),
        "images": ImageOptions(
            build=given["build"],
            no_build=given["no_build"],
            pull=PullPolicy.parse(given["pull"]) if given["pull"] else None,
        ),
    }


def _says_yes(settings: Settings, name: str) -> bool:
    return settings.compose_setting(name).lower() in ("1", "t", "true", "y", "yes", "on")
