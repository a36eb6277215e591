"""Run a plan. The planner has made all decisions; this module knows only order, threads and events."""

from __future__ import annotations

import heapq
import os
from collections.abc import Callable, Generator, Iterator
from graphlib import TopologicalSorter
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Protocol

from stackctl.engine.protocol import Report
from stackctl.errors import CancelledError
from stackctl.planner.steps.actions import Action, Wait
from stackctl.planner.steps.events import Done, Event, Failed, Progress, Progressed, Rescued, Skipped, Started
from stackctl.planner.steps.plan import Plan, Step
from stackctl.real import monotonic


class Act(Protocol):
    """A function that does one action, such as `Perform.perform` of an engine."""

    def __call__(self, action: Action, report: Report, cancelled: Callable[[], bool], /) -> str: ...


AWAKE = 0.5
"""Seconds after which a wait for events looks up: a signal that comes in the moment before such a wait does not end it."""


class Cancel:
    """A wish to stop. `set` may be called from a signal handler and from any thread. The wish cannot be taken back."""

    def __init__(self) -> None:
        self._wished = False
        self.listeners: list[Callable[[], None]] = []

    def set(self) -> None:
        self._wished = True
        for listener in tuple(self.listeners):
            listener()

    def __call__(self) -> bool:
        return self._wished


def execute(
    plan: Plan,
    perform: Act,
    *,
    jobs: int | None = None,
    cancel: Cancel | None = None,
    began: float | None = None,
) -> Generator[Event, None, None]:
    """Yield events as steps run, each step as soon as everything it waits for is done.

    A step that another one waits for, and that is not in the plan, counts as done. At most `jobs` steps that write run at once (default: processors × 2); waits are not counted. Events are yielded in
    the caller's thread, so that a listener needs no locks. Times are seconds since `began`, a time of `real.monotonic`
    (default: now).

    | what happens | the step itself | steps that need it | all other steps |
    |---|---|---|---|
    | `perform` returns | `Done` | run | run |
    | `perform` raises | `Failed`, with the exception; its rescue is performed at once | `Skipped`, with the first cause | run |
    | `perform` raises, and the step is optional | `Failed` | run | run |
    | `perform` raises `CancelledError` | `Skipped` | run, unless `cancel` is set | run, unless `cancel` is set |
    | `cancel` is set | a write finishes, a wait is left alone | `Skipped` | `Skipped` |

    When the generator is closed, the same happens as with `cancel`, without events.
    """
    began = monotonic() if began is None else began
    return _Run(plan, perform, jobs or 2 * (os.cpu_count() or 1), cancel or Cancel(), began).events()


class _Run:
    def __init__(self, plan: Plan, perform: Act, jobs: int, cancel: Cancel, began: float) -> None:
        self._perform = perform
        self._jobs = jobs
        self._cancel = cancel
        self._closed = False
        self._began = began
        self._steps = {step.id: step for step in plan.steps}
        self._order = TopologicalSorter({step.id: step.after & self._steps.keys() for step in plan.steps})
        self._order.prepare()
        self._inbox: SimpleQueue[Progress | Done | Failed | Skipped | Rescued | None] = SimpleQueue()
        self._ready: list[int] = []
        """A heap of the steps that may begin: earlier steps of the plan go first."""
        self._threads: dict[int, Thread] = {}
        """The steps under way."""
        self._lost: dict[int, Step] = {}
        """Steps that failed or were skipped, each with the step that failed first. What needs them must not run."""
        self._settled: set[int] = set()

    def events(self) -> Generator[Event, None, None]:
        self._cancel.listeners.append(self._wake)
        try:
            while not self._cancel() and (self._order.is_active() or self._threads):
                yield from self._begin()
                if self._threads:
                    yield from self._receive()
            if self._cancel():
                yield from self._wind_up()
        finally:
            self._closed = True
            self._cancel.listeners.remove(self._wake)
            for step_id, thread in self._threads.items():
                if not self._waits(step_id):
                    thread.join()

    def _wake(self) -> None:
        self._inbox.put(None)

    def _stopped(self) -> bool:
        return self._closed or self._cancel()

    def _waits(self, step_id: int) -> bool:
        return isinstance(self._steps[step_id].action, Wait)

    def _at(self) -> float:
        return monotonic() - self._began

    def _begin(self) -> Iterator[Event]:
        """Skip the steps that need a lost step, and start the steps that may run now."""
        while ready := self._order.get_ready():
            for step_id in sorted(ready):
                step = self._steps[step_id]
                if self._cause(step):
                    self._order.done(step_id)
                    yield self._skip(step)
                else:
                    heapq.heappush(self._ready, step_id)
        writing = sum(not self._waits(step_id) for step_id in self._threads)
        held = []
        while self._ready and not self._cancel():
            step_id = heapq.heappop(self._ready)
            if self._waits(step_id):
                yield self._start(self._steps[step_id])
            elif writing < self._jobs:
                writing += 1
                yield self._start(self._steps[step_id])
            else:
                held.append(step_id)
        for step_id in held:
            heapq.heappush(self._ready, step_id)

    def _cause(self, step: Step) -> Step | None:
        lost = step.after & self._lost.keys()
        return self._lost[min(lost)] if lost else None

    def _start(self, step: Step) -> Started:
        # Every step has its own thread, not one of a pool: a wait may take any time, and a second Ctrl-C ends at once.
        thread = Thread(target=self._work, args=(step,), name=f"step-{step.id}", daemon=True)
        self._threads[step.id] = thread
        started = Started(step, self._at())
        thread.start()
        return started

    def _work(self, step: Step) -> None:
        began = self._at()

        def report(news: Progressed) -> None:
            self._inbox.put(Progress(step, self._at(), news))

        try:
            note = self._perform(step.action, report, self._stopped)
        except CancelledError:
            self._inbox.put(Skipped(step, self._at(), None))
        except Exception as error:
            now = self._at()
            self._inbox.put(Failed(step, now, now - began, error))
            if step.rescue:
                self._inbox.put(self._rescue(step, report))
        else:
            now = self._at()
            self._inbox.put(Done(step, now, now - began, note))

    def _rescue(self, step: Step, report: Report) -> Rescued:
        try:
            for action in step.rescue:
                self._perform(action, report, self._stopped)
        except Exception as error:
            return Rescued(step, self._at(), error)
        return Rescued(step, self._at())

    def _receive(self) -> Iterator[Event]:
        """Note what follows from the next event, and yield the event, if one comes soon."""
        try:
            event = self._inbox.get(timeout=AWAKE)
        except Empty:
            return
        if event is None or event.step.id not in self._threads:
            return
        match event:
            case Done(step) | Skipped(step):
                self._end(step)
                self._settle(step)
            case Failed(step):
                if not step.rescue:
                    self._end(step)
                if not step.optional:
                    self._lost[step.id] = step
                self._settle(step)
            case Rescued(step):
                self._end(step)
        yield event

    def _end(self, step: Step) -> None:
        """The step's thread has told its last event, and ends now: nobody finds it alive after the run."""
        self._threads.pop(step.id).join()

    def _settle(self, step: Step) -> None:
        self._settled.add(step.id)
        self._order.done(step.id)

    def _skip(self, step: Step) -> Skipped:
        cause = self._cause(step)
        if cause and not step.optional:
            self._lost[step.id] = cause
        self._settled.add(step.id)
        return Skipped(step, self._at(), cause)

    def _wind_up(self) -> Iterator[Event]:
        """Leave the waits, let the writes under way finish, and skip every step that has not begun."""
        for step_id in [step_id for step_id in self._threads if self._waits(step_id)]:
            del self._threads[step_id]
        while self._threads:
            yield from self._receive()
        for step in self._steps.values():
            if step.id not in self._settled:
                yield self._skip(step)
