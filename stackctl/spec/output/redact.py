"""Hide secrets in the plain tree of a stack. A value is a secret by the name of its variable, its key or its option, or by its
place in a URL.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from msgspec import Struct

from stackctl.secret import DOTS, Secret, looks_secret
from stackctl.spec.model import Service, Stack
from stackctl.spec.text.parts import concealed, parts
from stackctl.spec.values import Variable

_URL = r"(://[^/\s:@]*:)([^\s/,]*(?=@)|\S*(?=@))"
"""`scheme://user:password@`, even if the password holds a character that should be percent-encoded."""
_VALUE = r"""("[^"]*"|'[^']*'|(?:(?!,[\w.]+=)[^\s&;"'])+)"""
_ASSIGNED = rf"(?<![\w.-])(-[\w.-]+)([ =]+){_VALUE}|([\w.]+)(=){_VALUE}"
"""`NAME=value` and `--option value` within a text."""
_DEFAULT = r"(\$\{(\w+):?[-+])([^{}]+)(?=\})"
"""The default of a variable: `${NAME:-value}`."""
_SHORTEST = 4
"""Characters. Shorter secrets occur in any text by chance: with dots for them nobody could read it."""
_PLAIN = frozenset("@= ")
"""A text without any of these has no secret span."""
_REFERENCE = r"\$(\w+|\{\w+\})"
"""The name of a variable is no secret."""


_CALLED = r"(?i)(?:^|_)(?:user(?:name)?|db|database|dbname|name|host)$"
"""The name of a variable that says what something is called."""
_WRITTEN = r"""([\w.-]+)["']?\s*[=:]\s*(["']?)([^\s"',{}\[\]#$][^"',}\]]*)"""
"""`NAME = "value"` of TOML, `NAME: value` of YAML."""
_PLACE = r"id=[^,=]+,(?:src|env)="
"""The value of `docker build --secret`: it says where a secret is, and is none."""


def redacted(tree: Any, name: str = "") -> Any:
    """The tree with dots for secrets. `name`: the key or option that the value belongs to."""
    match tree:
        case dict():
            return {key: redacted(value, key) for key, value in tree.items()}
        case list():
            return list(_words(tree, "" if name == "secrets" else name))  # these are names of secrets
        case str() if tree and looks_secret(name):
            return _dots(tree)
        case str():
            text = re.sub(_URL, lambda match: match[1] + _dots(match[2]), concealed(tree))
            text = re.sub(_ASSIGNED, _assigned, re.sub(_DEFAULT, _default, text))
            return tree if text == tree else text
    return tree


def secret_spans(text: str, name: str = "") -> Iterator[tuple[int, int]]:
    """Where in a text secrets stand, as `redacted` finds them: start and end of each. Texts from secret variables are not told."""
    if text and looks_secret(name):
        yield 0, len(text)
        return
    for match in re.finditer(_URL, text):
        if _dots(match[2]) == DOTS and match[2]:
            yield match.span(2)
    for match in re.finditer(_ASSIGNED, text):
        found = 3 if match[3] is not None else 6
        if looks_secret(match[found - 2]) and _dots(match[found]) == DOTS:
            yield match.span(found)


def veiled_line(line: str) -> str:
    """A line of a stack's file with as many dots as its secrets have characters, so that every column stays."""
    spans = [*secret_spans(line)]
    written = re.finditer(_WRITTEN, line)
    spans += [match.span(3) for match in written if looks_secret(match[1]) and "$" not in match[3]]
    for start, end in spans:
        line = line[:start] + DOTS[0] * (end - start) + line[end:]
    return line


def in_clear(tree: Any, name: str = "") -> Iterator[str]:
    """The secrets in a plain tree, as `redacted` hides them. `name`: the key or option that the value belongs to."""
    match tree:
        case dict():
            yield from (secret for key, value in tree.items() for secret in in_clear(value, key))
        case list() | tuple():
            before = name
            for word in tree:
                yield from in_clear(word, before)
                before = word if isinstance(word, str) and word.startswith("-") else name
        case str() if tree and looks_secret(name):
            if _dots(tree) == DOTS:
                yield str(tree)
        case str():
            yield from (part.text for part in parts(tree) if part.secret and part.text)
            if not _PLAIN.isdisjoint(tree):
                yield from (tree[start:end] for start, end in secret_spans(tree))


def secrets(value: Any, name: str = "") -> Iterator[str]:
    """The secrets in a record: texts from secret variables and texts under secret keys. `name`: the key or option that the
    value belongs to.
    """
    match value:
        case str() if looks_secret(name):
            found = [str(value)]
        case str():
            found = [part.text for part in parts(value) if part.secret]
        case Mapping():
            found = [secret for key, item in value.items() for secret in secrets(item, str(key))]
        case tuple():
            found = [secret for item in value for secret in secrets(item, name)]
        case Secret():
            found = [value.reveal().strip()]
        case Variable(text):
            found = [*secrets(text, name)]
        case Struct():
            found = [secret for field in value.__struct_fields__ for secret in secrets(getattr(value, field))]
        case _:
            found = []
    yield from (secret for secret in found if len(secret) >= _SHORTEST)


def without(text: str, hidden: Iterable[str], common: Collection[str] = ()) -> str:
    """The text, with dots for each of the `hidden` secrets. One that is a `common` word is hidden only where it stands as a secret."""
    everywhere = {*hidden} - {*common}
    if by_place := {*hidden} & {*common}:
        for start, end in reversed([*secret_spans(text)]):
            if text[start:end] in by_place:
                text = text[:start] + DOTS + text[end:]
    for secret in sorted(everywhere, key=len, reverse=True):
        text = text.replace(secret, DOTS)
    return text


def common_words(names: Iterable[str], services: Iterable[Service]) -> frozenset[str]:
    """Words that say nothing about a secret that is one of them: these names, the parts of the names of images, and what users and databases
    are called. With `POSTGRES_PASSWORD=postgres` nobody could read a text in which every `postgres` is hidden.
    """
    found = {*names}
    for service in services:
        found |= {*re.split("[/:@.]", service.image or "")}
        found |= {
            str(value)
            for name, value in service.resolved.items()
            if re.search(_CALLED, name) and not looks_secret(name) and not any(in_clear(value or ""))
        }
    return frozenset(found - {""})


def _words(words: list[Any], name: str) -> Iterator[Any]:
    """The words of a command, with dots for secrets. A word after an option is the option's value."""
    before = name
    for word in words:
        is_place = before == "--secret" and isinstance(word, str) and re.match(_PLACE, word)
        yield word if is_place else redacted(word, before)
        before = word if isinstance(word, str) and word.startswith("-") else name


def _assigned(match: re.Match[str]) -> str:
    name, between, value = filter(None, match.groups())
    return f"{name}{between}{_dots(value)}" if looks_secret(name) else match[0]


def _default(match: re.Match[str]) -> str:
    return match[1] + (DOTS if looks_secret(match[2]) else match[3])


def _dots(value: str) -> str:
    return value if re.fullmatch(_REFERENCE, value) else DOTS


def secrets_of(stack: Stack, services: Iterable[str]) -> set[str]:
    """The secrets of services, and of the files that they get. A name of no service has none."""
    found = [service for name in services if (service := stack.everything.get(name))]
    contents = (source.value for service in found for _, _, source in stack.sources_of(service))
    return {*secrets(tuple(found)), *secrets(tuple(contents))}


def common_words_of(stack: Stack) -> frozenset[str]:
    """The words of a stack that are hidden only where they stand as a secret."""
    names = (stack.project, *stack.everything, *stack.volumes, *stack.networks)
    return common_words(names, stack.everything.values())
