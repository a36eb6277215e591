"""stackctl init"""

from __future__ import annotations

import sys
from pathlib import Path

import click

from stackctl.cli.commands.schema import schema_text
from stackctl.cli.dotenv_file import generate
from stackctl.cli.global_options import GlobalOptions
from stackctl.cli.options import pass_options
from stackctl.errors import UsageError
from stackctl.spec.known_images import starters
from stackctl.spec.output.starter import SCHEMA, starter
from stackctl.spec.source.discovery import COMPOSE_NAMES, NAME, normal
from stackctl.spec.source.loading import read_file
from stackctl.spec.source.toml import LARGEST


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
    their URLs, a compose.yaml that is here is imported. Passwords are generated into .env, which git is told to ignore. What is there
    is never overwritten.

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
    if not images and (compose := _compose_file(directory)):
        return _offer_import(compose, file)
    dockerfile = directory / "Dockerfile"
    made = starter(
        options.project_name or normal(directory.name) or "app",
        images,
        read_file(dockerfile, LARGEST).decode(errors="replace") if dockerfile.is_file() else None,
        schema=not no_schema,
    )
    with file.open("x", encoding="utf-8") as stream:
        stream.write(made.text)
    wrote = [(file.name, "the stack")]
    if not no_schema and _write_schema(directory / SCHEMA):
        wrote.append((SCHEMA, "what editors complete keys from"))
    if made.secrets:
        wrote += generate(directory / ".env", made.secrets)
    for name, what in wrote:
        print(f"wrote {name:<18} {what}")
    print("next: stackctl up")
    return 0


def _compose_file(directory: Path) -> Path | None:
    return next((directory / name for name in COMPOSE_NAMES if (directory / name).is_file()), None)


def _offer_import(compose: Path, file: Path) -> int:
    """Write the stack.toml from the compose file, if somebody is there who wants it."""
    if not (sys.stdin.isatty() and click.confirm(f"{compose.name} is here. Write {file.name} from it?")):
        hint = f"stackctl up reads {compose.name} as it is; stackctl import {compose.name} -o {file.name} writes a stack.toml from it"
        raise UsageError(f"{compose} is here", f"{hint}; stackctl init IMAGE begins another stack")
    context = click.get_current_context()
    root = context.find_root().command
    assert isinstance(root, click.Group)
    importing = root.get_command(context, "import")
    assert importing is not None
    return int(
        context.invoke(
            importing, words=(str(compose),), output=str(file), env_out=None, record=False, yes=False
        )
    )


def _write_schema(path: Path) -> bool:
    if path.exists():
        return False
    path.write_text(schema_text(), encoding="utf-8")
    return True
