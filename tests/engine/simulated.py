"""A plan executed on a clock of its own: the same events as `execute` gives, at exact times, without an engine and without waiting."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator

from stackctl.planner.steps.actions import Wait
from stackctl.planner.steps.events import Done, Event, Planned, Started
from stackctl.planner.steps.plan import Plan, Step


def simulated(
    plan: Plan, seconds: Callable[[Step], float], *, began: float = 0.0, jobs: int | None = None
) -> Iterator[Event]:
    """Each step takes as long as `seconds` says. At most `jobs` steps that write run at once (None: any number)."""
    yield Planned(plan, began)
    left = {step.id: step for step in plan.steps}
    running: list[tuple[float, int, float, Step]] = []
    done: set[int] = set()
    now = began
    while left or running:
        for step in [step for step in left.values() if step.after <= done]:
            writing = sum(not isinstance(other.action, Wait) for *_, other in running)
            if jobs is None or writing < jobs or isinstance(step.action, Wait):
                del left[step.id]
                yield Started(step, now)
                heapq.heappush(running, (now + seconds(step), step.id, now, step))
        now, id_, since, step = heapq.heappop(running)
        done.add(id_)
        yield Done(step, now, now - since)
