"""The state of a script while it is read: variables, directory, notes, and how much may still be done."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Sequence

from msgspec import Struct
from tree_sitter import Node

from stackctl.convert.bash.grammar import Script
from stackctl.convert.unset import is_known, unset

STEPS = 5_000
"""How many commands and words of a script are read. A script that does more is cut off, with a note."""
LONGEST = 1 << 15
"""How many characters a value may have."""
DEEPEST = 60
"""How deep commands, words and functions may lie in each other."""
ROUNDS = 50
"""How many rounds of a loop are read."""

HERE = unset("PWD")
"""The directory in which the script begins."""


class Word(Struct, frozen=True):
    """A word of a command, with the offset at which it is written."""

    text: str
    at: int


class TooMuch(Exception):  # noqa: N818 not an error: it ends the reading of one script
    """The script does more than is read, at this offset."""

    def __init__(self, at: int) -> None:
        super().__init__(at)
        self.at = at


class Shell:
    """What is known at one point of a script."""

    def __init__(self, script: Script, arguments: Sequence[str] = ()) -> None:
        self.script = script
        self.variables: dict[str, str | list[str]] = {}
        self.outer: int | None = None
        """The offset of the word whose script is being read; None in the script itself."""
        self.arguments = list(arguments)
        self.functions: dict[str, Node] = {}
        self.directory = HERE
        self.notes: dict[tuple[int, str], None] = {}
        self.read: dict[str, int] = {}
        """The variables that are used but never set, and where each is used first."""
        self.steps = 0
        self.depth = 0
        self.asked: list[tuple[Word, ...]] | None = None
        """The commands of a question on which the script waits, while it is read; else None."""
        self.calls: list[list[str]] = []
        """The arguments of the functions that are being read."""
        self.captured: Callable[[Node], str | None] = lambda _: None
        """What the commands of a `$(…)` print; None if that is not known."""

    def at(self, node: Node) -> int:
        """The offset of a node in the script itself."""
        return node.start_byte if self.outer is None else self.outer

    def note(self, at: int, message: str) -> None:
        at = at if self.outer is None else self.outer
        self.notes.setdefault((at, message))

    def step(self, node: Node) -> None:
        self.steps += 1
        if self.steps > STEPS or self.depth > DEEPEST:
            raise TooMuch(self.at(node))

    def get(self, name: str, at: int) -> str | list[str]:
        """The value of a variable; a mark if the script does not set it."""
        if name in self.variables:
            return self.variables[name]
        if name == "PWD":
            return self.directory
        if name == "SECONDS":
            return "0"
        self.read.setdefault(name, at if self.outer is None else self.outer)
        return unset(name)

    def set(self, name: str, value: str | list[str]) -> None:
        self.variables[name] = value[:LONGEST]

    def change_directory(self, path: str) -> None:
        self.directory = self.within(path)

    def within(self, path: str) -> str:
        """A path that the script names here, from its beginning."""
        if path.startswith(("/", "~")) or not is_known(path):
            return path
        return path_in(self.directory, path)


def path_in(directory: str, path: str) -> str:
    """A path that is relative to a directory. One that leaves the directory in which the script begins says so: `HERE/../x`."""
    if directory != HERE and not directory.startswith(f"{HERE}/"):
        return posixpath.normpath(posixpath.join(directory, path))
    rest = posixpath.normpath(posixpath.join(f".{directory[len(HERE) :]}", path))
    return HERE if rest == "." else f"{HERE}/{rest}"
