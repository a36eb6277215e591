"""What the global options give to a command: the stack, the engine, the terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

import click
from msgspec.structs import asdict, replace

from stackctl.cli.global_options import GlobalOptions
from stackctl.cli.requests import request_of, selection_of
from stackctl.engine.protocol import Engine
from stackctl.errors import Problem, SpecError, UsageError
from stackctl.looking import connect, load_requested
from stackctl.planner.world.containers import other_source
from stackctl.planner.world.naming import Naming
from stackctl.show.text.safe import one_line
from stackctl.show.text.style import Style, on_github, style_for
from stackctl.spec.model import Stack
from stackctl.spec.selection import Selection
from stackctl.spec.source.discovery import (
    compose_setting,
    lenient_checkouts,
    lenient_project_name,
    locations,
)
from stackctl.spec.source.request import StackRequest


def on_stderr(text: str) -> None:
    """Tell something while no run is shown."""
    print(text, file=sys.stderr)


class Settings(GlobalOptions):
    """The global options, and what follows from them. With it commands read the stack and reach the engine."""

    say: Callable[[str], None] = on_stderr
    """Tells something from any thread. While a run is shown, what shows it tells this as well, so that a display stays whole."""
    _engine: Engine | None = None

    @classmethod
    def of(cls, options: GlobalOptions) -> Settings:
        settings = cls(**asdict(options))
        if not settings.profiles:
            settings.profiles = tuple(filter(None, settings.compose_setting("COMPOSE_PROFILES").split(",")))
        return settings

    def compose_setting(self, name: str) -> str:
        """A variable that Compose reads itself, for a stack that is a compose file; else ""."""
        return compose_setting(self.request(), name)

    def load(
        self,
        services: Collection[str] = (),
        *,
        dependencies: bool = True,
        strict: bool = True,
        warn: bool = True,
        scale: Mapping[str, int] | None = None,
        swarm: bool = False,
    ) -> Stack:
        """Read the stack. Its warnings go to stderr. `strict`: unset variables are errors, and the lint rules run.

        If each checkout has a stack of its own (`isolated`), it is that of this checkout, which the engine is asked about.

        With `services` only the variables of these count and, unless `dependencies` is false, of those they depend on. `scale`: how
        many containers of services, instead of what the file says. `swarm`: it is for a Swarm.
        """
        request = self.request(services, dependencies=dependencies, strict=strict, scale=scale)
        stack = load_requested(request, swarm=swarm)
        if warn:
            self.warn(stack.problems)
            if on_github():
                from stackctl.show.run.github import annotate

                annotate(stack.problems, sys.stderr)
        return self.of_checkout(stack)

    def of_file(self) -> Settings:
        """The settings for a command that is about what the file says, not about a stack on an engine."""
        return replace(self, isolated=False)

    def of_checkout(self, stack: Stack) -> Stack:
        """The stack that is meant in this checkout: its own, if each checkout has one."""
        if not self._is_isolated(stack.checkouts):
            return stack
        from stackctl.checkouts import isolated

        own = isolated(stack, self.engine(), named=self._is_named())
        self.warn(own.problems[len(stack.problems) :])
        return own

    def _is_isolated(self, checkouts: str) -> bool:
        return checkouts == "isolated" if self.isolated is None else self.isolated

    def _is_named(self) -> bool:
        """Whether the project's name is given, so that it belongs to no checkout."""
        request = self.request()
        return bool(request.name or request.environ.get("STACKCTL_PROJECT"))

    def load_asked(
        self,
        services: Collection[str],
        *,
        strict: bool,
        dependencies: bool = True,
        scale: Mapping[str, int] | None = None,
        swarm: bool = False,
    ) -> Stack:
        """Read the part of the stack that is asked for. `strict`: warnings are errors; `swarm`: it is for a Swarm.

        Raises SpecError.
        """
        stack = self.load(services, dependencies=dependencies, warn=not strict, scale=scale, swarm=swarm)
        if strict and (warnings := [p for p in stack.problems if p.severity == "warning"]):
            raise SpecError(replace(problem, severity="error") for problem in warnings)
        return stack

    def request(
        self,
        services: Collection[str] = (),
        *,
        dependencies: bool = True,
        strict: bool = False,
        scale: Mapping[str, int] | None = None,
    ) -> StackRequest:
        """Which stack is meant, and which part of it."""
        return request_of(self, services, dependencies=dependencies, strict=strict, scale=scale)

    def warn(self, problems: Iterable[Problem]) -> None:
        """Tell warnings on stderr."""
        if text := self.warning(problems):
            print(text, file=sys.stderr)

    def warning(self, problems: Iterable[Problem]) -> str:
        """The text that tells warnings on stderr; "" for none."""
        problems = tuple(problems)
        if not problems:
            return ""
        from stackctl.show.problems import problems_text

        return problems_text(problems, style=self.style(sys.stderr))

    def load_leniently(self) -> Stack:
        """The stack for commands that only look: variables may be missing, no rule runs, and notes are not shown."""
        stack = self.load(strict=False, warn=False)
        self.warn(problem for problem in stack.problems if problem.severity == "warning")
        return stack

    def project(self) -> str:
        """The project's name, also where the stack cannot be read."""
        request = self.request()
        name, source = lenient_project_name(request), self.source()
        if self._is_named() or not source or not self._is_isolated(lenient_checkouts(request)):
            return name
        from stackctl.checkouts import project_of

        return project_of(name, Path(source), self.engine())

    def source(self) -> str:
        """The path of the stack's file, even if the file cannot be read; "" if there is no file."""
        try:
            files, _ = locations(self.request())
        except UsageError:
            return ""
        return str(files[0].resolve())

    def tell_whose(self, stack: Stack, sources: Iterable[str | None]) -> None:
        """Say on stderr if the containers that are shown were made from a file in another directory. `sources` are those files."""
        here = Naming(stack, "").source
        if other := other_source(sources, here):
            note = f"note: project {stack.project} was started from {other}; this is {here}"
            print(one_line(note), file=sys.stderr)

    def engine(self) -> Engine:
        """The engine, connected at first use and closed when the command ends."""
        if self._engine is None:
            self._engine = connect(
                host=self.host, context=self.context, insecure=self.insecure, waiting=self.tell_waiting
            )
            click.get_current_context().call_on_close(self._engine.close)
        return self._engine

    def selection(self, services: Collection[str] = (), *, dependencies: bool = True) -> Selection:
        return selection_of(self, services, dependencies=dependencies)

    def style(self, stream: Any) -> Style:
        return style_for(stream, no_color=not self.color)

    def tell_waiting(self, what: str) -> None:
        """Say what is waited for, unless nothing but failures is to be said."""
        if self.progress != "quiet":
            self.say(f"waiting for {what}")

    def tell_holder(self, holder: str) -> None:
        """Say who holds the project while this run waits for it."""
        self.tell_waiting(f"another run: {holder}")
