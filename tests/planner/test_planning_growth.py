"""Deciding costs twice as much for twice as many services. What is counted are calls of functions, so that no clock decides."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import TypeVar

import pytest
from msgspec.structs import replace
from plan_world import World, stack

from stackctl.planner.before.images import images_to_look_into, plan_images
from stackctl.planner.before.preflight import preflight, questions
from stackctl.planner.down import DownOptions, plan_down
from stackctl.planner.life.stops import Stops
from stackctl.planner.runs.runs import plan_reap
from stackctl.planner.status import status
from stackctl.planner.up.planning import plan_up
from stackctl.planner.view.view import View
from stackctl.planner.world import labels
from stackctl.planner.world.desire import desire
from stackctl.planner.world.desired import Desired
from stackctl.planner.world.observed import (
    Observed,
    ObservedContainer,
    ObservedEngine,
    ObservedNetwork,
    ObservedVolume,
)
from stackctl.spec.model import Stack

T = TypeVar("T")
Thing = TypeVar("Thing", ObservedContainer, ObservedNetwork, ObservedVolume)

KINDS = {
    "apart": '[services.s{n}]\nimage = "{image}"\nports = ["{port}:80"]\nvolumes = ["v{n}:/v"]\nnetworks = ["n{n}"]\n[networks.n{n}]\n[volumes.v{n}]\n',
    "all on one": '[services.s{n}]\nimage = "{image}"\ndepends_on = {{ db = {{ restart = true }} }}\n',
    "a chain": '[services.s{n}]\nimage = "{image}"\ndepends_on = ["{before}"]\n',
    "pairs in one network": '[services.s{n}]\nimage = "{image}"\n[services.t{n}]\nimage = "app:1"\nnetwork_mode = "service:s{n}"\n',
    "jobs": '[jobs.s{n}]\nimage = "{image}"\ncommand = "true"\ndepends_on = ["db"]\nvolumes = ["v{n}:/v"]\n[volumes.v{n}]\n',
}  # fmt: skip


def text(kind: str, number: int, image: str = "app:1") -> str:
    """A database, and so many services."""
    services = (
        KINDS[kind].format(
            n=n,
            image=image,
            port=n + 1000,
            before=f"s{n - 1}" if n else "db",
        )
        for n in range(number)
    )
    return '[services.db]\nimage = "db:1"\nvolumes = ["data:/d"]\n[volumes.data]\n' + "".join(services)


def counted(work: Callable[[], T]) -> tuple[int, T]:
    """How many functions are called, those in C included, and what comes of it."""
    calls = 0

    def count(_: FrameType, event: str, __: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        result = work()
    finally:
        sys.setprofile(before)
    return calls, result


def costs(kind: str, number: int) -> dict[str, int]:
    """The calls of every decision: about nothing, about what is there as it should be, and about what changed."""
    first, second = stack(text(kind, number)), stack(text(kind, number, "app:2"))
    found: dict[str, int] = {}

    def wanted(name: str, of: Stack) -> Desired:
        found[f"desire {name}"], result = counted(lambda: desire(of, instance="i"))
        return result

    def look(name: str, desired: Desired, observed: Observed) -> View:
        found[f"view {name}"], view = counted(lambda: View.of(desired, observed))
        found[f"status {name}"], _ = counted(lambda: status(view))
        found[f"preflight {name}"], _ = counted(lambda: (questions(view), preflight(view)))
        found[f"images {name}"], _ = counted(
            lambda: (images_to_look_into(view), plan_images(desired, observed))
        )
        found[f"plan {name}"], _ = counted(lambda: plan_up(view))
        return view

    before, after = wanted("before", first), wanted("after", second)
    world = World()
    view = look("new", before, world.engine.observe())
    world.do(plan_up(view).steps)
    observed = world.engine.observe()
    look("as it is", before, observed)
    look("changed", after, observed)
    needs = {want.service: [need.service for need in want.needs] for want in before.containers}
    found["down"], _ = counted(
        lambda: plan_down("shop", "i", observed, DownOptions(volumes=True), stops=Stops(needs))
    )
    found["reap"], plan = counted(lambda: plan_reap(["r"], left_by("r", observed)))
    assert len(plan.steps) == len(observed.containers + observed.networks + observed.volumes)
    return found


def left_by(run: str, observed: Observed) -> Observed:
    """The same, as if the run had made all of it."""

    def marked(thing: Thing) -> Thing:
        return replace(thing, labels={**thing.labels, labels.RUN: run})

    return replace(
        observed,
        containers=tuple(map(marked, observed.containers)),
        networks=tuple(map(marked, observed.networks)),
        volumes=tuple(map(marked, observed.volumes)),
    )


@pytest.mark.parametrize("kind", KINDS)
def test_twice_as_many_services_cost_twice_as_much(kind: str) -> None:
    small, large = costs(kind, 100), costs(kind, 200)
    ratios = {name: large[name] / small[name] for name in small}
    assert {name: ratio for name, ratio in ratios.items() if ratio > 2.3} == {}


def test_a_long_chain_is_taken_away_in_order() -> None:
    """Far longer than Python lets functions call each other."""
    number = 3000
    needs = {f"s{n}": [f"s{n - 1}"] for n in range(1, number)}
    observed = Observed(
        engine=ObservedEngine(id="e"),
        containers=tuple(
            ObservedContainer(
                id=str(n),
                name=f"shop-s{n}-1",
                state="running",
                labels={"stackctl.project": "shop", "stackctl.instance": "i", "stackctl.service": f"s{n}"},
            )
            for n in range(number)
        ),
    )
    steps = plan_down("shop", "i", observed, stops=Stops(needs)).steps
    assert [step.service for step in steps[:number]] == [f"s{n}" for n in reversed(range(number))]
