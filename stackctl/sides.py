"""Read what two stacks, scripts or running projects make, to compare them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from msgspec import Struct, structs

from stackctl.engine.protocol import Look
from stackctl.errors import Key, Place, UsageError
from stackctl.looking import load_requested
from stackctl.planner.same.compare import Comparison, compare
from stackctl.planner.same.desired import OF_NETWORKS, OF_STACKCTL, side_of
from stackctl.planner.same.normal import UNTOLD
from stackctl.planner.same.side import Side
from stackctl.planner.world.containers import of_project
from stackctl.planner.world.observed import ObservedContainer
from stackctl.spec.source.discovery import COMPOSE_NAMES, NAME
from stackctl.spec.source.loading import read_file
from stackctl.spec.source.request import StackRequest
from stackctl.spec.source.toml import LARGEST

RUNNING = "running"
"""The word for "what runs under the names of the other side"."""
PROJECT = "project:"
_A_CONTAINER = "a container does not tell it"
_SILENT = {
    **dict.fromkeys((*OF_STACKCTL, *UNTOLD, OF_NETWORKS, "build"), _A_CONTAINER),
    **dict.fromkeys(("healthcheck.tcp", "healthcheck.http", "healthcheck.log"), _A_CONTAINER),
    "external": "",
}


class Described(Struct, frozen=True):
    """A side, and what people have to know of it."""

    name: str
    side: Side
    place: Callable[[Sequence[Key]], Place | None]
    """Where in a file a value stands that has this key path in a stack.toml."""
    notes: tuple[str, ...] = ()
    """What it says that was not understood."""
    projects: tuple[str, ...] = ()
    """The project whose containers belong to it, if it has one."""


class Compared(Struct, frozen=True):
    left: Described
    right: Described
    comparison: Comparison


def same(left: str, right: str, request: StackRequest, engine: Callable[[], Look]) -> Compared:
    """Compare what two sides make. A side is a stack.toml or its directory, a bash script, `project:NAME`, or `running`: the
    containers that run under the names of the other side.

    `request` tells variables, profiles and the directory that names of files are relative to; `engine` is asked only for what runs.

    Raises UsageError for a side that cannot be read, SpecError for a stack with mistakes.
    """
    if left == right == RUNNING:
        raise UsageError(
            "running and running are the same containers", "give a file, a script or project:NAME on one side"
        )
    found = [None if word == RUNNING else _described(word, request, engine) for word in (left, right)]
    one, other = found
    if one is None and other:
        one = _running(other, engine())
    if other is None and one:
        other = _running(one, engine())
    assert one is not None
    assert other is not None
    return Compared(one, other, compare(one.side, other.side))


def _described(word: str, request: StackRequest, engine: Callable[[], Look]) -> Described:
    if word.startswith(PROJECT):
        return _project(word.removeprefix(PROJECT), engine())
    path = Path(word)
    if path.is_dir():
        if not any(
            (path / name).is_file() for name in (NAME, *COMPOSE_NAMES)
        ):  # one of a directory above is another stack
            raise UsageError(
                f"there is no {NAME} or compose.yaml in {word}", "name the file, or a bash script in it"
            )
        return _stack(word, structs.replace(request, files=[], directory=path.absolute(), strict=False))
    if path.suffix in (".toml", ".yaml", ".yml"):
        return _stack(str(path), structs.replace(request, files=[path], strict=False))
    return _script(word, request)


def _stack(name: str, request: StackRequest) -> Described:
    stack = load_requested(request)

    def placed(path: Sequence[Key]) -> Place | None:
        for length in range(len(path), 1, -1):
            for source in reversed(stack.sources):
                if (offset := source.offsets().get(tuple(path[:length]))) is not None:
                    return source.place(offset)
        return None

    return Described(name, side_of(stack, request.selection), placed, (), (stack.project,))


def _script(word: str, request: StackRequest) -> Described:
    from stackctl.convert.making import making  # a script needs tree-sitter, which nothing else does

    try:
        text = read_file(Path(word), LARGEST, given=True).decode(errors="replace")
    except OSError as error:
        hint = f"a side is a {NAME}, a bash script, {PROJECT}NAME, or {RUNNING}"
        raise UsageError(f"{word} cannot be read: {error.strerror}", hint) from error
    directory = Path(word).absolute().parent
    found = making(word, text, directory=directory.resolve(), environ=request.environ)
    notes = tuple(f"{word}:{note.line}:{note.column}: {note.message}" for note in found.notes)
    return Described(word, found.side, found.place, notes)


def _project(name: str, engine: Look) -> Described:
    containers = _of_project(engine, name)
    if not containers:
        raise UsageError(
            f"no container of project {name!r} is there",
            f"stackctl ps -p {name} lists what is; stackctl up starts it",
        )
    return _made(f"{PROJECT}{name}", containers, (), engine)


def _running(other: Described, engine: Look) -> Described:
    """What is there under the names of the other side, and all of its project."""
    containers = [each for project in other.projects for each in _of_project(engine, project)]
    there = {container.name for container in containers}
    names = [each.name for each in other.side.things if each.kind == "container" and each.name not in there]
    return _made(RUNNING, containers, names, engine)


def _of_project(engine: Look, name: str) -> list[ObservedContainer]:
    return [each for each in of_project(engine.containers(name), name) if each.kind != "run"]


def _made(
    name: str, containers: Iterable[ObservedContainer], names: Iterable[str], engine: Look
) -> Described:
    containers = tuple(containers)
    sources = {container.source for container in containers if container.source}
    directory = Path(sources.pop()).parent if len(sources) == 1 else None
    things = engine.made([*(container.id for container in containers), *names])
    return Described(name, Side(things=things, directory=directory, silent=_SILENT), lambda _: None)
