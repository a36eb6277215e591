"""What a report says of a stack that several workers use at once: how their tests may disturb each other, and what shows it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress

from stackctl.errors import StackError
from stackctl.testing.data import stores
from stackctl.testing.stack import Running, RunningService

_CLASH = re.compile(
    r"ERROR: +(.*(?:already exists|is being accessed by other users|_nsp_index\"|deadlock detected|concurrently updated).*)"
)
"""What Postgres says if two clients make or drop the same thing. `pg_…_nsp_index` is the index of names: both made the same name
at the same moment.
"""


def hints(app: Running, logs: Mapping[str, Sequence[str]], workers: int) -> Iterator[str]:
    """Lines for the report of a failed test. `logs` are the lines that each service that runs wrote since the test began."""
    if workers < 2:
        return
    yield (
        f"{workers} workers use this stack at the same time. If the test passes without -n, a test of another worker may have changed its"
        " data: give each worker its own stack (--stack-xdist=per-worker), or each test its own data."
    )
    for name, lines in logs.items():
        if stores.is_redis(app[name]):
            yield from _flushes(app[name])
        elif stores.is_postgres(app[name]):
            yield from clashes(name, lines)


def clashes(service: str, lines: Sequence[str]) -> Iterator[str]:
    """A line if the log of a Postgres shows that two clients have used the same names."""
    found = next(filter(None, map(_CLASH.search, lines)), None)
    if found:
        yield f"{service}: tests of several workers may use the same names: {found[1]}"


def _flushes(service: RunningService) -> Iterator[str]:
    """A line if a client of a Redis has removed all keys. If the server does not say so soon, there is no line."""
    with suppress(StackError):
        if calls := stores.redis(service).flushes():
            said = " and ".join(f"{command} (calls: {count})" for command, count in calls.items())
            whose = "all workers" if "FLUSHALL" in calls else "all workers that use the same database"
            yield f"{service.name}: since it started, tests have called {said}, which removes the keys of {whose}."
