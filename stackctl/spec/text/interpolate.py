"""Variables in values: `$V ${V} ${V:-d} ${V-d} ${V:?e} ${V?e} ${V:+a} ${V+a} $$`, nested (Compose spec, 12-interpolation).

It is stricter than Compose: an unset variable is a problem that names where it was looked for, and never becomes an empty
text in silence. A variable that is set to the empty text counts as set. Keys are never changed. `$` before any other
character stays.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct, field

from stackctl.errors import Key, Problem, Severity
from stackctl.secret import veiled
from stackctl.spec.text.parts import Part, Reference, Text, VariableOrigin, concealed
from stackctl.spelling import Guesses

RULE = "SC303"
_DEEPEST = 20
"""How many `${A:-${B:-…}}` may be nested."""
LONGEST = 1 << 17
"""How many characters variables may give to one text."""
MOST = 1 << 24
"""How many characters they may give to all texts. Twenty lines, each of which says the one above twice, stand for a million."""

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_BRACED = r"(?s)([A-Za-z_][A-Za-z0-9_]*)(?:(:?[-?+])(.*))?"
_COMMANDS = {"command", "entrypoint", "healthcheck"}
"""The keys of a service whose text a shell in the container may read."""
_UNUSABLE = "[\0\ud800-\udfff]"
"""NUL, and the characters that stand for bytes of the environment that are not UTF-8 (PEP 383)."""


class Variables(Struct, frozen=True):
    """Variables, and the name of the place they come from, such as `shell` or `.env: no such file`."""

    name: str
    values: Mapping[str, str]

    def __repr__(self) -> str:
        return veiled(self, "values")


class Expanded(Struct):
    """How many characters the variables of a lookup have given to texts."""

    size: int = 0


class Lookup(Struct, frozen=True):
    """The places where variables are looked for. The first place that has the variable wins."""

    sources: Sequence[Variables] = ()
    guesses: Guesses = field(default_factory=Guesses)
    given: Expanded = field(default_factory=Expanded)

    def source(self, name: str) -> Variables | None:
        """The first place that has the variable."""
        return next((source for source in self.sources if name in source.values), None)

    def get(self, name: str) -> str | None:
        source = self.source(name)
        return source.values[name] if source else None

    def part(self, name: str) -> Part | None:
        """The variable's value as a part of a text; None if the variable is not set."""
        source = self.source(name)
        return Part(str(source.values[name]), VariableOrigin(name, source.name)) if source else None

    def unset(self, name: str) -> str:
        return f"{name} is not set (looked in: {', '.join(source.name for source in self.sources if source.name)})"

    def near(self, name: str) -> str:
        return self.guesses.did_you_mean(name, (known for source in self.sources for known in source.values))


class Flaw(Struct, frozen=True):
    """What is wrong with a template."""

    message: str
    hint: str = ""
    rule: str = RULE
    severity: Severity = "error"


Special = Callable[[str], Reference | Flaw | None]
"""Is asked about each text between braces, before the text is read as a variable. None means that it is a variable."""


def expand(
    template: str,
    lookup: Lookup,
    *,
    strict: bool = True,
    special: Special | None = None,
    command: bool = False,
    lenient: bool = False,
) -> tuple[Text, list[Flaw]]:
    """Replace the variables of one text. An unset variable becomes the empty text, and also a flaw if `strict`; it is only a warning
    if `lenient`.

    `command`: a shell in the container may read the text; the hint for an unset variable then tells how to leave it to that shell.
    """
    expansion = _Expansion(lookup, strict, special, command, lenient)
    return Text.of(expansion.parts(template, 0)), expansion.flaws


def variables(template: str) -> Iterator[tuple[str, str | None]]:
    """The variables that a text mentions, including those in defaults and alternatives. Each comes with its default or None."""
    at = 0
    while (dollar := template.find("$", at)) >= 0:
        at = dollar + 1
        if template.startswith("$", at):
            at += 1
        elif template.startswith("{", at) and (end := _closing(template, at)) is not None:
            if match := re.fullmatch(_BRACED, template[at + 1 : end]):
                name, operator, word = match.groups()
                yield name, word if operator in ("-", ":-") else None
                yield from variables(word or "")
            at = end + 1
        elif match := _PLAIN.match(template, at):
            yield match[0], None
            at = match.end()


def interpolate(
    tree: Any,
    lookup: Lookup,
    *,
    strict: bool = True,
    special: Callable[[tuple[Key, ...]], Special | None] = lambda _: None,
    path: tuple[Key, ...] = (),
) -> tuple[Any, list[Problem]]:
    """Replace the variables in every text of a tree. `special` gives the `Special` for a key path. In a `Text` they are replaced
    already.
    """
    problems: list[Problem] = []

    def walk(value: Any, path: tuple[Key, ...]) -> Any:
        match value:
            case dict():
                return {key: walk(item, (*path, key)) for key, item in value.items()}
            case list():
                return [walk(item, (*path, n)) for n, item in enumerate(value)]
            case str() if "$" in value and not isinstance(value, Text):
                text, flaws = expand(
                    value,
                    lookup,
                    strict=strict,
                    special=special(path),
                    command=not _COMMANDS.isdisjoint(path[2:]),
                )
                problems.extend(Problem(path, flaw.message, flaw.hint, flaw.rule) for flaw in flaws)
                return text
        return value

    return walk(tree, path), problems


class _Expansion(Struct):
    lookup: Lookup
    strict: bool
    special: Special | None
    command: bool = False
    lenient: bool = False
    flaws: list[Flaw] = field(default_factory=list)
    size: int = 0

    def parts(self, template: str, depth: int) -> list[Part]:
        if depth > _DEEPEST:
            return self.flaw(f"variables nested deeper than {_DEEPEST}")
        found: list[Part] = []
        at = 0
        while (dollar := template.find("$", at)) >= 0:
            if at < dollar:
                found.append(Part(template[at:dollar]))
            at = dollar + 1
            if template.startswith("$", at):
                found.append(Part("$"))
                at += 1
            elif template.startswith("{", at):
                end = _closing(template, at)
                if end is None:
                    message = f"{template[dollar : dollar + 60]!r} is not closed with a brace"
                    return found + self.flaw(message, 'write "$$" for a dollar')
                found += self.braced(template[at + 1 : end], depth)
                at = end + 1
            elif match := _PLAIN.match(template, at):
                found += self.variable(match[0])
                at = match.end()
            else:
                found.append(Part("$"))
        return [*found, *([Part(template[at:])] if at < len(template) else [])]

    def braced(self, inner: str, depth: int) -> list[Part]:
        answer = self.special(inner) if self.special else None
        if isinstance(answer, Flaw):
            self.flaws.append(answer)
            return []
        if answer is not None:
            return [Part(str(answer), reference=answer, pending=True)]
        match = re.fullmatch(_BRACED, inner)
        if match is None:
            return self.flaw(
                f'"${{{inner}}}" is not a variable',
                'write ${NAME} or ${NAME:-default}, and "$$" for a dollar',
            )
        name, operator, word = match.groups()
        if operator is None:
            return self.variable(name)
        value = self.lookup.get(name)
        has_value = bool(value) if operator.startswith(":") else value is not None
        if operator.endswith("+"):
            return self.parts(word, depth + 1) if has_value else []
        if has_value:
            return self.variable(name)
        if operator.endswith("-"):
            return [self.default(name, part) for part in self.parts(word, depth + 1)]
        if not self.strict:
            return [Part("", VariableOrigin(name, ""))]
        reason = concealed(Text.of(self.parts(word, depth + 1)))
        missing = self.lookup.unset(name) if value is None else f"{name} is empty"
        return self.flaw(
            f"{reason}: {missing}" if reason else missing, self.lookup.near(name) if value is None else ""
        )

    def default(self, name: str, part: Part) -> Part:
        """The part, marked as a value of the variable: its default is as secret as its value."""
        return Part(part.text, VariableOrigin(name, "")) if part.literal else part

    def variable(self, name: str) -> list[Part]:
        found = self.lookup.part(name)
        if found is None:
            if not self.strict:
                return [Part("", VariableOrigin(name, ""))]
            hint = self.lookup.near(name) or f"set it, or write ${{{name}:-default}}"
            if self.lenient:
                self.flaws.append(Flaw(f"{self.lookup.unset(name)}: it is empty", hint, severity="warning"))
                return [Part("", VariableOrigin(name, ""))]
            if self.command:
                hint += f'; "$${name}" leaves it to the shell in the container'
            return self.flaw(self.lookup.unset(name), hint)
        self.size += len(found.text)
        self.lookup.given.size += len(found.text)
        if self.size > LONGEST or self.lookup.given.size > MOST:
            texts, most = ("a text", LONGEST) if self.size > LONGEST else ("all texts together", MOST)
            return self.flaw(f"variables may give {texts} {most:,} characters: {name} is too much")
        if re.search(_UNUSABLE, found.text):
            return self.flaw(f"the value of {name} is not UTF-8 text")
        return [found]

    def flaw(self, message: str, hint: str = "") -> list[Part]:
        self.flaws.append(Flaw(message, hint))
        return []


def _closing(template: str, opening: int) -> int | None:
    """The index of the brace that closes the one at `opening`."""
    depth = 0
    for index in range(opening, len(template)):
        depth += {"{": 1, "}": -1}.get(template[index], 0)
        if depth == 0:
            return index
    return None
