"""What is remembered of the checkouts that have a stack of their own: the name of the project, and its host ports.

It is a cache: labels on the engine tell the rest, and what is lost is chosen again. So a file that is missing, damaged or cannot be
written is no error.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from copy import deepcopy
from pathlib import Path

from msgspec import DecodeError, Struct, field, json

from stackctl.engine.files import cache_directory, replace_file
from stackctl.engine.lock import held, own_directory
from stackctl.errors import LockedError

_FILE = "checkouts.json"


class Checkout(Struct, kw_only=True):
    """A stack that belongs to one directory."""

    engine: str
    name: str
    """The name that the stack's file gives the project."""
    directory: str
    project: str
    ports: dict[str, int] = {}
    """Host ports by service and port: `db 5432/tcp`."""


class Remembered(Struct):
    checkouts: list[Checkout] = field(default_factory=list)
    version: int = 1

    def of(self, engine: str, name: str, directory: str) -> Checkout | None:
        """What is remembered of the stack of that name in that directory."""
        wanted = (engine, name, directory)
        return next((c for c in self.checkouts if (c.engine, c.name, c.directory) == wanted), None)

    def has(self, engine: str, project: str, directory: str) -> bool:
        """Whether another directory has a project of that name."""
        return any(
            (c.engine, c.project) == (engine, project) and c.directory != directory for c in self.checkouts
        )

    def ports(self) -> set[int]:
        """The host ports of all checkouts on all engines: engines of one machine share them."""
        return {port for checkout in self.checkouts for port in checkout.ports.values()}


@contextmanager
def remembered() -> Iterator[Remembered]:
    """What is remembered, which nobody else changes meanwhile. What has changed at the end of the block is written. Directories that
    are gone are forgotten then.
    """
    with ExitStack() as lock:
        path: Path | None = None
        with suppress(OSError, RuntimeError, LockedError):
            directory = own_directory(cache_directory())
            lock.enter_context(held(directory / f"{_FILE}.lock"))
            path = directory / _FILE
        memory = _read(path) if path else Remembered()
        before = deepcopy(memory)
        yield memory
        if path and memory != before:
            memory.checkouts = [c for c in memory.checkouts if Path(c.directory).is_dir()]
            with suppress(OSError):
                replace_file(
                    path, json.format(json.encode(memory, enc_hook=str), indent=1).decode(), mode=0o600
                )


def _read(path: Path) -> Remembered:
    with suppress(OSError, DecodeError, UnicodeDecodeError):
        return json.decode(path.read_bytes(), type=Remembered)
    return Remembered()
