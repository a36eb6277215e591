"""Files of this machine: one is written in one step, and where the cache of this user belongs."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path


def replace_file(path: Path, text: str, mode: int = 0o666) -> None:
    """Write a file in one step: a reader never sees a part of it, and a failure leaves it as it was. `mode` is that of a new file,
    less the umask; a file that is there keeps its own. A symbolic link stays, and what it leads to is written.
    """
    path = path.resolve()
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        with os.fdopen(
            os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "w", encoding="utf-8", newline=""
        ) as stream:
            stream.write(text)
        with suppress(FileNotFoundError):
            fresh.chmod(path.stat().st_mode & 0o7777)
        fresh.replace(path)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise


def cache_directory() -> Path:
    """Where the cache of this user belongs (XDG Base Directory Specification: a relative path is not valid). Raises RuntimeError
    if this user has no home.
    """
    said = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(said) if said.startswith("/") else Path.home() / ".cache") / "stackctl"
