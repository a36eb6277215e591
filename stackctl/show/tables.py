"""What is there beside what should be, as a table and as JSON, for `status`; and the variables of a stack."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from stackctl.planner.reach.places import authority, link, without_twins
from stackctl.planner.status import StatusRow
from stackctl.planner.world.observed import IPV4, IPV6, OUTDATED
from stackctl.show.text.amounts import iso, quoted
from stackctl.show.text.safe import one_line
from stackctl.show.text.style import PLAIN, Name, Style
from stackctl.show.text.table import GAP, table

VERSION = 2
"""The version of `status --json`. Since 2, times are ISO 8601, a job that is done is `completed`, and `since` is called `status`."""

_STATE_COLORS: Mapping[str, Name] = {
    "running": "green",
    "completed": "green",
    "healthy": "green",
    "starting": "yellow",
    "created": "yellow",
    "paused": "yellow",
    "restarting": "yellow",
    "unhealthy": "red",
    "failing": "red",
    "missing": "red",
    "exited": "red",
    "dead": "red",
}


def status_text(rows: Iterable[StatusRow], *, style: Style = PLAIN) -> str:
    """A table with service, state, health, ports as URLs, since and image; below it, what differs from the file, and whose
    code has changed since its image was built.
    """
    rows = tuple(rows)
    if not rows:
        return "Nothing is there."
    names = _names(rows)
    cells = [
        [
            name,
            _colored(_state_and_code(row), style),
            _colored(row.health, style),
            GAP.join(urls(row)),
            _since(row.since),
            one_line(row.image),
        ]
        for name, row in zip(names, rows, strict=True)
    ]
    headers = ["SERVICE", "STATE", "HEALTH", "PORTS", "SINCE", "IMAGE"]
    text = table(headers, cells, style, ("IMAGE", "SINCE"))
    drifted = [(name, ", ".join(row.drift)) for name, row in zip(names, rows, strict=True) if row.drift]
    stale = [(name, OUTDATED[row.outdated]) for name, row in zip(names, rows, strict=True) if row.outdated]
    parts = [text]
    if drifted:
        parts += _marked("Differs from the spec:", drifted, style)
    if stale:
        parts += _marked(
            "Changed since the image was built (stackctl up --build builds it again):", stale, style
        )
    return "\n".join(parts)


def _marked(title: str, lines: Sequence[tuple[str, str]], style: Style) -> list[str]:
    """A title, and below it what is said of each name."""
    longest = max(len(name) for name, _ in lines)
    said = [f"  {style(f'~ {name.ljust(longest)}', 'yellow')}  {one_line(text)}" for name, text in lines]
    return ["", style(title, "bold"), *said]


def _names(rows: Sequence[StatusRow]) -> list[str]:
    """The name of each row: its service; if a service has several rows, the container as well."""
    count = Counter(row.service for row in rows)
    return [
        f"{quoted(row.service)} ({one_line(row.container)})"
        if count[row.service] > 1 and row.container
        else quoted(row.service)
        for row in rows
    ]


def status_json(rows: Iterable[StatusRow], project: str) -> dict[str, Any]:
    """The rows as JSON, version 2. `state` is "missing" for a container that should be there but is not, "completed" for a job that
    is done.
    """
    return {"version": VERSION, "project": project, "services": [_row_json(row) for row in rows]}


def endpoints(rows: Iterable[StatusRow]) -> str:
    """Where services can be reached from this machine, one on each line: `api  http://localhost:8000`; "" if none can.

    If a service has several containers, each is named with its number. A port that every address of this machine has is said to be
    public: Docker's rules come before those of the machine's firewall (moby/moby#4737).
    """
    rows = tuple(rows)
    several = {row.service for row in rows if row.number > 1}
    found = [
        (
            quoted(f"{row.service}-{row.number}" if row.service in several else row.service),
            url,
            public.get(url, ""),
        )
        for row in rows
        for public in [_public(row)]
        for url in urls(row)
    ]
    width = max((len(service) for service, _, _ in found), default=0)
    return "".join(f"{service.ljust(width)}  {url}{public}\n" for service, url, public in found)


def _public(row: StatusRow) -> dict[str, str]:
    """What to say of the addresses of ports that everybody on the network reaches."""
    return {
        link(
            port, row.known_images.of(row.image)
        ): f"  PUBLIC {authority(port.host_ip, port.published)}, past ufw"
        for port in without_twins(row.ports)
        if port.published and port.host_ip in (IPV4, IPV6)
    }


def urls(row: StatusRow) -> list[str]:
    """The addresses of a container's ports, with the scheme its image is known to speak, else HTTP."""
    return list(
        dict.fromkeys(
            link(port, row.known_images.of(row.image)) for port in without_twins(row.ports) if port.published
        )
    )


def variables_text(rows: Iterable[tuple[str, str, str]], *, style: Style = PLAIN) -> str:
    """The variables of a stack: name, value, and where it is set."""
    cells = [tuple(map(one_line, row)) for row in rows]
    return table(["VARIABLE", "VALUE", "FROM"], cells, style, ("VALUE",))


def _state(row: StatusRow) -> str:
    if row.state == "exited" and row.kind != "service" and row.exit_code == 0:
        return "completed"
    return row.state


def _state_and_code(row: StatusRow) -> str:
    state = _state(row)
    return f"{state} ({row.exit_code})" if state == "exited" and row.exit_code is not None else state


def _colored(state: str, style: Style) -> str:
    color = _STATE_COLORS.get(state.partition(" ")[0])
    return style(one_line(state), color) if color else one_line(state)


def _since(status: str) -> str:
    """`Up 3 minutes (healthy)` and `Exited (0) 3 minutes ago` → `3 minutes ago`."""
    text = re.sub(r"^(?:Up|(?:Exited|Restarting) \(-?\d+\)) ", "", one_line(status))
    text = re.sub(r" \([^()]*\)$", "", text)
    if not text or text in ("Created", "Dead", "Removal In Progress"):
        return ""
    return text[:1].lower() + text[1:] + ("" if text.endswith(" ago") else " ago")


def _row_json(row: StatusRow) -> dict[str, Any]:
    return {
        "service": row.service,
        "kind": row.kind,
        "container": row.container,
        "id": row.id,
        "state": _state(row),
        "health": row.health,
        "exit_code": row.exit_code,
        "ports": [
            {
                "url": link(port, row.known_images.of(row.image)),
                "host_ip": port.host_ip,
                "published": port.published,
                "target": port.target,
                "protocol": port.protocol,
            }
            for port in row.ports
        ],
        "status": row.since,
        "created": iso(row.created) if row.created else None,
        "image": row.image,
        "drift": list(row.drift),
        "outdated": row.outdated,
    }
