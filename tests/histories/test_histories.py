"""Random histories with faults: whatever verbs ran before, and whatever went wrong, one `up` makes it good.

A history is one project on an engine in memory: up to four verbs of two stacks, each with a fault or not, then a verb that is killed
before one of its calls, or meets a fault, and at the end `up`. `history.py` says what must hold. To live a history of a failure again,
give it to `explore`.
"""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from faulty_engine import ANSWERS, BY_HAND, Fault
from history import NEED_A_SERVICE, VERBS, Act, History, explore
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from random_stacks import NAMES, stack_of

numbers = st.integers(0, 1000)
faults = st.builds(Fault, st.sampled_from([*ANSWERS, *BY_HAND]), st.integers(0, 25), st.integers(0, 5))
texts = st.builds(stack_of, numbers, st.integers(1, 4))


@st.composite
def acts(draw: st.DrawFn, verbs: Sequence[str], *, faulty: bool = True) -> Act:
    verb = draw(st.sampled_from(verbs))
    service = draw(st.sampled_from(NAMES if verb in NEED_A_SERVICE else ("", *NAMES)))
    fault = draw(faults) if faulty and draw(st.booleans()) else None
    return Act(verb, draw(st.integers(0, 1)), service, draw(st.integers(0, 3)), fault, draw(numbers))


@st.composite
def histories(draw: st.DrawFn, verbs: Sequence[str]) -> History:
    """Histories whose last verb is one of these."""
    first = draw(st.integers(0, 1))
    last = draw(acts(verbs, faulty=False))
    if draw(st.integers(0, 3)):  # else a verb has often nothing to do
        last = replace(last, stack=1 - first)
    return History(
        stacks=(draw(texts), draw(texts)),
        acts=(Act("up", first), *draw(st.lists(acts([*VERBS]), max_size=3))),
        last=last,
        faults=tuple(draw(st.lists(faults, min_size=16, max_size=16))),
    )


def live(wanted: int, *verbs: str) -> None:
    """Live at least so many histories that end with one of these verbs. They are always the same in CI."""
    number, failed = 0, False

    @settings(
        max_examples=max(wanted // 5, 10),
        deadline=None,
        phases=[Phase.reuse, Phase.generate, Phase.shrink],
        suppress_health_check=[HealthCheck.too_slow],
    )
    @given(histories(verbs))
    def live(history: History) -> None:
        nonlocal number, failed
        if failed or number < wanted:
            failed = True
            number += explore(history)
            failed = False

    live()
    assert number >= wanted


def test_when_up_is_disturbed_the_next_makes_it_good() -> None:
    live(1000, "up", "up --remove-orphans", "up --no-deps", "up --no-start")


def test_when_containers_are_replaced_or_scaled_a_disturbance_is_made_good() -> None:
    live(1000, "up --force-recreate", "scale", "restart")


def test_when_what_is_there_is_operated_a_disturbance_is_made_good() -> None:
    live(1000, "stop", "start", "kill", "pause", "unpause", "rm", "rm --stop", "rm --stop --volumes", "run")


def test_when_a_project_or_its_data_go_or_come_back_a_disturbance_is_made_good() -> None:
    live(1000, "down", "down --volumes", "snapshot", "restore", "snapshot rm")


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_a_hundred_thousand_disturbances_are_made_good(request: pytest.FixtureRequest) -> None:
    live(request.config.getoption("--times", default=None) or 100_000, *VERBS)
