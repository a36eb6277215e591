"""What holds for every test."""

from __future__ import annotations

import os
import signal

# In the background (`make test &`, `nohup`) these signals are ignored, and would be in all that the tests start. A handler that
# does nothing ignores them here as well; but what is started has the signal's usual effect again (execve(2)).
for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGTERM):
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, lambda *_: None)

_SPEAKS = ("BUILD_NUMBER", "CI", "COLUMNS", "FORCE_COLOR", "LINES", "NO_COLOR")
"""Variables, beside those of stackctl and Compose, with which a shell says how a program is to print."""


def pytest_sessionstart() -> None:
    """Tests see the same environment, whatever the shell says that started them."""
    for name in [*os.environ]:
        if name in _SPEAKS or name.startswith(("STACKCTL_", "COMPOSE_", "GITHUB_")):
            del os.environ[name]
    os.environ["TERM"] = "xterm-256color"
