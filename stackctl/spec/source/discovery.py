"""Find the files of the stack, and the name of its project."""

import contextlib
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from stackctl.errors import UsageError
from stackctl.spec.source import toml
from stackctl.spec.source.environment import setting
from stackctl.spec.source.loading import STDIN, join, read_file
from stackctl.spec.source.request import StackRequest

NAME = "stack.toml"
OVERRIDE = "stack.override.toml"
KNOWN = "known.toml"
"""The user's own known images, beside the stack.toml."""
COMPOSE_NAMES = ("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml")
COMPOSE_OVERRIDES = (
    "compose.override.yml",
    "compose.override.yaml",
    "docker-compose.override.yml",
    "docker-compose.override.yaml",
)


def is_compose(path: Path) -> bool:
    """Whether a file is read as a compose file, by its name. What stands on the standard input is one."""
    return path.suffix in (".yaml", ".yml") or path.name == STDIN


def find(directory: Path) -> tuple[Path, ...]:
    """The nearest stack.toml or compose file in `directory` or above it, and the override file beside it if there is one. A
    stack.toml wins over a compose file beside it.

    Raises:
        UsageError: there is no such file; or stack.toml is not a file; or the file stands above `directory` and belongs to another user,
            who could have put it there to have containers started.
    """
    directory = directory.absolute()
    for folder in (directory, *directory.parents):
        spec = folder / NAME
        if not spec.is_file() and os.path.lexists(spec):
            hint = "it is a directory" if spec.is_dir() else "is it a symbolic link that leads to no file?"
            raise UsageError(f"{spec} is not a file", hint)
        for names, overrides in (((NAME,), (OVERRIDE,)), (COMPOSE_NAMES, COMPOSE_OVERRIDES)):
            if found := _first(folder, names):
                if folder != directory and not _trusted(found):
                    raise UsageError(
                        f"{found} belongs to another user", f"if you trust it, say so: -f {found}"
                    )
                return (found, *filter(None, [_first(folder, overrides)]))
    raise UsageError(
        f"no {NAME} or compose.yaml in {directory} or above it",
        "stackctl init writes one; -f FILE names another",
    )


def _first(folder: Path, names: Iterable[str]) -> Path | None:
    return next((folder / name for name in names if (folder / name).is_file()), None)


def _trusted(path: Path) -> bool:
    return path.stat().st_uid in (os.getuid(), 0)


def locations(request: StackRequest) -> tuple[tuple[Path, ...], Path]:
    """The stack's files, and the directory that paths in them are relative to. If no file is named, COMPOSE_FILE names them unless
    there is a stack.toml in `directory`; else `find` looks for them.

    Raises:
        UsageError: as `find`.
    """
    directory = request.directory.absolute()
    files = request.files
    if not files and not (directory / NAME).is_file() and (named := setting(request, "COMPOSE_FILE")):
        separator = setting(request, "COMPOSE_PATH_SEPARATOR") or os.pathsep
        files = [Path(file) for file in named.split(separator) if file]
    paths = tuple(join(directory, path) for path in files) or find(directory)
    return paths, join(directory, request.project_directory) if request.project_directory else paths[0].parent


def compose_setting(request: StackRequest, name: str) -> str:
    """A variable that Compose reads itself, such as COMPOSE_PROFILES, from the shell or `.env`; "" if it is not set, or if the stack is
    no compose file.
    """
    try:
        paths, _ = locations(request)
    except UsageError:
        return ""
    return (setting(request, name) or "") if is_compose(paths[0]) else ""


def checked_name(name: str, where: str) -> str:
    """The name, if it is a project's name.

    Raises:
        UsageError: it is not. `where` says who has given it.
    """
    if normal(name) != name:
        hint = f"did you mean {normal(name)!r}?" if normal(name) else ""
        raise UsageError(f"{where}: {name!r} is not a project's name: use a-z, 0-9, '_' and '-'", hint)
    return name


def project_name(given: str | None, environ: Mapping[str, str], declared: str | None, directory: Path) -> str:
    """The project's name. The first of these decides: `-p`, `STACKCTL_PROJECT`, `name`, the directory's name, changed by
    `normal`.

    Raises:
        UsageError: the name that was given is not a project name, or nothing is left of the directory's name.
    """
    for name, where in (
        (given, "-p"),
        (environ.get("STACKCTL_PROJECT"), "STACKCTL_PROJECT"),
        (declared, "name"),
    ):
        if name:
            return checked_name(name, where)
    if name := normal(directory.absolute().name):
        return name
    raise UsageError(f"the directory {directory} gives no project name", 'write name = "…" or use -p')


def lenient_project_name(request: StackRequest) -> str:
    """The project's name, even if the stack's file is missing or broken: only the line of `name` is read.

    Raises:
        UsageError: as `project_name`; or the name depends on a variable, and a guess might name another project.
    """
    try:
        paths, base = locations(request)
    except UsageError:
        paths, base = (), join(request.directory.absolute(), request.project_directory or Path())
    declared = _declared("name", paths)
    if paths and is_compose(paths[0]):
        declared = setting(request, "COMPOSE_PROJECT_NAME") or declared
    if "$" in declared and not (request.name or request.environ.get("STACKCTL_PROJECT")):
        raise UsageError(f"the project's name {declared!r} depends on a variable", "give it with -p")
    return project_name(request.name, request.environ, declared, base)


def lenient_checkouts(request: StackRequest) -> str:
    """What the stack's file says of `checkouts`, even if it is missing or broken: only that line is read. "" if it says nothing."""
    try:
        paths, _ = locations(request)
    except UsageError:
        return ""
    return _declared("checkouts", [path for path in paths if not is_compose(path)])


def _declared(key: str, paths: Iterable[Path]) -> str:
    """The text of a key at the top of the files; that of the last file which has one."""
    declared = ""
    for path in paths:
        with contextlib.suppress(OSError):
            declared = (
                _declared_text(key, path, read_file(path, toml.LARGEST).decode(errors="replace")) or declared
            )
    return declared


def _declared_text(key: str, path: Path, text: str) -> str:
    if is_compose(path):
        match = re.search(rf"""^{key}\s*:\s*(["']?)([^#\n]*?)\1\s*(?:#.*)?$""", text, re.MULTILINE)
        return match[2] if match and "$" in match[2] else normal(match[2]) if match else ""
    head = re.split(r"^\s*\[", text, maxsplit=1, flags=re.MULTILINE)[0]
    match = re.search(rf"""^\s*{key}\s*=\s*(["'])(.*?)\1""", head, re.MULTILINE)
    return match[2] if match else ""


def normal(name: str) -> str:
    """The name in lower case, without characters that a project name cannot have (Compose spec, 04-version-and-name)."""
    return re.sub(r"[^a-z0-9_-]", "", name.lower()).lstrip("_-")


def table(value: object) -> dict[str, Any]:
    """The value, if it is a table; else an empty one. A file that is not checked yet may hold anything."""
    return value if isinstance(value, dict) else {}


def merge(trees: Iterable[Mapping[str, object]]) -> dict[str, object]:
    """Lay later trees over earlier ones: tables merge key by key, every other value is replaced."""
    merged: dict[str, object] = {}
    for tree in trees:
        for key, value in tree.items():
            below = merged.get(key)
            merged[key] = (
                merge((below, value)) if isinstance(below, dict) and isinstance(value, dict) else value
            )
    return merged
