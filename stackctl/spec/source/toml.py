"""Turn bytes into the tree of a TOML document, or into problems. No bytes lead to a traceback."""

import ast
import re
import tomllib
from typing import Any

from stackctl.errors import Place, Problem, dotted
from stackctl.spec.source.locate import LEXEME, Source

LARGEST = 1 << 20
"""How many bytes a stack file, or a script, may have. A stack of a hundred services has about thirty thousand."""
DEEPEST = 64
"""How many tables and arrays may be nested, and how many parts a dotted key may have."""
MOST = 100_000
"""How many keys and values a file may have."""
MOST_ENTRIES = 10_000
"""How many entries one table or array may have: so many services, ports of a service, variables of a file."""
LONGEST = 1 << 17
"""How many characters a text may have. Linux gives a program no argument or variable that is longer (MAX_ARG_STRLEN)."""
LONGEST_KEY = 1_000
TOO_LONG = f"a text may have {LONGEST:,} characters"
TOO_MANY = f"more than {MOST_ENTRIES:,} entries"

_HINTS = {
    "Invalid value": 'text needs quotes: key = "value"',
    "Expected '=' after a key in a key/value pair": "write key = value; YAML's key: value is no TOML",
    "Cannot overwrite a value": "this key is given twice",
    "Expected ']' at the end of a table declaration": "close the header: [services.NAME]",
    "Cannot declare": "merge the two tables",
    "Cannot mutate immutable namespace": "nothing can be added to { … } or [ … ] later: write all of it in one place",
    "Illegal character '\\n'": "the string is not closed on its line",
    "Expected newline or end of document after a statement": "one key per line, and one value per key",
}
_NAMESPACE = r"\(('[^']*', ?)*('[^']*')?\)"
_KEY_BEFORE = r"(?m)^[ \t]*([\w.\"'-]+)[ \t]*=[ \t]*\Z"
_HEADER = r"(?m)^[ \t]*\[+([^\[\]\n]+)\]+[ \t]*(?:#.*)?$"
_POSITION = r" \(at (?:line (\d+), column (\d+)|end of document)\)$"


def decode(
    file: str, data: bytes, largest: int = LARGEST, *, secret: bool = False
) -> tuple[Source, list[Problem]]:
    """The text of a file. A byte order mark is dropped. Bytes that are not UTF-8 are a problem with a place."""
    if len(data) > largest:
        message = f"the file is larger than {largest:,} bytes"
        return Source(file, "", secret), [Problem((), message, "is this the right file?", place=Place(file))]
    data = data.removeprefix(b"\xef\xbb\xbf")
    try:
        return Source(file, data.decode(), secret), []
    except UnicodeDecodeError as error:
        readable = Source(file, data.decode(errors="replace"), secret)
        at = readable.place(len(data[: error.start].decode()))
        message = f"the byte 0x{data[error.start]:02x} is not UTF-8"
        return readable, [Problem((), message, "save the file as UTF-8", place=at)]


def parse(source: Source) -> tuple[dict[str, Any], list[Problem]]:
    """The tree of a document, and its problems.

    What would take `tomllib` long is refused before: its time grows with the square of the number of a key's parts.
    """
    text = source.text
    suspicious = (
        any(line.count(".") > DEEPEST for line in text.split("\n")) or sum(map(text.count, "=.,[{")) > MOST
    )
    if suspicious and (beyond := _too_much(source)):
        return {}, [beyond]
    try:
        tree = tomllib.loads(source.text)
    except tomllib.TOMLDecodeError as error:
        return {}, [_syntax(source, str(error))]
    except RecursionError:
        return {}, [_too_much(source) or Problem((), "too deeply nested", place=source.place(0))]
    except ValueError:  # int() takes no more digits
        digits = re.search(r"[0-9][0-9_]{4000}", source.text)
        at = source.place(digits.start() if digits else 0)
        return {}, [Problem((), "an integer must fit into 64 bits", "put a text into quotes", place=at)]
    problems = beyond_limits(tree)
    return ({} if problems else tree), problems


def _too_much(source: Source) -> Problem | None:
    """The first place where a text has too many keys and values, a key too many parts, or an array too many around it."""
    dots = depth = marks = 0
    for token in re.finditer(LEXEME, source.text):
        if token.lastgroup == "newline":
            dots = 0
        if token.lastgroup != "mark":
            continue
        mark = token[0]
        marks += 1
        dots = dots + 1 if mark == "." else 0
        depth += (mark in "[{") - (mark in "]}")
        message, hint = "", ""
        if dots >= DEEPEST:
            message = f"a key has more than {DEEPEST} parts"
        elif depth > DEEPEST:
            message, hint = (
                f"nested deeper than {DEEPEST} tables and arrays",
                "close the brackets that are open",
            )
        elif marks > MOST:
            message, hint = f"the file has more than {MOST:,} keys and values", "is this the right file?"
        if message:
            return Problem((), message, hint, place=source.place(token.start()))
    return None


def _syntax(source: Source, text: str) -> Problem:
    """The problem behind tomllib's `Invalid value (at line 3, column 5)`: with a place, and a hint for usual mistakes."""
    position = re.search(_POSITION, text)
    message = text[: position.start()] if position else text
    message = re.sub(_NAMESPACE, lambda match: dotted(ast.literal_eval(match[0])), message)
    shown = message[:1].lower() + message[1:]
    if position and position[1]:
        line, column = int(position[1]), int(position[2])
        at = source.at(line, column)
        opening = _open_inline_table(source, source.offset(line, column))
        if opening is not None:
            return _on_several_lines(source, opening)
        hint = next((hint for start, hint in _HINTS.items() if message.startswith(start)), "")
        return Problem((), shown, hint, place=at)
    opening = _open_inline_table(source, len(source.text))
    if opening is not None:
        return _on_several_lines(source, opening)
    at = source.place(len(source.text.rstrip()))
    return Problem((), f"{shown}, found the end of the file", "is a bracket or a quote left open?", place=at)


def _open_inline_table(source: Source, error: int) -> int | None:
    """The offset of an inline table that goes on over a line end and begins before the error; None if there is none."""
    opened: list[tuple[str, int]] = []
    for match in re.finditer(LEXEME, source.text):
        if match.start() > error:
            break
        if match[0] in ("{", "["):
            opened.append((match[0], match.start()))
        elif match[0] in ("}", "]") and opened:
            opened.pop()
        elif match.lastgroup == "newline" and opened and opened[-1][0] == "{":
            return opened[-1][1]
    return None


def _on_several_lines(source: Source, opening: int) -> Problem:
    """The problem of an inline table on several lines, the most frequent mistake in TOML 1.0."""
    before = source.text[:opening]
    key = re.search(_KEY_BEFORE, before)
    header = [match[1].strip() for match in re.finditer(_HEADER, before)][-1:]
    table = f"; or write [{'.'.join([*header, key[1]])}]" if key else ""
    message = f"`{{ … }}` must be on one line{table}"
    return Problem((), message, "TOML has no line breaks within braces", place=source.place(opening))


def beyond_limits(tree: dict[str, Any]) -> list[Problem]:
    """Problems for values that TOML allows but stackctl does not: deep nesting, very many entries, very long texts, integers beyond
    64 bits, the NUL character.

    No argument, variable or path of a POSIX system can contain NUL.
    """
    problems = []
    waiting: list[tuple[tuple[str | int, ...], Any]] = [((), tree)]
    while waiting:
        path, value = waiting.pop()
        if len(path) > DEEPEST and isinstance(value, dict | list):
            problems.append(Problem(path, f"nested deeper than {DEEPEST} tables and arrays"))
        elif isinstance(value, dict | list) and len(value) > MOST_ENTRIES:
            problems.append(Problem(path, TOO_MANY, "split the file"))
        elif isinstance(value, dict):
            if any(len(key) > LONGEST_KEY for key in value):
                problems.append(Problem(path, f"a key may have {LONGEST_KEY:,} characters"))
                continue
            waiting += (((*path, key), item) for key, item in value.items())
            problems += (
                Problem((*path, key), "a key cannot contain the NUL character")
                for key in value
                if "\0" in key
            )
        elif isinstance(value, list):
            waiting += (((*path, n), item) for n, item in enumerate(value))
        elif isinstance(value, str) and "\0" in value:
            problems.append(Problem(path, "a text cannot contain the NUL character"))
        elif isinstance(value, str) and len(value) > LONGEST:
            problems.append(Problem(path, TOO_LONG, "put it into a file"))
        elif isinstance(value, int) and not -(1 << 63) <= value < 1 << 63:
            problems.append(Problem(path, "an integer must fit into 64 bits", "put a text into quotes"))
    return problems
