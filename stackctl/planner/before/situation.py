"""What the rules of an engine look at: the stack beside what is there, and what only this machine knows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from msgspec import Struct, field

from stackctl.errors import Key
from stackctl.planner.before.images import ImageOptions
from stackctl.planner.view.view import View
from stackctl.planner.world.desired import DesiredContainer, DesiredMount

Binding = tuple[str, int, str]
"""Address, port and protocol that a container wants on the host."""


class HostFacts(Struct, frozen=True):
    """`busy`: who holds a binding, in words. `free`: a free port near a busy one. `missing`: paths that do not exist."""

    busy: Mapping[Binding, str] = field(default_factory=dict)
    free: Mapping[int, int] = field(default_factory=dict)
    missing: frozenset[str] = frozenset()


class Situation(Struct, frozen=True):
    """The stack on its engine, before anything is done."""

    view: View
    host: HostFacts = HostFacts()
    images: ImageOptions = ImageOptions()


def where(want: DesiredContainer, *rest: Key) -> tuple[Key, ...]:
    return ("jobs" if want.kind == "job" else "services", want.service, *rest)


def bind_mounts(want: DesiredContainer) -> Iterator[DesiredMount]:
    """The mounts of a container whose sources must be there before."""
    return (mount for mount in want.mounts if mount.type == "bind" and not mount.create_host_path)
