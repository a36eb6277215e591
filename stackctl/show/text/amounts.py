"""Names, amounts, times and lengths of time as people read them, the same in every renderer."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from stackctl.show.text.safe import one_line


def quoted(name: str) -> str:
    """A name; in quotes if it does not look like one word. A name that the engine made up (64 digits) is cut to 12."""
    name = re.sub(r"^([0-9a-f]{12})[0-9a-f]{52}$", r"\1", one_line(name))
    return name if re.fullmatch(r"[^\s\"',;()]+", name) else '"' + name.replace('"', '\\"') + '"'


def counted(number: int, one: str, many: str = "") -> str:
    """`1 error`, `2 errors`."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def duration(seconds: float) -> str:
    """A length of time as one reads it: `0.4 s`, `12.0 s`, `2 m 05 s`, `1 h 02 m`."""
    tenths = max(0.0, round(seconds, 1))
    if tenths < 60:
        return f"{tenths:.1f} s"
    whole = round(seconds)
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} m {rest:02} s"
    return f"{minutes // 60} h {minutes % 60:02} m"


def iso(at: float, precision: str = "seconds") -> str:
    """A time in seconds since the epoch as ISO 8601, in UTC: `2026-11-26T23:48:56Z`."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec=precision).replace("+00:00", "Z")


def size(amount: int) -> str:
    """A number of bytes in the units of registries, powers of 1000: `812 B`, `4.1 MB`, `41 MB`."""
    value, unit = float(amount), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if value < 999.5:
            break
        value, unit = value / 1000, larger
    return f"{value:.1f} {unit}" if unit != "B" and value < 9.95 else f"{value:.0f} {unit}"


def first_line(error: BaseException) -> str:
    """What an error says, in one line; the name of its class when it says nothing."""
    message = getattr(error, "message", None) or str(error)
    lines = [line for line in str(message).splitlines() if line.strip()]
    return one_line(lines[0]) if lines else type(error).__name__


def ago(seconds: float) -> str:
    """A length of time in the docker command's words (docker/go-units, HumanDuration)."""
    whole = int(seconds)
    minutes, hours = whole // 60, round(seconds / 3600)
    if whole < 1:
        text = "Less than a second"
    elif whole < 60:
        text = f"{whole} second{'s' if whole > 1 else ''}"
    elif minutes < 60:
        text = "About a minute" if minutes == 1 else f"{minutes} minutes"
    elif hours < 48:
        text = "About an hour" if hours == 1 else f"{hours} hours"
    elif hours < 24 * 14:
        text = f"{hours // 24} days"
    elif hours < 24 * 60:
        text = f"{hours // (24 * 7)} weeks"
    elif hours < 24 * 365 * 2:
        text = f"{hours // (24 * 30)} months"
    else:
        text = f"{hours // (24 * 365)} years"
    return f"{text} ago"
