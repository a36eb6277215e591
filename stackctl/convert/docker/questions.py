"""What a script waits for: which container, and which check of a stack.toml asks the same."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from msgspec import Struct, structs

from stackctl.convert.bash.grammar import DOCKER
from stackctl.convert.bash.script import Wait
from stackctl.convert.bash.shell import Word
from stackctl.convert.docker.flags import RUN, Grammar, divide
from stackctl.convert.unset import plain

_HERE = frozenset({"localhost", "127.0.0.1", "0.0.0.0", "::1", "[::1]", "host.docker.internal"})  # noqa: S104 nothing listens here
_URL = r"(?:(https?)://)?([\w.-]+|\[[0-9a-f:]+\])(?::(\d{1,5}))?(/[^\s#]*)?(?:[?#].*)?"
_FETCHERS = frozenset({"curl", "wget", "http", "https"})
_STATUS_COUNTS = r"-[a-zA-Z]*f[a-zA-Z]*|--fail.*|-[a-zA-Z]*w[a-zA-Z]*|--write-out.*"
"""The options with which curl asks for a status, not only for an answer."""
_DATABASE_CLIENTS = {
    "pg_isready": 5432,
    "psql": 5432,
    "mysqladmin": 3306,
    "mysql": 3306,
    "mariadb-admin": 3306,
    "redis-cli": 6379,
}

State = Literal["", "healthy", "ended"]


class AskedContainer(Struct, frozen=True):
    """A container as a question reaches it. `published` maps ports of this machine to those of the container."""

    name: str
    hosts: frozenset[str]
    published: Mapping[int, int]


class AskedState(Struct, frozen=True):
    """What is asked of a container: the keys of a `healthcheck`, none if it only has to run; or its state."""

    container: str
    check: Mapping[str, Any] = {}
    state: State = ""


def question(wait: Wait, targets: Sequence[AskedContainer]) -> AskedState | None:
    """What the script waits for; None if that cannot be told, or is no container of the script."""
    asker = _Asker(targets, frozenset(wait.about))
    for index, words in enumerate(wait.asked):
        others = [[word.text for word in each] for each in (*wait.asked[:index], *wait.asked[index + 1 :])]
        if found := asker.ask([word.text for word in words], others):
            return found
    return None


class _Asker(Struct, frozen=True):
    targets: Sequence[AskedContainer]
    about: frozenset[str]

    def ask(self, words: Sequence[str], others: Sequence[Sequence[str]]) -> AskedState | None:
        program = posixpath.basename(words[0])
        if program in DOCKER:
            return self._docker([word for word in words[1:] if word != "container"], others)
        plainly = [plain(word) for word in words]
        if plainly[0].startswith("/dev/tcp/"):
            host, _, port = plainly[0].removeprefix("/dev/tcp/").partition("/")
            return self._port(host, port)
        return self._program(program, plainly[1:], others)

    def _docker(self, words: Sequence[str], others: Sequence[Sequence[str]]) -> AskedState | None:
        verb, rest = (words[0], [Word(word, 0) for word in words[1:]]) if words else ("", [])
        match verb:
            case "exec":
                inside = [word.text for word in divide(rest, RUN).words]
                target = self._called(inside[0]) if len(inside) > 1 else None
                return AskedState(target.name, {"test": _test(inside[1:])}) if target else None
            case "run":
                return self._beside(rest, others)
            case "logs":
                names = [word.text for word in divide(rest, _LOGS).words]
                target = self._called(names[0]) if names else None
                pattern = next(filter(None, map(_pattern, others)), "")
                return AskedState(target.name, {"log": pattern}) if target and pattern else None
            case "wait":
                target = self._called(words[1]) if len(words) == 2 else None
                return AskedState(target.name, state="ended") if target else None
            case "inspect":
                about = next((found for word in words[1:] if (found := self._called(word))), None)
                tests = " ".join(word for each in others if each[0] == "[" for word in each)
                return AskedState(about.name, state=_state(tests)) if about else None
        return None

    def _beside(self, words: Sequence[Word], others: Sequence[Sequence[str]]) -> AskedState | None:
        """`docker run --rm --network … IMAGE COMMAND`: a question from a container of its own."""
        run = divide(words, RUN)
        inside = [word.text for word in run.words[1:]]
        inside = inside[2:] if inside[:1] == ["timeout"] else inside
        if not inside:
            return None
        network = run.last("network")
        if network.startswith("container:") and (target := self._called(network.removeprefix("container:"))):
            inner = structs.replace(target, published={})
            return _Asker([inner], target.hosts).ask(inside, others)
        return self.ask(inside, others)

    def _program(
        self, program: str, words: Sequence[str], others: Sequence[Sequence[str]]
    ) -> AskedState | None:
        if program in _FETCHERS:
            return self._fetched(program, words, others)
        if program in ("nc", "ncat", "netcat", "telnet"):
            operands = [
                word for word in _without_values(words, ("-w", "-i", "-e")) if not word.startswith("-")
            ]
            return self._port(*operands[:2]) if len(operands) >= 2 else None
        if program in _DATABASE_CLIENTS:
            return self._database(program, words)
        if "wait" in program:
            for word in words:
                if (found := re.fullmatch(r"(?:\w+://)?([\w.-]+):(\d{1,5})/?", word)) and (
                    asked := self._port(found[1], found[2])
                ):
                    return asked
        return None

    def _fetched(
        self, program: str, words: Sequence[str], others: Sequence[Sequence[str]]
    ) -> AskedState | None:
        counts = program != "curl" or any(re.fullmatch(_STATUS_COUNTS, word) for word in words)
        counts = counts or any(
            posixpath.basename(each[0]) in ("grep", "jq", "[") and "0" not in each for each in others
        )
        for word in _without_values(
            words,
            ("-o", "-w", "-H", "-X", "-d", "-m", "-u", "-O", "-T", "-t", "--max-time", "--retry", "--header"),
        ):
            found = re.fullmatch(_URL, word)
            if not found or word.startswith("-") or not (found[1] or found[3] or found[2] in _HERE):
                continue
            port = found[3] or ("443" if found[1] == "https" else "80")
            if counts and found[1] != "https":
                return self._http(found[2], port, found[4] or "/")
            return self._port(found[2], port)
        return None

    def _database(self, program: str, words: Sequence[str]) -> AskedState | None:
        host = next((word for word in _values(words, "-h", "--host")), "localhost")
        port_option = "-P" if program.startswith(("mysql", "mariadb")) else "-p"
        port = next((word for word in _values(words, port_option, "--port")), str(_DATABASE_CLIENTS[program]))
        return self._port(host, port)

    def _http(self, host: str, port: str, path: str) -> AskedState | None:
        found = self._reached(host, port)
        return AskedState(found[0].name, {"http": f":{found[1]}{path}"}) if found else None

    def _port(self, host: str, port: str) -> AskedState | None:
        found = self._reached(host, port)
        return AskedState(found[0].name, {"tcp": found[1]}) if found else None

    def _reached(self, host: str, port: str) -> tuple[AskedContainer, int] | None:
        """The container that answers at a host and port, and its own port."""
        if not port.isdigit():
            return None
        number = int(port)
        if host not in _HERE:
            return next(((each, number) for each in self.targets if host in each.hosts), None)
        for target in self.targets:
            if number in target.published:
                return target, target.published[number]
        meant = [each for each in self.targets if each.hosts & self.about]
        return (meant[0], number) if len(meant) == 1 else None

    def _called(self, name: str) -> AskedContainer | None:
        return next((each for each in self.targets if plain(name) in each.hosts), None)


def _test(argv: Sequence[str]) -> str | list[str]:
    """A command as a `test`: that of a shell as its line, as Compose writes it."""
    if len(argv) == 3 and argv[0] == "/bin/sh" and argv[1] == "-c":
        return argv[2]
    return ["CMD", *argv]


def _state(tests: str) -> State:
    """Which state of a container these tests ask for."""
    if re.search(r"\bhealthy\b|\bunhealthy\b|\bstarting\b", tests):
        return "healthy"
    return "ended" if "exited" in tests else ""


def _pattern(words: Sequence[str]) -> str:
    """The pattern of a `grep` as a regular expression of Python; "" for another command."""
    if posixpath.basename(words[0]) not in ("grep", "egrep", "fgrep"):
        return ""
    given = divide([Word(word, 0) for word in words[1:]], _GREP)
    pattern = given.last("regexp") or (given.words[0].text if given.words else "")
    if given.on("fixed-strings") or words[0] == "fgrep":
        pattern = re.escape(pattern)
    elif not (given.on("extended-regexp") or given.on("perl-regexp") or words[0] == "egrep"):
        pattern = re.sub(r"\\?[+?(){}|]", _from_basic, pattern)
    return f"(?i){pattern}" if given.on("ignore-case") and pattern else pattern


def _from_basic(sign: re.Match[str]) -> str:
    """In a basic regular expression, these characters have their meaning with a backslash (POSIX, 9.3)."""
    return sign[0][1:] if len(sign[0]) == 2 else f"\\{sign[0]}"


def _values(words: Sequence[str], *options: str) -> Iterator[str]:
    """The values of an option: `-h db`, `-hdb`, `--host=db`."""
    for index, word in enumerate(words):
        for option in options:
            if word == option and index + 1 < len(words):
                yield words[index + 1]
            elif word.startswith(f"{option}=" if option.startswith("--") else option) and word != option:
                yield word[len(option) :].removeprefix("=")


def _without_values(words: Sequence[str], options: Sequence[str]) -> Iterator[str]:
    """The words without the values of these options."""
    skip = False
    for word in words:
        if not skip:
            yield word
        skip = word in options


_LOGS = Grammar(
    frozenset("details follow timestamps".split()),
    frozenset("since tail until".split()),
    {"f": "follow", "t": "timestamps", "n": "tail"},
)
_GREP = Grammar(
    frozenset("extended-regexp perl-regexp fixed-strings basic-regexp ignore-case quiet silent count invert-match line-buffered".split()),
    frozenset("regexp max-count".split()),
    {
        "E": "extended-regexp", "P": "perl-regexp", "F": "fixed-strings", "G": "basic-regexp", "i": "ignore-case", "q": "quiet",
        "s": "silent", "c": "count", "v": "invert-match", "e": "regexp", "m": "max-count",
    },
)  # fmt: skip
