"""From files to a Stack: find, read, merge, interpolate, structure, resolve, check; the mistakes of all steps at once."""

from collections.abc import Callable, Collection, Container, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct, structs

from stackctl.errors import Key, Place, Problem, SpecError, UsageError
from stackctl.spec.model import Stack
from stackctl.spec.source import toml
from stackctl.spec.source.discovery import NAME, join, locations, merge, normal, not_compose, project_name
from stackctl.spec.source.locate import Source, place_all
from stackctl.spec.structure import structure
from stackctl.spec.text import dotenv, environment, inputs, references
from stackctl.spec.text.interpolate import RULE, Lookup, Variables, interpolate

Check = Callable[[Stack], Iterable[Problem]]

_SECTIONS = ("services", "jobs")
_UNDEFINED = "SC101"
_MISSING = "SC301"


class Written(Struct, frozen=True):
    """The files as they are written: one tree, its variables not yet replaced, and where those are looked for.

    The `x-` keys at the top are left out: they are the user's own.
    """

    tree: Mapping[str, Any]
    lookup: Lookup
    files: tuple[Path, ...]
    directory: Path
    """What paths in the tree are relative to."""
    sources: tuple[Source, ...]


def read(
    files: Sequence[Path] | None,
    *,
    directory: Path,
    environ: Mapping[str, str],
    env_files: Sequence[Path] = (),
    profiles: Collection[str] = (),
    services: Collection[str] | None = None,
    strict: bool = True,
    name: str | None = None,
    project_directory: Path | None = None,
    overrides: Mapping[str, Any] | None = None,
    checks: Sequence[Check] = (),
) -> Stack:
    """Read a stack.

    Args:
        files: the files, later ones laid over earlier ones; None: the stack.toml in `directory` or above it.
        directory: where the user is; file names are relative to it.
        environ: the shell's variables.
        env_files: files of variables instead of the `.env` beside the stack; later ones win.
        profiles: the profiles that are on; `*` for all.
        services: the services and jobs asked for, unknown names are passed over; None: all that the profiles leave on.
            Unset variables and missing env_files count for these and for what they depend on.
        strict: whether an unset variable or a missing env_file is an error; else it is empty.
        name: the project's name, if the command line gives one.
        project_directory: what paths in the files are relative to, instead of the first file's directory.
        overrides: a tree laid over those of the files, as a last file would be.
        checks: what else must hold. They also see a stack of which a part could not be read; of such a part they can
            only say that a name is undefined.

    Raises:
        SpecError: with every problem found, in the order of the text. Warnings and notes alone do not raise: they are
            in `problems` of the stack.
        UsageError: there is no file, it is a compose file, or the project has no proper name.
    """
    directory = directory.absolute()
    written = gather(
        files,
        directory=directory,
        environ=environ,
        env_files=env_files,
        strict=strict,
        project_directory=project_directory,
        overrides=overrides,
    )
    tree, lookup, sources, base = written.tree, written.lookup, written.sources, written.directory
    marker = references.marker(_table(tree.get("services")).keys())
    tree, unset = interpolate(tree, lookup, strict=strict, special=marker)
    selected = _selected(tree, profiles, services)
    stack, wrong = structure(Stack, tree)
    problems = _sort_out(unset, wrong, selected)
    if stack is None:
        raise SpecError(place_all(problems, sources))
    if stack.name and normal(stack.name) != stack.name:
        hint = f"did you mean {normal(stack.name)!r}?"
        problems.append(
            Problem(("name",), "a project's name has only a-z, 0-9, '_' and '-'", hint, rule="SC112")
        )
    stack = structs.replace(
        stack,
        project=project_name(name, environ, normal(stack.name or ""), base),
        directory=base,
        files=written.files,
        sources=sources,
    )

    def read_file(file: str) -> tuple[Source | None, list[Problem]]:
        path = join(base, Path(file))
        return _load(path, directory, secret=True)

    stack, in_environment = environment.resolve(stack, lookup, read_file, strict=strict)
    stack, in_references = references.resolve(stack, tree)
    stack, in_inputs = inputs.resolve(stack)
    resolution = [*in_environment, *in_references, *in_inputs]
    if strict:
        problems += (each for each in resolution if _owner(each) in selected)
    broken, unclear = _owners(wrong), _owners((*unset, *resolution))
    for check in checks:
        problems += (each for each in check(stack) if _is_certain(each, broken, unclear))

    placed = place_all(problems, sources)
    if any(problem.severity == "error" for problem in placed):
        raise SpecError(placed)
    return structs.replace(stack, problems=placed)


def _owners(problems: Iterable[Problem]) -> set[str | None]:
    """The services and jobs that have errors."""
    return {_owner(problem) for problem in problems if problem.severity == "error"} - {None}


def _is_certain(problem: Problem, broken: Container[object], unclear: Container[object]) -> bool:
    """Whether what a check says holds also of a service that was read in part, or whose variables are not all set.

    A name is undefined whatever else is wrong; a variable may be missing only because another one is not set.
    """
    owner = _owner(problem)
    if owner in broken:
        return problem.rule == _UNDEFINED
    return owner not in unclear or problem.rule != _MISSING


def gather(
    files: Sequence[Path] | None,
    *,
    directory: Path,
    environ: Mapping[str, str],
    env_files: Sequence[Path] = (),
    strict: bool = True,
    project_directory: Path | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> Written:
    """Find, parse and merge the files, and find out what variables there are. The arguments are those of `read`.

    Raises:
        SpecError: a file is missing, or no TOML, or a file of variables cannot be read.
        UsageError: there is no file, it is a compose file, or TOML has no word for a value of `overrides`.
    """
    directory = directory.absolute()
    paths, base = locations(files or (), directory, project_directory)
    trees, sources, problems = _read_specs(paths, directory)
    if overrides:
        source = _written_out(overrides)
        tree, found = toml.parse(source)
        sources.append(source)
        trees.append(tree)
        problems += found
    lookup, in_env = _lookup(
        [join(directory, path) for path in env_files], base, directory, environ, strict=strict
    )
    problems += in_env
    if problems:
        raise SpecError(place_all(problems, sources))
    tree = {key: value for key, value in merge(trees).items() if not key.startswith("x-")}
    return Written(tree, lookup, paths, base, tuple(sources))


def place(stack: Stack, problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Give problems found later, with a key path, their places in the stack's files, and put them in that order."""
    return place_all(problems, stack.sources)


def _read_specs(
    paths: Sequence[Path], directory: Path
) -> tuple[list[dict[str, Any]], list[Source], list[Problem]]:
    trees, sources, problems = [], [], []
    for path in paths:
        if path.suffix in (".yaml", ".yml"):
            raise not_compose(path)
        source, found = _load(path, directory)
        if source is None and not found:
            found = [Problem((), "no such file", place=Place(_shown(path, directory), 1, 1))]
        if source is not None:
            sources.append(source)
            if not found:
                tree, found = toml.parse(source)
                found = list(place_all(found, [source]))
                trees.append(tree)
        problems += found
    return trees, sources, problems


def _written_out(overrides: Mapping[str, Any]) -> Source:
    """Overrides as a file would have them, so that a mistake in them has a place and a line to show."""
    import tomli_w

    try:
        return Source("overrides", tomli_w.dumps(overrides))
    except (TypeError, ValueError) as error:
        raise UsageError(f"overrides: {error}", "write what TOML can hold: no None, text as keys") from error


def _lookup(
    env_files: Sequence[Path], base: Path, directory: Path, environ: Mapping[str, str], *, strict: bool
) -> tuple[Lookup, list[Problem]]:
    """Where variables come from: the shell, then the named files, the last first, else the `.env` beside the stack."""
    problems: list[Problem] = []
    shell = Variables("shell", environ)
    files: list[Variables] = []
    for path in env_files or [base / ".env"]:
        file = _shown(path, directory)
        source, found = _load(path, directory, secret=True)
        values: dict[str, str] = {}
        if source is not None:
            lookup = Lookup((shell, *files))
            parsed, wrong = dotenv.parse(source, lookup, strict=strict)
            values = dotenv.inherit(parsed, lookup)
            found = [*found, *wrong]
        elif env_files and not found:
            found = [Problem((), "no such file", place=Place(file, 1, 1))]
        problems += found
        files.insert(0, Variables(file if source else f"{file}: no such file", values))
    return Lookup((shell, *files)), problems


def _load(path: Path, directory: Path, *, secret: bool = False) -> tuple[Source | None, list[Problem]]:
    """The text of a file; None if there is no such file, or if it cannot be read, which is a problem."""
    file = _shown(path, directory)
    largest = dotenv.LARGEST if secret else toml.LARGEST
    try:
        with path.open("rb") as stream:
            data = stream.read(largest + 1)
    except FileNotFoundError:
        return None, []
    except OSError as error:
        hint = f"did you mean {file}/{NAME}?" if path.is_dir() else ""
        return None, [Problem((), f"cannot be read: {error.strerror}", hint, place=Place(file, 1, 1))]
    return toml.decode(file, data, largest, secret=secret)


def _selected(
    tree: Mapping[str, Any], profiles: Collection[str], services: Collection[str] | None
) -> set[str]:
    """The names of the services and jobs that are asked for, and of all they depend on, in an interpolated tree."""
    everything = {
        name: _table(each) for section in _SECTIONS for name, each in _table(tree.get(section)).items()
    }
    referred = list(references.references(tree))
    if services is None:
        waiting = [name for name, each in everything.items() if _enabled(each.get("profiles"), profiles)]
    else:
        waiting = [name for name in services if name in everything]
    selected: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name in selected or name not in everything:
            continue
        selected.add(name)
        depends_on = everything[name].get("depends_on")
        waiting += (
            (each for each in depends_on if isinstance(each, str))
            if isinstance(depends_on, list | dict)
            else ()
        )
        waiting += (service for path, service, _ in referred if path[1] == name)
        waiting.append(str(everything[name].get("network_mode")).removeprefix("service:"))
    return selected


def _enabled(own: object, profiles: Collection[str]) -> bool:
    return (
        not isinstance(own, list) or not own or "*" in profiles or any(profile in profiles for profile in own)
    )


def _sort_out(unset: Sequence[Problem], wrong: Sequence[Problem], selected: Collection[str]) -> list[Problem]:
    """Of a value without its variable say that only, not what is wrong with the rest of it.

    An unset variable of a service that is not selected counts only if the service cannot be read without it.
    """
    replaced = {problem.path for problem in unset}
    kept, needed = [], set()
    for problem in wrong:
        cause = next((path for path in _prefixes(problem.path) if path in replaced), None)
        if cause is None:
            kept.append(problem)
        else:
            needed.add(cause)
    counting = (
        each
        for each in unset
        if each.path in needed or each.rule != RULE or _owner(each) in {None, *selected}
    )
    return [*counting, *kept]


def _owner(problem: Problem) -> str | None:
    """The service or job a problem belongs to."""
    return str(problem.path[1]) if len(problem.path) > 1 and problem.path[0] in _SECTIONS else None


def _prefixes(path: tuple[Key, ...]) -> Iterator[tuple[Key, ...]]:
    return (path[:length] for length in range(1, len(path) + 1))


def _table(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _shown(path: Path, directory: Path) -> str:
    """A file as the user knows it: relative if it is below where they are."""
    return str(path.relative_to(directory) if path.is_relative_to(directory) else path)
