"""stackctl snapshot"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import click

from stackctl.cli.follow import follow
from stackctl.cli.operate import asks, confirmed, stack_or_labels
from stackctl.cli.options import accept_global_options, lock_timeout_option, pass_settings, services_argument
from stackctl.cli.settings import Settings
from stackctl.engine.execute import Cancel
from stackctl.planner.data.parts import DataPart
from stackctl.planner.data.snapshots import Snapshot
from stackctl.planner.steps.events import Event
from stackctl.show.lists.snapshots import snapshots_json, snapshots_text
from stackctl.show.text.amounts import quoted
from stackctl.show.text.safe import one_line
from stackctl.snapshot_files import SnapshotFiles
from stackctl.spec.model import Stack

Verb = Callable[[SnapshotFiles, Cancel], Iterator[Event]]


class _Group(click.Group):
    """A group whose commands take the global options as well."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        command = super().get_command(ctx, cmd_name)
        if command:
            accept_global_options(command)
        return command


@click.group("snapshot", cls=_Group)
def command() -> None:
    """Save the data of the stack under a name, and put them back

    A snapshot is a copy of the volumes, on the same engine, made by the engine. Postgres and Redis copy themselves while they run;
    other services are paused while their volumes are copied. Directories of the host are not copied.

    \b
    Examples:
      stackctl snapshot create seeded        all data
      stackctl snapshot create before db     those of db alone
      stackctl snapshot ls                   names, ages and sizes
      stackctl snapshot restore seeded       the data as they were
      stackctl snapshot rm seeded
    """


@command.command("create")
@click.argument("name")
@services_argument
@click.option(
    "--to",
    "file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write a tar archive instead of volumes of the engine.",
)
@click.option(
    "--replace", is_flag=True, help="Put it in the place of the snapshot, or file, that has the name."
)
@click.option(
    "--pause", is_flag=True, help="Pause also Postgres and Redis, and copy their files as they are."
)
@lock_timeout_option
@pass_settings
def create(
    settings: Settings,
    name: str,
    services: tuple[str, ...],
    file: Path | None,
    replace: bool,
    pause: bool,
    lock_timeout: float,
) -> int:
    """Copy the data of the stack, or of some services, and give the copy a name

    The stack may run or not. No image is pulled: the programs of an image that is here copy.

    \b
    Examples:
      stackctl snapshot create seeded
      stackctl snapshot create seeded --replace
      stackctl snapshot create before-migration db
      stackctl snapshot create seeded --to seeded.tar
    """

    def verb(project: SnapshotFiles, cancel: Cancel) -> Iterator[Event]:
        if file:
            return project.write(file, name, services, replace=replace, pause=pause, cancel=cancel)
        return project.snapshot(name, services, replace=replace, pause=pause, cancel=cancel)

    return _follow(settings, "create", _project(settings, lock_timeout), verb)


@command.command("ls")
@click.option("-a", "--all", "show_all", is_flag=True, help="Those of other projects, too.")
@click.option("-q", "--quiet", is_flag=True, help="Only the names.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@pass_settings
def list_snapshots(settings: Settings, show_all: bool, quiet: bool, as_json: bool) -> int:
    """List the snapshots: what they hold, how old and how large they are

    A snapshot whose making was cut off is incomplete: it is never put back, and `rm` removes it.

    \b
    Examples:
      stackctl snapshot ls
      stackctl snapshot ls --all
    """
    project = _project(settings, 0)
    found = [each for each in project.snapshots() if show_all or each.project == project.name]
    if quiet:
        text = "\n".join(dict.fromkeys(one_line(each.name_for(project.name)) for each in found))
    else:
        sizes = project.engine.volume_sizes() if found else {}
        text = (
            json.dumps(snapshots_json(found, sizes), indent=2)
            if as_json
            else snapshots_text(found, now=time.time(), sizes=sizes, style=settings.style(sys.stdout))
        )
    if text:
        print(text)
    return 0


@command.command("restore")
@click.argument("names", nargs=-1, metavar="[NAME] [SERVICE]...")
@click.option(
    "--from",
    "file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="FILE",
    help="The data of a file that `create --to` has written, instead of NAME.",
)
@click.option("-y", "--yes", is_flag=True, help="Do not ask before data are lost.")
@click.option("--protected", is_flag=True, help="Also into volumes that are protected or external.")
@lock_timeout_option
@pass_settings
def restore(
    settings: Settings,
    names: tuple[str, ...],
    file: Path | None,
    yes: bool,
    protected: bool,
    lock_timeout: float,
) -> int:
    """Put the data of a snapshot back; the present data are lost

    Stops the services that use these volumes, fills the volumes, starts the services again and waits until they are ready. The old
    data go only when all new data are there. PROJECT/NAME is the snapshot of another project.

    \b
    Examples:
      stackctl snapshot restore seeded
      stackctl snapshot restore seeded db    the data of db alone
      stackctl snapshot restore shop/seeded --yes
      stackctl snapshot restore --from seeded.tar
    """
    if not (names or file):
        raise click.UsageError("which snapshot? give its NAME, or --from FILE (stackctl snapshot ls)")

    def confirm(snapshot: Snapshot, lost: Sequence[DataPart]) -> bool:
        if yes or not lost or not asks():
            return True
        names = "\n".join(f"  {quoted(part.volume)}" for part in lost)
        print(
            f"The data in these volumes will be replaced by those of {snapshot.name}:\n\n{names}\n",
            file=sys.stderr,
        )
        return confirmed("Replace them?")

    def verb(project: SnapshotFiles, cancel: Cancel) -> Iterator[Event]:
        if file:
            return project.restore_file(file, names, protected=protected, cancel=cancel, confirm=confirm)
        name, *services = names
        return project.restore(name, services, protected=protected, cancel=cancel, confirm=confirm)

    return _follow(settings, "restore", _project(settings, lock_timeout), verb)


@command.command("rm")
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@lock_timeout_option
@pass_settings
def remove(settings: Settings, names: tuple[str, ...], lock_timeout: float) -> int:
    """Remove snapshots, also incomplete ones

    \b
    Examples:
      stackctl snapshot rm seeded
    """
    return _follow(
        settings,
        "rm",
        _project(settings, lock_timeout),
        lambda project, cancel: project.forget(names, cancel=cancel),
    )


def _project(settings: Settings, lock_timeout: float) -> SnapshotFiles:
    stack = stack_or_labels(settings) or Stack(project=settings.project())
    return SnapshotFiles(stack, settings.engine(), lock_timeout=lock_timeout, waiting=settings.tell_holder)


def _follow(settings: Settings, name: str, project: SnapshotFiles, verb: Verb) -> int:
    _, code = follow(
        settings,
        f"stackctl snapshot {name}",
        lambda cancel: verb(project, cancel),
        stack=project.stack,
    )
    return code
