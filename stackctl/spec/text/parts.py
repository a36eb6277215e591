"""Text that knows where each of its parts comes from: from the file, a variable or a reference.

Most code uses it as a plain string. Code that shows a text, or writes it into a file, asks for the parts: a part from
`${DB_PASSWORD}` stays a secret wherever it is used, and a script can name the variable instead of its value.
"""

import shlex
from collections.abc import Callable, Iterable, Iterator
from typing import Any, ClassVar, Self

from msgspec import Struct, structs

from stackctl.secret import DOTS, looks_secret


class VariableOrigin(Struct, frozen=True):
    """The name of a variable, and the place where it is set: `shell`, `.env`; "" if its default is used."""

    name: str
    place: str


class Reference(Struct, frozen=True):
    """`${services.SERVICE.ATTRIBUTE}`."""

    service: str
    attribute: str

    def __str__(self) -> str:
        return f"${{services.{self.service}.{self.attribute}}}"


class Part(Struct, frozen=True):
    """A piece of a text. A piece without `variable` and `reference` stands in the file as it is. A piece of a reference's value
    may come from a variable as well.
    """

    text: str
    variable: VariableOrigin | None = None
    reference: Reference | None = None
    pending: bool = False
    """Whether the value of the reference is not known yet. Then the text is the reference as the file writes it."""

    @property
    def literal(self) -> bool:
        return self.variable is None and self.reference is None

    @property
    def secret(self) -> bool:
        named = self.variable is not None and looks_secret(self.variable.name)
        return named or (
            self.reference is not None and self.reference.attribute == "password" and not self.pending
        )


class Text(str):
    """A string. A number or a boolean becomes text as TOML and YAML write it (Compose spec, 05-services)."""

    __slots__ = ("parts",)
    SCHEMA: ClassVar[dict[str, Any]] = {"type": ["string", "number", "boolean"]}

    parts: tuple[Part, ...]
    """Empty if the whole text stands in the file."""

    def __new__(cls, text: object = "", parts: tuple[Part, ...] = ()) -> Self:
        self = super().__new__(cls, text)
        self.parts = parts
        return self

    def __repr__(self) -> str:
        """The `repr`, with dots for secrets: messages and reports of failed tests show it."""
        return repr(concealed(self))

    @classmethod
    def of(cls, parts: Iterable[Part]) -> Self:
        found = tuple(part for part in parts if part.text or part.variable)
        return cls("".join(part.text for part in found), () if all(part.literal for part in found) else found)

    @classmethod
    def parse(cls, value: object) -> Self:
        match value:
            case bool():
                return cls("true" if value else "false")
            case Text():
                return cls(value, value.parts)
            case str() | int() | float():
                return cls(value)
        raise ValueError(f"expected a string, a number or true/false, found {value!r}")


def parts(text: str) -> tuple[Part, ...]:
    """The parts of any text."""
    return (text.parts if isinstance(text, Text) else ()) or (Part(str(text)),)


def concealed(text: str) -> str:
    """The text with dots for its secret parts: a variable whose name says so, or the password of a service."""
    return "".join(DOTS if part.text and part.secret else part.text for part in parts(text))


def cut(text: str, start: int) -> str:
    """The end of a text from a character on. It keeps its parts."""
    if not isinstance(text, Text) or not text.parts:
        return text[start:]
    kept = []
    for part in text.parts:
        if start < len(part.text) or not start:
            kept.append(structs.replace(part, text=part.text[start:]))
        start = max(start - len(part.text), 0)
    return Text.of(kept)


def pending(text: str) -> Iterator[Reference]:
    """The references in a text whose values are not known yet."""
    return (part.reference for part in parts(text) if part.pending and part.reference)


def filled(text: str, value: Callable[[Reference], str | None]) -> str:
    """The text with values for its pending references. A reference without a known value stays pending."""
    if not any(pending(text)):
        return text
    found: list[Part] = []
    for part in parts(text):
        known = value(part.reference) if part.pending and part.reference else None
        if known is not None:
            found += (Part(each.text, each.variable, part.reference) for each in parts(known))
        else:
            found.append(part)
    return Text.of(found)


def written(text: str) -> str:
    """The text as the file writes it: with the names of variables and references instead of their values."""
    shown: list[str] = []
    before: Reference | None = None
    for part in parts(text):
        if part.reference is None or part.reference != before:
            name = part.reference or (part.variable and f"${{{part.variable.name}}}")
            shown.append(str(name) if name else part.text)
        before = part.reference
    return "".join(shown)


def words(text: str) -> tuple[str, ...]:
    """Split a command line into words, as a POSIX shell splits it (`shlex.split`). Words keep their parts.

    Raises:
        ValueError: a quote is not closed, or a backslash ends the text.
    """
    if not isinstance(text, Text) or not text.parts:
        return tuple(shlex.split(text))
    return _Splitter().split(text.parts)


class _Splitter:
    """Reads character by character. Each character goes into a word together with its part."""

    def __init__(self) -> None:
        self.words: list[str] = []
        self.word: list[Part] | None = None
        self.quote = ""
        self.escaped = False

    def split(self, found: Iterable[Part]) -> tuple[str, ...]:
        for part in found:
            if part.pending:
                self.word = [*(self.word or []), part]
                continue
            for letter in part.text:
                self.read(letter, part)
        if self.quote:
            raise ValueError("No closing quotation")
        if self.escaped:
            raise ValueError("No escaped character")
        self.end()
        return tuple(self.words)

    def read(self, letter: str, part: Part) -> None:
        if self.escaped:
            # Within double quotes a backslash stays, unless it stands before a quote or another backslash.
            self.add(letter if not self.quote or letter in '"\\' else f"\\{letter}", part)
            self.escaped = False
        elif letter == "\\" and self.quote != "'":
            self.escaped = True
        elif letter == self.quote:
            self.quote = ""
        elif not self.quote and letter in "\"'":
            self.quote = letter
            self.word = self.word or []
        elif not self.quote and letter in " \t\r\n":
            self.end()
        else:
            self.add(letter, part)

    def add(self, text: str, part: Part) -> None:
        self.word = self.word or []
        last = self.word[-1] if self.word else None
        if last and (last.variable, last.reference) == (part.variable, part.reference):
            self.word[-1] = Part(last.text + text, part.variable, part.reference)
        else:
            self.word.append(Part(text, part.variable, part.reference))

    def end(self) -> None:
        if self.word is not None:
            self.words.append(Text.of(self.word))
        self.word = None
