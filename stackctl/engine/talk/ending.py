"""Wait until the main processes of containers end."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import ExitStack
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any, Literal

from stackctl.engine.transport.client import WireClient
from stackctl.engine.transport.wire import WireAnswer
from stackctl.errors import EngineError


class Endings:
    """Listens for the ends of containers, from now on.

    `condition`: `not-running` counts a container that has ended already; `next-exit` only an end that comes; `removed` the
    removal after the end.
    """

    def __init__(
        self,
        client: WireClient,
        containers: Sequence[str],
        condition: Literal["not-running", "next-exit", "removed"] = "not-running",
    ) -> None:
        self._client = client
        self._ended: SimpleQueue[tuple[str, int | EngineError]] = SimpleQueue()
        self._answers = ExitStack()
        for container in containers:
            place = ("containers", container, "wait")
            answer = self._answers.enter_context(
                client.stream("POST", *place, head_timeout=client.answer_timeout, condition=condition)
            )
            Thread(target=self._listen, args=(container, answer), daemon=True).start()

    def next(self, seconds: float | None = None) -> tuple[str, int] | None:
        """The container that ends next, and its exit code; None if none ends in that time (None: no limit). Raises EngineError
        if the engine does not tell it.
        """
        try:
            container, code = self._ended.get(timeout=seconds)
        except Empty:
            return None
        if isinstance(code, EngineError):
            raise code
        return container, code

    def _listen(self, container: str, answer: WireAnswer) -> None:
        told: dict[str, Any] = {}
        try:
            with self._client.errors():
                told = json.loads(answer.read() or b"{}")
        except EngineError as error:
            self._ended.put((container, error))
            return
        except ValueError:
            pass  # an answer that is cut tells no exit code
        failure = (told.get("Error") or {}).get("Message", "")
        if failure or "StatusCode" not in told:
            message = f"the engine does not tell how {container} ended: {failure or 'no exit code'}"
            self._ended.put((container, EngineError(message)))
        else:
            self._ended.put((container, int(told["StatusCode"])))
