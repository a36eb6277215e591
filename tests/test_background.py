"""The tests themselves: they run in the background as in the foreground, in any shell, and none runs for ever."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
IGNORING = "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_IGN); os.execv(sys.argv[1], sys.argv[1:])"
"""Become another program that ignores Ctrl-C, as a shell makes it for `command &`."""


@pytest.mark.parametrize("arguments", [(), ("-n", "1")])
def test_what_a_test_starts_in_the_background_heeds_ctrl_c(
    pytester: pytest.Pytester, arguments: tuple[str, ...]
) -> None:
    pytester.makeconftest((ROOT / "conftest.py").read_text())
    pytester.makepyfile(
        """
        import subprocess, sys

        def test_it():
            asked = "import signal; print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)"
            assert subprocess.check_output([sys.executable, "-c", asked], text=True) == "True\\n"
        """
    )
    result = pytester.run(
        sys.executable, "-c", IGNORING, sys.executable, "-m", "pytest", *arguments, timeout=60
    )
    result.assert_outcomes(passed=1)


@pytest.mark.parametrize("arguments", [(), ("-n", "1")])
def test_what_the_shell_says_changes_no_test(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    said = {
        "CI": "1",
        "COLUMNS": "60",
        "COMPOSE_FILE": "x",
        "GITHUB_ACTIONS": "true",
        "NO_COLOR": "1",
        "STACKCTL_FILE": "x",
        "TERM": "dumb",
    }
    for name, value in said.items():
        monkeypatch.setenv(name, value)
    pytester.makeconftest((ROOT / "conftest.py").read_text())
    pytester.makepyfile(
        f"""
        import os

        def test_it():
            assert {{name: os.environ[name] for name in {sorted(said)} if name in os.environ}} == {{"TERM": "xterm-256color"}}
        """
    )
    pytester.runpytest_subprocess(*arguments, timeout=60).assert_outcomes(passed=1)


def test_every_test_has_a_deadline(pytestconfig: pytest.Config) -> None:
    assert 0 < float(pytestconfig.getini("timeout")) <= 600
