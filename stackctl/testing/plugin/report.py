"""The part of a test's report about a stack: the state of its services, and what they have written since the test began."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from stackctl.engine.protocol import LogLine
from stackctl.errors import StackError
from stackctl.planner.world.observed import ObservedContainer
from stackctl.show.text.safe import clean
from stackctl.testing.plugin.session import Given
from stackctl.testing.plugin.sharing import hints
from stackctl.testing.stack import Running

_WIDEST = 500
"""Characters of a line, at most."""

Section = tuple[str, str]


def sections(given: Given, since: float, *, failed: bool) -> Iterator[Section]:
    """A title and a text for the stack, then for each service that wrote something since that time (seconds, this machine's clock).

    If the engine does not answer, the only section says so. The report of a failed test also says how tests of several workers
    may have disturbed each other.
    """
    app, tail = given.app, given.settings.logs_tail
    title = f"stack {app.project}"
    try:
        observed = app.engine.observe()
        containers = app.containers()
        began = since + observed.engine.clock_ahead
        logs = {
            service: list(_text(list(app.engine.logs([c.id], since=f"{began:.9f}", tail=tail + 1)), tail))
            for service, c in containers.items()
        }
        running = {service: lines for service, lines in logs.items() if containers[service].running}
        said = hints(app, running, given.workers) if failed else ()
        yield title, "\n".join([*map(_state, containers.values()), *said])
        whose = f", lines of all {given.workers} workers" if given.workers > 1 else ""
        for service, lines in logs.items():
            if lines:
                yield f"{title}: {service}{whose}", "\n".join(lines)
    except StackError as error:
        yield title, f"nothing can be shown: {error}"


def write_logs(app: Running, since: float, directory: Path) -> None:
    """Write the whole logs since that time to the directory, a file for each service."""
    directory.mkdir(parents=True, exist_ok=True)
    began = since + app.engine.observe().engine.clock_ahead
    for service, container in app.containers().items():
        with (directory / f"{service}.log").open("w") as file:
            for line in app.engine.logs([container.id], since=f"{began:.9f}"):
                file.write(f"{line.time} {line.text}\n")


def file_name(node: str) -> str:
    """A test's id as the name of a directory."""
    return re.sub(r"[^\w.\[\]-]+", "-", node)[-150:]


def _state(container: ObservedContainer) -> str:
    ended = "" if container.exit_code is None else f", exit code {container.exit_code}"
    health = f", {container.health}" if container.health else ""
    return f"{container.service}: {container.state}{health}{ended}"


def _text(lines: Sequence[LogLine], tail: int) -> Iterator[str]:
    if len(lines) > tail:
        yield f"… only the last {tail} lines:"
    for line in lines[-tail:] if tail else ():
        text = clean(line.text)
        yield text if len(text) <= _WIDEST else f"{text[:_WIDEST]}…"
