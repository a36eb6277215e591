"""The reaper: a process that waits until the owner of a run has ended, and then removes what the run has left on the engine.

    python -m stackctl.reaper RUN [--host URL | --context NAME]

RUN is `Run.pack` of `stackctl.testing.runs.run`. The reaper removes only what carries the run's label, and nothing that is to be
kept. It writes to `reaper.log` in the run's directory.

The reaper starts while a stack starts, which needs the processors. So it imports almost nothing until the owner has ended.
"""

from __future__ import annotations

import argparse
import signal
import sys

from stackctl.engine.processes import wait_for_end
from stackctl.errors import StackError
from stackctl.testing.runs.run import Run


def main() -> None:
    """Wait for the end of the run's owner, then remove what is left."""
    parser = argparse.ArgumentParser(prog="python -m stackctl.reaper")
    parser.add_argument("run", type=Run.unpack)
    parser.add_argument("--host")
    parser.add_argument("--context")
    given = parser.parse_args()
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):  # these end the run, not the reaper
        signal.signal(number, signal.SIG_IGN)
    run: Run = given.run
    wait_for_end(run.owner)
    if not run.started:  # the owner has tidied up
        return
    from stackctl.engine.transport.connect import connect
    from stackctl.testing.runs.reaping import reap

    try:
        # The run was allowed to use this engine, so the reaper is allowed as well.
        reap(run, connect(given.host, given.context, insecure=True))
    except StackError as error:
        print(error, file=sys.stderr)
        return
    if not run.kept:
        run.forget()


if __name__ == "__main__":
    main()
