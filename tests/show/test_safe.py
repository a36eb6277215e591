import io
from collections.abc import Callable

import pytest
from escapes import ESCAPES, harm
from terminal import screen

from stackctl.show.text.safe import (
    clean,
    clean_keeping_color,
    guarded,
    one_line,
    shortened,
    unguarded,
)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_there_are_enough_attacks() -> None:
    assert len(ESCAPES) >= 60


@pytest.mark.parametrize("attack", ESCAPES)
@pytest.mark.parametrize("made_safe", [clean, clean_keeping_color, one_line])
def test_nothing_that_moves_a_cursor_or_hides_text_survives(
    attack: str, made_safe: Callable[[str], str]
) -> None:
    text = made_safe(f"before{attack}after")
    assert text.startswith("before")
    assert harm(text) == []
    if (left := ESCAPES[attack]) is not None:
        assert clean(text) == f"before{left}after"


@pytest.mark.parametrize("attack", ESCAPES)
def test_a_terminal_shows_the_same_picture_however_a_text_is_cut(attack: str) -> None:
    """Whatever is written in one piece or character by character, nothing but text and colour comes."""
    left = ESCAPES[attack]
    for pieces in ([f"before{attack}after\n"], [*"before", *attack, *"after\n"]):
        terminal = Terminal()
        stream = guarded(terminal)
        for piece in pieces:
            assert stream.write(piece) == len(piece)
        shown = terminal.getvalue()
        assert harm(shown) == []
        row, *rest = screen(shown)
        assert row.startswith("before")
        if left is not None and len(pieces) == 1:
            assert (row, rest) == (f"before{left}after", [""])


def test_only_a_terminal_is_guarded_and_who_draws_gets_behind_the_guard() -> None:
    pipe, terminal = io.StringIO(), Terminal()
    assert guarded(pipe) is pipe
    assert unguarded(pipe) is pipe
    assert unguarded(guarded(terminal)) is terminal
    assert guarded(terminal).isatty()
    guarded(terminal).writelines(["\x1b[1mbold\x1b[0m", "\n"])
    assert terminal.getvalue() == "\x1b[1mbold\x1b[0m\n"


def test_newlines_tabs_and_other_scripts_stay() -> None:
    assert clean("a\tb\nc é 日本 ✔") == "a\tb\nc é 日本 ✔"


def test_colour_stays_when_asked_for_and_ends_with_the_text() -> None:
    assert clean_keeping_color("\x1b[31mred\x1b[2J") == "\x1b[31mred\x1b[0m"
    assert clean_keeping_color("\x1b[1;38;5;9mred\x1b[0m") == "\x1b[1;38;5;9mred\x1b[0m"
    assert clean_keeping_color("\x1b[31mred\x1b[0m and more\n") == "\x1b[31mred\x1b[0m and more\n"
    assert clean("\x1b[31mred\x1b[0m") == "red"


def test_one_line_has_no_newline() -> None:
    assert one_line("  a\n\n b\t c\r\n") == "a b c"


def test_shortened_text_says_so() -> None:
    assert shortened("postgres", 8) == "postgres"
    assert shortened("postgres", 5) == "post…"
