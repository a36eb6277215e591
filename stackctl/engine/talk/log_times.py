"""Times between which lines of a log are asked for."""

from __future__ import annotations

import re
from datetime import datetime

from stackctl.errors import UsageError

_DURATION = r"(?:\d+(?:\.\d+)?(?:ms|s|m|h|d|w))+"
_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


def timestamp(text: str | None, now: float) -> str | None:
    """The time in the form that the API takes: seconds since the epoch with nine decimals. Raises `UsageError`."""
    if text is None or re.fullmatch(r"\d+(\.\d+)?", text):
        return text
    if re.fullmatch(_DURATION, text):
        ago = sum(float(number) * _SECONDS[unit] for number, unit in re.findall(r"([\d.]+)([a-z]+)", text))
        return f"{now - ago:.9f}"
    try:
        whole = int(datetime.fromisoformat(text).timestamp())
    except ValueError as error:
        raise UsageError(
            f"{text!r} is not a time", 'write "10m" (ago), "2030-01-31T12:00:00Z" or seconds since the epoch'
        ) from error
    fraction = re.search(r"[.,](\d+)", text)
    return f"{whole}.{(fraction[1] if fraction else '')[:9]:0<9}"
