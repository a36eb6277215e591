"""Which stack is to be read, and how."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct

from stackctl.spec.selection import Selection


class StackRequest(Struct, frozen=True, kw_only=True):
    """Which stack is to be read, and how."""

    files: Sequence[Path] = ()
    """Later ones are laid over earlier ones; none: the stack.toml in `directory` or above it."""
    directory: Path
    """Where the user is; file names are relative to it."""
    environ: Mapping[str, str]
    """The shell's variables."""
    env_files: Sequence[Path] = ()
    """Files of variables instead of the `.env` beside the stack; later ones win."""
    selection: Selection = Selection()
    """What is asked for: unset variables and missing env_files of the rest do not count. Unknown names are passed over."""
    strict: bool = True
    """Whether an unset variable or a missing env_file is an error; else it is empty."""
    name: str | None = None
    """The project's name, if the command line gives one."""
    project_directory: Path | None = None
    """What paths in the files are relative to, instead of the first file's directory."""
    overrides: Mapping[str, Any] | None = None
    """A tree laid over those of the files, as a last file would be."""
