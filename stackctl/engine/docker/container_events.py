"""The engine's events: who waits for a container sleeps until something happens to that container."""

from __future__ import annotations

import threading
import time
from collections import Counter
from contextlib import suppress

from stackctl.engine.transport.client import WireClient, objects
from stackctl.engine.transport.wire import WireAnswer
from stackctl.errors import EngineError

_RETRY = 1.0
"""Seconds to wait before listening again after the stream broke."""
_EVENTS = ("create", "start", "die", "oom", "kill", "stop", "restart", "health_status", "destroy")


class Events:
    """Counts the events of each container. Listens in its own thread, from the first call of `count` until `close()`.

    Events may be missed while the stream is broken: every wait needs a limit.
    """

    def __init__(self, client: WireClient) -> None:
        self._client = client
        self._counts: Counter[str] = Counter()
        self._happened = threading.Condition()
        self._closed = threading.Event()
        self._answer: WireAnswer | None = None
        self._thread: threading.Thread | None = None

    def count(self, container: str) -> int:
        """How many events this container had. `container` is an id or a name."""
        with self._happened:
            if self._thread is None:
                self._thread = threading.Thread(target=self._listen, name="stackctl-events", daemon=True)
                self._thread.start()
            return self._counts[container]

    def wait(self, container: str, seen: int, seconds: float) -> None:
        """Return when the container has had more than `seen` events, or after that time."""
        with self._happened:
            self._happened.wait_for(lambda: self._counts[container] > seen, timeout=seconds)

    def wake(self, container: str) -> None:
        """End the waits for this container, just as an event ends them."""
        self._note(container, "")

    def close(self) -> None:
        self._closed.set()
        if self._thread is None:
            return
        deadline = time.monotonic() + 1
        while self._thread.is_alive() and time.monotonic() < deadline:
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

    def _note(self, container: str, name: str) -> None:
        with self._happened:
            self._counts.update((container, name))
            self._happened.notify_all()
