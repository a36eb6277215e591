"""How tests reach stacks: by an argument, through other fixtures, or while they run, by `request.getfixturevalue`.

pytest knows the fixtures of a test when it collects the test, except those that `getfixturevalue` asks for. Those are noted when
they are asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    Fixture = pytest.FixtureDef[Any]  # pytest 7 has no public name for it

_GIVES_A_STACK = "_stackctl_gives_a_stack"


def gives_a_stack(function: Callable[..., Any]) -> Callable[..., Any]:
    """Mark the function of a fixture whose value is a stack."""
    setattr(function, _GIVES_A_STACK, True)
    return function


def is_isolated(item: pytest.Item | None) -> bool:
    return item is not None and item.get_closest_marker("stack_isolated") is not None


def stacks_known(item: pytest.Item) -> list[str]:
    """The fixtures through which the test reaches stacks, as far as pytest knows before the test runs."""
    found = getattr(getattr(item, "_fixtureinfo", None), "name2fixturedefs", {})
    return [name for name in names_known(item) if any(map(_gives_a_stack, found.get(name, ())))]


def names_known(item: pytest.Item) -> list[str]:
    """The names of all fixtures that the test needs, directly or not, as far as pytest knows before the test runs."""
    return getattr(item, "fixturenames", [])


class Reaching:
    """What a process knows of the fixtures that are set up now.

    `reached` is called with the test that runs, and the names of the fixtures that it now has since something has asked for them.
    """

    def __init__(self, reached: Callable[[pytest.Item, set[str]], None]) -> None:
        self._reached = reached
        self.item: pytest.Item | None = None
        """The test that runs."""
        self.being_set_up: list[str] = []
        """Fixtures whose functions run now: each has asked for the next one."""
        self._alive: dict[Fixture, pytest.FixtureRequest] = {}
        """The fixtures that outlive a test. One comes after those that it needs."""
        self._asked: dict[Fixture, set[str]] = {}
        """The names for which each of them has asked."""

    def begin(self, item: pytest.Item) -> None:
        """A test begins. For one that is marked `stack_isolated`, end the fixtures that lead to a stack: pytest then sets up anew
        what the test asks for, however it asks.
        """
        self.item = item
        request: pytest.FixtureRequest | None = getattr(item, "_request", None)
        if request and "request" in names_known(item):
            self._note_what_is_asked_for(request, set())
        if is_isolated(item):
            for fixture in reversed([each for each in self._alive if self._leads_to_a_stack(each)]):
                if fixture in self._alive:  # the end of a fixture ends those that need it
                    fixture.finish(self._alive[fixture])  # type: ignore[arg-type]

    @contextmanager
    def set_up(self, fixture: Fixture, request: pytest.FixtureRequest) -> Iterator[None]:
        """Within the block, pytest calls the fixture's function."""
        outlives_the_test = fixture.scope != "function"
        asked = set(fixture.argnames)
        if outlives_the_test:
            self._asked[fixture] = asked
        if "request" in asked:
            self._note_what_is_asked_for(request, asked)
        self.being_set_up.append(fixture.argname)
        try:
            yield
        finally:
            self.being_set_up.pop()
            if outlives_the_test:
                self._alive[fixture] = request
                if self.item and is_isolated(self.item) and self._leads_to_a_stack(fixture):
                    self.item.addfinalizer(partial(fixture.finish, request=request))  # type: ignore[arg-type]

    def ended(self, fixture: Fixture) -> None:
        """Pytest has ended the fixture."""
        self._alive.pop(fixture, None)
        self._asked.pop(fixture, None)

    def names(self, item: pytest.Item) -> set[str]:
        """The names of all fixtures that the test needs, with those that it, or a fixture, has asked for while it ran."""
        request: pytest.FixtureRequest | None = getattr(item, "_request", None)
        return self._with_what_they_ask_for(request.fixturenames if request else names_known(item))

    def _note_what_is_asked_for(self, request: pytest.FixtureRequest, asked: set[str]) -> None:
        """Add to `asked` the names for which `request.getfixturevalue` is called."""
        ask = request.getfixturevalue

        def noted(name: str) -> Any:
            __tracebackhide__ = True
            value = ask(name)
            asked.add(name)
            if self.item:
                self._reached(self.item, self._with_what_they_ask_for([name]))
            return value

        request.getfixturevalue = noted  # type: ignore[method-assign, assignment]

    def _leads_to_a_stack(self, fixture: Fixture) -> bool:
        stacks = {each.argname for each in self._alive if _gives_a_stack(each)}
        return _gives_a_stack(fixture) or bool(stacks & self._with_what_they_ask_for(self._asked[fixture]))

    def _with_what_they_ask_for(self, names: Iterable[str]) -> set[str]:
        found: set[str] = set()
        left = {*names}
        while left:
            found |= left
            left = {
                asked for fixture, names in self._asked.items() if fixture.argname in left for asked in names
            } - found
        return found


def _gives_a_stack(fixture: Fixture) -> bool:
    return getattr(fixture.func, _GIVES_A_STACK, False)
