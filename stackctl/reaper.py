"""The reaper: waits until a run's owner has ended, however it did, and removes what the run has left on the engine.

    python -m stackctl.reaper RUN [--host URL | --context NAME]

RUN is `Run.pack` of `stackctl.testing.runs.run`. It needs the Docker SDK and nothing else, touches nothing that does not carry the run's
label, and leaves alone what was kept. What it has to say goes to `reaper.log` in the run's directory.

It is started while a stack is, which needs the processors: until the owner has ended it imports next to nothing.
"""

from __future__ import annotations

import argparse
import signal
import sys
import time
from typing import TYPE_CHECKING

from stackctl.engine.owner import wait_for_end
from stackctl.errors import StackError
from stackctl.testing.runs.run import Run

if TYPE_CHECKING:
    from stackctl.engine.protocol import Engine

_PATIENCE = 60.0
"""Seconds in which the other processes of the run have to end, as they may still be making things."""
_PAUSE = 0.25


def reap(run: Run, engine: Engine, patience: float = _PATIENCE) -> None:
    """Remove what the run has made until nothing is left and nobody is there to make more."""
    from stackctl.engine.execute import execute
    from stackctl.planner.runs.runs import plan_reap
    from stackctl.planner.steps.events import Failed

    deadline = time.monotonic() + patience
    while True:
        busy = bool(run.members)
        plan = plan_reap([run.id], engine.observe(), spared=run.kept)
        for event in execute(plan, engine.perform):
            if isinstance(event, Failed):
                print(event.error, file=sys.stderr)
        if (not plan.steps and not busy) or time.monotonic() > deadline:
            return
        time.sleep(_PAUSE)


def main() -> None:
    """Wait, and clean up."""
    parser = argparse.ArgumentParser(prog="python -m stackctl.reaper")
    parser.add_argument("run", type=Run.unpack)
    parser.add_argument("--host")
    parser.add_argument("--context")
    given = parser.parse_args()
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):  # who ends the run means the run, not us
        signal.signal(number, signal.SIG_IGN)
    run: Run = given.run
    wait_for_end(run.owner)
    if not run.started:  # the owner has tidied up
        return
    from stackctl.engine.transport.connect import connect

    try:
        # The run has spoken to this engine: whatever it allowed holds for us.
        reap(run, connect(given.host, given.context, insecure=True))
    except StackError as error:
        print(error, file=sys.stderr)
        return
    if not run.kept:
        run.forget()


if __name__ == "__main__":
    main()
