"""The patterns of a .dockerignore: which paths they match."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress


class Ignored:
    """The patterns of a .dockerignore (docs.docker.com/build/concepts/context; moby/patternmatcher).

    The last pattern that matches a path or a directory above it decides; `!` includes again.
    """

    def __init__(self, text: str) -> None:
        self._groups: list[tuple[bool, re.Pattern[str]]] = []
        """Whether the patterns include again, and the patterns as one; patterns of one kind that follow each other are joined."""
        self._included: list[str] = []
        joined: list[str] = []
        before = False
        for again, pattern in _patterns(text):
            if joined and again != before:
                self._groups.append((before, re.compile("|".join(joined))))
                joined = []
            joined.append(f"{_regex(pattern)}(?:/.*)?")
            before = again
            if again:
                self._included.append(pattern)
        if joined:
            self._groups.append((before, re.compile("|".join(joined))))

    def __call__(self, path: str) -> bool:
        ignored = False
        for again, pattern in self._groups:
            if ignored == again and pattern.fullmatch(path):
                ignored = not ignored
        return ignored

    def hides(self, directory: str) -> bool:
        """Whether nothing below an ignored directory can be included again."""
        return not any(
            re.search(r"[*?\[\\]", pattern) or f"{pattern}/".startswith(f"{directory}/")
            for pattern in self._included
        )


def any_of(patterns: Iterable[str]) -> re.Pattern[str]:
    """One expression for all patterns; for a directory it matches the directory alone."""
    return re.compile("|".join(_regex(pattern) for _, pattern in _patterns("\n".join(patterns))) or "(?!)")


def _patterns(text: str) -> Iterator[tuple[bool, str]]:
    """Whether each pattern includes again, and the pattern without what Docker takes out of it. A pattern that is none is left
    out; the builder refuses it.
    """
    for line in text.splitlines():
        pattern = line.strip()
        if not pattern or line.startswith("#"):
            continue
        again = pattern.startswith("!")
        pattern = os.path.normpath(pattern.removeprefix("!").strip() or ".").lstrip("/")
        with suppress(re.error):
            re.compile(_regex(pattern))
            yield again, pattern


def _regex(pattern: str) -> str:
    """The regular expression of a pattern: Go's filepath.Match, and `**` for any number of directories."""
    parts: list[str] = []
    index = 0
    while index < len(pattern):
        rest = pattern[index:]
        if token := re.match(r"\*\*/?", rest):
            last = index + token.end() == len(pattern)
            parts.append(".*" if last else "(?:.*/)?")
        elif token := re.match(r"\[(\^?)((?:\\.|[^\\\]])+)\]", rest):
            parts.append("[" + token[1] + re.sub(r"([\[&~|])", r"\\\1", token[2]) + "]")
        elif token := re.match(r"\\(.)", rest):
            parts.append(re.escape(token[1]))
        else:
            token = re.match(r"(?s).", rest)
            assert token
            parts.append({"*": "[^/]*", "?": "[^/]"}.get(token[0], re.escape(token[0])))
        index += token.end()
    return "".join(parts)
