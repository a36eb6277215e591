"""Turn the text of a YAML file into nodes, or into problems. No text leads to a traceback.

PyYAML's parser gives events with places. What a scalar means is decided here, as Compose's YAML library decides it: the core
schema of YAML 1.2, with the octal and binary numbers of YAML 1.1. So `22:22`, `yes` and `2001-01-01` are texts.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
from decimal import Decimal
from typing import Any

import yaml
from msgspec import Struct, field, structs

from stackctl.errors import Place, Problem
from stackctl.spec.source.locate import Source
from stackctl.spec.source.nodes import YamlNode
from stackctl.spec.source.toml import DEEPEST, LONGEST, LONGEST_KEY, MOST_ENTRIES, TOO_LONG, TOO_MANY
from stackctl.spelling import did_you_mean

MOST = 100_000
"""How many values a file may have once its aliases are replaced (as Compose limits it). A few lines of aliases can stand for billions."""

_TOO_MANY = f"the file stands for more than {MOST:,} values"
_TOO_DEEP = f"nested deeper than {DEEPEST} mappings and lists"
_Parser: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
_UNKNOWN_TO_C = "found unexpected ':'"
"""What libyaml says of `{key:}`, which YAML 1.2 allows. The parser in Python reads it."""
_SLOW_FROM = 100_000
"""From this length on the parser in Python takes a second."""
_TAG = "tag:yaml.org,2002:"
_FOR_MERGE = ("!reset", "!override")
_UNPRINTABLE = "[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"
_WORDS = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((f"{sign}.{word}" for sign in ("", "+") for word in ("inf", "Inf", "INF")), float("inf")),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), float("-inf")),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
}
_NUMERAL = re.compile("[-+.0-9]")
_INTEGER = re.compile(r"(?i)([-+]?)(?:0x([\da-f]+)|0b([01]+)|0o?([0-7]+)|([1-9]\d*|0))")
_FLOAT = re.compile(r"[-+]?(?:\.\d+|\d+(?:\.\d*)?)(?:[eE][-+]?\d+)?")
_HINTS = {
    _UNKNOWN_TO_C: "write a space after the colon",
    "mapping values are not allowed": 'put a text that has ": " in it into quotes; else look at the indentation',
    "could not find expected ':'": "write key: value",
    "did not find expected key": "look at the indentation, and at quotes within quotes",
    "did not find expected '-'": "look at the indentation: the items of a list begin in one column",
    "did not find expected ','": "is a bracket or a quote left open?",
    "unexpected end of stream": "is a quote left open?",
    "cannot start any token": "put the text into quotes",
    "did not find expected alphabetic": "put the text into quotes: * and & stand for aliases and anchors",
}


class Number(float):
    """A number with a point or an exponent. Its text is the one that Compose gives to containers: `1.10` becomes `1.1`, `1.0`
    becomes `1` (Go's `%v`).
    """

    __slots__ = ()

    def __str__(self) -> str:
        if not math.isfinite(self):
            return "NaN" if math.isnan(self) else f"{float(self):+}".title()
        exact = Decimal(repr(float(self))).normalize()
        exponent = exact.adjusted()
        if -4 <= exponent < 6:
            return f"{exact:f}"
        return f"{exact.scaleb(-exponent):f}e{exponent:+03d}"


class _Frame(Struct):
    """A mapping or a list that is being read."""

    start: int
    tag: str
    anchor: str | None
    is_mapping: bool
    items: dict[str, YamlNode] = field(default_factory=dict)
    merged: list[YamlNode] = field(default_factory=list)
    array: list[YamlNode] = field(default_factory=list)
    key: str | None = None
    key_at: int = 0


def parse(source: Source) -> tuple[list[YamlNode], list[Problem]]:
    """The documents of a file, and its problems. A document without any content is left out."""
    if unprintable := re.search(_UNPRINTABLE, source.text):
        message = f"the character U+{ord(unprintable[0]):04X} is not allowed in YAML"
        return [], [
            _problem(source, unprintable.start(), message, "write it as an escape within double quotes")
        ]
    return _documents(source, _Parser)


def _documents(source: Source, parser: Any) -> tuple[list[YamlNode], list[Problem]]:
    reader = _Reader(source)
    try:
        for event in yaml.parse(source.text, Loader=parser):
            reader.read(event)
    except _Refused as error:
        return [], [error.problem]
    except yaml.MarkedYAMLError as error:
        if error.problem == _UNKNOWN_TO_C and parser is not yaml.BaseLoader and len(source.text) < _SLOW_FROM:
            return _documents(source, yaml.BaseLoader)
        return [], [_syntax(source, error)]
    except yaml.YAMLError as error:
        return [], [Problem((), f"not YAML: {error}", place=Place(source.file))]
    return reader.documents, reader.problems


def _problem(source: Source, at: int, message: str, hint: str = "") -> Problem:
    return Problem((), message, hint, place=source.place(min(at, len(source.text))))


def _syntax(source: Source, error: yaml.MarkedYAMLError) -> Problem:
    message = error.problem or "this cannot be read"
    hint = next((hint for part, hint in _HINTS.items() if part in message), "")
    mark = error.problem_mark or error.context_mark
    at = mark.index if mark else 0
    if source.text[at : at + 1] == "\t":
        hint = "indent with spaces: YAML allows no tabs there"
    return _problem(source, at, f"not YAML: {message}", hint)


class _Refused(Exception):  # noqa: N818
    """What is wrong makes the rest of the file unreadable."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem


class _Reader:
    """Builds the nodes from the parser's events."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.documents: list[YamlNode] = []
        self.problems: list[Problem] = []
        self.frames: list[_Frame] = []
        self.anchors: dict[str, YamlNode | None] = {}
        """The values that have an anchor; None while the value is being read."""
        self.values = 0
        """How many values the file has so far, once its aliases are replaced."""

    def read(self, event: yaml.Event) -> None:
        match event:
            case yaml.DocumentStartEvent():
                self.anchors = {}
            case yaml.AliasEvent():
                self.alias(event)
            case yaml.ScalarEvent():
                self.scalar(event)
            case yaml.CollectionStartEvent():
                self.open(event)
            case yaml.CollectionEndEvent():
                self.close()

    def refuse(self, at: int, message: str, hint: str = "") -> _Refused:
        return _Refused(_problem(self.source, at, message, hint))

    def alias(self, event: Any) -> None:
        at = event.start_mark.index
        if event.anchor not in self.anchors:
            hint = did_you_mean(
                event.anchor, self.anchors, f"write &{event.anchor} before the value that it stands for"
            )
            raise self.refuse(at, f"no anchor is called {event.anchor!r}", hint)
        target = self.anchors[event.anchor]
        if target is None:
            raise self.refuse(
                at, f"the value of the anchor {event.anchor!r} contains itself", "take this alias out"
            )
        self.count(target.size, at)
        self.add(target, at)

    def count(self, more: int, at: int) -> None:
        self.values += more
        if self.values > MOST:
            raise self.refuse(at, _TOO_MANY, "use fewer aliases")

    def scalar(self, event: Any) -> None:
        at, frame = event.start_mark.index, self.frames[-1] if self.frames else None
        if frame and frame.is_mapping and frame.key is None:
            self.key(frame, event)
            return
        self.count(1, at)
        if len(event.value) > LONGEST:
            raise self.refuse(at, TOO_LONG, "put it into a file")
        try:
            value = _scalar(event.value, event.tag or ("" if event.implicit[0] else f"{_TAG}str"))
        except ValueError as error:
            self.problems.append(_problem(self.source, at, str(error)))
            value = event.value
        node = YamlNode(value, self.source, at, tag=event.tag if event.tag in _FOR_MERGE else "")
        if event.anchor:
            self.anchors[event.anchor] = node
        self.add(node, at)

    def key(self, frame: _Frame, event: Any) -> None:
        at, text = event.start_mark.index, event.value
        if len(text) > LONGEST_KEY:
            raise self.refuse(at, f"a key may have {LONGEST_KEY:,} characters", "is a quote left open?")
        plain_text = event.implicit[0] and not event.tag
        if plain_text and not isinstance(_scalar(text, ""), str):
            self.problems.append(
                _problem(self.source, at, f"the key {text or 'null'} is not a text", "put it into quotes")
            )
        if text in frame.items or (text == "<<" and frame.merged):
            message = f"the key {text!r} is given twice"
            self.problems.append(_problem(self.source, at, message, "keep one of the two, or merge them"))
        frame.key, frame.key_at = text, at
        if event.anchor:
            self.anchors[event.anchor] = YamlNode(text, self.source, at)

    def open(self, event: Any) -> None:
        at = event.start_mark.index
        self.count(1, at)
        if len(self.frames) >= DEEPEST:
            raise self.refuse(at, _TOO_DEEP, "is a bracket left open?")
        if self.frames and self.frames[-1].is_mapping and self.frames[-1].key is None:
            raise self.refuse(
                at,
                "a key must be a text, not a mapping or a list",
                "if it begins with { or [, put it into quotes",
            )
        if event.anchor:
            self.anchors[event.anchor] = None
        is_mapping = isinstance(event, yaml.MappingStartEvent)
        self.frames.append(_Frame(at, event.tag if event.tag in _FOR_MERGE else "", event.anchor, is_mapping))

    def close(self) -> None:
        frame = self.frames.pop()
        for merged in frame.merged:
            for key, item in merged.value.items():
                frame.items.setdefault(key, item)
        value: Any = frame.items if frame.is_mapping else frame.array
        held = [*frame.items.values(), *frame.array]
        size, depth = 1 + sum(each.size for each in held), 1 + max((each.depth for each in held), default=0)
        if size > MOST:
            raise self.refuse(frame.start, _TOO_MANY, "use fewer aliases")
        if depth > DEEPEST:
            raise self.refuse(frame.start, _TOO_DEEP, "use fewer aliases")
        node = YamlNode(value, self.source, frame.start, size, depth, frame.tag)
        if frame.anchor:
            self.anchors[frame.anchor] = node
        self.add(node, frame.start)

    def add(self, node: YamlNode, at: int) -> None:
        """Put a value where it belongs: into the mapping or list that is open, or at the top."""
        if not self.frames:
            if node.value is not None:
                self.documents.append(node)
            return
        frame = self.frames[-1]
        if len(frame.items) + len(frame.array) + len(frame.merged) >= MOST_ENTRIES:
            raise self.refuse(at, TOO_MANY, "split the file")
        if not frame.is_mapping:
            frame.array.append(structs.replace(node, at=at))
            return
        if frame.key is None:
            raise self.refuse(at, "a key must be a text, not an alias", "write the key itself")
        if frame.key == "<<":
            frame.merged += self.mappings(node, at)
        else:
            frame.items[frame.key] = structs.replace(node, at=frame.key_at)
        frame.key = None

    def mappings(self, node: YamlNode, at: int) -> list[YamlNode]:
        """The mappings that `<<` merges."""
        found = node.value if isinstance(node.value, list) else [node]
        if not all(isinstance(each.value, dict) for each in found):
            raise self.refuse(
                at, "<< needs a mapping, an alias of one, or a list of these", "write <<: *NAME"
            )
        return found


def _scalar(text: str, tag: str) -> Any:
    """What a scalar means. `tag` is its tag, or "" for a scalar without tag and quotes.

    Raises:
        ValueError: the text does not fit the tag.
    """
    kind = tag.removeprefix(_TAG)
    if kind == "binary":
        try:
            return base64.b64decode(text).decode()
        except (binascii.Error, ValueError) as error:
            raise ValueError("not the base64 form of a text") from error
    if kind not in ("", "int", "float", "bool", "null"):
        return text
    value = _plain(text)
    if kind and type(value).__name__ != {"null": "NoneType", "float": "Number"}.get(kind, kind):
        if kind == "float" and type(value) is int:
            return Number(value)
        raise ValueError(f"{text!r} is not a value of the tag !!{kind}")
    return value


def _plain(text: str) -> Any:
    if text in _WORDS:
        value = _WORDS[text]
        return Number(value) if type(value) is float else value
    if not _NUMERAL.match(text):
        return text
    digits = text.replace("_", "")
    if (match := _INTEGER.fullmatch(digits)) and len(digits) < 70:
        base, number = next((b, n) for b, n in zip((16, 2, 8, 10), match.groups()[1:], strict=True) if n)
        value = int(number, base) * (-1 if match[1] == "-" else 1)
        if -(1 << 63) <= value < 1 << 64 and not (match[1] == "-" and not value):
            return value
    return Number(digits) if _FLOAT.fullmatch(digits) else text
