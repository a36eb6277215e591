"""What a key of the stack's file means, what it says now, what it is for `docker`, and what one would see without it."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, get_args, get_origin

from msgspec import Struct

from stackctl.errors import UsageError, dotted
from stackctl.planner.world.desired import Desired
from stackctl.rules import RULES, heading
from stackctl.secret import DOTS
from stackctl.show.text.style import PLAIN, Style
from stackctl.spec.model import ConfigSource, Job, Network, SecretSource, Service, Stack, Volume
from stackctl.spec.output.redact import redacted
from stackctl.spec.source.discovery import NAME
from stackctl.spec.structure import Form, choices, forms, is_table
from stackctl.spec.text.parts import Part, parts
from stackctl.spelling import did_you_mean
from stackctl.teach.commands import DIRECTORY, CommandLine, Docker
from stackctl.teach.explain.blocks import Block, blocks_text
from stackctl.teach.explain.lessons import Lesson, lesson
from stackctl.teach.explain.notation import Path, in_file, line_of, value_of
from stackctl.teach.shell import Piece, VariableUse, literal, word

_FILES: Mapping[str, type] = {"secrets": SecretSource, "configs": ConfigSource}
_SECTIONS: Mapping[str, type] = {
    "services": Service,
    "jobs": Job,
    "networks": Network,
    "volumes": Volume,
    **_FILES,
}
_BY_HAND = (
    "No option says this. A script does it with the order of its commands or with a loop, or not at all."
)
_LINE = 66
"""Columns that are left beside the titles."""


class Topic(Struct, frozen=True):
    """A key, or a table of a section, that is explained. `path` is its key path; () if no one of the stack is meant."""

    section: str
    words: tuple[str, ...]
    form: Form | None
    path: Path = ()


def topics(text: str, stack: Stack | None) -> list[Topic]:
    """What `db`, `db.volumes`, `networks.back` or `volumes` means: of the stack if there is one, else of stack.toml as such.

    Raises UsageError for a name that means nothing.
    """
    if stack is not None:
        for section in ("services", "jobs"):
            for name in sorted(getattr(stack, section), key=len, reverse=True):
                if text == name or text.startswith(f"{name}."):
                    return [_of(section, name, text[len(name) + 1 :])]
        section, _, rest = text.partition(".")
        for name in sorted(getattr(stack, section) if section in _SECTIONS else (), key=len, reverse=True):
            if rest == name or rest.startswith(f"{name}."):
                return [_of(section, name, rest[len(name) + 1 :])]
    words = tuple(text.split("."))
    tables = {"services": Job, "": Stack, "networks": Network, "volumes": Volume}
    found = [section for section, table in tables.items() if words[0] in forms(table)]
    if found == ["services", "networks", "volumes"]:  # labels
        found = found[:1]
    if not found:
        raise _unknown(text, stack)
    return [Topic(section, words, _walk(tables[section], words)) for section in found]


def _of(section: str, name: str, rest: str) -> Topic:
    words = tuple(rest.split(".")) if rest else ()
    form = _walk(_SECTIONS[section], words) if words else None
    return Topic(section, words, form, (section, name, *words))


def _walk(table: type, words: Sequence[str]) -> Form | None:
    """The last key of a path of keys. None where the path ends at a name that the user chose (`environment.PORT`)."""
    known = forms(table)
    if words[0] not in known:
        hint = did_you_mean(words[0], known, f"there are: {', '.join(known)}")
        raise UsageError(f"there is no key {words[0]!r} here", hint)
    form = known[words[0]]
    inner, rest, named = form.type, words[1:], False
    if get_origin(inner) is Mapping and rest:
        inner, rest, named = get_args(inner)[1], rest[1:], True
    inner = _item(inner)
    if rest:
        if not is_table(inner):
            raise UsageError(f"{words[0]} has no keys of its own", "")
        return _walk(inner, rest)
    return None if named else form


def _item(hint: Any) -> Any:
    return get_args(hint)[0] if get_origin(hint) is tuple else hint


def _unknown(text: str, stack: Stack | None) -> UsageError:
    names = [*(stack.everything if stack else ()), *forms(Job), *forms(Stack), *RULES, "up"]
    first = text.partition(".")[0]
    hint = did_you_mean(first, names, "name a service, a key, SERVICE.KEY, a rule or `up`")
    return UsageError(f"nothing here is called {first!r}", hint)


def topics_text(
    found: Iterable[Topic], stack: Stack | None, desired: Desired | None, style: Style = PLAIN
) -> str:
    """The topics in words."""
    return "\n\n".join(_text(topic, stack, desired, style) for topic in found)


def _text(topic: Topic, stack: Stack | None, desired: Desired | None, style: Style) -> str:
    if stack is None or not topic.path:
        key = ".".join(topic.words)
        title = f"[{topic.section}.NAME] {key}" if topic.section else f"{key}, at the top of stack.toml"
        head = style(title, "bold")
        return f"{head}\n\n{blocks_text(_reference(topic), style)}"
    line = line_of(stack, topic.path)
    head = style(dotted(topic.path), "bold") + (f"  {line}" if line else "")
    commands = [*_commands(stack, desired, topic.path)] if desired else []
    if not topic.words:
        return f"{head}\n\n{blocks_text(_whole(topic, stack, commands), style)}"
    return f"{head}\n\n{blocks_text(_key(topic, stack, commands), style)}"


# A key


def _key(topic: Topic, stack: Stack, commands: Sequence[CommandLine]) -> Iterator[Block]:
    yield from _meaning(topic)
    value = value_of(stack, topic.path)
    if value is None:
        yield Block("now", (f"Not set in {stack.sources[-1].file if stack.sources else NAME}.",))
    else:
        yield Block("now", code=(in_file(stack, topic.path),))
    yield from _docker(topic, value, commands)
    yield from _lesson_blocks(topic)


def _reference(topic: Topic) -> Iterator[Block]:
    yield from _meaning(topic)
    if len(topic.words) == 1 or _lesson(topic):
        yield Block("docker", (_option(topic),))
    yield from _lesson_blocks(topic)


def _meaning(topic: Topic) -> Iterator[Block]:
    form = topic.form
    if form is None:
        return
    lines = [str(form.metadata.get("doc", ""))]
    inner = _item(form.type)
    inner = _item(get_args(inner)[1]) if get_origin(inner) is Mapping else inner
    if isinstance(inner, type) and (is_table(inner) or hasattr(inner, "parse")):
        lines.append(_doc(inner))
    if allowed := choices(inner):
        lines.append(f"One of: {', '.join(map(str, allowed))}.")
    yield Block("means", tuple(filter(None, lines)))
    if is_table(inner):
        rows = tuple(f"{key}: {each.metadata.get('doc', '')}" for key, each in forms(inner).items())
        yield Block("keys", rows)


def _doc(kind: type) -> str:
    """The docstring in one paragraph; "" for a class that has only the one that is made for it."""
    doc = inspect.cleandoc(kind.__doc__ or "")
    return "" if doc.startswith(f"{kind.__name__}(") else " ".join(doc.partition("\n\n")[0].split())


def _docker(topic: Topic, value: Any, commands: Sequence[CommandLine]) -> Iterator[Block]:
    shown = list(
        dict.fromkeys(
            shell(argument.words)
            for command in commands
            for argument in command.arguments
            if argument.key[: len(topic.path)] == topic.path
        )
    )
    if shown:
        yield Block("docker", code=tuple(shown))
    elif len(topic.words) == 1 and topic.section not in _FILES:
        yield Block("docker", (_BY_HAND if value is not None else _option(topic),))
    elif _lesson(topic):
        yield Block("docker", (_option(topic),))


def _option(topic: Topic) -> str:
    known = _lesson(topic)
    return known.option if known and known.option else _BY_HAND


def _lesson(topic: Topic) -> Lesson | None:
    return lesson(topic.section, *topic.words) if topic.words else None


def _lesson_blocks(topic: Topic) -> Iterator[Block]:
    known = _lesson(topic)
    if known is None:
        return
    yield Block("without it", (known.without,))
    if known.rules:
        yield Block("rules", (*map(heading, known.rules), f"More: stackctl explain {known.rules[0]}"))


# A whole table


def _whole(topic: Topic, stack: Stack, commands: Sequence[CommandLine]) -> Iterator[Block]:
    table = _SECTIONS[topic.section]
    yield Block("means", (_doc(table),))
    for key in value_of(stack, topic.path) or {}:
        form = forms(table)[key]
        line = line_of(stack, (*topic.path, key))
        where = f" ({line})" if line else ""
        yield Block(
            key,
            (f"{form.metadata.get('doc', '')}{where}",),
            code=(in_file(stack, (*topic.path, key)),),
        )
    if commands:
        yield Block("docker", code=tuple(folded(shell_words(command)) for command in commands))


# The stack


def _commands(stack: Stack, desired: Desired, path: Path) -> Iterator[CommandLine]:
    """The commands that come from a section's table."""
    docker, (section, name) = Docker(stack), path[:2]
    match section:
        case "networks":
            yield from (docker.network(network) for network in desired.networks if network.key == name)
        case "volumes":
            yield from (docker.volume(volume) for volume in desired.volumes if volume.key == name)
        case "services" | "jobs":
            for image in desired.images:
                if image.build and name in image.services:
                    yield docker.build(image)
            for spec in desired.containers:
                if spec.service == name:
                    yield docker.container(spec, start=True)
                    yield from docker.connect(spec)
                    yield from docker.copies(spec)


# The shell


def shell(words: Iterable[str]) -> str:
    """Words as one types them in the directory of stack.toml: with variables instead of their values, and dots for other
    secrets. Whatever else a word holds, bash reads exactly that word.
    """
    pieces = [[*_pieces(each)] for each in words]
    texts = ["".join(map(str, each)) for each in pieces]
    return " ".join(
        word(each) if text == safe else literal(safe)
        for each, text, safe in zip(pieces, texts, redacted(texts), strict=True)
    )


def _pieces(text: str) -> Iterator[Piece]:
    """The texts and variables that a word is made of."""
    for plain_text, group in groupby(parts(text), key=lambda part: part.variable is None):
        if plain_text:
            yield "".join(DOTS if part.secret else part.text for part in group)
        else:
            yield from map(_use, group)


def _use(part: Part) -> VariableUse:
    """The variable that a part comes from."""
    assert part.variable
    if part.variable.name == DIRECTORY:
        return VariableUse("PWD")
    return VariableUse(part.variable.name, "" if part.variable.place or part.secret else part.text)


def shell_words(command: CommandLine) -> list[str]:
    """A command in the pieces that stay together on a line: each option with its value."""
    return [shell(command.verb), *(shell(argument.words) for argument in command.arguments)]


def folded(pieces: Sequence[str], width: int = _LINE) -> str:
    """The pieces on lines that a shell reads as one."""
    lines = [pieces[0]]
    for piece in pieces[1:]:
        if len(lines[-1]) + len(piece) + 3 > width:
            lines.append(f"  {piece}")
        else:
            lines[-1] += f" {piece}"
    return " \\\n".join(lines)
