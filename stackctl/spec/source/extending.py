"""What services and jobs of a stack.toml take over from templates and from each other: `extends = "base"`.

The tables of the two merge key by key, every other value is replaced, as with a second file.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from stackctl.errors import Place, Problem
from stackctl.spec.source import toml
from stackctl.spec.source.discovery import merge, table
from stackctl.spec.source.loading import join, load, shown
from stackctl.spec.source.locate import Source, place_all
from stackctl.spec.source.relocating import relocated_tree
from stackctl.spec.text import references
from stackctl.spec.text.interpolate import Lookup, interpolate
from stackctl.spelling import did_you_mean

_MEMBERS = ("services", "jobs")
_EXTENDED = ("templates", *_MEMBERS)
"""Where a name is looked for, one after the other."""
_RULE = "SC112"


class From(Struct, frozen=True):
    """Where the text that extends stands, and how the values of a file in another directory are read: with the variables of the
    stack, and with paths that are relative to their own file, as Compose reads them.
    """

    base: Path
    """The directory that names of files are relative to."""
    directory: Path
    """The user's, from which messages name files."""
    lookup: Lookup
    strict: bool
    services: Collection[str]
    """The names of the stack's services, which references may use."""
    chain: tuple[tuple[Path, str], ...] = ()
    """The members of other files that are being read: each extends the next one."""


def extended(tree: Mapping[str, Any], where: From) -> tuple[dict[str, Any], list[Problem]]:
    """The tree whose services and jobs hold what they extend. It has no templates any more."""
    found = {key: value for key, value in tree.items() if key != "templates"}
    extending = _Extending(tree, where)
    for section in _MEMBERS:
        members = tree.get(section)
        if isinstance(members, dict):
            found[section] = {
                name: extending.member((section, name), each, ()) for name, each in members.items()
            }
    for name in table(tree.get("templates")):
        if name not in extending.used:
            hint = f'write extends = "{name}", or take it out'
            message = f"nothing extends the template {name!r}"
            extending.problems.append(
                Problem(("templates", name), message, hint, rule=_RULE, severity="warning")
            )
    return found, extending.problems


def _read(path: Path, directory: Path) -> tuple[Source | None, Mapping[str, Any], list[Problem]]:
    source, problems = load(path, directory)
    if source is None:
        return None, {}, problems or [Problem((), "no such file", place=Place(shown(path, directory)))]
    if problems:
        return source, {}, problems
    tree, wrong = toml.parse(source)
    return source, tree, [*place_all(wrong, [source])]


class _Extending:
    def __init__(self, tree: Mapping[str, Any], where: From) -> None:
        self.tree = tree
        self.where = where
        self.problems: list[Problem] = []
        self.used: set[str] = set()

    def member(self, path: tuple[str, str], own: Any, chain: tuple[tuple[str, str], ...]) -> Any:
        """A service, job or template, laid over what it extends. `chain`: those that extend it."""
        extends = own.get("extends") if isinstance(own, dict) else None
        if extends is None:
            return own
        rest = {key: value for key, value in own.items() if key != "extends"}
        name = extends if isinstance(extends, str) else table(extends).get("service")
        file = table(extends).get("file")
        if not isinstance(name, str) or not isinstance(file, str | None):
            self.wrong(path, "expected the name of a template or a service", 'write extends = "NAME"')
            return rest
        if path in chain:
            circle = " extends ".join(each for _, each in (*chain, path))
            self.wrong(path, f"these extend each other in a circle: {circle}", "take one extends out")
            return rest
        if len(chain) + len(self.where.chain) >= toml.DEEPEST:
            self.wrong(
                path, f"more than {toml.DEEPEST} extend each other in a row", "extend one that is nearer"
            )
            return rest
        if file is not None:
            return self.of_file(path, Path(file), name, rest)
        for section in _EXTENDED:
            below = table(self.tree.get(section)).get(name)
            if isinstance(below, dict) and (section, name) != path:
                self.used |= {name} if section == "templates" else set()
                return merge((self.member((section, name), below, (*chain, path)), rest))
        self.wrong(path, f"no template or service is called {name!r}", self.near(name))
        return rest

    def of_file(self, path: tuple[str, str], file: Path, name: str, rest: dict[str, Any]) -> dict[str, Any]:
        there = join(self.where.base, file)
        if (there, name) in self.where.chain:
            message = f"{name!r} of {shown(there, self.where.directory)} extends itself"
            self.wrong(path, message, "take one extends out")
            return rest
        source, tree, problems = _read(there, self.where.directory)
        self.problems += problems
        if source is None or problems:
            return rest
        members = {key: section for section in reversed(_EXTENDED) for key in table(tree.get(section))}
        if name not in members or not isinstance(tree[members[name]][name], dict):
            self.wrong(
                path, f"no template or service is called {name!r} in {file}", did_you_mean(name, members)
            )
            return rest
        chain = (*self.where.chain, (there, name))
        other = _Extending(tree, replace(self.where, base=there.parent, chain=chain))
        member = other.member((members[name], name), tree[members[name]][name], ())
        self.problems += place_all(other.problems, [source])
        return merge((self.seen_from_here(path, member, source, there.parent), rest))

    def seen_from_here(
        self, path: tuple[str, str], member: dict[str, Any], source: Source, directory: Path
    ) -> Mapping[str, Any]:
        """What stands in a file of that directory, as if it stood in the file that extends it."""
        where = self.where
        if directory == where.base:
            return member
        whole = {"services": {path[1]: member}}
        marker = references.marker(where.services)
        filled, unset = interpolate(whole, where.lookup, strict=where.strict, special=marker)
        self.problems += unset
        moved = relocated_tree(filled, os.path.relpath(directory, where.base), source)
        return table(table(moved["services"]).get(path[1]))

    def near(self, name: str) -> str:
        known = [each for section in _EXTENDED for each in table(self.tree.get(section))]
        return did_you_mean(name, known, f"add [templates.{name}]")

    def wrong(self, path: tuple[str, str], message: str, hint: str) -> None:
        self.problems.append(Problem((*path, "extends"), message, hint, rule=_RULE))
