"""What `watch` and `up --watch` share: the files that are watched, and how it is told what becomes of them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from typing import Any, NoReturn

from stackctl.cli import follow as runs
from stackctl.cli.settings import Settings
from stackctl.cli.streams import lasting
from stackctl.engine.execute import Cancel
from stackctl.engine.file_changes import Changes, FileChanges
from stackctl.errors import StackError, UsageError
from stackctl.planner.steps.actions import BuildImage
from stackctl.planner.steps.events import Event, Progress
from stackctl.planner.watch import WatchTold
from stackctl.proposing import proposal
from stackctl.show.watched import watched_json, watched_text
from stackctl.spec.model import Stack
from stackctl.spec.selection import Selection
from stackctl.watching import Watching, WatchOptions

_AGAIN = 1.0
"""Seconds after which an engine that did not answer is asked again."""


@contextmanager
def watching(
    settings: Settings,
    stack: Stack,
    selection: Selection,
    named: Collection[str],
    *,
    command: str = "stackctl up",
    prune: bool = False,
    dry_run: bool = False,
    quiet: bool = False,
    lock_timeout: float = 60.0,
) -> Iterator[WatchedFiles]:
    """Watch the files of the services. Raises UsageError, with a proposal, if there is nothing to watch, or nothing of a service that
    was `named`.
    """
    options = WatchOptions(prune=prune, dry_run=dry_run, lock_timeout=lock_timeout)
    watched = WatchedFiles(settings, stack, selection, options, command=command, quiet=quiet)
    try:
        watched.check(named)
        yield watched
    finally:
        watched.close()


class WatchedFiles:
    """The files of a stack, and its containers, which follow them. From the beginning on no change is missed; what is to be done about
    it is done by `handle`, in the caller's thread.
    """

    def __init__(
        self,
        settings: Settings,
        stack: Stack,
        selection: Selection,
        options: WatchOptions,
        *,
        command: str,
        quiet: bool = False,
    ) -> None:
        """`inbox` gets the changes; the caller may put other things there. `quiet`: the output of builds is not shown."""
        self.inbox: SimpleQueue[Any] = SimpleQueue()
        self._settings, self._stack = settings, stack

        def follow(events: Callable[[Cancel], Iterator[Event]]) -> int:
            def shown(cancel: Cancel) -> Iterator[Event]:
                for event in events(cancel):
                    hidden = isinstance(event, Progress) and isinstance(event.step.action, BuildImage)
                    if not (quiet and hidden):
                        yield event

            result, code = runs.follow(settings, command, shown, stack=stack)
            if result.interrupted or code > 128:
                raise runs.Interrupted(max(code - 128, 2))
            return code

        self._watching = Watching(
            stack,
            settings.engine(),
            selection,
            options,
            tell=self._tell,
            follow=follow,
            waiting=settings.tell_holder,
        )
        self._files = FileChanges(self._watching.roots, self.inbox.put) if self._watching.rules else None

    @property
    def services(self) -> tuple[str, ...]:
        """Those whose files are watched."""
        return tuple(dict.fromkeys(rule.service for rule in self._watching.rules))

    def check(self, names: Collection[str]) -> None:
        """Raise UsageError, with a proposal, if there is nothing to watch, or nothing of a service that was named."""
        without = [name for name in names if name not in self.services]
        if self.services and not without:
            return
        who = ", ".join(without) or f"project {self._stack.project}"
        found = proposal(self._stack, without)
        message = f"{who} has no develop.watch: there is nothing to watch"
        if not found:
            raise UsageError(message, "docs/guide/daily-loop.md says how to write it")
        print(
            f"# a proposal for {self._stack.files[0].name}, from what the Dockerfile copies\n",
            file=sys.stderr,
        )
        print(found, file=sys.stderr)
        raise UsageError(message, f"put the lines above into {self._stack.files[0].name}")

    @property
    def patience(self) -> float | None:
        """How many seconds to wait for the inbox before `handle` is called again; None: for ever."""
        return _AGAIN if self._watching.waits else None

    def begin(self) -> None:
        """Copy what is to be copied at the beginning, and say that the watching begins."""
        self._watching.handle({})
        paths = dict.fromkeys(rule.watch.path for rule in self._watching.rules)
        self._tell(WatchTold(what="note", text=f"watching {', '.join(paths)}; Ctrl-C ends"))

    def handle(self, changes: Changes | StackError) -> None:
        """Do what changes ask for. Raises the error that has ended the watching."""
        if isinstance(changes, StackError):
            raise changes
        self._watching.handle(changes)

    def stay(self) -> NoReturn:
        """Handle what comes, without an end."""
        while True:
            try:
                changes = self.inbox.get(timeout=self.patience)
            except Empty:
                changes = {}
            self.handle(changes)

    def close(self) -> None:
        if self._files:
            self._files.close()

    def _tell(self, told: WatchTold) -> None:
        as_json = self._settings.progress == "json"
        text = watched_json(told) if as_json else watched_text(told)
        print(text, file=lasting(sys.stdout), flush=True)
