"""Rules about names: what is referred to must be there, and no two may have the same."""

from collections.abc import Iterator, Sequence
from itertools import chain

from stackctl.errors import Problem
from stackctl.spec.lint.members import Member, members
from stackctl.spec.lint.uses import Kind, uses
from stackctl.spec.model import Stack
from stackctl.spelling import Guesses, Neighbours, close


def undefined_names(stack: Stack) -> Iterator[Problem]:
    """A network, a volume or a service is named that the file does not define.

    With `docker run`, a forgotten network stops the script after the container was created, and the dead container
    keeps the name. Here nothing is created before every name is found.

    Fix: correct the name, or add the table `[networks.NAME]`, `[volumes.NAME]` or `[services.NAME]`.
    """
    everything = stack.everything
    guesses = Guesses()

    def meant(name: str, member: Member, otherwise: str = "") -> str:
        return guesses.did_you_mean(name, (each for each in everything if each != member.name), otherwise)

    for member in members(stack):
        for name in member.service.depends_on:
            if name not in everything:
                yield Problem(
                    (*member.path, "depends_on", name),
                    f'{member.name} waits for "{name}", which is neither a service nor a job',
                    meant(name, member, f"add [services.{name}], or take it out"),
                )
        for name in member.service.networks:
            if name != "default" and name not in stack.networks:
                yield Problem(
                    (*member.path, "networks", name),
                    f'{member.name} joins network "{name}", which nothing creates: Docker would stop at '
                    f'"network {name} not found" and leave a dead container holding the name',
                    guesses.did_you_mean(name, chain(stack.networks, ["default"]), f"add [networks.{name}]"),
                )
        for index, mount in enumerate(member.service.volumes):
            name = mount.source or ""
            if mount.type == "volume" and name and name not in stack.volumes:
                hint = guesses.did_you_mean(
                    name, stack.volumes, f'add [volumes.{name}], or write "./{name}" for a directory'
                )
                yield Problem(
                    (*member.path, "volumes", index),
                    f'{member.name} mounts volume "{name}", which is not defined',
                    hint,
                )
        mode = member.service.network_mode
        if mode and mode.service is not None and mode.service not in everything:
            yield Problem(
                (*member.path, "network_mode"),
                f'{member.name} shares the network of "{mode.service}", which is neither a service nor a job',
                meant(mode.service, member),
            )


def unknown_hosts(stack: Stack) -> Iterator[Problem]:
    """A URL, or a variable such as `DB_HOST`, names a host that no container of the stack answers to.

    Containers find each other by name: the service's, its `container_name`, its `hostname` and its network aliases.
    Looked at are URLs of databases and queues, and variables that end in `_HOST`, `_HOSTNAME`, `_SERVER`, `_ADDR`,
    `_BROKERS` or `_ENDPOINT` and name a database or queue or come near to one of these names. A host with a dot is
    taken to be outside the stack, and nothing is said of services on an external network, where strangers may answer,
    or without a network of the stack.

    Fix: correct the name. `${services.db.url}` writes the whole URL and cannot be misspelt unnoticed.
    """
    named = _host_names(stack)
    numbered = {f"{stack.project}-{name}-1" for name in stack.everything}
    hosts = sorted(named)
    guesses = Guesses()
    near_named: Neighbours | None = None
    for member in members(stack):
        if _has_other_neighbours(stack, member):
            continue
        own = {host.lower() for host in member.service.extra_hosts}
        for use in dict.fromkeys(uses(member)):
            if use.kind is Kind.url or use.host in named or use.host in own or use.host in numbered:
                continue
            if use.kind is Kind.variable:
                near_named = near_named or Neighbours(named)
                if not near_named.stems(use.host) and not any(close(use.host, each) for each in own):
                    continue
            yield Problem(
                use.path,
                f'{use.source} in {member.name} points at host "{use.host}": '
                "container names are DNS names, and no container here answers to that one",
                guesses.did_you_mean(use.host, chain(named, own), _listed(hosts, own)),
            )


_LISTED = 20
"""How many hosts a hint lists."""


def _listed(hosts: Sequence[str], own: set[str]) -> str:
    """`hosts` are sorted: those of the stack; `own`: those that only this service knows."""
    shown = sorted({*hosts[:_LISTED], *own})[:_LISTED]
    more = len(hosts) + len(own) - len(shown)
    return f"the hosts here: {', '.join(shown)}" + (f", and {more} more" if more > 0 else "")


def duplicate_container_names(stack: Stack) -> Iterator[Problem]:
    """Two services have the same `container_name`.

    A container's name is unique on the whole machine: the second one could not be created.

    Fix: take `container_name` out of one of them; a service is reached by its own name anyway.
    """
    first: dict[tuple[str, str], Member] = {}
    for member in members(stack):
        if name := member.service.container_name:
            others = (first.get((name, profile)) for profile in member.beside)
            if other := next(filter(None, others), None):
                yield Problem(
                    (*member.path, "container_name"),
                    f'{other.name} and {member.name} both want the name "{name}": '
                    "names of containers are machine-wide",
                    "take it out of one of them",
                )
            for profile in member.profiles:
                first.setdefault((name, profile), member)


def _host_names(stack: Stack) -> set[str]:
    """Every name by which a container of the stack can be found, in lower case."""
    found: set[str] = set()
    for member in members(stack):
        service = member.service
        found |= {name for name in (member.name, service.container_name, service.hostname) if name}
        found |= {alias for network in service.networks.values() for alias in network.aliases}
    return {name.lower() for name in found}


def _has_other_neighbours(stack: Stack, member: Member) -> bool:
    """Whether names may be answered from outside the stack: on an external network, on the host's, or on none."""
    mode = member.service.network_mode
    joined = (stack.networks.get(name) for name in member.service.networks or ("default",))
    return bool(mode and mode.service is None) or any(network and network.external for network in joined)
