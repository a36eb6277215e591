"""The global options: how they are written, where they may stand, and what a shell completes."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import update_wrapper
from typing import Any, TypeVar

import click
from msgspec.structs import replace

from stackctl.cli.global_options import GlobalOptions

F = TypeVar("F", bound=Callable[..., Any])

PROGRESS = ("auto", "live", "plain", "json", "quiet")


def complete_services(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """The names of services and jobs, for the shell's completion."""
    members, _profiles = _names_to_complete(ctx)
    return [name for name in members if name.startswith(incomplete)]


def complete_profiles(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """The names of profiles, for the shell's completion."""
    _members, profiles = _names_to_complete(ctx)
    return sorted(name for name in profiles if name.startswith(incomplete))


def _names_to_complete(ctx: click.Context) -> tuple[Collection[str], Collection[str]]:
    """The names of the stack's services and jobs, and those of its profiles."""
    from stackctl.cli.requests import request_of
    from stackctl.spec.source.names import names

    return names(request_of(_typed(ctx)))


def _typed(ctx: click.Context) -> GlobalOptions:
    """The global options of the words that a shell completes."""
    options = GlobalOptions()
    for group in _groups(ctx):
        options = _filled(options, {name: group.params[name] for name in group.params.keys() & _NAMES})
    return _filled(options, ctx.meta.get(_AFTER, {}))


def complete_projects(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """The names of the projects on the engine, for the shell's completion; none if no engine answers."""
    from stackctl.errors import StackError
    from stackctl.looking import connect
    from stackctl.planner.world.projects import projects

    options = _typed(ctx)
    try:
        engine = connect(options.host, options.context, insecure=options.insecure)
        found = projects(engine.containers(""))
    except StackError:
        return []
    return [name for name in dict.fromkeys(p.name for p in found) if name.startswith(incomplete)]


services_argument = click.argument(
    "services", nargs=-1, metavar="[SERVICE]...", shell_complete=complete_services
)
output_option = click.option(
    "-o",
    "--output",
    default="-",
    metavar="FILE",
    help="Write to a file.",
)
index_option = click.option("--index", type=int, metavar="N", help="Which replica, if a service has several.")
format_option = click.option(
    "--format",
    "form",
    metavar="FORM",
    default="table",
    help="table, json (as Compose writes it), 'table TEMPLATE' or a TEMPLATE such as '{{.Name}}'.",
)
grace_option = click.option(
    "-t", "--timeout", type=int, metavar="SECONDS", help="How long a container may take to stop (10)."
)


class _Seconds(click.FloatRange):
    """A number of seconds: every wait ends."""

    name = "seconds"

    def __init__(self) -> None:
        super().__init__(min=0)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        seconds: float = super().convert(value, param, ctx)
        if not math.isfinite(seconds):
            self.fail(f"{value} is no number of seconds.", param, ctx)
        return seconds


SECONDS = _Seconds()
lock_timeout_option = click.option(
    "--lock-timeout",
    type=SECONDS,
    default=60.0,
    metavar="SECONDS",
    help="How long to wait for another run (60).",
)
wait_timeout_option = click.option(
    "--wait-timeout",
    type=SECONDS,
    default=120.0,
    metavar="SECONDS",
    help="How long to wait for each service (120).",
)
PULL = ["always", "missing", "if_not_present", "never", "build"]
"""What `--pull` may say (Docker Compose 5.6.1 takes all of these)."""
tty_option = click.option(
    "-t",
    "--tty",
    "tty",
    flag_value=True,
    type=bool,
    default=None,
    help="With a terminal (if stdin and stdout are one).",
)
no_tty_option = click.option(
    "-T", "--no-tty", "--no-TTY", "tty", flag_value=False, type=bool, help="Without a terminal."
)


class _Progress(click.Choice):  # type: ignore[type-arg]  # it takes no parameter before click 8.2
    """Also `tty`, as Compose calls what is `live` here."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        choice: str = super().convert("live" if value == "tty" else value, param, ctx)
        return choice


_OPTIONS: tuple[tuple[tuple[str, ...], dict[str, Any]], ...] = (
    (("-f", "--file", "files"), {"multiple": True, "type": click.Path(), "metavar": "FILE", "envvar": "STACKCTL_FILE", "help": "The stack's file; a later one is laid over it."}),
    (("-p", "--project-name", "project_name"), {"metavar": "NAME", "shell_complete": complete_projects, "help": "The project's name."}),
    (("--isolated/--no-isolated", "isolated"), {"default": None, "envvar": "STACKCTL_ISOLATED", "help": "A stack of this checkout alone, with names and ports of its own."}),
    (("--env-file", "env_files"), {"multiple": True, "metavar": "FILE", "help": "Variables, instead of .env; the last one wins."}),
    (("--profile", "profile"), {"multiple": True, "metavar": "NAME", "envvar": ["STACKCTL_PROFILES", "COMPOSE_PROFILES"], "shell_complete": complete_profiles, "help": "Enable a profile; '*' for all."}),
    (("--project-directory", "project_directory"), {"metavar": "DIR", "help": "What paths in the file are relative to."}),
    (("-H", "--host", "host"), {"metavar": "URL", "help": "The engine: unix://…, tcp://…, ssh://…"}),
    (("--context", "context"), {"metavar": "NAME", "help": "The engine, by Docker context."}),
    (("--insecure", "insecure"), {"is_flag": True, "default": None, "envvar": "STACKCTL_INSECURE", "help": "Allow an engine over tcp without TLS."}),
    (("--publish-host", "publish_host"), {"metavar": "IP", "envvar": "STACKCTL_PUBLISH_HOST", "help": "Where ports without an address listen."}),
    (("--progress", "progress"), {"type": _Progress(PROGRESS), "default": "auto", "metavar": "HOW", "envvar": ["STACKCTL_PROGRESS", "COMPOSE_PROGRESS"], "help": "auto, live, plain, json or quiet."}),
    (("--no-color", "no_color"), {"is_flag": True, "help": "Without colours; NO_COLOR does the same."}),
)  # fmt: skip
"""How each global option is written, and the arguments of its `click.Option`."""
_NAMES = frozenset(declared[-1] for declared, _ in _OPTIONS)
_LISTS = {"files": "files", "env_files": "env_files", "profile": "profiles"}
"""The options that may be given several times, and what `GlobalOptions` calls them."""
_AFTER = "stackctl.global options after the command"
"""Where click's context keeps them until the command begins."""
_ACCEPTED = "The global options, which `stackctl --help` lists, may stand here as well."


def global_options(function: F) -> F:
    """Add the global options to a group; what they say is the context's object."""

    @click.pass_context
    def callback(ctx: click.Context, /, **values: Any) -> None:
        ctx.obj = _filled(ctx.find_object(GlobalOptions) or GlobalOptions(), values)

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
        if _given(name, value):
            ctx.meta.setdefault(_AFTER, {})[name] = value

    return keep


def options_of(ctx: click.Context) -> GlobalOptions:
    """What the global options say, before and after the command."""
    options = ctx.find_object(GlobalOptions) or GlobalOptions()
    after = dict(ctx.meta.get(_AFTER, {}))
    for option, name in _LISTS.items():
        if option in after and not _said(
            ctx, option
        ):  # an option wins over its variable, and adds to other options
            options = replace(options, **{name: ()})
    return _filled(options, after)


def asked_for(args: Sequence[str]) -> tuple[str, str]:
    """The command and the kind of progress that a command line asks for, as far as a line with mistakes tells them."""
    lenient = {"ignore_unknown_options": True, "allow_extra_args": True, "help_option_names": []}
    reader = click.Command(
        "", params=[click.Option(words, **how) for words, how in _OPTIONS], context_settings=lenient
    )
    read = reader.make_context("", list(args), resilient_parsing=True)
    words = [word for word in read.args if not word.startswith("-") and word != "compose"]
    return words[0] if words else "", read.params["progress"] or "auto"


def _said(ctx: click.Context, option: str) -> bool:
    """Whether the option stands before the command. A value that only a variable gives does not count."""
    source = click.core.ParameterSource.COMMANDLINE
    return any(group.get_parameter_source(option) is source for group in _groups(ctx))


def _groups(ctx: click.Context) -> list[click.Context]:
    return [*(_groups(ctx.parent) if ctx.parent else ()), ctx]


def _given(name: str, value: object) -> bool:
    """Whether an option says something. `--no-isolated` does, though its value is False."""
    return value not in (None, (), "auto", False) or (name, value) == ("isolated", False)


def _filled(options: GlobalOptions, values: Mapping[str, Any]) -> GlobalOptions:
    """The options, changed by the global options that were given."""
    given = {name: value for name, value in values.items() if _given(name, value)}
    profiles = [p for text in given.pop("profile", ()) for p in text.split(",") if p]
    no_color = given.pop("no_color", False)
    for name in ("files", "env_files"):
        if name in given:
            given[name] = (*getattr(options, name), *given[name])
    return replace(
        options,
        **given,
        color=options.color and not no_color,
        profiles=(*options.profiles, *profiles),
    )


def pass_options(function: F) -> F:
    """Give a command the global options as its first argument."""

    @click.pass_context
    def command(ctx: click.Context, /, *args: Any, **values: Any) -> Any:
        ctx.obj = options_of(ctx)
        return ctx.invoke(function, ctx.obj, *args, **values)

    return update_wrapper(command, function)  # type: ignore[return-value]


def pass_settings(function: F) -> F:
    """Give a command the settings, which follow from the global options, as its first argument."""

    @pass_options
    def command(options: GlobalOptions, /, *args: Any, **values: Any) -> Any:
        from stackctl.cli.settings import Settings

        return function(Settings.of(options), *args, **values)

    return update_wrapper(command, function)  # type: ignore[return-value]
