"""What the files name, whatever else is wrong with them: a shell completes names while a file is being written."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from stackctl.errors import UsageError
from stackctl.spec.source import toml
from stackctl.spec.source.discovery import is_compose, locations, merge, table
from stackctl.spec.source.loading import STDIN, read_file
from stackctl.spec.source.locate import Source
from stackctl.spec.source.nodes import plain
from stackctl.spec.source.request import StackRequest

_SERVICES = r"(?m)^services:[ \t]*(?:#.*)?\n((?:(?:[ \t#].*)?\n|[ \t].*\Z)*)"
_HEADER = r"""(?m)^[ \t]*\[[ \t]*(services|jobs)[ \t]*\.[ \t]*(?:["']([^"'\n]+)["']|([A-Za-z0-9_-]+))"""


def names(request: StackRequest) -> tuple[list[str], set[str]]:
    """The names of services and jobs, and those of profiles. Those of files that a compose file includes are among
    them. A file that is missing gives none; one with a mistake in its syntax gives the services and jobs whose headers can be read.
    """
    tree = merge(_trees(request))
    members = {**table(tree.get("services")), **table(tree.get("jobs"))}
    profiles = [table(member).get("profiles") for member in members.values()]
    return [*members], {
        name for found in profiles if isinstance(found, list) for name in found if isinstance(name, str)
    }


def _trees(request: StackRequest) -> Iterator[dict[str, Any]]:
    try:
        paths, _ = locations(request)
    except (UsageError, OSError):
        return
    yield from _read(paths, set())


def _read(paths: Iterable[Path], seen: set[Path]) -> Iterator[dict[str, Any]]:
    for path in paths:
        if path in seen or path.name == STDIN:
            continue
        seen.add(path)
        try:
            text = read_file(path, toml.LARGEST).decode()
        except (OSError, ValueError):
            continue
        if is_compose(path):
            tree = _compose(path, text)
            yield from _read(_included(tree, path.parent), seen)
        else:
            tree, problems = toml.parse(Source(path.name, text))
            tree = _headers(text) if problems else tree
        yield tree


def _compose(path: Path, text: str) -> dict[str, Any]:
    from stackctl.spec.source.yaml_text import parse

    documents, problems = parse(Source(path.name, text))
    return table(plain(documents[0])) if documents and not problems else _indented(text)


def _included(tree: Mapping[str, Any], directory: Path) -> Iterator[Path]:
    """The files that `include` names, in each of its forms."""
    entries = tree.get("include")
    for entry in entries if isinstance(entries, list) else [entries]:
        named = table(entry).get("path") if isinstance(entry, dict) else entry
        for file in named if isinstance(named, list) else [named]:
            if isinstance(file, str):
                yield directory / file


def _indented(text: str) -> dict[str, Any]:
    """The services of a text that is not YAML: the keys of the first indentation below `services:`."""
    block = re.search(_SERVICES, text)
    if block is None:
        return {}
    first = re.search(r"(?m)^( +)\S", block[1])
    names = re.findall(rf"(?m)^{first[1]}[\"']?([\w.-]+)[\"']?[ \t]*:", block[1]) if first else []
    return {"services": {name: {} for name in names}}


def _headers(text: str) -> dict[str, Any]:
    """The services and jobs whose tables begin on a line of their own, in a text that is not TOML."""
    found: dict[str, Any] = {}
    for section, quoted, bare in re.findall(_HEADER, text):
        found.setdefault(section, {})[quoted or bare] = {}
    return found
