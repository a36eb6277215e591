"""Write a file as a whole, or not at all."""

from __future__ import annotations

import difflib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from stackctl.errors import UsageError
from stackctl.show.text.safe import clean

BOM = b"\xef\xbb\xbf"
"""What some editors write in front of UTF-8. It stays."""


@contextmanager
def beside(path: Path, data: bytes) -> Iterator[Path]:
    """A new file with this data, beside a file and with its mode. It is removed at the end, unless somebody has moved it.

    Raises UsageError if the directory takes no file.
    """
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=path.suffix)
    except OSError as error:
        raise UsageError(
            f"{path} cannot be written: {error.strerror}", f"you need write permission in {path.parent}"
        ) from error
    new = Path(name)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
        new.chmod(path.stat().st_mode & 0o7777)
        yield new
    finally:
        new.unlink(missing_ok=True)


def replace_file(path: Path, data: bytes) -> None:
    """Give a file new content. A symbolic link stays one, and the file keeps its mode."""
    target = path.resolve()
    with beside(target, data) as new:
        new.replace(target)


def show_change(before: str, after: str, file: str, what: str, out: TextIO) -> None:
    """Show how a text has changed. `what`: the word for the new one."""
    lines = (before.splitlines(), after.splitlines())
    for line in difflib.unified_diff(*lines, file, f"{file} ({what})", lineterm="", n=1):
        print(clean(line), file=out)
