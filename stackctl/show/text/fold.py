"""Lines that are longer than the terminal is wide."""

from __future__ import annotations


def folded(text: str, width: int | None, indent: str) -> list[str]:
    """A line, broken between words if the terminal is not as wide; the lines after the first are indented."""
    if width is None or len(text) <= width:
        return [text]
    import textwrap

    return textwrap.wrap(
        text,
        max(width, 2 * len(indent)),
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
