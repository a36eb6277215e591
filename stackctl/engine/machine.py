"""What this machine says, where it may be the reason that an engine or a stack does not work."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Literal

from stackctl.engine.lock import holders
from stackctl.errors import LockedError
from stackctl.planner.doctor import Disk, Held, Machine

_RESOLVERS = Path("/etc/resolv.conf")
_RESOLVERS_OF_SYSTEMD = Path("/run/systemd/resolve/resolv.conf")
"""The engine takes this file if the other one names only the server of systemd (moby, libnetwork/resolvconf)."""
_SERVER_OF_SYSTEMD = "127.0.0.53"
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY")


def machine(
    *,
    root: str,
    takes_resolvers: bool,
    chosen: str,
    others: tuple[str, ...],
    environ: Mapping[str, str] = os.environ,
) -> Machine:
    """`root`: the directory of the engine's data, "" if they are on another machine. `takes_resolvers`: containers ask the name servers
    of this machine. `chosen` and `others`: what names the engine, and what does not count.
    """
    return Machine(
        chosen=chosen,
        passed_over=others,
        disk=_disk(root) if root else None,
        proxies=tuple(name for name in _PROXIES if environ.get(name) or environ.get(name.lower())),
        resolvers=_resolvers() if takes_resolvers else None,
        locks=_locks(),
    )


def _disk(root: str) -> Disk | None:
    try:
        found = os.statvfs(root)
    except OSError:
        return None
    return Disk(
        free=found.f_bavail * found.f_frsize,
        total=found.f_blocks * found.f_frsize,
        inodes=found.f_favail / found.f_files if found.f_files else 1.0,
    )


def _resolvers() -> tuple[str, ...] | None:
    found = _name_servers(_RESOLVERS)
    return _name_servers(_RESOLVERS_OF_SYSTEMD) if found == (_SERVER_OF_SYSTEMD,) else found


def _name_servers(file: Path) -> tuple[str, ...] | None:
    """The servers that the file names (resolv.conf(5)); None if it cannot be read."""
    try:
        lines = [line.split() for line in file.read_text().splitlines()]
    except OSError:
        return None
    return tuple(words[1] for words in lines if len(words) > 1 and words[0] == "nameserver")


def _locks() -> tuple[Held, ...]:
    with suppress(OSError, LockedError):
        return tuple(
            Held(project=project, pid=pid, words=words, state=_state(pid))
            for project, pid, words in holders()
        )
    return ()


def _state(pid: int) -> Literal["alive", "stopped", "gone"]:
    """What a process does (proc(5), /proc/PID/stat). Where there is no /proc, it only is or is not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return "gone"
    except PermissionError:
        return "alive"
    with suppress(OSError):
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        return {"T": "stopped", "t": "stopped", "Z": "gone"}.get(state, "alive")  # type: ignore[return-value]
    return "alive"
