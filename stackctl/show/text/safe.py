"""Text from outside (logs, names, labels, what the engine says) made harmless for a terminal.

Escape sequences can retitle a window, fill the clipboard or hide what follows (CWE-150), and bidirectional
controls can reorder what is read. All of them are taken out. Text that a person can read is kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, TextIO, cast

# ECMA-48 and xterm: CSI, then the strings (OSC, DCS, SOS, PM, APC) up to their end, then all other escapes.
_SEQUENCE = (
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"
    r"|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c|$)"
    r"|\x1b[ -/]*[0-~]"
)
_SGR = r"\x1b\[[0-9;:]*m"
CONTROL = (
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
_RESET = "\x1b[0m"


def clean(text: str) -> str:
    """The text without escape sequences and control characters, newlines and tabs excepted."""
    if text.isprintable():  # as nearly every text is
        return text
    return re.sub(CONTROL, "", re.sub(_SEQUENCE, "", text))


def one_line(text: str) -> str:
    """`clean`, with every run of white space as one space: for text that must stay on one line."""
    return " ".join(clean(text).split())


def clean_keeping_color(text: str) -> str:
    """`clean`, but colour (SGR) stays, and ends with the text."""
    parts: list[str] = []
    end = 0
    for match in re.finditer(_SEQUENCE, text):
        parts.append(re.sub(CONTROL, "", text[end : match.start()]))
        if re.fullmatch(_SGR, match[0]):
            parts.append(match[0])
        end = match.end()
    parts.append(re.sub(CONTROL, "", text[end:]))
    kept = "".join(parts)
    return kept if kept.rfind("\x1b") == kept.rfind(_RESET) else kept + _RESET


class Guarded:
    """A terminal's text stream, which gets no escape sequences and control characters, colour excepted. So text from outside that
    nobody has cleaned cannot do anything.
    """

    def __init__(self, stream: TextIO) -> None:
        self.unguarded = stream

    def write(self, text: str) -> int:
        self.unguarded.write(clean_keeping_color(text))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.unguarded, name)


def guarded(stream: TextIO) -> TextIO:
    """The stream; if it is a terminal, guarded."""
    return cast("TextIO", Guarded(stream)) if stream.isatty() else stream


def unguarded(stream: TextIO) -> TextIO:
    """The stream for who must move the cursor, and cleans what others say."""
    return getattr(stream, "unguarded", stream)


def without_commands(text: str) -> str:
    """The text, in which GitHub Actions finds no command: it looks for `::` where a line begins, and for `##[` anywhere."""
    return re.sub(r"((?:^|[\r\n])\s*):(?=:)", r"\1: ", text).replace("##[", "## [")


def shortened(text: str, width: int) -> str:
    """At most `width` characters, the last of them an ellipsis if some are missing."""
    return text if len(text) <= width else text[: max(width - 1, 0)] + "…"
