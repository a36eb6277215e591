"""Variables of a container on the command line."""

from __future__ import annotations

import os
from pathlib import Path

from stackctl.errors import SpecError, UsageError
from stackctl.spec.source.loading import read_file
from stackctl.spec.source.locate import Source
from stackctl.spec.text.dotenv import LARGEST, inherit, parse
from stackctl.spec.text.interpolate import Lookup, Variables


def variable(text: str) -> tuple[str, str | None]:
    """`NAME=VALUE`; a name alone takes the value that it has here, None if it has none."""
    name, separator, value = text.partition("=")
    return name, value if separator else os.environ.get(name)


def variables_of(file: str) -> dict[str, str]:
    """The variables of a file. Raises UsageError if it cannot be read, SpecError for its mistakes."""
    try:
        text = read_file(Path(file), LARGEST, given=True).decode()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise UsageError(f"cannot read {file}: {reason}") from error
    lookup = Lookup((Variables("shell", dict(os.environ)),))
    values, problems = parse(Source(file, text, secret=True), lookup, strict=True)
    if problems:
        raise SpecError(problems)
    return inherit(values, lookup)
