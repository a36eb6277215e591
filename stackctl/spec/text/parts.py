"""Text that knows where each part of it comes from: what is written, which variable, which reference.

To everything else it is the text alone. Who shows it, or writes it down for others, asks for its parts: a part from
`${DB_PASSWORD}` is a secret wherever it is used, and a script can name the variable instead of its value.
"""

import shlex
from collections.abc import Callable, Iterable, Iterator
from typing import Any, ClassVar, Self

from msgspec import Struct, structs

from stackctl.secret import DOTS, looks_secret


class VariableOrigin(Struct, frozen=True):
    """The name of a variable, and the place where it is set: `shell`, `.env`; "" where its default is used."""

    name: str
    place: str


class Reference(Struct, frozen=True):
    """`${services.SERVICE.ATTRIBUTE}`."""

    service: str
    attribute: str

    def __str__(self) -> str:
        return f"${{services.{self.service}.{self.attribute}}}"


class Part(Struct, frozen=True):
    """A piece of a text. Without a variable and a reference it stands in the file; within a reference both are possible."""

    text: str
    variable: VariableOrigin | None = None
    reference: Reference | None = None
    pending: bool = False
    """The value of the reference is not known yet; the text is the reference as it is written."""

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
    """A string; a number or boolean is written the way TOML and YAML write it (Compose spec, 05-services)."""

    __slots__ = ("parts",)
    SCHEMA: ClassVar[dict[str, Any]] = {"type": ["string", "number", "boolean"]}

    parts: tuple[Part, ...]
    """Empty where all of it is written in the file."""

    def __new__(cls, text: object = "", parts: tuple[Part, ...] = ()) -> Self:
        self = super().__new__(cls, text)
        self.parts = parts
        return self

    def __repr__(self) -> str:
        """With dots for secrets: it goes into messages and into reports of failed tests."""
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
    """The text with dots for what comes from a secret: a variable of a secret's name, the password of a service."""
    return "".join(DOTS if part.text and part.secret else part.text for part in parts(text))


def cut(text: str, start: int) -> str:
    """The text from a character on, its parts with it."""
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
    """The text with the values of its pending references; one of which none is known stays pending."""
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
    """The text as it was written, with the names of variables and references in place of their values."""
    shown: list[str] = []
    before: Reference | None = None
    for part in parts(text):
        if part.reference is None or part.reference != before:
            name = part.reference or (part.variable and f"${{{part.variable.name}}}")
            shown.append(str(name) if name else part.text)
        before = part.reference
    return "".join(shown)


def words(text: str) -> tuple[str, ...]:
    """Split a command line into words as a POSIX shell does, which nothing else in it is left to (`shlex.split`).

    Raises:
        ValueError: a quote is not closed, or a backslash ends the text.
    """
    if not isinstance(text, Text) or not text.parts:
        return tuple(shlex.split(text))
    return _Splitter().split(text.parts)


class _Splitter:
    """Reads character by character; each goes on into the word together with the part that it comes from."""

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
            # Within double quotes a backslash is one, unless it stands before one of these.
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
