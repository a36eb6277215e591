"""The texts of a compose.yaml: Compose reads them as they are meant, and no secret stands in them, only the name of its variable."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import quote

from msgspec import Struct, field

from stackctl.teach.compose.yaml import Node, Noted
from stackctl.teach.script_variables import ScriptVariable, ScriptVariables, words_of_command
from stackctl.teach.shell import Piece, VariableUse

_DEFAULT = r"[^{}$'\"\\\x00-\x1f]*"
"""What Compose reads as it stands in `${NAME:-default}`."""
_MISSING = "set it in .env"
_IN_URL = "in its value, characters such as @ and / must be percent-encoded. stackctl does that by itself."


class Value(Struct, frozen=True):
    """A text of the stack, in which variables may stand. `name`: what it is the value of, as `NamedWord` says. `owner`: its service."""

    text: str
    name: str | None = None
    owner: str = ""


Tree = Any
"""A `Node` in which a `Value` may stand wherever a text may. A plain text in it is a word of Compose, or of a grammar of its own."""
Keys = dict[str, Tree]
"""The keys of a table. None: the key is left out."""


class Texts(Struct):
    """Turns a tree into what is written. All variables must be found before the first text is written."""

    variables: ScriptVariables
    secrets: dict[str, None] = field(default_factory=dict)
    """The names of the variables that the caller must give, in the order of their use."""

    def find_variables(self, tree: Tree) -> None:
        for value in _values(tree):
            self.variables.add([(value.text, value.name)], value.owner)

    def written(self, tree: Tree) -> Node:
        """The tree with its texts as Compose reads them."""
        match tree:
            case Noted(value, notes):
                return Noted(self.written(value), tuple(map(self._note, notes)))
            case Value(text, name):
                written: Node = self._text(self.variables.divided(text, name))
                return written
            case str():
                return _literal(tree)
            case Mapping():
                return {key: self.written(value) for key, value in tree.items()}
            case list() | tuple():
                return type(tree)(self.written(value) for value in tree)
        node: Node = tree
        return node

    def _text(self, pieces: Iterable[Piece]) -> Tree:
        written, encoded = "", dict[str, None]()
        for piece in pieces:
            if isinstance(piece, VariableUse):
                variable = self._variable(piece)
                written += self._use(variable, piece.name)
                if piece.name == variable.in_url:
                    encoded[variable.name] = None
            else:
                written += _literal(piece)
        return noted(written, (f"{name} stands in a URL: {_IN_URL}" for name in encoded))

    def _use(self, variable: ScriptVariable, name: str) -> str:
        """The variable with its default, or with what to say if nobody gives it."""
        text, why = variable.text, _MISSING
        if name == variable.in_url:
            if quote(text, safe="") == text:
                name = variable.name
            else:
                text, why = quote(text, safe=""), f"{variable.name}, percent-encoded"
        if variable.default is None:
            self.secrets[name] = None
            return f"${{{name}:?{why}}}"
        return f"${{{name}:-{text}}}" if re.fullmatch(_DEFAULT, text) else _literal(text)

    def _variable(self, use: VariableUse) -> ScriptVariable:
        return next(each for each in self.variables.found.values() if use.name in (each.name, each.in_url))

    def _note(self, text: str) -> str:
        return "".join(str(piece) for piece in self.variables.divided(text, ""))


def words(found: Iterable[str] | None, key: str, owner: str) -> Tree | None:
    """The words of a command that the service `owner` runs; None if the service gives no command."""
    if found is None:
        return None
    return tuple(Value(word, name, owner) for word, name in words_of_command(found, key))


def noted(value: Tree, notes: Iterable[str]) -> Tree:
    """A value with comments above it, if there are any."""
    found = tuple(notes)
    return Noted(value, found) if found else value


def without_none(keys: Keys) -> Keys:
    return {name: value for name, value in keys.items() if value is not None}


def bare(tree: Tree) -> Any:
    """The tree as plain data: without comments, and with the texts as they are."""
    match tree:
        case Noted(value):
            return bare(value)
        case Value(text):
            return text
        case Mapping():
            return {key: bare(value) for key, value in tree.items()}
        case list() | tuple():
            return [bare(value) for value in tree]
    return tree


def _literal(text: str) -> str:
    """A text in which Compose finds no variable."""
    return text.replace("$", "$$")


def _values(tree: Tree) -> Iterator[Value]:
    match tree:
        case Value():
            yield tree
        case Noted(value):
            yield from _values(value)
        case Mapping():
            for item in tree.values():
                yield from _values(item)
        case list() | tuple():
            for item in tree:
                yield from _values(item)
