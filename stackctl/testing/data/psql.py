"""One `psql` that keeps running in the container of a Postgres. So this machine needs no driver, no published port and no password."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from stackctl.errors import EngineError
from stackctl.testing.data.console import Console, Message

_PATIENCE = 60.0
"""Seconds that the statements of one call may take."""


@dataclass
class Psql:
    """Runs statements, one after the other. Safe to share between threads."""

    service: str
    console: Console

    def run(self, *statements: str, again: bool = False) -> list[str]:
        """Run the statements and return their rows. One that fails does not stop the others. Raises EngineError for the first failure.

        `again`: the statements may be run twice. They are, if the server was started again since the last call.
        """
        return self._rows(self.console.ask(_script(statements), _PATIENCE, again=again))

    def begin(self, *statements: str) -> Message:
        """Begin to run the statements. The server does so while this process does something else. Raises nothing."""
        return self.console.tell(_script(statements))

    def finish(self, told: Message) -> list[str]:
        """Wait until statements that were begun have run, and return their rows. Raises EngineError as `run` does."""
        return self._rows(self.console.answer(told, _PATIENCE))

    @cached_property
    def copies_files(self) -> bool:
        """Whether CREATE DATABASE should copy files instead of writing a log of every page. Without `fsync` that is faster. Before
        Postgres 15 there was nothing else.
        """
        asked = (
            "SELECT current_setting('server_version_num')::int >= 150000 AND current_setting('fsync') = 'off'"
        )
        return self.run(asked, again=True) == ["t"]

    def _rows(self, answer: str) -> list[str]:
        rows, failed = [], ""
        for line in answer.splitlines():
            if not line.startswith(_DONE):
                rows.append(line)
            elif line.startswith(f"{_DONE} true") and not failed:
                failed = line.removeprefix(f"{_DONE} true ")
        if failed:
            raise EngineError(f"{self.service}: {failed}")
        return rows


_DONE = f"done-{secrets.token_hex(4)}"
"""What `psql` writes after each statement: whether it failed, and why. No row begins so."""


def _script(statements: Sequence[str]) -> str:
    return "".join(
        f"{each};\n\\echo {_DONE} :ERROR :LAST_ERROR_MESSAGE\n" if each[0] != "\\" else f"{each}\n"
        for each in statements
    )


def name(name: str) -> str:
    """A name, quoted for a statement."""
    return '"' + name.replace('"', '""') + '"'


def text(text: str) -> str:
    """A text, quoted for a statement."""
    return "'" + text.replace("'", "''") + "'"
