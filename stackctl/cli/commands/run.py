"""stackctl run"""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from stackctl.cli.follow import follow, interruptible
from stackctl.cli.options import (
    PULL,
    complete_services,
    lock_timeout_option,
    no_tty_option,
    pass_settings,
    tty_option,
    wait_timeout_option,
)
from stackctl.cli.settings import Settings
from stackctl.cli.variables import variable, variables_of
from stackctl.engine.execute import Cancel
from stackctl.errors import UsageError
from stackctl.one_off import OneOff
from stackctl.planner.before.images import ImageOptions
from stackctl.planner.life.options import RunOptions
from stackctl.planner.steps.actions import BuildImage, PullImage
from stackctl.planner.steps.events import Event, Progress
from stackctl.planner.view.slots import UpOptions
from stackctl.show.text.safe import one_line
from stackctl.spec.model import PullPolicy


@click.command("run", context_settings={"allow_interspersed_args": False})
@click.option("--rm", "remove", is_flag=True, help="Remove the container when it ends.")
@click.option("-d", "--detach", is_flag=True, help="Start it, print its id, and return.")
@click.option("-i", "--interactive/--no-interactive", default=True, help="Pass stdin on (yes).")
@tty_option
@no_tty_option
@click.option(
    "-e", "--env", multiple=True, metavar="NAME=VALUE", help="Set a variable; a name alone takes yours."
)
@click.option("--env-from-file", multiple=True, metavar="FILE", help="Set the variables of a file.")
@click.option("-u", "--user", metavar="USER", help="As this user.")
@click.option("-w", "--workdir", metavar="DIR", help="In this directory.")
@click.option("-v", "--volume", multiple=True, metavar="SOURCE:TARGET", help="Mount this as well.")
@click.option("-p", "--publish", multiple=True, metavar="PORT", help="Publish a port, as in the file.")
@click.option("-P", "--service-ports", is_flag=True, help="Publish the service's own ports.")
@click.option("--no-deps", is_flag=True, help="Do not start what the service depends on.")
@click.option("--entrypoint", metavar="COMMAND", help="Instead of the entrypoint of the image.")
@click.option("--name", metavar="NAME", default="", help="The container's name.")
@click.option("-l", "--label", multiple=True, metavar="NAME=VALUE", help="Add a label.")
@click.option("--use-aliases", is_flag=True, help="Let others find it by the service's names.")
@click.option("--cap-add", multiple=True, metavar="NAME", help="Add a capability.")
@click.option("--cap-drop", multiple=True, metavar="NAME", help="Drop a capability.")
@click.option("--build", is_flag=True, help="Build images also when they are here.")
@click.option("--pull", type=click.Choice(PULL), help="When to pull.")
@click.option(
    "--remove-orphans", is_flag=True, help="Remove containers of services that the spec no longer has."
)
@click.option("-q", "--quiet", is_flag=True, help="Say nothing unless it fails.")
@click.option("--quiet-pull", is_flag=True, help="Do not show how far pulls are.")
@click.option("--quiet-build", is_flag=True, help="Do not show the steps of builds.")
@wait_timeout_option
@lock_timeout_option
@click.argument("service", shell_complete=complete_services)
@click.argument("argv", nargs=-1, type=click.UNPROCESSED, metavar="[COMMAND] [ARG]...")
@pass_settings
def command(
    settings: Settings,
    service: str,
    argv: tuple[str, ...],
    remove: bool,
    detach: bool,
    interactive: bool,
    tty: bool | None,
    env: tuple[str, ...],
    env_from_file: tuple[str, ...],
    user: str | None,
    workdir: str | None,
    volume: tuple[str, ...],
    publish: tuple[str, ...],
    service_ports: bool,
    no_deps: bool,
    entrypoint: str | None,
    name: str,
    label: tuple[str, ...],
    use_aliases: bool,
    cap_add: tuple[str, ...],
    cap_drop: tuple[str, ...],
    build: bool,
    pull: str | None,
    remove_orphans: bool,
    quiet: bool,
    quiet_pull: bool,
    quiet_build: bool,
    wait_timeout: float,
    lock_timeout: float,
) -> int:
    """Run a command in a new container of a service

    Starts what the service depends on and waits for it. The container is a one-off: it has the service's image, environment,
    volumes and networks, but publishes no ports and is never restarted. It stays until `down`, unless --rm is given. Ends with the
    command's own exit code. Without COMMAND it runs the service's own.

    \b
    Examples:
      stackctl run --rm api pytest              the tests, with a database
      stackctl run --rm -it api bash            look around
      stackctl run --rm migrate                 a job, once more
      echo 'SELECT 1' | stackctl run --rm -T api psql -h db
      stackctl run -d --name worker api work    in the background
    """
    if quiet:
        settings.progress = "quiet"
    terminal = sys.stdin.isatty() and sys.stdout.isatty()
    if tty and not detach and not sys.stdin.isatty():
        raise UsageError("the input is not a terminal", "leave out --tty, or do not redirect the input")
    options = RunOptions(
        command=argv or None,
        entrypoint=None if entrypoint is None else tuple(shlex.split(entrypoint)),
        environment={
            **{key: value for file in env_from_file for key, value in variables_of(file).items()},
            **dict(variable(text) for text in env),
        },
        user=user,
        working_dir=workdir,
        volumes=tuple(map(_from_here, volume)),
        ports=publish,
        service_ports=service_ports,
        labels=dict(_label(text) for text in label),
        cap_add=cap_add,
        cap_drop=cap_drop,
        name=name,
        use_aliases=use_aliases,
        dependencies=not no_deps,
        remove=remove,
        detach=detach,
        tty=not detach and (terminal if tty is None else tty),
        terminal_size=terminal_size(),
        stdin=not detach and interactive,
    )
    stack = settings.load([service], dependencies=not no_deps)
    engine = settings.engine()
    one_off = OneOff(stack, engine, service, options, lock_timeout=lock_timeout, waiting=settings.tell_holder)
    up = UpOptions(remove_orphans=remove_orphans, wait_timeout=wait_timeout)
    images = ImageOptions(build=build, pull=PullPolicy.parse(pull) if pull else None)
    unseen = (*((PullImage,) if quiet_pull else ()), *((BuildImage,) if quiet_build else ()))

    def events(cancel: Cancel) -> Iterator[Event]:
        for event in one_off.prepare(settings.selection(), up, images, cancel=cancel):
            if not (isinstance(event, Progress) and isinstance(event.step.action, unseen)):
                yield event

    with interruptible():
        result, code = follow(settings, "stackctl run", events, stack=stack)
        if detach and not (result.failures or result.skipped):
            print(engine.inspect(one_off.container).id)
            return code
        if code:
            one_off.leave()  # a signal may have come after it was made
            return code
        code = one_off.attach()
    for failure in one_off.failed_hooks:
        print(f"note: {one_line(failure)}", file=sys.stderr)
    return code


def terminal_size() -> tuple[int, int] | None:
    """Lines and columns, if stdin is a terminal."""
    try:
        size = os.get_terminal_size(sys.stdin.fileno())
    except OSError:
        return None
    return size.lines, size.columns


def _from_here(mount: str) -> str:
    """The mount; a path of this machine is relative to the current directory."""
    source, colon, rest = mount.partition(":")
    if colon and source.startswith((".", "~")):
        source = str(Path(source).expanduser().absolute())
    return f"{source}{colon}{rest}"


def _label(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    return name, value
