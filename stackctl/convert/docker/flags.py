"""The flags of `docker run`, `build`, `network create` and `volume create`, and how a command line is divided into them.

Names and short forms come from the reference of the Docker CLI; how they may be written comes from pflag: `--name x`, `--name=x`, `-p80:80`,
`-dit`, `-dp 80:80`. The first word that is no flag is the image; every word after it belongs to the container.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence

from msgspec import Struct

from stackctl.convert.bash.shell import Word
from stackctl.spelling import did_you_mean

_SWITCHES = frozenset(
    "detach disable-content-trust help init interactive no-healthcheck oom-kill-disable privileged publish-all quiet read-only rm "
    "sig-proxy tty use-api-socket".split()
)
_RUN = frozenset(
    "add-host annotation attach blkio-weight blkio-weight-device cap-add cap-drop cgroup-parent cgroupns cidfile cpu-count cpu-percent "
    "cpu-period cpu-quota cpu-rt-period cpu-rt-runtime cpu-shares cpus cpuset-cpus cpuset-mems detach-keys device device-cgroup-rule "
    "device-read-bps device-read-iops device-write-bps device-write-iops dns dns-opt dns-search domainname entrypoint env env-file expose "
    "gpus group-add health-cmd health-interval health-retries health-start-interval health-start-period health-timeout hostname "
    "io-maxbandwidth io-maxiops ip ip6 ipc isolation kernel-memory label label-file link link-local-ip log-driver log-opt mac-address memory "
    "memory-reservation memory-swap memory-swappiness mount name network network-alias oom-score-adj pid pids-limit platform "
    "publish pull restart runtime security-opt shm-size stop-signal stop-timeout storage-opt sysctl tmpfs ulimit user userns uts "
    "volume volume-driver volumes-from workdir".split()
)
_SHORT = {
    "a": "attach", "c": "cpu-shares", "d": "detach", "e": "env", "h": "hostname", "i": "interactive", "l": "label", "m": "memory",
    "p": "publish", "P": "publish-all", "q": "quiet", "t": "tty", "u": "user", "v": "volume", "w": "workdir",
}  # fmt: skip
_OTHER_NAMES = {"net": "network", "net-alias": "network-alias", "dns-option": "dns-opt"}


class Grammar(Struct, frozen=True):
    """The flags of a command: those without a value, those with one, and the short forms."""

    switches: frozenset[str]
    values: frozenset[str]
    short: Mapping[str, str]
    anywhere: bool = True
    """Whether flags may also stand behind the first word that is no flag."""


RUN = Grammar(_SWITCHES, _RUN, _SHORT, anywhere=False)
BUILD = Grammar(
    frozenset("compress disable-content-trust force-rm load no-cache pull push quiet rm squash".split()),
    frozenset(
        "add-host allow annotation attest build-arg build-context builder cache-from cache-to cgroup-parent cpu-period cpu-quota cpu-shares cpuset-cpus "
        "cpuset-mems file iidfile isolation label memory memory-swap metadata-file network no-cache-filter output platform progress "
        "provenance sbom secret security-opt shm-size ssh tag target ulimit".split()
    ),
    {"t": "tag", "f": "file", "q": "quiet", "m": "memory", "o": "output", "c": "cpu-shares"},
)
NETWORK = Grammar(
    frozenset("attachable config-only ingress internal ipv6".split()),
    frozenset(
        "aux-address config-from driver gateway ip-range ipam-driver ipam-opt label opt scope subnet".split()
    ),
    {"d": "driver", "o": "opt"},
)
CONNECT = Grammar(
    frozenset(), frozenset("alias driver-opt gw-priority ip ip6 link link-local-ip".split()), {}
)
VOLUME = Grammar(frozenset(), frozenset("driver label name opt".split()), {"d": "driver", "o": "opt"})
PLAIN = Grammar(
    frozenset("force volumes link all attach interactive tty detach privileged".split()),
    frozenset("time timeout signal env env-file user workdir platform detach-keys".split()),
    {"f": "force", "v": "volumes", "l": "link", "t": "time", "s": "signal", "a": "all"},
)
PULL = Grammar(
    frozenset({"all-tags", "disable-content-trust", "quiet"}),
    frozenset({"platform"}),
    {"a": "all-tags", "q": "quiet"},
)
GLOBAL = Grammar(
    frozenset("debug tls tlsverify version help".split()),
    frozenset("host context config log-level tlscacert tlscert tlskey".split()),
    {"H": "host", "c": "context", "D": "debug", "l": "log-level", "v": "version"},
    anywhere=False,
)


class Option(Struct, frozen=True):
    """A flag with its value; the value of a switch is `true` or `false`. `at` is the offset of its word."""

    name: str
    value: str
    at: int

    @property
    def on(self) -> bool:
        return self.value.lower() in ("true", "t", "1")


class Divided(Struct, frozen=True):
    """A command line: its flags, the other words, and what is wrong, as offsets and messages."""

    options: tuple[Option, ...]
    words: tuple[Word, ...]
    wrong: tuple[tuple[int, str], ...] = ()

    def all(self, name: str) -> list[Option]:
        return [option for option in self.options if option.name == name]

    def last(self, name: str) -> str:
        """The value of a flag; the last one wins; "" if it is not given."""
        return next((option.value for option in reversed(self.options) if option.name == name), "")

    def on(self, name: str) -> bool:
        """Whether a switch is on."""
        return next((option.on for option in reversed(self.options) if option.name == name), False)


def divide(words: Sequence[Word], grammar: Grammar) -> Divided:
    """Divide the words behind a command into its flags and the rest."""
    options: list[Option] = []
    others: list[Word] = []
    wrong: list[tuple[int, str]] = []
    index = 0
    while index < len(words):
        word = words[index]
        index += 1
        if word.text == "--":
            others += words[index:]
            break
        if not word.text.startswith("-") or word.text == "-":
            others.append(word)
            if not grammar.anywhere:
                others += words[index:]
                break
            continue
        read = _long if word.text.startswith("--") else _bundle
        following = words[index] if index < len(words) else None
        found, taken, mistake = read(word, following, grammar)
        options += found
        index += taken
        if mistake:
            wrong.append((word.at, mistake))
    return Divided(tuple(options), tuple(others), tuple(wrong))


_Read = tuple[list[Option], int, str]
"""The flags of one word, how many more words they took, and what is wrong."""


def _long(word: Word, following: Word | None, grammar: Grammar) -> _Read:
    written, equals, value = word.text[2:].partition("=")
    name = _OTHER_NAMES.get(written, written)
    if name in grammar.switches:
        return [Option(name, value if equals else "true", word.at)], 0, ""
    if name not in grammar.values:
        hint = _meant(written, grammar.switches | grammar.values)
        return [], 0, f"docker has no flag --{written} here. {hint}".strip()
    return _valued(name, f"--{written}", value if equals else None, word, following)


@functools.lru_cache(maxsize=128)
def _meant(name: str, known: frozenset[str]) -> str:
    return did_you_mean(name, known) if len(name) < 30 else ""


def _bundle(word: Word, following: Word | None, grammar: Grammar) -> _Read:
    """`-d`, `-dit`, `-p80:80`, `-p=80:80`, `-dp 80:80`."""
    options: list[Option] = []
    letters = word.text[1:]
    for index, letter in enumerate(letters):
        name = grammar.short.get(letter, "")
        rest = letters[index + 1 :]
        if name in grammar.switches:
            if rest.startswith("="):
                return [*options, Option(name, rest[1:], word.at)], 0, ""
            options.append(Option(name, "true", word.at))
        elif name:
            found, taken, mistake = _valued(
                name, f"-{letter}", rest.removeprefix("=") if rest else None, word, following
            )
            return options + found, taken, mistake
        else:
            hint = f"Did you mean --{letters}?" if letters in grammar.values | grammar.switches else ""
            return options, 0, f"docker has no flag -{letter} here. {hint}".strip()
    return options, 0, ""


def _valued(name: str, written: str, value: str | None, word: Word, following: Word | None) -> _Read:
    if value is not None:
        return [Option(name, value, word.at)], 0, ""
    if following is None:
        return [], 0, f"{written} has no value"
    return [Option(name, following.text, word.at)], 1, ""
