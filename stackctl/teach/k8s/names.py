"""Names that Kubernetes takes: DNS labels (RFC 1123) that begin with a letter, as a Service's name must (RFC 1035)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping

from stackctl.errors import Problem
from stackctl.spec.choosing import table
from stackctl.spec.model import Service

LONGEST = 52
"""Characters. Kubernetes adds up to 11 to the name of a StatefulSet, and a label has at most 63."""


def dns_name(text: str) -> str:
    """The text as a name: small letters, digits and hyphens, a letter first. One that is too long keeps its beginning and gets a digest."""
    name = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or "x"
    name = name if name[0].isalpha() else f"x-{name}"
    if len(name) <= LONGEST:
        return name
    digest = hashlib.sha256(text.encode()).hexdigest()[:8]
    return f"{name[: LONGEST - 9].rstrip('-')}-{digest}"


def free(wanted: str, taken: Iterable[str]) -> str:
    """The name, with a number behind it if somebody has it."""
    names, number, name = {*taken}, 2, wanted
    while name in names:
        name, number = f"{wanted}-{number}", number + 1
    return name


def same_names(chosen: Mapping[str, Service], others: Mapping[str, Iterable[str]]) -> Iterator[Problem]:
    """Services, and the names in other tables, that would have one name in Kubernetes."""
    first: dict[str, str] = {}
    for name, service in chosen.items():
        if (other := first.setdefault(dns_name(name), name)) != name:
            yield _same((table(service), name), name, other)
    for section, names in others.items():
        seen: dict[str, str] = {}
        for name in names:
            if (other := seen.setdefault(dns_name(name), name)) != name:
                yield _same((section, name), name, other)


def _same(path: tuple[str, ...], name: str, other: str) -> Problem:
    return Problem(
        path,
        f"{name} and {other} would both be called {dns_name(name)} in Kubernetes",
        "rename one: a name has small letters, digits and '-', and begins with a letter",
    )
