"""stackctl deploy"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from stackctl.cli.options import (
    SECONDS,
    accept_global_options,
    complete_services,
    lock_timeout_option,
    pass_settings,
    services_argument,
)
from stackctl.cli.plan_options import scale_of
from stackctl.cli.settings import Settings

if TYPE_CHECKING:
    from stackctl.deploying import Deploying
    from stackctl.planner.swarm.planning import DeployOptions
    from stackctl.spec.model import Stack

F = TypeVar("F", bound=Callable[..., Any])


class _Group(click.Group):
    """A group that deploys if no command of it is named, and whose commands take the global options as well."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        asks_help = bool(args) and args[0] in ctx.help_option_names
        if not asks_help and not (args and args[0] in self.commands):
            args = ["services", *args]
        return super().parse_args(ctx, args)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        command = super().get_command(ctx, cmd_name)
        if command:
            accept_global_options(command)
        return command

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The options are those of the deploy itself."""
        records = [
            record
            for each in services.params
            if isinstance(each, click.Option)
            and (record := each.get_help_record(ctx))
            and each.name != "help"
        ]
        with formatter.section("Options"):
            formatter.write_dl(records)
        self.format_commands(ctx, formatter)


class _Unnamed(click.Context):
    """Of a command whose name nobody types: usage errors speak of its group."""

    @property
    def command_path(self) -> str:
        assert self.parent
        return self.parent.command_path


class _Deploy(click.Command):
    context_class = _Unnamed


_timeout_option = click.option(
    "--timeout",
    type=SECONDS,
    default=120.0,
    metavar="SECONDS",
    help="How long to wait for each service (120).",
)
_OPTIONS = (
    click.option("--build", is_flag=True, help="Build images also when they are there."),
    click.option("--no-build", is_flag=True, help="Build nothing: the nodes have the images."),
    click.option(
        "--resolve-image",
        "resolve",
        type=click.Choice(["changed", "always", "never"]),
        default="changed",
        help="When to ask the registry which image a tag means (changed).",
    ),
    click.option("--no-deps", is_flag=True, help="Without what the named services depend on."),
    click.option(
        "--remove-orphans",
        "--prune",
        "prune",
        is_flag=True,
        help="Remove services that the file no longer has.",
    ),
    click.option(
        "--lenient", is_flag=True, help="Leave keys out that a Swarm does not have, instead of refusing."
    ),
    click.option("--strict", is_flag=True, help="Warnings stop, too."),
    _timeout_option,
)


def _deploy_options(function: F) -> F:
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


@click.group("deploy", cls=_Group, options_metavar="[OPTIONS]", subcommand_metavar="[SERVICE]... | COMMAND")
def command() -> None:
    """Run the stack on a Docker Swarm and wait until it has converged

    The same stack.toml on many machines. Services are created and updated in the order of their dependencies: each waits until what it
    needs runs and is healthy. A service that is as it should be is left alone. Mistakes, and what a Swarm cannot do, are reported
    before anything is done.

    Exits with 6 if a service was rolled back, also if the Swarm did it by itself; with 4 if a service did not converge in time.

    \b
    Examples:
      stackctl deploy                       everything
      stackctl deploy api                   api and what it depends on
      stackctl deploy plan                  what would change, and why
      stackctl deploy --rollback            all or nothing: after a failure, what was changed goes back
      stackctl -f stack.toml -f deploy.toml deploy     with what only the Swarm gets
      stackctl deploy status                what runs, and where
      stackctl deploy down                  remove it, keep the data
    """


@command.command("services", cls=_Deploy, hidden=True)
@services_argument
@_deploy_options
@click.option("--rollback", is_flag=True, help="After a failure, take back what this run has changed.")
@click.option("-d", "--detach", is_flag=True, help="Do not wait for the last services.")
@click.option(
    "--refresh-auth",
    "refresh",
    is_flag=True,
    help="Send the login at registries again, for services that stay.",
)
@click.option("--dry-run", is_flag=True, help="Show what it would do, as plan does.")
@click.option("--with-registry-auth", is_flag=True, expose_value=False, hidden=True)
@lock_timeout_option
@pass_settings
def services(
    settings: Settings,
    /,
    services: tuple[str, ...],
    dry_run: bool,
    no_deps: bool,
    lock_timeout: float,
    **given: Any,
) -> int:
    """Run the stack on a Docker Swarm and wait until it has converged"""
    stack = _load(settings, services, no_deps, given)
    if dry_run:
        return _show(settings, stack, services, no_deps, given)
    return _deploy(settings, stack, services, no_deps, given, lock_timeout)


@command.command("plan")
@services_argument
@_deploy_options
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.option("--steps", is_flag=True, help="Every step with its order, instead of the summary.")
@click.option("--detailed-exitcode", is_flag=True, help="Exit 10 if there is something to do, 0 if not.")
@pass_settings
def plan(
    settings: Settings,
    /,
    services: tuple[str, ...],
    no_deps: bool,
    as_json: bool,
    steps: bool,
    detailed_exitcode: bool,
    **given: Any,
) -> int:
    """Show what deploy would do, and why, without doing it

    \b
    Examples:
      stackctl deploy plan
      stackctl deploy plan --detailed-exitcode     for scripts: 10 means there is work
      stackctl deploy plan --json
    """
    from stackctl.cli.exit_codes import CHANGES

    stack = _load(settings, services, no_deps, given)
    code = CHANGES * detailed_exitcode
    return _show(settings, stack, services, no_deps, given, as_json=as_json, steps=steps, code=code)


@command.command("status")
@services_argument
@click.option("--exit-code", is_flag=True, help="Exit with 10 if something differs from the file.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@pass_settings
def status(settings: Settings, services: tuple[str, ...], exit_code: bool, as_json: bool) -> int:
    """Show what runs, where, and what differs from the file

    Tasks count only on nodes that live.

    \b
    Examples:
      stackctl deploy status
      stackctl deploy status --json
    """
    from stackctl.cli.exit_codes import CHANGES
    from stackctl.show.lists.swarm import swarm_status_json, swarm_status_text

    stack = settings.of_file().load_leniently()
    rows = _deploying(settings, stack).status(settings.selection(services, dependencies=not services))
    if as_json:
        print(json.dumps(swarm_status_json(rows, stack.project), indent=2))
    else:
        print(swarm_status_text(rows, style=settings.style(sys.stdout)))
    return CHANGES if exit_code and any(row.drift for row in rows) else 0


@command.command("logs")
@services_argument
@click.option("-f", "--follow", is_flag=True, help="Go on with what comes.")
@click.option("-n", "--tail", type=int, metavar="N", help="Only the last N lines of each task.")
@click.option("-t", "--timestamps", is_flag=True, help="With the time of each line.")
@click.option("--since", metavar="TIME", help="From then on: 5m, or 2026-01-31T12:00:00.")
@click.option("--no-log-prefix", is_flag=True, help="Without the task's name before each line.")
@click.option("--json", "as_json", is_flag=True, help="As JSON, one object a line.")
@pass_settings
def logs(
    settings: Settings,
    services: tuple[str, ...],
    follow: bool,
    tail: int | None,
    timestamps: bool,
    since: str | None,
    no_log_prefix: bool,
    as_json: bool,
) -> int:
    """Show what the tasks write, on whatever node they run

    \b
    Examples:
      stackctl deploy logs -f api
      stackctl deploy logs --tail 20
    """
    from stackctl.show.lists.swarm import task_containers
    from stackctl.show.log_lines import show_logs

    deploying = _deploying(settings, settings.of_file().load_leniently())
    found = deploying.services(services)
    tasks, observed = deploying.tasks()
    engine = settings.engine()
    lines = engine.service_logs([each.id for each in found], follow=follow, tail=tail, since=since)
    show_logs(
        lines,
        task_containers(tasks, observed),
        sys.stdout,
        style=settings.style(sys.stdout),
        prefix=not no_log_prefix,
        timestamps=timestamps,
        as_json=as_json,
    )
    return 0


@command.command("down")
@services_argument
@click.option(
    "--timeout",
    type=SECONDS,
    default=60.0,
    metavar="SECONDS",
    help="How long to wait until all containers are gone (60).",
)
@lock_timeout_option
@pass_settings
def down(settings: Settings, services: tuple[str, ...], timeout: float, lock_timeout: float) -> int:
    """Remove the stack from the Swarm; its data stays

    Returns once no container of it is left on any node. Networks, secrets and configs go then; volumes stay, each on its node.

    \b
    Examples:
      stackctl deploy down
      stackctl deploy down api         only this one
      stackctl -p shop deploy down     a project by its name
    """
    from stackctl.cli.follow import follow
    from stackctl.cli.operate import stack_or_labels
    from stackctl.planner.swarm.down import SwarmDownOptions

    stack = stack_or_labels(settings)
    deploying = _deploying(settings, stack, lock_timeout)
    if services:
        deploying.services(services)  # refuses names of no service
    options = SwarmDownOptions(services=services, timeout=timeout)
    _, code = follow(
        settings, "stackctl deploy down", lambda cancel: deploying.down(options, cancel=cancel), stack=stack
    )
    return code


@command.command("scale")
@click.argument(
    "counts",
    nargs=-1,
    required=True,
    callback=scale_of,
    metavar="SERVICE=NUMBER...",
    shell_complete=complete_services,
)
@_timeout_option
@lock_timeout_option
@pass_settings
def scale(settings: Settings, counts: dict[str, int], timeout: float, lock_timeout: float) -> int:
    """Change how many tasks services have

    The next `deploy` goes back to the number in the file: a number that is to stay belongs there, as `deploy.replicas`.

    \b
    Examples:
      stackctl deploy scale api=5
      stackctl deploy scale api=5 worker=0
    """
    named = tuple(counts)
    stack = settings.of_file().load_asked(named, strict=False, dependencies=False, scale=counts, swarm=True)
    given = {"timeout": timeout}
    return _deploy(settings, stack, named, True, given, lock_timeout, command="stackctl deploy scale")


@command.command("rollback")
@services_argument
@click.option("-d", "--detach", is_flag=True, help="Do not wait.")
@_timeout_option
@lock_timeout_option
@pass_settings
def rollback(
    settings: Settings, services: tuple[str, ...], detach: bool, timeout: float, lock_timeout: float
) -> int:
    """Let services go back to what they were before their last update

    The Swarm keeps one earlier definition of each service. The next `deploy` goes by the file again.

    \b
    Examples:
      stackctl deploy rollback api
    """
    from stackctl.cli.follow import follow

    deploying = _deploying(settings, settings.of_file().load_leniently(), lock_timeout)
    _, code = follow(
        settings,
        "stackctl deploy rollback",
        lambda cancel: deploying.roll_back(services, wait_timeout=timeout, detach=detach, cancel=cancel),
    )
    return code


def _load(settings: Settings, services: tuple[str, ...], no_deps: bool, given: dict[str, Any]) -> Stack:
    if given["build"] and given["no_build"]:
        raise click.UsageError("--build and --no-build exclude each other")
    return settings.of_file().load_asked(
        services, strict=given["strict"], dependencies=not no_deps, swarm=True
    )


def _options(given: dict[str, Any]) -> DeployOptions:
    from stackctl.planner.swarm.planning import DeployOptions

    names = ("resolve", "detach", "rollback", "lenient", "strict", "build", "no_build", "refresh")
    return DeployOptions(
        **{name: given[name] for name in names if name in given},
        remove_orphans=given.get("prune", False),
        wait_timeout=given["timeout"],
    )


def _deploying(settings: Settings, stack: Stack | None, lock_timeout: float = 60.0) -> Deploying:
    from stackctl.deploying import Deploying
    from stackctl.spec.model import Stack

    return Deploying(
        stack or Stack(project=settings.of_file().project()),
        settings.engine(),
        lock_timeout=lock_timeout,
        waiting=settings.tell_holder,
    )


def _deploy(
    settings: Settings,
    stack: Stack,
    services: tuple[str, ...],
    no_deps: bool,
    given: dict[str, Any],
    lock_timeout: float,
    command: str = "stackctl deploy",
) -> int:
    from stackctl.cli.follow import follow

    deploying = _deploying(settings, stack, lock_timeout)
    selection = settings.selection(services, dependencies=not no_deps)
    _, code = follow(
        settings,
        command,
        lambda cancel: deploying.deploy(selection, _options(given), cancel=cancel),
        stack=stack,
    )
    return code


def _show(
    settings: Settings,
    stack: Stack,
    services: tuple[str, ...],
    no_deps: bool,
    given: dict[str, Any],
    *,
    as_json: bool = False,
    steps: bool = False,
    code: int = 0,
) -> int:
    """Print the plan. Return `code` if there is something to do, else 0."""
    from stackctl.cli.commands.plan import show_plan

    plan = _deploying(settings, stack).plan(
        settings.selection(services, dependencies=not no_deps), _options(given)
    )
    return show_plan(settings, plan, as_json=as_json, steps=steps, code=code)
