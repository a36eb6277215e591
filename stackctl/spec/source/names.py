"""What the files name, whatever else is wrong with them: a shell completes names while a file is being written."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from typing import Any

from stackctl.errors import UsageError
from stackctl.spec.source.discovery import locations, merge, table
from stackctl.spec.source.request import StackRequest

_HEADER = r"""(?m)^[ \t]*\[[ \t]*(services|jobs)[ \t]*\.[ \t]*(?:["']([^"'\n]+)["']|([A-Za-z0-9_-]+))"""


def names(request: StackRequest) -> tuple[list[str], set[str]]:
    """The names of services and jobs, and those of profiles. A file that is missing gives none; one
    with a mistake in its syntax gives the services and jobs whose headers can be read.
    """
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
            text = path.read_text(encoding="utf-8")
        except (OSError, ValueError):
            continue
        try:
            yield tomllib.loads(text)
        except (ValueError, RecursionError):
            yield _headers(text)


def _headers(text: str) -> dict[str, Any]:
    """The services and jobs whose tables begin on a line of their own, in a text that is not TOML."""
    found: dict[str, Any] = {}
    for section, quoted, bare in re.findall(_HEADER, text):
        found.setdefault(section, {})[quoted or bare] = {}
    return found
