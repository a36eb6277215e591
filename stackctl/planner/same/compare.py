"""Two sides compared: the differences, and what cannot be compared."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any

from msgspec import Struct

from stackctl.planner.same.desired import side_of
from stackctl.planner.same.matching import Pair, pairs
from stackctl.planner.same.side import Generated, KeyPath, Kind, Side, Thing, Unknown
from stackctl.planner.same.texts import open_names, shown, with_hosts
from stackctl.planner.same.told import ABSENT, Names, Told
from stackctl.secret import DOTS
from stackctl.spec.model import Stack
from stackctl.spec.output.redact import secrets

_COMMAND = ("command",)
_ENTRYPOINT = ("entrypoint",)
_EXTERNAL = ("external",)
_MODE = ("network_mode",)
_IMAGE = ("image",)
_TEST = ("healthcheck", "test")


class Difference(Struct, frozen=True, kw_only=True):
    """One difference. Without a key, the whole thing is only on one side.

    `left` and `right` are for people, with dots for secrets; None: it is not there. `left_path` and `right_path` are the key paths in
    the two files.
    """

    kind: Kind
    name: str
    key: KeyPath = ()
    left: str | None
    right: str | None
    left_path: KeyPath = ()
    right_path: KeyPath = ()

    @property
    def what(self) -> str:
        """The key as text: `environment.TZ`; "" for the whole thing."""
        return ".".join(map(str, self.key))

    def __str__(self) -> str:
        subject = " ".join(filter(None, (self.kind, self.name, self.what)))
        left, right = ("-" if text is None else text for text in (self.left, self.right))
        return f"{subject}: {left} | {right}"


class NotCompared(Struct, frozen=True, order=True):
    """What only one side can tell, and why."""

    kind: Kind
    name: str
    what: str
    why: str


class Comparison(Struct, frozen=True, kw_only=True):
    differences: tuple[Difference, ...]
    not_compared: tuple[NotCompared, ...] = ()

    @property
    def same(self) -> bool:
        return not self.differences


def compare(left: Side, right: Side) -> Comparison:
    """Compare what two sides make. A name that follows from the project counts for nothing."""
    return _Comparing(left, right).result()


def compare_stacks(left: Stack, right: Stack) -> Comparison:
    """Compare what `up` makes of two stacks."""
    return compare(side_of(left), side_of(right))


class _Comparing:
    def __init__(self, left: Side, right: Side) -> None:
        self.left, self.right = left, right
        self.pairs = pairs(left, right)
        self.names = Names(self.pairs)
        self.tables = self.names.table(left), self.names.table(right)
        self.differences: list[Difference] = []
        self.not_compared: set[NotCompared] = set()

    def result(self) -> Comparison:
        for pair in self.pairs:
            self._pair(pair)
        return Comparison(differences=tuple(self.differences), not_compared=tuple(sorted(self.not_compared)))

    @cached_property
    def hidden(self) -> frozenset[str]:
        """Every secret that a side tells. It is shown nowhere, whatever text it stands in."""
        return frozenset(
            secret
            for side in (self.left, self.right)
            for thing in side.things
            for key, value in thing.values.items()
            for secret in secrets(value, str(key[-1]))
        )

    @cached_property
    def hosts(self) -> tuple[dict[str, str], dict[str, str]]:
        """For each side: one common name for all names that a container has in DNS."""
        left: dict[str, str] = {}
        right: dict[str, str] = {}
        for pair in self.pairs:
            if both := pair.both:
                left |= dict.fromkeys(both[0].names, self.names.of(both[0]))
                right |= dict.fromkeys(both[1].names, self.names.of(both[1]))
        return left, right

    def _pair(self, pair: Pair) -> None:
        if both := pair.both:
            if _renamed(*both):
                names = [thing.name if thing.chosen else thing.key for thing in both]
                self._differ(both[0], both[1], ("name",), names[0], names[1])
            self._values(*both)
            return
        thing = pair.left or pair.right
        assert thing is not None
        there = _what_it_is(thing)
        self.differences.append(
            Difference(
                kind=thing.kind,
                name=thing.key,
                left=there if pair.left else None,
                right=there if pair.right else None,
                left_path=thing.path if pair.left else (),
                right_path=thing.path if pair.right else (),
            )
        )

    def _values(self, one: Thing, other: Thing) -> None:
        left = Told(one, self.left, self.tables[0], self.right.directory)
        right = Told(other, self.right, self.tables[1], self.left.directory)
        if _same_image(left, right):
            left.inherited = right.inherited = left.inherited or right.inherited
        settled = {
            *self._words(left, right),
            *_parts_of_one_check(left, right),
            *_without_networks(left, right),
        }
        keys = {*left.values, *right.values} - settled
        if _EXTERNAL in keys:  # what somebody else has made is taken as it is
            keys = {_EXTERNAL}
        for key in sorted(keys, key=_order):
            self._value(key, left, right)

    def _words(self, left: Told, right: Told) -> Iterator[KeyPath]:
        """Settle entrypoint and command: if all words together are equal, or if a side does not know them."""
        if unknown := left.unknown_words or right.unknown_words:
            self._leave_out(left.thing, _COMMAND, unknown.why)
            yield from (_ENTRYPOINT, _COMMAND)
            return
        _divide_alike(left, right)
        yield from _same_words(left, right)

    def _value(self, key: KeyPath, left: Told, right: Told) -> None:
        for told, silent in ((left, right), (right, left)):
            why = silent.why_silent(key)
            if why is not None:
                if key in told.values:
                    self._leave_out(told.thing, key, why)
                return
        one: Any = left.get(key)
        other: Any = right.get(key)
        if _equal(key, one, other, left, right):
            return
        for value in (one, other):
            if isinstance(value, Unknown):
                self._leave_out(left.thing, key, value.why)
                return
        if key[0] == "networks":
            one, other = _other_names(left.thing, right.thing, one, other)
            if one == other:
                return
        unknown = open_names(one, other)
        if unknown is None:
            name = str(key[-1])
            hosts = self.hosts
            unknown = open_names(with_hosts(one, hosts[0], name), with_hosts(other, hosts[1], name))
        if unknown is None:
            self._differ(left.thing, right.thing, key, one, other, left.where(key), right.where(key))
        elif unknown:
            self._leave_out(left.thing, key, f"it depends on {', '.join(sorted(unknown))}")

    def _differ(
        self,
        one: Thing,
        other: Thing,
        key: KeyPath,
        left: Any,
        right: Any,
        left_path: KeyPath = (),
        right_path: KeyPath = (),
    ) -> None:
        texts = [shown(key, value, self.hidden) for value in (left, right)]
        if texts[0] == texts[1]:
            texts[1] = f"{texts[1]} (another one)" if texts[1] and DOTS in texts[1] else repr(right)
        self.differences.append(
            Difference(
                kind=one.kind,
                name=self.names.of(one),
                key=key,
                left=texts[0],
                right=texts[1],
                left_path=left_path or one.path,
                right_path=right_path or other.path,
            )
        )

    def _leave_out(self, thing: Thing, key: KeyPath, why: str) -> None:
        if why:
            self.not_compared.add(NotCompared(thing.kind, self.names.of(thing), ".".join(map(str, key)), why))


def _order(key: KeyPath) -> tuple[int, list[str]]:
    """The image first: it explains most other differences."""
    return key != _IMAGE, [str(part) for part in key]


def _equal(key: KeyPath, one: Any, other: Any, left: Told, right: Told) -> bool:
    """Whether two values are equal, apart from texts with gaps and hosts."""
    if one == other:
        return True
    if key == _IMAGE:
        return _same_image(left, right)
    removed = None in (one, other) and ABSENT in (one, other)
    return removed and left.inherited is not None and key not in left.inherited


def _same_image(left: Told, right: Told) -> bool:
    """Images whose names follow from the project are told apart by what they are built from."""
    one: Any = left.get(_IMAGE)
    other: Any = right.get(_IMAGE)
    generated = [isinstance(image, Generated) for image in (one, other)]
    if all(generated):
        return True
    if any(generated):
        built = all(("build", "context") in told.values for told in (left, right))
        names = [image.name if isinstance(image, Generated) else image for image in (one, other)]
        return built or names[0] == names[1]
    return bool(one == other)


def _same_words(left: Told, right: Told) -> Iterator[KeyPath]:
    """Entrypoint and command, if all words together are equal."""
    if left.runs == right.runs:
        yield from (_ENTRYPOINT, _COMMAND)


def _divide_alike(left: Told, right: Told) -> None:
    """Divide the words of both at the same place into entrypoint and command, if their entrypoints agree that far: `docker run` can
    only give an entrypoint of one word.
    """
    lengths = [len(told.values.get(_ENTRYPOINT) or ()) for told in (left, right)]
    longest = max(lengths)
    if 0 in lengths or left.runs[:longest] != right.runs[:longest]:
        return
    for told in (left, right):
        words = list(told.runs)
        told.values |= {_ENTRYPOINT: words[:longest], _COMMAND: words[longest:]}


def _without_networks(left: Told, right: Told) -> Iterator[KeyPath]:
    """If one side has a network mode instead of networks, it is one difference, not one more for each network."""
    for one, other in ((left, right), (right, left)):
        if _MODE in one.values and _MODE not in other.values:
            yield from (key for key in other.values if key[0] == "networks" and key not in one.values)


def _parts_of_one_check(left: Told, right: Told) -> Iterator[KeyPath]:
    """If only one side has a check, it is one difference, not one for each of its settings."""
    if (_TEST in left.values) != (_TEST in right.values):
        yield from (
            key
            for told in (left, right)
            for key in told.values
            if key[0] == "healthcheck"
            and key[1] in ("interval", "timeout", "retries", "start_period", "start_interval")
        )


def _renamed(one: Thing, other: Thing) -> bool:
    """Whether people gave the two different names."""
    if not (one.name and other.name):
        return False
    if one.names & other.names:
        return one.chosen and other.chosen and one.name != other.name
    usual = one.kind == "network" and "default" in (one.key, other.key)  # a name that nobody gave
    return not usual


def _other_names(one: Thing, other: Thing, left: Any, right: Any) -> tuple[Any, Any]:
    """The names in DNS that only one of two containers has; none where only one of them is in the network at all. A container's own
    name is compared as such.
    """
    if left is ABSENT or right is ABSENT:
        joined: frozenset[str] = frozenset()
        return (left, joined) if left is ABSENT else (joined, right)
    own = {one.name, other.name}
    if _renamed(one, other):
        own |= {one.key, other.key}
    return left - right - own, right - left - own


def _what_it_is(thing: Thing) -> str:
    image = thing.values.get(_IMAGE)
    if thing.kind == "container":
        return image.name if isinstance(image, Generated) else str(image)
    return str(thing.values.get(("driver",), "there"))
