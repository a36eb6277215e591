"""stackctl watch"""

from __future__ import annotations

import click

from stackctl.cli.follow import Interrupted, interruptible
from stackctl.cli.options import lock_timeout_option, pass_settings, services_argument, wait_timeout_option
from stackctl.cli.settings import Settings
from stackctl.cli.up_run import run_up
from stackctl.cli.watched import watching
from stackctl.planner.before.images import ImageOptions
from stackctl.planner.steps.actions import BuildImage
from stackctl.planner.view.slots import UpOptions
from stackctl.proposing import proposal


@click.command("watch")
@services_argument
@click.option("--no-up", is_flag=True, help="Bring nothing up first: watch what runs.")
@click.option("--quiet", is_flag=True, help="Show no output of builds; one that fails says why.")
@click.option("--prune", is_flag=True, help="Remove the image that a rebuild replaces, if nothing uses it.")
@click.option("--dry-run", is_flag=True, help="Say what changes would do, and do nothing.")
@click.option("--propose", is_flag=True, help="Print what could be watched, read from the Dockerfiles.")
@wait_timeout_option
@lock_timeout_option
@pass_settings
def command(
    settings: Settings,
    services: tuple[str, ...],
    no_up: bool,
    quiet: bool,
    prune: bool,
    dry_run: bool,
    propose: bool,
    wait_timeout: float,
    lock_timeout: float,
) -> int:
    """Keep containers in step with the files of their developer

    Brings the services up, with new images, then does what `develop.watch` says of each file that changes: copies it into the
    container, restarts, rebuilds, runs a command. Ctrl-C ends the watching; the stack stays up.

    \b
    Examples:
      stackctl watch                  all services that have develop.watch
      stackctl watch --no-up api      the files of api alone, which runs
      stackctl watch --propose        what could be watched?
      stackctl up --watch             with the logs; Ctrl-C stops the stack
    """
    stack = settings.load(services)
    if propose:
        print(proposal(stack, services), end="")
        return 0
    selection = settings.selection(services)
    with watching(
        settings,
        stack,
        selection,
        services,
        command="stackctl watch",
        prune=prune,
        dry_run=dry_run,
        quiet=quiet,
        lock_timeout=lock_timeout,
    ) as watched:
        if not (no_up or dry_run):
            arguments = {
                "selection": selection,
                "options": UpOptions(wait_timeout=wait_timeout),
                "images": ImageOptions(build=True),
            }
            unseen = (BuildImage,) if quiet else ()
            code = run_up(
                settings, stack, arguments, lock_timeout=lock_timeout, unseen=unseen, command="stackctl watch"
            )
            if code:
                return code
        try:
            with interruptible():
                watched.begin()
                watched.stay()
        except Interrupted as wish:
            return wish.code
