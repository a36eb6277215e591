"""stackctl bundle"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

import click

from stackctl.bundle.archive import write
from stackctl.bundle.collecting import collect
from stackctl.cli.options import pass_settings
from stackctl.cli.settings import Settings
from stackctl.errors import UsageError
from stackctl.show.text.amounts import counted, size
from stackctl.spec.source.loading import recording


@click.command("bundle")
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path))
@click.option("--with-secrets", is_flag=True, help="Take .env, env files and files of secrets, too.")
@click.option("--force", is_flag=True, help="Write over a file that is there.")
@pass_settings
def command(settings: Settings, file: Path, *, with_secrets: bool, force: bool) -> int:
    """Write the stack and its images into one file

    For a machine without a network. Takes the files of the stack, what they read and mount below its directory, and all images, those that are built as well. Files
    with secrets are left out, and named. `stackctl load FILE` takes the stack out; `docker load` reads the images alone.

    \b
    Examples:
      stackctl bundle shop.tar
      stackctl bundle shop.tar --with-secrets
    """
    if file.exists() and not force:
        raise UsageError(f"{file} exists", "--force writes over it")
    if not file.absolute().parent.is_dir():
        raise UsageError(f"there is no directory {file.parent}")
    settings = settings.of_file()
    with recording() as read:
        stack = settings.load()
    engine = settings.engine()
    collected = collect(
        stack,
        dict(read),
        engine.observe(stack.project),
        settings.selection(),
        with_secrets=with_secrets,
        without=[file],
    )
    handle, name = tempfile.mkstemp(dir=file.absolute().parent, prefix=".")  # only its owner may read it
    new = Path(name)
    try:
        with os.fdopen(handle, "wb") as out:
            about, images = collected.about, engine.save_images(collected.images) if collected.images else ()
            write(out, about, collected.contents, images, collected.tags)
        if not with_secrets:
            new.chmod(0o666 & ~_umask())
        amount = new.stat().st_size
        new.replace(file)
    except OSError as error:
        raise UsageError(f"{file} cannot be written: {error.strerror}") from error
    finally:
        new.unlink(missing_ok=True)
    for note in about.notes:
        print(note, file=sys.stderr)
    print(
        f"wrote {file}: {counted(len(about.files), 'file')}, {counted(len(about.images), 'image')}, {size(amount)}"
    )
    print(f"next: stackctl load {file.name}, on the other machine")
    return 0


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
