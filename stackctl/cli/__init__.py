"""The command line: options in, calls of the api, a renderer out. This file knows the commands."""

from __future__ import annotations

import importlib
import sys
from typing import Any

import click

from stackctl.cli.options import Settings, global_options
from stackctl.cli.streams import silence
from stackctl.version import __version__

SECTIONS: dict[str, dict[str, str]] = {
    "Run": {
        "up": "Bring the stack up and wait until all is ready",
        "down": "Take the stack away; its data stays",
        "plan": "Show what up would do, and why, without doing it",
    },
    "Look": {
        "status": "Desired beside observed: state, health, URLs, drift",
        "ps": "List containers, as docker compose ps does",
        "logs": "Show what containers write",
        "port": "Print where a port is published",
        "env": "Print the variables that reach the stack from here",
        "config": "Show the stack as it is understood, variables filled in",
    },
    "Work inside": {
        "exec": "Run a command in a running container",
        "build": "Build images",
        "pull": "Pull images",
    },
    "Begin": {
        "init": "Write a stack.toml to start from",
        "schema": "Print the JSON Schema of stack.toml, for editors",
        "completion": "Print the completion script of a shell",
        "version": "Print the versions of stackctl and of the engine",
    },
}
_COMMANDS = {name: summary for section in SECTIONS.values() for name, summary in section.items()}

_EXAMPLES = """\
  stackctl init postgres redis    write a stack.toml
  stackctl plan                   what would happen
  stackctl up                     bring it up, wait, print the URLs
  stackctl status                 is it as it should be?
  stackctl logs -f api            what does it say?
  stackctl exec api bash          look inside
  stackctl down                   take it away, keep the data
"""


class Commands(click.Group):
    """A group that imports a command only when it is used, and lists commands by what people want to do."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name == "compose":
            return compose
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"stackctl.cli.{cmd_name}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, with a suggestion for a command that does not exist."""
        if args and not args[0].startswith("-") and self.get_command(ctx, args[0]) is None:
            import difflib

            close = difflib.get_close_matches(args[0], _COMMANDS, n=1)
            hint = f" Did you mean {close[0]!r}?" if close else ""
            ctx.fail(f"No such command {args[0]!r}.{hint}")
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """As click does, but a reader of our output who leaves is no failure."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            silence(sys.stdout)
            return 0

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """What one comes for first: the commands, then examples, then the options."""
        self.format_commands(ctx, formatter)
        with formatter.section("Examples"):
            formatter.write(_EXAMPLES)
        click.Command.format_options(self, ctx, formatter)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for title, commands in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(name.ljust(10), summary) for name, summary in commands.items()])


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, "-v", "--version", prog_name="stackctl")
@global_options
def cli() -> None:
    """Bring a stack of containers up and down from one file, stack.toml: in order, waiting until each is ready.

    `stackctl COMMAND --help` says more, with examples.
    """


@click.command(cls=Commands, hidden=True)
@global_options
def compose() -> None:
    """The same commands again, for tools that call `COMMAND compose …`."""


__all__ = ["SECTIONS", "Settings", "cli"]
