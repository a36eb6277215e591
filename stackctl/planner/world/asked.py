"""What an engine tells of one image, one container or one path when it is asked about that alone."""

from __future__ import annotations

import stat
from collections.abc import Mapping

from msgspec import Struct


class ObservedImage(Struct, frozen=True, kw_only=True):
    """An image that is here. `size` in bytes, times in seconds since the epoch."""

    id: str
    tags: tuple[str, ...] = ()
    size: int = 0
    created: float = 0.0
    tagged: float = 0.0
    """When it got its last tag here; 0 if the engine does not know."""
    platform: str = ""
    """`linux/amd64`, `linux/arm64/v8`."""


class Processes(Struct, frozen=True):
    """The processes of a running container: the titles of the columns, and a row for each process."""

    titles: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


class Counters(Struct, frozen=True, kw_only=True):
    """The counters of a container at one moment. Amounts are bytes. All but `memory`, `limit` and `pids` count since
    the container's start.
    """

    at: float
    """Seconds since the epoch, on the engine's clock."""
    cpu: float = 0.0
    """Seconds of all processors together."""
    memory: int = 0
    """Without the page cache that is not in use."""
    limit: int = 0
    received: int = 0
    sent: int = 0
    read: int = 0
    written: int = 0
    pids: int = 0

    def cpu_percent(self, before: Counters) -> float:
        """How busy it kept one processor since an earlier moment; two busy processors are 200."""
        passed = self.at - before.at
        return max(0.0, (self.cpu - before.cpu) / passed * 100) if passed > 0 else 0.0

    @property
    def memory_percent(self) -> float:
        """Of its limit."""
        return self.memory / self.limit * 100 if self.limit else 0.0


class Happened(Struct, frozen=True):
    """What happened to a container. `time` is RFC 3339 with nanoseconds, `action` the engine's word: `start`, `die`."""

    time: str
    action: str
    container: str
    """The container's id."""
    attributes: Mapping[str, str]
    """Its labels, `name`, `image`, and what belongs to the action: `exitCode`, `signal`."""


class Path(Struct, frozen=True):
    """A file or directory of a container. `mode` is that of stat(2), with the type."""

    name: str
    mode: int
    link: str = ""
    """Where it leads if it is a symbolic link."""

    @property
    def is_directory(self) -> bool:
        return stat.S_ISDIR(self.mode)

    @property
    def is_link(self) -> bool:
        return stat.S_ISLNK(self.mode)
