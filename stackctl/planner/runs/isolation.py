"""A copy of a stack that can run beside the original: for tests, and for several checkouts on one machine."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import TypeVar

from msgspec import structs

from stackctl.errors import Problem, SpecError
from stackctl.planner.world.naming import Naming
from stackctl.spec.image_ref import ImageRef
from stackctl.spec.known_images import BUILT_IN
from stackctl.spec.model import Job, Mount, NetworkUse, Port, Service, Stack
from stackctl.spec.model.ports import HostAddress
from stackctl.spec.server import connection, server
from stackctl.spec.values import Command, PortRange, Tmpfs

_S = TypeVar("_S", bound=Service)


HostPorts = Mapping[tuple[str, int, str], int]
"""Host ports by service, port of the container and protocol."""


def isolate(
    stack: Stack,
    project: str,
    *,
    marks: Mapping[str, str] | None = None,
    subnets: str = "",
    host_ports: HostPorts | None = None,
    file_ports: bool = False,
    own_images: bool = True,
    memory: bool = False,
    durable: bool = False,
    allow_external_volumes: bool = False,
    allow_data_binds: bool = False,
) -> Stack:
    """The same stack as a separate project.

    Host ports become those of `host_ports`, else free ones, on loopback alone; `file_ports`: those that the file gives stay. The ports of known servers, and those at which
    checks ask, are published as well: tests run outside of the containers. A `container_name` becomes an alias. Explicit names
    of networks and volumes get the project as prefix. `marks` are labels for all that is made. `subnets` is the pool for its networks
    (`Stack.subnets`).

    `own_images`: images that are built get a tag of their own, so that the stack's own tag does not move. `memory`: known
    servers keep their data in memory. `durable`: known servers write their data as safely as in production; else a crash of the
    machine may destroy them. External volumes, and writable host directories where a known image keeps its data, are
    refused unless allowed: a test must not write to the data of others.

    Raises SpecError naming every refused volume and mount.
    """
    problems = []
    if not allow_external_volumes:
        problems += [
            Problem(
                ("volumes", key),
                f"volume {key} is external: an isolated run would write to data of others",
                "allow it: allow_external_volumes=True, or --allow-external-volumes of stackctl with",
            )
            for key, volume in stack.volumes.items()
            if volume.external
        ]
    if not allow_data_binds:
        for name, service in stack.everything.items():
            problems += [
                Problem(
                    ("jobs" if name in stack.jobs else "services", name, "volumes", index),
                    f"{mount.source} is mounted writable where {service.image} keeps its data",
                    "use a named volume, or allow it: allow_data_binds=True, or --allow-data-binds of stackctl with",
                )
                for index, mount in enumerate(service.volumes)
                if binds_data(service, mount)
            ]
    if problems:
        raise SpecError(problems)

    tags = _test_tags(stack) if own_images else {}
    naming = Naming(stack, instance="")

    def isolated(name: str, service: _S) -> _S:
        service = _in_memory(service) if memory else service
        service = service if durable else _not_durable(service)
        ports = tuple(
            _on_loopback(
                port if file_ports and port.published else _with_host_port(port, name, host_ports or {})
            )
            for port in _ports(service, file_ports=file_ports)
        )
        image = naming.image(name)
        return structs.replace(service, image=tags.get(ImageRef.parse(image).tagged, image), ports=ports)

    return apart(
        structs.replace(
            stack,
            services={name: isolated(name, service) for name, service in stack.services.items()},
            jobs={name: isolated(name, job) for name, job in stack.jobs.items()},
        ),
        project,
        marks or {},
        subnets,
    )


def apart(stack: Stack, project: str, marks: Mapping[str, str], subnets: str) -> Stack:
    """The same stack as another project that shares no name with it: a `container_name` becomes an alias, explicit names of networks
    and volumes get the project as prefix. Fixed addresses are dropped: two stacks cannot have the same ones at a time. `marks` are
    labels for all that is made, `subnets` is the pool for its networks (`Stack.subnets`).
    """
    return structs.replace(
        stack,
        project=project,
        marks=marks,
        subnets=subnets,
        services={name: _anywhere(_unnamed(service)) for name, service in stack.services.items()},
        jobs={name: _anywhere(_unnamed(job)) for name, job in stack.jobs.items()},
        networks={
            k: n if n.external else structs.replace(n, name=n.name and f"{project}_{n.name}", ipam=None)
            for k, n in stack.networks.items()
        },
        volumes={
            k: v if v.external else structs.replace(v, name=v.name and f"{project}_{v.name}")
            for k, v in stack.volumes.items()
        },
    )


def published(stack: Stack, *, file_ports: bool = False) -> Iterator[tuple[str, int, str]]:
    """The single ports (not ranges) for which an isolated stack needs a host port: service, port of the container and protocol.

    For a service with several containers, the engine chooses the ports.
    """
    for name, service in stack.everything.items():
        for port in _ports(service, file_ports=file_ports) if service.replicas == 1 else ():
            if _is_one(port) and not (file_ports and port.published):
                yield name, port.target.first, port.protocol


def _test_tags(stack: Stack) -> dict[str, str]:
    """The tags under which tests build the images of a stack, by those under which `up` builds them.

    A tag is the same for every run in the same directory that builds the same way, because an old builder has no other cache than
    the images that are there. Another directory has another tag: its files may differ.
    """
    naming = Naming(stack, instance="")
    tags = {}
    for name, service in stack.everything.items():
        if build := service.build:
            ref = ImageRef.parse(naming.image(name)).tagged
            args = {key: value.text for key, value in build.args.items()}
            way = [str(stack.directory), build.context, build.dockerfile, build.target, args]
            digest = hashlib.sha256(json.dumps(way, sort_keys=True).encode()).hexdigest()[:8]
            tags[ref] = f"{ref.rpartition(':')[0]}:test-{digest}"
    return tags


def _unnamed(service: _S) -> _S:
    """The service without its `container_name`, which becomes an alias in its networks."""
    networks = service.networks
    if service.container_name and not service.network_mode:
        uses = networks or {"default": NetworkUse()}
        networks = {
            key: structs.replace(use, aliases=(*use.aliases, service.container_name))
            for key, use in uses.items()
        }
    return structs.replace(service, container_name=None, networks=networks)


def _anywhere(service: _S) -> _S:
    """The service without fixed addresses: two stacks cannot have the same ones at a time."""
    free = {
        key: structs.replace(use, ipv4_address=None, ipv6_address=None, mac_address=None)
        for key, use in service.networks.items()
    }
    return structs.replace(service, networks=free, mac_address=None)


def _ports(service: Service, *, file_ports: bool) -> Iterator[Port]:
    """The ports of the service, with those that a test will want to reach: the port of its server, and those of its check. A port
    of the container comes once, except at different ports of the host that stay.
    """
    check = service.healthcheck
    known = connection(service)
    ports = service.ports
    if service.network_mode is None and not isinstance(service, Job):
        wanted = [known and known.port, check and check.tcp, check and check.http and check.http.port]
        ports += tuple(Port(target=PortRange(number, number)) for number in wanted if number)
    seen: set[tuple[int, str]] = set()
    for port in ports:
        numbers = {(n, port.protocol) for n in port.target.numbers}
        if not numbers <= seen or (file_ports and port.published):
            seen |= numbers
            yield port


def _is_one(port: Port) -> bool:
    return len(port.target) == 1


def _with_host_port(port: Port, service: str, chosen: HostPorts) -> Port:
    number = chosen.get((service, port.target.first, port.protocol)) if _is_one(port) else None
    return structs.replace(port, published=PortRange(number, number) if number else None)


def _on_loopback(port: Port) -> Port:
    return structs.replace(port, host_ip=port.host_ip and HostAddress("127.0.0.1"))


def _in_memory(service: _S) -> _S:
    """The service with the data of its server in memory. They are gone when the container stops."""
    known = server(service)
    command = service.command.argv if service.command else None
    path = next(iter(known.data_paths(service.resolved, command)), None) if known else None
    if path is None or any(tmpfs.path.rstrip("/") == path for tmpfs in service.tmpfs):
        return service
    elsewhere = tuple(mount for mount in service.volumes if mount.target.rstrip("/") != path)
    return structs.replace(service, volumes=elsewhere, tmpfs=(*service.tmpfs, Tmpfs(path)))


def _not_durable(service: _S) -> _S:
    """The service with a server that does not wait until its data are on the disk.

    A service without a command gets one only if the image is one of Docker Hub: a registry of somebody's own may have an image of
    the same name with another command.
    """
    known = server(service)
    if known is None or not known.in_tests or service.entrypoint or service.image is None:
        return service
    if service.command:
        command = service.command.argv
    elif BUILT_IN.of(service.image) and not ImageRef.parse(service.image).registry:
        command = known.programs[:1]
    else:
        return service
    return structs.replace(service, command=Command(known.command_in_tests(command)))


def binds_data(service: Service, mount: Mount) -> bool:
    """Whether a writable host directory is mounted where the service's image is known to keep its data."""
    known = service.known
    return bool(
        known and mount.type == "bind" and not mount.read_only and mount.target.rstrip("/") in known.data
    )
