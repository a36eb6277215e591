"""Values that have their own grammar: durations, sizes, commands, port ranges.

Each has `parse` (a TOML value → the value; raises `ValueError`, which says what is expected) and `SCHEMA` (its JSON Schema).
"""

from __future__ import annotations

import functools
import ipaddress
import math
import re
from typing import Any, ClassVar, Self

from msgspec import Struct

from stackctl.spec.structure import Mistake
from stackctl.spec.text.parts import Text, words
from stackctl.spelling import did_you_mean

_UNITS = {"us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_DURATION = r"(\d+(?:\.\d+)?)(us|µs|ms|s|m|h|d|w)"
_SIZE = r"(?i)(\d+(?:\.\d+)?)\s*(b|[kmgtp](?:i?b)?)?"


class Variable(Struct, frozen=True):
    """One environment variable of a container: its text, or None if its value comes from the caller's environment."""

    text: str | None
    SCHEMA: ClassVar[dict[str, Any]] = {
        "anyOf": [
            Text.SCHEMA,
            {
                "type": "object",
                "properties": {"from_env": {"enum": [True]}},
                "required": ["from_env"],
                "additionalProperties": False,
            },
        ]
    }

    @classmethod
    def parse(cls, value: object) -> Self:
        if value is None or value == {"from_env": True}:
            return cls(None)
        if isinstance(value, dict):
            raise ValueError(f"expected a value or {{ from_env = true }}, found {value!r}")
        return cls(Text.parse(value))


class Duration(Struct, frozen=True, order=True):
    """A length of time in seconds, exact to the nanosecond, written as Go and Compose write it: `1m30s`, `500ms`, `2d`."""

    seconds: float
    SCHEMA: ClassVar[dict[str, Any]] = {"type": "string", "pattern": r"^(\d+(\.\d+)?(us|µs|ms|s|m|h|d|w))+$"}

    @classmethod
    def parse(cls, value: object) -> Self:
        if isinstance(value, str) and re.fullmatch(f"(?:{_DURATION})+", value):
            seconds = sum(float(number) * _UNITS[unit] for number, unit in re.findall(_DURATION, value))
            return cls(round(seconds, 9))
        if isinstance(value, int | float) and not isinstance(value, bool):
            raise ValueError(f'a duration needs a unit: "{value}s"')
        raise ValueError(f'expected a duration such as "5s" or "1m30s", found {value!r}')

    @property
    def whole_seconds(self) -> int:
        """The seconds, rounded up: a grace of `500ms` must not become 0."""
        return math.ceil(self.seconds)

    def __str__(self) -> str:
        return f"{self.seconds:.9f}".rstrip("0").rstrip(".") + "s"


class ByteSize(Struct, frozen=True):
    """A number of bytes: an integer, or `64m`, `1.5gb`. Units are powers of 1024 (Compose spec, 11-extension)."""

    bytes: int
    SCHEMA: ClassVar[dict[str, Any]] = {
        "type": ["string", "integer"],
        "pattern": r"^\d+(\.\d+)?\s*([bB]|[kmgtpKMGTP]([iI]?[bB])?)?$",
    }

    @classmethod
    def parse(cls, value: object) -> Self:
        if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
            return cls(value)
        if isinstance(value, str) and (match := re.fullmatch(_SIZE, value)):
            power = " kmgtp".index((match[2] or " ")[0].lower().replace("b", " "))
            number = float(match[1]) * 1024**power
            if number < 1 << 63:
                return cls(int(number))
        raise ValueError(f'expected a size such as "64m" or "1gb", found {value!r}')

    def __str__(self) -> str:
        """The size in the largest unit that gives a whole number."""
        power = next((power for power in (4, 3, 2, 1) if self.bytes and not self.bytes % 1024**power), 0)
        return f"{self.bytes // 1024**power}{'bkmgt'[power]}"


class SwapSize(Struct, frozen=True):
    """Memory and swap together: a size, or -1 for no limit."""

    bytes: int
    SCHEMA: ClassVar[dict[str, Any]] = {
        "type": ["string", "integer"],
        "pattern": r"^(-1|\d+(\.\d+)?\s*([bB]|[kmgtpKMGTP]([iI]?[bB])?)?)$",
    }

    @classmethod
    def parse(cls, value: object) -> Self:
        return cls(-1 if str(value) == "-1" else ByteSize.parse(value).bytes)

    def __str__(self) -> str:
        return "-1" if self.bytes == -1 else str(ByteSize(self.bytes))


class Cpus(Struct, frozen=True):
    """A number of processors: `2`, `0.5`, `"1.5"`. It is exact to a billionth."""

    nano: int
    """Billionths of a processor."""
    SCHEMA: ClassVar[dict[str, Any]] = {"type": ["number", "string"], "pattern": r"^\d*\.?\d+$"}

    @classmethod
    def parse(cls, value: object) -> Self:
        if not isinstance(value, bool) and re.fullmatch(r"\d+|\d*\.\d+", str(value)):
            return cls(round(float(str(value)) * 1e9))
        raise ValueError(f"expected a number of processors such as 1.5, found {value!r}")

    @staticmethod
    def from_flag(text: str) -> object:
        """The value in a file of the value of `--cpus`."""
        return float(text) if re.fullmatch(r"\d*\.?\d+", text) else text

    def __str__(self) -> str:
        return f"{self.nano / 1e9:.9f}".rstrip("0").rstrip(".")


class DeviceCount(Struct, frozen=True):
    """A number of devices, or `all`."""

    number: int
    """-1 for all."""
    SCHEMA: ClassVar[dict[str, Any]] = {"anyOf": [{"type": "integer", "minimum": 1}, {"enum": ["all"]}]}

    @classmethod
    def parse(cls, value: object) -> Self:
        if value in ("all", -1):
            return cls(-1)
        if not isinstance(value, bool) and re.fullmatch(r"[1-9]\d*", str(value)):
            return cls(int(str(value)))
        raise ValueError(f'expected a number of devices or "all", found {value!r}')

    def __str__(self) -> str:
        return "all" if self.number == -1 else str(self.number)


class Microseconds(Struct, frozen=True):
    """Processor time: a number of microseconds, or a duration such as `"50ms"`."""

    count: int
    SCHEMA: ClassVar[dict[str, Any]] = {
        "type": ["integer", "string"],
        "pattern": r"^(-?\d+|(\d+(\.\d+)?(us|µs|ms|s|m|h|d|w))+)$",
    }

    @classmethod
    def parse(cls, value: object) -> Self:
        if not isinstance(value, bool) and re.fullmatch(r"-1|\d+", str(value)):
            return cls(int(str(value)))
        if isinstance(value, str) and re.fullmatch(f"(?:{_DURATION})+", value):
            return cls(round(Duration.parse(value).seconds * 1e6))
        raise ValueError(f'expected a number of microseconds or a duration such as "50ms", found {value!r}')

    @staticmethod
    def from_flag(text: str) -> object:
        """The value in a file of the value of `--cpu-quota`."""
        return int(text) if re.fullmatch(r"-1|\d+", text) else text

    def __str__(self) -> str:
        return str(self.count)


_TMPFS_FLAGS = frozenset(
    "ro rw exec noexec suid nosuid dev nodev sync async dirsync atime noatime diratime nodiratime relatime norelatime "
    "strictatime nostrictatime".split()
)
_TMPFS_NUMBERS = {
    "mode": "[0-7]{1,4}",
    "uid": r"\d+",
    "gid": r"\d+",
    "nr_inodes": r"\d+[kKmMgG]?",
    "nr_blocks": r"\d+[kKmMgG]?",
}


class Tmpfs(Struct, frozen=True):
    """A path that is held in memory, with mount options: `/run`, `/run:size=64m,mode=1777,uid=1000`.

    `docker run --tmpfs` takes the same options; see tmpfs(5).
    """

    path: str
    options: str = ""
    """The options in the form that the engine takes: the size is in bytes."""
    SCHEMA: ClassVar[dict[str, Any]] = {"type": "string"}

    @classmethod
    def parse(cls, value: object) -> Self:
        if not isinstance(value, str) or not value:
            raise ValueError(f'expected "PATH[:OPTIONS]", such as "/run:size=64m", found {value!r}')
        path, colon, options = value.partition(":")
        if not path.startswith("/"):
            raise Mistake(f"{path!r} is not an absolute path of the container", f'write "/{path}"')
        return cls(path, ",".join(map(_tmpfs_option, options.split(","))) if colon else "")

    def __str__(self) -> str:
        return f"{self.path}:{self.options}" if self.options else self.path


def _tmpfs_option(text: str) -> str:
    name, equals, value = text.partition("=")
    if name == "size" and equals:
        return f"size={value}" if re.fullmatch(r"\d+%", value) else f"size={ByteSize.parse(value).bytes}"
    if grammar := _TMPFS_NUMBERS.get(name):
        if not re.fullmatch(grammar, value):
            kind = "digits from 0 to 7" if name == "mode" else "a number"
            raise ValueError(f"the option {name} of a tmpfs must be {kind}, found {value!r}")
        return text
    if equals or name not in _TMPFS_FLAGS:
        known = ("size", *_TMPFS_NUMBERS, *sorted(_TMPFS_FLAGS))
        raise Mistake(
            f"{text!r} is not an option of a tmpfs",
            did_you_mean(name, known, "the usual ones: size, mode, uid, gid, ro, exec"),
        )
    return text


class Command(Struct, frozen=True):
    """A program and its arguments. A string is split into words as a shell splits it, but no shell runs it."""

    argv: tuple[str, ...]
    SCHEMA: ClassVar[dict[str, Any]] = {
        "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]
    }

    @classmethod
    def parse(cls, value: object) -> Self:
        if isinstance(value, str):
            try:
                return cls(words(value))
            except ValueError as error:
                raise ValueError(f"cannot split the command into words: {error}".lower()) from error
        if isinstance(value, list) and all(isinstance(word, str) for word in value):
            return cls(tuple(value))
        raise ValueError(f"expected a string or an array of strings, found {value!r}")


class HealthTest(Struct, frozen=True):
    """Docker's health test. A string runs in the image's shell; an array begins with CMD, CMD-SHELL or NONE."""

    test: tuple[str, ...]
    SCHEMA: ClassVar[dict[str, Any]] = Command.SCHEMA

    @classmethod
    def parse(cls, value: object) -> Self:
        if isinstance(value, str) and value:
            return cls(("CMD-SHELL", value))
        if isinstance(value, list) and all(isinstance(word, str) for word in value):
            match value:
                case ["NONE"] | ["CMD-SHELL", _] | ["CMD", _, *_]:
                    return cls(tuple(value))
            raise ValueError(
                'the array must be ["CMD", program, …], ["CMD-SHELL", "command line"] or ["NONE"]'
            )
        raise ValueError(f"expected a command as a string or an array of strings, found {value!r}")


class HttpTarget(Struct, frozen=True):
    """The target of an HTTP check: a port of the container and a path, written `:8000/health`."""

    port: int
    path: str
    SCHEMA: ClassVar[dict[str, Any]] = {"type": "string", "pattern": r"^:\d{1,5}(/.*)?$"}

    @classmethod
    def parse(cls, value: object) -> Self:
        if (
            isinstance(value, str)
            and (match := re.fullmatch(r":(\d{1,5})(/\S*)?", value))
            and 0 < int(match[1]) < 65536
        ):
            return cls(int(match[1]), match[2] or "/")
        raise ValueError(
            f'expected a port of the container and a path, such as ":8000/health", found {value!r}'
        )

    def __str__(self) -> str:
        return f":{self.port}{self.path}"


class Pattern(Struct, frozen=True):
    """A regular expression (Python's `re`), which is looked for in a container's log."""

    regex: str
    SCHEMA: ClassVar[dict[str, Any]] = {"type": "string"}

    @classmethod
    def parse(cls, value: object) -> Self:
        if not isinstance(value, str) or not value:
            raise ValueError(f"expected a regular expression, found {value!r}")
        try:
            re.compile(value)
        except re.error as error:
            raise ValueError(f"not a regular expression: {error}") from error
        return cls(value)

    def __str__(self) -> str:
        return self.regex


class PortRange(Struct, frozen=True, order=True):
    """One port or a range of ports: `8000` or `8000-8010`. Both ends belong to the range."""

    first: int
    last: int
    SCHEMA: ClassVar[dict[str, Any]] = {
        "anyOf": [
            {"type": "integer", "minimum": 1, "maximum": 65535},
            {"type": "string", "pattern": r"^\d{1,5}(-\d{1,5})?$"},
        ]
    }

    @classmethod
    def parse(cls, value: object) -> Self:
        if isinstance(value, str | int) and not isinstance(value, bool):
            match = re.fullmatch(r"(\d{1,5})(?:-(\d{1,5}))?", str(value))
            if match:
                first, last = int(match[1]), int(match[2] or match[1])
                if 0 < first <= last < 65536:
                    return cls(first, last)
                raise ValueError(f"ports go from 1 to 65535, found {value!r}")
        raise ValueError(f'expected a port or a range such as "8000-8010", found {value!r}')

    def __len__(self) -> int:
        return self.last - self.first + 1

    @property
    def numbers(self) -> range:
        return range(self.first, self.last + 1)

    def __str__(self) -> str:
        return str(self.first) if self.first == self.last else f"{self.first}-{self.last}"


class ExposedPorts(str):
    """Ports of the container that other services use: `8000`, `8000-8010`, `53/udp`."""

    __slots__ = ()
    SCHEMA: ClassVar[dict[str, Any]] = {
        "anyOf": [
            {"type": "integer", "minimum": 1, "maximum": 65535},
            {"type": "string", "pattern": r"^\d{1,5}(-\d{1,5})?(/(tcp|udp|sctp))?$"},
        ]
    }

    @classmethod
    def parse(cls, value: object) -> Self:
        if isinstance(value, str | int) and not isinstance(value, bool):
            ports, _, protocol = str(value).partition("/")
            if re.fullmatch(r"[\d-]+", ports) and protocol.lower() in ("tcp", "udp", "sctp", ""):
                PortRange.parse(ports)
                return cls(str(value).lower())
        raise Mistake(
            f'expected a port such as 8000, "8000-8010" or "53/udp", found {value!r}',
            "write the number: the engine does not know the names of ports",
        )


class Address(str):
    """An IP address, version 4 or 6, without brackets. An engine takes any other text for "every address"."""

    __slots__ = ()
    SCHEMA: ClassVar[dict[str, Any]] = {"type": "string"}

    @classmethod
    def parse(cls, value: object) -> Self:
        if isinstance(value, str):
            try:
                if "%" not in value:  # Python allows a zone (`fe80::1%eth0`), engines do not
                    read_address(value)
                    return cls(value)
            except ValueError:
                pass
        raise Mistake(f"{value!r} is not an IP address", _other_address(str(value)))


class Subnet(str):
    """A range of addresses: `172.28.0.0/16`, `fd00:5::/64`."""

    __slots__ = ()
    SCHEMA: ClassVar[dict[str, Any]] = {"type": "string"}

    @classmethod
    def parse(cls, value: object) -> Self:
        if not isinstance(value, str) or "/" not in value:
            raise ValueError(f'expected a subnet such as "172.28.0.0/16", found {value!r}')
        try:
            meant = ipaddress.ip_network(value, strict=False)
        except ValueError as error:
            raise ValueError(f"{value!r} is not a subnet: {error}") from error
        if value.partition("/")[0] != str(meant.network_address) and meant.version == 4:
            raise Mistake(f"{value!r} is an address within a subnet", f'write "{meant}"')
        return cls(meant)


@functools.lru_cache(maxsize=1024)
def read_address(text: str) -> tuple[str, int, bool]:
    """An IP address in its usual form, its version, and whether it means every address.

    Raises:
        ValueError: the text is no address.
    """
    found = ipaddress.ip_address(text)
    return str(found), found.version, found.is_unspecified


def _other_address(text: str) -> str:
    if text == "localhost":
        return 'write "127.0.0.1"'
    if text.startswith("[") and text.endswith("]"):
        return "leave the brackets out"
    return 'write a number such as "127.0.0.1", or "0.0.0.0" for every address of this machine'


class Restart(Struct, frozen=True):
    """When the engine starts a stopped container again: `no`, `always`, `unless-stopped`, `on-failure[:times]`."""

    policy: str
    times: int = 0
    SCHEMA: ClassVar[dict[str, Any]] = {
        "type": "string",
        "pattern": r"^(no|always|unless-stopped|on-failure(:\d+)?)$",
    }

    @classmethod
    def parse(cls, value: object) -> Self:
        if isinstance(value, str) and (
            match := re.fullmatch(r"(no|always|unless-stopped)|(on-failure)(?::(\d+))?", value)
        ):
            return cls(match[1] or match[2], int(match[3] or 0))
        hint = ' (write "no" in quotes)' if value is False else ""
        raise ValueError(f"expected no, always, unless-stopped or on-failure[:times], found {value!r}{hint}")

    def __str__(self) -> str:
        return f"{self.policy}:{self.times}" if self.times else self.policy


class NetworkMode(Struct, frozen=True):
    """`none`, `host`, `bridge`, or the network of another container: `service:NAME`, `container:NAME`."""

    mode: str
    WORDS: ClassVar[tuple[str, ...]] = ("none", "host", "bridge")
    SCHEMA: ClassVar[dict[str, Any]] = {
        "type": "string",
        "pattern": r"^(none|host|bridge|(service|container):.+)$",
    }

    @classmethod
    def parse(cls, value: object) -> Self:
        if isinstance(value, str) and (value in cls.WORDS or re.fullmatch(r"(service|container):\S+", value)):
            return cls(value)
        raise ValueError(f"expected {', '.join(cls.WORDS)}, service:NAME or container:NAME, found {value!r}")

    @property
    def service(self) -> str | None:
        """The name in `service:NAME`; None for any other mode."""
        return self.mode.removeprefix("service:") if self.mode.startswith("service:") else None

    def __str__(self) -> str:
        return self.mode


class IpcMode(NetworkMode, frozen=True):
    """`none`, `private`, `shareable`, `host`, or the shared memory of another container: `service:NAME`, `container:NAME`."""

    WORDS: ClassVar[tuple[str, ...]] = ("none", "private", "shareable", "host")
    SCHEMA: ClassVar[dict[str, Any]] = {
        "type": "string",
        "pattern": r"^(none|private|shareable|host|(service|container):.+)$",
    }


class PidMode(NetworkMode, frozen=True):
    """`host`, or the processes of another container: `service:NAME`, `container:NAME`."""

    WORDS: ClassVar[tuple[str, ...]] = ("host",)
    SCHEMA: ClassVar[dict[str, Any]] = {"type": "string", "pattern": r"^(host|(service|container):.+)$"}


class VolumesFrom(Struct, frozen=True):
    """The volumes of another container: `SERVICE`, `SERVICE:ro`, `container:NAME:ro`."""

    name: str
    container: bool = False
    """Whether the name is that of a container outside of the stack."""
    read_only: bool = False
    SCHEMA: ClassVar[dict[str, Any]] = {"type": "string"}

    @classmethod
    def parse(cls, value: object) -> Self:
        match = (
            re.fullmatch(r"(container:)?([^:\s]+)(?::(ro|rw))?", value) if isinstance(value, str) else None
        )
        if match is None:
            raise ValueError(f'expected "SERVICE[:ro]" or "container:NAME[:ro]", found {value!r}')
        return cls(match[2], bool(match[1]), match[3] == "ro")

    @property
    def service(self) -> str | None:
        """The service whose volumes they are; None for a container outside of the stack."""
        return None if self.container else self.name

    def __str__(self) -> str:
        return f"{'container:' if self.container else ''}{self.name}{':ro' if self.read_only else ''}"


class ContainerLink(Struct, frozen=True):
    """Another container under a name of its own: `NAME`, `NAME:ALIAS`."""

    name: str
    alias: str
    SCHEMA: ClassVar[dict[str, Any]] = {"type": "string"}

    @classmethod
    def parse(cls, value: object) -> Self:
        match = re.fullmatch(r"([^:\s]+)(?::([^:\s]+))?", value) if isinstance(value, str) else None
        if match is None:
            raise ValueError(f'expected "NAME" or "NAME:ALIAS", found {value!r}')
        return cls(match[1], match[2] or match[1])

    def __str__(self) -> str:
        return self.name if self.name == self.alias else f"{self.name}:{self.alias}"
