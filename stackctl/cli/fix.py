"""`check --fix`: write the corrected files, and show what has changed."""

from __future__ import annotations

from typing import TextIO

from stackctl.checking import Checked, check
from stackctl.cli.whole_file import BOM, replace_file, show_change
from stackctl.fixing import corrected
from stackctl.spec.source.request import StackRequest

_ROUNDS = 5


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
            mark = BOM if written[source.file].startswith(BOM) else b""
            replace_file(paths[source.file], mark + text.encode())
        if not changed:
            break
        now = check(request)
    if _weight(now) >= _weight(first):
        for file, data in written.items():
            if paths[file].read_bytes() != data:
                replace_file(paths[file], data)
        return
    for before, after in zip(first.sources, now.sources, strict=True):
        show_change(before.text, after.text, before.file, "fixed", out)


def _weight(checked: Checked) -> tuple[int, int]:
    """How bad a result is: errors first, then all problems."""
    return sum(problem.severity == "error" for problem in checked.problems), len(checked.problems)
