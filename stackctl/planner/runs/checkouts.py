"""The stack of one checkout among several of the same project: its name, its host ports, and what it makes."""

from __future__ import annotations

import posixpath
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain, count
from pathlib import Path, PurePosixPath
from typing import TypeVar

from msgspec import Struct, structs

from stackctl.errors import Problem, SpecError
from stackctl.planner.runs.isolation import HostPorts, apart, binds_data
from stackctl.planner.world import labels
from stackctl.planner.world.containers import of_project
from stackctl.planner.world.naming import Naming
from stackctl.planner.world.observed import Labelled, Observed
from stackctl.spec.image_ref import ImageRef
from stackctl.spec.model import Port, Service, Stack
from stackctl.spec.values import PortRange

_S = TypeVar("_S", bound=Service)

_LONGEST = 40
"""How many characters of a directory's or branch's name a project's name has: with the name of a service it must fit a DNS label
(63 characters, RFC 1035).
"""


class CheckoutPlace(Struct, frozen=True):
    """Where a stack's file lies."""

    source: str
    """The path of the file, resolved."""
    checkout: str
    """The name of the checkout's top directory; of the file's directory if there is no git."""
    branch: str = ""
    """The branch that is checked out; "" if there is none."""

    @property
    def directory(self) -> str:
        return str(PurePosixPath(self.source).parent)


def project_there(base: str, place: CheckoutPlace, observed: Observed) -> str | None:
    """The project of this checkout, as labels on the engine tell it: what was made from the stack called `base` in this directory
    while it was isolated. None if nothing is there.
    """
    return min(
        (
            each.project
            for each in _labelled(observed)
            if each.project
            and each.labels.get(labels.CHECKOUT) == base
            and _directory(each) == place.directory
        ),
        default=None,
    )


def new_project(base: str, place: CheckoutPlace, taken: Callable[[str], bool]) -> str:
    """The name of a checkout's project by the rule: NAME-WORKTREE, from the name of the directory; from that of the branch if the
    directory is called as the stack is. Another number follows while `taken` says that another directory has the name.
    """
    words = (_word(text, base) for text in (place.checkout, place.branch))
    stem = next((f"{base}-{word}" for word in words if word), "")
    numbered = (f"{stem or base}-{number}" for number in count(2 if stem else 1))
    return next(name for name in chain([stem] if stem else [], numbered) if not taken(name))


def in_use(observed: Observed, place: CheckoutPlace) -> frozenset[str]:
    """The names of the projects on the engine that another directory has, or that somebody else made."""
    theirs = [
        each.labels.get(labels.PROJECT) or each.labels.get(labels.COMPOSE_PROJECT)
        for each in _labelled(observed)
        if _directory(each) != place.directory
    ]
    return frozenset(filter(None, theirs))


def checked_out(stack: Stack, project: str, host_ports: HostPorts, subnets: str = "") -> Stack:
    """The stack as the project of its checkout: beside the same stack of another checkout, and sharing nothing with it.

    Names change as for test runs. Ports are those that the file publishes, at the numbers of `host_ports`; a port that has none
    there gets one from the engine at each start. An image that is built gets the project's name as its tag, if it has a name of its
    own in the file. `subnets` is the pool for its networks (`Stack.subnets`).

    Raises SpecError for external volumes, and for known servers that keep their data in a host directory outside of the checkout: two
    checkouts would write to the same data.
    """
    problems = [*_shared_data(stack)]
    if problems:
        raise SpecError(problems)
    images = _images(stack, project)
    naming = Naming(stack, instance="")

    def own(name: str, service: _S) -> _S:
        image = service.image
        if image or not service.build:
            image = images.get(ImageRef.parse(naming.image(name)).tagged, image)
        return structs.replace(service, image=image, ports=_ports(name, service, host_ports))

    changed = structs.replace(
        stack,
        services={name: own(name, service) for name, service in stack.services.items()},
        jobs={name: own(name, job) for name, job in stack.jobs.items()},
    )
    marks = {labels.CHECKOUT: stack.project, labels.SOURCE: naming.source}
    return apart(changed, project, {**stack.marks, **marks}, subnets)


def published(stack: Stack) -> Iterator[tuple[str, int, str]]:
    """The ports for which the stack of a checkout needs host ports: service, port of the container and protocol. For a service with
    several containers the engine chooses the ports.
    """
    for name, service in stack.everything.items():
        if service.replicas == 1:
            ports = {(number, port.protocol) for port in service.ports for number in port.target.numbers}
            yield from ((name, number, protocol) for number, protocol in sorted(ports))


def ports_there(observed: Observed, project: str) -> HostPorts:
    """The host ports that the project's containers have now."""
    return {
        (container.service, port.target, port.protocol): port.published
        for container in of_project(observed.containers, project)
        if container.kind != "run" and container.number == 1
        for port in container.ports
    }


def written_ports(stack: Stack) -> frozenset[int]:
    """The host ports that the file gives: they are for the stack that is not isolated."""
    return frozenset(
        number
        for service in stack.everything.values()
        for port in service.ports
        if port.published
        for number in port.published.numbers
    )


def _ports(name: str, service: Service, chosen: HostPorts) -> tuple[Port, ...]:
    """The ports of a service, each with its own host port. A range becomes single ports if each has its number."""
    found: list[Port] = []
    seen: set[tuple[int, str, str | None]] = set()
    for port in service.ports:
        numbers = [chosen.get((name, number, port.protocol)) for number in port.target.numbers]
        single = service.replicas == 1 and all(numbers)
        targets = [PortRange(n, n) for n in port.target.numbers] if single else [port.target]
        for target, number in zip(targets, numbers, strict=False):
            key = (target.first, port.protocol, port.host_ip)
            if key not in seen:
                seen.add(key)
                own = PortRange(number, number) if single and number else None
                found.append(structs.replace(port, target=target, published=own))
    return tuple(found)


def _images(stack: Stack, project: str) -> Mapping[str, str]:
    """The names of the images that this checkout builds, by those under which the file's stack builds them: else the build of one
    checkout would move the tag that the containers of another were made from.
    """
    naming = Naming(stack, instance="")
    found: dict[str, str] = {}
    for name, service in stack.everything.items():
        if service.build:
            ref = ImageRef.parse(naming.image(name)).tagged
            own = f"{ref.rpartition(':')[0]}:{project}" if service.image else f"{project}-{name}"
            found.setdefault(ref, own)
    return found


def _shared_data(stack: Stack) -> Iterator[Problem]:
    """What two checkouts would share if both were up."""
    for key, volume in stack.volumes.items():
        if volume.external:
            yield Problem(
                ("volumes", key),
                f"volume {key} is external: an isolated stack would write to data of others",
                "leave out `external` for this checkout, for example in stack.override.toml",
            )
    for name, service in stack.everything.items():
        for index, mount in enumerate(service.volumes):
            if binds_data(service, mount) and not _is_below(mount.source or "", stack.directory):
                yield Problem(
                    ("jobs" if name in stack.jobs else "services", name, "volumes", index),
                    f"{mount.source} is mounted writable where {service.image} keeps its data: an isolated stack would write to data of others",
                    "use a named volume, or a directory below the stack's file",
                )


def _is_below(path: str, directory: Path) -> bool:
    """Whether a path in the file leads to something in the directory."""
    top = posixpath.normpath(directory.absolute())
    whole = posixpath.normpath(posixpath.join(top, path))
    return not path.startswith("~") and posixpath.commonpath([top, whole]) == top


def _word(text: str, base: str) -> str:
    """A name as a part of a project's name; "" if nothing of it says more than `base` does."""
    word = f"{_slug(text)}-".removeprefix(f"{_slug(base)}-")
    return word[:_LONGEST].strip("-")


def _slug(text: str) -> str:
    """Its letters without accents; what else no project's name may have becomes `-`."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")


def _labelled(observed: Observed) -> Iterable[Labelled]:
    return chain(observed.containers, observed.networks, observed.volumes)


def _directory(thing: Labelled) -> str:
    """The directory that something was made from; "" if its labels do not say."""
    return str(PurePosixPath(thing.source).parent) if thing.source else ""
