"""Text keeps where its parts come from, through everything that is done to it."""

import shlex
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stackctl.spec.model import Service
from stackctl.spec.source.reading import read
from stackctl.spec.source.request import StackRequest
from stackctl.spec.text.parts import (
    Part,
    Reference,
    Text,
    VariableOrigin,
    cut,
    filled,
    parts,
    pending,
    words,
    written,
)

HOME = VariableOrigin("HOME", "shell")
URL = Reference("db", "url")


def of(text: str) -> list[str]:
    """The parts as one reads them: `name(text)` for those of a variable, with `*` for those of a reference."""
    return [
        f"{'*' if part.reference else ''}{part.variable.name}({part.text})"
        if part.variable
        else f"*({part.text})"
        if part.reference
        else part.text
        for part in parts(text)
    ]


STACK = """
[services.db]
image = "postgres:15"
environment = { POSTGRES_USER = "me", POSTGRES_PASSWORD = "${DB_PASSWORD}" }

[services.api]
image = "api"
env_file = "api.env"
command = "serve --user ${services.db.user} --password=${DB_PASSWORD:-none} '${GREETING} all'"
environment = ["URL=${services.db.url}?x=${GREETING}", "PLAIN=x$$y", "OTHER=${NONE:-a$GREETING}"]
healthcheck = { test = ["CMD", "check", "${services.db.url}"] }
labels = { greeting = "${GREETING}" }
build = { context = ".", args = { WHO = "${GREETING}" } }
"""


@pytest.fixture
def api(tmp_path: Path) -> Service:
    (tmp_path / "stack.toml").write_text(STACK)
    (tmp_path / ".env").write_text("DB_PASSWORD=p@ss\n")
    (tmp_path / "api.env").write_text("FROM_FILE=<$DB_PASSWORD>\n")
    return read(StackRequest(directory=tmp_path, environ={"GREETING": "hi there"})).services["api"]


def test_every_value_of_a_service_knows_its_variables(api: Service) -> None:
    assert {name: of(value or "") for name, value in api.resolved.items()} == {
        "FROM_FILE": ["<", "DB_PASSWORD(p@ss)", ">"],
        "URL": ["*(postgresql://)", "*(me)", "*(:)", "*DB_PASSWORD(p%40ss)", "*(@)", "*(db:5432)", "*(/)", "*(me)", "?x=", "GREETING(hi there)"],
        "PLAIN": ["x$y"],
        "OTHER": ["NONE(a)", "GREETING(hi there)"],
    }  # fmt: skip
    assert api.resolved["URL"] == "postgresql://me:p%40ss@db:5432/me?x=hi there"
    assert api.command is not None
    assert [of(word) for word in api.command.argv] == [
        ["serve"],
        ["--user"],
        ["*(me)"],
        ["--password=", "DB_PASSWORD(p@ss)"],
        ["GREETING(hi there)", " all"],
    ]
    assert of(api.labels["greeting"]) == ["GREETING(hi there)"]
    assert api.build is not None
    assert of(api.build.args["WHO"].text or "") == ["GREETING(hi there)"]
    sources = {
        part.variable.place for value in api.resolved.values() for part in parts(value or "") if part.variable
    }
    assert sources == {".env", "shell", ""}


def test_a_check_can_be_shown_as_it_was_written(api: Service) -> None:
    assert api.healthcheck is not None
    assert api.healthcheck.test is not None
    assert [written(word) for word in api.healthcheck.test.test] == ["CMD", "check", "${services.db.url}"]
    assert written(api.resolved["URL"] or "") == "${services.db.url}?x=${GREETING}"
    assert written("plain") == "plain"


def test_what_is_pending_is_filled_in_once_it_is_known() -> None:
    text = Text.of([Part("<"), Part(str(URL), reference=URL, pending=True), Part(">")])
    assert (text, list(pending(text))) == ("<${services.db.url}>", [URL])
    assert filled(text, lambda _: None) == text
    known = filled(text, lambda _: Text.of([Part("u:"), Part("p", HOME)]))
    assert (known, of(known), list(pending(known))) == ("<u:p>", ["<", "*(u:)", "*HOME(p)", ">"], [])


def test_the_rest_of_a_text_keeps_its_parts() -> None:
    text = Text.of([Part("A="), Part("x y", HOME), Part("!")])
    assert of(cut(text, 2)) == ["HOME(x y)", "!"]
    assert of(cut(text, 3)) == ["HOME( y)", "!"]
    assert cut(text, 9) == ""
    assert cut("A=b", 2) == "b"


letters = st.text("ab '\"\\\n\t", max_size=12)


@settings(deadline=None)
@given(letters, letters, letters)
def test_words_are_those_of_a_shell(before: str, value: str, after: str) -> None:
    text = Text.of([Part(before), Part(value, HOME), Part(after)])
    try:
        expected: tuple[str, ...] | None = tuple(shlex.split(text))
    except ValueError:
        expected = None
    try:
        found: tuple[str, ...] | None = words(text)
    except ValueError:
        found = None
    assert found == expected


def test_a_reference_within_a_command_is_one_word_whatever_its_value_is() -> None:
    text = Text.of([Part("run "), Part(str(URL), reference=URL, pending=True), Part(" now")])
    assert [filled(word, lambda _: "a 'b") for word in words(text)] == ["run", "a 'b", "now"]
