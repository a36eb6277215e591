r"""Read `.env` files and `env_file`s as Compose does (its dotenv grammar; Compose spec, 05-services, "Env_file format").

python-dotenv splits the text into bindings. This module decides what the quotes mean: a value in single quotes stays as it
is, double quotes allow escapes and variables, a value without quotes allows variables. `$$` and `\$` mean a dollar.
"""

import functools
import io
import re
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from stackctl.errors import Place, Problem
from stackctl.spec.source.locate import Source
from stackctl.spec.text.interpolate import Flaw, Lookup, Variables, expand

LARGEST = 1 << 18
"""How many bytes a file of variables may have. No engine takes so many."""
MOST = 10_000
"""How many variables it may have."""

_KEY = r"[\w.\-\[\]]+"
_COLON = r"(?m)(?:^|(?<=\r))([^\S\n]*(?:export[^\S\n]+)?[\w.\-\[\]]+[^\S\n]*):"
_QUOTED = r"(?s)(['\"])((?:\\.|(?!\1)[^\\])*)\1"
_ESCAPE = r"\\([abfnrtv\\\"'$])"
_CONTROL = dict(zip("abfnrtv", "\a\b\f\n\r\t\v", strict=True))


class _Binding(Struct, frozen=True):
    """`value`: the text without quotes, None if there is no `=`. `written`: the text after the `=`, with quotes."""

    line: int
    key: str
    value: str | None
    written: str


def parse(
    source: Source, lookup: Lookup, *, strict: bool = True
) -> tuple[dict[str, str | None], list[Problem]]:
    """The variables of a file; None for a key without a value, which takes the caller's value.

    A variable in a value is looked for in `lookup` first, then in the lines above. Problems have a place but never show
    the line: it may hold a secret.
    """
    values: dict[str, str | None] = {}
    above: dict[str, str] = {}
    scope = Lookup((*lookup.sources, Variables("the lines above", above)))
    problems: list[Problem] = []
    for number, binding in enumerate(_bindings(source.text)):
        where = Place(source.file, binding.line, 1)
        if number == MOST:
            problems.append(
                Problem((), f"more than {MOST:,} variables", "is this the right file?", place=where)
            )
            break
        if binding.written.startswith(("'", '"')) and not re.match(_QUOTED, binding.written):
            problems.append(Problem((), "the quote is not closed", place=where))
            break  # the rest of the file may belong to the value
        if not re.fullmatch(_KEY, binding.key):
            problems.append(Problem((), "expected KEY=value", "a # starts a comment", place=where))
            continue
        value, flaws = _value(binding, scope, strict=strict)
        hint = "put the value into single quotes, or write $$, for a literal dollar"
        problems += (
            Problem((), f"{binding.key}: {flaw.message}", hint, flaw.rule, place=where) for flaw in flaws
        )
        values[binding.key] = value
        if value is not None:
            above[binding.key] = value
    return values, problems


def parse_raw(source: Source) -> tuple[dict[str, str | None], list[Problem]]:
    """The variables of a file by the rules of `docker run --env-file`: no quotes, no escapes, no variables."""
    values: dict[str, str | None] = {}
    problems = []
    for number, line in enumerate(source.text.split("\n"), 1):
        text = line.rstrip("\r").lstrip()
        if not text or text.startswith("#"):
            continue
        key, equals, value = text.partition("=")
        if not key or re.search(r"\s", key):
            problems.append(Problem((), "expected KEY=value", place=Place(source.file, number, 1)))
            continue
        values[key] = value if equals else None
    return values, problems


def key_lines(text: str, *, raw: bool = False) -> dict[str, int]:
    """The line of each variable of a file, from 1: the last one that sets it."""
    if raw:
        lines = ((line.partition("=")[0].strip(), n) for n, line in enumerate(text.split("\n"), 1))
        return {key: n for key, n in lines if key and not key.startswith("#")}
    return {binding.key: binding.line for binding in _bindings(text)}


def inherit(values: Mapping[str, str | None], lookup: Lookup) -> dict[str, str]:
    """Give each key without a value the caller's value. A key that is set nowhere is left out."""
    found = {key: lookup.get(key) if value is None else value for key, value in values.items()}
    return {key: value for key, value in found.items() if value is not None}


def _bindings(text: str) -> Iterator[_Binding]:
    """The bindings of a text. A binding that python-dotenv cannot read has an empty key.

    `KEY: value` is read as `KEY=value`; python-dotenv does not know this form, so the text is changed before. A quoted text
    of several lines may look the same: its value is taken from the unchanged text. In `KEY= # text` the text is a comment;
    not every python-dotenv knows that.
    """
    text = text.replace("\r\n", "\n")
    at, line = 0, 1
    for binding in _parser().parse_stream(io.StringIO(re.sub(_COLON, r"\1=", text))):
        original = binding.original.string
        if binding.key is not None or binding.error:
            stripped = original.lstrip()
            skipped = len(original) - len(stripped)
            equals = stripped.find("=") + 1 or len(stripped)
            after = text[at + skipped + equals : at + len(original)]
            written = after.lstrip(" \t")
            key = "" if binding.error else binding.key or ""
            value = "" if written.startswith("#") and written != after else binding.value
            yield _Binding(line + original.count("\n", 0, skipped), key, value, written)
        at += len(original)
        line += original.count("\n")


@functools.cache
def _parser() -> Any:
    """The module `dotenv.parser` alone. The rest of python-dotenv loads logging, tempfile and shutil, which takes longer than to
    read the files.
    """
    from importlib.machinery import PathFinder
    from importlib.util import module_from_spec

    if "dotenv" not in sys.modules and (package := PathFinder.find_spec("dotenv")):
        alone = PathFinder.find_spec("dotenv.parser", package.submodule_search_locations)
        if alone and alone.loader:
            module = module_from_spec(alone)
            alone.loader.exec_module(module)
            return module
    from dotenv import parser

    return parser


def _value(binding: _Binding, lookup: Lookup, *, strict: bool) -> tuple[str | None, list[Flaw]]:
    if binding.value is None:
        return None, []
    quoted = re.match(_QUOTED, binding.written)
    if quoted is None:
        return expand(binding.value.replace("\\$", "$$"), lookup, strict=strict)
    if quoted[1] == "'":
        return quoted[2], []
    return expand(re.sub(_ESCAPE, _unescape, quoted[2]), lookup, strict=strict)


def _unescape(match: re.Match[str]) -> str:
    return "$$" if match[1] == "$" else _CONTROL.get(match[1], match[1])
