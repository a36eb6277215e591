"""Rules about names: a name that is used must be defined, and no two containers may have the same name."""

from collections.abc import Iterator, Sequence
from itertools import chain

from stackctl.errors import Problem
from stackctl.spec.choosing import sharing
from stackctl.spec.lint.members import Member
from stackctl.spec.lint.subject import Subject
from stackctl.spec.lint.uses import Kind
from stackctl.spec.model import Stack
from stackctl.spelling import Guesses, Neighbours, close


def undefined_names(subject: Subject) -> Iterator[Problem]:
    """The file uses the name of a network, a volume, a secret, a config or a service that it does not define.

    With `docker run`, a missing network stops the script after the container is created, and the dead container keeps the
    name. `stackctl` first looks for every name, and creates nothing if one is missing.

    Fix: correct the name, or add the table, such as `[networks.NAME]` or `[secrets.NAME]`.

    Evidence: 7 of 49 public scripts of `docker run` join a network that they never create.
    """
    stack, everything = subject.stack, subject.stack.everything
    guesses = Guesses()

    def meant(name: str, member: Member, otherwise: str = "") -> str:
        return guesses.did_you_mean(name, (each for each in everything if each != member.name), otherwise)

    for member in subject.members:
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
                    f'"network {name} not found" and leave a dead container with the name',
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
        for section, uses, defined in (
            ("secrets", member.service.secrets, stack.secrets),
            ("configs", member.service.configs, stack.configs),
        ):
            for index, use in enumerate(uses):
                if use.source not in defined:
                    yield Problem(
                        (*member.path, section, index),
                        f'{member.name} uses {section[:-1]} "{use.source}", which is not defined',
                        guesses.did_you_mean(
                            use.source, defined, f"add [{section}.{use.source}] with file or environment"
                        ),
                    )
        for key, other in sharing(member.service):
            if other not in everything:
                yield Problem(
                    (*member.path, key),
                    f'{member.name} {_SHARES[key]} "{other}", which is neither a service nor a job',
                    meant(other, member),
                )


_SHARES = {
    "network_mode": "shares the network of",
    "ipc": "shares the memory of",
    "pid": "shares the processes of",
    "volumes_from": "has the volumes of",
    "links": "links to",
}


def unknown_hosts(subject: Subject) -> Iterator[Problem]:
    """A URL, or a variable such as `DB_HOST`, names a host, but no container of the stack has that name.

    Containers find each other by name: the name of the service, its `container_name`, its `hostname` and its network
    aliases. The rule checks URLs of databases and queues. It also checks variables that end in `_HOST`, `_HOSTNAME`,
    `_SERVER`, `_ADDR`, `_BROKERS` or `_ENDPOINT`, if they name a database or queue, or if the host is close to one of these
    names. A host with a dot counts as a host outside the stack. The rule does not check a service on an external network,
    because another container there may have the name. It also does not check a service that joins no network of the stack.

    Fix: correct the name. `${services.db.url}` writes the whole URL, and a spelling mistake in it is always found.

    Evidence: `docker compose config` does not look into values; the container starts, and fails with `bad address`.
    """
    stack, named = subject.stack, _host_names(subject)
    numbered = {f"{stack.project}-{name}-1" for name in stack.everything}
    hosts = sorted(named)
    guesses = Guesses()
    near_named: Neighbours | None = None
    for member in subject.members:
        if has_other_neighbours(stack, member):
            continue
        own = {host.lower() for host in member.service.extra_hosts}
        told: set[tuple[str, str]] = set()
        for use in subject.uses[member.name]:
            known = use.loopback or use.host in named or use.host in own or use.host in numbered
            if use.kind is Kind.url or known or (use.source, use.host) in told:
                continue
            told.add((use.source, use.host))
            if use.kind is Kind.variable:
                near_named = near_named or Neighbours(named)
                if not near_named.stems(use.host) and not any(close(use.host, each) for each in own):
                    continue
            yield Problem(
                use.path,
                f'{use.source} in {member.name} points at host "{use.host}": '
                "container names are DNS names, and no container here has that name",
                guesses.did_you_mean(use.host, chain(named, own), _listed(hosts, own)),
            )


_LISTED = 20
"""How many hosts a hint lists."""


def _listed(hosts: Sequence[str], own: set[str]) -> str:
    """The hosts, for a hint. `hosts` are those of the stack, sorted; `own` are those that only this service knows."""
    shown = sorted({*hosts[:_LISTED], *own})[:_LISTED]
    more = len(hosts) + len(own) - len(shown)
    return f"the hosts here: {', '.join(shown)}" + (f", and {more} more" if more > 0 else "")


def duplicate_container_names(subject: Subject) -> Iterator[Problem]:
    """Two services have the same `container_name`, or a service with several containers has one.

    A container's name is unique on the whole machine: the second container could not be created.

    Fix: remove `container_name`. Other services reach it by the service's name.

    Evidence: docker/compose#1753, moby/moby#23371. Measured: the second `docker run` ends with 125 and `Conflict. The container name
    "/db" is already in use`; the first container runs on. Compose 5.6.1 refuses the file.
    """
    first: dict[tuple[str, str], Member] = {}
    for member in subject.members:
        if name := member.service.container_name:
            if member.service.replicas > 1:
                yield Problem(
                    (*member.path, "container_name"),
                    f'{member.name} has {member.service.replicas} containers, and all would have the name "{name}"',
                    "take it out: the service's name reaches all of them",
                )
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


def _host_names(subject: Subject) -> set[str]:
    """All names by which containers of the stack can be found, in lower case."""
    found: set[str] = set()
    for member in subject.members:
        service = member.service
        found |= {name for name in (member.name, service.container_name, service.hostname) if name}
        found |= {alias for network in service.networks.values() for alias in network.aliases}
        found |= {link.alias for link in (*service.links, *service.external_links)}
    return {name.lower() for name in found}


def has_other_neighbours(stack: Stack, member: Member) -> bool:
    """Whether the service may find hosts outside the stack: it is on an external network, on the host's network, or on none."""
    mode = member.service.network_mode
    joined = (stack.networks.get(name) for name in member.service.networks or ("default",))
    return bool(mode and mode.service is None) or any(network and network.external for network in joined)
