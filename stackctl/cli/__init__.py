"""The command line: options in, calls of the api, a renderer out. This file knows the commands."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from typing import Any

import click

from stackctl.cli.options import accept_global_options, asked_for, global_options
from stackctl.cli.streams import lasting, silence
from stackctl.errors import UsageError
from stackctl.version import __version__

SECTIONS: dict[str, dict[str, str]] = {
    "Run": {
        "up": "Bring the stack up and wait until all is ready",
        "down": "Remove the stack; its data stays",
        "gc": "Remove stacks whose directory is gone or whose time is over",
        "create": "Make the containers of the stack, and start none",
        "stop": "Stop containers and keep them",
        "start": "Start containers that were stopped",
        "restart": "Stop containers and start them again",
        "plan": "Show what up would do, and why, without doing it",
        "watch": "Keep containers in step with the files of their developer",
        "scale": "Change how many containers services have",
        "with": "Run a command of this machine with a stack of its own",
        "snapshot": "Save the data of the stack under a name, and put them back",
        "deploy": "Run the stack on a Docker Swarm and wait until it has converged",
        "check": "Find mistakes before anything runs, and change nothing",
    },
    "Look": {
        "status": "Compare what is there with the file: state, health, URLs, drift",
        "ps": "List containers, as docker compose ps does",
        "logs": "Show what containers write",
        "timeline": "Show what took how long in the last up, and why",
        "events": "Show what happens to containers, as it happens",
        "top": "List the processes of running containers",
        "stats": "Show what containers use of processor, memory and network",
        "wait": "Wait until services end, and give their exit code",
        "port": "Print where a port is published",
        "doctor": "Find what is wrong with the engine, this machine, and stacks",
        "reach": "Find out why a service does not reach another",
        "env": "Print the variables that reach the stack from here",
        "config": "Show the stack as it is understood, variables filled in",
        "ls": "List the projects on the engine: state, branch, ports, directory",
        "images": "List the images from which the containers were made",
        "volumes": "List the volumes, and which services use them",
    },
    "Work inside": {
        "exec": "Run a command in a running container",
        "run": "Run a command in a new container of a service",
        "debug": "Open a shell beside a service, running or crashed",
        "kill": "Send a signal to containers, to end them at once",
        "pause": "Freeze containers",
        "unpause": "Let paused containers go on",
        "rm": "Remove containers that do not run",
        "attach": "Connect this terminal with the main process of a container",
        "cp": "Copy files between a container and this machine",
        "build": "Build images",
        "pull": "Pull images",
        "push": "Push images that are built",
    },
    "Learn": {
        "explain": "Explain the stack as bash, a key, a rule, or what up would do",
        "lab": "Repair a broken stack, with hints",
        "export": "Write the stack for bash, Compose, Kubernetes, or as a graph",
        "same": "Compare what two stacks, scripts or projects make",
    },
    "Begin": {
        "init": "Write a stack.toml to start from",
        "add": "Add a service of a known image to stack.toml",
        "import": "Write a stack.toml from a compose.yaml or a bash script",
        "bundle": "Write the stack and its images into one file",
        "load": "Take a stack out of a file that bundle has written",
        "schema": "Print the JSON Schema of stack.toml, for editors",
        "completion": "Print the completion script of a shell",
        "version": "Print the versions of stackctl and of the engine",
    },
}
_COMMANDS = {name: summary for section in SECTIONS.values() for name, summary in section.items()}

_FOLLOWED = (
    *("up", "down", "gc", "build", "pull", "push", "watch", "snapshot"),
    *("scale", "stop", "start", "restart", "kill", "pause", "unpause", "rm", "run", "create", "deploy"),
)
"""The commands that print events with `--progress json`."""

_EXAMPLES = """\
  stackctl init postgres redis    write a stack.toml
  stackctl check                  is anything wrong?
  stackctl plan                   what would happen
  stackctl up                     bring it up, wait, print the URLs
  stackctl status                 is it as it should be?
  stackctl logs -f api            what does it say?
  stackctl exec api bash          look inside
  stackctl down                   remove it, keep the data
"""


class Commands(click.Group):
    """A group that imports a command only when it is used, and lists commands by what people want to do."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in _HIDDEN:
            return _HIDDEN[cmd_name]
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"stackctl.cli.commands.{cmd_name}").command
        accept_global_options(command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does. For a command that does not exist, say which way works instead, or suggest a name."""
        if args and not args[0].startswith("-") and self.get_command(ctx, args[0]) is None:
            from stackctl.cli.others import instead

            ctx.fail(f"No such command {args[0]!r}.{instead(args, _COMMANDS)}")
        return super().resolve_command(ctx, args)

    def main(self, args: Sequence[str] | None = None, *others: Any, **more: Any) -> Any:
        """As click does. What ends a command is an event as well, if the command line asks for events; a mistake in that line
        is no exception.
        """
        try:
            return super().main(args, *others, **more)
        except click.Abort:
            raise
        except Exception as error:
            command, progress = asked_for(sys.argv[1:] if args is None else args)
            if progress == "json" and (command in _FOLLOWED or command not in _COMMANDS):
                from stackctl.show.run.jsonl import error_event

                told = UsageError(error.format_message()) if isinstance(error, click.UsageError) else error
                print(error_event(told), file=lasting(sys.stdout), flush=True)
            raise

    def invoke(self, ctx: click.Context) -> Any:
        """As click does. A reader who leaves ends the command, but that is no failure."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            silence(sys.stdout)
            return 0

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Commands first, since people look for them; then examples; then the options."""
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


@click.command("help", hidden=True, add_help_option=False)
@click.argument("words", nargs=-1, metavar="[COMMAND]")
@click.pass_context
def help_(ctx: click.Context, words: tuple[str, ...]) -> None:
    """What `--help` says, of stackctl or of a command."""
    group = ctx.parent
    assert group is not None
    assert isinstance(group.command, click.Group)
    if not words:
        print(group.get_help())
        return
    name, command, _ = group.command.resolve_command(group, list(words))
    assert command is not None
    print(command.get_help(click.Context(command, info_name=name, parent=group)))


_HIDDEN = {"compose": compose, "help": help_}

__all__ = ["SECTIONS", "cli"]
