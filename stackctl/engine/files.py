"""Files of this machine: one is written in one step, and where the cache of this user belongs."""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from pathlib import Path


def replace_file(path: Path, text: str, mode: int = 0o666) -> None:
    """Write a file in one step: a reader never sees a part of it, and a failure leaves it as it was. `mode` is that of a new file,
    less the umask; a file of this user that is there keeps its own. A symbolic link stays, and what it leads to is written.

    Raises PermissionError for a link that another user may have put there.
    """
    refuse_planted(path)
    path = path.resolve()
    fresh = path.with_name(f".{path.name}.{os.urandom(6).hex()}")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as stream:
            stream.write(text)
        with suppress(FileNotFoundError):
            before = path.stat()
            if before.st_uid == os.geteuid():
                fresh.chmod(before.st_mode & 0o7777)
        fresh.replace(path)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise


def refuse_planted(path: Path) -> None:
    """Raise PermissionError for a link in a directory where others write, unless the link is of this user or of the directory's owner
    (as Linux does if `fs.protected_symlinks` is set: proc(5)).
    """
    if not path.is_symlink():
        return
    link, directory = path.lstat(), path.parent.stat()
    if directory.st_mode & 0o022 and link.st_uid not in (os.geteuid(), directory.st_uid):
        raise PermissionError(errno.EACCES, "another user has put a link there", str(path))


def cache_directory() -> Path:
    """Where the cache of this user belongs (XDG Base Directory Specification: a relative path is not valid). Raises RuntimeError
    if this user has no home.
    """
    said = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(said) if said.startswith("/") else Path.home() / ".cache") / "stackctl"
