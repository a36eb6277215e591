"""Templates of the docker command."""

import json

import pytest

from stackctl.errors import UsageError
from stackctl.show.text.style import PLAIN
from stackctl.show.text.template import formatted

ROWS = [
    {"Name": "shop-db-1", "State": "running", "Labels": "a=1,b.c=2", "Ports": [1, 2], "Up": True},
    {"Name": "shop-api-1", "State": "exited", "Labels": "", "Ports": [], "Up": False},
]
FIELDS = ("Name", "State", "Labels", "Ports", "Up")


def written(form: str) -> str:
    return formatted(form, ROWS, FIELDS, {"State": "NOW"}, PLAIN)


@pytest.mark.parametrize(
    ("form", "first"),
    [
        ("{{.Name}}: {{ .State }}", "shop-db-1: running"),
        (r"{{.Name}}\t{{.Up}}", "shop-db-1\ttrue"),
        ("{{upper .Name}} {{lower .State}}", "SHOP-DB-1 running"),
        ("{{json .Name}} {{json .Ports}} {{.Ports}}", '"shop-db-1" [1, 2] [1, 2]'),
        ('{{.Label "b.c"}}-{{.Label "none"}}', "2-"),
        (r'{{"\t"}}{{- .Name -}}', "\tshop-db-1"),
        ("no field", "no field"),
    ],
)
def test_a_line_for_each_row(form: str, first: str) -> None:
    assert written(form).splitlines()[0] == first


def test_json_is_an_object_a_line() -> None:
    assert [json.loads(line) for line in written("json").splitlines()] == ROWS
    assert [json.loads(line) for line in written("{{json .}}").splitlines()] == ROWS


def test_a_table_has_titles() -> None:
    assert [
        line.split() for line in written(r'table {{.Name}}\t{{.State}}\t{{.Label "b.c"}}').splitlines()
    ] == [
        ["NAME", "NOW", "C"],
        ["shop-db-1", "running", "2"],
        ["shop-api-1", "exited"],
    ]


@pytest.mark.parametrize("form", ["{{.Nosuch}}", "{{if .Name}}x{{end}}", "{{.}}", "{{printf .Name}}"])
def test_what_is_not_understood_says_what_is(form: str) -> None:
    with pytest.raises(UsageError, match="--format: ") as refused:
        written(form)
    assert "Name" in refused.value.hint
