"""What an explanation is made of: titled blocks of facts, each beside the command that shows the same."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator

from msgspec import Struct

from stackctl.show.text.safe import clean
from stackctl.show.text.style import PLAIN, Style

WIDTH = 80
"""The columns of an explanation: it is read on terminals and in slides."""
_INDENT = 12


class Block(Struct, frozen=True):
    """A title; sentences; text that is shown as it is; and commands that show the same."""

    title: str
    lines: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()
    code: tuple[str, ...] = ()


def blocks_text(blocks: Iterable[Block], style: Style = PLAIN) -> str:
    """The blocks, the titles in a column of their own. Sentences are wrapped; commands are not, so that they can be copied."""
    return "\n\n".join("\n".join(_lines(block, style)) for block in blocks)


def _lines(block: Block, style: Style) -> Iterator[str]:
    margin = " " * _INDENT
    body = [part for line in block.lines for part in wrapped(line, _INDENT, style)]
    body += [clean(line) for text in block.code for line in text.splitlines()]
    body += [style(f"$ {clean(command)}", "cyan") for command in block.commands]
    title = block.title
    if len(title) >= _INDENT:
        yield style(title, "bold")
        title = ""
    for line in body or [""]:
        head = style(title, "bold") + " " * (_INDENT - len(title)) if title else margin
        yield f"{head}{line}".rstrip()
        title = ""


def wrapped(text: str, indent: int = 0, style: Style = PLAIN) -> list[str]:
    """The text in lines that fit the terminal, at most `WIDTH` columns with the indent. Later lines are set in as the first one is."""
    text = clean(text)
    inner = " " * (len(text) - len(text.lstrip()))
    width = max(min(style.width or WIDTH, WIDTH) - indent, 20)
    return textwrap.wrap(
        text, width, subsequent_indent=inner, break_long_words=False, break_on_hyphens=False
    ) or [""]
