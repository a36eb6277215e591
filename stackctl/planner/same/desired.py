"""A stack as a side of a comparison."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from stackctl.planner.same import normal
from stackctl.planner.same.normal import Values
from stackctl.planner.same.side import Generated, KeyPath, Kind, Side, Thing, Unknown, opened
from stackctl.planner.world.definition import network_definition, volume_definition
from stackctl.planner.world.desire import desire, resources
from stackctl.planner.world.desired import (
    Desired,
    DesiredBuild,
    DesiredContainer,
    DesiredMount,
    DesiredNetwork,
    DesiredVolume,
)
from stackctl.spec import plain_keys
from stackctl.spec.choosing import table
from stackctl.spec.model import Hook, InitHook, Job, Service, Stack
from stackctl.spec.model.files import FileMode
from stackctl.spec.selection import Selection
from stackctl.spec.source.reading import placing
from stackctl.spec.structure import told
from stackctl.spec.text.parts import Part
from stackctl.spec.values import Command

OF_STACKCTL = (
    *("depends_on", "kind", "inputs", "pull_policy", "attach"),
    *("secrets", "configs", "pre_start", "post_start", "pre_stop", "protect"),
)
"""The keys that only stackctl reads. Neither a container nor a script of `docker` commands tells them."""
OF_NETWORKS = "in_networks"
"""How a container takes part in its networks, apart from names and addresses: `("in_networks", NETWORK, KEY)`."""


def side_of(stack: Stack, selection: Selection | None = None) -> Side:
    """What `up` makes of a stack. Raises SpecError for a selection that cannot work."""
    desired = _desired(stack, selection or Selection())
    return Side(
        things=(*_containers(desired), *_resources(desired, desired.networks, desired.volumes)),
        directory=stack.directory.resolve(),
    )


def side_with_all(stack: Stack) -> Side:
    """All that stands in a stack, also networks and volumes that no service uses."""
    desired = _desired(stack, Selection())
    return Side(
        things=(*_containers(desired), *_resources(desired, *resources(stack))),
        directory=stack.directory.resolve(),
    )


def _desired(stack: Stack, selection: Selection) -> Desired:
    with placing(stack):
        return desire(
            stack,
            instance="",
            services=selection.services,
            profiles=selection.profiles,
            dependencies=selection.dependencies,
            publish_host=selection.publish_host or "127.0.0.1",
        )


def _containers(desired: Desired) -> Iterator[Thing]:
    builds = {image.ref: image.build for image in desired.images}
    keys = {network.name: network.key for network in desired.networks}
    return (container_thing(want, builds.get(want.image), keys) for want in desired.containers)


def _resources(
    desired: Desired, networks: Iterable[DesiredNetwork], volumes: Iterable[DesiredVolume]
) -> Iterator[Thing]:
    for network in networks:
        yield resource_thing(network, desired.project)
    for volume in volumes:
        yield resource_thing(volume, desired.project)


def container_thing(
    want: DesiredContainer, build: DesiredBuild | None = None, networks: Mapping[str, str] = {}
) -> Thing:
    """A container as it should be. `networks`: their keys in the file by name."""
    service = want.settings
    values: Values = {
        **_image(want, build),
        **{("environment", name): text for name, text in want.environment.items()},
        **normal.own_labels(service.labels),
        **normal.ports((f"{p.target}/{p.protocol}", p.host_ip, p.published) for p in want.ports),
        **normal.expose(
            normal.expanded(service.expose), {f"{port.target}/{port.protocol}" for port in want.ports}
        ),
        **{("volumes", mount.target): _mount(mount) for mount in want.mounts},
        **{("networks", place.network): place.aliases for place in want.networks},
        **{
            ("addresses", place.network): tuple(address for _, address in place.use.addresses)
            for place in want.networks
            if place.use.addresses
        },
        **normal.healthcheck(want.healthcheck),
        **dict(_of_stackctl(want)),
    }
    if want.command is not None:
        values["command",] = list(want.command)
    if want.entrypoint is not None:
        values["entrypoint",] = list(want.entrypoint)
    if want.network_mode:
        values["network_mode",] = want.network_mode
    values |= normal.shared(ipc=want.ipc, pid=want.pid)
    values |= {("volumes_from", name): True for name in want.volumes_from}
    for place in want.networks:
        use = told(place.use).items()
        values |= {
            (OF_NETWORKS, place.network, name): plain_keys.bare(value)
            for name, value in use
            if name not in ("aliases", "ipv4_address", "ipv6_address", "priority")
            and (name != "mac_address" or place is not want.networks[0])
        }
    own = {link.alias for link in service.links if link.alias == link.name}  # others know it so, too
    for place in want.networks[:1]:
        values |= normal.plain("mac_address", place.use.mac_address or service.mac_address)
        values |= {("links", link): True for link in place.links if link.partition(":")[2] not in own}
    if service.platform:
        values["platform",] = service.platform
    values["restart",] = want.restart + (f":{want.restart_times}" if want.restart_times else "")
    values["stop_grace_period",] = float(want.grace)
    values["init",] = Unknown() if service.init is None else service.init
    lines = dict(plain_keys.lines(service))
    for name, line in plain_keys.bodies().items():
        values |= normal.plain(name, lines.get(line))
    return Thing(
        kind="container",
        key=want.service,
        name=want.name,
        chosen=service.container_name is not None,
        values={
            key: opened(value, _unset)
            for key, value in values.items()
            if key[0] == "environment" or normal.USUAL.get(key) != value
        },
        path=(table(service), want.service),
        at=dict(_places(service, want, networks)),
    )


def _unset(part: Part) -> str | None:
    """The variable of a part that has no value, as in a stack that is only looked at."""
    return part.variable.name if part.variable and not (part.variable.place or part.text) else None


def _image(want: DesiredContainer, build: DesiredBuild | None) -> Values:
    """The image. Where it is built and nobody has named it, its name follows from the project: then what it is built from counts."""
    named = want.settings.image is not None
    ref = normal.image(want.image)
    values: Values = {("image",): ref if named else Generated(ref)}
    return values | (dict(_build(build)) if build else {})


def _build(build: DesiredBuild) -> Iterator[tuple[KeyPath, Any]]:
    """What an image is built from, and how."""
    decided: dict[str, Any] = {
        "context": build.remote or build.context,
        "dockerfile": normal.dockerfile(build.context, build.dockerfile),
        "args": build.args,
        "additional_contexts": {
            name: build.contexts[name] if not place.startswith("service:") else place
            for name, place in build.settings.additional_contexts.items()
        },
        "secrets": {secret.id: secret.content for secret in build.secrets},
    }
    for name, value in (told(build.settings) | decided).items():
        if isinstance(value, Mapping):
            yield from ((("build", name, key), plain_keys.bare(item)) for key, item in value.items())
        else:
            yield ("build", name), plain_keys.bare(value)


def _mount(mount: DesiredMount) -> dict[str, Any]:
    return normal.mount(
        mount.type,
        mount.source,
        read_only=mount.read_only,
        nocopy=mount.nocopy,
        selinux=mount.selinux,
        propagation=mount.propagation,
        recursive="" if mount.recursive == "enabled" else mount.recursive,
        subpath=mount.subpath,
        size=mount.tmpfs_size,
        mode=mount.tmpfs_mode,
        options=mount.tmpfs_options,
        labels=dict(mount.own_labels),
    )


def _of_stackctl(want: DesiredContainer) -> Iterator[tuple[KeyPath, Any]]:
    """What only stackctl reads."""
    for need in want.needs:
        words = [str(need.condition)]
        words += ["not required"] if not need.required else []
        words += ["restart"] if need.restart else []
        yield ("depends_on", need.service), " ".join(words)
    if want.kind != "service":
        yield ("kind",), want.kind
    service = want.settings
    if isinstance(service, Job) and service.inputs:
        yield ("inputs",), sorted(service.inputs)
    for name, usual in (("attach", True), ("pull_policy", None)):
        if (value := getattr(service, name)) != usual:
            yield (name,), plain_keys.bare(value)
    for file in want.files:
        yield (file.section, file.target), file.content
        for name in ("uid", "gid"):
            if number := getattr(file, name):
                yield (file.section, file.target, name), number
        if file.mode != FileMode(0o444):
            yield (file.section, file.target, "mode"), str(FileMode(file.mode))
    for moment in ("pre_start", "post_start", "pre_stop"):
        for index, hook in enumerate(getattr(service, moment)):
            yield from _hook(hook, (moment, index))
    check = service.healthcheck
    for name in ("tcp", "http", "log"):
        if check and (value := getattr(check, name)) is not None:
            yield ("healthcheck", name), str(value)


def _hook(hook: Hook | InitHook, key: KeyPath) -> Iterator[tuple[KeyPath, Any]]:
    for name, value in told(hook).items():
        match value:
            case Command(argv):
                yield (*key, name), list(argv)
            case Mapping():
                yield from (((*key, name, variable), given.text) for variable, given in value.items())
            case _:
                yield (*key, name), value


def _places(
    service: Service, want: DesiredContainer, networks: Mapping[str, str]
) -> Iterator[tuple[KeyPath, KeyPath]]:
    """Where values stand in the file whose own key is not their key there."""
    for place in want.networks:
        where = ("networks", networks.get(place.network, place.network))
        yield ("networks", place.network), where
        yield ("addresses", place.network), where
        for name in told(place.use):
            yield (OF_NETWORKS, place.network, name), (*where, name)
    for file in want.files:
        uses = getattr(service, file.section)
        index = next(index for index, use in enumerate(uses) if use.path == file.target)
        yield (file.section, file.target), (file.section, index)
        for name in ("uid", "gid", "mode"):
            yield (file.section, file.target, name), (file.section, index, name)
    for port in want.ports:
        yield ("ports", f"{port.target}/{port.protocol}"), ("ports", port.index)
    for index, mount in enumerate(service.volumes):
        yield ("volumes", mount.target), ("volumes", index)
    for index, tmpfs in enumerate(service.tmpfs):
        yield ("volumes", tmpfs.path), ("tmpfs", index)
    for index, ports in enumerate(service.expose):
        for exposed in normal.expanded([ports]):
            yield ("expose", exposed), ("expose", index)


def resource_thing(want: DesiredNetwork | DesiredVolume, project: str) -> Thing:
    """A network or volume as it should be. Of an external one nothing counts but that it is there already."""
    kind: Kind = "network" if isinstance(want, DesiredNetwork) else "volume"
    definition = (
        network_definition(want, want.labels)
        if isinstance(want, DesiredNetwork)
        else volume_definition(want, want.labels)
    )
    return Thing(
        kind=kind,
        key=want.key,
        name=want.name,
        chosen=want.name != f"{project}_{want.key}",
        values={("external",): True} if want.external else normal.resource(definition) | _protected(want),
        path=(f"{kind}s", want.key),
    )


def _protected(want: DesiredNetwork | DesiredVolume) -> Values:
    return {("protect",): True} if isinstance(want, DesiredVolume) and want.protect else {}
