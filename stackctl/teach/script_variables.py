"""The variables of a script: what it takes from outside. A secret never stands in a script, only the name of its variable."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import pairwise
from urllib.parse import unquote

from msgspec import Struct, field

from stackctl.planner.world.desired import Desired
from stackctl.secret import looks_secret
from stackctl.spec.output.redact import common_words, secret_spans
from stackctl.spec.text.parts import Part, parts
from stackctl.teach.commands import DIRECTORY, Argument, CommandLine
from stackctl.teach.shell import Piece, VariableUse

_PAIRED = frozenset(("--env", "--label", "--build-arg", "--opt"))
"""Options whose value is `NAME=value`."""
_TEXTS = frozenset(("command", "entrypoint", "healthcheck"))
"""Keys whose words may hold a secret."""
_CONTENTS = (("secrets",), ("configs",))
"""The tables whose contents a script writes into files."""
_SHORTEST = 6
"""Characters of a secret that is also looked for within other texts. A shorter one stands there by chance."""
_TAKEN = frozenset(
    """
    BASH BASHOPTS BASHPID BASH_ENV BASH_VERSION BASH_VERSINFO BASH_ARGC BASH_ARGV BASH_SOURCE BASH_LINENO BASH_COMMAND
    BASH_SUBSHELL BASH_REMATCH BASH_ALIASES BASH_CMDS BASH_EXECUTION_STRING BASH_ARGV0 BASH_LOADABLES_PATH BASH_XTRACEFD
    BASH_COMPAT CDPATH COPROC DIRSTACK ENV EPOCHREALTIME EPOCHSECONDS EUID FUNCNAME FUNCNEST GLOBIGNORE GROUPS HISTCMD HOSTNAME
    HOSTTYPE IFS LANG LC_ALL LC_CTYPE LD_LIBRARY_PATH LD_PRELOAD LINENO MACHTYPE MAPFILE OLDPWD OPTARG OPTERR OPTIND OSTYPE PATH
    PIPESTATUS POSIXLY_CORRECT PPID PS0 PS1 PS2 PS3 PS4 PWD RANDOM READLINE_LINE REPLY SECONDS SHELL SHELLOPTS SHLVL SRANDOM
    TIMEFORMAT TMOUT UID STACK_DIR WAIT_SECONDS DOCKER_HOST DOCKER_CONTEXT DOCKER_CONFIG
    """.split()
)
"""Names that mean something to bash, to docker or to the script itself."""


NamedWord = tuple[str, str | None]
"""A word, and the name of what it is the value of: a variable, a label, the option before it. None: the word is a name, a path or the
like, and holds no secret of its own.
"""


class ScriptVariable(Struct):
    """A variable of a script. `default`: its value if the caller gives none; None if the caller must give one."""

    name: str
    text: str
    default: str | None = None
    encoded: bool = False
    """Whether the script also needs the value percent-encoded, for URLs."""

    @property
    def in_url(self) -> str:
        """The name of the variable with the percent-encoded value."""
        return f"{self.name}_IN_URL"


class ScriptVariables(Struct):
    """Finds the variables of a script, command by command, and then divides words into literal pieces and variables."""

    found: dict[tuple[str, str], ScriptVariable] = field(default_factory=dict)
    """By origin (a variable of stack.toml, or a key that holds a secret) and text: one variable may be in a word in part only."""
    taken: frozenset[str] = _TAKEN
    """Names that no variable may have."""
    common: frozenset[str] = frozenset()
    """Words that are a secret only where they stand as one: see `common_words`."""
    directory: str = ""
    """The directory of stack.toml, if a command needs it."""

    @classmethod
    def of(cls, desired: Desired, taken: frozenset[str] = _TAKEN) -> ScriptVariables:
        """No variables yet, for the texts of a stack."""
        networks, volumes = (each.key for each in desired.networks), (each.key for each in desired.volumes)
        names = (desired.project, *desired.services, *networks, *volumes)
        return cls(taken=taken, common=common_words(names, desired.services.values()))

    def add(self, words: Iterable[NamedWord], owner: str) -> None:
        """Find the variables of words. `owner`: the service that they are for, or ""."""
        for word, name in words:
            for part, secret in _cut(word, name):
                self._add(part, secret, name or "", owner)
        self._require_what_holds_a_secret()

    def pieces(self, line: CommandLine) -> Iterator[tuple[Argument, list[list[Piece]]]]:
        """Each argument of a command with its words, divided. All commands must have been added."""
        named = named_words(line)
        for argument in line.arguments:
            yield argument, [self.divided(*next(named)) for _ in argument.words]

    def divided(self, word: str, name: str | None = None) -> list[Piece]:
        """A word as literal pieces and variables. `name`: what it is the value of."""
        pieces: list[Piece] = []
        for part, secret in _cut(word, name):
            variable = self._variable(part, secret)
            if variable is not None:
                pieces.append(variable)
            else:
                pieces += [part.text] if name is None else self._known(part.text)
        return _merged(pieces)

    def _add(self, part: Part, secret: bool, name: str, owner: str) -> None:
        origin = part.variable
        if origin and origin.name == DIRECTORY and not origin.place:
            self.directory = part.text
        elif origin:
            text = unquote(part.text) if _in_url(part) else part.text
            secret = secret or part.secret or looks_secret(origin.name)
            variable = self._declare(origin.name, text, self._free(origin.name, ""), secret=secret)
            if variable and _in_url(part):
                variable.encoded = True
        elif secret:
            raw = unquote(part.text)
            known = self._by_text(raw) or self._by_text(part.text)
            if known is not None:
                known.encoded = known.encoded or _is_encoded(part, known)
            else:
                wanted = name if looks_secret(name) else f"{name}_PASSWORD".removeprefix("_")
                text = raw if _in_url(part) else part.text
                found = self._declare(name, text, self._free(wanted.upper(), owner), secret=True)
                if found:
                    found.encoded = _in_url(part)

    def _require_what_holds_a_secret(self) -> None:
        """The caller must also give a variable whose text holds a secret of another one."""
        secrets = [each.text for each in self._secrets()]
        for each in self.found.values():
            if each.default is not None and any(secret in each.default for secret in secrets):
                each.default = None

    def _secrets(self) -> list[ScriptVariable]:
        """The secrets that are looked for within other texts: neither short ones nor common words."""
        found = (each for each in self.found.values() if each.default is None)
        return [each for each in found if len(each.text) >= _SHORTEST and each.text not in self.common]

    def _declare(self, origin: str, text: str, name: str, *, secret: bool) -> ScriptVariable | None:
        known = self.found.get((origin, text))
        if known is not None:
            if secret:
                known.default = None
            return known
        if not secret and any(other == origin for other, _ in self.found):
            return None  # a second text of one variable: only a part of it, or another default
        made = ScriptVariable(name, text, None if secret else text)
        self.found[origin, text] = made
        return made

    def _free(self, wanted: str, owner: str) -> str:
        """A name that bash accepts and nobody has."""
        name = (
            re.sub(r"[^A-Za-z0-9_]", "_", wanted).upper()
            if not wanted.isidentifier() or not wanted.isascii()
            else wanted
        )
        name = name if re.match("[A-Za-z_]", name) else f"_{name}"
        taken = {each.name for each in self.found.values()} | self.taken
        taken |= {each.in_url for each in self.found.values()}
        if name in taken and owner:
            name = f"{re.sub(r'[^A-Za-z0-9_]', '_', owner).upper()}_{name}"
            name = name if re.match("[A-Za-z_]", name) else f"_{name}"
        elif name in self.taken:
            name = f"STACK_{name}"
        number, free = 2, name
        while free in taken:
            free, number = f"{name}_{number}", number + 1
        return free

    def _variable(self, part: Part, secret: bool) -> VariableUse | None:
        origin = part.variable
        if origin and origin.name == DIRECTORY and not origin.place:
            return VariableUse(DIRECTORY)
        if origin:
            text = unquote(part.text) if _in_url(part) else part.text
            known = self.found.get((origin.name, text))
            return VariableUse(known.in_url if _in_url(part) else known.name) if known else None
        if secret:
            known = self._by_text(unquote(part.text)) or self._by_text(part.text)
            return VariableUse(known.in_url if _is_encoded(part, known) else known.name) if known else None
        return None

    def _by_text(self, text: str) -> ScriptVariable | None:
        return next(
            (each for each in self.found.values() if each.default is None and each.text == text), None
        )

    def _known(self, text: str) -> list[Piece]:
        """A text in which known secrets stand for their variables."""
        for each in sorted(self._secrets(), key=lambda each: len(each.text), reverse=True):
            before, found, after = text.partition(each.text)
            if found:
                return [*self._known(before), VariableUse(each.name), *self._known(after)]
        return [text]


def named_words(line: CommandLine) -> Iterator[NamedWord]:
    """Each word of a `docker` command with its name."""
    before = ""
    for argument in line.arguments:
        for word in argument.words:
            name: str | None = None
            if before in _PAIRED:
                name = word.partition("=")[0] if "=" in word else ""
            elif argument.key[2:3] and argument.key[2] in _TEXTS:
                name = _name_after(before, str(argument.key[2]))
            elif argument.key[:1] in _CONTENTS and argument.key[2:3] != ("file",):
                name = "content" if argument.key[2:3] == ("content",) else "secret"
            yield word, name
            before = word if word.startswith("-") else ""


def words_of_command(words: Iterable[str], key: str) -> Iterator[NamedWord]:
    """Each word of a command that a container runs, with its name. `key`: the key of the service that holds the command."""
    before = ""
    for word in words:
        yield word, _name_after(before, key)
        before = word if word.startswith("-") else ""


def _name_after(before: str, key: str) -> str:
    """The name of a word of a command, after the word before it."""
    return before.lstrip("-") if looks_secret(before) else key


def _cut(word: str, name: str | None) -> Iterator[tuple[Part, bool]]:
    """The parts of a word, cut where a secret begins or ends; and whether a part is a secret."""
    if name is None:
        yield from ((part, part.secret) for part in parts(word))
        return
    start = len(name) + 1 if word.startswith(f"{name}=") and name else 0
    spans = [(a + start, b + start) for a, b in secret_spans(str(word)[start:], name)]
    edges = sorted({edge for span in spans for edge in span})
    at = 0
    for part in parts(word):
        end = at + len(part.text)
        if part.variable:
            yield part, any(a < end and b > at for a, b in spans)
        else:
            cuts = [at, *(edge for edge in edges if at < edge < end), end]
            for a, b in pairwise(cuts):
                piece = Part(part.text[a - at : b - at], None, part.reference)
                yield piece, part.secret or any(x <= a and b <= y for x, y in spans)
        at = end


def _in_url(part: Part) -> bool:
    """Whether the text was percent-encoded when it was put into a URL."""
    return part.reference is not None and part.reference.attribute == "url"


def _is_encoded(part: Part, known: ScriptVariable) -> bool:
    return _in_url(part) or part.text != known.text


def _merged(pieces: list[Piece]) -> list[Piece]:
    merged: list[Piece] = []
    for piece in pieces:
        if piece == "":
            continue
        if isinstance(piece, str) and merged and isinstance(merged[-1], str):
            merged[-1] += piece
        else:
            merged.append(piece)
    return merged
