"""What holds for every test."""

from __future__ import annotations

import signal

# In the background (`make test &`, `nohup`) these signals are ignored, and would be in all that the tests start. A handler that
# does nothing ignores them here as well; but what is started has the signal's usual effect again (execve(2)).
for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGTERM):
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, lambda *_: None)
