"""stackctl init"""

from __future__ import annotations

import os
import secrets
from collections.abc import Collection, Mapping
from pathlib import Path

import click

from stackctl.cli.commands.schema import schema_text
from stackctl.cli.global_options import GlobalOptions
from stackctl.cli.options import pass_options
from stackctl.errors import UsageError
from stackctl.spec.known import starters
from stackctl.spec.output.starter import SCHEMA, starter
from stackctl.spec.source.discovery import NAME, normal
from stackctl.spec.source.locate import Source
from stackctl.spec.text.dotenv import parse
from stackctl.spec.text.interpolate import Lookup


def _complete(_: click.Context, __: click.Parameter, incomplete: str) -> list[str]:
    return [name for name in starters() if name.startswith(incomplete)]


@click.command("init")
@click.argument("images", nargs=-1, metavar="[IMAGE]...", shell_complete=_complete)
@click.option(
    "--no-schema", is_flag=True, help="Without stack.schema.json, from which editors complete keys."
)
@pass_options
def command(options: GlobalOptions, images: tuple[str, ...], no_schema: bool) -> int:
    """Write a stack.toml to start from

    Names of known images become services with their volumes and settings, a Dockerfile that is here becomes a service that knows
    their URLs. Passwords are generated into .env, which git is told to ignore. What is there is never overwritten.

    \b
    Examples:
      stackctl init                       a web server, to look around
      stackctl init postgres redis        a database and a cache
      stackctl init postgres:16 rabbitmq  with a version of your own
    """
    file = (
        Path(options.files[0]).expanduser()
        if options.files
        else Path(options.project_directory or ".") / NAME
    )
    directory = file.absolute().parent
    if file.exists():
        raise UsageError(f"{file} exists", "stackctl up brings it up; init never overwrites")
    dockerfile = directory / "Dockerfile"
    made = starter(
        options.project_name or normal(directory.name) or "app",
        images,
        dockerfile.read_text(errors="replace") if dockerfile.is_file() else None,
        schema=not no_schema,
    )
    with file.open("x", encoding="utf-8") as stream:
        stream.write(made.text)
    wrote = [(file.name, "the stack")]
    if not no_schema and _write_schema(directory / SCHEMA):
        wrote.append((SCHEMA, "what editors complete keys from"))
    if made.secrets:
        wrote += _write_variables(directory, made.secrets)
    for name, what in wrote:
        print(f"wrote {name:<18} {what}")
    print("next: stackctl up")
    return 0


def _write_schema(path: Path) -> bool:
    if path.exists():
        return False
    path.write_text(schema_text(), encoding="utf-8")
    return True


def _write_variables(directory: Path, names: Collection[str]) -> list[tuple[str, str]]:
    """Put the variables that are missing into `.env` and `.env.example`, and `.env` into `.gitignore`."""
    example = dict.fromkeys(names, "change-me")
    own = {name: secrets.token_hex(16) for name in names}
    note = "# Copy to .env, which git ignores.\n"
    written = {
        ".env.example": (
            _add_variables(directory / ".env.example", example, note),
            "what a .env needs, for others",
        ),
        ".env": (_add_variables(directory / ".env", own, mode=0o600), "generated passwords"),
        ".gitignore": (_ignore(directory / ".gitignore"), "keeps .env out of git"),
    }
    return [(name, what) for name, (changed, what) in written.items() if changed]


def _add_variables(path: Path, values: Mapping[str, str], heading: str = "", mode: int = 0o666) -> bool:
    text = _text(path)
    there, _ = parse(Source(path.name, text), Lookup(), strict=False)
    lines = [f"{name}={value}\n" for name, value in values.items() if name not in there]
    if lines:
        _append(path, "".join([heading if not text else "", *lines]), mode)
    return bool(lines)


def _ignore(path: Path) -> bool:
    if not {".env", "/.env", "*.env", ".env*"}.isdisjoint(_text(path).split()):
        return False
    _append(path, ".env\n")
    return True


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""


def _append(path: Path, text: str, mode: int = 0o666) -> None:
    """Add lines to a file. A file that is not there is made, with that mode."""
    before = _text(path)
    with os.fdopen(
        os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, mode), "w", encoding="utf-8"
    ) as stream:
        stream.write(text if not before or before.endswith("\n") else f"\n{text}")
