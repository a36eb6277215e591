"""The volumes of a project, for `volumes`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from stackctl.planner.world.used import UsedVolume
from stackctl.show.text.amounts import ago, iso, quoted, size
from stackctl.show.text.safe import one_line
from stackctl.show.text.style import PLAIN, Style
from stackctl.show.text.table import table

VERSION = 1
"""The version of the JSON; version 1 only ever gains keys."""

FIELDS = (
    "Availability",
    "Driver",
    "Group",
    "Labels",
    "Links",
    "Mountpoint",
    "Name",
    "Scope",
    "Size",
    "Status",
)
"""What a template of Compose's `volumes --format` may name."""
TITLES = {"Name": "VOLUME NAME"}
_UNKNOWN = "N/A"


def volumes_text(
    rows: Sequence[UsedVolume], *, now: float, sizes: Mapping[str, int] | None = None, style: Style = PLAIN
) -> str:
    """A table. `now` is in seconds since the epoch; `sizes` are bytes by volume, None if nobody has counted them."""
    headers = [
        "VOLUME NAME",
        "DRIVER",
        "USED BY",
        "CREATED",
        "NOTE",
        *(["SIZE"] if sizes is not None else []),
    ]
    cells = [
        [
            quoted(row.volume.name),
            one_line(row.volume.driver),
            ", ".join(map(one_line, row.services)),
            ago(now - row.volume.created) if row.volume.created else "",
            row.note,
            *([_size(sizes, row, "")] if sizes is not None else []),
        ]
        for row in rows
    ]
    return table(headers, cells, style, ("CREATED", "DRIVER"))


def volumes_json(
    rows: Iterable[UsedVolume], project: str, sizes: Mapping[str, int] | None = None
) -> dict[str, Any]:
    """The volumes as JSON, version 1. `size` is in bytes, and null unless it was asked for."""
    return {
        "version": VERSION,
        "project": project,
        "volumes": [
            {
                "name": row.volume.name,
                "key": row.volume.key,
                "driver": row.volume.driver,
                "services": list(row.services),
                "external": not row.mine,
                "anonymous": row.volume.anonymous,
                "protected": row.volume.protected,
                "created": iso(row.volume.created) if row.volume.created else None,
                "size": (sizes or {}).get(row.volume.name),
            }
            for row in rows
        ],
    }


def volumes_as_compose(
    rows: Iterable[UsedVolume], sizes: Mapping[str, int] | None = None
) -> list[Mapping[str, str]]:
    """The objects of Compose's `volumes --format json`."""
    return [
        {
            "Availability": _UNKNOWN,
            "Driver": row.volume.driver,
            "Group": _UNKNOWN,
            "Labels": ",".join(f"{key}={value}" for key, value in sorted(row.volume.labels.items())),
            "Links": _UNKNOWN,
            "Mountpoint": row.volume.mountpoint,
            "Name": row.volume.name,
            "Scope": "local",
            "Size": _size(sizes or {}, row, _UNKNOWN),
            "Status": _UNKNOWN,
        }
        for row in rows
    ]


def _size(sizes: Mapping[str, int], row: UsedVolume, unknown: str) -> str:
    amount = sizes.get(row.volume.name)
    return unknown if amount is None else size(amount)
