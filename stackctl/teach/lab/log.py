"""The log of a lab: a line of JSON for each thing that the student does. Each line seals the lines before it, so that a line that
is changed or taken out is noticed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal

import msgspec
from msgspec import Struct

NAME = "lab.jsonl"


class Entry(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What happened. `at` is the time, in UTC. `mistake` is the number of the mistake that a hint is about, from 0 on."""

    at: datetime
    event: Literal["start", "hint", "check"]
    lab: int = 0
    student: str = ""
    seed: str = ""
    mistake: int | None = None
    level: int = 0
    repaired: int = 0
    whole: bool = False
    ran: bool = False
    goals: Mapping[str, bool] = {}
    seal: str = ""


class Log(Struct, frozen=True):
    """The entries of a log. `intact`: no line was changed or taken out from among the others."""

    entries: tuple[Entry, ...]
    intact: bool

    @property
    def start(self) -> Entry:
        return self.entries[0]

    @property
    def hints(self) -> Sequence[Entry]:
        return [each for each in self.entries if each.event == "hint"]

    @property
    def checks(self) -> Sequence[Entry]:
        return [each for each in self.entries if each.event == "check"]

    @property
    def minutes(self) -> float:
        """The time from the start to the first check that found everything repaired, else to the last entry."""
        last = next((each for each in self.checks if each.whole), self.entries[-1])
        return (last.at - self.start.at).total_seconds() / 60


def log_line(entry: Entry, before: str) -> str:
    """The line of an entry. `before` is the text of the log so far."""
    sealed = msgspec.structs.replace(entry, seal=_seal(before, entry))
    return msgspec.json.encode(sealed).decode() + "\n"


def read_log(text: str) -> Log | None:
    """The log of a text; None if it is not the log of a lab."""
    entries: list[Entry] = []
    intact, before = True, ""
    for each in text.splitlines(keepends=True):
        try:
            entry = msgspec.json.decode(each, type=Entry)
        except msgspec.MsgspecError:
            intact = False
            continue
        intact = intact and entry.seal == _seal(before, entry)
        entries.append(entry)
        before += each
    if not entries or entries[0].event != "start":
        return None
    return Log(tuple(entries), intact)


def _seal(before: str, entry: Entry) -> str:
    bare = msgspec.json.encode(msgspec.structs.replace(entry, seal=""))
    return hashlib.sha256(before.encode() + bare).hexdigest()[:12]
