"""Colour, and when to leave it out."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Literal, TextIO

from msgspec import Struct

Name = Literal["bold", "dim", "red", "green", "yellow", "blue", "magenta", "cyan"]

# Select Graphic Rendition (ECMA-48, 8.3.117).
_CODES: Mapping[Name, str] = {
    "bold": "1",
    "dim": "2",
    "red": "31",
    "green": "32",
    "yellow": "33",
    "blue": "34",
    "magenta": "35",
    "cyan": "36",
}


class Style(Struct, frozen=True):
    """Dress text for a terminal: `style("api", "bold", "red")`. Without `color` the text stays as it is."""

    color: bool = False
    width: int | None = None
    """The columns of the terminal; None where a line may be as long as it likes."""

    @property
    def unbounded(self) -> Style:
        """The same, for lines that may be as long as they like."""
        return Style(color=self.color)

    def __call__(self, text: str, *names: Name) -> str:
        if not (self.color and names and text):
            return text
        return f"\x1b[{';'.join(_CODES[name] for name in names)}m{text}\x1b[0m"


PLAIN = Style()


def is_terminal(stream: TextIO) -> bool:
    """Whether a person looks at the stream, on something that can move its cursor."""
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def on_github() -> bool:
    """Whether this process is a part of a step of GitHub Actions."""
    return os.environ.get("GITHUB_ACTIONS") == "true"


def in_ci() -> bool:
    """Whether this process runs in CI, where nobody looks while it runs, even if there is a terminal."""
    return on_github() or os.environ.get("CI", "").lower() not in ("", "0", "false", "no")


def columns(stream: TextIO) -> int | None:
    """How many columns a terminal has, by COLUMNS or by its own word; None if the stream is no terminal, or one that does not say."""
    if not stream.isatty():
        return None
    try:
        return int(os.environ.get("COLUMNS") or 0) or os.get_terminal_size(stream.fileno()).columns or None
    except (OSError, ValueError):
        return None


def style_for(stream: TextIO | None, *, no_color: bool = False) -> Style:
    """Colour on a terminal, unless `--no-color` or a non-empty NO_COLOR (https://no-color.org) says otherwise, and its width.

    Without a stream there is neither.
    """
    if stream is None:
        return PLAIN
    plain = no_color or os.environ.get("NO_COLOR")
    return Style(color=not plain and is_terminal(stream), width=columns(stream))
