"""What a bash script makes, as a side of a comparison: what its `docker` commands say, without what `import` makes better."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct, structs

from stackctl.convert.bash.script import Note, read
from stackctl.convert.docker.stack import ScriptStack
from stackctl.convert.importing import readable
from stackctl.convert.review import nearest_place
from stackctl.convert.tree import every_text
from stackctl.convert.unset import names, unset
from stackctl.errors import Key, Place, UsageError
from stackctl.planner.same.desired import OF_STACKCTL, side_with_all
from stackctl.planner.same.side import KeyPath, Side, Thing, Unknown, opened
from stackctl.spec.known_images import BUILT_IN
from stackctl.spec.text.parts import Part

_ENGINES_OWN = "bridge"
"""The network of the engine that a container joins if no other one is named. In it nobody has a name."""
_MAKER = "a script has no such setting"
SILENT = dict.fromkeys((*OF_STACKCTL, "healthcheck.tcp", "healthcheck.http", "healthcheck.log"), _MAKER)
"""What only stackctl reads; a script does it with the order of its commands, or with a loop."""
_FREE = ("environment", "labels", "command", "entrypoint")
"""The keys that hold any text."""
_GAP = "\ue000(\\w+)(?:\ue001[0-9a-f]*)?\ue002"


class Making(Struct, frozen=True):
    """What a script makes. `notes` say what could not be read."""

    side: Side
    notes: tuple[Note, ...]
    script: ScriptStack

    def place(self, path: Sequence[Key]) -> Place | None:
        """Where the script says something that stands under this key path in a stack.toml."""
        at = nearest_place(tuple(path), self.script.every_place())
        return None if at is None else self.script.source.at(*self.script.reading.script.place(at))


def making(
    file: str, text: str, arguments: Sequence[str] = (), *, directory: Path, environ: Mapping[str, str]
) -> Making:
    """Read what a script makes if it runs in `directory` with these variables. A script without a `docker run` makes no container.

    Raises UsageError if it has too many values that cannot be read.
    """
    script = ScriptStack(read(file, text, arguments), literal=True)
    if not script.containers:
        raise UsageError(f"{file} starts no container", "a container is made by docker run")
    joined = dict(_as_docker_does(script))
    variables, guessed = _variables(script, environ)
    stack = readable(script, variables, BUILT_IN, directory)
    side = side_with_all(stack)
    uses = {path: guessed & names(found) for path, found in every_text(script.tree())}
    things = tuple(_thing(thing, script, joined, uses) for thing in side.things)
    findings = (
        Note(found.place.line, found.place.column, found.message)
        for found in script.findings
        if found.place and found.severity == "error"
    )
    return Making(
        structs.replace(side, things=things, silent=SILENT),
        tuple(sorted({*script.all_notes(), *findings})),
        script,
    )


def _as_docker_does(script: ScriptStack) -> Iterator[tuple[str, bool]]:
    """Write into the tree what `import` leaves to stackctl: the names that the script gives, and the engine's own network. Tells
    which containers join that network.
    """
    for key, network in script.networks.items():
        network["name"] = key
    for key, volume in script.volumes.items():
        volume["name"] = key
    for container in script.containers.values():
        values = container.table.values
        if container.named:
            values["container_name"] = container.name
        for name, value in values.get("environment", {}).items():
            if value == {"from_env": True}:
                values["environment"][name] = unset(name)
        joins = "default" in values.get("networks", {}) and "default" not in script.networks
        if not values.keys() & {"networks", "network_mode"}:
            values["network_mode"] = _ENGINES_OWN
        yield container.name, joins


def _variables(script: ScriptStack, environ: Mapping[str, str]) -> tuple[dict[str, str], frozenset[str]]:
    """The variables that the script does not set: their values, a gap for those that are unknown. Where a gap cannot be read, such
    as in a port, `readable` guesses a value: the names of these come second.
    """
    used: dict[str, set[bool]] = {}
    for path, text in every_text(script.tree()):
        for name in names(text) - {"PWD", "HOME"}:
            used.setdefault(name, set()).add(len(path) > 2 and path[2] in _FREE)
    guessed = frozenset(name for name, free in used.items() if name not in environ and free != {True})
    return {name: environ.get(name, unset(name)) for name in used.keys() - guessed}, guessed


def _thing(
    thing: Thing, script: ScriptStack, joined: Mapping[str, bool], uses: Mapping[KeyPath, frozenset[str]]
) -> Thing:
    """A thing as docker makes it."""
    values = dict(_known(thing, uses))
    name = thing.name
    if thing.kind == "container":
        if isinstance(values.get(("init",)), Unknown):
            del values["init",]  # docker adds an init only if it is asked to
        if joined[thing.key]:
            own = next(key for key in values if key[0] == "networks" and thing.where(key)[-1] == "default")
            del values[own]
            values["network_mode",] = _ENGINES_OWN
        if not script.containers[thing.key].named:
            for key in [key for key in values if key[0] == "networks"]:
                values[key] = tuple(alias for alias in values[key] if alias not in (thing.key, name))
            name = ""
    return structs.replace(thing, name=name, values=values)


def _known(thing: Thing, uses: Mapping[KeyPath, frozenset[str]]) -> Iterator[tuple[KeyPath, Any]]:
    """The values, with gaps where a variable is not known."""
    for key, value in thing.values.items():
        where = thing.where(key)
        guessed = {name for path, found in uses.items() if path[: len(where)] == where for name in found}
        if guessed:
            yield key, Unknown(_depends(guessed))
        else:
            yield key, opened(value, _gap)


def _gap(part: Part) -> str | None:
    """The variable that a part stands for, if the script does not set it."""
    mark = re.fullmatch(_GAP, part.text)
    return mark[1] if mark else None


def _depends(variables: Iterable[str]) -> str:
    return f"it depends on {', '.join(sorted(variables))}"
