"""A stack changed so that it can run beside itself: for tests, and for two clones on one machine."""

from __future__ import annotations

import dataclasses
from typing import TypeVar

from stackctl.errors import Problem, SpecError
from stackctl.spec.known import known_image
from stackctl.spec.model import Mount, NetworkUse, Service, Stack


def isolate(
    stack: Stack, project: str, *, allow_external_volumes: bool = False, allow_data_binds: bool = False
) -> Stack:
    """The same stack as a project of its own.

    Host ports become free ones, a `container_name` becomes an alias, explicit names of networks and volumes get the project
    as prefix. External volumes, and writable host directories where a known image keeps its data, are refused unless allowed:
    a test must not write to what somebody else relies on.

    Raises SpecError naming every refused volume and mount.
    """
    problems = []
    if not allow_external_volumes:
        problems += [
            Problem(
                ("volumes", key),
                f"volume {key} is external: an isolated run would write to data of others",
                "allow_external_volumes=True",
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
                    "use a named volume, or allow_data_binds=True",
                )
                for index, mount in enumerate(service.volumes)
                if _binds_data(service, mount)
            ]
    if problems:
        raise SpecError(problems)
    return dataclasses.replace(
        stack,
        project=project,
        services={
            name: _isolated(service, f"{stack.project}-{name}") for name, service in stack.services.items()
        },
        jobs={name: _isolated(job, f"{stack.project}-{name}") for name, job in stack.jobs.items()},
        networks={
            k: n if n.external else dataclasses.replace(n, name=n.name and f"{project}_{n.name}")
            for k, n in stack.networks.items()
        },
        volumes={
            k: v if v.external else dataclasses.replace(v, name=v.name and f"{project}_{v.name}")
            for k, v in stack.volumes.items()
        },
    )


_S = TypeVar("_S", bound=Service)


def _isolated(service: _S, image: str) -> _S:
    """The service without a name or port of its own. Its built image keeps the name, so that it is built only once."""
    networks = service.networks
    if service.container_name and not service.network_mode:
        uses = networks or {"default": NetworkUse()}
        networks = {
            key: dataclasses.replace(use, aliases=(*use.aliases, service.container_name))
            for key, use in uses.items()
        }
    return dataclasses.replace(
        service,
        image=service.image or image,
        container_name=None,
        networks=networks,
        ports=tuple(
            dataclasses.replace(port, published=None, host_ip=port.host_ip and "127.0.0.1")
            for port in service.ports
        ),
    )


def _binds_data(service: Service, mount: Mount) -> bool:
    known = known_image(service.image or "")
    return bool(
        known and mount.type == "bind" and not mount.read_only and mount.target.rstrip("/") in known.data
    )
