"""What happens to the containers of a project, as the engine tells it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from stackctl.engine.talk.log_times import timestamp
from stackctl.engine.transport.client import WireClient, objects
from stackctl.planner.world import labels
from stackctl.planner.world.asked import Happened
from stackctl.real import real_time

_NANO = 1_000_000_000


def events(
    client: WireClient, project: str, *, since: str | None = None, until: str | None = None
) -> Iterator[Happened]:
    """The events of the project's containers. Raises `UsageError` for a time that cannot be read."""
    now = real_time()
    filters = {"type": ["container"], "label": [f"{labels.PROJECT}={project}"]}
    first, last = timestamp(since, now), timestamp(until, now)
    with client.stream("GET", "events", filters=filters, since=first, until=last) as answer:
        for event in objects(answer):
            actor = event.get("Actor") or {}
            yield Happened(
                time=_time(event.get("timeNano") or int(event.get("time", 0)) * _NANO),
                action=event.get("Action") or event.get("status", ""),
                container=actor.get("ID") or event.get("id", ""),
                attributes=actor.get("Attributes") or {},
            )


def _time(nanoseconds: int) -> str:
    """RFC 3339 with nanoseconds, as the engine writes the times of a log."""
    seconds, rest = divmod(nanoseconds, _NANO)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:09}Z"
