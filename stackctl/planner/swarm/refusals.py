"""Before anything is sent to a Swarm: every reason why it cannot run a stack, by key, with the way out.

What a Swarm does not have, `--lenient` leaves out: such a problem then is a warning.
"""

from __future__ import annotations

import ipaddress
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping

from msgspec import Struct
from msgspec.structs import replace

from stackctl.errors import Key, Problem
from stackctl.planner.swarm.desire import OVERLAY
from stackctl.planner.swarm.placing import chosen_nodes, meets, nodes_for, value_of
from stackctl.planner.swarm.planning import DeployOptions, ours
from stackctl.planner.world.desired import DesiredNetwork
from stackctl.planner.world.observed import ObservedContainer
from stackctl.planner.world.probes import LogProbe
from stackctl.planner.world.swarm_desired import DesiredService, DesiredSwarm
from stackctl.planner.world.swarm_observed import ObservedNode, ObservedSwarm
from stackctl.spec import plain_keys
from stackctl.spec.model import Service, Stack
from stackctl.spec.model.deploy import CONSTRAINT
from stackctl.spec.model.ports import EVERYWHERE

SECRET_LIMIT, CONFIG_LIMIT = 500 * 1024, 1000 * 1024
"""Bytes (swarmkit, api/validation/secrets.go and manager/controlapi/config.go)."""
_NAME_LIMIT = 64
_USUAL_ADDRESSES = 256
"""The addresses of a network whose subnet the Swarm chooses: a /24."""
_NOT_FOR_TASKS = 3
"""Addresses of a subnet that no task gets: of the network, of the gateway and for broadcasts."""
_OPEN = (EVERYWHERE, "0.0.0.0", "::")  # noqa: S104 - read, not listened on

_DROP = "leave it out, or --lenient"
_AS_LIMIT = "write deploy.resources.limits, or --lenient to leave it out"
_KEYS: Mapping[str, tuple[str, str]] = {
    "privileged": ("a Swarm gives no container all rights of its host", _DROP),
    "devices": ("a Swarm gives no container a device", "name it on the nodes, and write deploy.resources.reservations.generic_resources"),
    "device_cgroup_rules": ("a Swarm gives no container a device", _DROP),
    "gpus": ("a Swarm gives GPUs as resources of nodes", "name them on the nodes, and write deploy.resources.reservations.generic_resources"),
    "security_opt": ("a Swarm takes no such option", _DROP),
    "ipc": ("a Swarm shares no memory between containers", _DROP),
    "pid": ("a Swarm shares no processes between containers", _DROP),
    "uts": ("a Swarm gives each container a host name of its own", _DROP),
    "userns_mode": ("a Swarm takes the users of the node's engine", _DROP),
    "cgroup": ("a Swarm chooses the cgroup", _DROP),
    "cgroup_parent": ("a Swarm chooses the cgroup", _DROP),
    "isolation": ("it belongs to Windows", _DROP),
    "runtime": ("a Swarm takes the usual runtime of the node's engine", "set default-runtime of the nodes, or --lenient"),
    "storage_opt": ("a Swarm gives containers the usual root file system", _DROP),
    "annotations": ("a Swarm hands no annotations on", _DROP),
    "domainname": ("a Swarm knows no domain of a host name", "write it into hostname, or --lenient"),
    "mac_address": ("a Swarm gives containers their hardware addresses", _DROP),
    "links": ("a Swarm has no links", "write depends_on, and networks.NAME.aliases for another name"),
    "external_links": ("a Swarm has no links", "put both into one network with external = true"),
    "volumes_from": ("a task has no volumes of another one", "write the same volumes, sticky so that both are on one node"),
    "memswap_limit": ("a Swarm limits memory alone", _AS_LIMIT),
    "mem_swappiness": ("a Swarm limits memory alone", _AS_LIMIT),
    "oom_kill_disable": ("a Swarm leaves that to the node", _DROP),
    "oom_score_adj": ("a Swarm of this engine leaves that to the node (engine 28 takes it)", _DROP),
    **dict.fromkeys(
        ("cpu_shares", "cpu_period", "cpu_quota", "cpu_rt_period", "cpu_rt_runtime", "cpuset", "cpu_count", "cpu_percent"),
        ("a Swarm limits processors by their number alone", _AS_LIMIT),
    ),
}  # fmt: skip
_LENIENT = {
    *_KEYS.keys() - {"devices", "gpus", "links", "external_links", "volumes_from"},
    "blkio_config",
    "container_name",
    "post_start",
    "pre_stop",
    "healthcheck",
    "networks",
}
"""Keys that `--lenient` leaves out."""


class Asked(Struct, frozen=True, kw_only=True):
    """What the rules look at."""

    stack: Stack
    desired: DesiredSwarm
    observed: ObservedSwarm
    options: DeployOptions = DeployOptions()
    containers: Collection[ObservedContainer] = ()
    """The containers that `up` has made of this project, on the engine that is asked."""

    @property
    def ready(self) -> list[ObservedNode]:
        return [node for node in self.observed.nodes if node.takes_tasks]

    @property
    def alone(self) -> bool:
        """Whether there is one node: then everything is where it is looked for."""
        return len(self.observed.nodes) == 1


def refusals(asked: Asked) -> tuple[Problem, ...]:
    """Every reason why the stack cannot run there, and warnings."""
    found = [
        *swarm_problems(asked.observed),
        *_up_runs_here(asked),
        *_foreign(asked),
        *_networks(asked),
        *_files(asked),
    ]
    for want in asked.desired.services:
        found += _service(asked, want)
    if asked.observed.nodes:
        nodes = _labelled(asked)
        for want in asked.desired.services:
            found += _nodes(asked, want, nodes_for(want, nodes))
        found += _rooms(asked)
    return tuple(_graded(problem, asked.options) for problem in found)


def swarm_problems(observed: ObservedSwarm) -> Iterator[Problem]:
    """Why the engine cannot be asked to change a Swarm."""
    if observed.state == "locked" or "locked" in observed.reason:
        yield Problem((), "the Swarm is locked", "docker swarm unlock, on this machine")
    elif observed.state in ("inactive", "error", "pending"):
        yield Problem(
            (),
            f"this engine is in no Swarm{f': {observed.reason}' if observed.reason else ''}",
            "docker swarm init makes a Swarm of this machine alone; docker swarm join takes it into another one",
        )
    elif not observed.manager:
        where = f": {', '.join(observed.managers)}" if observed.managers else ""
        yield Problem(
            (), "this engine is a worker of its Swarm", f"ask a manager{where} (--host ssh://MANAGER)"
        )
    elif observed.reason:
        yield Problem(
            (),
            f"the Swarm does not answer: {observed.reason}",
            "more than half of its managers must run: start them, or docker swarm init --force-new-cluster on one",
        )


def _graded(problem: Problem, options: DeployOptions) -> Problem:
    key = problem.path[2] if len(problem.path) > 2 else ""
    if options.lenient and problem.severity == "error" and key in _LENIENT and problem.rule == "":
        return replace(problem, severity="warning", hint="it is left out (--lenient)")
    return problem


def _where(want: DesiredService, *rest: Key) -> tuple[Key, ...]:
    return ("jobs" if want.template.kind == "job" else "services", want.service, *rest)


# The project


def _up_runs_here(asked: Asked) -> Iterator[Problem]:
    if running := sorted(each.name for each in asked.containers if each.running):
        names = ", ".join(running[:3]) + (f" and {len(running) - 3} more" if len(running) > 3 else "")
        yield Problem(
            ("name",),
            f"the project runs on this machine without the Swarm: {names}",
            "stackctl down removes these and keeps their volumes, which deploy then uses on this node",
        )


def _foreign(asked: Asked) -> Iterator[Problem]:
    mine = {have.id for have in ours(asked.observed, asked.desired).values()}
    wanted = {want.name for want in asked.desired.services}
    for have in asked.observed.services:
        if have.name in wanted and have.id not in mine:
            yield Problem(
                ("name",),
                f"there is a service {have.name} that stackctl has not made",
                f"docker stack rm {asked.desired.project} removes it; -p OTHER is another project beside it",
            )


def _networks(asked: Asked) -> Iterator[Problem]:
    there = {network.name: network for network in asked.observed.networks}
    known = bool(asked.observed.nodes)
    for network in asked.desired.networks:
        have, where = there.get(network.name), ("networks", network.key)
        if network.external:
            if have is None and known:
                yield Problem(
                    where,
                    f"there is no network {network.name} in the Swarm",
                    f"docker network create --driver overlay --attachable {network.name}",
                )
        elif have and have.driver != network.driver:
            yield Problem(
                where,
                f"network {network.name} is there with the driver {have.driver}, not {network.driver}",
                "stackctl down removes it if up has made it",
            )
        elif have and have.digest and have.digest != network.digest:
            yield Problem(
                where,
                f"network {network.name} is there with other settings, and a Swarm changes none",
                "stackctl deploy down, then deploy; or give it another name",
            )
        elif network.driver != OVERLAY and not asked.alone and known:
            yield Problem(
                (*where, "driver"),
                f"a network with the driver {network.driver} does not reach other nodes",
                "leave the driver out: a Swarm takes overlay",
                severity="warning",
            )


def _files(asked: Asked) -> Iterator[Problem]:
    observed = asked.observed
    there = {"secrets": observed.secrets, "configs": observed.configs}
    for file in asked.desired.files:
        if file.external:
            kind = file.section.removesuffix("s")
            if observed.nodes and file.name not in {each.name for each in there[file.section]}:
                yield Problem(
                    (file.section, file.key),
                    f"there is no {kind} {file.name} in the Swarm, and external says that there is one",
                    f"docker {kind} create {file.name} FILE",
                )
            continue
        size = len(file.content.reveal().encode(errors="surrogateescape"))
        limit = SECRET_LIMIT if file.section == "secrets" else CONFIG_LIMIT
        if size >= limit:
            yield Problem(
                (file.section, file.key),
                f"it has {size:,} bytes, and a Swarm takes less than {limit:,}",
                "put it into the image or a volume",
            )
        if len(file.name) > _NAME_LIMIT:
            yield Problem(
                (file.section, file.key),
                f"its name in the Swarm, {file.name}, is longer than {_NAME_LIMIT} characters",
                "choose a shorter name for it or for the project",
            )
    for want in asked.desired.services:
        if len(want.name) > _NAME_LIMIT - 1:
            yield Problem(
                _where(want), f"the name {want.name} is too long for a Swarm", "choose a shorter name"
            )


# One service


def _service(asked: Asked, want: DesiredService) -> Iterator[Problem]:
    service = want.template.settings
    yield from _plain_keys(want, service, asked.observed.engine.api)
    yield from _hooks(want, service)
    yield from _ports(want, service)
    yield from _places(want, service)
    yield from _mounts(want, service)
    if service.container_name:
        yield Problem(
            _where(want, "container_name"),
            "a task has the name that the Swarm gives it",
            f"others reach it as {want.service}; leave it out, or --lenient",
        )
    mode = want.template.network_mode
    if mode not in (None, "host"):
        yield Problem(
            _where(want, "network_mode"),
            f"a Swarm has no network_mode {service.network_mode}",
            "write networks, or host",
        )
    if any(isinstance(probe, LogProbe) for probe in want.template.probes) and not want.template.healthcheck:
        yield Problem(
            _where(want, "healthcheck", "log"),
            "an engine does not read the log to know whether a task is ready",
            "write test, tcp or http; with --lenient the task counts as ready once it runs",
        )


def _plain_keys(want: DesiredService, service: Service, api: tuple[int, int]) -> Iterator[Problem]:
    for key, value in plain_keys.given(service):
        name = key.path[0]
        if key.path[:3] == ("deploy", "resources", "reservations") and key.path[-1] == "devices":
            why, way = _KEYS["gpus"]
            yield Problem(_where(want, *key.path), why, way)
        elif name == "blkio_config":
            yield Problem(_where(want, *key.path), "a Swarm limits no block devices", _DROP)
        elif (
            name == "security_opt" and api >= (1, 44) and all(_is_privilege(str(each)) for each in value)
        ) or (name == "oom_score_adj" and api >= (1, 46)):
            continue
        elif name in _KEYS and len(key.path) == 1 and value:
            why, way = _KEYS[name]
            yield Problem(_where(want, name), why, way)


def _is_privilege(option: str) -> bool:
    """Whether newer Swarms take the option (API 1.44, Privileges)."""
    return option.replace(":", "=").removesuffix("=true") == "no-new-privileges"


def _hooks(want: DesiredService, service: Service) -> Iterator[Problem]:
    if service.pre_start:
        yield Problem(
            _where(want, "pre_start"),
            "a Swarm runs nothing before a task",
            f"write a job, [jobs.NAME], and depends_on of {want.service}",
        )
    for key in ("post_start", "pre_stop"):
        if getattr(service, key):
            yield Problem(
                _where(want, key),
                "a Swarm starts and stops tasks without stackctl",
                "do it in the command of the container; leave it out, or --lenient",
            )


def _ports(want: DesiredService, service: Service) -> Iterator[Problem]:
    for index, port in enumerate(service.ports):
        address = port.host_ip
        if address is not None and str(address) not in _OPEN:
            loopback = str(address).startswith("127.") or str(address) == "::1"
            yield Problem(
                _where(want, "ports", index),
                f"every node publishes a port of a Swarm, at every address and not at {address}",
                "leave the address out in a file for the Swarm (-f stack.toml -f deploy.toml)"
                + (", or remove the port: services reach each other without" if loopback else ""),
            )
        if port.published and len(port.target) == 1 and len(port.published) > 1:
            yield Problem(
                _where(want, "ports", index, "published"),
                "a Swarm chooses no port of a range",
                "write one port, or none for a free one",
            )
        if want.endpoint_mode == "dnsrr" and port.mode != "host":
            yield Problem(
                _where(want, "ports", index),
                "with endpoint_mode dnsrr there is no address for all tasks to which every node could pass on",
                'write mode = "host", or endpoint_mode = "vip"',
            )


def _places(want: DesiredService, service: Service) -> Iterator[Problem]:
    for name, use in service.networks.items():
        for key in ("ipv4_address", "ipv6_address", "link_local_ips", "mac_address", "interface_name"):
            if getattr(use, key):
                yield Problem(
                    _where(want, "networks", name, key),
                    "a Swarm gives each task its own address",
                    f"others reach it as {want.service}; leave it out, or --lenient",
                )


def _mounts(want: DesiredService, service: Service) -> Iterator[Problem]:
    for index, mount in enumerate(service.volumes):
        if mount.type == "image":
            yield Problem(
                _where(want, "volumes", index),
                "a Swarm mounts no images",
                "copy what it holds into the image",
            )
    for index, tmpfs in enumerate(service.tmpfs):
        if tmpfs.options:
            yield Problem(
                _where(want, "tmpfs", index),
                f"a Swarm takes no options of a tmpfs: {tmpfs.options}",
                'write { type = "tmpfs", target = "…", tmpfs = { size = "64m" } } in volumes',
            )


# A service on the nodes


def _nodes(asked: Asked, want: DesiredService, able: list[ObservedNode]) -> Iterator[Problem]:
    """`able` are the nodes that may run it."""
    if problems := [*_constraints(asked, want)]:
        yield from problems
    elif not able:
        yield Problem(
            _where(want, "deploy", "placement"),
            f"no node may run it: {_said(asked, want)}",
            "change the constraints, or the nodes: docker node ls",
        )
    yield from _counts(want, able)
    if not asked.alone:
        yield from _data(asked, want, able)
        yield from _images(asked, want)


def _labelled(asked: Asked) -> list[ObservedNode]:
    """The nodes, with the labels of sticky volumes that they are about to get."""
    chosen = chosen_nodes(asked.desired, asked.observed)
    return [
        replace(
            node,
            labels={**node.labels, **{label: "1" for label, kept in chosen.items() if kept.id == node.id}},
        )
        for node in asked.observed.nodes
    ]


def _constraints(asked: Asked, want: DesiredService) -> Iterator[Problem]:
    """Constraints that ask for a label, or for a value, that no node has."""
    sticky = {f"node.labels.{label}==1" for label in asked.desired.sticky.values()}
    for index, constraint in enumerate(want.placement.constraints):
        if constraint in sticky or not (match := re.fullmatch(CONSTRAINT, constraint)):
            continue
        key, sign, value = match.groups()
        found = sorted({each for node in asked.observed.nodes if (each := value_of(key, node)) is not None})
        if sign == "==" and not found:
            label = key.removeprefix("node.labels.")
            yield Problem(
                _where(want, "deploy", "placement", "constraints", index),
                f"no node has {key}",
                f"docker node update --label-add {label}={value} NODE"
                if key.startswith("node.labels.")
                else "docker node inspect shows what nodes have",
            )
        elif sign == "==" and not any(meets(constraint, node) for node in asked.observed.nodes):
            yield Problem(
                _where(want, "deploy", "placement", "constraints", index),
                f"no node has {key} == {value}",
                f"nodes have: {', '.join(found)}",
            )


def _said(asked: Asked, want: DesiredService) -> str:
    busy = Counter(
        "down" if node.state != "ready" else node.availability
        for node in asked.observed.nodes
        if not node.takes_tasks
    )
    parts = [
        f"{number} of {len(asked.observed.nodes)} nodes {'are' if number > 1 else 'is'} {state}"
        for state, number in busy.items()
    ]
    limits = [*want.placement.constraints, *filter(None, [want.placement.platform])]
    return "; ".join([*parts, *([f"it asks for {' and '.join(limits)}"] if limits else [])])


def _counts(want: DesiredService, able: list[ObservedNode]) -> Iterator[Problem]:
    if want.mode.startswith("global") or not able:
        return
    most = want.placement.max_per_node * len(able)
    if most and want.replicas > most:
        yield Problem(
            _where(want, "deploy", "placement", "max_replicas_per_node"),
            f"{len(able)} nodes with {want.placement.max_per_node} each run {most} tasks, not {want.replicas}",
            "raise it, or ask for fewer replicas",
        )
    surge = max(want.update.parallelism, 1) if want.update.order == "start-first" and not want.job else 0
    for port in want.ports:
        if port.mode == "host" and port.published and want.replicas + surge > len(able):
            more = " and one more during an update (start-first)" if surge else ""
            yield Problem(
                _where(want, "ports", port.index),
                f"{want.replicas} tasks{more} want port {port.published} of a node each, and {len(able)} nodes may run them",
                'ask for fewer replicas, leave the port of the host out, or write mode = "ingress"',
            )


def _rooms(asked: Asked) -> Iterator[Problem]:
    """Networks that have fewer addresses than their services need."""
    for network in asked.desired.networks:
        room = _addresses(network)
        if room is not None and (needed := _needed(asked, network.name)) > room:
            yield Problem(
                ("networks", network.key),
                f"its services need {needed} addresses, and its subnet has {room}: tasks would wait without an error",
                'give it a larger subnet: ipam = { config = [{ subnet = "10.20.0.0/16" }] }',
            )


def _addresses(network: DesiredNetwork) -> int | None:
    """How many tasks and services a network has addresses for; None if it is not of the stack."""
    if network.external:
        return None
    subnets = [str(config.ip_range or config.subnet) for config in network.ipam.config if config.subnet]
    sizes = [
        found.num_addresses
        for text in subnets
        if (found := ipaddress.ip_network(text, strict=False)).version == 4
    ]
    return (sum(sizes) or _USUAL_ADDRESSES) - _NOT_FOR_TASKS


def _needed(asked: Asked, name: str) -> int:
    """An address for each task and each further one of an update, for each service, and for each node."""
    nodes = len(asked.observed.nodes)
    total = nodes
    for want in asked.desired.services:
        if any(place.network == name for place in want.template.networks):
            tasks = nodes if want.mode.startswith("global") else want.replicas
            surge = (want.update.parallelism or tasks) if want.update.order == "start-first" else 0
            total += tasks + min(surge, tasks) + (want.endpoint_mode == "vip")
    return total


def _data(asked: Asked, want: DesiredService, able: list[ObservedNode]) -> Iterator[Problem]:
    """What is on one node alone, while tasks may run on several."""
    if len(able) <= 1:
        return
    pin = "deploy.placement.constraints with node.hostname of one node"
    for index, mount in enumerate(want.template.settings.volumes):
        if mount.type == "bind":
            yield Problem(
                _where(want, "volumes", index),
                f"{mount.source} is a path of one node, and {len(able)} nodes may run the task",
                f"put what it holds into the image or into configs, or write {pin}",
            )
        elif mount.type == "volume" and mount.source:
            volume = next((each for each in want.volumes if each.key == mount.source), None)
            if (
                volume
                and volume.driver == "local"
                and not volume.options
                and mount.source not in asked.desired.sticky
            ):
                yield Problem(
                    _where(want, "volumes", index),
                    f"each of {len(able)} nodes would have a volume {mount.source} of its own: the data stays behind when the task moves",
                    f"write sticky = true in [volumes.{mount.source}], a driver that reaches every node, or {pin}",
                )


def _images(asked: Asked, want: DesiredService) -> Iterator[Problem]:
    service = want.template.settings
    if service.build and not asked.options.no_build and "/" not in (service.image or ""):
        yield Problem(
            _where(want, "build"),
            "the other nodes cannot get an image that is built here",
            'write image = "REGISTRY/NAME:TAG": it is built and pushed there; --no-build if the nodes have it',
        )
