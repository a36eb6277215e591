"""Texts of two sides: whether they mean the same, and how people see them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Collection, Mapping
from typing import Any

from msgspec import structs

from stackctl.planner.same.side import Generated, KeyPath, Open
from stackctl.planner.same.told import Absent
from stackctl.secret import DOTS, Secret
from stackctl.spec.output.redact import redacted, without
from stackctl.spec.text.parts import Text, parts
from stackctl.spec.values import ByteSize

_HOSTS = r"(?i)(?:host|server|addr(?:ess)?|url|uri|broker|upstream|peers?|nodes?)$"
"""Names of variables and options whose value may be a host."""
_SECONDS = ("interval", "timeout", "start_period", "start_interval", "stop_grace_period")
_BYTES = ("shm_size",)


def open_names(one: Any, other: Any) -> frozenset[str] | None:
    """The variables on which it depends whether two values are equal; none if they are equal; None if they differ."""
    match one, other:
        case (Open(), Open()):
            return frozenset() if one == other else frozenset((*one.variables, *other.variables))
        case (Open(), str()):
            return _filled(one, other)
        case (str(), Open()):
            return _filled(other, one)
        case ([*ones], [*others]) if len(ones) == len(others):
            found = [open_names(*both) for both in zip(ones, others, strict=True)]
            return None if None in found else frozenset[str]().union(*(each for each in found if each))
    return frozenset() if one == other else None


def _filled(gaps: Open, text: str) -> frozenset[str] | None:
    if not re.fullmatch(".*".join(map(re.escape, gaps.pieces)), text, re.DOTALL):
        return None
    told = {part.variable.name for part in parts(text) if part.variable}
    return frozenset(gaps.variables) - told


def with_hosts(value: Any, hosts: Mapping[str, str], name: str) -> Any:
    """The value with other names for hosts, where a text has a host: in a URL, before a port, or alone in a variable or after an
    option whose name says so.
    """
    match value:
        case [*words]:
            before = [name, *(word if isinstance(word, str) else "" for word in words)]
            return [with_hosts(word, hosts, option) for word, option in zip(words, before, strict=False)]
        case Open(pieces, variables):
            return Open(tuple(_with_hosts(piece, hosts) for piece in pieces), variables)
        case str() if value in hosts and (name == "-h" or re.search(_HOSTS, name)):
            return hosts[value]
        case str():
            return _with_hosts(value, hosts)
    return value


def _with_hosts(text: str, hosts: Mapping[str, str]) -> str:
    def changed(text: str) -> str:
        for old, new in hosts.items():
            word = rf"(?<![\w.-]){re.escape(old)}(?![\w.-])"
            text = re.sub(rf"(?<=@){word}|(?<=://){word}|{word}(?=:\d)", new, text)
        return text

    whole = changed(str(text))
    in_parts = Text.of(structs.replace(part, text=changed(part.text)) for part in parts(text))
    return in_parts if in_parts == whole else whole


def shown(key: KeyPath, value: Any, hidden: Collection[str]) -> str | None:
    """The value for people, with dots for secrets; None if there is none."""
    if isinstance(value, Absent):
        return None
    name = str(key[-1])
    match value:
        case None:
            return "(removed)"
        case Secret():
            return DOTS
        case bool():
            return "yes" if value else "no"
        case Generated():
            return f"(built) {value.name}"
        case float() if name in _SECONDS:
            return f"{value:g}s"
        case int() if name in _BYTES:
            return str(ByteSize(value))
        case [*words]:
            seen = redacted([str(word) for word in words], name)
            text = shlex.join(seen) if "command" in key or key[0] == "entrypoint" else ", ".join(seen)
        case {"type": kind, **settings}:
            text = _mount(str(kind), {str(name): item for name, item in settings.items()})
        case frozenset():
            text = f"joined as {', '.join(sorted(value))}" if value else "joined"
        case _:
            text = redacted(value, name) if isinstance(value, str) else redacted(str(value), name)
    return without(str(text), hidden) or '""'


def _mount(kind: str, settings: Mapping[str, Any]) -> str:
    source = settings.get("source", "")
    others = [
        name if value is True else f"{name}={_number(name, value)}"
        for name, value in settings.items()
        if name != "source"
    ]
    return " ".join(filter(None, [kind, str(source), *others]))


def _number(name: str, value: Any) -> str:
    return f"{value:o}" if name == "mode" else str(ByteSize(value)) if name == "size" else str(value)
