"""A container beside that of a service, in which a person looks around: from which image it is made, and what it shares."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct
from msgspec.structs import replace

from stackctl.planner.world.desired import Desired, DesiredMount
from stackctl.planner.world.inspected import Inspected
from stackctl.spec.image_ref import ImageRef
from stackctl.spec.model import Job, Service, Stack

SHELL = "/bin/sh"
SHELLS = ("/bin/bash", SHELL)
"""The shells that a person gets, the first that the image has."""
_WITH_SHELL = ("busybox", "alpine", "debian", "ubuntu", "fedora", "rockylinux", "almalinux", "amazonlinux")
"""Images that have a shell, the smallest first."""
_SHARED = "container:"


class DebugTarget(Struct, frozen=True, kw_only=True):
    """The container that is looked into."""

    container: Inspected

    @property
    def runs(self) -> bool:
        """Whether its namespaces can be shared: between two attempts of a restart it has none."""
        return self.container.state in ("running", "paused")


def image_with_shell(refs: Iterable[str]) -> str | None:
    """The image, of those that are here, that is sure to have a shell; None if there is none. The same images give the same one."""
    found = {
        (_WITH_SHELL.index(name), ref): ref
        for ref in refs
        if not ref.startswith("sha256:") and "@" not in ref
        for name in [ImageRef.parse(ref).repository.removeprefix("docker.io/").removeprefix("library/")]
        if name in _WITH_SHELL
    }
    return found[min(found)] if found else None


def debugged(stack: Stack, name: str, image: str, target: DebugTarget | None) -> Stack:
    """The stack in which the service is what a container beside it should be. Beside a container that runs it is a plain one, so that
    the limits and rights of the service do not bind a person who looks around; else it is the service, with that image.
    """
    service = stack.everything[name]
    if target and target.runs:
        own = Service(
            image=image,
            resolved=service.resolved,
            working_dir=service.working_dir,
            cap_add=("SYS_PTRACE",),  # without it /proc/1/root of another user cannot be entered
            known_images=service.known_images,
        )
        jobs = {key: job for key, job in stack.jobs.items() if key != name}
        return replace(stack, services={**stack.services, name: own}, jobs=jobs)
    own = replace(
        service, image=image, build=None, healthcheck=None, depends_on={}, post_start=(), pre_start=()
    )
    if isinstance(own, Job):
        return replace(stack, jobs={**stack.jobs, name: own})
    return replace(stack, services={**stack.services, name: own})


def with_target(desired: Desired, target: DebugTarget) -> Desired:
    """The one-off of a stack, which is its last container, with the volumes of the target, and in its network and process namespaces
    if it runs.
    """
    *others, own = desired.containers
    mounts = tuple(
        DesiredMount(
            type=mount.type, source=mount.name or mount.source, target=mount.target, read_only=mount.read_only
        )
        for mount in target.container.mounts
        if mount.name or mount.source
    )
    own = replace(own, mounts=mounts, files=())
    if target.runs:
        mode = target.container.network_mode
        network = mode if mode.startswith((_SHARED, "host", "none")) else f"{_SHARED}{target.container.id}"
        own = replace(own, networks=(), network_mode=network, pid=f"{_SHARED}{target.container.id}")
        return replace(desired, containers=(*others, own), networks=(), volumes=())
    return replace(desired, containers=(*others, own))
