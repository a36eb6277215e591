"""The lines that containers write, each behind the name of its container: `api-1  | text`."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol, TextIO

from stackctl.planner.world import labels as names
from stackctl.planner.world.observed import ObservedContainer
from stackctl.show.text.safe import clean, clean_keeping_color, one_line, without_commands
from stackctl.show.text.style import PLAIN, Name, Style, on_github

VERSION = 1

_PALETTE: tuple[Name, ...] = ("cyan", "yellow", "green", "magenta", "blue")


class Line(Protocol):
    """A line of a container's log, as the engine gives it; `time` is RFC 3339."""

    @property
    def container(self) -> str: ...
    @property
    def stream(self) -> str: ...
    @property
    def time(self) -> str: ...
    @property
    def text(self) -> str: ...


def show_logs(
    lines: Iterable[Line],
    containers: Mapping[str, ObservedContainer],
    stream: TextIO,
    *,
    prefix: bool = True,
    timestamps: bool = False,
    as_json: bool = False,
    style: Style = PLAIN,
) -> None:
    """Print lines as they come. `containers` are the containers they come from, by the reference that a line carries.

    A terminal gets no escape sequences, colours excepted; a pipe gets what the container wrote, but no command of GitHub Actions there.
    """
    form = log_formatter(
        containers, style=style, prefix=prefix, timestamps=timestamps, terminal=stream.isatty()
    )
    for line in lines:
        text = log_json(line, containers.get(line.container)) if as_json else form(line)
        print(text, file=stream, flush=True)


def log_formatter(
    containers: Mapping[str, ObservedContainer],
    *,
    style: Style = PLAIN,
    prefix: bool = True,
    timestamps: bool = False,
    terminal: bool = False,
) -> Callable[[Line], str]:
    """A function from a line to the text to print, without the newline; see `show_logs`."""
    labels = {reference: _label(container) for reference, container in containers.items()}
    colors = service_colors(container.service for container in containers.values())
    width = max(map(len, labels.values()), default=0)
    runs_commands = on_github()

    def formatted(line: Line) -> str:
        container = containers.get(line.container)
        head = ""
        if prefix:
            label = f"{labels.get(line.container, one_line(line.container)):<{width}}  |"
            head = style(label, colors[container.service]) if container else label
            head += " "
        if timestamps:
            head += style(one_line(line.time), "dim") + " "
        text = head + _text(line.text)
        return without_commands(text) if runs_commands else text

    def _text(text: str) -> str:
        if not terminal:
            return text
        return clean_keeping_color(text) if style.color else clean(text)

    return formatted


def log_json(line: Line, container: ObservedContainer | None) -> str:
    """A line as a JSON object on one line, version 1; control characters are escaped, not lost."""
    return json.dumps(
        {
            "version": VERSION,
            "time": line.time,
            "service": container.service if container else "",
            "number": container.number if container else None,
            "container": container.name if container else line.container,
            "stream": line.stream,
            "text": line.text,
        }
    )


def _label(container: ObservedContainer) -> str:
    """`api-1`; its name, if it has no number."""
    named = names.SERVICE in container.labels and names.NUMBER in container.labels
    return one_line(f"{container.service}-{container.number}" if named else container.name)


def service_colors(services: Iterable[str]) -> dict[str, Name]:
    """A colour for each service. A service keeps its colour from run to run; two have the same one only if colours run out."""
    chosen: dict[str, Name] = {}
    for service in sorted(set(services)):
        first = zlib.crc32(service.encode()) % len(_PALETTE)
        preferred = (*_PALETTE[first:], *_PALETTE[:first])
        free = [color for color in preferred if color not in chosen.values()]
        chosen[service] = (free or preferred)[0]
    return chosen
