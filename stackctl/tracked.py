"""Ask git which files it tracks."""

from __future__ import annotations

import subprocess
from collections.abc import Collection
from pathlib import Path

_SECONDS = 5


def tracked(paths: Collection[Path]) -> frozenset[Path]:
    """Those of these files that git has in its index. None if git is not installed, or if there is no repository.

    No program that the repository names is run: `core.fsmonitor` is one.
    """
    return frozenset(path for path in paths if path.is_file() and _is_tracked(path))


def _is_tracked(path: Path) -> bool:
    if not any((folder / ".git").exists() for folder in path.parents):
        return False
    command = ["git", "-c", "core.fsmonitor=false", "ls-files", "--error-unmatch", "--", path.name]
    try:
        done = subprocess.run(command, cwd=path.parent, capture_output=True, check=False, timeout=_SECONDS)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
