"""What the files name, whatever else is wrong with them: a shell completes names while a file is being written."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from typing import Any

from stackctl.errors import UsageError
from stackctl.spec.source.discovery import locations, merge, table
from stackctl.spec.source.request import StackRequest


def names(request: StackRequest) -> tuple[list[str], set[str]]:
    """The names of services and jobs, and those of profiles. A file that is missing or is not TOML gives none."""
    tree = merge(_trees(request))
    members = {**table(tree.get("services")), **table(tree.get("jobs"))}
    profiles = [table(member).get("profiles") for member in members.values()]
    return [*members], {
        name for found in profiles if isinstance(found, list) for name in found if isinstance(name, str)
    }


def _trees(request: StackRequest) -> Iterator[dict[str, Any]]:
    try:
        paths, _ = locations(request)
    except (UsageError, OSError):
        return
    for path in paths:
        try:
            yield tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            continue
