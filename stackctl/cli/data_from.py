"""`up --data-from`: data of a snapshot, or of another project, for the volumes that have none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from stackctl.cli.follow import follow
from stackctl.cli.settings import Settings
from stackctl.cli.up_run import run_up
from stackctl.lending import lend
from stackctl.planner.steps.actions import Action
from stackctl.spec.model import Stack

if TYPE_CHECKING:
    from stackctl.cli.attached import Staying


def up_with_data(
    settings: Settings,
    stack: Stack,
    arguments: dict[str, Any],
    source: str,
    *,
    lock_timeout: float,
    staying: Staying | None,
    unseen: tuple[type[Action], ...],
    show_timeline: bool,
) -> int:
    """Bring the stack up with the data of `source`, which are copied first if another project has them. The other arguments are those of
    `run_up`. Return the exit code.
    """
    engine = settings.engine()
    with lend(source, stack, engine, lock_timeout=lock_timeout, waiting=settings.tell_holder) as lent:
        if lent.copies:
            _, code = follow(settings, "stackctl up", lent.copy, stack=stack)
            if code:
                return code
        filled = arguments | {"options": replace(arguments["options"], fill=lent.fill)}
        return run_up(
            settings,
            stack,
            filled,
            lock_timeout=lock_timeout,
            staying=staying,
            unseen=unseen,
            show_timeline=show_timeline,
        )
