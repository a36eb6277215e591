"""The files that a stack.toml includes: `include = ["db/stack.toml", "../shop/compose.yaml"]`.

An included file keeps its own meaning: its paths are relative to its own directory, its `.env` sets what is not set here, and a
compose file means what it means in Compose. Its tables are laid under those of the including file.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct, field

from stackctl.errors import Problem
from stackctl.spec.compose.reading import read_compose
from stackctl.spec.source import toml
from stackctl.spec.source.discovery import is_compose, merge, table
from stackctl.spec.source.environment import with_files
from stackctl.spec.source.extending import From, extended
from stackctl.spec.source.loading import is_missing, join, load, shown
from stackctl.spec.source.locate import Source, place_all
from stackctl.spec.source.relocating import relocated_tree
from stackctl.spec.text import references
from stackctl.spec.text.interpolate import Lookup, interpolate

_SECTIONS = ("services", "jobs", "networks", "volumes", "secrets", "configs")
_KNOWN = frozenset({"path", "project_directory", "env_file"})


class Including(Struct):
    """Reads included files. Afterwards it holds their texts, and what was wrong with them."""

    directory: Path
    """The user's."""
    strict: bool
    project: str
    sources: list[Source] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def read(
        self, tree: Mapping[str, Any], base: Path, lookup: Lookup, above: tuple[Path, ...], top: Path
    ) -> dict[str, Any]:
        """The tree with the resources that it includes. Paths in it are relative to `base`, those that come back to `top`."""
        rest = {key: value for key, value in tree.items() if key != "include"}
        include = tree.get("include", [])
        found = [
            self.entry(entry, ("include", n), base, lookup, above, top)
            for n, entry in enumerate(include if isinstance(include, list) else [include])
        ]
        return merge((*found, rest))

    def entry(
        self,
        entry: Any,
        path: tuple[str | int, ...],
        base: Path,
        lookup: Lookup,
        above: tuple[Path, ...],
        top: Path,
    ) -> Mapping[str, Any]:
        given = {"path": entry} if isinstance(entry, str) else table(entry)
        files = [join(base, Path(file)) for file in _texts(given.get("path"))]
        if not files or not _KNOWN.issuperset(given) or len({*map(is_compose, files)}) > 1:
            message = "expected a file, or path, project_directory and env_file"
            self.wrong(
                path, message, 'write include = ["other/stack.toml"]; files of one entry are of one kind'
            )
            return {}
        if missing := [file for file in files if is_missing(file)]:
            self.wrong(path, f"there is no file {shown(missing[0], self.directory)}")
            return {}
        if circle := [file for file in files if file in above]:
            self.wrong(path, f"{shown(circle[0], self.directory)} includes itself", "take one include out")
            return {}
        own = (
            join(base, Path(*_texts(given.get("project_directory"))[:1]))
            if "project_directory" in given
            else files[0].parent
        )
        named = [join(base, Path(file)) for file in _texts(given.get("env_file"))]
        lookup, problems, missing = with_files(
            lookup, named or [own / ".env"], self.directory, strict=self.strict
        )
        self.problems += problems
        for file in missing if named else ():
            self.wrong(path, f"there is no file {shown(file, self.directory)}")
        if is_compose(files[0]):
            return self.compose(files, lookup, own, top)
        return self.toml(files, own, lookup, above, top)

    def compose(self, files: Sequence[Path], lookup: Lookup, base: Path, top: Path) -> Mapping[str, Any]:
        found = read_compose(
            files, lookup, base, self.directory, strict=self.strict, given_name=self.project, seen_from=top
        )
        self.sources += found.sources
        self.problems += found.problems
        return {key: value for key, value in found.tree.items() if key in _SECTIONS}

    def toml(
        self,
        files: Sequence[Path],
        base: Path,
        lookup: Lookup,
        above: tuple[Path, ...],
        top: Path,
    ) -> Mapping[str, Any]:
        trees, sources = [], []
        for file in files:
            source, found = load(file, self.directory)
            if source is None:
                self.problems += found
                continue
            if not found:
                tree, found = toml.parse(source)
                trees.append(tree)
            sources.append(source)
            self.problems += place_all(found, [source])
        self.sources += sources
        merged = merge(trees)
        names = table(merged.get("services")).keys()
        whole, problems = extended(merged, From(base, self.directory, lookup, self.strict, names))
        rest = {key: value for key, value in whole.items() if key in _SECTIONS}
        filled, unset = interpolate(rest, lookup, strict=self.strict, special=references.marker(names))
        self.problems += place_all([*problems, *unset], sources)
        moved = relocated_tree(filled, os.path.relpath(base, top), sources[0]) if sources else filled
        return self.read({**moved, "include": whole.get("include", [])}, base, lookup, (*above, *files), top)

    def wrong(self, path: tuple[str | int, ...], message: str, hint: str = "") -> None:
        self.problems.append(Problem(path, message, hint, rule="SC112"))


def _texts(value: Any) -> list[str]:
    return [
        each for each in (value if isinstance(value, list) else [value]) if isinstance(each, str) and each
    ]
