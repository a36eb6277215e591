"""Run a script where nothing can leave, and record the `docker` commands that it gives.

The script runs in namespaces of its own: no network, no processes but its own, a throw-away root in memory. Of this machine it sees the
programs (`/usr` and the like, read-only), and nothing else: no home, no file of `/etc`, no socket of an engine. The first `docker` on its
PATH only writes down its words. It has no capabilities; processes, memory, files and time are limited.
"""

from __future__ import annotations

import os
import re
import select
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from msgspec import Struct

from stackctl.errors import UsageError

SECONDS = 20
"""How long a script may run."""
HERE, HOME = "/here", "/home/user"
"""The directory in which the script runs, and its home."""
_SETUP = 60
"""How many seconds a slow machine may take to make the namespaces."""
_LONGEST = 1 << 20
"""How many bytes are recorded."""
_PROCESSES = 32
_NOBODY = 65534
_READY = b"ready\0"

_INSIDE = r"""
set -eu
exec 3>&1 1>&2
root=$1 processes=$2
shift 2
mount -t tmpfs -o size=16m,nr_inodes=4k,mode=755,nosuid,nodev tmpfs "$root"
cd "$root"
mkdir -p old proc dev etc/alternatives tmp here home/user run/record
for each in usr bin sbin lib lib32 lib64 libx32 etc/alternatives; do
  if [ -h "/$each" ]; then
    cp -P "/$each" "$each"
  elif [ -d "/$each" ]; then
    mkdir -p "$each"
    mount --bind "/$each" "$each"
    mount -o remount,bind,ro,nosuid,nodev "$each"
  fi
done
for each in null zero full random urandom; do
  : >"dev/$each"
  mount --bind "/dev/$each" "dev/$each"
done
mount -t proc -o nosuid,nodev,noexec proc proc
echo root:x:0:0::/home/user:/bin/sh >etc/passwd
echo root:x:0: >etc/group
cat >here/script
cat >run/record/docker <<'END'
#!/bin/bash
printf '%s\0' "$(($# + 1))" "$PWD" "${0##*/}" "$@" >&3
case "$1 $2" in
  *inspect*) exit 1 ;;
  run* | *create*) echo 0123456789ab ;;
esac
END
cat >run/record/sudo <<'END'
#!/bin/bash
while [[ $1 == -* ]]; do [[ $1 == -[ugh] ]] && shift; shift; done
exec "$@"
END
for each in sleep curl wget nc ping; do
  printf '#!/bin/sh\nexit 0\n' >"run/record/$each"
done
cp run/record/docker run/record/podman
chmod 755 run/record/*
pivot_root . old
cd /here
umount -l /old
rmdir /old
printf 'ready\0' >&3
exec setpriv --no-new-privs --bounding-set -all --inh-caps -all \
  prlimit --nproc="$processes" --as=268435456 --fsize=8388608 --nofile=256 --core=0 \
  env -i PATH=/run/record:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/home/user \
  bash /here/script "$@" </dev/null >/dev/null 2>&1
"""
"""What the first process of the namespaces does. It goes on as the script, without the right to undo anything of this."""


class Recorded(Struct, frozen=True):
    """The calls of `docker`: the directory of each, and its words. `ended`: how the script ended, "" if all went well."""

    calls: tuple[tuple[str, tuple[str, ...]], ...]
    ended: str = ""

    @property
    def text(self) -> str:
        """The calls as a script: a line for each. Paths begin with the directory of the script, or with the home, as variables."""
        lines = []
        for directory, words in self.calls:
            line = " ".join(map(_quoted, words))
            lines.append(line if directory == HERE else f"(cd {_quoted(directory)} && {line})")
        return "HERE=$PWD; " + "\n".join(lines) + "\n"


def _quoted(word: str) -> str:
    """A word of bash."""
    pieces = re.split(rf"(?<![\w./-])({HERE}|{HOME})(?![\w.-])", word)
    variables = {HERE: '"$HERE"', HOME: '"$HOME"'}
    return "".join(variables.get(piece) or shlex.quote(piece) for piece in pieces if piece) or "''"


def record(text: str, arguments: Sequence[str] = ()) -> Recorded:
    """Run a script in the sandbox.

    Raises UsageError where a script cannot be isolated: then nothing of it has run.
    """
    missing = [
        tool
        for tool in ("unshare", "setpriv", "prlimit", "pivot_root", "mount", "bash")
        if not shutil.which(tool, path=_path())
    ]
    if sys.platform != "linux" or missing:
        why = (
            f"{', '.join(missing)} is missing" if missing and sys.platform == "linux" else "this is not Linux"
        )
        raise UsageError(
            f"a script cannot be isolated here: {why}",
            "without --record, import reads the script and runs nothing",
        )
    root = Path(tempfile.mkdtemp(prefix="stackctl-record-"))
    try:
        return _recorded(root, text, arguments)
    finally:
        root.rmdir()


def _path() -> str:
    return os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])


def _recorded(root: Path, text: str, arguments: Sequence[str]) -> Recorded:
    user = _NOBODY if os.getuid() == 0 else os.getuid()  # the limit of processes does not hold for root
    other = _NOBODY if os.getuid() == 0 else None
    if other:
        os.chown(root, other, other)
    spaces = "--user --map-root-user --mount --pid --fork --net --ipc --uts --kill-child".split()
    child = subprocess.Popen(
        [
            "unshare",
            *spaces,
            "sh",
            "-c",
            _INSIDE,
            "sh",
            str(root),
            str(_PROCESSES + _running(user)),
            *arguments,
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd="/",
        env={"PATH": _path()},
        start_new_session=True,
        user=other,
        group=other,
        extra_groups=None if other is None else [],
    )
    assert child.stdin
    assert child.stdout
    assert child.stderr
    try:
        with suppress(BrokenPipeError):
            child.stdin.write(text.encode(errors="replace"))
            child.stdin.close()
        data, cut = _read(child.stdout.fileno())
        if not cut:
            with suppress(subprocess.TimeoutExpired):
                child.wait(timeout=SECONDS)
    finally:
        child.kill()
        code = child.wait()
        error = os.read(child.stderr.fileno(), 500).decode(errors="replace").strip()
        child.stdout.close()
        child.stderr.close()
    if not data.startswith(_READY):
        raise UsageError(
            f"a script cannot be isolated here: {error or 'the kernel refuses namespaces'}",
            "without --record, import reads the script and runs nothing",
        )
    ended = cut or (f"it ended with exit code {code}" if code > 0 else "")
    return Recorded(tuple(_calls(data.removeprefix(_READY))), ended)


def _read(pipe: int) -> tuple[bytes, str]:
    """What is written until the script and all that it started have ended, or until it is too long or too late."""
    data, runs, end = b"", False, time.monotonic() + _SETUP
    while (left := end - time.monotonic()) > 0:
        if select.select([pipe], [], [], left)[0]:
            piece = os.read(pipe, 1 << 16)
            data += piece
            if not piece:
                return data, ""
            if not runs and data.startswith(_READY):
                runs, end = True, time.monotonic() + SECONDS
            if len(data) > _LONGEST:
                return data, "it gave more commands than are recorded, and was ended"
    return data, f"it ran for more than {SECONDS} s, and was ended"


def _calls(data: bytes) -> Iterator[tuple[str, tuple[str, ...]]]:
    words = data.decode(errors="replace").split("\0")[:-1]
    while words and words[0].isdigit() and len(words) > int(words[0]) + 1:
        count = int(words[0]) + 2
        yield words[1], tuple(words[2:count])
        words = words[count:]


def _running(user: int) -> int:
    """How many processes a user has: the limit counts them, too."""

    def owner(each: Path) -> int:
        try:
            return each.stat().st_uid
        except OSError:
            return -1

    return sum(owner(each) == user for each in Path("/proc").iterdir() if each.name.isdigit())
