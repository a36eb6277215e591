"""The faults: what can happen to a call that writes, on its way to the engine or on the way back."""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus

from proxy import Exchange, RecordingProxy, Request

Kill = Callable[[], None]
"""Kills the client, with SIGKILL."""
Fault = Callable[[Exchange, Kill], None]


def _killed_before(exchange: Exchange, kill: Kill) -> None:
    kill()


def _killed_after(exchange: Exchange, kill: Kill) -> None:
    exchange.engine_answers()
    kill()


def _refused(status: int) -> Fault:
    def refuse(exchange: Exchange, kill: Kill) -> None:
        exchange.drop()
        exchange.answer(_http(status, json.dumps({"message": f"{HTTPStatus(status).phrase}, says a fault"})))

    return refuse


def _not_http(exchange: Exchange, kill: Kill) -> None:
    exchange.drop()
    exchange.answer(b"220 mail.example.com ESMTP\r\n\r\n")


def _not_json(exchange: Exchange, kill: Kill) -> None:
    exchange.drop()
    exchange.answer(_http(200, "<html>Please log in to use this network</html>"))


def _cut_off(exchange: Exchange, kill: Kill) -> None:
    exchange.answer(exchange.engine_answers()[:-10])


def _stalled(exchange: Exchange, kill: Kill) -> None:
    exchange.engine_answers()
    exchange.await_hang_up()


def _lost(exchange: Exchange, kill: Kill) -> None:
    exchange.engine_answers()


FAULTS: dict[str, Fault] = {
    "killed before": _killed_before,
    "killed after": _killed_after,
    "500": _refused(500),
    "409": _refused(409),
    "404": _refused(404),
    "503": _refused(503),
    "not HTTP": _not_http,
    "not JSON": _not_json,
    "cut off": _cut_off,
    "stalled": _stalled,
    "lost": _lost,
}
"""By name. What is killed, cut off, stalled or lost after the engine has answered did happen; what is refused, or answered with
something that no engine says, did not.
"""
KILLS = ("killed before", "killed after")


@contextmanager
def at(proxy: RecordingProxy, number: int, fault: Fault, kill: Kill) -> Iterator[list[Request]]:
    """While this lasts, the `number`th call that writes meets the fault. Gives the call, once it has."""
    count, met = itertools.count(1), list[Request]()

    def meet(request: Request) -> Callable[[Exchange], None] | None:
        if not request.writes or next(count) != number:
            return None
        met.append(request)
        return lambda exchange: fault(exchange, kill)

    proxy.instead = meet
    try:
        yield met
    finally:
        proxy.instead = lambda _: None


@contextmanager
def after(proxy: RecordingProxy, seconds: float, kill: Kill) -> Iterator[list[Request]]:
    """The client is killed after that time. Gives the last call before that."""
    met = list[Request]()

    def strike() -> None:
        met.extend(proxy.requests[-1:])
        kill()

    timer = threading.Timer(seconds, strike)
    timer.start()
    try:
        yield met
    finally:
        timer.cancel()


def _http(status: int, body: str) -> bytes:
    kind = "application/json" if body.startswith("{") else "text/html"
    head = f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}"
    return f"{head}\r\nConnection: close\r\n\r\n{body}".encode()
