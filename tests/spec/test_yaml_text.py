"""The text of a YAML file: what its scalars mean, where its values stand, and what is wrong with it."""

import pytest

from stackctl.spec.source.locate import Source
from stackctl.spec.source.nodes import NodePlaces, YamlNode, plain
from stackctl.spec.source.yaml_text import parse


def read(text: str) -> list[YamlNode]:
    nodes, problems = parse(Source("f.yaml", text))
    assert not problems
    return nodes


def problems(text: str) -> list[str]:
    return [str(problem) for problem in parse(Source("f.yaml", text))[1]]


SCALARS = {
    "22:22": "22:22", "yes": "yes", "on": "on", "y": "y", "0755": "493", "0o755": "493", "08": "8", "1.10": "1.1", "1.0": "1", "1e3": "1000",
    "1_000": "1000", "0x1F": "31", "-0o7": "-7", ".5": "0.5", "1.": "1", "1000000.0": "1e+06", "123456.7": "123456.7",
    "0.0001": "0.0001", "0.00001": "1e-05", "-0": "-0", "12345678901234567890123": "1.2345678901234568e+22", "2001-01-01": "2001-01-01",
    "=": "=", "!!str 12": "12", '!!int "12"': "12", "!!float 3": "3", "!!binary aGVsbG8=": "hello", "!own x": "x", '"null"': "null",
    "190:20:30": "190:20:30", "0o8": "0o8", ".inf": "+Inf", "-.inf": "-Inf", ".nan": "NaN",
}  # fmt: skip
"""Scalars, and the texts that containers get. Except for the date, `docker-compose config` of v5.6.1 shows the same."""


@pytest.mark.parametrize(("written", "text"), SCALARS.items())
def test_a_scalar_means_what_it_means_to_compose(written: str, text: str) -> None:
    assert str(plain(read(f"a: {written}")[0])["a"]) == text


def test_the_kinds_of_scalars() -> None:
    assert plain(read("[~, null, Null, true, TRUE, False, 1, 'true', '']")[0]) == [
        None, None, None, True, True, False, 1, "true", "",
    ]  # fmt: skip


def test_a_key_in_braces_needs_no_space_after_its_colon() -> None:
    assert plain(read("{a: 5, B:}")[0]) == {"a": 5, "B": None}
    (problem,) = problems("a: {B:}\nc: [")
    assert problem.startswith("f.yaml:2:5: not YAML")


def test_anchors_and_merge_keys() -> None:
    text = "x: &x {a: 1, b: 2}\ny: &y {b: 3, c: 4}\nz: {<<: [*x, *y], a: 5}\nw: {<<: *y}\nv: *x\n"
    found = plain(read(text)[0])
    assert found["z"] == {"a": 5, "b": 2, "c": 4}
    assert found["w"] == {"b": 3, "c": 4}
    assert found["v"] == {"a": 1, "b": 2}


def test_documents_and_tags() -> None:
    one, two = read("a: 1\n---\n---\na: !reset null\nb: !override [1]\n")
    assert plain(one) == {"a": 1}
    assert {key: node.tag for key, node in two.value.items()} == {"a": "!reset", "b": "!override"}


def test_every_value_has_its_place() -> None:
    text = "é:\r\n  - a\r\n  -   b: [c,   d]\r\n      <<: &m {e: 1}\r\n"
    source = Source("f.yaml", text)
    offsets = NodePlaces(parse(source)[0][0]).by_file["f.yaml"]
    places = {path: f"{(at := source.place(offset)).line}:{at.column}" for path, offset in offsets.items()}
    assert places == {
        ("é",): "1:1",
        ("é", 0): "2:5",
        ("é", 1): "3:7",
        ("é", 1, "b"): "3:7",
        ("é", 1, "b", 0): "3:11",
        ("é", 1, "b", 1): "3:16",
        ("é", 1, "e"): "4:15",
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [1\n", "f.yaml:2:1: not YAML: did not find expected ',' or ']' (is a bracket"),
        ("a:\n\tb: 1\n", "f.yaml:2:1: not YAML: found character that cannot start any token (indent with spaces"),
        ("a: b: c\n", 'f.yaml:1:5: not YAML: mapping values are not allowed in this context (put a text that has ": "'),
        ("a: *b\n", "f.yaml:1:4: no anchor is called 'b' (write &b before"),
        ("x: &base 1\na: *bse\n", "f.yaml:2:4: no anchor is called 'bse' (did you mean 'base'?)"),
        ("a: &a [*a]\n", "f.yaml:1:8: the value of the anchor 'a' contains itself"),
        ("a: 1\nb:\n  c: 1\n  c: 2\n", "f.yaml:4:3: the key 'c' is given twice"),
        ("1: 2\n", "f.yaml:1:1: the key 1 is not a text (put it into quotes)"),
        ("{a: 1}: 2\n", "f.yaml:1:1: a key must be a text"),
        ("? [a]\n: 2\n", "f.yaml:1:3: a key must be a text"),
        ("<<: 1\n", "f.yaml:1:5: << needs a mapping"),
        ("a: !!int x\n", "f.yaml:1:4: 'x' is not a value of the tag !!int"),
        ("a: \x07\n", "f.yaml:1:4: the character U+0007 is not allowed in YAML"),
        ("a: " + "[" * 70, "f.yaml:1:67: nested deeper than 64"),
        ("a: 'b\n", "f.yaml:2:1: not YAML: found unexpected end of stream (is a quote left open?)"),
    ],
)  # fmt: skip
def test_mistakes_have_a_place_and_a_way_out(text: str, message: str) -> None:
    assert problems(text)[0].startswith(message)


def test_a_few_lines_that_stand_for_billions_of_values_end_at_once() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += (f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 10))
    assert problems("\n".join(lines))[0].startswith(
        "f.yaml:6:10: the file stands for more than 100,000 values"
    )


def test_aliases_cannot_nest_without_end() -> None:
    lines = ["a0: &a0 [x]", *(f"a{n}: &a{n} [[[[*a{n - 1}]]]]" for n in range(1, 400))]
    assert "nested deeper than 64" in problems("\n".join(lines))[0]


def test_a_file_with_too_many_values_is_not_read_to_its_end() -> None:
    """What comes after the limit is read no more: it is no YAML."""
    entries, values = (
        "more than 10,000 entries (split the file)",
        "the file stands for more than 100,000 values (use fewer aliases)",
    )
    for text, said in (("- a\n" * 100_001, entries), ("---\na: b\n" * 50_001, values)):
        assert [each.partition(": ")[2] for each in problems(f"{text}]")] == [said]


def test_a_long_file_must_be_written_as_the_fast_parser_reads_it() -> None:
    """The parser in Python would need ten seconds for a file of the largest size."""
    assert problems("x: {key:}\n") == []
    long = "#\n" * 50_000 + "x: {key:}\n"
    assert problems(long) == [
        "f.yaml:50001:8: not YAML: found unexpected ':' (write a space after the colon)"
    ]
