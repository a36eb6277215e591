"""How long a stack is wanted: `up --for`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click
from msgspec.structs import replace

from stackctl.spec.values import Duration


def with_life(arguments: Mapping[str, Any], text: str) -> dict[str, Any]:
    """The arguments of `api.up`, with the time that `--for` gives. Raises click.UsageError for what is no length of time."""
    try:
        seconds = Duration.parse(text).whole_seconds
    except ValueError as error:
        raise click.UsageError(f"--for: {error}") from error
    return {**arguments, "options": replace(arguments["options"], life=seconds)}
