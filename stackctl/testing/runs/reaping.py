"""Remove what runs have left on an engine."""

from __future__ import annotations

import sys
import time

from stackctl.engine.execute import execute
from stackctl.engine.processes import is_dead
from stackctl.engine.protocol import Manage
from stackctl.engine.transport.endpoint import Endpoint
from stackctl.planner.runs.runs import owners, plan_reap, projects_of
from stackctl.planner.steps.events import Failed
from stackctl.real import monotonic
from stackctl.testing.runs.run import Run, owners_here

_PATIENCE = 60.0
"""Seconds that the other processes of the run have to end. Until then they may still create something."""
_PAUSE = 0.25


def reap(run: Run, engine: Manage, patience: float = _PATIENCE) -> None:
    """Remove what the run has made, until nothing is left and no process of the run lives: a process could make more."""
    deadline = monotonic() + patience
    while run.starts and monotonic() < deadline:
        time.sleep(_PAUSE)
    while True:
        busy = bool(run.members)
        plan = plan_reap([run.id], engine.observe(), spared=run.kept)
        for event in execute(plan, engine.perform):
            if isinstance(event, Failed):
                print(event.error, file=sys.stderr)
        if (not plan.steps and not busy) or monotonic() > deadline:
            return
        time.sleep(_PAUSE)


def sweep(engine: Manage) -> None:
    """Remove what dead runs have left, except what they keep. What belongs to a run that may be alive stays.

    Once the last project that a dead run keeps is gone, the run's directory is removed. Other engines cannot be looked at from
    here.
    """
    observed = engine.observe()
    dead = [
        Run(run, owner)
        for run, owner in {**owners_here(), **owners(observed)}.items()
        if owner and is_dead(owner, restarted=observed.engine.shares_loopback)
    ]
    kept = frozenset[str]().union(*(run.kept for run in dead))
    plan = plan_reap([run.id for run in dead], observed, spared=kept)
    if plan.steps:
        for _ in execute(plan, engine.perform):
            continue
    endpoint: Endpoint | None = getattr(engine, "endpoint", None)
    here = {endpoint.host} if endpoint else set()
    for run in dead:
        if not run.kept or (run.hosts <= here and run.kept.isdisjoint(projects_of(run.id, observed))):
            run.forget()
