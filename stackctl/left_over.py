"""Find what is left over on an engine: what the engine tells, and what only this machine can tell. Loads no module that changes an
engine.
"""

from __future__ import annotations

from stackctl.engine.directories import is_gone
from stackctl.engine.processes import is_dead
from stackctl.engine.protocol import Look
from stackctl.planner.runs.left_over import Known, LeftOver, left_over
from stackctl.planner.runs.owner import Owner
from stackctl.planner.world.observed import Observed
from stackctl.real import real_time
from stackctl.testing.runs.run import Run


def find(engine: Look) -> tuple[Observed, tuple[LeftOver, ...]]:
    """A snapshot of the engine, and the projects in it that nobody needs any more."""
    observed = engine.observe()
    restarted = observed.engine.shares_loopback

    def is_kept(project: str, run: str, owner: Owner) -> bool:
        return project in Run(run, owner).kept

    known = Known(
        now=real_time(),
        is_gone=is_gone,
        is_dead=lambda owner: is_dead(owner, restarted=restarted),
        is_kept=is_kept,
    )
    return observed, left_over(observed, known)
