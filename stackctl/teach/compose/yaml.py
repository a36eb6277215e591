"""Write YAML with comments. Every reader of YAML 1.1 or 1.2 gets back the values that were given.

A text stands as it is only where no reader could take it for anything else; else in double quotes, or, if it has several lines,
as a literal block.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct

from stackctl.teach.shell import comment

_PLAIN = r"[A-Za-z_/][A-Za-z0-9_./@%+,=-]*|\./[A-Za-z0-9_./@%+,=-]*|[0-9]+(?:ms|[smhbkgt])"
_MEANS = frozenset("y n yes no on off true false null".split())
"""Words that are no texts for some reader, in any case of letters."""
_LONGEST_KEY = 256
"""Characters. A key of 1024 or more must be written in another way; an escape takes up to 10 characters."""
WIDTH = 80


class Noted(Struct, frozen=True):
    """A value with comments above it. A note that begins with a space keeps its lines; any other is wrapped."""

    value: Node
    notes: tuple[str, ...]


Scalar = str | int | float | bool | None
Node = Scalar | Mapping[str, "Node"] | Sequence["Node"] | Noted
"""A list has a line for each item. A tuple of texts stands between brackets, on as few lines as it needs."""


def document(tree: Mapping[str, Node], *, head: Sequence[str] = (), dense: bool = False) -> str:
    """A YAML document. `head`: comments at its top, which are not wrapped. `dense`: no empty line stands between its parts."""
    top = [f"# {comment(line)}".rstrip() for line in head]
    lines = (line for line in _mapping(tree, 0) if line or not dense)
    return "\n".join([*top, *([""] if top else []), *lines]) + "\n"


def _mapping(tree: Mapping[str, Node], depth: int) -> Iterator[str]:
    """The lines of a mapping. In the outer two levels an empty line stands beside what has several lines."""
    pad, long = "  " * depth, False
    for index, (key, node) in enumerate(tree.items()):
        notes, value = _noted(node)
        lines = [*_comments(notes, pad), *_entry(key, value, depth)]
        if index and depth < 2 and (long or len(lines) > 1):
            yield ""
        long = len(lines) > 1
        yield from lines


def _entry(key: str, value: Node, depth: int) -> Iterator[str]:
    pad, name = "  " * depth, _text(key)
    if len(key) > _LONGEST_KEY:
        yield f"{pad}? {name}"
        name = ""
    inline = _inline(value, len(pad) + len(name) + 2)
    if inline is not None:
        yield f"{pad}{name}:{' ' if inline else ''}{inline}"
    elif isinstance(value, tuple) and (items := _in_brackets(value, len(pad))):
        yield from _filled(items, f"{pad}{name}: ", f"{pad}  ")
    elif isinstance(value, str):
        yield f"{pad}{name}: {_block(value, pad + '  ')}"
    else:
        yield f"{pad}{name}:"
        yield from _nested(value, depth + 1)


def _nested(value: Node, depth: int) -> Iterator[str]:
    if isinstance(value, Mapping):
        yield from _mapping(value, depth)
        return
    assert isinstance(value, list | tuple)
    pad = "  " * depth
    for item in value:
        notes, item = _noted(item)  # noqa: PLW2901
        yield from _comments(notes, pad)
        inline = _inline(item, len(pad) + 2)
        if inline is not None:
            yield f"{pad}- {inline}".rstrip()
        elif isinstance(item, str):
            yield f"{pad}- {_block(item, pad + '  ')}"
        else:
            first, *others = _nested(item, depth + 1)
            yield f"{pad}- {first.removeprefix(pad + '  ')}"
            yield from others


def _noted(node: Node) -> tuple[tuple[str, ...], Node]:
    """The comments of a value, outer ones first, and the value without them."""
    notes: tuple[str, ...] = ()
    while isinstance(node, Noted):
        notes, node = (*notes, *node.notes), node.value
    return notes, node


def _comments(notes: Sequence[str], pad: str) -> Iterator[str]:
    for note in notes:
        text = comment(note)
        lines = (
            [text]
            if text.startswith(" ")
            else textwrap.wrap(text, WIDTH - len(pad) - 2, break_long_words=False, break_on_hyphens=False)
        )
        yield from (f"{pad}# {line}".rstrip() for line in lines)


def _inline(value: Node, column: int) -> str | None:
    """A value that stands on the line of its key; None if it needs lines of its own."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case int() | float():
            return str(value)
        case str():
            return None if _reads_well(value) else _text(value, colons=True)
        case Mapping() if not value:
            return "{}"
        case list() | tuple() if not value:
            return "[]"
        case tuple():
            line = " ".join(_in_brackets(value, 0))
            return line if line and column + len(line) <= WIDTH else None
    return None


def _in_brackets(items: Sequence[Node], margin: int) -> list[str]:
    """The items as they stand between brackets; none if an item reads better on lines of its own."""
    texts = [f"{_quoted(item)}," for item in items if isinstance(item, str) and not _reads_well(item)]
    fit = len(texts) == len(items) and all(margin + len(text) + 4 <= WIDTH for text in texts)
    if not fit:
        return []
    texts[0] = f"[{texts[0]}"
    texts[-1] = texts[-1].removesuffix(",") + "]"
    return texts


def _filled(items: Sequence[str], first: str, pad: str) -> Iterator[str]:
    """Lines with as many items as fit."""
    line = first + items[0]
    for item in items[1:]:
        if len(line) + 1 + len(item) > WIDTH:
            yield line
            line = pad + item
        else:
            line += f" {item}"
    yield line


def _text(text: str, *, colons: bool = False) -> str:
    """A text on one line. `colons`: it is no key, so colons may stand in it without quotes, as in `postgres:15`."""
    plain = rf"(?:{_PLAIN})(?::[A-Za-z0-9_./@%+,=-]+)*" if colons else _PLAIN
    bare = re.fullmatch(plain, text) and text.lower() not in _MEANS
    return text if bare else _quoted(text)


def _quoted(text: str) -> str:
    return f'"{"".join(map(_coded, text))}"'


def _coded(letter: str) -> str:
    """A letter within double quotes."""
    if letter in '"\\':
        return f"\\{letter}"
    if letter.isprintable():
        return letter
    if letter in "\n\t\r":
        return {"\n": "\\n", "\t": "\\t", "\r": "\\r"}[letter]
    code = ord(letter)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _reads_well(text: str) -> bool:
    """Whether a text of several lines can stand as a literal block: nothing in it is invisible or needs an escape."""
    lines = text.removesuffix("\n").split("\n")
    return (
        len(lines) > 1
        and all(line.isprintable() and line == line.rstrip() for line in lines)
        and bool(lines[0] and lines[-1])
        and not lines[0].startswith((" ", "#"))
    )


def _block(text: str, pad: str) -> str:
    lines = text.removesuffix("\n").split("\n")
    return "\n".join(["|" if text.endswith("\n") else "|-", *(f"{pad}{line}".rstrip() for line in lines)])
