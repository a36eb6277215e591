"""stackctl with"""

from __future__ import annotations

import os

import click

from stackctl.cli.child import find
from stackctl.cli.options import pass_settings, services_argument, wait_timeout_option
from stackctl.cli.passing_stack import run_with
from stackctl.cli.settings import Settings
from stackctl.spec.choosing import select
from stackctl.testing.runs.running import Recipe

_COMMAND = ("--", "COMMAND", "[ARG]...")


class _Command(click.Command):
    """A command whose words after `--` are another command, `argv`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        own = args[: args.index("--")] if "--" in args else args
        rest = super().parse_args(ctx, [*own])
        ctx.params["argv"] = tuple(args[len(own) + 1 :])
        return rest

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        return [*super().collect_usage_pieces(ctx), *_COMMAND]


@click.command("with", cls=_Command)
@services_argument
@click.option(
    "--data-from",
    metavar="SOURCE",
    default="",
    help="Fill its volumes from a snapshot, or from a project that is up, such as your own.",
)
@click.option("--keep", is_flag=True, help="Leave the stack afterwards, and say how to look at it.")
@click.option("--allow-external-volumes", is_flag=True, help="Let it write to volumes that are not its own.")
@click.option(
    "--allow-data-binds", is_flag=True, help="Let it write to directories here that hold a server's data."
)
@wait_timeout_option
@pass_settings
def command(
    settings: Settings,
    services: tuple[str, ...],
    argv: tuple[str, ...],
    data_from: str,
    keep: bool,
    allow_external_volumes: bool,
    allow_data_binds: bool,
    wait_timeout: float,
) -> int:
    """Run a command of this machine with a stack of its own

    Brings a copy of the stack up, or of each SERVICE with what it depends on: a project of its own, on free host ports, beside all
    others. Once it is ready, COMMAND runs on this terminal with the variables that stackctl env prints; the exit code is that of
    COMMAND. Then the copy is removed with its data, also after kill -9.

    \b
    Examples:
      stackctl with -- npm test
      stackctl with db cache -- pytest -x
      stackctl with --data-from seeded -- npm run e2e
      stackctl with db -- sh -c 'psql "$DB_URL"'
    """
    if not argv:
        words = " ".join(("stackctl with --", *services)) if services else "stackctl with -- npm test"
        raise click.UsageError(f"which command? It stands after --: {words}")
    if settings.progress == "json":
        raise click.UsageError(
            "--progress json writes to stdout, which belongs to the command: plain, live or quiet"
        )
    file = find(argv[0], os.environ.get("PATH", os.defpath))
    stack = settings.of_file().load(services)  # it gets a project of its own in any checkout
    select(stack, services, settings.profiles)
    recipe = Recipe(
        services=services,
        profiles=settings.profiles,
        timeout=wait_timeout,
        allow_external_volumes=allow_external_volumes,
        allow_data_binds=allow_data_binds,
        publish_host=settings.publish_host,
    )
    return run_with(settings, stack, recipe, argv, file, data_from=data_from, keep=keep)
