"""Find where each key of a file is written. The nodes of YAML know it; for TOML this module finds it out.

`tomllib` gives no positions. So the text is read once more, but only if there is a problem to show. `tomllib` has accepted
the text before: the scanner knows headers, dotted keys, inline tables and arrays, and skips every other value.
"""

import bisect
import functools
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct, structs

from stackctl.errors import Key, Place, Problem
from stackctl.secret import veiled
from stackctl.spec.source.nodes import NodePlaces

Path = tuple[Key, ...]

LEXEME = r"""(?xs)
    (?P<string> \"{3} (?:\\.?|[^\\])*? (?:\"{3,5}|\Z) | '{3} .*? (?:'{3,5}|\Z) | "(?:\\[^\n]|[^"\\\n])*"? | '[^'\n]*'? )
  | (?P<comment> \#[^\n]* )
  | (?P<newline> \n )
  | (?P<space> [ \t\r]+ )
  | (?P<mark> [\[\]{}=,.] )
  | (?P<bare> [^\s\[\]{}=,.\#"']+ )
    """
"""A string that is not closed ends with its line, or with the text: so a text is read once, whatever is in it."""
_IN_YAML = (
    (r"\[([A-Za-z_-]+(?:\.[\w.-]+)+)\]", r"\1"),  # a header
    (r"\b([a-z_]+) = (?=[\"\[{]|true\b|false\b|\d)", r"\1: "),
    (r"\b(an?) table\b", r"\1 mapping"),
    (r"\ban array\b", "a list"),
)
_LONGEST = 400
"""A source line with more characters is not shown."""
_LONGEST_MESSAGE = 1_000
_DEPTH = 100
"""Dotted keys are cut after this many parts. `toml.parse` refuses such a document."""


class Source(Struct, frozen=True):
    """The text of a file, and the name that messages show. The lines of a `secret` file are never shown."""

    file: str
    text: str
    secret: bool = False
    places: NodePlaces | None = None
    """Where the values of a YAML file are written; None for TOML, whose text tells it."""

    def offsets(self) -> Mapping[Path, int]:
        """The offset of every key path that this file writes."""
        return locate(self.text) if self.places is None else self.places.by_file.get(self.file, {})

    def place(self, offset: int) -> Place:
        """The place of a character, by its offset in the text."""
        starts = _line_starts(self.text)
        line = bisect.bisect_right(starts, offset)
        return self.at(line, offset - starts[line - 1] + 1)

    def offset(self, line: int, column: int) -> int:
        """The offset of the character at a line and column."""
        return _line_starts(self.text)[line - 1] + column - 1

    def at(self, line: int, column: int) -> Place:
        """The place, with its source line unless the line is secret or too long."""
        start, *following = _line_starts(self.text)[line - 1 : line + 1]
        end = following[0] - 1 if following else len(self.text)
        shown = not self.secret and end - start <= _LONGEST
        return Place(self.file, line, column, self.text[start:end].rstrip("\r") if shown else "")

    def __repr__(self) -> str:
        return veiled(self, "text", "places")


@functools.lru_cache(maxsize=8)
def _line_starts(text: str) -> Sequence[int]:
    return [0, *(match.end() for match in re.finditer("\n", text))]


@functools.lru_cache(maxsize=8)
def locate(text: str) -> Mapping[Path, int]:
    """Map every key path of a TOML document, and every element of its arrays, to the offset at which it is written.

    The header `[a.b]` also makes the table `a`: its offset is that of `a` in the header.
    """
    return _Scanner(text).document()


def place(problem: Problem, sources: Sequence[Source]) -> Problem:
    """Give a problem its place: its key in the last file that has the key; else the nearest key around it.

    A problem without a key keeps the place that it has, or none. In a YAML file it speaks as YAML is written.
    """
    if problem.place or not sources or not problem.path:
        return problem
    for length in range(len(problem.path), 0, -1):
        for source in reversed(sources):
            offset = source.offsets().get(problem.path[:length])
            if offset is not None:
                return _said(structs.replace(problem, place=source.place(offset)), source)
    return _said(structs.replace(problem, place=sources[0].place(0)), sources[0])


def _said(problem: Problem, source: Source) -> Problem:
    """The problem in the words of the file's language. Rules write TOML. Of a message that holds a very long value, the ends are told."""
    if len(problem.message) > _LONGEST_MESSAGE:
        half = _LONGEST_MESSAGE // 2
        problem = structs.replace(problem, message=f"{problem.message[:half]} … {problem.message[-half:]}")
    if source.places is None:
        return problem
    return structs.replace(problem, message=as_yaml(problem.message), hint=as_yaml(problem.hint))


def as_yaml(text: str) -> str:
    """A text about TOML, with its keys and values as YAML writes them."""
    for pattern, written in _IN_YAML:
        text = re.sub(pattern, written, text)
    return text


def place_all(problems: Iterable[Problem], sources: Sequence[Source]) -> tuple[Problem, ...]:
    """Give every problem its place, and sort the problems: file by file, line by line."""
    files = [source.file for source in sources]

    def position(problem: Problem) -> tuple[int, str, int, int]:
        at = problem.place
        if at is None:
            return (-1, "", 0, 0)
        return (files.index(at.file) if at.file in files else len(files), at.file, at.line, at.column)

    return tuple(sorted((place(problem, sources) for problem in problems), key=position))


class _Token(Struct, frozen=True):
    kind: str
    text: str
    at: int


_END = _Token("end", "", -1)


class _Scanner:
    def __init__(self, text: str) -> None:
        found = ((match.lastgroup or "", match[0], match.start()) for match in re.finditer(LEXEME, text))
        self.tokens = [_Token(*token) for token in found if token[0] not in ("space", "comment")]
        self.next = 0
        self.found: dict[Path, int] = {}
        self.named: set[Path] = set()

    def peek(self, ahead: int = 0) -> _Token:
        index = self.next + ahead
        return self.tokens[index] if index < len(self.tokens) else _END

    def take(self) -> _Token:
        token = self.peek()
        self.next += 1
        return token

    def skip(self, *texts: str) -> None:
        while self.peek().text in texts:
            self.take()

    def document(self) -> Mapping[Path, int]:
        table: Path = ()
        newest: dict[Path, int] = {}  # the index of the last element of each array of tables
        while self.peek() is not _END:
            token = self.peek()
            if token.kind == "newline":
                self.take()
            elif token.text == "[":
                table = self.header(newest)
            else:
                self.pair(table)
        return self.found

    def header(self, newest: dict[Path, int]) -> Path:
        """Read `[a.b]` or `[[a.b]]`. A key that names an array of tables means its newest element."""
        self.take()
        is_array = self.peek().text == "["
        self.skip("[")
        table: Path = ()
        parts = self.key()
        for n, (part, at) in enumerate(parts, 1):
            table = (*table, part)
            self.mark(table, at, named=n == len(parts))
            if is_array and n == len(parts):
                newest[table] = newest.get(table, -1) + 1
            if table in newest:
                table = (*table, newest[table])
                self.mark(table, at, named=is_array and n == len(parts))
        self.skip("]")
        return table

    def pair(self, table: Path) -> None:
        parts = self.key()
        path = table
        for n, (part, at) in enumerate(parts, 1):
            path = (*path, part)
            self.mark(path, at, named=n == len(parts))
        self.take()  # the equals sign
        self.value(path)

    def key(self) -> list[tuple[str, int]]:
        parts = [self.part()]
        while self.peek().text == ".":
            self.take()
            parts.append(self.part())
        return parts[:_DEPTH]

    def part(self) -> tuple[str, int]:
        token = self.take()
        return (tomllib.loads(f"k={token.text}")["k"] if token.kind == "string" else token.text), token.at

    def value(self, path: Path) -> None:
        opening = self.peek().text
        if opening == "[":
            self.array(path)
        elif opening == "{":
            self.take()
            self.skip("\n", ",")
            while self.peek().text != "}" and self.peek() is not _END:
                self.pair(path)
                self.skip("\n", ",")
            self.take()
        else:
            while self.peek().text not in ("\n", ",", "]", "}") and self.peek() is not _END:
                self.take()

    def array(self, path: Path) -> None:
        self.take()
        self.skip("\n", ",")
        index = 0
        while self.peek().text != "]" and self.peek() is not _END:
            item = self.peek()
            self.mark((*path, index), item.at, named=True)
            if (
                item.kind == "string"
            ):  # "NAME" and "NAME=value" stand for a key where a list stands for a table
                self.mark(
                    (*path, re.split("[=:]", item.text.strip("\"'"), maxsplit=1)[0]), item.at, named=False
                )
            self.value((*path, index))
            self.skip("\n", ",")
            index += 1
        self.take()

    def mark(self, path: Path, at: int, *, named: bool) -> None:
        """Remember where a path is written: first of all where it is named, else where a longer path begins with it."""
        if named and path not in self.named:
            self.named.add(path)
            self.found[path] = at
        else:
            self.found.setdefault(path, at)
