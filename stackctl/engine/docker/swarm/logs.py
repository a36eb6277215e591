"""The logs of the services of a Swarm: first the lines of the past, merged by time, then new lines as they come.

A manager collects the lines from the nodes. It sends those of several tasks in one stream, each with the id of its task, and in no
order between the tasks. It knows no `until`, which is therefore applied here.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Sequence
from decimal import Decimal

from stackctl.engine.protocol import LogLine
from stackctl.engine.talk.log_times import timestamp
from stackctl.engine.talk.logs import PIECES, STAMPED, Assembler, follow_sources, pieces
from stackctl.engine.transport.client import RefusedError, WireClient
from stackctl.engine.transport.wire import WireAnswer
from stackctl.real import real_time

_DETAILS = re.compile(rb"(com\.docker\.swarm\.\S+) ?")
_TASK = "com.docker.swarm.task.id="
_SILENCE = 5.0
"""After this many seconds without a line, the manager is asked whether the service is still there: the stream of a removed service
does not end.
"""
_LATE = 10
"""Seconds by which a line of another node may come later than its time says."""


def logs(
    client: WireClient,
    services: Sequence[str],
    *,
    follow: bool = False,
    tail: int | None = None,
    since: str | None = None,
    until: str | None = None,
) -> Iterator[LogLine]:
    """Lines of all tasks of the services. `container` is the id of the task; `tail` is a number of lines for each task.

    With `follow`, the iterator ends when all services are removed, or at `until`. Closing the iterator closes the connections.
    Raises `UsageError` for a time that cannot be read.
    """
    now = real_time()
    window = {"since": timestamp(since, now), "until": timestamp(until, now)}
    sources = [_Service(client, service) for service in services]
    past = [line for source in sources for line in source.past(tail, **window)]
    yield from sorted(past, key=lambda line: line.time)
    if follow:
        yield from follow_sources(sources, tail, **window)


class _Service:
    """The log of one service, and how far the log of each task has been read."""

    def __init__(self, client: WireClient, service: str) -> None:
        self._client = client
        self._service = service
        row = client.get("services", service)
        self._tty = bool(row["Spec"]["TaskTemplate"]["ContainerSpec"].get("TTY"))
        self._last: dict[str, tuple[str, int]] = {}
        """By task the time of the last line, and how many lines with this time have been read."""
        self._began = 0.0
        self._answer: WireAnswer | None = None

    def past(self, tail: int | None, *, since: str | None, until: str | None) -> Iterator[LogLine]:
        self._began = real_time()
        for line in self._lines(follow=False, tail=tail, since=since):
            self._count(line)
            if not _is_later(line, until):
                yield line

    def future(
        self, stop: threading.Event, tail: int | None, *, since: str | None, until: str | None
    ) -> Iterator[LogLine]:
        while not stop.is_set() and (until is None or real_time() < float(until) + _LATE):
            begin = f"{max(self._began - _LATE, float(since or 0)):.9f}"
            again = dict(self._last)
            self._began = real_time()
            for line in self._lines(follow=True, tail=None, since=begin):
                if self._is_new(line, again) and not _is_later(line, until):
                    yield line
            if not self._is_there():
                return
            stop.wait(0.2)

    def hang_up(self) -> None:
        if answer := self._answer:
            answer.hang_up()

    def _is_new(self, line: LogLine, again: dict[str, tuple[str, int]]) -> bool:
        """Whether it was not read before. `again` tells how many lines of the last time of each task are still to be seen again."""
        time, left = again.get(line.container, ("", 0))
        if line.time < time:
            return False
        if line.time == time and left:
            again[line.container] = (time, left - 1)
            return False
        self._count(line)
        return True

    def _count(self, line: LogLine) -> None:
        time, count = self._last.get(line.container, ("", 0))
        self._last[line.container] = (line.time, count + 1 if line.time == time else 1)

    def _is_there(self) -> bool:
        try:
            self._client.get("services", self._service)
        except RefusedError as error:
            if error.status == 404:
                return False
            raise
        return True

    def _lines(self, *, follow: bool, tail: int | None, since: str | None) -> Iterator[LogLine]:
        """The lines of one answer. A service that is gone has none."""
        try:
            with self._client.stream(
                "GET",
                "services",
                self._service,
                "logs",
                stdout=True,
                stderr=True,
                timestamps=True,
                details=True,
                follow=follow,
                tail="all" if tail is None else tail,
                since=since,
                timeout=_SILENCE,
            ) as answer:
                self._answer = answer
                try:
                    yield from self._assembled(answer)
                except TimeoutError:
                    return  # `_SILENCE` has passed
                finally:
                    self._answer = None
        except RefusedError as error:
            if error.status != 404:
                raise

    def _assembled(self, answer: WireAnswer) -> Iterator[LogLine]:
        assemblers: dict[str, Assembler] = {}
        task = ""
        for stream, data in pieces(answer, tty=self._tty):
            for piece in PIECES.findall(data):
                stamp = STAMPED.match(piece)
                begin = stamp.end() if stamp else 0
                text = piece
                if details := _DETAILS.match(piece, begin):
                    task = _task(details[1].decode())
                    text = piece[:begin] + piece[details.end() :]
                yield from assemblers.setdefault(task, Assembler(task)).feed(stream, text)
        for assembler in assemblers.values():
            yield from assembler.rest()


def _task(details: str) -> str:
    """`com.docker.swarm.node.id=…,com.docker.swarm.task.id=…` → the id of the task."""
    return next((part.removeprefix(_TASK) for part in details.split(",") if part.startswith(_TASK)), "")


def _is_later(line: LogLine, until: str | None) -> bool:
    return until is not None and Decimal(timestamp(line.time, 0) or 0) > Decimal(until)
