"""stackctl down"""

from __future__ import annotations

import sys

import click

from stackctl import api
from stackctl.cli.follow import follow, interruptible
from stackctl.cli.options import lock_timeout_option, pass_settings, services_argument
from stackctl.cli.settings import Settings
from stackctl.errors import SpecError, UsageError
from stackctl.looking import Looking
from stackctl.planner.steps.plan import Plan
from stackctl.show.lost import lost_text
from stackctl.show.problems import problems_text
from stackctl.spec.model import Stack


@click.command("down")
@services_argument
@click.option("-v", "--volumes", is_flag=True, help="Remove the volumes too: the data is lost.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask before data is lost.")
@click.option(
    "-t", "--timeout", type=int, metavar="SECONDS", help="How long a container may take to stop (10)."
)
@click.option(
    "--remove-orphans",
    is_flag=True,
    expose_value=False,
    help="Accepted for Compose's sake: down always removes them.",
)
@click.option("--adopt", is_flag=True, help="Remove also a project that was started from another directory.")
@lock_timeout_option
@pass_settings
def command(
    settings: Settings,
    services: tuple[str, ...],
    volumes: bool,
    yes: bool,
    timeout: int | None,
    adopt: bool,
    lock_timeout: float,
) -> int:
    """Remove the stack; its data stays

    Stops and removes every container of the project, whatever its profile, and its networks. Works from the labels of what is
    there when stack.toml is missing or broken. What was started from another directory under the same name is refused.

    \b
    Examples:
      stackctl down                keep the volumes
      stackctl down --volumes      lose the data, too
      stackctl down api            only this one
      stackctl -p shop down        a project by its name
    """
    stack = _stack(settings)
    project = stack.project if stack else settings.project()
    engine = settings.engine()
    if services:
        Looking(stack or Stack(project=project), engine).containers(services)  # refuses names of no service

    def confirm(plan: Plan) -> bool:
        if not plan.steps and not plan.notes and settings.progress not in ("json", "quiet"):
            print(f"note: nothing to remove for project {project}", file=sys.stderr)
        if yes or not plan.loses_data:
            return True
        lost = lost_text(api.doomed(plan, engine), style=settings.style(sys.stderr))
        if _asks():
            print(f"These volumes and all data in them will be removed:\n\n{lost}\n", file=sys.stderr)
            return _confirmed("Remove them?")
        if stack is None:
            raise UsageError(
                f"without a stack that says what to keep, this would remove:\n{lost}",
                "if it may go, say --yes",
            )
        return True

    options = api.DownOptions(
        services=services, volumes=volumes, grace=timeout, adopt=adopt, source=settings.source()
    )
    _, code = follow(
        settings,
        "stackctl down",
        lambda cancel: api.down(
            project,
            engine,
            stack=stack,
            options=options,
            cancel=cancel,
            lock_timeout=lock_timeout,
            waiting=settings.tell_holder,
            confirm=confirm,
        ),
        source=stack.files[0].name if stack else "",
    )
    return code


def _stack(settings: Settings) -> Stack | None:
    """The stack. If it cannot be read: say so and return None; the labels are then enough."""
    try:
        return settings.load_leniently()
    except SpecError as error:
        print(problems_text(error.problems, style=settings.style(sys.stderr)), file=sys.stderr)
        print(
            f"the stack cannot be read: going by the labels of project {settings.project()}", file=sys.stderr
        )
    except UsageError as error:
        if settings.project_name is None or settings.files:
            raise
        print(f"{error.message}: going by the labels of project {settings.project_name}", file=sys.stderr)
    return None


def _confirmed(question: str) -> bool:
    try:
        with interruptible():
            return click.confirm(question, default=False, err=True)
    except click.Abort:
        print("\nnothing was removed", file=sys.stderr)
        raise


def _asks() -> bool:
    """Only a person can be asked: stdin and stderr are both terminals."""
    return sys.stdin.isatty() and sys.stderr.isatty()
