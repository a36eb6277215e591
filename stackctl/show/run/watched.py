"""What watching tells, as text and as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence

from msgspec import to_builtins

from stackctl.planner.watch import WatchTold
from stackctl.show.run.jsonl import VERSION
from stackctl.show.text.amounts import iso
from stackctl.show.text.safe import one_line


def watched_text(told: WatchTold) -> str:
    """One line; for a hook and a failure, the lines that explain it follow."""
    lines = [one_line(_sentence(told)), *(f"  {one_line(line)}" for line in told.output)]
    return "\n".join(lines)


def watched_json(told: WatchTold, now: float) -> str:
    """One object in one line. What is empty is left out. `now`: seconds since the epoch."""
    fields = {"service": told.service, "files": told.files, "text": told.text, "output": told.output}
    kept: dict[str, object] = {name: to_builtins(value) for name, value in fields.items() if value}
    code = {} if told.exit_code is None else {"exit_code": told.exit_code}
    dry = {"dry_run": True} if told.dry else {}
    head = {"version": VERSION, "ts": iso(now, "milliseconds"), "event": "watch", "what": told.what}
    return json.dumps(head | kept | code | dry)


def some(files: Sequence[str]) -> str:
    """`src/app.py (and 3 more)`."""
    first, *rest = files
    return first + (f" (and {len(rest)} more)" if rest else "")


def _sentence(told: WatchTold) -> str:
    who = f"{told.service}: " if told.service else ""
    files = some(told.files) if told.files else ""
    where = f" in {told.containers} containers" if told.containers > 1 else ""
    because = f" because {files} changed" if files else ""
    would = "would " if told.dry else ""
    match told.what:
        case "sync":
            return f"{who}{'would sync' if told.dry else 'synced'} {files}{where}"
        case "delete":
            return f"{who}{'would delete' if told.dry else 'deleted'} {files}{where}"
        case "rebuild" | "restart":
            return f"{who}{would}{told.what}{because}"
        case "exec":
            ended = "" if told.exit_code is None else f" ended with exit code {told.exit_code}"
            return f"{who}{would or 'exec '}{'run ' if told.dry else ''}{told.text}{ended}"
        case "rebuilt" | "failed" | "note":
            return f"{who}{told.text}"
