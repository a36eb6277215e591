"""What services and jobs of a stack.toml take over from templates and from each other: `extends = "base"`.

The tables of the two merge key by key, every other value is replaced, as with a second file.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from stackctl.errors import Problem
from stackctl.spec.source.discovery import merge, table
from stackctl.spelling import did_you_mean

_MEMBERS = ("services", "jobs")
_RULE = "SC112"
ReadTree = Callable[[Path], tuple[Mapping[str, Any], list[Problem]]]
"""Reads another file, whose name is relative to the stack's directory. The paths in its tree are seen from the stack's directory."""


def extended(tree: Mapping[str, Any], read: ReadTree) -> tuple[dict[str, Any], list[Problem]]:
    """The tree whose services and jobs hold what they extend. It has no templates any more."""
    found = {key: value for key, value in tree.items() if key != "templates"}
    extending = _Extending(tree, read)
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


class _Extending:
    def __init__(self, tree: Mapping[str, Any], read: ReadTree) -> None:
        self.tree = tree
        self.read = read
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
        if file is not None:
            return self.of_file(path, Path(file), name, rest)
        for section in ("templates", *_MEMBERS):
            below = table(self.tree.get(section)).get(name)
            if isinstance(below, dict) and (section, name) != path:
                self.used |= {name} if section == "templates" else set()
                return merge((self.member((section, name), below, (*chain, path)), rest))
        self.wrong(path, f"no template or service is called {name!r}", self.near(name))
        return rest

    def of_file(self, path: tuple[str, str], file: Path, name: str, rest: dict[str, Any]) -> dict[str, Any]:
        tree, problems = self.read(file)
        self.problems += problems
        whole, _ = extended(
            {**tree, "services": {**table(tree.get("services")), **table(tree.get("templates"))}}, self.read
        )
        members = {**table(whole.get("jobs")), **table(whole.get("services"))}
        if problems or not isinstance(members.get(name), dict):
            if not problems:
                self.wrong(
                    path, f"no template or service is called {name!r} in {file}", did_you_mean(name, members)
                )
            return rest
        return merge((members[name], rest))

    def near(self, name: str) -> str:
        known = [each for section in ("templates", *_MEMBERS) for each in table(self.tree.get(section))]
        return did_you_mean(name, known, f"add [templates.{name}]")

    def wrong(self, path: tuple[str, str], message: str, hint: str) -> None:
        self.problems.append(Problem((*path, "extends"), message, hint, rule=_RULE))
