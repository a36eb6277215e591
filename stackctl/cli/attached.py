"""`up` that stays: the output of the containers, what becomes of the others when one ends, and Ctrl-C."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, Literal

from msgspec import Struct

from stackctl.cli import follow as runs
from stackctl.cli.settings import Settings
from stackctl.cli.streams import silence
from stackctl.engine.execute import AWAKE, Cancel
from stackctl.engine.protocol import Engine, LogLine
from stackctl.errors import EngineError, StackError, UsageError
from stackctl.operating import Operating
from stackctl.planner.steps.actions import KillContainer
from stackctl.planner.steps.events import Event
from stackctl.planner.world.asked import Happened
from stackctl.planner.world.observed import ObservedContainer
from stackctl.show.log_lines import log_formatter, log_json
from stackctl.show.text.safe import one_line
from stackctl.spec.choosing import select
from stackctl.spec.model import Stack
from stackctl.spec.selection import Selection
from stackctl.spelling import did_you_mean

if TYPE_CHECKING:
    from stackctl.cli.watched import WatchedFiles
    from stackctl.engine.file_changes import Changes

_LATE = 0.2
"""For so many seconds, lines may come that a container wrote before it ended."""


class Staying(Struct, frozen=True, kw_only=True):
    """How `up` stays. `attach`: the services whose output is shown, instead of those that were named; `hide`: those whose output is
    not; `dependencies`: also those that the named ones depend on. `abort`: which end of a container stops all. `exit_code_from`:
    the service whose exit code is that of `up`. `watched`: the files that its containers follow.
    """

    attach: Collection[str] = ()
    hide: Collection[str] = ()
    dependencies: bool = False
    abort: Literal["", "exit", "failure"] = ""
    exit_code_from: str = ""
    prefix: bool = True
    timestamps: bool = False
    watched: WatchedFiles | None = None

    def check(self, stack: Stack) -> None:
        """Raise UsageError for a name that is no service or job."""
        everything = stack.everything
        for name in (*self.attach, *self.hide, *([self.exit_code_from] if self.exit_code_from else ())):
            if name not in everything:
                raise UsageError(f"no service or job is called {name!r}", did_you_mean(name, everything))


def stay(
    settings: Settings, stack: Stack, selection: Selection, how: Staying, *, began: float, code: int
) -> int:
    """Show the output from `began` on (a time of this machine's clock) until all containers have ended, one of them stops the others, the
    reader leaves, or the user presses Ctrl-C. Return the exit code.

    `code` is that of `up`. If `up` has failed, and not because a container ended that stops the others, nothing is shown.
    """
    watch = _Watch(settings, stack, settings.engine(), selection, how, began)
    return watch.run() if not code or watch.ended_already() else code


class _Watch:
    """What is shown and watched. Threads read the engine; the caller's thread does all else."""

    def __init__(
        self,
        settings: Settings,
        stack: Stack,
        engine: Engine,
        selection: Selection,
        how: Staying,
        began: float,
    ) -> None:
        self._settings, self._stack, self._engine, self._how = settings, stack, engine, how
        self._named = tuple(selection.services)
        self._project = Operating(stack, engine, waiting=settings.tell_holder)
        self._ahead = engine.observe(self._project.name).engine.clock_ahead
        self._since = f"{began + self._ahead:.9f}"
        chosen = select(stack, self._named, selection.profiles, dependencies=selection.dependencies)
        asked = how.attach or (chosen if how.dependencies else self._named) or chosen
        self._shown = {n for n in asked if stack.everything[n].attach and n not in how.hide}
        self._watched = chosen.keys() | self._shown
        self._inbox: SimpleQueue[LogLine | Happened | StackError | Changes | None] = (
            how.watched.inbox if how.watched else SimpleQueue()
        )
        self._readers = 0
        self._containers: dict[str, ObservedContainer] = {}
        self._forms: dict[str, Callable[[LogLine], str]] = {}
        """How a line of each stream is printed."""
        self._told: set[tuple[str, str, str]] = set()
        """The starts and ends that were handled: the container's id, what happened to it, and when."""
        self._ended: set[str] = set()
        """The ids of containers that have ended and were not started again."""
        self._ends: list[str] = []
        """The ends that are not told yet."""
        self._first: int | None = None
        """The exit code of the container whose end stops the others."""
        self._look()

    def ended_already(self) -> bool:
        """Whether a container has ended that stops the others."""
        return any(self._stops_others(event) for event in self._past() if event.action == "die")

    def run(self) -> int:
        left = 0
        self._begin()
        try:
            with runs.interruptible():
                if self._how.watched:
                    self._how.watched.begin()
                self._show(until=lambda: self._first is not None, watched=self._how.watched)
        except runs.Interrupted as wish:
            left = wish.code
            print("stopping; Ctrl-C again kills", file=sys.stderr)
        except BrokenPipeError:
            silence(sys.stdout)
            return self._stop(self._named)
        if not self._readers and not left:
            self._tell_past()
            print("nothing is left to stop: all has ended", file=sys.stderr)
            return self._code()
        stopped = self._stop(() if not left else self._named)
        self._drain(wholly=not (left and self._named))
        return left or stopped or self._code()

    # What is read

    def _look(self) -> None:
        self._forms.clear()
        self._containers = {
            c.id: c for c in self._project.containers() if c.service in self._watched and c.kind != "run"
        }

    def _begin(self) -> None:
        shown = [id_ for id_, c in self._containers.items() if c.service in self._shown]
        self._read(shown or [*self._containers])
        events = self._engine.events(self._project.name, since=self._since)
        Thread(target=self._pass_on, args=(events,), daemon=True).start()

    def _read(self, ids: Collection[str]) -> None:
        lines = self._engine.logs(
            [*ids], follow=True, restarts=self._how.watched is not None, since=self._since
        )
        self._readers += 1
        Thread(target=self._pass_on, args=(lines, None), daemon=True).start()

    def _pass_on(self, items: Iterable[LogLine | Happened], *last: None) -> None:
        try:
            for item in items:
                self._inbox.put(item)
        except EngineError as error:
            self._inbox.put(error)
        for end in last:
            self._inbox.put(end)

    def _past(self) -> Iterator[Happened]:
        now = f"{time.time() + self._ahead:.9f}"
        yield from self._engine.events(self._project.name, since=self._since, until=now)

    # What is done with it

    def _show(
        self, until: Callable[[], bool], patience: float | None = None, watched: WatchedFiles | None = None
    ) -> None:
        """Handle what comes, until all containers that are shown have ended; while files are watched, a change may start them again.
        `patience`: how many seconds to wait for more; None: for ever.
        """
        while (self._readers or watched) and not until():
            patience = watched.patience if watched else patience
            try:
                item = self._inbox.get(timeout=_LATE if self._ends else patience or AWAKE)
            except Empty:
                if self._ends:
                    self._tell_ends()
                elif patience is None:
                    continue
                elif watched:
                    watched.handle({})
                else:
                    return
                continue
            match item:
                case LogLine() as line:
                    self._print(line)
                case Happened() as event:
                    self._handle(event)
                case StackError() as error:
                    raise error
                case dict() as changes if watched:
                    watched.handle(changes)
                case None:
                    self._readers -= 1

    def _drain(self, *, wholly: bool) -> None:
        """Show the rest. If containers run on, their output does not end: then only what is there already."""
        with suppress(BrokenPipeError):
            self._show(until=lambda: False, patience=None if wholly and not self._how.watched else _LATE)
            self._tell_past()

    def _tell_past(self) -> None:
        for event in self._past():
            self._handle(event)
        self._tell_ends()

    def _tell_ends(self) -> None:
        """Say which containers have ended: after their last lines."""
        for text in self._ends:
            print(text, flush=True)
        self._ends.clear()

    def _print(self, line: LogLine) -> None:
        container = self._containers.get(line.container)
        if container is None or container.service not in self._shown:
            return
        if self._settings.progress == "json":
            print(log_json(line, container), flush=True)
            return
        stream = sys.stderr if line.stream == "stderr" else sys.stdout
        if line.stream not in self._forms:
            self._forms[line.stream] = log_formatter(
                {id_: c for id_, c in self._containers.items() if c.service in self._shown},
                style=self._settings.style(stream),
                prefix=self._how.prefix,
                timestamps=self._how.timestamps,
                terminal=stream.isatty(),
            )
        print(self._forms[line.stream](line), file=stream, flush=True)

    def _handle(self, event: Happened) -> None:
        told = (event.container, event.action, event.time)
        if event.action not in ("start", "die") or told in self._told:
            return
        self._told.add(told)
        if event.action == "start":
            self._ended.discard(event.container)
            if event.container not in self._containers:
                self._look()  # a new container of a service, which another command has made
                if event.container in self._containers:
                    self._read([event.container])
            return
        if event.container in self._ended:
            return  # an engine may tell twice that one container has ended
        self._ended.add(event.container)
        container = self._containers.get(event.container)
        if container and container.service in self._shown and self._settings.progress != "json":
            label = one_line(f"{container.service}-{container.number}")
            self._ends.append(f"{label} exited with code {_exit_code(event)}")
        if self._first is None and self._stops_others(event):
            self._first = _exit_code(event)

    def _stops_others(self, event: Happened) -> bool:
        """Whether a container that died stops the others. A job that ends well does not, nor does a container that the engine starts
        again.
        """
        container = self._containers.get(event.container)
        if container is None or not self._how.abort:
            return False
        failed = _exit_code(event) != 0
        if not failed and (self._how.abort == "failure" or container.kind == "job"):
            return False
        try:
            return self._engine.inspect(event.container).state not in ("running", "restarting", "paused")
        except EngineError:  # it is removed already: somebody else has stopped it
            return False

    # The end

    def _stop(self, services: Collection[str]) -> int:
        """Stop the containers of the services. A signal kills them. Return the exit code of that."""
        if not any(c.running for c in self._project.containers(services)):
            print("nothing is left to stop: all has ended", file=sys.stderr)
            return 0

        def events(cancel: Cancel) -> Iterator[Event]:
            cancel.listeners.append(lambda: Thread(target=self._kill, args=(services,)).start())
            return self._project.stop(services, cancel=cancel)

        _, code = runs.follow(self._settings, "stackctl up", events, stack=self._stack)
        return code

    def _kill(self, services: Collection[str]) -> None:
        for container in self._project.containers(services):
            if container.running:
                with suppress(EngineError):  # it has ended meanwhile
                    self._engine.perform(KillContainer(container.id, container.name), lambda _: None)

    def _code(self) -> int:
        """The exit code of the service that was asked for, else of the container that has stopped the others."""
        if not self._how.exit_code_from:
            return self._first or 0
        [*found] = self._project.containers([self._how.exit_code_from])
        return next((c.exit_code for c in found if c.exit_code is not None), 1)


def _exit_code(event: Happened) -> int:
    return int(event.attributes.get("exitCode", "0"))
