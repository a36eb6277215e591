"""stackctl add"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import click
from msgspec.structs import replace

from stackctl.adding import has_services, with_service
from stackctl.checking import Checked, check
from stackctl.cli.dotenv_file import generate
from stackctl.cli.global_options import GlobalOptions
from stackctl.cli.options import complete_services, pass_options
from stackctl.cli.requests import request_of
from stackctl.cli.whole_file import BOM, beside, replace_file, show_change
from stackctl.errors import Problem, SpecError, UsageError
from stackctl.spec.known_images import starters
from stackctl.spec.output.starter import Pick, pick
from stackctl.spec.source.discovery import is_compose, locations
from stackctl.spec.source.loading import STDIN, join


def _complete(_: click.Context, __: click.Parameter, incomplete: str) -> list[str]:
    return [name for name in starters() if name.startswith(incomplete)]


def _names(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    """`--to api,worker`, or `--to api --to worker`; each name once."""
    return tuple(dict.fromkeys(name for value in values for name in value.split(",") if name))


@click.command("add")
@click.argument("image", shell_complete=_complete)
@click.option(
    "--to",
    multiple=True,
    callback=_names,
    metavar="SERVICE[,SERVICE]",
    shell_complete=complete_services,
    help="Tell these services where it is, and let them wait for it.",
)
@click.option("--name", metavar="NAME", help="The name of the service (that of the image).")
@click.option(
    "--volume/--no-volume", default=None, help="Keep its data in a volume (if it keeps data by itself)."
)
@click.option("--dry-run", is_flag=True, help="Show the change, and write nothing.")
@pass_options
def command(
    options: GlobalOptions,
    /,
    image: str,
    to: tuple[str, ...],
    name: str | None,
    *,
    volume: bool | None,
    dry_run: bool,
) -> int:
    """Add a service of a known image to stack.toml

    Writes the service with its volume and settings, and into the services of --to a variable with its URL and depends_on. Comments
    and order stay. Passwords are generated into .env, which git is told to ignore. The file is checked before it is written: a
    mistake changes nothing.

    \b
    Examples:
      stackctl add redis --to api
      stackctl add postgres:16 --to api,worker --name db
      stackctl add redis --volume        a redis that keeps its data
      stackctl add rabbitmq --dry-run    show the change
    """
    request = request_of(options, strict=True)
    files, directory = locations(request)
    path = files[0]
    chosen = pick(image, name, volume=volume)
    _refuse_yaml(path, chosen)
    found = check(request)
    if not found.sources or has_services(found.sources[0].text):  # else it is checked with its first service
        _refuse_mistakes(found)
    source = found.sources[0]
    added = with_service(source.text, chosen, to)
    before = path.read_bytes()
    data = (BOM if before.startswith(BOM) else b"") + added.text.encode()
    with beside(path, data) as new:
        environ = {**dict.fromkeys(chosen.variables, "generated"), **request.environ}
        changed = replace(request, files=[new, *files[1:]], environ=environ)
        _refuse_mistakes(check(changed), {new.name: source.file})
    if dry_run:
        show_change(source.text, added.text, source.file, "with it", sys.stdout)
        return 0
    env = join(request.directory, request.env_files[-1]) if request.env_files else directory / ".env"
    wrote = generate(env, chosen.variables) if chosen.variables else []
    replace_file(path, data)
    for file, what in ((source.file, f"has the service {chosen.name}"), *wrote):
        print(f"wrote {file:<18} {what}")
    for service, variable in added.told.items():
        print(f"{service} gets {variable}, and waits for {chosen.name}")
    print("next: stackctl up")
    return 0


def _refuse_yaml(path: Path, chosen: Pick) -> None:
    if path.name == STDIN:
        raise UsageError("add writes a file, and the standard input is none", "-f stack.toml")
    if is_compose(path):
        raise UsageError(
            f"{path.name} is a compose file: add writes into a stack.toml",
            f"stackctl import {path.name} -o stack.toml writes one; or add the service {chosen.name} by hand",
        )


def _refuse_mistakes(found: Checked, names: Mapping[str, str] | None = None) -> None:
    """Raise SpecError if a check has found an error. `names`: what people call a file."""
    if wrong := [_named(each, names or {}) for each in found.problems if each.severity == "error"]:
        raise SpecError(wrong)


def _named(problem: Problem, names: Mapping[str, str]) -> Problem:
    place = problem.place
    name = names.get(Path(place.file).name) if place else None
    return replace(problem, place=replace(place, file=name)) if place and name else problem
