"""stackctl cp"""

from __future__ import annotations

import click

from stackctl.cli.copying import STREAM, copy_in, copy_out
from stackctl.cli.options import complete_services, index_option, pass_settings
from stackctl.cli.settings import Settings
from stackctl.errors import UsageError
from stackctl.looking import Looking
from stackctl.planner.world.containers import with_number


def _complete(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """A service with its colon; a path of a container is not completed."""
    return [] if ":" in incomplete else [f"{name}:" for name in complete_services(ctx, parameter, incomplete)]


@click.command("cp")
@click.option("-a", "--archive", "keep_owner", is_flag=True, help="Keep the owners of files that come here.")
@click.option("-L", "--follow-link", "follow", is_flag=True, help="Copy what a link in SOURCE leads to.")
@index_option
@click.option("--all", "show_all", is_flag=True, help="To the containers of `run` as well.")
@click.argument("source", shell_complete=_complete)
@click.argument("target", shell_complete=_complete)
@pass_settings
def command(
    settings: Settings,
    source: str,
    target: str,
    keep_owner: bool,
    follow: bool,
    index: int | None,
    show_all: bool,
) -> int:
    """Copy files between a container and this machine

    One of SOURCE and TARGET is SERVICE:PATH, the other a path here, or - for a tar archive on stdin or stdout. As with `docker cp`, what goes
    into a directory keeps its name, and SOURCE/. is what is in the directory. Several replicas all get the files.

    \b
    Examples:
      stackctl cp dump.sql db:/tmp/
      stackctl cp api:/app/coverage.xml .
      tar -c src | stackctl cp - api:/app
    """
    there, here = _parts(source), _parts(target)
    if bool(there) == bool(here):
        what = "both name a service" if there else "neither names a service"
        raise UsageError(
            f"{source} and {target}: {what}", "one of them is SERVICE:PATH, the other a path here"
        )
    stack = settings.load_leniently()
    engine = settings.engine()
    service, path = there or here or ("", "")
    found = with_number(Looking(stack, engine).containers([service]), index)
    wanted = [c for c in found if show_all or c.kind != "run" or c.name == service]
    if not wanted:
        raise UsageError(f"{service} has no container", f"stackctl up {service} makes one")
    settings.tell_whose(stack, (c.source for c in wanted))
    if there:
        copy_out(engine, wanted[0].name, path, target, follow=follow, keep_owner=keep_owner)
        return 0
    if source == STREAM and len(wanted) > 1:
        raise UsageError(
            f"{service} has several containers, and stdin can be read once", "choose one with --index"
        )
    for container in wanted:
        copy_in(engine, container.name, source, path, follow=follow)
    return 0


def _parts(text: str) -> tuple[str, str] | None:
    """Service and path; None for a path here, which may begin with / or . and then have a colon."""
    service, colon, path = text.partition(":")
    return (service, path) if colon and service and not text.startswith((".", "/")) else None
