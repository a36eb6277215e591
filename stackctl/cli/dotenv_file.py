"""Files of variables that a command writes: what is there is never changed."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Collection, Mapping
from pathlib import Path

from stackctl.errors import UsageError
from stackctl.spec.source.loading import read_file
from stackctl.spec.source.locate import Source
from stackctl.spec.text.dotenv import LARGEST, parse
from stackctl.spec.text.interpolate import Lookup


def add_variables(path: Path, values: Mapping[str, str], heading: str = "", mode: int = 0o666) -> list[str]:
    """Add the variables that a file of variables does not have. What it has stays. Gives the names of those that were added."""
    text = _text(path)
    there, _ = parse(Source(path.name, text), Lookup(), strict=False)
    added = [name for name in values if name not in there]
    if added:
        lines = [f"{name}={_quoted(values[name])}\n" for name in added]
        _append(path, "".join([heading if not text else "", *lines]), mode)
    return added


def generate(env: Path, names: Collection[str]) -> list[tuple[str, str]]:
    """Put the variables that are missing into a file of variables, each with a new password. Beside a `.env` also into `.env.example`,
    and `.env` into `.gitignore`. Gives the files that have changed, and what each is for.
    """
    directory = env.parent
    example = dict.fromkeys(names, "change-me")
    own = {name: secrets.token_hex(16) for name in names}
    note = "# Copy to .env, which git ignores.\n"
    written: dict[str, tuple[object, str]] = {}
    if env.name == ".env":
        written[".env.example"] = (
            add_variables(directory / ".env.example", example, note),
            "what a .env needs, for others",
        )
    written[env.name] = (add_variables(env, own, mode=0o600), "generated passwords")
    if env.name == ".env":
        written[".gitignore"] = (ignore(directory / ".gitignore"), "keeps .env out of git")
    return [(name, what) for name, (changed, what) in written.items() if changed]


def ignore(path: Path) -> bool:
    """Let git ignore `.env`: `path` is the `.gitignore`. Gives whether anything was added."""
    if not {".env", "/.env", "*.env", ".env*"}.isdisjoint(_text(path).split()):
        return False
    _append(path, ".env\n")
    return True


def _text(path: Path) -> str:
    """The text of a file, "" if there is none. Raises UsageError if it cannot be read: what is not known cannot be kept."""
    try:
        return read_file(path, LARGEST).decode(errors="replace")
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}", "move it away") from error


def _append(path: Path, text: str, mode: int = 0o666) -> None:
    """Add lines to a file. A file that is not there is made, with that mode."""
    before = _text(path)
    with os.fdopen(
        os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, mode), "w", encoding="utf-8"
    ) as stream:
        stream.write(text if not before or before.endswith("\n") else f"\n{text}")


def _quoted(value: str) -> str:
    """A value as a `.env` has to write it, so that it reads back to the same."""
    if re.fullmatch(r"[\w./:@%+,=-]*", value):
        return value
    if "'" not in value and "\\" not in value and "\n" not in value:
        return f"'{value}'"
    escaped = re.sub(r'([\\"$])', r"\\\1", value).replace("\n", "\\n").replace("\r", "\\r")
    return f'"{escaped}"'
