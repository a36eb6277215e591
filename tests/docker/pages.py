"""A page of the docs, as a test reads it: headings, files, commands with what they print.

A comment before a fenced block says what the block is:

* `<!-- test: FILE -->`: a file of that name. `<!-- test: FILE, wrong -->`: the same, with a mistake that the page is about.
* `<!-- run: COMMAND -->`, after it: how the file is run, unless as a test.
* `<!-- names: NAME … -->`, anywhere: names on the engine, which a test replaces by its own.

In a block `console` each line that begins with `$ ` is a command, as are the lines after one that ends with a backslash. The
lines below it are what it prints. `…` stands for any text of a line; a line of `…` alone for any lines, also none. Times such
as `2.9 s`, ids of 12 or more digits, blank lines, the number of blanks, and that a slow engine is waited for are never compared. A
command without such lines may print anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

PIECE = re.compile(
    r"^(?P<marks>#+) (?P<title>[^\n]*)$"
    r"|^(?:<!-- test: (?P<file>[^\s,]+)(?P<wrong>, wrong)? -->\n)?(?:<!-- run: (?P<run>[^\n]*) -->\n)?"
    r"```(?P<language>\w*)\n(?P<text>.*?)^```$",
    re.DOTALL | re.MULTILINE,
)
NAMES = re.compile(r"<!-- names: (.*) -->")
TIME = re.compile(r"\b(?:\d+ [hm] )*\d+(?:\.\d+)? m?s\b")
ID = re.compile(r"\b[0-9a-f]{12,64}\b…?")


@dataclass(frozen=True)
class Heading:
    title: str


@dataclass(frozen=True)
class File:
    name: str
    text: str
    run: str | None
    wrong: bool


@dataclass(frozen=True)
class Block:
    """A fenced block that is no file. `line` is where its text begins on the page."""

    language: str
    text: str
    line: int


@dataclass
class Command:
    """What is typed, and what it prints; `line` is where it stands on the page."""

    text: str
    line: int
    shown: list[str] = field(default_factory=list)


def pieces(page: str) -> Iterator[Heading | File | Block]:
    for piece in PIECE.finditer(page):
        if piece["title"]:
            yield Heading(piece["title"])
        elif piece["file"]:
            yield File(piece["file"], piece["text"], piece["run"], wrong=bool(piece["wrong"]))
        else:
            yield Block(piece["language"], piece["text"], page.count("\n", 0, piece.start("text")) + 1)


def names(page: str) -> list[str]:
    return [name for told in NAMES.findall(page) for name in told.split()]


def commands(block: Block) -> Iterator[Command]:
    """Those of a block `console`, or the one that a block `bash` is."""
    if block.language != "console":
        yield Command(block.text, block.line)
        return
    command: Command | None = None
    for number, line in enumerate(block.text.splitlines(), block.line):
        if line.startswith("$ "):
            if command:
                yield command
            command = Command(line.removeprefix("$ "), number)
            continue
        assert command, f"line {number}: nothing was typed that prints this"
        if command.text.endswith("\\") and not command.shown:
            command.text += f"\n{line}"
        else:
            command.shown.append(line)
    if command:
        yield command


WAITING = "waiting for the Docker engine"


def alike(lines: list[str]) -> list[str]:
    """The lines without what differs from run to run."""
    plain = (" ".join(ID.sub("ID", TIME.sub("TIME", line)).split()) for line in lines)
    return [line for line in plain if line and not line.startswith(WAITING)]


def is_as_shown(shown: list[str], printed: list[str]) -> bool:
    pattern = "".join(
        r"(?:.*\n)*?" if line == "…" else r".*?".join(map(re.escape, re.split(" ?…", line))) + r"\n"
        for line in alike(shown)
    )
    return bool(re.fullmatch(pattern, "".join(f"{line}\n" for line in alike(printed))))


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def section(path: Path, title: str) -> list[File | Block]:
    """The files and blocks of a page under a heading."""
    found: dict[str, list[File | Block]] = {}
    under = ""
    for piece in pieces(read(path)):
        if isinstance(piece, Heading):
            under = piece.title
        else:
            found.setdefault(under, []).append(piece)
    return found[title]
