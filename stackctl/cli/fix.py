"""`check --fix`: write the corrected files, and show what has changed."""

from __future__ import annotations

import difflib
import os
import tempfile
from pathlib import Path
from typing import TextIO

from stackctl.checking import Checked, check
from stackctl.fixing import corrected
from stackctl.show.text.safe import clean
from stackctl.spec.source.request import StackRequest

_ROUNDS = 5
_BOM = b"\xef\xbb\xbf"


def fix_files(request: StackRequest, out: TextIO) -> None:
    """Correct the stack's files, and show the change of each on `out`. If they would be no better, they are left as they were.

    One correction may show the next mistake: a misspelt table hides what is in it.
    """
    first = now = check(request)
    paths = {source.file: request.directory / source.file for source in first.sources}
    written = {file: path.read_bytes() for file, path in paths.items() if path.is_file()}
    for _ in range(_ROUNDS):
        changed = [
            (source, corrected(source, now.problems)) for source in now.sources if source.file in written
        ]
        changed = [(source, text) for source, text in changed if text != source.text]
        for source, text in changed:
            mark = _BOM if written[source.file].startswith(_BOM) else b""
            _replace(paths[source.file], mark + text.encode())
        if not changed:
            break
        now = check(request)
    if _weight(now) >= _weight(first):
        for file, data in written.items():
            if paths[file].read_bytes() != data:
                _replace(paths[file], data)
        return
    for before, after in zip(first.sources, now.sources, strict=True):
        lines = (before.text.splitlines(), after.text.splitlines())
        for line in difflib.unified_diff(*lines, before.file, f"{before.file} (fixed)", lineterm="", n=1):
            print(clean(line), file=out)


def _weight(checked: Checked) -> tuple[int, int]:
    """How bad a result is: errors first, then all problems."""
    return sum(problem.severity == "error" for problem in checked.problems), len(checked.problems)


def _replace(path: Path, data: bytes) -> None:
    """Write a file as a whole, or not at all. A symbolic link stays one, and the file keeps its mode."""
    target = path.resolve()
    handle, name = tempfile.mkstemp(dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
        Path(name).chmod(target.stat().st_mode & 0o7777)
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink()
        raise
