"""What `watch` and `up --watch` share: the files that are watched, and how it is told what becomes of them."""

from __future__ import annotations

import sys
import time
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
from stackctl.show.run.watched import watched_json, watched_text
from stackctl.spec.choosing import select
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
    _require_rules(stack, selection, named)
    options = WatchOptions(prune=prune, dry_run=dry_run, lock_timeout=lock_timeout)
    watched = WatchedFiles(settings, stack, selection, options, command=command, quiet=quiet)
    try:
        yield watched
    finally:
        watched.close()


def _require_rules(stack: Stack, selection: Selection, named: Collection[str]) -> None:
    chosen = select(stack, selection.services, selection.profiles, dependencies=selection.dependencies)
    watched = {name for name, service in chosen.items() if service.develop and service.develop.watch}
    without = [name for name in named if name not in watched]
    if watched and not without:
        return
    message = (
        f"{', '.join(without) or f'project {stack.project}'} has no develop.watch: there is nothing to watch"
    )
    found = proposal(stack, without)
    if not found:
        raise UsageError(message, "docs/guide/daily-loop.md says how to write it")
    file = stack.files[0].name
    print(f"# a proposal for {file}, from what the Dockerfiles copy\n\n{found}", file=sys.stderr)
    raise UsageError(message, f"put the lines above into {file}")


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
        self._settings = settings

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
        self._files = FileChanges(self._watching.roots, self.inbox.put)

    @property
    def patience(self) -> float | None:
        """How many seconds to wait for the inbox before `handle` is called again; None: for ever."""
        return _AGAIN if self._watching.waits else None

    def begin(self) -> None:
        """Copy what is to be copied at the beginning, and say that the watching begins."""
        self._watching.handle({})
        for rule in self._watching.rules:
            if not rule.root.exists():
                text = f"{rule.watch.path} is not there yet: it is watched once it is"
                self._tell(WatchTold(what="note", service=rule.service, text=text))
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
        self._files.close()

    def _tell(self, told: WatchTold) -> None:
        as_json = self._settings.progress == "json"
        text = watched_json(told, time.time()) if as_json else watched_text(told)
        print(text, file=lasting(sys.stdout), flush=True)
