"""One writer for each project: a file lock, which the kernel frees however its holder ends."""

from __future__ import annotations

import fcntl
import json
import os
import re
import stat
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from stackctl.errors import CancelledError, LockedError
from stackctl.real import monotonic, real_files, real_time

_POLL = 0.1


@contextmanager
def lock(
    engine_id: str,
    project: str,
    *,
    timeout: float = 60.0,
    command: str = "",
    waiting: Callable[[str], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Iterator[None]:
    """Hold the lock of the project on this engine. It does not keep out other users and other hosts.

    Waits up to `timeout` seconds. `waiting` is called with words about the holder, again for each new holder. `command`
    is what others are told about this process. Raises `LockedError`, which names the holder; `CancelledError` if
    `cancelled()` while it waits.
    """
    path = _directory() / f"{_safe(engine_id)}-{_safe(project)}.lock"
    handle = _open(path)
    try:
        _acquire(handle, project, timeout, waiting or (lambda _: None), cancelled or (lambda: False))
        me = {"pid": os.getpid(), "command": command, "since": int(real_time())}
        _write(handle, {**me, "project": project})
        try:
            yield
        finally:
            _write(handle, {})
    finally:
        os.close(handle)  # a closed file is unlocked


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Hold the lock of that file, which one thread of one process can hold. Waits without a limit."""
    with _opened(path) as handle:
        with real_files():
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


@contextmanager
def held_by_one(path: Path) -> Iterator[None]:
    """The first caller holds the lock of that file. The others wait until the first is done, then all go on at once."""
    with held_if_free(path) as first:
        if not first:
            with _opened(path) as handle, real_files():
                fcntl.flock(handle, fcntl.LOCK_SH)
        yield


@contextmanager
def held_if_free(path: Path) -> Iterator[bool]:
    """Yields True and holds the lock of that file if nobody holds it; else yields False."""
    with _opened(path) as handle:
        try:
            with real_files():
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    """The file, open for a block: the block may be that of a test which fakes files."""
    with real_files():
        handle = _open(path)
    try:
        yield handle
    finally:
        with real_files():
            os.close(handle)


def claims_file() -> int:
    """The open file whose bytes `claims` locks. Closing any handle of it frees the locks of this process."""
    return _open(_directory() / "claims")


def _open(path: Path) -> int:
    with _told(path):
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Say what cannot be made, and what to do: a disk may be full or read-only."""
    try:
        yield
    except OSError as error:
        raise LockedError(
            f"no lock without {path}: {error.strerror}",
            "make it possible to write there, or set XDG_RUNTIME_DIR (or TMPDIR) to another directory of yours",
        ) from error


def _acquire(
    handle: int, project: str, timeout: float, waiting: Callable[[str], None], cancelled: Callable[[], bool]
) -> None:
    deadline = monotonic() + timeout
    told = ""
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = _holder(handle)
        else:
            return
        if cancelled():
            raise CancelledError(f"interrupted while project {project} is held by {holder}")
        left = deadline - monotonic()
        if left <= 0:
            raise LockedError(
                f"project {project} is held by {holder}",
                "wait for it to end, or give more time: --lock-timeout",
            )
        if holder != told:
            told = holder
            waiting(holder)
        time.sleep(min(_POLL, left))


def _write(handle: int, content: dict[str, object]) -> None:
    """Tell others. On a full disk they learn less; the lock itself needs no room."""
    with suppress(OSError):
        os.ftruncate(handle, 0)
        os.pwrite(handle, json.dumps(content).encode(), 0)


def _holder(handle: int) -> str:
    """The holder, as the lock's file says."""
    content = _content(handle)
    return _words(content) if content else "another run"


def _content(handle: int) -> Mapping[str, Any]:
    """What the holder has written; nothing for a moment between two holders, and if it cannot be read."""
    try:
        content = json.loads(os.pread(handle, 4096, 0))
        return {"project": "", **content} if isinstance(content["pid"], int) and _words(content) else {}
    except (ValueError, KeyError, TypeError, OverflowError):
        return {}


def _words(content: Mapping[str, Any]) -> str:
    since = time.strftime("%H:%M:%S", time.localtime(content["since"]))
    return f"process {content['pid']} ({content['command'] or 'stackctl'}), since {since}"


def _safe(text: str) -> str:
    """The text, made safe as a part of a file's name. Most ids and all project names stay as they are."""
    return re.sub(r"[^A-Za-z0-9_.]", lambda found: f"-{ord(found[0]):x}-", text)[:100]


def _directory() -> Path:
    """The directory of locks, which only this user can write. Raises `LockedError` if others can write there too."""
    for runtime in _runtime_directories():
        if os.access(runtime, os.W_OK | os.X_OK):
            return own_directory(Path(runtime) / "stackctl")
    import tempfile

    return own_directory(Path(tempfile.gettempdir()) / f"stackctl-{os.getuid()}")


def own_directory(directory: Path) -> Path:
    """Make the directory if it is missing. Raises `LockedError` if others can write there."""
    with _told(directory), suppress(FileExistsError):  # something else may stand there, which is told below
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = directory.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o022:
        raise LockedError(
            f"{directory} is not a directory of this user alone",
            "remove it, or set XDG_RUNTIME_DIR (or TMPDIR) to a directory that is",
        )
    return directory


def _runtime_directories() -> list[str]:
    """Where the runtime files of this user belong (XDG Base Directory Specification).

    A system service has no XDG_RUNTIME_DIR. It must find the same directory as a login of the same user, so the usual
    directory is taken then.
    """
    uid = os.getuid()
    said = os.environ.get("XDG_RUNTIME_DIR")
    usual = f"/run/user/{uid}"
    if uid == 0 and said in (None, usual):
        return ["/run"]
    return [said or usual]


def holders() -> Iterator[tuple[str, int, str]]:
    """The projects that are held now, on any engine: each with the number of the process, and words about it."""
    for path in sorted(_directory().glob("*.lock")):
        with suppress(OSError, LockedError), _opened(path) as handle:
            content = _content(handle)
            if content.get("project") and _is_held(handle):
                yield content["project"], content["pid"], _words(content)


def _is_held(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False
