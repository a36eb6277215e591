"""Stack → Desired: select the services, decide every name, put all in dependency order."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from msgspec.structs import replace

from stackctl.errors import Problem, SpecError, UsageError
from stackctl.planner.world import digests, labels
from stackctl.planner.world.checks import healthcheck, probes, timing
from stackctl.planner.world.definition import container_definition, network_definition, volume_definition
from stackctl.planner.world.desired import (
    USUAL_NETWORK_DRIVER,
    USUAL_VOLUME_DRIVER,
    Attachment,
    BuildSecret,
    Desired,
    DesiredBuild,
    DesiredContainer,
    DesiredFile,
    DesiredMount,
    DesiredNetwork,
    DesiredPort,
    DesiredVolume,
    Image,
    Need,
    grace,
)
from stackctl.planner.world.naming import Naming
from stackctl.planner.world.numbering import numbered
from stackctl.secret import Secret
from stackctl.spec.choosing import dependencies_of, select, sharing, table
from stackctl.spec.model import (
    Build,
    Condition,
    Ipam,
    Job,
    Mount,
    NetworkUse,
    Port,
    PullPolicy,
    Service,
    Stack,
)
from stackctl.spec.model.images import is_remote
from stackctl.spec.model.ports import EVERYWHERE
from stackctl.spec.structure import Mistake
from stackctl.spec.text.parts import Text
from stackctl.spec.values import Address, NetworkMode
from stackctl.spelling import did_you_mean

DEFAULT_NETWORK = "default"


def desire(
    stack: Stack,
    *,
    instance: str,
    services: Collection[str] = (),
    profiles: Collection[str] = (),
    dependencies: bool = True,
    publish_host: str | None = "127.0.0.1",
) -> Desired:
    """Decide every name of a stack.

    `services` selects services and what they depend on (unless `dependencies` is false). Without it, all that `profiles` enable
    are selected.
    `publish_host` is the address for ports that name none; None makes such a port an error (an engine on another machine).

    Raises UsageError for an unknown service, or a `publish_host` that is not an address; SpecError for a required dependency that
    no profile enables, for ports without an address, and for two different builds of one image.
    """
    if publish_host is not None:
        _check_address(publish_host)
    chosen = select(stack, services, profiles, dependencies=dependencies)
    naming = Naming(stack, instance)
    problems = [
        *_contradicting_builds(chosen, naming),
        *_unknown_in_builds(stack, chosen),
        *_without_holder(chosen, stack),
    ]
    if publish_host is None:
        problems += _ports_without_address(chosen)
    if problems:
        raise SpecError(problems)
    return Desired(
        project=stack.project,
        instance=instance,
        source=naming.source,
        networks=tuple(_network(key, naming) for key in _used_networks(chosen)),
        volumes=tuple(_volume(key, naming) for key in _used_volumes(chosen) if key in stack.volumes),
        images=_images(stack, chosen, naming),
        containers=tuple(_containers(chosen, naming, publish_host or "")),
        services=chosen,
        named=frozenset(services),
        known=frozenset(stack.everything),
    )


def _check_address(publish_host: str) -> None:
    try:
        Address.parse(publish_host)
    except Mistake as mistake:
        raise UsageError(f"the address to publish ports on: {mistake}", mistake.hint) from mistake


# Networks and volumes


def _network_keys(service: Service) -> tuple[str, ...]:
    if service.network_mode:
        return ()
    return service.joined or (DEFAULT_NETWORK,)


def _used_networks(chosen: Mapping[str, Service]) -> list[str]:
    return sorted({key for service in chosen.values() for key in _network_keys(service)})


def _used_volumes(chosen: Mapping[str, Service]) -> list[str]:
    mounts = [mount for service in chosen.values() for mount in service.volumes]
    return sorted({mount.source for mount in mounts if mount.type == "volume" and mount.source})


def resources(stack: Stack) -> tuple[tuple[DesiredNetwork, ...], tuple[DesiredVolume, ...]]:
    """Every network and volume that the stack names, used or not."""
    naming = Naming(stack, "")
    return tuple(_network(key, naming) for key in stack.networks), tuple(
        _volume(key, naming) for key in stack.volumes
    )


def _network(key: str, naming: Naming) -> DesiredNetwork:
    declared = naming.stack.networks.get(key)
    network = DesiredNetwork(key=key, name=naming.network(key))
    own: dict[str, str] = {}
    if declared:
        own = _texts(declared.labels)
        network = replace(
            network,
            external=declared.external,
            driver=declared.driver or network.driver,
            internal=declared.internal,
            attachable=declared.attachable,
            options=_texts(declared.driver_opts),
            ipam=declared.ipam or Ipam(),
            enable_ipv4=declared.enable_ipv4,
            enable_ipv6=declared.enable_ipv6,
        )
    chosen = network.external or network.driver != USUAL_NETWORK_DRIVER or network.ipam != Ipam()
    if naming.stack.subnets and not chosen:
        services = naming.stack.everything.values()
        members = sum(service.replicas for service in services if key in _network_keys(service))
        network = replace(network, pool=naming.stack.subnets, members=members)
    digest = digests.digest(digests.hidden(network_definition(network, own), naming.instance))
    stackctl = {**naming.labels(key), labels.SOURCE: naming.source, labels.DIGEST: digest}
    return replace(network, digest=digest, labels={**own, **stackctl})


def _volume(key: str, naming: Naming) -> DesiredVolume:
    declared = naming.stack.volumes[key]
    volume = DesiredVolume(
        key=key,
        name=naming.volume(key),
        external=declared.external,
        driver=declared.driver or USUAL_VOLUME_DRIVER,
        options=_texts(declared.driver_opts),
        protect=declared.protect,
    )
    own = _texts(declared.labels)
    digest = digests.digest(digests.hidden(volume_definition(volume, own), naming.instance))
    protect = {labels.PROTECT: "true"} if declared.protect else {}
    return replace(
        volume, digest=digest, labels={**own, **naming.labels(key), labels.DIGEST: digest, **protect}
    )


def _texts(table: Mapping[str, Text]) -> dict[str, str]:
    return dict(table)


# Images


def _images(stack: Stack, chosen: Mapping[str, Service], naming: Naming) -> tuple[Image, ...]:
    """One image for each reference, however many services use it. If one of these services builds it, it is built."""
    images: dict[str, Image] = {}
    for name, service in chosen.items():
        ref = naming.image(name)
        image = images.get(ref) or Image(ref=ref)
        policy = service.pull_policy
        if service.image is None and policy != PullPolicy.build:
            policy = None
        image = replace(
            image,
            services=(*image.services, name),
            policy=policy or image.policy,
            platform=service.platform or image.platform,
        )
        if service.build:
            image = replace(image, build=_build(service, stack, naming))
        images[ref] = image
    for name, service in chosen.items():
        for hook in service.pre_start:
            if hook.image:
                images.setdefault(hook.image, Image(ref=hook.image, services=(name,)))
        for mount in service.volumes:
            if mount.type == "image" and mount.source:
                images.setdefault(mount.source, Image(ref=mount.source, services=(name,)))
    return tuple(_with_live(image, stack, chosen) for image in images.values())


def _with_live(image: Image, stack: Stack, chosen: Mapping[str, Service]) -> Image:
    """The image, with what all of its containers mount of its build's context."""
    if image.build is None or image.build.remote:
        return image
    context = image.build.context
    mounted = [
        {
            "." if context.is_relative_to(source) else str(source.relative_to(context))
            for mount in chosen[name].volumes
            if mount.type == "bind"
            if context.is_relative_to(source := host_path(stack, mount.source or ""))
            or source.is_relative_to(context)
        }
        for name in image.services
    ]
    return replace(image, build=replace(image.build, live=tuple(sorted(set.intersection(*mounted)))))


def _build(service: Service, stack: Stack, naming: Naming) -> DesiredBuild | None:
    if service.build is None:
        return None
    remote = service.build.context if service.build.remote else ""
    contexts = service.build.additional_contexts
    bases = {name: naming.image(base) for name, place in contexts.items() if (base := _base(place))}
    return DesiredBuild(
        context=Path() if remote else host_path(stack, service.build.context),
        remote=remote,
        settings=service.build,
        contexts={
            name: f"docker-image://{bases[name]}"
            if name in bases
            else place
            if "://" in place or is_remote(place)
            else str(host_path(stack, place))
            for name, place in contexts.items()
        },
        secrets=tuple(_build_secrets(service.build, stack)),
        bases=tuple(bases.values()),
        dockerfile=service.build.dockerfile,
        target=service.build.target,
        args={name: value.text for name, value in service.build.args.items() if value.text is not None},
    )


def _build_secrets(build: Build, stack: Stack) -> Iterator[BuildSecret]:
    for use in build.secrets:
        source = stack.secrets[use.source]
        file = str(host_path(stack, source.file)) if source.file else ""
        yield BuildSecret(use.target or use.source, file, source.value or Secret(""))


def _base(place: str) -> str:
    """The service whose image is a further context; "" for any other context."""
    return place.removeprefix("service:") if place.startswith("service:") else ""


def _unknown_in_builds(stack: Stack, chosen: Mapping[str, Service]) -> Iterator[Problem]:
    """Services and secrets that a build names and the file does not have, and secrets that no build can read."""
    for name, service in chosen.items():
        for index, use in enumerate(service.build.secrets if service.build else ()):
            if use.source not in stack.secrets:
                yield Problem(
                    (table(service), name, "build", "secrets", index),
                    f"there is no secret {use.source!r}",
                    did_you_mean(use.source, stack.secrets, f"define it: [secrets.{use.source}]"),
                )
            elif key := stack.secrets[use.source].swarm_only:
                yield Problem(
                    (table(service), name, "build", "secrets", index),
                    f"a build reads the secret {use.source!r}, and {key} leaves its content to a Swarm",
                    "define another secret for the build, with file or environment",
                )
        for context, place in (service.build.additional_contexts if service.build else {}).items():
            if (base := _base(place)) and base not in stack.everything:
                yield Problem(
                    (table(service), name, "build", "additional_contexts", context),
                    f"there is no service {base!r}",
                    did_you_mean(base, stack.everything, "name a service of the stack"),
                )


def _contradicting_builds(chosen: Mapping[str, Service], naming: Naming) -> Iterator[Problem]:
    first: dict[str, str] = {}
    for name, service in chosen.items():
        if service.build:
            ref = naming.image(name)
            other = first.setdefault(ref, name)
            if chosen[other].build != service.build:
                yield Problem(
                    (table(service), name, "build"),
                    f"{name} and {other} build the image {ref!r} differently",
                    "give one another name",
                )


# Containers


def _containers(
    chosen: Mapping[str, Service], naming: Naming, publish_host: str
) -> Iterator[DesiredContainer]:
    """The containers of each service, numbered from 1."""
    for name, service in chosen.items():
        if service.replicas:
            first = _container(name, chosen, naming, publish_host)
            numbers = range(1, service.replicas + 1)
            yield from (numbered(first, number, naming.container(name, number)) for number in numbers)


_WHAT = {"network_mode": "network", "ipc": "memory", "pid": "processes", "volumes_from": "volumes"}


def _without_holder(chosen: Mapping[str, Service], stack: Stack) -> Iterator[Problem]:
    for name, service in chosen.items():
        for key, holder in sharing(service) if service.replicas else ():
            if key in _WHAT and not stack.everything[holder].replicas:
                yield Problem(
                    (table(service), name, key),
                    f"{name} shares the {_WHAT[key]} of {holder}, which is scaled to 0",
                    f"give {holder} a container, or scale {name} to 0 as well",
                )


def _container(
    name: str, chosen: Mapping[str, Service], naming: Naming, publish_host: str
) -> DesiredContainer:
    service = chosen[name]
    job = service if isinstance(service, Job) else None
    container = DesiredContainer(
        name=naming.container(name),
        service=name,
        kind=service.KIND,
        image=naming.image(name),
        settings=service,
        command=service.command.argv if service.command else None,
        entrypoint=service.entrypoint.argv if service.entrypoint else None,
        environment=service.resolved,
        ports=tuple(p for index, port in enumerate(service.ports) for p in _ports(port, index, publish_host)),
        mounts=(
            *(_mount(mount, naming) for mount in service.volumes),
            *(DesiredMount(type="tmpfs", target=t.path, tmpfs_options=t.options) for t in service.tmpfs),
            *(DesiredMount(type="volume", target=path, contents=True) for path in service.volumes_for_files),
        ),
        files=tuple(_files(service, naming.stack)),
        networks=tuple(_attachments(name, service, naming)),
        network_mode=_mode(service.network_mode, naming),
        ipc=_mode(service.ipc, naming),
        pid=_mode(service.pid, naming),
        volumes_from=tuple(_volumes_from(service, naming)),
        restart="no" if job else service.restarts.policy,
        restart_times=0 if job else service.restarts.times,
        grace=grace(service),
        healthcheck=healthcheck(service),
        needs=tuple(_needs(service, chosen)),
        probes=tuple(probes(service)),
        timing=timing(service.healthcheck),
        always=job is not None and not job.inputs and any(mount.type == "bind" for mount in job.volumes),
    )
    definition = container_definition(container, job.inputs_digest if job else "", naming.instance)
    digest = digests.digest(definition)
    stackctl = {
        **naming.labels(name),
        labels.NUMBER: str(container.number),
        labels.KIND: container.kind,
        labels.DIGEST: digest,
        labels.SOURCE: naming.source,
        labels.COMPOSE_PROJECT: naming.stack.project,
        labels.COMPOSE_SERVICE: name,
        labels.COMPOSE_NUMBER: str(container.number),
        labels.COMPOSE_ONEOFF: "False",
    }
    return replace(
        container, labels={**_texts(service.labels), **stackctl}, digest=digest, definition=definition
    )


def _files(service: Service, stack: Stack) -> Iterator[DesiredFile]:
    """The secrets and configs of a container. A content that could not be read counts as empty."""
    for section, use, source in stack.files_of(service):
        yield DesiredFile(
            section=section,
            key=use.source,
            target=use.path,
            content=source.value or Secret(""),
            source=source,
            base=service.base_of(use.path),
            uid=use.uid,
            gid=use.gid,
            mode=use.mode,
        )


def _attachments(name: str, service: Service, naming: Naming) -> Iterator[Attachment]:
    """The networks of a container. In each it answers to the name of its service, its own name and its aliases."""
    for key in _network_keys(service):
        use = service.networks.get(key)
        names = (name, naming.container(name), *(use.aliases if use else ()))
        links = tuple(_links(service, naming))
        yield Attachment(
            naming.network(key),
            tuple(dict.fromkeys(names)),
            links,
            replace(use, aliases=()) if use else NetworkUse(),
        )


def _mode(mode: NetworkMode | None, naming: Naming) -> str | None:
    """The mode with the name of the container instead of that of the service."""
    if mode is None:
        return None
    return f"container:{naming.container(mode.service)}" if mode.service else str(mode)


def _volumes_from(service: Service, naming: Naming) -> Iterator[str]:
    for each in service.volumes_from:
        name = each.name if each.container else naming.container(each.name)
        yield f"{name}:ro" if each.read_only else name


def _links(service: Service, naming: Naming) -> Iterator[str]:
    yield from (f"{naming.container(link.name)}:{link.alias}" for link in service.links)
    yield from (f"{link.name}:{link.alias}" for link in service.external_links)


def _needs(service: Service, chosen: Mapping[str, Service]) -> Iterator[Need]:
    for other, dependency in dependencies_of(service).items():
        if other in chosen:
            condition = dependency.condition
            if condition is Condition.ready and isinstance(chosen[other], Job):
                condition = Condition.completed
            yield Need(other, condition, dependency.required, dependency.restart)


def _mount(mount: Mount, naming: Naming) -> DesiredMount:
    source = mount.source or ""
    if mount.type == "bind":
        source = str(host_path(naming.stack, source))
    elif source and mount.type == "volume":
        source = naming.volume(source)
    bind, volume, tmpfs = mount.bind, mount.volume, mount.tmpfs
    return DesiredMount(
        type=mount.type,
        source=source,
        target=mount.target,
        read_only=mount.read_only,
        nocopy=bool(volume and volume.nocopy),
        create_host_path=bool(bind and bind.create_host_path),
        selinux=(bind and bind.selinux) or "",
        propagation=(bind and bind.propagation) or "",
        recursive=(bind and bind.recursive) or "",
        subpath=(volume and volume.subpath) or (mount.image and mount.image.subpath) or "",
        own_labels=_texts(volume.labels) if volume else {},
        tmpfs_size=tmpfs.size.bytes if tmpfs and tmpfs.size else None,
        tmpfs_mode=tmpfs.mode if tmpfs else None,
    )


def host_path(stack: Stack, path: str) -> Path:
    """A path of the host, relative to the stack's directory, without symbolic links."""
    given = Path(path).expanduser() if path.startswith("~") else Path(path)  # `./~x` is a file here
    return (stack.directory / given).resolve()


def _ports(port: Port, index: int, publish_host: str) -> Iterator[DesiredPort]:
    """A range of container ports becomes one port each; a host range for one container port stays a range."""
    count = len(port.target)
    for offset in range(count):
        if port.published is None:
            published = ""
        elif count > 1 or len(port.published) == 1:
            published = str(port.published.first + offset)
        else:
            published = str(port.published)
        yield DesiredPort(
            target=port.target.first + offset,
            protocol=port.protocol,
            host_ip="" if port.host_ip == EVERYWHERE else port.host_ip or publish_host,
            published=published,
            index=index,
        )


def _ports_without_address(chosen: Mapping[str, Service]) -> Iterator[Problem]:
    for name, service in chosen.items():
        for index, port in enumerate(service.ports):
            if port.host_ip is None:
                yield Problem(
                    (table(service), name, "ports", index),
                    f"port {port.target} names no address, and the engine runs on another machine",
                    'write "ADDRESS:HOST_PORT:PORT", or say it for all with --publish-host',
                )
