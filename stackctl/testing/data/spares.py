"""Copies of snapshots that the server makes while a test runs, for the next test."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from stackctl.errors import EngineError
from stackctl.testing.data.console import Message
from stackctl.testing.data.psql import Psql, name


@dataclass(frozen=True)
class Spare:
    """A copy of a snapshot, which was complete when `original` was asked for."""

    database: str
    original: str
    """The id of the database that it is a copy of; "" if the copy failed."""


@dataclass
class Spares:
    """The copies that one process has ahead, at most one of each snapshot. Safe to share between threads."""

    psql: Psql
    copy: Callable[[str], tuple[str, Sequence[str]]]
    """The name of a new copy of a database, and the statements that ask for the id of that database and then make the copy."""
    _begun: dict[str, tuple[str, Message]] = field(default_factory=dict)
    """By snapshot: the copy, and the statements that were begun."""
    _used: set[str] = field(default_factory=set)
    """The snapshots of which a copy was wanted before."""
    _process: int = field(default_factory=os.getpid)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def take(self, source: str) -> Spare | None:
        """The copy that was made ahead; None if there is none. It belongs to the caller, who has to look whether its original is
        still there.
        """
        with self._lock:
            self._forget_the_parents()
            begun = self._begun.pop(source, None)
        if begun is None:
            return None
        database, told = begun
        try:
            original, *_ = self.psql.finish(told)
        except (EngineError, ValueError):
            original = ""
        return Spare(database, original)

    def prepare(self, source: str) -> None:
        """Begin a copy for the next test, unless this is the first time that somebody wants one: there may be no next test."""
        with self._lock:
            self._forget_the_parents()
            if source in self._used and source not in self._begun:
                database, statements = self.copy(source)
                self._begun[source] = database, self.psql.begin(*statements)
            self._used.add(source)

    def close(self) -> None:
        """Begin to drop all copies: the stack may stay."""
        with self._lock:
            self._forget_the_parents()
            if self._begun:
                self.psql.begin(*(drop(database) for database, _ in self._begun.values()))
            self._begun.clear()

    def _forget_the_parents(self) -> None:
        """In a forked child: leave the copies to the parent."""
        if self._process != os.getpid():
            self._begun, self._process = {}, os.getpid()


def drop(database: str) -> str:
    return f"DROP DATABASE IF EXISTS {name(database)} WITH (FORCE)"
