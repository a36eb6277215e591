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

    def __call__(self, text: str, *names: Name) -> str:
        if not (self.color and names and text):
            return text
        return f"\x1b[{';'.join(_CODES[name] for name in names)}m{text}\x1b[0m"


PLAIN = Style()


def is_terminal(stream: TextIO) -> bool:
    """Whether a person looks at the stream, on something that can move its cursor."""
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def style_for(stream: TextIO | None, *, no_color: bool = False) -> Style:
    """Colour on a terminal, unless `--no-color` or a non-empty NO_COLOR (https://no-color.org) says otherwise.

    Without a stream there is none.
    """
    if stream is None or no_color or os.environ.get("NO_COLOR"):
        return PLAIN
    return Style(is_terminal(stream))
