"""Paths of the host, as a stack.toml writes them: relative to the stack.toml, which stands where the script stands."""

from __future__ import annotations

from stackctl.convert.bash.shell import HERE, path_in
from stackctl.convert.unset import is_known, unset

_HOME = unset("HOME")


def host_path(text: str, directory: str = HERE) -> str:
    """A path that the script names in this directory."""
    path = text
    if text.startswith("."):
        path = path_in(directory, text)
        if text.endswith("/") and not path.endswith("/"):
            path += "/"
    if path == f"{HERE}/.." or path.startswith(f"{HERE}/../"):
        return path[len(HERE) + 1 :]
    if path == HERE or path.startswith(f"{HERE}/"):
        return "." + path[len(HERE) :]
    if path == _HOME or path.startswith(f"{_HOME}/"):
        return "~" + path[len(_HOME) :]
    return path


def named_path(text: str, directory: str = HERE) -> str:
    """A text that is surely a path of the host, such as `data/db`, as `host_path` writes it."""
    return host_path(
        text if text.startswith((".", "/", "~")) or not is_known(text[:1]) else f"./{text}", directory
    )
