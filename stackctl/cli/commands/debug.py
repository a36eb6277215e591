"""stackctl debug"""

from __future__ import annotations

import sys

import click

from stackctl.cli.commands.run import terminal_size
from stackctl.cli.follow import follow, interruptible
from stackctl.cli.options import (
    complete_services,
    index_option,
    lock_timeout_option,
    no_tty_option,
    pass_settings,
    tty_option,
)
from stackctl.cli.settings import Settings
from stackctl.debugging import Debugging, place
from stackctl.errors import UsageError
from stackctl.planner.before.images import ImageOptions
from stackctl.planner.life.options import RunOptions
from stackctl.planner.view.slots import UpOptions
from stackctl.show.text.safe import one_line
from stackctl.spec.model import PullPolicy


@click.command("debug", context_settings={"allow_interspersed_args": False})
@click.option("--image", metavar="IMAGE", help="From this image, which has a shell.")
@click.option("--pull", is_flag=True, help="Pull the image of --image if it is not here.")
@tty_option
@no_tty_option
@click.option("-u", "--user", metavar="USER", default="0", help="As this user (root).")
@click.option("-w", "--workdir", metavar="DIR", help="In this directory.")
@index_option
@lock_timeout_option
@click.argument("service", shell_complete=complete_services)
@click.argument("argv", nargs=-1, type=click.UNPROCESSED, metavar="[-- COMMAND [ARG]...]")
@pass_settings
def command(
    settings: Settings,
    service: str,
    argv: tuple[str, ...],
    image: str | None,
    pull: bool,
    tty: bool | None,
    user: str,
    workdir: str | None,
    index: int | None,
    lock_timeout: float,
) -> int:
    """Open a shell beside a service, running or crashed

    A container of its own, which is removed when the shell ends. Beside a service that runs it is in the same network, sees the same
    processes, and has the same volumes and variables. For a service that does not run it has the image, volumes and networks of the
    last container, with a shell instead of the program. The image is the service's own if that has a shell, else one that is here;
    nothing is pulled. The files of the service itself are then under /proc/1/root.

    \b
    Examples:
      stackctl debug api                            a shell
      stackctl debug api -- ls -l /proc/1/root/app  one command
      stackctl debug -u 1000 api -- id
      stackctl debug --image nicolaka/netshoot --pull api
    """
    if pull and image is None:
        raise UsageError("--pull goes with --image", "name the image to pull: --image IMAGE --pull")
    if argv and argv[0].startswith("-") and argv[0] != "--":
        raise UsageError(
            f"{argv[0]} stands after {service}, where the command is", "options stand before the service"
        )
    if tty and not sys.stdin.isatty():
        raise UsageError("the input is not a terminal", "leave out --tty, or do not redirect the input")
    if settings.progress == "auto":
        settings.progress = "quiet"  # a person wants the shell
    stack, engine = settings.load_leniently(), settings.engine()
    found = place(stack, engine, service, index=index, image=image, pull=pull)
    if found.borrowed:
        print(one_line(f"note: the image of {service} has no shell: this is {found.image}"), file=sys.stderr)
    if found.target and found.target.runs:
        if found.borrowed or image:
            print(f"note: the files of {service} are under /proc/1/root", file=sys.stderr)
    elif found.target:
        print(f"note: {service} does not run: this is a new container, as its last one", file=sys.stderr)
    program, *arguments = argv[argv[:1] == ("--",) :] or (found.shell,)
    terminal = sys.stdin.isatty() and sys.stdout.isatty()
    options = RunOptions(
        entrypoint=(program,),
        command=tuple(arguments),
        user=user,
        working_dir=workdir,
        dependencies=False,
        remove=True,
        tty=terminal if tty is None else tty,
        terminal_size=terminal_size(),
        stdin=True,
    )
    debugging = Debugging(
        stack, engine, service, options, place=found, lock_timeout=lock_timeout, waiting=settings.tell_holder
    )
    images = ImageOptions(no_build=True, pull=PullPolicy.missing if pull else PullPolicy.never)
    with interruptible():
        _, code = follow(
            settings,
            "stackctl debug",
            lambda cancel: debugging.prepare(settings.selection(), UpOptions(), images, cancel=cancel),
            stack=stack,
        )
        if code:
            debugging.leave()  # a signal may have come after it was made
            return code
        try:
            return debugging.attach()
        except BaseException:
            debugging.leave()
            raise
