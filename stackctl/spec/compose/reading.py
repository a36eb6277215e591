"""Read compose files: parse, replace variables, bring into one form, merge, and say in full what they mean."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct, structs

from stackctl.errors import Place, Problem
from stackctl.spec.compose.canonical import canonical
from stackctl.spec.compose.meaning import explicit
from stackctl.spec.compose.merging import merged, settled, unique
from stackctl.spec.compose.paths import relocated
from stackctl.spec.source import toml
from stackctl.spec.source.discovery import checked_name, normal
from stackctl.spec.source.environment import with_files
from stackctl.spec.source.loading import join, load, shown
from stackctl.spec.source.locate import Source
from stackctl.spec.source.nodes import NodePlaces, YamlNode, plain
from stackctl.spec.source.yaml_text import parse
from stackctl.spec.text.interpolate import Lookup, Variables, expand
from stackctl.spec.text.parts import Text
from stackctl.spelling import did_you_mean

_NAME = "COMPOSE_PROJECT_NAME"
_SECTIONS = ("services", "volumes", "networks", "secrets", "configs", "models")
"""What a file can include."""


class ComposeFiles(Struct, frozen=True):
    """What compose files say, as one tree: every value is explicit, variables are replaced. The tree is empty if a file could not be
    read at all.
    """

    tree: dict[str, Any]
    said: dict[str, Any]
    """The tree without what Compose assumes: every value in its one form, and with the keys that begin with `x-`."""
    sources: tuple[Source, ...]
    problems: tuple[Problem, ...]


def read_compose(
    paths: Sequence[Path],
    lookup: Lookup,
    base: Path,
    directory: Path,
    *,
    strict: bool,
    given_name: str | None,
    seen_from: Path | None = None,
    fill: bool = True,
) -> ComposeFiles:
    """Read compose files; later ones are laid over earlier ones.

    Paths in them are relative to `base`, those in the tree to `seen_from` (default: `base`); `directory` is the user's. If not
    `strict`, variables that are not set are empty without a word. Without `fill` every text stands as it is written.
    """
    reader = _Reader(directory, strict=strict, fill=fill)
    documents = [document for path in paths for document in reader.parse(path, given=seen_from is None)]
    if not given_name and (from_environment := lookup.get(_NAME)):
        given_name = checked_name(from_environment, _NAME)
    name = given_name or reader.declared_name(documents, lookup) or normal(base.name)
    scope = Lookup((Variables("", {_NAME: name} if name else {}), *lookup.sources))
    tree = reader.laid_over(documents, _Place(base, scope, tuple(map(str, paths))))
    if tree is None or reader.broken:
        return ComposeFiles({}, {}, reader.placed(None), tuple(reader.problems))
    if seen_from:
        tree = relocated(tree, os.path.relpath(base, seen_from))
    said = plain(tree)
    tree, notes = explicit(tree)
    found = plain(tree)
    if name:
        found["name"] = name
    beyond = toml.beyond_limits(found)
    return ComposeFiles(
        {} if beyond else found, said, reader.placed(tree), (*reader.problems, *notes, *beyond)
    )


class _Place(Struct, frozen=True):
    """From where a file is read: the directory that its paths are relative to, its variables, and the files that include it."""

    base: Path
    lookup: Lookup
    included: tuple[str, ...]


class _Reader:
    """The files that have been read so far, and what was wrong with them."""

    def __init__(self, directory: Path, *, strict: bool, fill: bool) -> None:
        self.directory = directory
        self.strict = strict
        self.fill = fill
        self.sources: list[Source] = []
        self.problems: list[Problem] = []
        self.broken = False
        """Whether a file could not be read at all."""

    def laid_over(self, documents: Sequence[YamlNode], place: _Place) -> YamlNode | None:
        tree: YamlNode | None = None
        for document in documents:
            node = self.extended(self.with_included(self.one_form(document, place.lookup), place), place)
            tree = unique(settled(node) or node.holding({})) if tree is None else merged(tree, node)
        return tree

    def placed(self, tree: YamlNode | None) -> tuple[Source, ...]:
        places = NodePlaces(tree)
        return tuple(structs.replace(source, places=places) for source in self.sources)

    def parse(self, path: Path, asked: YamlNode | None = None, *, given: bool = False) -> list[YamlNode]:
        """The documents of a file. They are laid over each other, as if they were several files. `asked`: who names the file; `given`:
        the caller of the command does.
        """
        source, found = load(path, self.directory, given=given)
        if source is None and not found:
            file = shown(path, self.directory)
            found = [Problem((), "no such file", place=Place(file))]
            if asked:
                found = [Problem((), f"there is no file {file}", place=asked.place)]
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
        """The document with its variables replaced, in its one form."""
        node, problems = canonical(self.replaced(document, lookup, ()) if self.fill else document)
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

    def with_included(self, tree: YamlNode, place: _Place) -> YamlNode:
        """The tree with the resources of the files that it includes (Compose spec, 14-include). Its own are laid over them."""
        include = tree.get("include")
        if include is None:
            return tree
        found = {key: item for key, item in tree.value.items() if key != "include"}
        for entry in include.value if isinstance(include.value, list) else [include]:
            included = self.included(entry, place)
            for section in _SECTIONS if included else ():
                added = included.get(section) if included else None
                if added is None or not isinstance(added.value, dict):
                    continue
                own = found.get(section) or added.holding({})
                if isinstance(own.value, dict):
                    found[section] = own.holding(_imported(section, added.value, own.value))
        return tree.holding(found)

    def included(self, entry: YamlNode, place: _Place) -> YamlNode | None:
        """What one entry of `include` brings, its paths as they are seen from the including file's directory."""
        known = {"path", "project_directory", "env_file"}
        paths = _texts(entry if isinstance(entry.value, str) else entry.get("path"))
        if not paths or (isinstance(entry.value, dict) and not known.issuperset(entry.value)):
            self.wrong(
                entry,
                "expected a file, or path, project_directory and env_file",
                "write include: [other/compose.yaml]",
            )
            return None
        files = [join(place.base, Path(path.text)) for path in paths]
        given = entry.get("project_directory")
        base = join(place.base, Path(given.text)) if given else files[0].parent
        if str(files[0]) in place.included:
            chain = " includes ".join(
                shown(Path(file), self.directory) for file in (*place.included, str(files[0]))
            )
            self.wrong(entry, f"the files include each other in a circle: {chain}", "take one include out")
            return None
        lookup = self.own_variables(entry, base, place)
        documents = [each for path, file in zip(paths, files, strict=True) for each in self.parse(file, path)]
        tree = self.laid_over(documents, _Place(base, lookup, (*place.included, str(files[0]))))
        return relocated(tree, os.path.relpath(base, place.base)) if tree else None

    def own_variables(self, entry: YamlNode, base: Path, place: _Place) -> Lookup:
        """The variables of an included file: those of the including one win over its own files."""
        given = [each for each in _texts(entry.get("env_file")) if each.text != os.devnull]
        files = [join(place.base, Path(each.text)) for each in given]
        named = entry.get("env_file") is not None
        asked = files if named else [base / ".env"]
        lookup, problems, missing = with_files(place.lookup, asked, self.directory, strict=False)
        self.problems += problems
        for node, file in zip(given, files, strict=True) if named else ():
            if file in missing:
                self.wrong(node, f"there is no file {shown(file, self.directory)}")
        return lookup

    def extended(self, tree: YamlNode, place: _Place) -> YamlNode:
        """The tree whose services have what they extend (Compose spec, 05-services, "extends")."""
        services = tree.get("services")
        if services is None or not isinstance(services.value, dict):
            return tree
        done = {name: self.extending(name, services.value, place, ()) for name in services.value}
        return tree.holding({**tree.value, "services": services.holding(done)})

    def extending(
        self, name: str, services: dict[str, YamlNode], place: _Place, chain: tuple[tuple[str, str], ...]
    ) -> YamlNode:
        """A service laid over the one that it extends. `chain`: what extends it, each with its file."""
        service = services[name]
        extends = service.get("extends")
        if extends is None:
            return service
        rest = service.holding({key: item for key, item in service.value.items() if key != "extends"})
        other = extends if isinstance(extends.value, str) else extends.get("service")
        file = extends.get("file")
        if other is None or not isinstance(other.value, str):
            self.wrong(
                extends,
                "expected the name of a service, or service and file",
                "write extends: {service: NAME}",
            )
            return rest
        if (link := (service.source.file, name)) in chain:
            circle = " extends ".join(f"{each} of {of}" for of, each in (*chain, link))
            self.wrong(
                extends, f"the services extend each other in a circle: {circle}", "take one extends out"
            )
            return rest
        if len(chain) >= toml.DEEPEST:
            self.wrong(
                extends,
                f"more than {toml.DEEPEST} services extend each other in a row",
                "extend one that is nearer",
            )
            return rest
        prefix = "."
        if file is not None:
            path = join(place.base, Path(file.text))
            prefix = os.path.relpath(path.parent, place.base)
            place = _Place(path.parent, place.lookup, place.included)
            documents = self.parse(path, file)
            trees = [self.one_form(document, place.lookup) for document in documents]
            services = {}
            for each in trees:
                if (found := each.get("services")) and isinstance(found.value, dict):
                    services |= found.value
        if other.text not in services:
            hint = did_you_mean(other.text, services, f"there are: {', '.join(services)}" if services else "")
            self.wrong(
                other, f"no service is called {other.text!r}" + (f" in {file.text}" if file else ""), hint
            )
            return rest
        below = self.extending(other.text, services, place, (*chain, link))
        alone = relocated(below.holding({"services": below.holding({name: below})}), prefix)
        return merged(alone.value["services"].value[name], rest, ("services", "*")) or rest

    def wrong(self, node: YamlNode, message: str, hint: str = "") -> None:
        self.problems.append(Problem((), message, hint, rule="SC112", place=node.place))


def _texts(node: YamlNode | None) -> list[YamlNode]:
    """The texts of a list, or the one text."""
    items = node.value if node and isinstance(node.value, list) else [node]
    return [item for item in items if item and isinstance(item.value, str) and item.value]


def _imported(section: str, included: dict[str, YamlNode], own: dict[str, YamlNode]) -> dict[str, YamlNode]:
    """The resources of an included file and those that are there. If both have one, that one is laid over the included one."""
    found = {**included, **own}
    for name in included.keys() & own.keys():
        if (both := merged(included[name], own[name], (section, "*"))) is not None:
            found[name] = both
    return found
