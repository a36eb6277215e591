"""Why a run took as long as it did: its critical path, who waited for what, and what the run would take without a wait.

The critical path (Kelley and Walker, 1959) is the chain of steps, each of which began when the one before it had ended, that leads to the
end of the run. Only a change on this path makes the run shorter.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import pairwise
from typing import Literal

from msgspec import Struct

from stackctl.planner.steps.timeline import TimedStep, Timeline

NOTICED = 0.05
"""Seconds. A step that could begin, and began later than this, has waited for its turn."""
_EXACT = 6
"""Decimal places of seconds: sums of floats are not exact."""


class CriticalPart(Struct, frozen=True):
    """A part of the critical path. Each begins when the one before it ends; the first begins with the run, and the last ends with it."""

    kind: Literal["plan", "queue", "step", "look"]
    """`plan`: the engine is looked at, and a plan is made. `queue`: the step could begin, but as many steps as may write at once were under way.
    `look`: the last look, and what keeps running is waited for.
    """
    began: float
    ended: float
    step: TimedStep | None = None
    waiter: str = ""
    """The service that goes on after this step, "up" for the run itself; "" if it is the step's own service, or none."""

    @property
    def seconds(self) -> float:
        return self.ended - self.began


class ServiceWait(Struct, frozen=True):
    """A service could not start before another one had come as far as `until` says (`depends_on`)."""

    who: str
    of: str
    until: str
    """started, healthy, ready or completed."""
    seconds: float
    """From when its own container was there until the other one had come as far."""
    saves: float
    """How many seconds earlier the run would have ended without this wait."""


def critical_path(run: Timeline) -> tuple[CriticalPart, ...]:
    """The critical path of a run, from its begin to its end. It is empty if no step was done."""
    return tuple(reversed([*_backwards(run)]))


def _backwards(run: Timeline) -> Iterator[CriticalPart]:
    steps = {step.id: step for step in run.steps}
    if not steps:
        return
    step: TimedStep | None = _last(steps.values())
    waiter = "up"
    if step and run.seconds > step.ended:
        yield CriticalPart("look", step.ended, run.seconds)
    while step:
        needs = [steps[id_] for id_ in step.needs]
        earlier = needs or [other for other in run.steps if other.stage < step.stage]
        before = _last(earlier) if earlier else None
        begin = before.ended if before and needs else run.stages[step.stage]
        queued = step.began if step.began - begin > NOTICED else begin
        yield CriticalPart("step", queued, step.ended, step, waiter)
        if queued > begin:
            yield CriticalPart("queue", begin, queued, step)
        if not needs:
            yield CriticalPart("plan", before.ended if before else 0.0, begin)
        waiter = "" if needs else "up"
        if before and needs and before.service != step.service:
            waiter = step.service
        step = before


def _last(steps: Collection[TimedStep]) -> TimedStep:
    return max(steps, key=lambda step: (step.ended, step.id))


Edge = tuple[int, int]
"""The second step needs the first one."""


def waits(run: Timeline) -> tuple[ServiceWait, ...]:
    """The waits of services for each other, those first whose removal saves most.

    What a wait costs follows from the plan and the measured times: each step takes as long as it took, and begins as soon as what it needs is
    done, as late after that as it did. A run that has more to do at once may need longer for it; so `saves` is the most that can be won.
    """
    steps = {step.id: step for step in run.steps}
    edges: dict[tuple[str, str, str], set[Edge]] = {}
    for step in run.steps:
        for need in map(steps.__getitem__, step.needs):
            if need.phase in ("start", "ready") and "" != need.service != step.service != "":
                until = need.condition or "started"
                edges.setdefault((step.service, need.service, until), set()).add((need.id, step.id))
    path = [link.step.id for link in critical_path(run) if link.kind == "step" and link.step]
    critical = set(pairwise(path))
    schedule = _Schedule(run)
    found = [
        ServiceWait(*names, _held(steps, run, given), schedule.saved(given) if given & critical else 0.0)
        for names, given in edges.items()
    ]
    return tuple(sorted(found, key=lambda wait: (-wait.saves, -wait.seconds, wait.who, wait.of)))


def _held(steps: dict[int, TimedStep], run: Timeline, edges: Collection[Edge]) -> float:
    """How long the edges held up the first of the steps that they lead to."""
    held = 0.0
    for id_ in {after for _, after in edges}:
        step = steps[id_]
        own = [steps[need].ended for need in step.needs if steps[need].service in ("", step.service)]
        gate = max(steps[before].ended for before, after in edges if after == id_)
        held = max(held, gate - max(own, default=run.stages[step.stage]))
    return round(held, _EXACT)


class _Schedule:
    """When each step of a run would have ended if some edges were not there."""

    def __init__(self, run: Timeline) -> None:
        self._run = run
        self._needed = {need for step in run.steps for need in step.needs}
        ended = {step.id: step.ended for step in run.steps}
        self._late = {
            step.id: max(
                step.began - max((ended[id_] for id_ in step.needs), default=run.stages[step.stage]), 0.0
            )
            for step in run.steps
        }
        """How long after it could each step began."""

    def saved(self, without: Collection[Edge]) -> float:
        """How many seconds earlier the last step ends without these edges."""
        return round(max(self._finish(()) - self._finish(without), 0.0), _EXACT)

    def _finish(self, without: Collection[Edge]) -> float:
        gone = self._pointless(without)
        ends: dict[int, float] = {}
        stage, begin, finish, told = 0, self._run.stages[0], 0.0, 0.0
        for step in self._run.steps:
            if step.stage != stage:  # it begins as long after the steps before it as it did
                begin, stage = finish + self._run.stages[step.stage] - told, step.stage
            if step.id not in gone:
                needs = [id_ for id_ in step.needs if (id_, step.id) not in without]
                ready = max((ends[id_] for id_ in needs if id_ in ends), default=begin)
                ends[step.id] = ready + self._late[step.id] + step.seconds
                finish = max(finish, ends[step.id])
            told = max(told, step.ended)
        return finish

    def _pointless(self, without: Collection[Edge]) -> set[int]:
        """The waits that no step needs without these edges, and that are not those of the run itself."""
        left = {id_ for step in self._run.steps for id_ in step.needs if (id_, step.id) not in without}
        waits = [step for step in self._run.steps if step.phase == "ready"]
        itself = {step.of: step.id for step in sorted(waits, key=self._for_itself)}
        return {step.id for step in waits if step.id in self._needed - left and step.id != itself[step.of]}

    def _for_itself(self, step: TimedStep) -> tuple[bool, bool]:
        """The greatest of the waits for a container is the one that the run itself waits for: it is one that no step needs, or
        it is shared with a step that needs the same, which for a service is that it is ready.
        """
        return step.id not in self._needed, step.condition in ("healthy", "ready")
