"""The engine's answers about one image or one container → values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from stackctl.engine.docker.snapshot import epoch
from stackctl.planner.world.asked import Counters, ObservedImage, Processes

Row = Mapping[str, Any]

_NANO = 1e-9


def image(answer: Row) -> ObservedImage:
    """From the answer to GET /images/ID/json."""
    parts = (answer.get("Os", ""), answer.get("Architecture", ""), answer.get("Variant", ""))
    return ObservedImage(
        id=answer["Id"],
        tags=tuple(answer.get("RepoTags") or ()),
        size=answer.get("Size") or 0,
        created=epoch(answer.get("Created")),
        tagged=epoch((answer.get("Metadata") or {}).get("LastTagTime")),
        platform="/".join(filter(None, parts)),
    )


def processes(answer: Row) -> Processes:
    """From the answer to GET /containers/ID/top."""
    return Processes(
        tuple(answer.get("Titles") or ()), tuple(tuple(row) for row in answer.get("Processes") or ())
    )


def counters(answer: Row, now: float) -> Counters:
    """From the answer to GET /containers/ID/stats. `now` is its time if it has none of its own, as of a container that does not run."""
    memory, pids = answer.get("memory_stats") or {}, answer.get("pids_stats") or {}
    networks = (answer.get("networks") or {}).values()
    blocks = (answer.get("blkio_stats") or {}).get("io_service_bytes_recursive") or ()
    return Counters(
        at=max(epoch(answer.get("read")), 0.0) or now,
        cpu=((answer.get("cpu_stats") or {}).get("cpu_usage") or {}).get("total_usage", 0) * _NANO,
        memory=_used(memory),
        limit=memory.get("limit") or 0,
        received=sum(each.get("rx_bytes", 0) for each in networks),
        sent=sum(each.get("tx_bytes", 0) for each in networks),
        read=_sum(blocks, "read"),
        written=_sum(blocks, "write"),
        pids=pids.get("current") or 0,
    )


def _used(memory: Row) -> int:
    """As `docker stats` counts: without the file pages that nothing uses. Control groups 1 and 2 call them differently."""
    used, stats = memory.get("usage") or 0, memory.get("stats") or {}
    idle = stats.get("total_inactive_file", stats.get("inactive_file", 0))
    return int(used - idle if idle < used else used)


def _sum(blocks: Iterable[Row], operation: str) -> int:
    return sum(each.get("value", 0) for each in blocks if each.get("op", "").lower() == operation)
