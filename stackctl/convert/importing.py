"""A bash script, or one `docker run`, as a commented stack.toml: the way from the text to the text."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct, structs

from stackctl.convert.bash.script import Note, read
from stackctl.convert.docker.stack import ScriptStack
from stackctl.convert.review import examine, in_script, nearest_place
from stackctl.convert.tree import every_text, texts
from stackctl.convert.unset import is_known, names, plain, toml_text, unset
from stackctl.errors import Place, Problem, UsageError
from stackctl.secret import DOTS, looks_secret
from stackctl.spec.known_images import BUILT_IN, KnownImages
from stackctl.spec.lint.subject import Subject
from stackctl.spec.model import Stack as Spec
from stackctl.spec.output.document import Comments, document, quoted

PLACEHOLDER = "change-me"
"""The value in `.env` of a secret that the script does not tell."""
_WHERE_SECRETS = r"(?<=:){0}(?=@)|(?i:(?<=password=)|(?<=pwd=)){0}(?=[\s;&]|$)"
"""A secret within another text: in a URL, or as one setting of several."""
_OF_THE_SHELL = frozenset({"PWD", "HOME"})
_ROUNDS = 40
"""How often a value that a stack.toml cannot hold is taken out, before the import gives up."""


class Imported(Struct, frozen=True):
    """What a script became. `text` is the stack.toml; `variables` belong into its `.env`."""

    text: str
    variables: Mapping[str, str]
    notes: tuple[Note, ...]
    problems: tuple[Problem, ...]
    """The mistakes in the script, with their places in it."""
    stack: Spec
    runs: bool
    """Whether `up` would start the stack: no rule finds an error in it."""
    left_out: int
    """How many `docker run` are no part of the stack, because they cannot be read."""
    unknown: tuple[str, ...]
    """The variables whose values the script does not tell; in `variables` they have placeholders."""


def import_script(
    file: str,
    text: str,
    arguments: Sequence[str] = (),
    *,
    env: bool = False,
    images: KnownImages = BUILT_IN,
    directory: Path | None = None,
    environ: Mapping[str, str] | None = None,
) -> Imported:
    """Import a script. `arguments` are those that it would be called with, `images` those that are known.

    With `env`, secrets and the variables that the script does not set are read from a `.env`, whose content is in `variables`; else
    they stand in the text. `directory` is where the stack.toml will stand: the import looks which directories are there. `environ`
    holds variables that the script does not set, such as `UID`, which stands for `$(id -u)`.

    Raises UsageError if nothing in the text starts a container.
    """
    stack = ScriptStack(read(file, text, arguments), images, directory=directory)
    if not stack.containers:
        raise UsageError(f"{file} starts no container", _why_none(file, stack))
    secrets = _told(stack)
    variables = _secrets(stack) if env else {}
    _references(stack)
    used = {name for _, written in every_text(stack.tree()) for name in names(written)}
    variables |= {name: value for name, value in (environ or {}).items() if name in used}
    told = frozenset(variables)
    spec = readable(stack, variables, images)
    _dependencies(stack, spec)
    stack.settle()
    tree = _written(stack, variables, env=env)
    values = variables if env else {}
    final = examine(tree, values, images)
    assert final.stack is not None
    review = [
        _concealed(problem, secrets) for problem in [*stack.findings, *in_script(final.problems, stack)]
    ]
    review.sort(key=lambda problem: problem.place or _NOWHERE)
    notes = tuple(stack.all_notes())
    body = document(tree, dict(_heads(stack)), _commenter(stack))
    runs = not any(problem.severity == "error" for problem in final.problems)
    head = _heading(stack, sorted(variables) if env else [])
    text = head + body + tail(file, notes, review, what="script")
    return Imported(
        text,
        variables if env else {},
        notes,
        tuple(review),
        final.stack,
        runs,
        stack.left_out,
        tuple(sorted(variables.keys() - told)),
    )


def _why_none(file: str, stack: ScriptStack) -> str:
    """What most likely keeps a script from starting a container: a mistake in a command, else what was noted first."""
    told = [(problem.place, problem.message) for problem in stack.findings if problem.place]
    told += [
        (Place(file, note.line, note.column), note.message)
        for note in sorted(stack.all_notes(), key=lambda note: "backslash" not in note.message)
    ]
    return ": ".join(map(str, told[0])) if told else "a container is made by docker run"


_NOWHERE = Place("")


def _told(stack: ScriptStack) -> set[str]:
    """The secrets that the script tells."""
    return {
        value
        for container in stack.containers.values()
        for key, value in container.table.values.get("environment", {}).items()
        if isinstance(value, str) and value and is_known(value) and looks_secret(key)
    }


def _concealed(problem: Problem, secrets: Collection[str]) -> Problem:
    """The problem, with dots for secrets in the line of the script that it shows."""
    if problem.place is None:
        return problem
    text = problem.place.text
    for secret in secrets:
        text = re.sub(f"(?<=[=:'\"]){re.escape(secret)}(?=[\\s@'\"]|$)", DOTS, text)
    return structs.replace(problem, place=structs.replace(problem.place, text=text))


def _secrets(stack: ScriptStack) -> dict[str, str]:
    """Take the secrets that the script tells out of the tree, and put variables in their place. Gives their values."""
    variables: dict[str, str] = {}
    for container in stack.containers.values():
        environment = container.table.values.get("environment", {})
        for key, value in environment.items():
            if not (isinstance(value, str) and value and is_known(value) and looks_secret(key)):
                continue
            name = re.sub(r"\W", "_", key, flags=re.ASCII)
            if (
                not re.match(r"[A-Za-z_]", name)
                or name in stack.reading.variables
                or variables.get(name, value) != value
            ):
                name = re.sub(r"\W", "_", f"{container.name}_{key}".upper(), flags=re.ASCII)
                name = name if re.match(r"[A-Za-z_]", name) else f"_{name}"
            if variables.setdefault(name, value) == value:
                environment[key] = unset(name)
    for container in stack.containers.values():
        environment = container.table.values.get("environment", {})
        for key, value in environment.items():
            for name, secret in variables.items():
                if isinstance(value, str) and secret in value:
                    value = re.sub(_WHERE_SECRETS.format(re.escape(secret)), unset(name), value)  # noqa: PLW2901 several
            environment[key] = value
    return variables


def _references(stack: ScriptStack) -> None:
    """Let a stack that was exported name the URL of a server whose password stands percent-encoded in it."""
    if not stack.export:
        return
    urls = {}
    for container in stack.containers.values():
        values = container.table.values
        if known := stack.images.of(plain(values.get("image", ""))):
            connection = known.connection(
                {name: text for name, text in values.get("environment", {}).items() if isinstance(text, str)},
                values.get("command"),
            )
            urls[_encoded(connection.url(container.name))] = unset(
                f"{container.section}.{container.name}.url"
            )
    for container in stack.containers.values():
        for key in ("environment", "labels", "command", "entrypoint"):
            if key in container.table.values:
                container.table.values[key] = texts(
                    container.table.values[key],
                    lambda text: next(
                        (
                            text.replace(url, it)
                            for url, it in urls.items()
                            if url in text and not is_known(url)
                        ),
                        text,
                    ),
                )


def _encoded(url: str) -> str:
    """A URL whose percent-encoded marks are marks again."""
    return re.sub(
        r"%EE%80%80(\w+?)(?:%EE%80%81[0-9a-f]*)?%EE%80%82", lambda mark: unset(f"{mark[1]}_IN_URL"), url
    )


def readable(
    stack: ScriptStack, variables: dict[str, str], images: KnownImages, directory: Path = Path("/")
) -> Spec:
    """The stack that the tree makes for a script that runs in `directory`. What a stack.toml cannot hold is taken out, with a note; unset variables get a value that can be read."""
    for path, text in every_text(stack.tree()):
        for name in names(text) - _OF_THE_SHELL:
            usual = "latest" if path[-1] == "image" else ""
            secret = looks_secret(name) or (text == unset(name) and looks_secret(str(path[-1])))
            variables.setdefault(name, PLACEHOLDER if secret else usual)
    for _ in range(_ROUNDS):
        tree = texts(_without_empty(stack.tree()), toml_text)
        found = examine(tree, variables, images, (), directory)
        if found.whole and found.stack is not None:
            return found.stack
        for problem in (each for each in found.problems if each.severity == "error"):
            _mend(stack, problem, variables)
    raise UsageError(f"{stack.reading.script.file} has too many values that a stack.toml cannot hold")


def _mend(stack: ScriptStack, problem: Problem, variables: dict[str, str]) -> None:
    """Give the unset variables of a wrong value another placeholder; if there is none left, take the value out."""
    tree: Any = stack.tree()
    owner: Any = None
    place = nearest_place(problem.path, stack.every_place()) or 0
    path = list(problem.path)
    for index, key in enumerate(path):
        try:
            owner, tree = tree, tree[key]
        except (KeyError, IndexError, TypeError):
            path = path[:index]
            break
    if len(path) < 3:
        _drop_container(stack, problem, place)
        return
    guess = {"ports": "8080", "expose": "8080", "image": "latest", "volumes": "/data"}.get(str(path[2]), "1")
    used = {name for _, text in every_text([tree]) for name in names(text)} - _OF_THE_SHELL
    if any(variables[name] == "" for name in used):
        variables.update(dict.fromkeys((name for name in used if variables[name] == ""), guess))
        return
    what = plain(tree) if isinstance(tree, str) else str(path[-1])
    stack.note(place, f"{what} is not imported: {plain(problem.message)}")
    if path[2] == "image":
        _drop_container(stack, problem, place)
    elif isinstance(owner, list):
        _remove_item(stack, tuple(path), owner)
    else:
        del owner[path[-1]]


def _remove_item(stack: ScriptStack, path: tuple[Any, ...], items: list[Any]) -> None:
    """Remove an item of an array, and let the places of the others move up."""
    del items[path[-1]]
    container = stack.containers[path[1]]
    key, index = path[2], path[-1]
    if container.table.values[key] == []:
        del container.table.values[key]
    places = container.table.places
    moved = {
        p: at
        for p, at in places.items()
        if not (p[0] == key and len(p) > 1 and isinstance(p[1], int) and p[1] >= index)
    }
    for p, at in places.items():
        if p[0] == key and len(p) > 1 and isinstance(p[1], int) and p[1] > index:
            moved[p[0], p[1] - 1] = at
    container.table.places = moved


def _drop_container(stack: ScriptStack, problem: Problem, at: int) -> None:
    name = problem.path[1] if len(problem.path) > 1 else ""
    if problem.path[:1] in (("networks",), ("volumes",), ("secrets",)):
        getattr(stack, str(problem.path[0])).pop(name, None)
    elif stack.containers.pop(str(name), None) is None:
        raise UsageError(f"{stack.reading.script.file} cannot be imported: {problem}")
    else:
        stack.left_out += 1
    stack.note(at, f"{name} is not imported: {plain(problem.message)}")
    if not stack.containers:
        raise UsageError(
            f"{stack.reading.script.file} starts no container that can be imported", plain(problem.message)
        )


def _dependencies(stack: ScriptStack, spec: Spec) -> None:
    """Let each container wait for those that it names in its environment and its command."""
    subject = Subject(spec)
    owners = {name.lower(): name for name in spec.services}
    for name, service in spec.services.items():
        for network in service.networks.values():
            owners |= {alias.lower(): name for alias in network.aliases}
    order = list(stack.containers)
    if stack.export:
        return  # it says who needs whom
    for name, found in subject.uses.items():
        for use in found:
            other = owners.get(use.host)
            if other is None or other == name or name not in stack.containers:
                continue
            before = list(stack.containers[name].table.values.get("depends_on", []))
            stack.wait(name, other, f"{use.source} names it")
            if other not in before:
                _order(stack, spec, order, name, other, use.source)
    for name in order:
        stack.wait_in_order(name)


def _order(stack: ScriptStack, spec: Spec, order: Sequence[str], name: str, other: str, source: str) -> None:
    """Tell a script that starts what is used too late, or does not wait for it."""
    place = stack.containers[name].command.words[0].at
    if order.index(name) < order.index(other):
        message = f"{name} is started before {other}, which it uses ({source})"
    elif _waits(stack, other, name):
        return
    elif spec.services[other].known:
        message = f"{name} uses {other} ({source}), and the script does not wait until {other} answers"
    else:
        return
    stack.find("SC201", place, message, "the stack waits: depends_on", "warning")


def _waits(stack: ScriptStack, first: str, then: str) -> bool:
    """Whether the script waits for something between the starts of two containers."""
    commands = stack.reading.commands
    start, end = (commands.index(stack.containers[name].command) for name in (first, then))
    about = dict(stack.waited)
    return any(start < wait.after <= end and about.get(wait, first) == first for wait in stack.reading.waits)


def _written(stack: ScriptStack, variables: Mapping[str, str], *, env: bool) -> dict[str, Any]:
    """The tree as it is written. Without a `.env`, the placeholder of a variable stands in the text as its default."""

    def write(text: str) -> str:
        if not env:
            for name in names(text) - _OF_THE_SHELL:
                text = text.replace(unset(name), unset(name, variables.get(name, "")))
        return toml_text(text)

    tree: dict[str, Any] = texts(_without_empty(stack.tree()), write)
    return tree


def _without_empty(tree: Mapping[str, Any]) -> dict[str, Any]:
    return {section: tables for section, tables in tree.items() if tables}


# Comments


def _heading(stack: ScriptStack, variables: Sequence[str]) -> str:
    lines = [
        f"# Made by `stackctl import` from {stack.reading.script.file}. `stackctl up` starts it in order and waits until each part is ready."
    ]
    if any(stack.volumes) and not stack.export:
        lines += [
            "# Volumes get names of this project. To keep the data of a volume that the script has made, add to its table:",
            '#   name = "NAME-OF-THE-VOLUME"',
            "#   external = true",
        ]
    if variables:
        lines.append(f"# .env holds {', '.join(variables)}: git must not track it.")
    name = [f"name = {quoted(stack.export.project)}", ""] if stack.export else []
    return "\n".join([*lines, "", *name]) + "\n"


def _heads(stack: ScriptStack) -> Iterator[tuple[tuple[str, str], list[str]]]:
    file = stack.reading.script.file
    for container in stack.containers.values():
        yield (container.section, container.name), [f"{file}:{container.command.line}"]


def _commenter(stack: ScriptStack) -> Comments:
    def comment(section: str, name: str, key: str) -> str:
        container = stack.containers.get(name) if section in ("services", "jobs") else None
        if container is None:
            return ""
        if key == "depends_on":
            others = container.table.values["depends_on"]
            reasons = [(other, why) for other in others if (why := stack.reasons.get((name, other)))]
            return (
                reasons[0][1] if len(reasons) == 1 else "; ".join(f"{other}: {why}" for other, why in reasons)
            )
        if key == "environment" and any(
            isinstance(value, str) and names(value) - _OF_THE_SHELL
            for value in container.table.values["environment"].values()
        ):
            return "${…}: from the shell or .env"
        return ""

    return comment


def tail(file: str, notes: Sequence[Note], review: Sequence[Problem], *, what: str) -> str:
    """The comments at the end: what was not taken over, and the mistakes. `what` the file is: a script, or another kind of file."""
    lines = []
    if notes:
        lines += ["", "# Not taken over, or not as it was:"]
        lines += [f"#   {file}:{note.line}:{note.column}: {_one_line(note.message)}" for note in notes]
    if review:
        lines += ["", f"# Mistakes in the {what} (stackctl explain RULE says more):"]
        for problem in review:
            lines.append(
                f"#   {problem.place}: {f'{problem.severity} {problem.rule}'.strip()}: {_one_line(problem.message)}"
            )
            if problem.hint:
                lines.append(f"#     {_one_line(problem.hint)}")
    return "\n".join(lines) + "\n" if lines else ""


def _one_line(text: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in plain(text))
