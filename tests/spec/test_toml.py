"""Whatever the bytes are: a tree, or a problem with a place."""

import pytest

from stackctl.spec.source import toml
from stackctl.spec.source.locate import place_all


def read(data: bytes) -> tuple[object, list[str]]:
    source, problems = toml.decode("stack.toml", data)
    if problems:
        return None, [str(problem) for problem in problems]
    tree, problems = toml.parse(source)
    return tree, [str(problem) for problem in place_all(problems, [source])]


def test_a_byte_order_mark_and_windows_line_ends_are_fine() -> None:
    assert read(b"\xef\xbb\xbfa = 1\r\nb = 2\r\n") == ({"a": 1, "b": 2}, [])


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"a = nginx\n", 'stack.toml:1:5: invalid value (text needs quotes: key = "value")'),
        (b"services:\n  web:\n", "stack.toml:1:9: expected '=' after a key in a key/value pair (write key = value; YAML's key: value is no TOML)"),
        (b"a = 1\na = 2\n", "stack.toml:2:6: cannot overwrite a value (this key is given twice)"),
        (b"[a]\n[b]\n[a]\n", "stack.toml:3:3: cannot declare a twice (merge the two tables)"),
        (b"[a.b.'c d']\n[a.b.'c d']\n", 'stack.toml:2:11: cannot declare a.b."c d" twice (merge the two tables)'),
        (b"[services.web]\nenvironment = {\n  A = 1,\n  B = 2\n}\n", "stack.toml:2:15: `{ … }` must be on one line; or write [services.web.environment] (TOML has no line breaks within braces)"),
        (b"[services.web]\nenvironment = { A = 1,\n  B = 2 }\n", "stack.toml:2:15: `{ … }` must be on one line; or write [services.web.environment] (TOML has no line breaks within braces)"),
        (b"[services]\nweb.environment = {\n", "stack.toml:2:19: `{ … }` must be on one line; or write [services.web.environment] (TOML has no line breaks within braces)"),
        (b"[a]\nports = [\n  { target = 80,\n    published = 1 }]\n", "stack.toml:3:3: `{ … }` must be on one line (TOML has no line breaks within braces)"),
        (b"a = { b = nginx }\n", 'stack.toml:1:11: invalid value (text needs quotes: key = "value")'),
        (b"a = { b = 1 }\nc = nginx\n", 'stack.toml:2:5: invalid value (text needs quotes: key = "value")'),
        (b"a = { b = 1 }\na.c = 2\n", "stack.toml:2:8: cannot mutate immutable namespace a (nothing can be added to { … } or [ … ] later: write all of it in one place)"),
        (b'a = "x\n', "stack.toml:1:7: illegal character '\\n' (the string is not closed on its line)"),
        (b"a = [1,\n", "stack.toml:1:8: invalid value, found the end of the file (is a bracket or a quote left open?)"),
        (b"a = 1\nb = '\xff'\n", "stack.toml:2:6: the byte 0xff is not UTF-8 (save the file as UTF-8)"),
        (b"a = 99999999999999999999\n", "stack.toml:1:1: a: an integer must fit into 64 bits (put a text into quotes)"),
        (b'a = ["x", "\\u0000"]\n', "stack.toml:1:11: a[1]: a text cannot contain the NUL character"),
        (b'"\\u0000" = 1\n', 'stack.toml:1:1: "\0": a key cannot contain the NUL character'),
    ],
)  # fmt: skip
def test_a_mistake_has_its_place_and_a_way_out(data: bytes, expected: str) -> None:
    assert read(data)[1] == [expected]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"a = " + b"[" * 5000, "stack.toml:1:69: nested deeper than 64 tables and arrays"),
        (b"a = " + b"[" * 90 + b"]" * 90, "nested deeper than 64 tables and arrays"),
        (b".".join([b"a"] * 300) + b" = 1", "a key has more than 64 parts"),
        (b"a = " + b"9" * 5000, "stack.toml:1:5: an integer must fit into 64 bits"),
        (
            b"a = 1\n" * 200_000,
            "stack.toml: the file is larger than 1,048,576 bytes (is this the right file?)",
        ),
    ],
    ids=["brackets", "arrays", "dotted", "digits", "size"],
)
def test_what_is_too_much_is_said(data: bytes, expected: str) -> None:
    (problem,) = read(data)[1]
    assert expected in problem
