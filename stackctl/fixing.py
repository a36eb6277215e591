"""Correct a stack's file where the way out is certain: a misspelt name or key, a missing dependency, a missing volume.

A word is replaced where it stands; tomlkit adds items and tables. Every other byte stays.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping, MutableMapping
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import Array, InlineTable, Item, Table

from stackctl.errors import Edit, Key, Problem
from stackctl.spec.source.locate import LEXEME, Source
from stackctl.spelling import close, suggested

SPELLING = ("SC101", "SC112", "SC302")
"""The rules whose hint may name the word that was meant."""


def corrected(source: Source, problems: Iterable[Problem]) -> str:
    """The text of a file with what can be corrected of the problems in it: first names, in a next round what is still missing.

    A change that does not leave a valid file is not made. In a YAML file only names are corrected.
    """
    valid = _valid if source.places is None else _valid_yaml
    here = [problem for problem in problems if problem.place and problem.place.file == source.file]
    text = source.text
    for problem in sorted(here, key=lambda each: -_offset(source, each)):
        text = valid(_respelt(text, _offset(source, problem), problem), text)
    if text != source.text or source.places is not None:  # what is missing may be there under its right name
        return text
    for problem in here:
        added = text
        for edit in problem.fix:
            added = _added(added, edit)
        text = _valid(added, text)
    return text


def _offset(source: Source, problem: Problem) -> int:
    at = problem.place
    return source.offset(at.line, at.column) if at and at.line else 0


def _respelt(text: str, offset: int, problem: Problem) -> str:
    """The text with the word that was meant, if the word that is written is close to it. Of a port that is open to the network,
    without its address.
    """
    if problem.rule == "SC504":
        return text[:offset] + re.sub(r"""\A(["'])(?:0\.0\.0\.0|\[::\]):""", r"\1", text[offset:])
    meant = suggested(problem.hint) if problem.rule in SPELLING else None
    token = re.compile(LEXEME).match(text, offset)
    if meant is None or token is None:
        return text
    words = [match for match in re.finditer(r"[\w.-]+", token[0]) if close(match[0], meant)]
    if len(words) != 1 or words[0][0] == meant:
        return text
    start = offset + words[0].start()
    return text[:start] + meant + text[start + len(words[0][0]) :]


def _added(text: str, edit: Edit) -> str:
    """The text with the items or the table of an edit; unchanged if they cannot be added where they belong."""
    if edit.items is None:
        name = ".".join(tomlkit.key([str(key)]).as_string() for key in edit.path)
        if at(tomllib.loads(text), edit.path) is not None:
            return text
        return with_line_ends_of(text, f"{text.rstrip()}\n\n[{name}]\n")
    try:
        document = tomlkit.parse(text)
        table = at(document, edit.path[:-1])
        key = edit.path[-1]
        if not isinstance(table, MutableMapping):
            return text
        array = table.get(key)
        if array is None:
            append(table, str(key), list(edit.items))
        elif isinstance(array, Array):
            array.extend(edit.items)
        else:
            return text
        return with_line_ends_of(text, tomlkit.dumps(document))
    except TOMLKitError:
        return text


def append(table: MutableMapping[str, Any], key: str, value: object) -> None:
    """Add a key behind the last key of a table. The comments below belong to the next table: they stay in front of it."""
    if isinstance(table, InlineTable):
        padded = table.as_string().endswith(" }")
        table[key] = value
        item = table.value.item(key)
        if isinstance(item, Item):
            item.trivia.trail = " " if padded else ""
        return
    below = []
    body = table.value.body if isinstance(table, Table) else []
    while body and body[-1][0] is None:
        below.append(body.pop())
    table[key] = value
    body.extend(reversed(below))


def at(tree: Any, path: Iterable[Key]) -> Any:
    """What stands at a path; None if nothing does."""
    for key in path:
        if not isinstance(tree, Mapping) or key not in tree:
            return None
        tree = tree[key]
    return tree


def with_line_ends_of(text: str, changed: str) -> str:
    """The changed text; its new lines end as those of the text do."""
    return (
        re.sub(r"(?<!\r)\n", "\r\n", changed)
        if "\r\n" in text and not re.search(r"(?<!\r)\n", text)
        else changed
    )


def _valid_yaml(changed: str, text: str) -> str:
    from stackctl.spec.source.yaml_text import parse

    return text if parse(Source("", changed))[1] else changed


def _valid(changed: str, text: str) -> str:
    try:
        tomllib.loads(changed)
    except tomllib.TOMLDecodeError:
        return text
    return changed
