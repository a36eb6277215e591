"""The timeline of the last run of each project, in the user's cache directory.

It may be lost at any time, and nothing depends on it: a file that cannot be written, is missing or damaged is no error.
"""

from __future__ import annotations

from contextlib import suppress
from hashlib import sha256
from pathlib import Path

import msgspec

from stackctl.engine.files import cache_directory, replace_file
from stackctl.engine.lock import own_directory
from stackctl.errors import LockedError
from stackctl.planner.steps.timeline import Timeline

_KEPT = 50
"""The runs of so many projects are kept."""


def remember(engine_id: str, run: Timeline) -> None:
    """Keep the timeline of a run, in the place of the one before, and forget the oldest of other projects."""
    with suppress(OSError, RuntimeError, LockedError):
        path = _file(engine_id, run.project)
        replace_file(path, msgspec.json.encode(run, enc_hook=str).decode(), mode=0o600)
        _forget_oldest(path.parent)


def recall(engine_id: str, project: str) -> Timeline | None:
    """The timeline of the last run of a project on an engine, if it is remembered."""
    with suppress(OSError, RuntimeError, LockedError, UnicodeDecodeError, msgspec.DecodeError):
        return msgspec.json.decode(_file(engine_id, project).read_bytes(), type=Timeline)
    return None


def _file(engine_id: str, project: str) -> Path:
    """The file of a project's last run. Raises RuntimeError if this user has no home, LockedError if others can write there."""
    name = sha256(f"{engine_id}\0{project}".encode()).hexdigest()[:32]
    return own_directory(own_directory(cache_directory()) / "runs") / f"{name}.json"


def _forget_oldest(directory: Path) -> None:
    files = [path for path in directory.iterdir() if path.suffix == ".json"]
    if len(files) > _KEPT:
        files.sort(key=lambda path: path.stat().st_mtime)
        for path in files[:-_KEPT]:
            path.unlink(missing_ok=True)
