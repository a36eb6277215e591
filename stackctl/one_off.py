"""Run a one-off: bring up what its service depends on, make the container, and connect with it."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from threading import Thread

from msgspec.structs import replace

from stackctl.engine.execute import Cancel
from stackctl.engine.protocol import Attach, Engine, ExecResult
from stackctl.engine.transport.client import RefusedError
from stackctl.errors import EngineError, Problem
from stackctl.operating import Operating
from stackctl.planner.before.images import ImageOptions
from stackctl.planner.life.one_off import (
    hooks_of_run,
    instead_of,
    never_began,
    steps_of_run,
    with_one_off,
    with_variant,
)
from stackctl.planner.life.options import RunOptions
from stackctl.planner.steps.actions import CreateContainer, RemoveContainer, RunHook, StartContainer
from stackctl.planner.steps.events import Done, Event, Failed, Postponed
from stackctl.planner.steps.outcome import Outcome
from stackctl.planner.steps.plan import Plan
from stackctl.planner.up.planning import UpPlan
from stackctl.planner.view.slots import UpOptions
from stackctl.planner.view.view import View
from stackctl.planner.world.desired import Desired, DesiredContainer
from stackctl.planner.world.observed import Observed, ObservedContainer
from stackctl.project import Events, Waiting
from stackctl.spec.model import Stack
from stackctl.spec.selection import Selection

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_PATIENCE = 0.5
"""Seconds that who wants to leave waits for the removal of a container."""


class OneOff(Operating):
    """A project with a one-off of one of its services. `prepare` makes the container; `attach` starts it and stays with it.

    Only `prepare` holds the project's lock. Raises UsageError for a name that is no service or job, and for options that cannot
    be read.
    """

    engine: Engine

    def __init__(
        self,
        stack: Stack,
        engine: Engine,
        service: str,
        options: RunOptions,
        *,
        lock_timeout: float = 60.0,
        waiting: Waiting | None = None,
    ) -> None:
        super().__init__(
            with_variant(stack, service, options), engine, lock_timeout=lock_timeout, waiting=waiting
        )
        self._service = service
        self._options = options
        self.container = options.name or f"{stack.project}-{service}-run-{os.urandom(6).hex()}"
        """The container's name."""
        self._made: DesiredContainer | None = None
        self._replaced: ObservedContainer | None = None
        """What an earlier run of that name has left, and has not started."""
        self._created = self._started = False
        self._hooks: tuple[RunHook, ...] = ()
        self.failed_hooks: list[str] = []
        """What the hooks of `post_start` say that failed."""

    def desired_and_observed(
        self, selection: Selection, *, strangers: bool = True
    ) -> tuple[Desired, Observed]:
        """As it is, with the one-off instead of its service. What it replaces counts as gone."""
        asked = replace(selection, services=[self._service], dependencies=self._options.dependencies)
        desired, observed = super().desired_and_observed(asked, strangers=strangers)
        desired = with_one_off(desired, self._service, self.container, self._options)
        self._made = desired.containers[-1]
        self._replaced = never_began(observed, self.name, self.container)
        there = tuple(each for each in observed.containers if each != self._replaced)
        return desired, replace(observed, containers=there)

    def prepare(
        self,
        selection: Selection | None = None,
        options: UpOptions | None = None,
        images: ImageOptions | None = None,
        *,
        cancel: Cancel | None = None,
    ) -> Events:
        """Bring up what the service depends on, and make the container; a detached one is also started. Errors are those of `up`.

        If anything fails, the container is removed again.
        """
        result, finished = Outcome(), False
        try:
            for event in self.up(
                selection or Selection(), options or UpOptions(), images or ImageOptions(), cancel=cancel
            ):
                result = result.after(event)
                self._created = self._created or self._is_creation(event)
                yield event
            finished = result.exit_code == 0
        finally:
            if self._created and not finished:
                self._take_back()

    def _is_creation(self, event: Event) -> bool:
        """Whether the container may have been made."""
        action = event.step.action if isinstance(event, Done | Postponed | Failed) else None
        return isinstance(action, CreateContainer) and action.name == self.container

    def attach(self) -> int:
        """Start the container, connected with the stdin, stdout and stderr (and terminal) of this process. Return its exit code. It
        gets the signals that would end this process. If this process ends before it has started, it is removed.

        Raises UsageError if a terminal is asked for and stdin is not a terminal, EngineError if the container cannot start.
        """
        made, options = self._made, self._options
        assert made is not None, "prepare comes first"
        to = Attach(
            container=made.name, tty=options.tty, stdin=options.stdin, signals=True, removed=options.remove
        )
        try:
            return self.engine.attach(to, self._start)
        except BaseException:
            if not self._started:
                self.leave()
            raise

    def collect(self) -> ExecResult:
        """Start the container, wait for its end, and return its exit code and what it has written. Its input is empty.

        Raises EngineError if the container cannot start.
        """
        self._start()
        ((_, code),) = self.engine.wait([self.container])
        said: dict[str, list[str]] = {"stdout": [], "stderr": []}
        for line in self.engine.logs([self.container]):
            said[line.stream].append(f"{line.text}\n")
        return ExecResult(code, *("".join(said[stream]).encode() for stream in ("stdout", "stderr")))

    def _start(self) -> None:
        """Start the container; remove it if it cannot start."""
        files = self._made.files if self._made else ()
        try:
            self.engine.perform(StartContainer(self.container, self.container, files), lambda _: None)
        except EngineError:
            self.discard()
            raise
        self._started = True
        if self._hooks:  # the command does not wait for them
            Thread(target=self._run_hooks, daemon=True).start()

    def _run_hooks(self) -> None:
        for hook in self._hooks:
            try:
                self.engine.perform(hook, lambda _: None)
            except RefusedError as error:
                if error.status not in (404, 409):  # the container has not ended before
                    self.failed_hooks.append(error.message)
            except EngineError as error:
                self.failed_hooks.append(error.message)

    def _take_back(self) -> None:
        """Remove the container, if this run has made it: the name may have been taken by another one at that moment. Raises EngineError."""
        for container in self.engine.containers(self.name):
            if container.name == self.container and container.kind == "run" and container.instance:
                self.discard()

    def discard(self) -> None:
        """Remove the container, if it is there. Raises EngineError."""
        self.engine.perform(RemoveContainer(self.container, self.container, volumes=True), lambda _: None)

    def leave(self) -> None:
        """As `discard`, for who wants to leave: an engine that does not answer is not waited for, and does it later. A container that
        `prepare` has not made stays.
        """
        if not self._created:
            return
        removal = Thread(target=self._discard_if_possible, daemon=True)
        removal.start()
        asked = signal.pthread_sigmask(
            signal.SIG_BLOCK, _ENDING
        )  # who insists does not end it before the engine is asked
        removal.join(_PATIENCE)
        signal.pthread_sigmask(signal.SIG_SETMASK, asked)

    def _discard_if_possible(self) -> None:
        with suppress(EngineError):
            self.discard()

    def _up_plan(self, plan: Plan, view: View, selection: Selection, warnings: tuple[Problem, ...]) -> UpPlan:
        made = super()._up_plan(plan, view, selection, warnings)
        self._hooks = hooks_of_run(made.steps, self.container)
        steps = steps_of_run(made.steps, self.container, self._options)
        return replace(made, steps=instead_of(self._replaced, steps) if self._replaced else steps)
