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


def paragraphs(text: str, width: int | None) -> str:
    """A text whose paragraphs, which empty lines divide, are as wide as the terminal, but at most 100 columns."""
    if width is None:
        return text
    found = (" ".join(paragraph.split()) for paragraph in text.split("\n\n"))
    return "\n\n".join("\n".join(folded(paragraph, min(width, 100), "")) for paragraph in found)
