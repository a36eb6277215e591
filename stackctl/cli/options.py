"""The options that every command shares, and what a command gets from them."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import update_wrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from msgspec import Struct
from msgspec.structs import replace

if TYPE_CHECKING:
    from stackctl.engine.protocol import Engine
    from stackctl.errors import Problem
    from stackctl.show.style import Style
    from stackctl.spec.model import Stack
    from stackctl.spec.selection import Selection
    from stackctl.spec.source.request import Request

F = TypeVar("F", bound=Callable[..., Any])

PROGRESS = ("auto", "live", "plain", "json", "quiet")


class Settings(Struct):
    """What the global options say. Commands read the stack and reach the engine through it."""

    files: tuple[str, ...] = ()
    project_name: str | None = None
    env_files: tuple[str, ...] = ()
    profiles: tuple[str, ...] = ()
    project_directory: str | None = None
    host: str | None = None
    context: str | None = None
    insecure: bool = False
    progress: str = "auto"
    color: bool = True
    publish_host: str | None = None
    _engine: Engine | None = None

    def load(
        self,
        services: Collection[str] = (),
        *,
        dependencies: bool = True,
        strict: bool = True,
        warn: bool = True,
    ) -> Stack:
        """Read the stack. Its warnings go to stderr. `strict`: unset variables are errors, and the lint rules run.

        With `services` only the variables of these count and, unless `dependencies` is false, of those they depend on.
        """
        from stackctl.looking import load_requested

        stack = load_requested(self.request(services, dependencies=dependencies, strict=strict))
        if warn:
            self.warn(stack.problems)
        return stack

    def request(
        self, services: Collection[str] = (), *, dependencies: bool = True, strict: bool = False
    ) -> Request:
        """Which stack is meant, and which part of it."""
        from stackctl.spec.source.request import Request

        return Request(
            files=[Path(file) for file in self.files],
            directory=Path.cwd(),
            environ=os.environ,
            env_files=[Path(file) for file in self.env_files],
            selection=self.selection(services, dependencies=dependencies),
            strict=strict,
            name=self.project_name,
            project_directory=Path(self.project_directory) if self.project_directory else None,
        )

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
        """The stack for commands that only look: a variable may be missing, warnings are kept to themselves."""
        return self.load(strict=False, warn=False)

    def project(self) -> str:
        """The project's name, also where the stack cannot be read."""
        from stackctl.spec.source.discovery import lenient_project_name

        return lenient_project_name(self.request())

    def source(self) -> str:
        """The path of the stack's file, also where that cannot be read; "" if there is no file."""
        from stackctl.errors import UsageError
        from stackctl.spec.source.discovery import locations

        try:
            files, _ = locations(self.request())
        except UsageError:
            return ""
        return str(files[0].resolve())

    def tell_whose(self, stack: Stack, sources: Iterable[str | None]) -> None:
        """Say so on stderr if what is shown was made from a spec in another directory; `sources` are the specs' paths."""
        from stackctl.planner.world.containers import other_source
        from stackctl.planner.world.naming import Naming
        from stackctl.show.safe import one_line

        here = Naming(stack, "").source
        if other := other_source(sources, here):
            note = f"note: project {stack.project} was started from {other}; this is {here}"
            print(one_line(note), file=sys.stderr)

    def engine(self) -> Engine:
        """The engine, connected at first use and closed when the command ends."""
        if self._engine is None:
            from stackctl.looking import connect

            self._engine = connect(
                host=self.host, context=self.context, insecure=self.insecure, waiting=_tell_waiting
            )
            click.get_current_context().call_on_close(self._engine.close)
        return self._engine

    def selection(self, services: Collection[str] = (), *, dependencies: bool = True) -> Selection:
        from stackctl.spec.selection import Selection

        return Selection(
            services=services,
            profiles=self.profiles,
            dependencies=dependencies,
            publish_host=self.publish_host,
        )

    @staticmethod
    def width(stream: Any) -> int | None:
        """How many columns a terminal has; None if the stream is no terminal."""
        if not stream.isatty():
            return None
        from shutil import get_terminal_size

        return get_terminal_size().columns

    def style(self, stream: Any) -> Style:
        from stackctl.show.style import style_for

        return style_for(stream, no_color=not self.color)


def complete_services(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """The names of services and jobs, for the shell's completion; none where the stack cannot be read."""
    stack = _stack_to_complete(ctx)
    return [name for name in stack.everything if name.startswith(incomplete)] if stack else []


def complete_profiles(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """The names of profiles, for the shell's completion; none where the stack cannot be read."""
    stack = _stack_to_complete(ctx)
    names = {name for each in stack.everything.values() for name in each.profiles} if stack else ()
    return sorted(name for name in names if name.startswith(incomplete))


def _stack_to_complete(ctx: click.Context) -> Stack | None:
    from stackctl.errors import StackError

    settings = Settings()
    for group in _groups(ctx):
        settings = _filled(settings, {name: group.params[name] for name in group.params.keys() & _NAMES})
    try:
        return _filled(settings, ctx.meta.get(_AFTER, {})).load_leniently()
    except (StackError, OSError):
        return None


services_argument = click.argument(
    "services", nargs=-1, metavar="[SERVICE]...", shell_complete=complete_services
)


_OPTIONS: tuple[tuple[tuple[str, ...], dict[str, Any]], ...] = (
    (("-f", "--file", "files"), {"multiple": True, "type": click.Path(), "metavar": "FILE", "envvar": "STACKCTL_FILE", "help": "The stack's file; a later one is laid over it."}),
    (("-p", "--project-name", "project_name"), {"metavar": "NAME", "help": "The project's name."}),
    (("--env-file", "env_files"), {"multiple": True, "metavar": "FILE", "help": "Variables, instead of .env; the last one wins."}),
    (("--profile", "profile"), {"multiple": True, "metavar": "NAME", "envvar": ["STACKCTL_PROFILES", "COMPOSE_PROFILES"], "shell_complete": complete_profiles, "help": "Enable a profile; '*' for all."}),
    (("--project-directory", "project_directory"), {"metavar": "DIR", "help": "What paths in the file are relative to."}),
    (("-H", "--host", "host"), {"metavar": "URL", "help": "The engine: unix://…, tcp://…, ssh://…"}),
    (("--context", "context"), {"metavar": "NAME", "help": "The engine, by Docker context."}),
    (("--insecure", "insecure"), {"is_flag": True, "default": None, "envvar": "STACKCTL_INSECURE", "help": "Allow an engine over tcp without TLS."}),
    (("--publish-host", "publish_host"), {"metavar": "IP", "envvar": "STACKCTL_PUBLISH_HOST", "help": "Where ports without an address listen."}),
    (("--progress", "progress"), {"type": click.Choice(PROGRESS), "default": "auto", "metavar": "HOW", "envvar": "STACKCTL_PROGRESS", "help": "auto, live, plain, json or quiet."}),
    (("--no-color", "no_color"), {"is_flag": True, "help": "Without colours; NO_COLOR does the same."}),
)  # fmt: skip
"""How each global option is written, and the arguments of its `click.Option`."""
_NAMES = frozenset(declared[-1] for declared, _ in _OPTIONS)
_LISTS = {"files": "files", "env_files": "env_files", "profile": "profiles"}
"""The options that may be given several times, and what `Settings` calls them."""
_AFTER = "stackctl.global options after the command"
"""Where click's context keeps them until the command begins."""
_ACCEPTED = "The global options, which `stackctl --help` lists, may stand here as well."


def _tell_waiting(what: str) -> None:
    """Say what is waited for. Only the main thread says it: other threads work while a display is drawn."""
    if threading.current_thread() is threading.main_thread():
        click.echo(f"waiting for {what}", err=True)


def global_options(function: F) -> F:
    """Add the global options to a group; what they say is the context's object."""

    @click.pass_context
    def callback(ctx: click.Context, /, **values: Any) -> None:
        ctx.obj = _filled(ctx.find_object(Settings) or Settings(), values)

    callback.__doc__ = function.__doc__
    callback.__name__ = function.__name__
    for declared, attributes in reversed(_OPTIONS):
        callback = click.option(*declared, **attributes)(callback)
    return callback  # type: ignore[return-value]


def accept_global_options(command: click.Command) -> None:
    """Make a command take the global options as well. A letter or word that the command uses itself stays its own: `logs -f` follows."""
    if command.epilog == _ACCEPTED:
        return
    command.epilog = _ACCEPTED
    taken = {"-h", "--help"}.union(*({*each.opts, *each.secondary_opts} for each in command.params))
    for declared, attributes in _OPTIONS:
        free = [word for word in declared[:-1] if word not in taken]
        given = attributes | {"envvar": None, "default": None, "hidden": True, "expose_value": False}
        if free:
            command.params.append(
                click.Option([*free, f"global_{declared[-1]}"], callback=_keep(declared[-1]), **given)
            )


def _keep(name: str) -> Callable[[click.Context, click.Parameter, Any], None]:
    def keep(ctx: click.Context, _: click.Parameter, value: Any) -> None:
        if value not in (None, (), False):
            ctx.meta.setdefault(_AFTER, {})[name] = value

    return keep


def settings_of(ctx: click.Context) -> Settings:
    """What the global options say, before and after the command."""
    settings = ctx.find_object(Settings) or Settings()
    after = dict(ctx.meta.get(_AFTER, {}))
    for option, name in _LISTS.items():
        if option in after and not _said(
            ctx, option
        ):  # an option wins over its variable, and adds to other options
            settings = replace(settings, **{name: ()})
    return _filled(settings, after)


def _said(ctx: click.Context, option: str) -> bool:
    """Whether the option stands before the command. A value that only a variable gives does not count."""
    source = click.core.ParameterSource.COMMANDLINE
    return any(group.get_parameter_source(option) is source for group in _groups(ctx))


def _groups(ctx: click.Context) -> list[click.Context]:
    return [*(_groups(ctx.parent) if ctx.parent else ()), ctx]


def _filled(settings: Settings, values: Mapping[str, Any]) -> Settings:
    """The settings, changed by the global options that were given."""
    given = {name: value for name, value in values.items() if value not in (None, (), "auto", False)}
    profiles = [p for text in given.pop("profile", ()) for p in text.split(",") if p]
    no_color = given.pop("no_color", False)
    for name in ("files", "env_files"):
        if name in given:
            given[name] = (*getattr(settings, name), *given[name])
    return replace(
        settings,
        **given,
        color=settings.color and not no_color,
        profiles=(*settings.profiles, *profiles),
    )


def pass_settings(function: F) -> F:
    """Give a command the settings as its first argument."""

    @click.pass_context
    def command(ctx: click.Context, /, *args: Any, **values: Any) -> Any:
        ctx.obj = settings_of(ctx)
        return ctx.invoke(function, ctx.obj, *args, **values)

    return update_wrapper(command, function)  # type: ignore[return-value]
