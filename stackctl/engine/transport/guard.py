"""Sockets in a process that guards them: pytest-socket, for one, lets tests connect only to the hosts that it is told."""

from __future__ import annotations

import _socket
import socket
from collections.abc import Iterator
from contextlib import contextmanager


class GuardedError(OSError):
    """The guard does not let this connection through."""


def sockets_are_guarded() -> bool:
    """Whether something stands in the place of Python's own sockets, or of their `connect`."""
    return socket.socket.__module__ != "socket" or socket.socket.connect is not _socket.socket.connect


@contextmanager
def refusals() -> Iterator[None]:
    """Turn the refusal of a guard into an OSError. It is a RuntimeError, or its warning where warnings are errors."""
    try:
        yield
    except (RuntimeError, UserWarning) as error:
        if not sockets_are_guarded():
            raise
        raise GuardedError(str(error)) from None
