"""Where variables are looked for: the shell, files of variables, the `.env` of the stack."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from stackctl.errors import Place, Problem
from stackctl.spec.source.loading import join, load, shown
from stackctl.spec.source.request import StackRequest
from stackctl.spec.text import dotenv
from stackctl.spec.text.interpolate import Lookup, Variables

_TRUE = ("1", "t", "T", "TRUE", "true", "True")


def lookup_of(request: StackRequest, base: Path, *, compose: bool = False) -> tuple[Lookup, list[Problem]]:
    """Where the variables of a stack in `base` are looked for: the shell, then the named files (the last one first); if none is named,
    the `.env` beside the stack. In a `compose` stack, COMPOSE_ENV_FILES may name them, and a variable that is not set is
    empty in them.
    """
    directory = request.directory.absolute()
    problems: list[Problem] = []
    shell = Variables("shell", request.environ)
    files: list[Variables] = []
    named, paths = (
        _env_files(request, base) if compose else (bool(request.env_files), [*_files(request, base)])
    )
    for path in paths:
        file = shown(path, directory)
        source, found = load(path, directory, largest=dotenv.LARGEST, secret=True, given=True)
        values: dict[str, str] = {}
        if source is not None:
            lookup = Lookup((shell, *files))
            parsed, wrong = dotenv.parse(source, lookup, strict=request.strict and not compose)
            values = dotenv.inherit(parsed, lookup)
            found = [*found, *wrong]
        elif named and not found:
            found = [Problem((), "no such file", place=Place(file))]
        problems += found
        files.insert(0, Variables(file if source else f"{file}: no such file", values))
    return Lookup((shell, *files)), problems


def with_files(
    lookup: Lookup, paths: Sequence[Path], directory: Path, *, strict: bool
) -> tuple[Lookup, list[Problem], list[Path]]:
    """The places of `lookup`, then files of variables, the last one first; what is wrong with these, and those that are not there."""
    files: list[Variables] = []
    problems: list[Problem] = []
    missing: list[Path] = []
    for path in paths:
        scope = Lookup((*lookup.sources, *files))
        source, found = load(path, directory, largest=dotenv.LARGEST, secret=True)
        problems += found
        if source is None:
            missing += [] if found else [path]
            continue
        values, wrong = dotenv.parse(source, scope, strict=strict)
        problems += wrong
        files.insert(0, Variables(source.file, dotenv.inherit(values, scope)))
    return Lookup((*lookup.sources, *files)), problems, missing


def setting(request: StackRequest, name: str) -> str | None:
    """A variable that Compose reads itself, such as COMPOSE_FILE: from the shell, else from the files of variables."""
    if name in request.environ:
        return request.environ[name]
    return lookup_of(request, _working_directory(request), compose=True)[0].get(name)


def _files(request: StackRequest, base: Path) -> Iterator[Path]:
    directory = request.directory.absolute()
    yield from [join(directory, path) for path in request.env_files] or [base / ".env"]


def _env_files(request: StackRequest, base: Path) -> tuple[bool, list[Path]]:
    """Whether the files are named, and the files, as Compose chooses them. The `.env` of the working directory wins over that of
    the stack.
    """
    directory = request.directory.absolute()
    named = [Path(file) for file in request.environ.get("COMPOSE_ENV_FILES", "").split(",") if file]
    if files := [*request.env_files] or named:
        return True, [join(directory, file) for file in files]
    if request.environ.get("COMPOSE_DISABLE_ENV_FILE") in _TRUE:
        return False, []
    return False, list(dict.fromkeys((base / ".env", _working_directory(request) / ".env")))


def _working_directory(request: StackRequest) -> Path:
    """Compose's working directory while it looks for files: the project's directory, else that of the first named file."""
    directory = request.directory.absolute()
    if request.project_directory:
        return join(directory, request.project_directory)
    return join(directory, request.files[0]).parent if request.files else directory
