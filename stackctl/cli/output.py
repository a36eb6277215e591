"""A text that a command writes to a file, or to stdout."""

from __future__ import annotations

from pathlib import Path

import click

from stackctl.errors import UsageError


def write_text(output: str, text: str, *, secret: bool = False) -> None:
    """Write a text to a file, or for "-" to stdout. `secret`: a new file can be read by this user alone.

    Raises UsageError if the file cannot be written.
    """
    if output == "-":
        click.echo(text, nl=False)
        return
    from stackctl.engine.files import replace_file  # most texts go to stdout

    path = Path(output)
    try:
        if path.exists() and not path.is_file():  # a pipe, or a device
            with path.open("w", encoding="utf-8") as stream:
                stream.write(text)
        else:
            replace_file(path, text, mode=0o600 if secret else 0o666)
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}") from error
