import fcntl
import io
import os
import pty
import struct
import subprocess
import sys
import termios

import pytest

from stackctl.show.run.jsonl import JsonLines
from stackctl.show.run.live import Live
from stackctl.show.run.plain import Plain, Quiet
from stackctl.show.run.render import Mode, renderer
from stackctl.show.text.style import PLAIN, Style, columns, is_terminal, style_for


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.delenv("COLUMNS", raising=False)


@pytest.mark.parametrize(
    ("mode", "on_terminal", "elsewhere"),
    [
        ("auto", Live, Plain),
        ("live", Live, Live),
        ("plain", Plain, Plain),
        ("json", JsonLines, JsonLines),
        ("quiet", Quiet, Quiet),
    ],
)
def test_the_mode_chooses_and_auto_looks_at_the_stream(
    mode: Mode, on_terminal: type, elsewhere: type
) -> None:
    assert type(renderer(mode, Terminal())) is on_terminal
    assert type(renderer(mode, io.StringIO())) is elsewhere


def test_a_dumb_terminal_gets_plain_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    assert not is_terminal(Terminal())
    assert type(renderer("auto", Terminal())) is Plain


def test_colour_is_for_terminals_and_can_be_declined(monkeypatch: pytest.MonkeyPatch) -> None:
    assert style_for(Terminal()) == Style(color=True)
    assert style_for(io.StringIO()) == style_for(None) == style_for(Terminal(), no_color=True) == PLAIN
    monkeypatch.setenv("NO_COLOR", "")
    assert style_for(Terminal()) == Style(color=True)
    monkeypatch.setenv("NO_COLOR", "1")
    assert style_for(Terminal()) == PLAIN


def test_the_width_is_that_of_the_terminal_unless_columns_says_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ours, theirs = pty.openpty()
    with os.fdopen(ours), os.fdopen(theirs, "w") as terminal:
        assert columns(terminal) is None, "it does not say"
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 60, 0, 0))
        assert columns(terminal) == style_for(terminal, no_color=True).width == 60
        monkeypatch.setenv("COLUMNS", "132")
        assert columns(terminal) == 132
    assert columns(io.StringIO()) is None


def test_dressing() -> None:
    assert Style(color=True)("x", "bold", "red") == "\x1b[1;31mx\x1b[0m"
    assert Style(color=True)("x") == "x"
    assert Style(color=True)("", "red") == ""
    assert PLAIN("x", "red") == "x"


def test_only_the_live_display_imports_rich() -> None:
    code = (
        "import io, sys, stackctl.show.run.render as r, stackctl.show.tables, stackctl.show.log_lines, stackctl.show.problems\n"
        "for mode in ('auto', 'plain', 'json', 'quiet'): r.renderer(mode, io.StringIO())\n"
        "sys.exit('rich' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
