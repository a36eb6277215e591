"""Write words for bash: whatever a word holds, bash reads exactly that word, and runs nothing of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from msgspec import Struct

_BARE = r"[A-Za-z0-9_@%+=:,./-]+"
_RESERVED = frozenset(
    "case coproc do done elif else esac fi for function if in select then time until while".split()
)
"""Words that people, and shellcheck (SC1010), take for bash's own where they stand without quotes."""
_ASSIGNMENT = r"[A-Za-z0-9_.-]*="
"""The name before a value may stand outside of the quotes: `--env NAME="${VALUE}"`."""


class VariableUse(Struct, frozen=True):
    """A place in a word where the value of a variable stands; if it is not set, the default, unless that is empty."""

    name: str
    default: str = ""

    def __str__(self) -> str:
        """The variable as it stands within double quotes."""
        default = _escaped(self.default).replace("}", "\\}")
        return f"${{{self.name}:-{default}}}" if default else f"${{{self.name}}}"


Piece = str | VariableUse


def word(pieces: Sequence[Piece]) -> str:
    """The word that is made of these pieces."""
    if not any(isinstance(piece, VariableUse) for piece in pieces):
        return literal("".join(map(str, pieces)))
    first = pieces[0]
    if isinstance(first, str) and (name := re.match(_ASSIGNMENT, first)):
        return name[0] + word([piece for piece in (first[name.end() :], *pieces[1:]) if piece != ""])
    if all(isinstance(piece, VariableUse) or _fits_double_quotes(piece) for piece in pieces):
        return f'"{"".join(str(piece) if isinstance(piece, VariableUse) else _escaped(piece) for piece in pieces)}"'
    return "".join(f'"{piece}"' if isinstance(piece, VariableUse) else literal(piece) for piece in pieces)


def literal(text: str) -> str:
    """A word that is this text. Text that cannot be printed is written with escapes; so are a backslash before a quote and a
    curly quote within quotes of its own kind, which people misread (shellcheck SC1111, SC1112).
    """
    if not text.isprintable() or re.search(r"\\('|\Z)", text):
        return _ansi(text)
    if re.fullmatch(_BARE, text) and not text.startswith("=") and text not in _RESERVED:
        return text
    if re.search("['‘’]", text) and not re.search(r'[$`"\\!“”]', text):
        return f'"{text}"'
    if re.search("[‘’]", text):
        return _ansi(text)
    return "'" + text.replace("'", "'\\''") + "'"


def comment(text: str) -> str:
    """A text for a comment: on one line, without what cannot be printed."""
    return "".join(letter if letter.isprintable() else "�" for letter in text)


def command(words: Iterable[Sequence[str]], *, indent: str = "  ", width: int = 80) -> str:
    """A command of words that are written for bash. Words of one group stay on one line; groups that do not fit on the line
    continue on the next one.
    """
    groups = [" ".join(group) for group in words]
    line = indent + " ".join(groups)
    if len(line) <= width and "\n" not in line:
        return line
    return f" \\\n{indent}  ".join([indent + groups[0], *groups[1:]])


def _fits_double_quotes(text: str) -> bool:
    """Whether people read the text right within double quotes (shellcheck SC1111)."""
    return text.isprintable() and not re.search("[“”]", text)


def _escaped(text: str) -> str:
    """Text within double quotes."""
    return re.sub(r'[\\"$`]', r"\\\g<0>", text)


def _ansi(text: str) -> str:
    """A word within `$'…'`. A backslash at its end is a number: editors and other grammars take `\\'` for a quote inside."""
    coded = "".join(map(_coded, text))
    return f"$'{coded[:-2]}\\x5c'" if text.endswith("\\") else f"$'{coded}'"


def _coded(letter: str) -> str:
    """A letter within `$'…'`. Bytes are given one by one, because bash translates `\\u` by the locale."""
    if letter in "\n\r\t":
        return {"\n": "\\n", "\r": "\\r", "\t": "\\t"}[letter]
    if letter in "\\'":
        return f"\\{letter}"
    if letter.isprintable():
        return letter
    return "".join(f"\\x{byte:02x}" for byte in letter.encode())
