"""Wait on a Swarm: look again and again until tasks are as they should be. All waits of a project share one look."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from stackctl.engine.protocol import Report
from stackctl.errors import WaitTimeoutError
from stackctl.planner.steps.actions import WaitForService, WaitForTasksGone
from stackctl.planner.steps.events import Progressed
from stackctl.planner.swarm.converged import Convergence
from stackctl.planner.world.swarm_observed import ObservedNode, ObservedService, ObservedTask
from stackctl.real import monotonic

_TICKS = (0.5, 2.0)
"""Seconds between two looks: at a stack of few services, and of more than `_MANY`."""
_MANY = 200
_NODES_EVERY = 5.0
"""Seconds between two looks at the nodes: the Swarm itself takes longer to see that one is down."""
_SLICE, _PAUSE = 0.05, 0.5
"""Seconds after which a wait asks whether it is still wanted: one that looks for all, and one that lets another look."""


class Seen(NamedTuple):
    """One look. `number` counts the looks, in the order in which they began."""

    number: int
    at: float
    services: Mapping[str, ObservedService]
    """By name."""
    tasks: Mapping[str, Sequence[ObservedTask]]
    """By the id of their service."""
    nodes: Mapping[str, ObservedNode]
    """By id."""


Ask = Callable[
    [bool], tuple[Sequence[ObservedService], Sequence[ObservedTask], Sequence[ObservedNode] | None]
]
"""Asks the manager for the services and tasks of a project; with True also for the nodes, which are None without."""


class Polls:
    """The looks at one project, which all waits share: two calls for each, whatever waits. Safe to share between threads.

    A look begins a tick after the last one, and not before every wait has used the last one, as long as the tick lasts. So waits
    also keep step if `sleep` takes no time.
    """

    def __init__(
        self, ask: Ask, now: Callable[[], float] = monotonic, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._ask = ask
        self.now = now
        self._sleep = sleep
        self._changed = threading.Condition()
        self._waits = 0
        self._ready = 0
        """How many waits have used the last look."""
        self._looking = False
        self._begun = 0
        self._last: Seen | None = None
        self._nodes_at = float("-inf")

    @property
    def begun(self) -> int:
        """How many looks have begun. Only a later one has seen what was done before."""
        return self._begun

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Take part in the looks."""
        with self._changed:
            self._waits += 1
        try:
            yield
        finally:
            with self._changed:
                self._waits -= 1
                self._changed.notify_all()

    def after(self, number: int, cancelled: Callable[[], bool]) -> Seen | None:
        """A look that has begun after the look of that number. None once `cancelled()`."""
        used = -1
        while not cancelled():
            with self._changed:
                if self._last and self._last.number > number:
                    return self._last
                if used != self._begun and not self._looking:
                    used = self._begun
                    self._ready += 1
                    self._changed.notify_all()
                if self._looking or (self._ready < self._waits and self.now() < self._due()):
                    self._changed.wait(_PAUSE)
                    continue
                self._looking = True
            self._rest_and_look(cancelled)
        return None

    def _rest_and_look(self, cancelled: Callable[[], bool]) -> None:
        try:
            while (left := self._due() - self.now()) > 0:
                if cancelled():
                    return
                self._sleep(min(left, _SLICE))
            self._begun += 1
            seen = self._look(self._begun)
            with self._changed:
                self._last, self._ready = seen, 0
        finally:
            with self._changed:
                self._looking = False
                self._changed.notify_all()

    def _due(self) -> float:
        if self._last is None:
            return float("-inf")
        return self._last.at + _TICKS[len(self._last.services) > _MANY]

    def _look(self, number: int) -> Seen:
        at = self.now()
        services, tasks, nodes = self._ask(at - self._nodes_at >= _NODES_EVERY)
        if nodes is not None:
            self._nodes_at = at
            known: Mapping[str, ObservedNode] = {node.id: node for node in nodes}
        else:
            assert self._last
            known = self._last.nodes
        by_service: dict[str, list[ObservedTask]] = {}
        for task in tasks:
            by_service.setdefault(task.service_id, []).append(task)
        return Seen(number, self.now(), {each.name: each for each in services}, by_service, known)


def for_service(
    action: WaitForService, polls: Polls, report: Report, cancelled: Callable[[], bool] = lambda: False
) -> str:
    """Return what is worth telling once the service has come to its goal, or "" once `cancelled()`.

    Raises `RolledBackError` if it has gone back, `WaitError` if it will never come to its goal, and `WaitTimeoutError` after
    `timeout` seconds.
    """
    with polls.waiting():
        return _for_service(action, polls, report, cancelled)


def _for_service(action: WaitForService, polls: Polls, report: Report, cancelled: Callable[[], bool]) -> str:
    goal, began = action.goal, polls.now()
    convergence, number, told = Convergence(goal), polls.begun, ""
    while seen := polls.after(number, cancelled):
        number = seen.number
        service = seen.services.get(goal.name)
        verdict = convergence.look(
            service, seen.tasks.get(service.id, ()) if service else (), seen.nodes, seen.at
        )
        verdict.raised(goal)
        if verdict.state == "converged":
            return ""
        if seen.at - began >= action.timeout:
            raise verdict.too_late(goal, action.timeout)
        news = f"{verdict.text}: {verdict.error}" if verdict.error else verdict.text
        if news != told:
            told = news
            report(Progressed(news))
    return ""


def for_tasks_gone(
    action: WaitForTasksGone,
    polls: Polls,
    here: Callable[[Collection[str]], int],
    report: Report,
    cancelled: Callable[[], bool] = lambda: False,
) -> str:
    """Return once no task of the services is left on a node that answers, or "" once `cancelled()`. The note that is returned
    names the nodes that do not answer: they remove their containers when they come back.

    A node removes a container a moment after its task has gone. Only of this engine it can be known: `here` counts the
    containers of services, by id. So there must be nothing in two looks, if there are other nodes. Raises `WaitTimeoutError`
    after `timeout` seconds.
    """
    with polls.waiting():
        return _for_tasks_gone(action, polls, here, report, cancelled)


def _for_tasks_gone(
    action: WaitForTasksGone,
    polls: Polls,
    here: Callable[[Collection[str]], int],
    report: Report,
    cancelled: Callable[[], bool],
) -> str:
    services = {*action.services.values()}
    began, number, told, nothing = polls.now(), polls.begun, "", 0
    while seen := polls.after(number, cancelled):
        number = seen.number
        left = [task for id_ in services for task in seen.tasks.get(id_, ()) if task.stays]
        living = [task for task in left if not _is_lost(task, seen.nodes)]
        count = len(living) or here(services)
        if not count:
            nothing += 1
            if nothing < min(2, len(seen.nodes)):
                continue
            lost = {node.name for task in left if (node := seen.nodes.get(task.node_id))}
            names = ", ".join(sorted(lost))
            return f"{names} cannot be reached: containers there are removed when it is back" if lost else ""
        nothing = 0
        text = f"{count} {'container' if count == 1 else 'containers'} left"
        if seen.at - began >= action.timeout:
            where = sorted({node.name for task in living if (node := seen.nodes.get(task.node_id))})
            raise WaitTimeoutError(
                f"{text} of {action.name} after {action.timeout:g} s"
                + (f", on {', '.join(where)}" if where else ""),
                "give them more time with --timeout, or look at the nodes: docker node ps NODE",
            )
        if text != told:
            told = text
            report(Progressed(text))
    return ""


def _is_lost(task: ObservedTask, nodes: Mapping[str, ObservedNode]) -> bool:
    node = nodes.get(task.node_id)
    return bool(task.node_id) and (node is None or node.down)
