"""The mistakes of a script: those of the stack that it makes, told at the lines of the script."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec import structs

from stackctl.convert.docker.stack import ScriptStack
from stackctl.errors import Key, Problem
from stackctl.spec.known_images import KnownImages
from stackctl.spec.lint.rules import lint
from stackctl.spec.source.reading import Check, Examined, Written, examine_written
from stackctl.spec.source.request import StackRequest
from stackctl.spec.text.interpolate import Lookup, Variables

_PORTS = "SC501"


def examine(
    tree: Mapping[str, Any],
    variables: Mapping[str, str],
    images: KnownImages,
    checks: Sequence[Check] = (lint,),
    directory: Path = Path("/"),
) -> Examined:
    """The stack that a tree makes, and its problems. `variables` are those of the `.env`; the script runs in `directory`."""
    shell = Variables("shell", {"PWD": str(directory), "HOME": "/"})
    lookup = Lookup((shell, Variables(".env", variables)))
    written = Written(tree, lookup, (), directory, (), images)
    request = StackRequest(directory=directory, environ=shell.values, strict=False, name="script")
    return examine_written(written, request, checks)


def in_script(problems: Iterable[Problem], stack: ScriptStack) -> list[Problem]:
    """The problems with their places in the script; those that stand nowhere in it are left out."""
    places = stack.every_place()
    script = stack.reading.script
    found = []
    for problem in problems:
        if problem.rule == _PORTS and len(stack.engines) > 1:
            continue  # the two containers may run on two machines
        prefixes = (problem.path[:length] for length in range(len(problem.path), 1, -1))
        if (path := next((path for path in prefixes if path in places), None)) is not None:
            place = stack.source.at(*script.place(places[path]))
            found.append(structs.replace(problem, place=place))
    return found


def nearest_place(path: tuple[Key, ...], places: Mapping[tuple[Key, ...], int]) -> int | None:
    """The offset of a key path, or of the nearest key around it."""
    return next((places[path[:n]] for n in range(len(path), 0, -1) if path[:n] in places), None)
