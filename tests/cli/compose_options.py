"""What Docker Compose says of its own commands and options, and which of them stackctl takes."""

import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import click

from stackctl.cli import SECTIONS, cli

ENVIRONMENTS = (Path(sys.executable).parent, Path(__file__).parents[2] / ".venv/bin")
"""Tests with the lowest versions of what stackctl needs run in an environment without Docker Compose."""
COMPOSE = next(
    (path / "docker-compose" for path in ENVIRONMENTS if (path / "docker-compose").exists()), Path()
)
COMMANDS = [name for section in SECTIONS.values() for name in section]
_OPTION = re.compile(r"^\s+(?:-(\w), )?(?:    )?--([\w-]+)", re.MULTILINE)
_COMMAND = re.compile(r"^  ([a-z]+) ", re.MULTILINE)


@cache
def _help(*words: str) -> str:
    done = subprocess.run([COMPOSE, *words, "--help"], capture_output=True, text=True, check=True)
    return done.stdout


def compose_commands() -> list[str]:
    """The commands that Compose lists."""
    return _COMMAND.findall(_help().partition("Commands:")[2])


def compose_options(command: str) -> set[str]:
    """The options of a command, `--dry-run` excepted, which Compose gives to all."""
    found = {f"--{long}" for _, long in _OPTION.findall(_help(command).partition("Options:")[2])}
    return found - {"--dry-run"}


def our_options(command: str) -> set[str]:
    """The options that a command of stackctl takes, hidden ones among them."""
    found = cli.get_command(None, command)  # type: ignore[arg-type]
    assert found
    return {
        word
        for each in found.params
        if isinstance(each, click.Option)
        for word in (*each.opts, *each.secondary_opts)
    }


def missing(command: str) -> set[str]:
    """The options of Compose's command that stackctl does not take; of a command that stackctl has."""
    return compose_options(command) - our_options(command)
