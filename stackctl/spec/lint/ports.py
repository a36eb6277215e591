"""Rules about ports of the host."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from itertools import pairwise

from msgspec import Struct

from stackctl.errors import Problem
from stackctl.spec.lint.members import Member, Path
from stackctl.spec.lint.subject import Subject
from stackctl.spec.model import Port
from stackctl.spec.model.ports import EVERYWHERE
from stackctl.spec.values import PortRange, read_address

_DEFAULT_ADDRESS = "127.0.0.1"

_Key = tuple[str, str, str]
"""Protocol, address and profile. Two bindings that share a key cannot have the same port."""


class Binding(Struct, frozen=True):
    """Host ports that a service publishes."""

    path: Path
    member: Member
    address: str
    ports: PortRange
    protocol: str

    def places(self) -> Iterator[_Key]:
        """The keys under which the binding is held: its address, and every address of its family, for each of its profiles."""
        for text, version, _ in _read(self.address):
            for profile in self.member.profiles:
                yield self.protocol, text, profile
                yield self.protocol, f"any {version}", profile

    def rivals(self) -> Iterator[_Key]:
        """The keys under which all bindings are held that cannot have the same port. `0.0.0.0` and `[::]` take a port of every
        address of their family.
        """
        for text, version, unspecified in _read(self.address):
            everywhere = "0.0.0.0" if version == 4 else "::"  # noqa: S104
            wanted = (f"any {version}",) if unspecified else (text, everywhere)
            for profile in self.member.beside:
                yield from ((self.protocol, each, profile) for each in wanted)


class Taken:
    """The ports that are taken, and the first binding that took each.

    `starts` and `ends` are the taken ports as ranges that neither overlap nor touch. From the port `since[n]` on, the
    binding `owners[n]` was the first. All lists are sorted, so a search need not look at every range.
    """

    def __init__(self) -> None:
        self.starts: list[int] = []
        self.ends: list[int] = []
        self.since: list[int] = []
        self.owners: list[Binding] = []

    def first(self, ports: PortRange) -> tuple[int, Binding] | None:
        """The lowest of these ports that is taken, and the binding that took it first."""
        index = bisect_left(self.ends, ports.first)
        if index == len(self.starts) or self.starts[index] > ports.last:
            return None
        port = max(self.starts[index], ports.first)
        return port, self.owners[bisect_right(self.since, port) - 1]

    def next_free(self, port: int) -> int:
        index = bisect_left(self.ends, port)
        return self.ends[index] + 1 if index < len(self.starts) and self.starts[index] <= port else port

    def take(self, binding: Binding) -> None:
        first, last = binding.ports.first, binding.ports.last
        begin, end = bisect_left(self.ends, first - 1), bisect_right(self.starts, last + 1)
        touched = [*zip(self.starts[begin:end], self.ends[begin:end], strict=True)]
        free = first
        for start, stop in touched:
            if free < start:
                self._own(free, binding)
            free = stop + 1
        if free <= last:
            self._own(free, binding)
        self.starts[begin:end] = [min([first, *(start for start, _ in touched[:1])])]
        self.ends[begin:end] = [max([last, *(stop for _, stop in touched[-1:])])]

    def _own(self, port: int, binding: Binding) -> None:
        index = bisect_left(self.since, port)
        self.since.insert(index, port)
        self.owners.insert(index, binding)


def _read(address: str) -> Iterator[tuple[str, int, bool]]:
    """As `read_address`. `*` stands for two addresses."""
    for each in ("0.0.0.0", "::") if address == EVERYWHERE else (address,):  # noqa: S104
        yield read_address(each)


def duplicate_ports(subject: Subject) -> Iterator[Problem]:
    """Two services publish the same port of the host, or all containers of one service do (`scale`, `deploy.replicas`).

    The second container could not start. `0.0.0.0` takes the port of every IPv4 address, `[::]` of every IPv6 address. tcp
    and udp do not conflict. Services that no profile starts together may have the same port. A range from which the engine
    chooses a free port does not conflict.

    Fix: publish one of them on another port. Containers of the stack reach each other without published ports. For a service
    with several containers, publish a range (`"8000-8009:80"`), or no port of the host (`"80"`).

    Evidence: `docker compose config` and `up --dry-run` accept such a file; `up` fails half-way, with one container running.
    """
    yield from _too_few(subject)
    bindings = [*_bindings(subject)]
    if not _overlap(binding.ports for binding in bindings):
        return
    taken: dict[_Key, Taken] = {}
    everyone = Taken()
    clashes: list[tuple[int, Binding, Binding]] = []
    for binding in bindings:
        rivals = (taken[key].first(binding.ports) for key in binding.rivals() if key in taken)
        if found := min(filter(None, rivals), key=lambda clash: clash[0], default=None):
            clashes.append((*found, binding))
        for key in binding.places():
            taken.setdefault(key, Taken()).take(binding)
        everyone.take(binding)
    for port, other, binding in clashes:
        protocol = "" if binding.protocol == "tcp" else f"/{binding.protocol}"
        who = f"{other.member.name} and {binding.member.name} both publish"
        if other.member.name == binding.member.name:
            who = f"{binding.member.name} publishes twice"
        free = everyone.next_free(port)
        yield Problem(
            binding.path,
            f'{who} port {port}{protocol} of the host: one of them would stop at "port is already allocated"',
            f"{free} is free in this file" if free < 65536 else "",
        )


def _too_few(subject: Subject) -> Iterator[Problem]:
    """Services that have more containers than ports of the host for a port of each container."""
    for member in subject.members:
        count = member.service.replicas
        for index, port in enumerate(member.service.ports):
            if port.published is None or len(port.published) // len(port.target) >= count:
                continue
            name, first, target = member.name, port.published.first, port.target
            what = f"{name} has {count} containers, which cannot all publish {port.published} of the host"
            hint = f'"{target}" gives each one a free port'
            if len(target) == 1:
                hint += f', "{first}-{first + count - 1}:{target}" one of these'
            yield Problem((*member.path, "ports", index), what, hint)


def _overlap(ranges: Iterable[PortRange]) -> bool:
    """Whether two of the ranges have a port in common, whatever their addresses are."""
    return any(low.last >= high.first for low, high in pairwise(sorted(ranges, key=lambda each: each.first)))


def _bindings(subject: Subject) -> Iterator[Binding]:
    for member in subject.members:
        for index, port in enumerate(member.service.ports):
            if port.published and not _engine_chooses(port):
                address = port.host_ip or _DEFAULT_ADDRESS
                yield Binding((*member.path, "ports", index), member, address, port.published, port.protocol)


def _engine_chooses(port: Port) -> bool:
    return port.published is None or (len(port.target) == 1 and len(port.published) > 1)
