"""The process `stackctl`, also as `python -m stackctl`."""

from __future__ import annotations

import gc
import sys
from typing import NoReturn

_GARBAGE = 200_000
"""After this many new objects Python looks for garbage. Loading modules makes many objects and no garbage."""


def main(args: list[str] | None = None) -> NoReturn:
    """Run the command line, and end the process with its exit code."""
    try:
        code = _run(args)
        signal = sys.modules.get("signal")  # who has loaded it may have threads, which take time to end
        if signal and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C meanwhile prints no traceback
    except KeyboardInterrupt:  # it came before a command had begun, or after one
        code = 130
    sys.exit(code)


def _run(args: list[str] | None) -> int:
    if sys.platform == "win32":
        sys.exit("stackctl runs on Linux and macOS, and on Windows within WSL 2: start it in a WSL terminal")
    gc.set_threshold(_GARBAGE)
    from stackctl.cli import cli
    from stackctl.cli.exit_codes import guarded
    from stackctl.cli.streams import prepare

    prepare()
    code = guarded(lambda: cli.main(args, prog_name="stackctl", standalone_mode=False))
    gc.freeze()  # else the interpreter looks for garbage before it ends, which takes a tenth of a short run
    return code


if __name__ == "__main__":
    main()
