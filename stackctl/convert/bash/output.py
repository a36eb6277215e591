"""What the simple commands print that scripts put into `$( … )`."""

from __future__ import annotations

import itertools
import posixpath
import re
from collections.abc import Sequence
from urllib.parse import quote

from stackctl.convert.bash.expand import ansi
from stackctl.convert.bash.grammar import DOCKER
from stackctl.convert.bash.shell import ROUNDS, Shell
from stackctl.convert.unset import in_url, is_known, settled, unset


def output(shell: Shell, words: Sequence[str]) -> str | None:
    """What a command prints; None if it is not known. docker prints nothing: there are no containers yet."""
    match words:
        case ["pwd", *_]:
            return shell.directory
        case ["echo", *rest]:
            flags = list(itertools.takewhile(lambda word: re.fullmatch("-[neE]+", word), rest))
            text = " ".join(rest[len(flags) :])
            return ansi(text) if any("e" in flag for flag in flags) else text
        case ["printf", text] if "%" not in text:
            return ansi(text)
        case ["dirname", path]:
            return posixpath.dirname(path) or "."
        case ["basename", path]:
            return posixpath.basename(path)
        case ["seq", *bounds] if 0 < len(bounds) < 3 and all(
            re.fullmatch(r"\d{1,4}", settled(b)) for b in bounds
        ):
            lowest, highest = ([1, *(int(settled(bound)) for bound in bounds)])[-2:]
            return "\n".join(map(str, range(lowest, min(highest, lowest + ROUNDS) + 1)))
        case ["cd", *_]:
            return ""
        case ["id", "-u" | "-g" as which]:
            return unset("UID" if which == "-u" else "GID")
        case ["percent_encode", text]:  # a function of the scripts that `export bash` writes
            return quote(text, safe="") if is_known(text) else in_url(text)
        case [program, *_] if program in DOCKER:
            return ""
        case ["sudo", program, *_] if program in DOCKER:
            return ""
    return None
