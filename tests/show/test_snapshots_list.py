"""The list of snapshots, as a table and as JSON."""

from __future__ import annotations

from stackctl.planner.data.snapshots import Saved, Snapshot
from stackctl.show.lists.snapshots import snapshots_json, snapshots_text

ROWS = [
    Snapshot(
        project="shop",
        name="seeded",
        id="1",
        created=1_700_000_000.0,
        saved=(Saved("cache:/data", "v0", ("cache",)), Saved("data", "v1", ("db",))),
        record="v",
    ),
    Snapshot(project="shop", name="half", id="2", saved=(Saved("data", "v2"),), complete=False),
]
SIZES = {"v0": 1_000, "v1": 40_000_000}


def test_the_table() -> None:
    assert snapshots_text(ROWS, now=1_700_000_060.0, sizes=SIZES).splitlines() == [
        "SNAPSHOT    PROJECT    DATA               CREATED             SIZE    NOTE",
        "seeded      shop       cache:/data, data  About a minute ago  40 MB",
        "half        shop       data                                           incomplete",
    ]


def test_the_name_is_the_one_that_restore_takes() -> None:
    assert ([each.name_for("shop") for each in ROWS], ROWS[0].name_for("other")) == (
        ["seeded", "half"],
        "shop/seeded",
    )


def test_the_json() -> None:
    assert snapshots_json(ROWS, SIZES) == {
        "version": 1,
        "snapshots": [
            {
                "name": "seeded",
                "project": "shop",
                "created": "2023-11-14T22:13:20Z",
                "complete": True,
                "size": 40_001_000,
                "data": [
                    {"key": "cache:/data", "services": ["cache"], "volume": "v0", "size": 1_000},
                    {"key": "data", "services": ["db"], "volume": "v1", "size": 40_000_000},
                ],
            },
            {
                "name": "half",
                "project": "shop",
                "created": None,
                "complete": False,
                "size": None,
                "data": [{"key": "data", "services": [], "volume": "v2", "size": None}],
            },
        ],
    }
