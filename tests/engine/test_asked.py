"""The engine's answers about one container → values."""

import pytest

from stackctl.engine.docker.asked import counters, image
from stackctl.planner.world.asked import Counters

STATS = {
    "read": "2026-11-27T13:08:45.5Z",
    "pids_stats": {"current": 2},
    "blkio_stats": {
        "io_service_bytes_recursive": [
            {"op": "Read", "value": 5},
            {"op": "Write", "value": 7},
            {"op": "read", "value": 1},
            {"op": "Total", "value": 13},
        ]
    },
    "cpu_stats": {"cpu_usage": {"total_usage": 2_500_000_000}},
    "memory_stats": {"usage": 1000, "limit": 4000, "stats": {"total_inactive_file": 200}},
    "networks": {"eth0": {"rx_bytes": 10, "tx_bytes": 1}, "eth1": {"rx_bytes": 5, "tx_bytes": 2}},
}


def test_counters() -> None:
    now = counters(STATS, 0)
    assert now == Counters(
        at=1795784925.5, cpu=2.5, memory=800, limit=4000, received=15, sent=3, read=6, written=7, pids=2
    )
    assert now.cpu_percent(Counters(at=now.at - 2, cpu=0.5)) == 100
    assert now.memory_percent == 20


@pytest.mark.parametrize(
    ("memory", "used"),
    [
        ({"usage": 1000, "stats": {"inactive_file": 300}}, 700),
        ({"usage": 100, "stats": {"inactive_file": 300}}, 100),
        ({}, 0),
    ],
)
def test_memory_is_counted_as_docker_counts_it(memory: object, used: int) -> None:
    assert counters({**STATS, "memory_stats": memory}, 0).memory == used


def test_a_container_that_does_not_run_has_no_counters() -> None:
    empty = {
        "read": "0001-01-01T00:00:00Z",
        "networks": None,
        "blkio_stats": {"io_service_bytes_recursive": None},
    }
    assert counters(empty, 9.0) == Counters(at=9.0)


def test_an_image() -> None:
    found = image(
        {"Id": "sha256:1", "RepoTags": None, "Os": "linux", "Architecture": "arm64", "Variant": "v8"}
    )
    assert (found.platform, found.tags, found.created) == ("linux/arm64/v8", (), 0.0)
