"""Read compose files: parse, replace variables, bring into one form, merge, and say in full what they mean."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct, structs

from stackctl.errors import Place, Problem
from stackctl.spec.compose.canonical import canonical
from stackctl.spec.compose.meaning import explicit
from stackctl.spec.compose.merging import merged, settled, unique
from stackctl.spec.source import toml
from stackctl.spec.source.discovery import checked_name, normal
from stackctl.spec.source.loading import load, shown
from stackctl.spec.source.locate import Source
from stackctl.spec.source.nodes import NodePlaces, YamlNode, plain
from stackctl.spec.source.yaml_text import parse
from stackctl.spec.text.interpolate import Lookup, Variables, expand
from stackctl.spec.text.parts import Text

_NAME = "COMPOSE_PROJECT_NAME"


class ComposeFiles(Struct, frozen=True):
    """What compose files say, as one tree: every value is explicit, variables are replaced. The tree is empty if a file could not be
    read at all.
    """

    tree: dict[str, Any]
    sources: tuple[Source, ...]
    problems: tuple[Problem, ...]


def read_compose(
    paths: Sequence[Path], lookup: Lookup, directory: Path, *, strict: bool, given_name: str | None
) -> ComposeFiles:
    """Read compose files; later ones are laid over earlier ones.

    `directory` is the user's. If not `strict`, variables that are not set are empty without a word.
    """
    reader = _Reader(directory, strict=strict)
    documents = [document for path in paths for document in reader.parse(path)]
    if not given_name and (from_environment := lookup.get(_NAME)):
        given_name = checked_name(from_environment, _NAME)
    name = given_name or reader.declared_name(documents, lookup)
    scope = Lookup((Variables("", {_NAME: name} if name else {}), *lookup.sources))
    tree: YamlNode | None = None
    for document in documents:
        node = reader.one_form(document, scope)
        tree = unique(settled(node) or node.holding({})) if tree is None else merged(tree, node)
    if tree is None or reader.broken:
        return ComposeFiles({}, reader.placed(None), tuple(reader.problems))
    tree, notes = explicit(tree)
    found = plain(tree)
    if name:
        found["name"] = name
    beyond = toml.beyond_limits(found)
    return ComposeFiles({} if beyond else found, reader.placed(tree), (*reader.problems, *notes, *beyond))


class _Reader:
    """The files that have been read so far, and what was wrong with them."""

    def __init__(self, directory: Path, *, strict: bool) -> None:
        self.directory = directory
        self.strict = strict
        self.sources: list[Source] = []
        self.problems: list[Problem] = []
        self.broken = False
        """Whether a file could not be read at all."""

    def placed(self, tree: YamlNode | None) -> tuple[Source, ...]:
        places = NodePlaces(tree)
        return tuple(structs.replace(source, places=places) for source in self.sources)

    def parse(self, path: Path) -> list[YamlNode]:
        """The documents of a file. They are laid over each other, as if they were several files."""
        source, found = load(path, self.directory)
        if source is None and not found:
            found = [Problem((), "no such file", place=Place(shown(path, self.directory)))]
        documents: list[YamlNode] = []
        if source is not None:
            self.sources.append(source)
            if not found:
                documents, found = parse(source)
        for document in documents:
            if not isinstance(document.value, dict):
                hint = "the top of a compose file has keys such as services:"
                found.append(Problem((), "expected a mapping", hint, place=document.place))
        self.problems += found
        self.broken |= bool(found)
        return [document for document in documents if isinstance(document.value, dict)]

    def declared_name(self, documents: Sequence[YamlNode], lookup: Lookup) -> str:
        names = [each.text for document in documents if (each := document.get("name"))]
        return normal(expand(names[-1], lookup, strict=False)[0]) if names else ""

    def one_form(self, document: YamlNode, lookup: Lookup) -> YamlNode:
        """The document with its variables replaced, in its one form. `x-` keys at its top are left out: nothing reads them."""
        kept = {key: item for key, item in document.value.items() if not key.startswith("x-")}
        node, problems = canonical(self.replaced(document.holding(kept), lookup, ()))
        self.problems += problems
        return node

    def replaced(self, node: YamlNode, lookup: Lookup, path: tuple[str | int, ...]) -> YamlNode:
        """The value with its variables replaced. Every text of it becomes a `Text`: it is not looked through again."""
        match node.value:
            case dict():
                return node.holding(
                    {key: self.replaced(item, lookup, (*path, key)) for key, item in node.value.items()}
                )
            case list():
                return node.holding(
                    [self.replaced(item, lookup, (*path, n)) for n, item in enumerate(node.value)]
                )
            case str():
                return node.holding(
                    self.filled(node, lookup, path) if "$" in node.value else Text(node.value)
                )
        return node

    def filled(self, node: YamlNode, lookup: Lookup, path: tuple[str | int, ...]) -> Text:
        text, flaws = expand(node.value, lookup, strict=self.strict, lenient=True)
        self.problems += (
            Problem(path, flaw.message, flaw.hint, flaw.rule, flaw.severity, node.place) for flaw in flaws
        )
        return text
