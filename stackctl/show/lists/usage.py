"""What containers use of processor, memory, network and disk, for `stats`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from msgspec import Struct

from stackctl.planner.world.asked import Counters
from stackctl.planner.world.observed import ObservedContainer
from stackctl.show.text.amounts import iso
from stackctl.show.text.safe import one_line
from stackctl.show.text.style import PLAIN, Style
from stackctl.show.text.table import table

VERSION = 1
"""The version of the JSON; version 1 only ever gains keys."""
FIELDS = ("BlockIO", "CPUPerc", "Container", "ID", "MemPerc", "MemUsage", "Name", "NetIO", "PIDs")
"""What a template of Compose's `stats --format` may name."""
TITLES = {
    "ID": "CONTAINER ID",
    "CPUPerc": "CPU %",
    "MemUsage": "MEM USAGE / LIMIT",
    "MemPerc": "MEM %",
    "NetIO": "NET I/O",
    "BlockIO": "BLOCK I/O",
}
_SHORT = 12


class Usage(Struct, frozen=True):
    """What a container used between two looks at its counters."""

    container: ObservedContainer
    now: Counters
    before: Counters

    @property
    def cpu(self) -> float:
        return self.now.cpu_percent(self.before)


def usage_text(found: Sequence[Usage], *, style: Style = PLAIN) -> str:
    """The table of `docker stats`, with the service in the place of the id."""
    cells = [
        [
            one_line(each.container.service),
            row["Name"],
            row["CPUPerc"],
            row["MemUsage"],
            row["MemPerc"],
            row["NetIO"],
            row["BlockIO"],
            row["PIDs"],
        ]
        for each, row in zip(found, usage_as_compose(found), strict=True)
    ]
    headers = ["SERVICE", "NAME", "CPU %", "MEM USAGE / LIMIT", "MEM %", "NET I/O", "BLOCK I/O", "PIDS"]
    return table(headers, cells, style, ("BLOCK I/O", "NET I/O", "NAME"))


def usage_json(found: Iterable[Usage], project: str) -> dict[str, Any]:
    """The usage as JSON, version 1. `cpu_percent` is 100 for one busy processor; amounts are in bytes."""
    return {
        "version": VERSION,
        "project": project,
        "containers": [
            {
                "service": each.container.service,
                "number": each.container.number,
                "container": each.container.name,
                "id": each.container.id,
                "time": iso(each.now.at),
                "cpu_percent": round(each.cpu, 2),
                "memory": each.now.memory,
                "memory_limit": each.now.limit,
                "received": each.now.received,
                "sent": each.now.sent,
                "read": each.now.read,
                "written": each.now.written,
                "pids": each.now.pids,
            }
            for each in found
        ],
    }


def usage_as_compose(found: Iterable[Usage], *, whole: bool = False) -> list[dict[str, str]]:
    """The objects of Compose's `stats --format json`. `whole`: ids are not cut."""
    return [
        {
            "BlockIO": f"{_decimal(each.now.read)} / {_decimal(each.now.written)}",
            "CPUPerc": f"{each.cpu:.2f}%",
            "Container": each.container.id,
            "ID": each.container.id if whole else each.container.id[:_SHORT],
            "MemPerc": f"{each.now.memory_percent:.2f}%",
            "MemUsage": f"{_binary(each.now.memory)} / {_binary(each.now.limit)}",
            "Name": one_line(each.container.name),
            "NetIO": f"{_decimal(each.now.received)} / {_decimal(each.now.sent)}",
            "PIDs": str(each.now.pids),
        }
        for each in found
    ]


def _decimal(amount: int) -> str:
    """As docker writes it (docker/go-units, HumanSizeWithPrecision): `1.17kB`."""
    return _in_units(amount, 1000, ("B", "kB", "MB", "GB", "TB", "PB"), 3)


def _binary(amount: int) -> str:
    """As docker writes it (docker/go-units, BytesSize): `468KiB`."""
    return _in_units(amount, 1024, ("B", "KiB", "MiB", "GiB", "TiB", "PiB"), 4)


def _in_units(amount: int, base: int, units: Sequence[str], precision: int) -> str:
    value, place = float(amount), 0
    while value >= base and place < len(units) - 1:
        value, place = value / base, place + 1
    return f"{value:.{precision}g}{units[place]}"
