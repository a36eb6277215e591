"""How `docker compose config` says values: texts, numbers, sizes, times, paths, lists and tables.

Each function gets the value of a key, in any form that a file may give it, and gives what the document says of it.
"""

from __future__ import annotations

import os.path
import re
import shlex
import struct
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from stackctl.spec.values import ByteSize, Duration

YES = ("true", "y", "yes", "on")
_REMOTE = ("https://", "http://", "git://", "ssh://", "github.com/", "git@", "service:")
_UNITS = (("ns", 1), ("µs", 10**3), ("ms", 10**6))
_SECOND = 10**9


class Context(Struct, frozen=True):
    """What the values of a document depend on."""

    directory: Path
    """The directory of the project: relative paths begin there."""
    variable: Callable[[str], str | None]
    """The value of a variable of the caller; None if it is not set."""
    yaml: bool = False
    """Whether the document is YAML. YAML has the keys that begin with `x-` in every table; JSON has some keys also if they are empty."""


Say = Callable[[Any, Context], Any]
"""From the value of a key to what the document says."""
_NOTHING: tuple[Any, ...] = (None, "", 0, False, [], {})
"""What is left out."""


class Shape(Struct, frozen=True, kw_only=True):
    """A table of the document."""

    order: str = ""
    """Its keys in their order. Other keys follow."""
    says: Mapping[str, Say] = {}
    """How to say a key. The value of a key that is not here stands as it is."""
    kept: str = ""
    """The keys that stand even with 0, false or an empty value, if the file gives them."""
    in_json: Mapping[str, Any] = {}
    """The keys that JSON has even if the file does not give them."""

    def __call__(self, value: Any, context: Context) -> Any:
        if not isinstance(value, Mapping):
            return value
        kept, order, found = self.kept.split(), self.order.split(), dict[str, Any]()
        for key, given in value.items():
            if given is None or key.startswith("x-"):
                continue
            said = self.says.get(key, as_it_is)(given, context)
            if said is not None and (key in kept or said not in _NOTHING):
                found[key] = said
        if context.yaml:
            found |= {key: as_it_is(value[key], context) for key in sorted(value) if key.startswith("x-")}
        else:
            found = {**self.in_json, **found}
        return dict(
            sorted(found.items(), key=lambda item: order.index(item[0]) if item[0] in order else len(order))
        )


def as_it_is(value: Any, context: Context) -> Any:
    """A value that has one form only. Its tables are sorted."""
    match value:
        case Mapping():
            return {key: as_it_is(value[key], context) for key in sorted(value)}
        case list() | tuple():
            return [as_it_is(item, context) for item in value]
        case str():
            return str(value)
    return value


def text(value: Any, _: Context) -> str:
    """A text. A number becomes the text that Go makes of it (`%v`)."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case float() if type(value) is float and value.is_integer() and abs(value) < 1e21:
            return f"{value:.0f}"
    return str(value)


def number(value: Any, _: Context) -> int:
    return int(value)


def decimal(value: Any, _: Context) -> float | int:
    """A number of 32 bits, with as few digits as tell it from its neighbours."""
    exact = _in_32_bits(float(value))
    short = next(
        short for digits in range(1, 10) if _in_32_bits(short := float(f"{exact:.{digits}g}")) == exact
    )
    return int(short) if short.is_integer() else short


def _in_32_bits(value: float) -> float:
    found: float = struct.unpack("f", struct.pack("f", value))[0]
    return found


def flag(value: Any, _: Context) -> bool:
    return value.lower() in YES if isinstance(value, str) else bool(value)


def no_flag(value: Any, context: Context) -> bool | None:
    """A flag that is said only if it is false."""
    return None if flag(value, context) else False


def size(value: Any, _: Context) -> str:
    """A number of bytes, as text; -1 stands for any number."""
    amount = int(value) if re.fullmatch(r"-?\d+", str(value)) else ByteSize.parse(str(value)).bytes
    return str(amount) if amount else ""


def duration(value: Any, _: Context) -> str:
    """A time as Go writes it: `1m30s`, `500ms`, `24h0m0s`."""
    nanoseconds = round(Duration.parse(str(value)).seconds * _SECOND)
    if 0 < nanoseconds < _SECOND:
        unit, factor = next(each for each in _UNITS if nanoseconds < each[1] * 1000)
        return f"{_decimals(nanoseconds, factor)}{unit}"
    minutes, rest = divmod(nanoseconds, 60 * _SECOND)
    hours, minutes = divmod(minutes, 60)
    return (
        (f"{hours}h" if hours else "")
        + (f"{minutes}m" if hours or minutes else "")
        + f"{_decimals(rest, _SECOND)}s"
    )


def _decimals(amount: int, unit: int) -> str:
    whole, rest = divmod(amount, unit)
    return f"{whole}.{rest:0{len(str(unit)) - 1}d}".rstrip("0") if rest else str(whole)


def permissions(value: Any, _: Context) -> str:
    """The permissions of a file, octal. In a text they are octal, in a number they are not."""
    return f"0{int(value, 8) if isinstance(value, str) else value:o}"


def words(value: Any, _: Context) -> list[str]:
    return shlex.split(value) if isinstance(value, str) else [str(word) for word in value]


def path(value: Any, context: Context) -> str:
    """A path of this machine, absolute."""
    given = str(value)
    if given.startswith("~"):
        return os.path.normpath(f"{Path.home()}/{given[1:]}")
    return given if given.startswith("/") or not given else os.path.normpath(context.directory / given)


def real_path(value: Any, context: Context) -> str:
    return os.path.realpath(path(value, context))


def place(value: Any, context: Context) -> str:
    """A path of this machine, or an address that a builder can read."""
    given = str(value)
    return given if "://" in given or given.startswith(_REMOTE) else path(value, context)


def listed(say: Say) -> Say:
    """A list. A single item may stand for it."""
    return lambda value, context: [
        say(item, context) for item in (value if isinstance(value, list | tuple) else [value])
    ]


def table(say: Say, *, separators: str = "=", alone: Any = "") -> Say:
    """A table, sorted by name. It may be written as a list of `NAME=value`; `alone` is the value of a name alone."""

    def said(value: Any, context: Context) -> dict[str, Any]:
        found = dict(pairs(value, separators))
        return {
            name: alone if found[name] is None else say(found[name], context)
            for name in sorted(found)
            if not name.startswith("x-") or say is text
        }

    return said


def pairs(value: Any, separators: str = "=") -> Iterator[tuple[str, Any]]:
    """The names and values of a table, or of the list that stands for it. The value of a name alone is None."""
    if isinstance(value, Mapping):
        yield from ((str(name), given) for name, given in value.items())
        return
    for item in value:
        name = re.split(f"[{separators}]", str(item), maxsplit=1)[0]
        yield name, str(item)[len(name) + 1 :] if len(name) < len(str(item)) else None


def named(say: Say) -> Say:
    """A table of tables, which may be written as a list of their names."""
    return table(say, separators="\0", alone=None)


def short(say: Say, key: str) -> Say:
    """A table. A text may stand for it: the value of `key`."""
    return lambda value, context: say(value if isinstance(value, Mapping) else {key: value}, context)


def hosts(value: Any, _: Context) -> list[str]:
    """Lines of /etc/hosts, `host=address`, sorted."""
    found = []
    for host, given in pairs(value, "=:"):
        addresses = given if isinstance(given, list) else str(given or "").split(",")
        found += [f"{host}={_without_brackets(str(address))}" for address in addresses]
    return sorted(found)


def _without_brackets(address: str) -> str:
    return address[1:-1] if address.startswith("[") and address.endswith("]") else address


TEXTS = table(text)
LIST = listed(as_it_is)
TEXT_LIST = listed(text)
VARIABLES = table(text, alone=None)


def environment(value: Any, context: Context) -> Any:
    """Variables. A name alone takes the value of the caller; null if there is none."""
    found = VARIABLES(value, context)
    return {name: context.variable(name) if given is None else given for name, given in found.items()}


def arguments(value: Any, context: Context) -> Any:
    """The arguments of a build: variables, without those that the caller does not have."""
    return {name: given for name, given in environment(value, context).items() if given is not None}
