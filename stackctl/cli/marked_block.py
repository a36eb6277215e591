"""A part of a file that stackctl writes, between two marks. The rest of the file belongs to people."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from stackctl.engine.files import refuse_planted, replace_file
from stackctl.errors import UsageError
from stackctl.spec.source.loading import is_missing, read_file
from stackctl.spec.source.toml import LARGEST

BEGIN, END = "# stackctl: begin", "# stackctl: end"


def write_block(path: Path, lines: Iterable[str]) -> bool:
    """Write the lines between the marks, at the end of the file if it has no marks yet. Gives whether the file has changed. A new file
    can be read by this user alone.

    Raises UsageError if the marks do not fit, or if the file cannot be written.
    """
    try:
        refuse_planted(path)
        text = "" if is_missing(path) else read_file(path, LARGEST).decode()
        new = with_block(text, lines, path.name)
        if new == text:
            return False
        replace_file(path, new, mode=0o600)
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not UTF-8: {error}", "name another file") from error
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}", "name another file") from error
    return True


def with_block(text: str, lines: Iterable[str], name: str) -> str:
    """The text with these lines between the marks."""
    block = "".join(f"{line}\n" for line in (BEGIN, *lines, END))
    before, after = _around(text.splitlines(keepends=True), name)
    if before and not before.endswith("\n"):
        before += "\n"
    return before + block + after


def _around(lines: list[str], name: str) -> tuple[str, str]:
    """What stands before the marks and after them."""
    begins = [number for number, line in enumerate(lines) if line.strip() == BEGIN]
    ends = [number for number, line in enumerate(lines) if line.strip() == END]
    if not begins and not ends:
        return "".join(lines), ""
    if len(begins) == len(ends) == 1 and begins[0] < ends[0]:
        return "".join(lines[: begins[0]]), "".join(lines[ends[0] + 1 :])
    at = ", ".join(str(number + 1) for number in sorted([*begins, *ends]))
    raise UsageError(
        f"{name}: '{BEGIN}' and '{END}' must stand there once each, in this order; there are such lines: {at}",
        "remove these lines, and what stackctl wrote between them",
    )
