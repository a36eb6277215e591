"""`locate` must find every key that tomllib finds, where it is written."""

import tomllib
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stackctl.errors import Place, Problem
from stackctl.spec.source.locate import Source, locate, place, place_all


def key_paths(value: object, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield (*path, key)
        yield from key_paths(item, (*path, key))


def where(text: str, *path: str | int) -> tuple[int, int, str]:
    at = Source("stack.toml", text).place(locate(text)[path])
    return at.line, at.column, at.text


HARD = {
    "array of tables": "[[x]]\na = 1\n[x.sub]\nb = 2\n[[x]]\n[[x.y]]\n[[x.y]]\n[x.y.z]\nc = 3\n",
    "dotted keys": 'a.b.c = 1\na."b.c" . d = 2\n[t . u]\nv.w = 3\n3.14 = "pi"\n',
    "inline tables": 'a = { b = { c = [ { d = 1 }, { "e f" = 2 } ] }, g.h = 3 }\n',
    "nested arrays": "a = [[1, 2], [[3], []], # comment ]\n  [{ b = [4] }],\n]\n",
    "multi-line strings": 'a = """\n[no.header]\nno = 1\n"""""\nb = \'\'\'\nx = "\n\'\'\'\nc = """\\"""" \nd = ""\n',
    "quoted keys": '"a\\u0041" = 1\n\'b"c\' = 2\n"" = 3\n["d e"."f]"]\ng = 4\n',
    "values with dots, commas and spaces": "a = 1.5e3\nb = 1979-05-27 07:32:00.5\nc = [1.5, +inf, 0x1f]\nd = 07:32:00\n",
    "line ends": "a = 1\r\n[b]\r\nc = [\r\n  1,\r\n]\r\n",
    "no last newline": "[a]\nb = 1",
    "implied tables": "[a.b.c]\nd = 1\n[a]\ne = 2\n[a.b]\nf = 3\n",
}


@pytest.mark.parametrize("text", HARD.values(), ids=HARD.keys())
def test_every_key_is_found(text: str) -> None:
    assert set(key_paths(tomllib.loads(text))) <= set(locate(text))


def test_the_place_is_that_of_the_key_or_of_the_element() -> None:
    text = 'name = "x"\n[services.web]\nports = [\n  "80:80",\n  9090,\n]\nbuild = { context = "." }\n'
    assert where(text, "services") == (2, 2, "[services.web]")
    assert where(text, "services", "web") == (2, 11, "[services.web]")
    assert where(text, "services", "web", "ports", 1) == (5, 3, "  9090,")
    assert where(text, "services", "web", "build", "context") == (7, 11, 'build = { context = "." }')


def test_a_table_of_its_own_beats_one_that_is_implied() -> None:
    text = "[a.b]\n[a]\n"
    assert where(text, "a") == (2, 2, "[a]")
    assert where(text, "a", "b") == (1, 4, "[a.b]")


def test_each_element_of_an_array_of_tables_stands_at_its_header() -> None:
    text = "[[x]]\n[[x]]\ny = 1\n"
    assert where(text, "x")[0] == 1
    assert where(text, "x", 0)[0] == 1
    assert where(text, "x", 1)[0] == 2
    assert where(text, "x", 1, "y")[0] == 3


def test_a_missing_key_is_placed_at_the_nearest_table_around_it() -> None:
    source = Source("stack.toml", "[services.web]\n")
    placed = place(Problem(("services", "web", "image"), "missing"), [source])
    assert placed.place == Place("stack.toml", 1, 11, "[services.web]")


def test_a_key_in_two_files_is_placed_in_the_one_that_decides() -> None:
    first = Source("stack.toml", '[services.web]\nimage = "a"\ntty = 1\n')
    second = Source("stack.override.toml", "\n[services.web]\nimage = 1\n")
    problems = [Problem(("services", "web", key), "wrong") for key in ("image", "tty")]
    assert [str(problem.place) for problem in place_all(problems, [first, second])] == [
        "stack.toml:3:1",
        "stack.override.toml:3:1",
    ]


def test_columns_count_characters_and_lines_end_only_where_toml_says() -> None:
    text = 'a = { "äöü" = 1, b = "\x85\u2028", c = 2 }\r\nd = 3\r\n'
    assert where(text, "a", "c")[:2] == (1, text.index("c = 2") + 1)
    assert where(text, "d") == (2, 1, "d = 3")


names = st.text(alphabet=st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=6)
scalars = st.one_of(
    st.integers(-(2**63), 2**63 - 1).map(str),
    st.booleans().map(lambda each: "true" if each else "false"),
    st.floats(allow_nan=False).map(lambda each: repr(each).replace("e+", "e")),
    st.datetimes().map(lambda each: each.isoformat(sep=" ")),
    names.map(lambda each: quote(each)),
    names.map(lambda each: '"""\n' + quote(each)[1:-1] + '\n"""'),
)


def quote(text: str) -> str:
    plain = (c if c not in '"\\' and (c >= " " and c != "\x7f") else f"\\u{ord(c):04x}" for c in text)
    return '"' + "".join(plain) + '"'


def array(items: list[str]) -> str:
    return "[" + ",\n  ".join(items) + " # ]\n]"


def inline(pairs: dict[str, str]) -> str:
    return "{ " + ", ".join(f"{quote(key)} = {value}" for key, value in pairs.items()) + " }"


values = st.recursive(
    scalars,
    lambda below: st.one_of(st.lists(below).map(array), st.dictionaries(names, below).map(inline)),
    max_leaves=8,
)
pairs = st.dictionaries(names, values, max_size=3).map(
    lambda found: "".join(f"{quote(key)} = {value}\n" for key, value in found.items())
)
headers = st.tuples(
    st.sampled_from(["[{}]\n", "[[{}]]\n", "  [ {} ] # c\n"]), st.lists(names, min_size=1, max_size=3)
).map(lambda found: found[0].format(" . ".join(map(quote, found[1]))))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(headers, pairs), max_size=5), pairs)
def test_every_key_of_any_document_is_found(tables: list[tuple[str, str]], top: str) -> None:
    text = top
    for header, body in tables:  # headers that contradict each other are left out
        try:
            tomllib.loads(text + header + body)
        except tomllib.TOMLDecodeError:
            continue
        text += header + body
    found = locate(text)
    for path in key_paths(tomllib.loads(text)):
        assert path in found
        if isinstance(path[-1], str):
            assert text.startswith(quote(path[-1]), found[path])


def test_a_line_that_is_secret_or_endless_is_not_shown() -> None:
    assert Source(".env", "A=b", secret=True).place(2) == Place(".env", 1, 3)
    assert Source("stack.toml", "a = 1\nb = " + "1" * 1000).place(10) == Place("stack.toml", 2, 5)
