"""Which thing of one side is which thing of the other, whatever they are called."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from stackctl.planner.same.side import Kind, Side, Thing
from stackctl.spec.image_ref import ImageRef

_Tell = Callable[[Thing], Hashable]
"""What tells a thing apart from the others of its kind; None if it cannot."""
_RESOURCES: tuple[Kind, ...] = ("network", "volume")


class Pair(Struct, frozen=True):
    """What is the same thing on both sides. One that has no counterpart stands alone."""

    left: Thing | None
    right: Thing | None

    @property
    def both(self) -> tuple[Thing, Thing] | None:
        return (self.left, self.right) if self.left and self.right else None


def pairs(left: Side, right: Side) -> tuple[Pair, ...]:
    """Match the things of two sides: by name, then by what they are called in their files and in DNS, then by what they do.

    A container does what its image does; a volume is what is mounted at a path; a network is who is in it.
    """
    containers = _match("container", left, right, {id(left): _image, id(right): _image})
    number: dict[int, int] = {}
    for index, pair in enumerate(containers):
        number |= {id(thing): index for thing in (pair.left, pair.right) if thing}

    def used(side: Side) -> Callable[[Thing], Hashable]:
        uses: dict[str, list[Any]] = {}
        for thing in side.things:
            for key, value in thing.values.items() if thing.kind == "container" else ():
                if key[0] == "networks":
                    uses.setdefault(f"network {key[1]}", []).append(number[id(thing)])
                elif key[0] == "volumes" and value["type"] == "volume":
                    uses.setdefault(f"volume {value['source']}", []).append((number[id(thing)], str(key[1])))
        return lambda thing: tuple(sorted(uses.get(f"{thing.kind} {thing.name}", ()))) or None

    by_use = {id(left): used(left), id(right): used(right)}
    found = list(containers)
    for kind in _RESOURCES:
        found += _match(kind, left, right, by_use)
    return tuple(found)


def _match(kind: Kind, left: Side, right: Side, use: Mapping[int, _Tell]) -> list[Pair]:
    """Match the things of one kind. `use` tells what a thing does, by the id of its side."""
    lefts = [thing for thing in left.things if thing.kind == kind]
    rights = [thing for thing in right.things if thing.kind == kind]
    partner: dict[int, Thing] = {}
    taken: set[int] = set()

    def rest(things: Iterable[Thing], done: Iterable[int]) -> list[Thing]:
        return [thing for thing in things if id(thing) not in done]

    def join(found: Iterator[tuple[Thing, Thing]]) -> None:
        for one, other in found:
            if id(one) not in partner and id(other) not in taken:
                partner[id(one)] = other
                taken.add(id(other))

    for way in (_name, _key):
        join(_told_apart(rest(lefts, partner), rest(rights, taken), way, way))
    join(_known_as(rest(lefts, partner), rest(rights, taken)))
    join(_told_apart(rest(lefts, partner), rest(rights, taken), use[id(left)], use[id(right)]))
    found = [Pair(thing, partner.get(id(thing))) for thing in lefts]
    return found + [Pair(None, thing) for thing in rest(rights, taken)]


def _told_apart(
    lefts: Sequence[Thing], rights: Sequence[Thing], of_left: _Tell, of_right: _Tell
) -> Iterator[tuple[Thing, Thing]]:
    """The pairs that have a mark in common which nothing else has on its side."""
    there = _alone(rights, of_right)
    for mark, thing in _alone(lefts, of_left).items():
        if mark in there:
            yield thing, there[mark]


def _alone(things: Iterable[Thing], tell: _Tell) -> dict[Hashable, Thing]:
    marked: dict[Hashable, list[Thing]] = {}
    for thing in things:
        if (mark := tell(thing)) is not None:
            marked.setdefault(mark, []).append(thing)
    return {mark: found[0] for mark, found in marked.items() if len(found) == 1}


def _known_as(lefts: Sequence[Thing], rights: Sequence[Thing]) -> Iterator[tuple[Thing, Thing]]:
    """The pairs that have a name in common: in the file, in the engine or in DNS."""
    for one in lefts:
        found = [other for other in rights if one.names & other.names]
        if len(found) == 1:
            yield one, found[0]


def _name(thing: Thing) -> Hashable:
    return thing.name or None


def _key(thing: Thing) -> Hashable:
    return thing.key


def _image(thing: Thing) -> Hashable:
    ref = thing.values.get(("image",))
    return ImageRef.parse(ref).name if isinstance(ref, str) else None
