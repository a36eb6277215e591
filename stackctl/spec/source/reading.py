"""Turn files into a Stack: find, read, merge, interpolate, structure, resolve, check. All mistakes are told at once."""

from collections.abc import Callable, Collection, Container, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from msgspec import Struct, structs

from stackctl.errors import Key, Place, PreflightError, Problem, SpecError, UsageError
from stackctl.secret import DOTS
from stackctl.spec.choosing import choose
from stackctl.spec.known_images import BUILT_IN, KnownImages
from stackctl.spec.model import Stack
from stackctl.spec.scaling import scaled
from stackctl.spec.selection import Selection
from stackctl.spec.source import toml
from stackctl.spec.source.discovery import (
    KNOWN,
    is_compose,
    locations,
    merge,
    normal,
    project_name,
    table,
)
from stackctl.spec.source.environment import lookup_of
from stackctl.spec.source.loading import join, load, shown
from stackctl.spec.source.locate import Source, place_all
from stackctl.spec.source.request import StackRequest
from stackctl.spec.structure import structure
from stackctl.spec.text import container_environment, contents, dotenv, inputs, references
from stackctl.spec.text.interpolate import RULE, Lookup, interpolate
from stackctl.spec.text.parts import parts

Check = Callable[[Stack], Iterable[Problem]]

_SECTIONS = ("services", "jobs")
_UNDEFINED = "SC101"
_MISSING = "SC301"
_WRONG = "SC112"


class Written(Struct, frozen=True):
    """The merged tree of the files, whose variables are not replaced yet, and where variables are looked for.

    The tree has no `x-` keys at its top: stackctl does not read them.
    """

    tree: Mapping[str, Any]
    lookup: Lookup
    files: tuple[Path, ...]
    directory: Path
    """The directory that paths in the tree are relative to."""
    sources: tuple[Source, ...]
    known_images: KnownImages = BUILT_IN
    problems: tuple[Problem, ...] = ()
    """What was found while the files were laid over each other."""
    said: Mapping[str, Any] | None = None
    """The tree of compose files as they say it, with variables replaced; None if TOML has a say."""
    lenient: bool = False
    """Whether a variable that is not set is empty in files of variables, as in Compose."""


class Examined(Struct, frozen=True):
    """What was found in the files of a stack. `stack` is None if it could not be read at all."""

    stack: Stack | None
    problems: tuple[Problem, ...]
    """Every problem, in the order of the text; also those that a comment in the file allows."""
    sources: tuple[Source, ...] = ()
    whole: bool = False
    """Whether every part of the stack could be read: only the checks have found errors, or nothing has."""


def read(request: StackRequest, checks: Sequence[Check] = ()) -> Stack:
    """Read a stack. What a comment in the file allows is not told.

    Raises:
        SpecError: with every problem found, in the order of the text. Warnings and notes alone do not raise: they are
            in `problems` of the stack.
        UsageError: there is no file, the project has no valid name, or something cannot be scaled.
    """
    found = examine(request, checks)
    problems = _not_allowed(found.problems, found.sources)
    if found.stack is None or any(problem.severity == "error" for problem in problems):
        raise SpecError(problems)
    return structs.replace(found.stack, problems=problems)


def examine(request: StackRequest, checks: Sequence[Check] = ()) -> Examined:
    """Read a stack as far as it can be read.

    `checks` find further problems. They also get a stack of which a part could not be read. Of what they find about such a
    part, only undefined names are told.

    Raises:
        UsageError: as `read`.
    """
    try:
        written = gather(request)
    except SpecError as error:
        return Examined(None, error.problems)
    return examine_written(written, request, checks)


def examine_written(
    written: Written, request: StackRequest, checks: Sequence[Check] = (), *, refuse: bool = True
) -> Examined:
    """As `examine`, of a tree that need not stand in a file. `refuse`: as `structure` says."""
    marker = references.marker(table(written.tree.get("services")).keys())
    tree, unset = interpolate(written.tree, written.lookup, strict=request.strict, special=marker)
    known = [each for each in written.problems if not _is_unset(each)]
    unset += filter(_is_unset, written.problems)
    stack, wrong = structure(Stack, tree, refuse=refuse)
    if stack is None:
        return Examined(None, place_all([*unset, *wrong], written.sources), written.sources)
    problems = [*_name_problems(stack), *(_empty(stack, written) if refuse and not wrong else ())]
    stack = structs.replace(
        stack,
        project=project_name(request.name, request.environ, normal(stack.name or ""), written.directory),
        directory=written.directory,
        files=written.files,
        sources=written.sources,
    )
    stack = scaled(_knowing(stack, written.known_images), request.scale)
    stack, unresolved = _resolve(stack, tree, written, request)
    asked_for = _asked_for(stack, request.selection)
    problems += _counting(unset, wrong, asked_for)
    problems += _once(each for each in known if asked_for(each))
    if request.strict:
        problems += (each for each in unresolved if asked_for(each))
    problems += _unknown_profiles(stack, request.selection.profiles)
    broken, unclear = _owners(wrong), _owners((*unset, *unresolved))
    unclear |= {_owner(each) for each in known if each.rule == RULE} - {None}
    whole = not any(problem.severity == "error" for problem in problems)
    for check in checks:
        problems += (each for each in check(stack) if _is_certain(each, broken, unclear))

    secrets: dict[int, tuple[str, ...]] = {}
    placed = tuple(_concealed(each, tree, secrets) for each in place_all(problems, written.sources))
    return Examined(stack, placed, written.sources, whole)


def _knowing(stack: Stack, images: KnownImages) -> Stack:
    """The stack, with the images that are known to it."""
    if images is BUILT_IN:
        return stack
    services = {name: structs.replace(each, known_images=images) for name, each in stack.services.items()}
    jobs = {name: structs.replace(each, known_images=images) for name, each in stack.jobs.items()}
    return structs.replace(stack, services=services, jobs=jobs, known_images=images)


def _resolve(
    stack: Stack, tree: Mapping[str, Any], written: Written, request: StackRequest
) -> tuple[Stack, list[Problem]]:
    """Fill in what the tree does not hold: environments, values of references, digests of the jobs' inputs, contents of
    secrets and configs.
    """
    stack, in_environment = container_environment.resolve(
        stack,
        written.lookup,
        variables_files(written, request),
        strict=request.strict and not written.lenient,
    )
    stack, in_references = references.resolve(stack, tree)
    stack, in_inputs = inputs.resolve(stack)
    stack, in_contents = contents.resolve(stack, written.lookup)
    return stack, [*in_environment, *in_references, *in_inputs, *in_contents]


def variables_files(written: Written, request: StackRequest) -> container_environment.ReadFile:
    """Reads the files of variables that the services name."""

    def read_file(file: str) -> tuple[Source | None, list[Problem]]:
        path = join(written.directory, Path(file))
        return load(path, request.directory.absolute(), largest=dotenv.LARGEST, secret=True)

    return read_file


def _name_problems(stack: Stack) -> Iterator[Problem]:
    if stack.name and normal(stack.name) != stack.name:
        hint = f"did you mean {normal(stack.name)!r}?"
        yield Problem(("name",), "a project's name has only a-z, 0-9, '_' and '-'", hint, rule=_WRONG)


def _empty(stack: Stack, written: Written) -> Iterator[Problem]:
    if not stack.everything:
        files = " and ".join(source.file for source in written.sources)
        hint = (
            'add [services.NAME] with image = "…" or build = "./dir"; stackctl init writes a first stack.toml'
        )
        if written.sources and written.sources[0].places:
            hint = "add services: with a NAME: that has image: or build:"
        yield Problem((), f"no services in {files}", hint, rule=_WRONG)


def _unknown_profiles(stack: Stack, profiles: Collection[str]) -> Iterator[Problem]:
    there = {profile: None for service in stack.everything.values() for profile in service.profiles}
    for profile in profiles:
        if profile != "*" and profile not in there:
            hint = f"there are: {', '.join(there)}" if there else "no service here has profiles"
            yield Problem((), f"no service has the profile {profile!r}", hint, severity="warning")


def _asked_for(stack: Stack, selection: Selection) -> Callable[[Problem], bool]:
    """A function that tells whether a problem counts. Problems of services that are not asked for do not, nor do those of
    secrets and configs that only such services use.
    """
    chosen, _ = choose(stack, selection.services, selection.profiles, dependencies=selection.dependencies)
    others = stack.everything.keys() - chosen.keys()
    used = {(section, name) for service in chosen.values() for section, name, _ in stack.sources_of(service)}

    def counts(problem: Problem) -> bool:
        if problem.path[:1] in (("secrets",), ("configs",)):
            return problem.path[:2] in used
        return _owner(problem) not in others

    return counts


def _concealed(problem: Problem, tree: Mapping[str, Any], known: dict[int, tuple[str, ...]]) -> Problem:
    """The problem, with dots for secrets in the value that it is about. `known`: the secrets of a value, by the identity of the value:
    many problems may be about one long list.
    """
    value = _value_at(tree, problem.path)
    secrets = known.get(id(value))
    if secrets is None:
        secrets = known[id(value)] = tuple(
            part.text for text in _texts(value) for part in parts(text) if part.secret and part.text
        )

    def concealed(text: Key) -> Any:
        for secret in secrets if isinstance(text, str) else ():
            text = str(text).replace(secret, DOTS)
        return text

    if not secrets:
        return problem
    path = tuple(map(concealed, problem.path))
    return structs.replace(
        problem, path=path, message=concealed(problem.message), hint=concealed(problem.hint)
    )


def _value_at(tree: Any, path: Sequence[Key]) -> Any:
    """The value at a path; that of the nearest key above if there is none."""
    for key in path:
        try:
            tree = tree[key]
        except (KeyError, IndexError, TypeError):
            break
    return tree


def _texts(value: Any) -> Iterator[str]:
    """The text. If an array stands for a table, all of its items."""
    items = value if isinstance(value, list) else [value]
    return (text for text in items if isinstance(text, str))


def _owners(problems: Iterable[Problem]) -> set[str | None]:
    """The services and jobs that have errors."""
    return {_owner(problem) for problem in problems if problem.severity == "error"} - {None}


def _is_certain(problem: Problem, broken: Container[object], unclear: Container[object]) -> bool:
    """Whether a problem is true even if its service was read only in part, or if some of its variables are not set.

    An undefined name is undefined whatever else is wrong. But a value may be missing only because a variable is not set.
    """
    owner = _owner(problem)
    if owner in broken:
        return problem.rule == _UNDEFINED
    return owner not in unclear or problem.rule != _MISSING


def gather(request: StackRequest, *, fill: bool = True) -> Written:
    """Find, parse and merge the files, and find the variables. Without `fill` also compose files keep their variables.

    Raises:
        SpecError: a file is missing or not TOML, or a file of variables cannot be read.
        UsageError: there is no file, files of the two kinds are in the wrong order, or TOML cannot hold a value of `overrides`.
    """
    directory = request.directory.absolute()
    paths, base = locations(request)
    compose, others = _by_kind(paths, directory)
    lookup, in_env = lookup_of(request, base, compose=bool(compose))
    said: tuple[Problem, ...] = ()
    composed: Mapping[str, Any] | None = None
    trees, sources, problems = [], [], []
    if compose:
        from stackctl.spec.compose.reading import read_compose

        given = request.name or request.environ.get("STACKCTL_PROJECT")
        found = read_compose(
            compose, lookup, base, directory, strict=request.strict, given_name=given, fill=fill
        )
        said = found.problems
        composed = None if others or request.overrides else found.said
        trees, sources = [found.tree], [*found.sources]
    more = _read_specs(others, directory)
    trees, sources, problems = [*trees, *more[0]], [*sources, *more[1]], [*more[2]]
    if request.overrides:
        source = _written_out(request.overrides)
        tree, wrong = toml.parse(source)
        sources.append(source)
        trees.append(tree)
        problems += wrong
    images, in_known = read_known_images(base, directory)
    problems += [*in_env, *in_known]
    if _has_error(problems) or (_has_error(said) and not trees[0]):
        raise SpecError(place_all([*said, *problems], sources))
    problems = [*said, *problems]
    tree = {key: value for key, value in merge(trees).items() if not key.startswith("x-")}
    if "include" in tree:
        from stackctl.spec.source.including import Including

        project = project_name(request.name, request.environ, normal(str(tree.get("name") or "")), base)
        including = Including(directory, request.strict, project)
        tree = including.read(tree, base, lookup, paths, base)
        sources = [*including.sources, *sources]
        problems += including.problems
        said = (*said, *including.problems)
    if _extends(tree):
        from stackctl.spec.source.extending import From, extended

        names = table(tree.get("services")).keys()
        tree, found_there = extended(tree, From(base, directory, lookup, request.strict, names))
        problems += found_there
    return Written(
        tree, lookup, paths, base, tuple(sources), images, tuple(problems), composed, lenient=bool(compose)
    )


def _has_error(problems: Iterable[Problem]) -> bool:
    return any(problem.severity == "error" for problem in problems)


def _is_unset(problem: Problem) -> bool:
    return problem.severity == "error" and problem.rule == RULE


def _extends(tree: Mapping[str, Any]) -> bool:
    """Whether anything in the tree extends something, or could be extended."""
    members = (each for section in _SECTIONS for each in table(tree.get(section)).values())
    return "templates" in tree or any("extends" in each for each in members if isinstance(each, dict))


def _by_kind(paths: Sequence[Path], directory: Path) -> tuple[list[Path], list[Path]]:
    """The compose files, and the TOML files that are laid over them.

    Raises:
        UsageError: a compose file is to be laid over a TOML file.
    """
    compose = [path for path in paths if is_compose(path)]
    others = [path for path in paths if not is_compose(path)]
    if compose and compose != list(paths[: len(compose)]):
        raise UsageError(
            f"{shown(compose[-1], directory)} cannot be laid over {shown(others[0], directory)}: a compose file comes before TOML",
            "name the compose files first",
        )
    return compose, others


def read_known_images(base: Path, directory: Path) -> tuple[KnownImages, list[Problem]]:
    """The images that are known to a stack in `base`, and the mistakes in the known.toml there. Messages name the file as it is
    seen from `directory`.
    """
    source, problems = load(base / KNOWN, directory)
    if source is None or problems:
        return BUILT_IN, problems
    from stackctl.spec.source.known_file import known_images

    return known_images(source)


def place(stack: Stack, problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Give problems that were found later their places in the stack's files, and sort them by place. Those that a comment in the
    file allows are left out.
    """
    return _not_allowed(place_all(problems, stack.sources), stack.sources)


def place_warnings(stack: Stack, problems: Iterable[Problem], *, strict: bool = False) -> tuple[Problem, ...]:
    """The problems with their places, as `place` gives them. Raises PreflightError if one is an error; with `strict` a warning is one."""
    placed = place(stack, problems)
    if strict:
        placed = tuple(structs.replace(problem, severity="error") for problem in placed)
    if any(problem.severity == "error" for problem in placed):
        raise PreflightError(placed)
    return placed


@contextmanager
def placing(stack: Stack) -> Iterator[None]:
    """Give the problems of a SpecError their places in the stack's files."""
    try:
        yield
    except SpecError as error:
        raise SpecError(place(stack, error.problems)) from error


def _not_allowed(problems: tuple[Problem, ...], sources: Sequence[Source]) -> tuple[Problem, ...]:
    """The problems that no comment in the file allows."""
    if not problems:
        return ()
    from stackctl.spec.source.allow import without_allowed

    return without_allowed(problems, sources)


def _read_specs(
    paths: Sequence[Path], directory: Path
) -> tuple[list[dict[str, Any]], list[Source], list[Problem]]:
    trees, sources, problems = [], [], []
    for path in paths:
        source, found = load(path, directory, given=True)
        if source is None and not found:
            found = [Problem((), "no such file", place=Place(shown(path, directory)))]
        if source is not None:
            sources.append(source)
            if not found:
                tree, found = toml.parse(source)
                found = list(place_all(found, [source]))
                trees.append(tree)
        problems += found
    return trees, sources, problems


def _written_out(overrides: Mapping[str, Any]) -> Source:
    """The overrides as the text of a file, so that a mistake in them has a place and a line to show."""
    import tomli_w

    try:
        return Source("overrides", tomli_w.dumps(overrides))
    except (TypeError, ValueError) as error:
        raise UsageError(f"overrides: {error}", "write what TOML can hold: no None, text as keys") from error


def _counting(
    unset: Sequence[Problem], wrong: Sequence[Problem], asked_for: Callable[[Problem], bool]
) -> list[Problem]:
    """The problems that are told. If a variable of a value is not set, no other problem of that value is told.

    An unset variable of a service that is not asked for counts only if the service cannot be read without the variable.
    """
    replaced = {problem.path for problem in unset}
    kept, needed = [], set()
    for problem in wrong:
        cause = next((path for path in _prefixes(problem.path) if path in replaced), None)
        if cause is None:
            kept.append(problem)
        else:
            needed.add(cause)
    return [*(each for each in unset if each.path in needed or each.rule != RULE or asked_for(each)), *kept]


def _once(problems: Iterable[Problem]) -> Iterator[Problem]:
    """The first of the problems that say the same."""
    seen: set[str] = set()
    for problem in problems:
        if problem.message not in seen:
            seen.add(problem.message)
            yield problem


def _owner(problem: Problem) -> str | None:
    """The service or job that a problem belongs to."""
    return str(problem.path[1]) if len(problem.path) > 1 and problem.path[0] in _SECTIONS else None


def _prefixes(path: tuple[Key, ...]) -> Iterator[tuple[Key, ...]]:
    return (path[:length] for length in range(1, len(path) + 1))
