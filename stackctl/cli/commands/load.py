"""stackctl load"""

from __future__ import annotations

import shlex
import sys
from pathlib import Path, PurePosixPath

import click

from stackctl.bundle.archive import Inventory, read
from stackctl.bundle.unpacking import check_target, load_images, write_files
from stackctl.cli.options import pass_settings
from stackctl.cli.settings import Settings
from stackctl.errors import UsageError
from stackctl.show.text.amounts import counted
from stackctl.show.text.safe import clean
from stackctl.spec.source.discovery import normal


@click.command("load")
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path))
@click.option(
    "-d",
    "--directory",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIRECTORY",
    help="Where the files go (the project's name).",
)
@click.option("--force", is_flag=True, help="Write over files that are there with another content.")
@pass_settings
def command(settings: Settings, file: Path, *, directory: Path | None, force: bool) -> int:
    """Take a stack out of a file that bundle has written

    Reads the file to its end first, so that a file that is cut off or damaged changes nothing. Then the engine gets the images, with
    their tags, and the files of the stack go into a directory. `up` there asks no registry.

    \b
    Examples:
      stackctl load shop.tar                 into ./shop
      stackctl load shop.tar -d /srv/shop
    """
    bundle = read(file)
    about = bundle.about
    target = directory or Path(about.project)
    if target.exists() and not target.is_dir():
        raise UsageError(f"{target} is not a directory", "--directory OTHER")
    check_target(bundle, target, force=force)
    load_images(bundle, settings.engine())
    target.mkdir(parents=True, exist_ok=True)
    try:
        changed = write_files(bundle, target)
    except OSError as error:
        raise UsageError(f"{error.filename or target} cannot be written: {error.strerror}") from error
    for note in about.notes:
        print(clean(note), file=sys.stderr)
    print(f"loaded {counted(len(about.images), 'image')}, wrote {counted(changed, 'file')} into {target}")
    print(clean(f"next: {_next(about, target)}"))
    return 0


def _next(about: Inventory, target: Path) -> str:
    """How the stack is brought up there."""
    where = target / about.directory
    words = ["stackctl", *(word for file in about.spec for word in ("-f", file))]
    if about.spec and PurePosixPath(about.spec[0]).parent != PurePosixPath():
        words += ["--project-directory", "."]
    if not about.named and normal(where.absolute().name) != about.project:
        words += ["-p", about.project]
    return f"cd {shlex.quote(str(where))} && {shlex.join([*words, 'up'])}"
