"""The engine's events: who waits for a container sleeps until something happens to that container."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from stackctl.engine.transport.client import WireClient, objects
from stackctl.engine.transport.wire import WireAnswer
from stackctl.errors import EngineError
from stackctl.real import monotonic

_RETRY = 1.0
"""Seconds to wait before listening again after the stream broke."""
_LEAVING = 1.0
"""Seconds that the listener has to end."""
_EVENTS = ("create", "start", "die", "oom", "kill", "stop", "restart", "health_status", "destroy")


class Events:
    """Counts the events of each container, in a thread that lives while somebody is in `listening`.

    Events may be missed while the stream is broken: every wait needs a limit.
    """

    def __init__(self, client: WireClient) -> None:
        self._client = client
        self._counts: Counter[str] = Counter()
        self._happened = threading.Condition()
        self._door = threading.Lock()
        self._inside = 0
        self._listener: _Listener | None = None

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Listen to the engine. The first that comes starts the listener, the last that goes ends it."""
        with self._door:
            self._inside += 1
            if self._listener is None:
                self._listener = _Listener(self._client, self._count)
        try:
            yield
        finally:
            with self._door:
                self._inside -= 1
                if not self._inside and self._listener:
                    self._listener.close()
                    self._listener = None

    def count(self, container: str) -> int:
        """How many events this container had. `container` is an id or a name."""
        with self._happened:
            return self._counts[container]

    def wait(self, container: str, seen: int, seconds: float) -> None:
        """Return when the container has had more than `seen` events, or after that time."""
        with self._happened:
            self._happened.wait_for(lambda: self._counts[container] > seen, timeout=seconds)

    def wake(self, container: str) -> None:
        """End the waits for this container, just as an event ends them."""
        self._count(container)

    def _count(self, *names: str) -> None:
        with self._happened:
            self._counts.update(names)
            self._happened.notify_all()


class _Listener:
    """Reads the engine's events in its own thread, until `close`. `note` takes the id and the name of each event's container."""

    def __init__(self, client: WireClient, note: Callable[[str, str], None]) -> None:
        self._client = client
        self._note = note
        self._closed = threading.Event()
        self._answer: WireAnswer | None = None
        self._thread = threading.Thread(target=self._listen, name="stackctl-events", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._closed.set()
        deadline = monotonic() + _LEAVING
        while self._thread.is_alive() and monotonic() < deadline:
            if answer := self._answer:
                answer.hang_up()
            self._thread.join(0.02)

    def _listen(self) -> None:
        filters = {"type": ["container"], "event": list(_EVENTS)}
        while not self._closed.is_set():
            with (
                suppress(EngineError, ValueError),
                self._client.stream("GET", "events", filters=filters) as answer,
            ):
                self._answer = answer
                for event in objects(answer):
                    actor = event.get("Actor") or {}
                    self._note(actor.get("ID", ""), (actor.get("Attributes") or {}).get("name", ""))
            self._answer = None
            self._closed.wait(_RETRY)
