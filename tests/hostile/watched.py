"""Run commands that must only read, and tell whatever else they do: `python watched.py DIRECTORY NUMBER`.

The interpreter tells each opened file, process and socket (`sys.addaudithook`; https://docs.python.org/3/library/audit_events.html).
"""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import sys
from pathlib import Path

sys.dont_write_bytecode = True
from fuzz import ROOT, SEEDS, made  # noqa: E402

from stackctl.cli import cli  # noqa: E402
from stackctl.cli.exit_codes import guarded  # noqa: E402

STACK = (
    ("check", "--offline"),
    ("config",),
    ("config", "--no-interpolate"),
    ("config", "--variables"),
    ("schema",),
    ("export", "bash"),
    ("export", "compose"),
    ("export", "k8s"),
    ("export", "graph"),
    ("explain",),
)
"""What may be done to a stack of a stranger."""
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_ACTS = (
    "subprocess.", "os.exec", "os.fork", "os.posix_spawn", "os.spawn", "os.system", "os.startfile", "pty.", "socket.connect", "socket.bind", "socket.send",
    "socket.getaddrinfo", "os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.symlink", "os.link", "os.truncate", "os.chmod", "os.chown",
    "os.utime", "os.kill", "shutil.", "tempfile.", "ftplib.", "urllib.", "http.", "webbrowser.", "mmap.",
)  # fmt: skip
found: list[str] = []
watching = False


def hear(event: str, args: tuple[object, ...]) -> None:
    if not watching:
        return
    if event == "open":
        flags = args[2]
        if isinstance(flags, int) and flags & _WRITES:
            found.append(f"open {args[0]!r} {flags:o}")
    elif event.startswith(_ACTS) or (event == "os.listdir" and str(args[0]).startswith("/proc")):
        found.append(f"{event} {args!r}")


def call(words: tuple[str, ...]) -> int:
    global watching
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        watching = True
        try:
            return guarded(lambda: cli.main(list(words), prog_name="stackctl", standalone_mode=False))
        finally:
            watching = False


def main(directory: Path, number: int) -> int:
    calls = read = 0
    sys.addaudithook(hear)
    with contextlib.chdir(directory):
        call(("init",))
    if not found:
        return 2  # nothing is heard, so nothing would be told
    found.clear()
    places = [*(path.parent for path in sorted(ROOT.glob("examples/*/stack.toml"))), ROOT]
    stacks: list[tuple[Path, list[tuple[str, ...]]]] = [(place, [*STACK]) for place in places]
    for kind, name in (
        ("toml", "stack.toml"),
        ("yaml", "compose.yaml"),
        ("script", "run.sh"),
        ("env", ".env"),
    ):
        for seed in range(number):
            place = directory / f"{kind}{seed}"
            place.mkdir()
            (place / name).write_bytes(made(kind, seed))
            if kind == "env":
                (place / "stack.toml").write_text('[services.a]\nimage = "a:${A:-1}"\nenv_file = ".env"\n')
            imported = [("import", name)] if kind in ("yaml", "script") else []
            stacks.append((place, [*([] if kind == "script" else STACK), *imported]))
    for kind in ("yaml", "script"):
        for index, text in enumerate(SEEDS[kind]):
            place = directory / f"whole-{kind}{index}"
            place.mkdir()
            name = "compose.yaml" if kind == "yaml" else "run.sh"
            (place / name).write_text(text)
            stacks.append((place, [("import", name)]))
    for place, commands in stacks:
        os.chdir(place)
        before = len(found)
        for words in commands:
            calls += 1
            read += call(words) == 0
            found[before:] = [
                each if " in " in each else f"{each} in {place}: {words}" for each in found[before:]
            ]
    os.chdir("/")
    shutil.rmtree(directory)
    print("\n".join([*found, f"{calls} calls, {read} of them read their stack, {len(found)} acts"]))
    return bool(found) or read < len(STACK)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2])))
