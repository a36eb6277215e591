"""The logs of several containers: first the lines of the past, merged by time, then new lines as they come."""

from __future__ import annotations

import heapq
import queue
import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any, Protocol

from msgspec import Struct, field

from stackctl.engine.protocol import LogLine
from stackctl.engine.talk.frames import Frames
from stackctl.engine.talk.log_times import timestamp
from stackctl.engine.transport.client import RefusedError, WireClient
from stackctl.engine.transport.messages import lines
from stackctl.engine.transport.wire import WireAnswer
from stackctl.errors import EngineError
from stackctl.real import real_time

LINE_LIMIT = 1 << 20
"""A line that is longer than this many bytes is cut."""

_SILENCE = 30.0
"""After this many seconds without a line, the engine is asked whether the container still runs: an engine may forget to end
the stream."""
_QUEUE = 10_000
STAMPED = re.compile(rb"(\d{4}-\d\d-\d\dT\S+) ?")
PIECES = re.compile(rb"[^\n]*\n|[^\n]+")


def logs(
    client: WireClient,
    containers: Sequence[str],
    *,
    follow: bool = False,
    restarts: bool = False,
    tail: int | None = None,
    since: str | None = None,
    until: str | None = None,
) -> Iterator[LogLine]:
    """Lines of the containers' logs. `since` and `until` are RFC 3339, seconds since the epoch, or a time ago such as `10m`.
    `tail` is a number of lines for each container.

    With `follow`, the iterator ends when all containers have ended. A container that the engine restarts is followed
    further; with `restarts` also one that anybody starts again, until it is removed. Closing the iterator closes the connections. Raises `UsageError` for a time that cannot be read.
    """
    now = real_time()
    window = {"since": timestamp(since, now), "until": timestamp(until, now)}
    sources = [_Source(client, name, restarts=restarts) for name in containers]
    yield from heapq.merge(*(source.past(tail, **window) for source in sources), key=lambda line: line.time)
    if follow:
        yield from follow_sources([source for source in sources if source.goes_on()], tail, **window)


def pieces(answer: WireAnswer, *, tty: bool) -> Iterator[tuple[str, bytes]]:
    """What an answer holds, each piece with its stream."""
    if tty:  # there are no frames, and a chunk may end within a line
        yield from (("stdout", line + b"\n") for line in lines(answer.chunks(), LINE_LIMIT))
        return
    frames = Frames()
    for chunk in answer.chunks():
        yield from frames.feed(chunk)


class Assembler(Struct):
    """Puts lines together. The engine keeps a long line in pieces of at most 16 KiB, each with its own time."""

    container: str
    _time: str = ""
    _begun: dict[str, tuple[str, bytes]] = field(default_factory=dict)

    def feed(self, stream: str, data: bytes) -> Iterator[LogLine]:
        for piece in PIECES.findall(data):
            stamp = STAMPED.match(piece)
            if stamp:
                self._time = stamp[1].decode()
            begun_at, begun = self._begun.pop(stream, (self._time, b""))
            whole = begun + piece[stamp.end() if stamp else 0 :]
            if whole.endswith(b"\n") or len(whole) >= LINE_LIMIT:
                yield self._line(stream, begun_at, whole)
            else:
                self._begun[stream] = (begun_at, whole)

    def rest(self) -> Iterator[LogLine]:
        for stream, (begun_at, text) in self._begun.items():
            yield self._line(stream, begun_at, text)
        self._begun.clear()

    def _line(self, stream: str, stamped: str, text: bytes) -> LogLine:
        return LogLine(self.container, stream, stamped, text.decode(errors="replace").rstrip("\r\n"))


class Followed(Protocol):
    """Logs that one thread can follow."""

    def future(
        self, stop: threading.Event, tail: int | None, *, since: str | None, until: str | None
    ) -> Iterator[LogLine]:
        """The lines after those that were read before, until no more can come, or until `stop`."""

    def hang_up(self) -> None:
        """End a read that waits in another thread."""


class _Source:
    """One container's log, and how far it has been read."""

    def __init__(self, client: WireClient, container: str, *, restarts: bool = False) -> None:
        self._client = client
        self._restarts = restarts
        self._container = container
        self._tty = bool(self._inspect()["Config"]["Tty"])
        self._last = ""
        self._at_last = 0
        """How many lines with the time `_last` have been read."""
        self._answer: WireAnswer | None = None

    def past(self, tail: int | None, *, since: str | None, until: str | None) -> Iterator[LogLine]:
        return self._read(follow=False, tail=tail, since=since, until=until)

    def future(
        self, stop: threading.Event, tail: int | None, *, since: str | None, until: str | None
    ) -> Iterator[LogLine]:
        """The lines after those of `past`, until the container has ended for good."""
        while not stop.is_set():
            if self._last:
                yield from self._resume(until)
            else:
                yield from self._read(follow=True, tail=0 if tail == 0 else None, since=since, until=until)
            if not self.goes_on():
                yield from self._resume(until, follow=False) if self._last else ()
                return
            stop.wait(0.2)

    def goes_on(self) -> bool:
        """Whether lines may still come."""
        try:
            state = self._inspect()["State"]
        except RefusedError as error:
            if error.status == 404:
                return False
            raise
        return bool(self._restarts or state.get("Running") or state.get("Restarting"))

    def hang_up(self) -> None:
        """End a read that waits in another thread."""
        if answer := self._answer:
            answer.hang_up()

    def _inspect(self) -> Any:
        return self._client.get("containers", self._container, "json")

    def _resume(self, until: str | None, *, follow: bool = True) -> Iterator[LogLine]:
        """The lines after the last line read. The engine's `since` includes its own moment, so lines of that moment are
        counted and left out.
        """
        last, known = self._last, self._at_last
        for line in self._read(follow=follow, tail=None, since=timestamp(last, 0), until=until, count=False):
            if line.time == last and known:
                known -= 1
            elif line.time >= last:
                self._count(line)
                yield line

    def _read(
        self, *, follow: bool, tail: int | None, since: str | None, until: str | None, count: bool = True
    ) -> Iterator[LogLine]:
        """The lines of one answer. A container that is gone, or being removed, has none."""
        try:
            yield from self._lines(follow, tail, since, until, count=count)
        except RefusedError as error:
            if error.status not in (404, 409):
                raise

    def _lines(
        self, follow: bool, tail: int | None, since: str | None, until: str | None, *, count: bool
    ) -> Iterator[LogLine]:
        assembler = Assembler(self._container)
        with self._client.stream(
            "GET",
            "containers",
            self._container,
            "logs",
            stdout=True,
            stderr=True,
            timestamps=True,
            follow=follow,
            tail="all" if tail is None else tail,
            since=since,
            until=until,
            timeout=_SILENCE if follow else None,
        ) as answer:
            self._answer = answer
            try:
                for stream, data in pieces(answer, tty=self._tty):
                    for line in assembler.feed(stream, data):
                        if count:
                            self._count(line)
                        yield line
                yield from assembler.rest()
            except TimeoutError:
                return  # `_SILENCE` has passed
            finally:
                self._answer = None

    def _count(self, line: LogLine) -> None:
        self._at_last = self._at_last + 1 if line.time == self._last else 1
        self._last = line.time


def follow_sources(
    sources: Sequence[Followed], tail: int | None, *, since: str | None, until: str | None
) -> Iterator[LogLine]:
    """Reads each container in its own thread. In the queue, None means that a thread has ended, an exception that it failed."""
    lines: queue.Queue[LogLine | EngineError | None] = queue.Queue(_QUEUE)
    stop = threading.Event()

    def read(source: Followed) -> None:
        try:
            for line in source.future(stop, tail, since=since, until=until):
                lines.put(line)
                if stop.is_set():
                    break
            lines.put(None)
        except EngineError as error:
            lines.put(error)

    threads = [threading.Thread(target=read, args=(source,), daemon=True) for source in sources]
    for thread in threads:
        thread.start()
    left = len(threads)
    try:
        while left:
            match lines.get():
                case None:
                    left -= 1
                case EngineError() as error:
                    raise error
                case LogLine() as line:
                    yield line
    finally:
        stop.set()
        for source, thread in zip(sources, threads, strict=True):
            while thread.is_alive():
                source.hang_up()
                with suppress(queue.Empty):  # a thread may wait until the queue has room
                    lines.get(timeout=0.05)
