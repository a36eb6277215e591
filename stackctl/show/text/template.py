"""Rows by a template of the docker command, `{{.Name}}: {{.State}}`: the part of Go's text/template that such templates use.

https://docs.docker.com/engine/cli/formatting/
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from stackctl.errors import UsageError
from stackctl.show.text.safe import CONTROL, clean
from stackctl.show.text.style import Style
from stackctl.show.text.table import table

Row = Mapping[str, Any]

_PART = r"\{\{(-?)\s*(.*?)\s*(-?)\}\}"
_LABELS = "Labels"
_TABLE = re.compile(r"table(?:\s+(.*))?", re.DOTALL)


def _json(value: Any) -> str:
    """JSON as the docker command writes it, but what does something to a terminal is escaped."""
    return re.sub(CONTROL, lambda found: f"\\u{ord(found[0]):04x}", json.dumps(value, ensure_ascii=False))


_FUNCTIONS: Mapping[str, Callable[[Any], str]] = {
    "json": _json,
    "lower": lambda value: _text(value).lower(),
    "upper": lambda value: _text(value).upper(),
}


def formatted(
    form: str, rows: Iterable[Row], fields: Iterable[str], titles: Mapping[str, str], style: Style
) -> str:
    """The rows in a form that the user asks for: `json` (an object a line), `table TEMPLATE`, or a template for each line.

    `fields` are the names that a template may use; `titles` name the columns of those whose title is not their name.

    Raises UsageError for a template that cannot be understood.
    """
    if form == "json":
        return "\n".join(json.dumps(dict(row)) for row in rows)
    columns = _TABLE.fullmatch(form)
    template = _unescaped(columns[1] or "" if columns else form)
    fields = [*fields]
    if columns is None:
        return "\n".join(_filled(template, row, fields) for row in rows)
    names = {field: titles.get(field, field.upper()) for field in fields}
    header = re.sub(_PART, lambda part: _title(part[2], names), template)
    lines = [_filled(template, row, fields).split("\t") for row in rows]
    return table(header.split("\t"), lines, style)


def _filled(template: str, row: Row, fields: Iterable[str]) -> str:
    return re.sub(_PART, lambda part: _value(part[2], row, fields), template)


def _value(words: str, row: Row, fields: Iterable[str]) -> str:
    if label := re.fullmatch(r'\.Label\s+"([^"]*)"', words):
        found = (text.partition("=") for text in str(row.get(_LABELS, "")).split(","))
        return clean(next((value for name, _, value in found if name == label[1]), ""))
    if literal := re.fullmatch(r'"((?:[^"\\]|\\.)*)"', words):
        return _unescaped(literal[1])
    function, _, field = words.rpartition(" ")
    if not re.fullmatch(r"\.\w*", field) or (function and function not in _FUNCTIONS) or words == ".":
        hint = (
            'write "{{.Name}}", "{{json .}}", "{{json .Name}}", "{{upper .Name}}" or "{{.Label \\"key\\"}}"'
        )
        raise UsageError(f"--format: {{{{{words}}}}} is not understood", hint)
    if field == ".":
        return _FUNCTIONS[function](dict(row))
    name = field[1:]
    if name not in fields:
        raise UsageError(f"--format: there is no field {name!r}", f"there are: {', '.join(fields)}")
    value = row.get(name, "")
    return _FUNCTIONS[function](value) if function else _text(value)


def _title(words: str, names: Mapping[str, str]) -> str:
    field = re.search(r"\.(\w+)", words)
    if label := re.search(r'\.Label\s+"([^"]*)"', words):
        return label[1].rpartition(".")[2].upper()
    return names.get(field[1], field[1].upper()) if field else ""


def _text(value: Any) -> str:
    match value:
        case bool():
            return str(value).lower()
        case str() | int() | float():
            return clean(str(value))
    return _json(value)


def _unescaped(text: str) -> str:
    """A shell's single quotes keep the backslash of `\\t`."""
    return text.replace("\\t", "\t").replace("\\n", "\n").replace('\\"', '"')
