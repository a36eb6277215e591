"""The request to read a stack."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct

from stackctl.spec.selection import Selection


class StackRequest(Struct, frozen=True, kw_only=True):
    """Which stack to read, and how."""

    files: Sequence[Path] = ()
    """The stack's files; later ones are laid over earlier ones. If empty: the stack.toml in `directory` or above it."""
    directory: Path
    """The user's directory. File names are relative to it."""
    environ: Mapping[str, str]
    """The shell's variables."""
    env_files: Sequence[Path] = ()
    """Files of variables instead of the `.env` beside the stack; later ones win."""
    selection: Selection = Selection()
    """The part of the stack that is asked for. Unset variables and missing env_files of other services do not count. Unknown
    names are no error here.
    """
    strict: bool = True
    """Whether an unset variable or a missing env_file is an error; else it counts as empty."""
    name: str | None = None
    """The project's name, if the command line gives one."""
    project_directory: Path | None = None
    """The directory that paths in the files are relative to; None: the directory of the first file."""
    overrides: Mapping[str, Any] | None = None
    """A tree that is laid over the files, as if it were the last file."""
    scale: Mapping[str, int] = {}
    """How many containers services have, instead of what the files say."""
