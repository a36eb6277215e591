"""Compare `stackctl config` with `docker-compose config` over compose files.

    .venv/bin/python bench/config_shape.py DIRECTORY [--only TEXT] [--yaml] [--show N]

Both read each file of a copy of the directory, with the same variables. What a file needs and the directory does not have is made
first: files of variables, and values of required variables. Files that Compose refuses even so are counted apart.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

BIN = Path(__file__).resolve().parent.parent / ".venv/bin"
NEEDED = 40
"""How often Compose may ask for one more file or variable."""
_FILE = re.compile(r"(?:env file|stat|label file) (\S+?):? (?:not found|no such file)")
_VARIABLE = re.compile(r"required variable (\w+) is missing")


@dataclass
class Compared:
    """What became of one file. `refused` is what Compose said if it refused the file."""

    name: str
    refused: str = ""
    differences: list[str] = field(default_factory=list)
    same_text: bool = False


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("directory", type=Path)
    parser.add_argument("--only", default="", help="only files whose name has this text")
    parser.add_argument("--yaml", action="store_true", help="compare --format yaml instead of json")
    parser.add_argument("--show", type=int, default=10, help="differences to show of each file")
    given = parser.parse_args()
    found = []
    with tempfile.TemporaryDirectory() as place:
        copy = Path(place) / given.directory.resolve().name
        shutil.copytree(given.directory, copy, ignore=shutil.ignore_patterns(".git"), symlinks=True)
        subprocess.run(["chmod", "-R", "u+w", str(copy)], check=True)
        for file in files(copy):
            if given.only in file:
                found.append(compared(copy, file, "yaml" if given.yaml else "json"))
                told(found[-1], given.show)
    accepted = [each for each in found if not each.refused]
    equal = [each for each in accepted if not each.differences]
    print(
        f"\n{len(equal)} of {len(accepted)} files that Compose accepts are equal"
        f" ({sum(each.same_text for each in accepted)} byte for byte); Compose refuses {len(found) - len(accepted)} more"
    )
    return 0 if len(equal) == len(accepted) else 1


def files(directory: Path) -> Iterator[str]:
    for path in sorted(directory.rglob("*.y*ml")):
        if path.parent == directory or "compose" in path.name:
            yield str(path.relative_to(directory))


def compared(directory: Path, file: str, form: str) -> Compared:
    environ = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    theirs = asked_for(directory / file, environ, form)
    if theirs.returncode:
        return Compared(file, refused=theirs.stderr.strip().splitlines()[-1])
    ours = config("stackctl", directory / file, environ, form)
    if ours.returncode:
        return Compared(file, differences=["refused", *ours.stderr.strip().splitlines()])
    read = json.loads if form == "json" else yaml.safe_load
    found = [*differences(read(theirs.stdout), read(ours.stdout))]
    return Compared(file, differences=found, same_text=theirs.stdout.strip() == ours.stdout.strip())


def asked_for(file: Path, environ: dict[str, str], form: str) -> subprocess.CompletedProcess[str]:
    """What Compose says, once it has the files and variables that it asks for."""
    for _ in range(NEEDED):
        done = config("docker-compose", file, environ, form)
        missing, unset = _FILE.findall(done.stderr), _VARIABLE.findall(done.stderr)
        if not done.returncode or not (missing or unset):
            break
        for path in map(Path, missing):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text('FROM_FILE=1\nQUOTED="a $$b"  # said\n')
        environ |= {name: f"value-of-{name.lower()}" for name in unset}
    return done


def config(tool: str, file: Path, environ: Mapping[str, str], form: str) -> subprocess.CompletedProcess[str]:
    command = [str(BIN / tool), "-f", str(file), "config", "--format", form]
    if tool == "stackctl":
        command.append("--show-secrets")
    return subprocess.run(
        command, env=environ, cwd=file.parent, capture_output=True, text=True, timeout=120, check=False
    )


def differences(theirs: Any, ours: Any, place: str = "") -> Iterator[str]:
    """Where two documents differ. The order of keys does not count."""
    match theirs, ours:
        case dict(), dict():
            for key in sorted({*theirs, *ours}, key=str):
                at = f"{place}.{key}".lstrip(".")
                if key not in ours:
                    yield f"{at}: only Compose has {theirs[key]!r}"
                elif key not in theirs:
                    yield f"{at}: only stackctl has {ours[key]!r}"
                else:
                    yield from differences(theirs[key], ours[key], at)
        case list(), list() if len(theirs) == len(ours):
            for index, (their, our) in enumerate(zip(theirs, ours, strict=True)):
                yield from differences(their, our, f"{place}[{index}]")
        case _ if theirs != ours or isinstance(theirs, bool) != isinstance(ours, bool):
            yield f"{place}: Compose {theirs!r}, stackctl {ours!r}"


def told(each: Compared, most: int) -> None:
    what = "equal" if not each.differences else f"{len(each.differences)} differences"
    print(f"{each.name}: {f'Compose refuses it: {each.refused[:150]}' if each.refused else what}")
    for difference in each.differences[:most]:
        print(f"    {difference[:300]}")


if __name__ == "__main__":
    sys.exit(main())
