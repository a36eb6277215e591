"""The process `stackctl`, also as `python -m stackctl`."""

from __future__ import annotations

import gc
import sys
from typing import NoReturn

_GARBAGE = 200_000
"""After this many new objects Python looks for garbage. Loading modules makes many objects and no garbage."""


def main(args: list[str] | None = None) -> NoReturn:
    """Run the command line, and end the process with its exit code."""
    if sys.platform == "win32":
        sys.exit("stackctl runs on Linux and macOS, and on Windows within WSL 2: start it in a WSL terminal")
    gc.set_threshold(_GARBAGE)
    from stackctl.cli import cli
    from stackctl.cli.exit_codes import guarded
    from stackctl.cli.streams import finish, prepare

    prepare()
    code = guarded(lambda: cli.main(args, prog_name="stackctl", standalone_mode=False))
    finish()
    gc.freeze()  # else the interpreter looks for garbage before it ends, which takes a tenth of a short run
    sys.exit(code)


if __name__ == "__main__":
    main()
