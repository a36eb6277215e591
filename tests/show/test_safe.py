from collections.abc import Callable

import pytest

from stackctl.show.text.safe import clean, clean_keeping_color, one_line, shortened

ATTACKS = [
    "\x1b]0;title\x07",
    "\x1b]0;title\x1b\\",
    "\x1b]52;c;cm0gLXJmIC8=\x07",
    "\x1b]8;;http://evil\x1b\\",
    "\x9d0;title\x9c",
    "\x1bPdevice\x1b\\",
    "\x1b^private\x1b\\",
    "\x1b_application\x1b\\",
    "\x1b[2J",
    "\x1b[?1049h",
    "\x1b[10;20H",
    "\x9b2J",
    "\x1bc",
    "\x1b(0",
    "\x1b",
    "\x1b[",
    "\x1b]0;never ends",
    "\r",
    "\b",
    "\x00",
    "\x07",
    "\x7f",
    "\x85",
    "\u202e",
    "\u2066",
    "\u200f",
    "\u2028",
    "\ud800",
]


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("made_safe", [clean, clean_keeping_color, one_line])
def test_nothing_that_moves_a_cursor_or_hides_text_survives(
    attack: str, made_safe: Callable[[str], str]
) -> None:
    text = made_safe(f"before{attack}after")
    assert text.startswith("before")
    assert text.isprintable()


@pytest.mark.parametrize(
    "attack", [attack for attack in ATTACKS if attack not in ("\x1b]0;never ends", "\x1b", "\x1b[")]
)
def test_what_was_written_to_be_read_survives(attack: str) -> None:
    assert clean(f"before{attack}after") == "beforeafter"


def test_newlines_tabs_and_other_scripts_stay() -> None:
    assert clean("a\tb\nc é 日本 ✔") == "a\tb\nc é 日本 ✔"


def test_colour_stays_when_asked_for_and_ends_with_the_text() -> None:
    assert clean_keeping_color("\x1b[31mred\x1b[2J") == "\x1b[31mred\x1b[0m"
    assert clean_keeping_color("\x1b[1;38;5;9mred\x1b[0m") == "\x1b[1;38;5;9mred\x1b[0m"
    assert clean("\x1b[31mred\x1b[0m") == "red"


def test_one_line_has_no_newline() -> None:
    assert one_line("  a\n\n b\t c\r\n") == "a b c"


def test_shortened_text_says_so() -> None:
    assert shortened("postgres", 8) == "postgres"
    assert shortened("postgres", 5) == "post…"
