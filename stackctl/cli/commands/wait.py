"""stackctl wait"""

from __future__ import annotations

import click

from stackctl import api
from stackctl.cli.follow import follow, interruptible
from stackctl.cli.operate import stack_or_labels
from stackctl.cli.options import complete_services, pass_settings
from stackctl.cli.settings import Settings


@click.command("wait")
@click.argument("services", nargs=-1, required=True, metavar="SERVICE...", shell_complete=complete_services)
@click.option("--down-project", is_flag=True, help="When the first one ends, remove the project.")
@pass_settings
def command(settings: Settings, services: tuple[str, ...], down_project: bool) -> int:
    """Wait until services end, and give their exit code

    Prints the exit code of each container when it ends, and ends with that of the last one. A container that has ended before
    counts at once. With --down-project the first end decides, and the project is removed as by down: data stays.

    \b
    Examples:
      stackctl wait tests                   ends with the exit code of tests
      stackctl wait --down-project tests    and removes the stack
    """
    stack = stack_or_labels(settings)
    project = stack.project if stack else settings.project()
    engine = settings.engine()
    code = 0
    with interruptible():
        for container, code in api.wait(engine, project, services, stack.everything if stack else ()):
            print(f'container "{container.name}" exited with status code {code}', flush=True)
            if down_project:
                break
    if down_project:
        _, failed = follow(
            settings,
            "stackctl down",
            lambda cancel: api.down(
                project, engine, stack=stack, cancel=cancel, waiting=settings.tell_holder
            ),
            stack=stack,
        )
        return failed or code
    return code
