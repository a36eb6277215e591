"""Stack → DesiredSwarm. A service is the template of its containers with their number: a Swarm makes the containers itself."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from msgspec import structs
from msgspec.structs import replace

from stackctl.planner.world import digests, labels
from stackctl.planner.world.definition import network_definition
from stackctl.planner.world.desired import (
    USUAL_NETWORK_DRIVER,
    USUAL_VOLUME_DRIVER,
    Desired,
    DesiredContainer,
    DesiredHealthcheck,
    DesiredNetwork,
    DesiredVolume,
)
from stackctl.planner.world.probes import HttpProbe, ProtocolProbe, TcpProbe
from stackctl.planner.world.swarm_desired import (
    Amounts,
    DesiredService,
    DesiredSwarm,
    DesiredSwarmFile,
    Placing,
    Restarting,
    Rollout,
    Section,
    SwarmFileUse,
    SwarmPort,
)
from stackctl.planner.world.swarm_observed import Mode
from stackctl.spec.model import Condition, FileSource, SecretSource, Service, Stack
from stackctl.spec.model.deploy import CONSTRAINT, Deploy, Rollouts
from stackctl.version import __version__

OVERLAY = "overlay"
STICKY = "stackctl.volume."
"""The beginning of the label of a node that keeps a volume."""
_NOT_ON_A_SWARM = ("ports", "restart", "container_name", "platform", "expose")
"""Fields of a container's definition that a service has in another form, or not at all."""
_ASKING = DesiredHealthcheck(interval=3.0, timeout=5.0, retries=20, start_period=60.0)
"""How a check asks that is added for a Swarm: a server may need a minute to start, and is replaced after a minute without an answer."""


def desire_swarm(stack: Stack, desired: Desired, built: Mapping[str, str] | None = None) -> DesiredSwarm:
    """Decide what a stack is on a Swarm. `desired` is made from `one_each` of the stack. `built` has the ids of the images that are
    built here and that no registry has, by reference: a new build makes new tasks.
    """
    chosen = {container.service: container for container in desired.containers}
    completed = {
        need.service
        for container in desired.containers
        for need in container.needs
        if need.condition is Condition.completed
    }
    files: dict[tuple[str, str], DesiredSwarmFile] = {
        (file.section, file.key): file for file in _files(desired)
    }
    volumes = {volume.name: volume for volume in (_volume(each, desired) for each in desired.volumes)}
    sticky = {
        key: f"{STICKY}{desired.project}.{key}" for key, volume in stack.volumes.items() if volume.sticky
    }
    services = tuple(
        _service(
            name,
            container,
            stack.everything[name],
            desired,
            files,
            volumes,
            sticky,
            name in completed,
            (built or {}).get(container.image, ""),
        )
        for name, container in chosen.items()
    )
    return DesiredSwarm(
        project=desired.project,
        instance=desired.instance,
        source=desired.source,
        networks=tuple(_network(each, desired) for each in desired.networks),
        volumes=tuple(volumes.values()),
        files=tuple(files.values()),
        images=desired.images,
        services=services,
        sticky=sticky,
        known=frozenset(stack.everything),
    )


def _of_stack(project: str) -> dict[str, str]:
    return {labels.STACK: project}


def _network(network: DesiredNetwork, desired: Desired) -> DesiredNetwork:
    """A network of a stack spans the nodes, unless the file says a driver."""
    if network.external:
        return network
    driver = OVERLAY if network.driver == USUAL_NETWORK_DRIVER else network.driver
    network = replace(network, driver=driver)
    own = {k: v for k, v in network.labels.items() if not k.startswith(labels.PREFIX)}
    digest = digests.digest(digests.hidden(network_definition(network, own), desired.instance))
    return replace(
        network,
        digest=digest,
        labels={**network.labels, labels.DIGEST: digest, **_of_stack(desired.project)},
    )


def _volume(volume: DesiredVolume, desired: Desired) -> DesiredVolume:
    if volume.external:
        return volume
    return replace(volume, labels={**volume.labels, **_of_stack(desired.project)})


def _files(desired: Desired) -> Iterator[DesiredSwarmFile]:
    """The secrets and configs that the services use, each once."""
    seen: set[tuple[str, str]] = set()
    for container in desired.containers:
        for file in container.files:
            if (file.section, file.key) in seen:
                continue
            seen.add((file.section, file.key))
            section: Section = "secrets" if file.section == "secrets" else "configs"
            source = file.source
            if source.external:
                name = source.name or file.key
                yield DesiredSwarmFile(section=section, key=file.key, name=name, external=True)
                continue
            given, digest = _given(source), digests.content_digest(file.content, desired.instance)
            if any(given.values()):
                digest = digests.digest({**given, "content": digest})
            yield DesiredSwarmFile(
                section=section,
                key=file.key,
                name=f"{desired.project}_{file.key}_{digest[:12]}",
                content=file.content,
                driver=given["driver"],
                driver_opts=given["driver_opts"],
                template_driver=given["template_driver"],
                labels={
                    **given["labels"],
                    labels.PROJECT: desired.project,
                    labels.SERVICE: file.key,
                    labels.INSTANCE: desired.instance,
                    labels.DIGEST: digest,
                    labels.VERSION: __version__,
                    **_of_stack(desired.project),
                },
            )


def _given(source: FileSource) -> dict[str, Any]:
    """What a secret or config says of itself beside its content. A Swarm changes none of it: another one is another version."""
    driver, options = (source.driver, source.driver_opts) if isinstance(source, SecretSource) else (None, {})
    return {
        "driver": driver or "",
        "driver_opts": {name: str(text) for name, text in options.items()},
        "template_driver": source.template_driver or "",
        "labels": {name: str(text) for name, text in source.labels.items()},
    }


def _service(
    name: str,
    container: DesiredContainer,
    service: Service,
    desired: Desired,
    files: Mapping[tuple[str, str], DesiredSwarmFile],
    volumes: Mapping[str, DesiredVolume],
    sticky: Mapping[str, str],
    completes: bool,
    built: str,
) -> DesiredService:
    deploy = service.deploy or Deploy()
    template = _template(container)
    used = tuple(
        volumes[mount.source]
        for mount in template.mounts
        if mount.type == "volume" and mount.source in volumes
    )
    made = DesiredService(
        name=f"{desired.project}_{name}",
        service=name,
        template=template,
        image=container.image,
        mode=_mode(container, deploy, completes),
        replicas=service.replicas,
        endpoint_mode=deploy.endpoint_mode or "vip",
        ports=tuple(_ports(container, service)),
        volumes=used,
        files=tuple(
            SwarmFileUse(
                section=files[file.section, file.key].section,
                name=files[file.section, file.key].name,
                target=file.target,
                uid=file.uid,
                gid=file.gid,
                mode=file.mode,
            )
            for file in container.files
        ),
        placement=_placing(deploy, service, tuple(sticky[v.key] for v in used if v.key in sticky)),
        limits=_limits(deploy, service),
        reservations=_reservations(deploy, service),
        needs=container.needs,
    )
    made = replace(
        made,
        restart=_restarting(made, service, deploy),
        update=_rollout(deploy.update_config, "rollback", _order(made)),
        rollback=_rollout(deploy.rollback_config, "pause", _order(made)),
    )
    more = {"build": built} if built else {}
    for file in container.files:
        if file.source.external or any(_given(file.source).values()):
            more[f"{file.section}.{file.key}"] = files[file.section, file.key].name
    return _digested(made, desired, {name: str(text) for name, text in deploy.labels.items()}, more)


def _digested(
    made: DesiredService, desired: Desired, own: Mapping[str, str], more: Mapping[str, str]
) -> DesiredService:
    """The service with its digests and labels. `own` are its labels in the file. `more` makes a task another one, too: the build of
    its image, and the names of secrets and configs that have more than a content.
    """
    task = _task_definition(made)
    for name, text in more.items():
        task[name] = [*task.get(name, ()), text] if name in task else text
    definition = {**task, **_definition(made, own)}
    made = replace(
        made,
        digest=digests.digest(definition),
        task_digest=digests.digest(task),
        definition=definition,
    )
    template = made.template
    ours = {
        labels.PROJECT: desired.project,
        labels.SERVICE: made.service,
        labels.INSTANCE: desired.instance,
        labels.KIND: template.kind,
        labels.DIGEST: made.digest,
        labels.FIELDS: labels.pack_fields(made.fields),
        labels.SOURCE: desired.source,
        labels.VERSION: __version__,
        labels.DEPENDS: json.dumps([need.service for need in made.needs]),
        labels.STACK_IMAGE: template.image,
        **_of_stack(desired.project),
    }
    return replace(
        made,
        labels={**own, **ours},
        task_labels={
            **{name: str(text) for name, text in template.settings.labels.items()},
            # Not the project's label: `up` and `down` on a node would take the container for one of theirs.
            labels.SERVICE: made.service,
            labels.DIGEST: made.task_digest,
            **_of_stack(desired.project),
        },
    )


# What a task is


def _template(container: DesiredContainer) -> DesiredContainer:
    """The container of a task: it has no name of its own, and the engine itself asks whether it is ready."""
    networks = tuple(
        replace(place, aliases=tuple(alias for alias in place.aliases if alias != container.name))
        for place in container.networks
    )
    mounts = tuple(mount for mount in container.mounts if not mount.contents)
    return replace(container, networks=networks, mounts=mounts, healthcheck=_healthcheck(container))


def _healthcheck(container: DesiredContainer) -> DesiredHealthcheck | None:
    """The check in the container. Only that one counts on a Swarm, so it asks what stackctl would ask from outside."""
    own = container.healthcheck
    if own and own.test:
        return own
    test = next(filter(None, map(_question, container.probes)), None)
    if test is None:
        return own
    times = structs.asdict(own) if own else _times_given(container)
    given = {name: value for name, value in times.items() if value is not None and name != "test"}
    return replace(_ASKING, test=test, **given)


def _times_given(container: DesiredContainer) -> dict[str, Any]:
    """The times in the file of a check that is no command."""
    check = container.settings.healthcheck
    if check is None:
        return {}
    names = ("interval", "timeout", "start_period", "start_interval")
    return {
        **{name: each.seconds if (each := getattr(check, name)) else None for name in names},
        "retries": check.retries,
    }


def _question(probe: object) -> tuple[str, ...] | None:
    """The command in the container that asks what a probe asks from outside, with whatever the image has."""
    match probe:
        case ProtocolProbe(fallback=command) if command:
            return ("CMD", *command)
        case HttpProbe(port, path):
            url = f"http://127.0.0.1:{port}{path}"
            python = f"import urllib.request as u; u.urlopen('{url}', timeout=4)"
            return ("CMD-SHELL", _first(
                ("curl", f"curl -fsS -o /dev/null '{url}'"),
                ("wget", f"wget -q -O /dev/null '{url}'"),
                ("python3", f'python3 -c "{python}"'),
                ("node", f"node -e \"fetch('{url}').then(r => process.exit(r.ok ? 0 : 1), () => process.exit(1))\""),
            ))  # fmt: skip
        case TcpProbe(port):
            python = f"import socket as s; s.create_connection(('127.0.0.1', {port}), 4)"
            return ("CMD-SHELL", _first(
                ("nc", f"nc -z 127.0.0.1 {port}"),
                ("python3", f'python3 -c "{python}"'),
                ("bash", f"bash -c '</dev/tcp/127.0.0.1/{port}'"),
            ))  # fmt: skip
    return None


def _first(*ways: tuple[str, str]) -> str:
    """A line for a shell that takes the first program that the image has."""
    parts = [f"command -v {program} >/dev/null && {{ {line}; exit $?; }}" for program, line in ways]
    names = ", ".join(program for program, _ in ways)
    return "; ".join([*parts, f"echo 'the image has none of {names}'; exit 1"])


def _task_definition(made: DesiredService) -> dict[str, Any]:
    """What makes a task another one: the definition of its container, and what a Swarm adds to it."""
    template = made.template
    gone = {f"volumes.{path}" for path in template.settings.volumes_for_files}
    base = {
        name: value
        for name, value in template.definition.items()
        if name not in _NOT_ON_A_SWARM and name not in gone and not name.startswith("deploy.")
    }
    if template.healthcheck:
        check = structs.asdict(template.healthcheck)
        base["healthcheck"] = {name: value for name, value in check.items() if value is not None}
    base["restart_policy"] = structs.asdict(made.restart)
    if generic := made.reservations.generic:
        base["generic_resources"] = dict(generic)
    if made.reservations.nano_cpus:
        base["reservations.cpus"] = made.reservations.nano_cpus
    drivers = {
        volume.key: [volume.driver, sorted(volume.options.items())]
        for volume in made.volumes
        if volume.driver != USUAL_VOLUME_DRIVER or volume.options
    }
    if drivers:
        base["volume drivers"] = drivers
    return base


def _definition(made: DesiredService, own: Mapping[str, str]) -> dict[str, Any]:
    """What a service is beside its tasks. A change of it makes no task new."""
    found: dict[str, Any] = {
        "mode": made.mode,
        "endpoint_mode": made.endpoint_mode,
        "update_config": structs.asdict(made.update),
        "rollback_config": structs.asdict(made.rollback),
        **{f"deploy.labels.{name}": text for name, text in own.items()},
    }
    if not made.mode.startswith("global"):
        found["replicas"] = made.replicas
    if made.ports:
        found["ports"] = [structs.asdict(replace(port, index=0)) for port in made.ports]
    if made.placement != Placing():
        found["placement"] = structs.asdict(made.placement)
    return found


# What a service is


def _mode(container: DesiredContainer, deploy: Deploy, completes: bool) -> Mode:
    job = container.kind == "job" or completes
    given = deploy.mode or "replicated"
    if job and not given.endswith("-job"):
        return "global-job" if given == "global" else "replicated-job"
    return given


def _ports(container: DesiredContainer, service: Service) -> Iterator[SwarmPort]:
    for port in container.ports:
        mode = service.ports[port.index].mode or "ingress"
        yield SwarmPort(
            target=port.target,
            published=port.host_port,
            protocol=port.protocol,
            mode=mode,
            index=port.index,
        )


def _placing(deploy: Deploy, service: Service, sticky: tuple[str, ...]) -> Placing:
    """`sticky`: the labels of nodes that keep its volumes."""
    given = deploy.placement
    platform = service.platform or ""
    kept = tuple(f"node.labels.{label}==1" for label in sticky)
    if given is None:
        return Placing(constraints=kept, platform=platform)
    return Placing(
        constraints=(*(_constraint(str(each)) for each in given.constraints), *kept),
        spread=tuple(each.spread for each in given.preferences),
        max_per_node=given.max_replicas_per_node or 0,
        platform=platform,
    )


def _constraint(text: str) -> str:
    """A constraint without the spaces around its sign."""
    match = re.fullmatch(CONSTRAINT, text)
    return "".join(match.groups()) if match else text


def _limits(deploy: Deploy, service: Service) -> Amounts:
    given = deploy.limits
    cpus, memory = given.cpus or service.cpus, given.memory or service.mem_limit
    pids = given.pids if given.pids is not None else service.pids_limit
    return Amounts(
        nano_cpus=cpus.nano if cpus else 0,
        memory=memory.bytes if memory else 0,
        pids=max(pids or 0, 0),
    )


def _reservations(deploy: Deploy, service: Service) -> Amounts:
    given = deploy.reservations
    memory = given.memory or service.mem_reservation
    generic = [each.discrete_resource_spec for each in given.generic_resources]
    return Amounts(
        nano_cpus=given.cpus.nano if given.cpus else 0,
        memory=memory.bytes if memory else 0,
        generic={each.kind: each.value for each in generic},
    )


def _restarting(made: DesiredService, service: Service, deploy: Deploy) -> Restarting:
    """A Swarm replaces a task that ended, unless it is told not to. `restart = "no"`, which no file has to say, does not tell that."""
    policy = deploy.restart_policy
    usual: Literal["none", "any"] = "none" if made.job else "any"
    if policy is None:
        if service.restart.policy == "on-failure":
            return Restarting(condition="on-failure", max_attempts=service.restart.times)
        return Restarting(condition=usual)
    condition = usual if made.job and policy.condition == "any" else policy.condition
    return Restarting(
        condition=condition,
        delay=policy.delay.seconds if policy.delay else 5.0,
        max_attempts=policy.max_attempts or 0,
        window=policy.window.seconds if policy.window else 0.0,
    )


def _order(made: DesiredService) -> Literal["start-first", "stop-first"]:
    """Two tasks cannot run at once where both want the same port of a node, or write into the same directory."""
    shared = any(mount.type == "bind" for mount in made.template.mounts) or any(
        mount.type == "volume" and mount.source and not mount.read_only for mount in made.template.mounts
    )
    if shared or any(port.mode == "host" for port in made.ports):
        return "stop-first"
    return "start-first"


def _rollout(
    given: Rollouts | None,
    action: Literal["rollback", "pause"],
    order: Literal["start-first", "stop-first"],
) -> Rollout:
    if given is None:
        return Rollout(failure_action=action, order=order)
    return Rollout(
        parallelism=1 if given.parallelism is None else given.parallelism,
        delay=given.delay.seconds if given.delay else 0.0,
        failure_action=given.failure_action or action,
        monitor=given.monitor.seconds if given.monitor else 5.0,
        max_failure_ratio=given.max_failure_ratio or 0.0,
        order=given.order or order,
    )
