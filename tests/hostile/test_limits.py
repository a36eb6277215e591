"""Small files that stand for much: each is refused by a limit that docs/guide/stack-toml.md names, with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from stackctl.errors import SpecError
from stackctl.show.problems import problems_text
from stackctl.spec.lint.rules import lint
from stackctl.spec.source.reading import read
from stackctl.spec.source.request import StackRequest
from stackctl.spec.values import ByteSize

A = '[services.a]\nimage = "a"\n'
Y = "services:\n  a:\n    image: a\n"


def many(form: str, number: int) -> str:
    return "".join(form.format(n=n, next=n + 1) for n in range(number))


TOML = {
    "a dotted key": (f"{A}x{'.a' * 16_000} = 1\n", "stack.toml:3:128: error: a key has more than 64 parts"),
    "a header": (f"{A}[x{'.a' * 16_000}]\n", "stack.toml:3:129: error: a key has more than 64 parts"),
    "a quoted key": (A + "x" + ' . "a"' * 99 + " = 1\n", "a key has more than 64 parts"),
    "arrays": (f"{A}x = {'[' * 9_000}", "stack.toml:3:69: error: nested deeper than 64 tables and arrays"),
    "inline tables": (f"{A}x = {'{a=' * 5_000}1{'}' * 5_000}", "error: nested deeper than 64 tables and arrays"),
    "array tables": ("[[x]]\n" * 60_000, "error: the file has more than 100,000 keys and values"),
    "dotted keys": (f"x{'.a' * 60}.b\n" * 3_000, "error: the file has more than 100,000 keys and values"),
    "digits": (f"{A}x = {'1' * 9_000}", "stack.toml:3:5: error: an integer must fit into 64 bits"),
    "services": (many('[services.s{n}]\nimage = "a"\n', 10_001), "error: services: more than 10,000 entries"),
    "ports": (f"{A}ports = [{many('{n},', 10_001)}]", "error: services.a.ports: more than 10,000 entries"),
    "a text": (f'{A}command = "{"a" * (1 << 18)}"', "error: services.a.command: a text may have 131,072 characters"),
    "a key": (f"{A}{'k' * 2_000} = 1", "stack.toml:1:11: error: services.a: a key may have 1,000 characters"),
    "templates": (
        f'{many("[templates.t{n}]" + chr(10) + "extends = " + chr(34) + "t{next}" + chr(34) + chr(10), 66)}[templates.t66]\nimage = "a"\n{A}extends = "t0"\n',
        "more than 64 extend each other in a row",
    ),
    "a size": (f'{A}mem_limit = "{"9" * 400}g"', "stack.toml:3:1: error SC112: services.a.mem_limit: expected a size"),
    "variables": (
        f'{A}environment.A = "{"${BIG}" * 9}"',
        "services.a.environment.A: variables may give a text 131,072 characters: BIG is too much",
    ),
    "variables in all": (
        f"{A}{many('environment.A{n} = ' + chr(34) + '${{BIG}}' + chr(34) + chr(10), 1_000)}",
        "variables may give all texts together 16,777,216 characters: BIG is too much",
    ),
}  # fmt: skip
YAML = {
    "laughter": (
        "x-0: &a0 [lol]\n" + "".join(f"x-{n}: &a{n} [{','.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12)) + Y,
        "error: the file stands for more than 100,000 values",
    ),
    "merged laughter": (
        "x-0: &a0 {a: lol}\n"
        + "".join(f"x-{n}: &a{n} {{{','.join(f'k{m}: *a{n - 1}' for m in range(10))}}}\n" for n in range(1, 12))
        + Y,
        "error: the file stands for more than 100,000 values",
    ),
    "an alias in itself": (f"x: &a [*a]\n{Y}", "compose.yaml:1:8: error: the value of the anchor 'a' contains itself"),
    "merged with itself": (f"x: &a\n  <<: *a\n{Y}", "error: the value of the anchor 'a' contains itself"),
    "lists": (f"x: {'[' * 9_000}", "error: nested deeper than 64 mappings and lists"),
    "lists in lines": (f"x:\n{'- ' * 9_000}a\n", "error: nested deeper than 64 mappings and lists"),
    "mappings": (f"x: {'{a: ' * 9_000}", "error: nested deeper than 64 mappings and lists"),
    "one key": (f"{Y}    image: b\n", "compose.yaml:4:5: error: the key 'image' is given twice"),
    "services": (f"services:\n{many('  s{n}: {{image: a}}' + chr(10), 10_001)}", "compose.yaml:10002:11: error: more than 10,000 entries"),
    "a list": (f"{Y}    ports: [{many('{n},', 10_001)}]", "error: more than 10,000 entries"),
    "merges": (f"x-a: &a {{b: c}}\nx-b:\n  <<: [{'*a,' * 20_000}]\n{Y}", "error: more than 10,000 entries"),
    "a text": (f"{Y}    command: {'a' * (1 << 18)}\n", "compose.yaml:4:14: error: a text may have 131,072 characters"),
    "a key": (f"{Y}    {'k' * 1_010}: a\n", "compose.yaml:4:5: error: a key may have 1,000 characters"),
    "extends": (
        f"services:\n{many('  s{n}: {{extends: s{next}}}' + chr(10), 66)}  s66: {{image: a}}\n",
        "more than 64 services extend each other in a row",
    ),
}  # fmt: skip
ENV: dict[str, tuple[str | bytes, str]] = {
    "doubling": (
        "A0=lol\n" + "".join(f"A{n}=${{A{n - 1}}}${{A{n - 1}}}\n" for n in range(1, 60)),
        ".env:17:1: error SC303: A16: variables may give a text 131,072 characters: A15 is too much",
    ),
    "variables": ("A=1\n" * 10_001, ".env:10001:1: error: more than 10,000 variables"),
    "bytes": ("A=1\n" * 70_000, ".env: error: the file is larger than 262,144 bytes"),
    "two bytes": ("A=1".encode("utf-16"), ".env:1:1: error: the byte 0xff is not UTF-8"),
}
ODD = {
    "large": (b"#" * (1 << 20) + b"#", "stack.toml: error: the file is larger than 1,048,576 bytes"),
    "two bytes a character": (A.encode("utf-16"), "stack.toml:1:1: error: the byte 0xff is not UTF-8"),
    "Latin": (A.encode() + b"# \xe9", "stack.toml:3:3: error: the byte 0xe9 is not UTF-8"),
    "half a pair": (A.encode() + b"# \xed\xa0\x80", "stack.toml:3:3: error: the byte 0xed is not UTF-8"),
    "a NUL": (A.encode() + b'x = "\0"', "stack.toml:3:6: error: illegal character"),
    "a NUL as an escape": (A.encode() + b'command = "\\u0000"', "a text cannot contain the NUL character"),
    "a key twice": (A.encode() + b'image = "b"', "stack.toml:3:12: error: cannot overwrite a value"),
}


def said(directory: Path, file: str, text: str | bytes) -> str:
    (directory / file).write_bytes(text if isinstance(text, bytes) else text.encode())
    if file == ".env":
        (directory / "stack.toml").write_text(A)
    with pytest.raises(SpecError) as caught:
        read(StackRequest(directory=directory, environ={"BIG": "x" * 20_000}), [lint])
    shown = problems_text(caught.value.problems)
    assert len(shown) < 20_000
    return shown


FILES = [("stack.toml", TOML), ("compose.yaml", YAML), (".env", ENV), ("stack.toml", ODD)]


@pytest.mark.parametrize(
    ("file", "text", "expected"),
    [
        pytest.param(file, *case, id=f"{file} {kind}")
        for file, kinds in FILES
        for kind, case in kinds.items()  # type: ignore[attr-defined]
    ],
)
def test_what_is_too_much_or_odd_is_said(tmp_path: Path, file: str, text: str | bytes, expected: str) -> None:
    assert expected in said(tmp_path, file, text)


@pytest.mark.parametrize("data", [b"\xef\xbb\xbf" + A.encode(), A.replace("\n", "\r\n").encode()])
def test_a_mark_at_the_beginning_and_ends_of_lines_do_no_harm(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "stack.toml").write_bytes(data)
    assert read(StackRequest(directory=tmp_path, environ={})).services["a"].image == "a"


def test_a_tag_of_python_makes_no_object(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    (tmp_path / "compose.yaml").write_text(f"x-a: !!python/object/apply:os.mkdir [{mark}]\n{Y}")
    assert read(StackRequest(directory=tmp_path, environ={})).services["a"].image == "a"
    assert not mark.exists()


def test_a_size_fits_into_64_bits() -> None:
    assert ByteSize.parse("8191p").bytes == 8191 << 50
    with pytest.raises(ValueError, match="expected a size"):
        ByteSize.parse("8192p")
