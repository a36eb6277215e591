"""Rules about who may reach a container, and what it is made from."""

from collections.abc import Iterator

from stackctl.errors import Problem
from stackctl.spec.image_ref import ImageRef
from stackctl.spec.lint.subject import Subject
from stackctl.spec.model.ports import EVERYWHERE
from stackctl.spec.values import read_address

_WEB_SERVERS = frozenset({"nginx"})
_PRIVILEGED_PORTS = 1024


def public_databases(subject: Subject) -> Iterator[Problem]:
    """A database or queue is published on every address of the machine: `0.0.0.0`.

    Everybody on the network can try to log in. Docker writes its own firewall rules, so that `ufw` does not help. Other
    containers need no published port, and an address that the file leaves out means 127.0.0.1.

    Fix: remove the address, or the port.

    Evidence: 29 databases in 17 public compose files; moby/moby#4737 and #22054.
    """
    for member in subject.members:
        known = member.server
        if not known or known.name in _WEB_SERVERS:
            continue
        for index, port in enumerate(member.service.ports):
            if port.host_ip and (port.host_ip == EVERYWHERE or read_address(port.host_ip)[2]):
                door = f"127.0.0.1:{port.published or ''}:{port.target}"
                yield Problem(
                    (*member.path, "ports", index),
                    f"everybody on the network can reach {known.name}: it is published on every address",
                    f'write "{door}" for this machine only; containers need no published port',
                )


def privileged_ports(subject: Subject) -> Iterator[Problem]:
    """A port below 1024 is published.

    Without root (rootless Docker, Podman) such a port is refused, unless the machine is told to allow it.

    Fix: publish a port above 1023, such as 8080.

    Evidence: 27 such ports in 14 public compose files, so this is only a remark.
    """
    for member in subject.members:
        for index, port in enumerate(member.service.ports):
            if port.published and port.published.first < _PRIVILEGED_PORTS:
                yield Problem(
                    (*member.path, "ports", index),
                    f"port {port.published} of the host needs root: a rootless engine refuses it",
                    f"publish a port above {_PRIVILEGED_PORTS - 1}",
                )


def unpinned_images(subject: Subject) -> Iterator[Problem]:
    """An image has no tag, or the tag `latest`.

    The next pull may bring another version, which may refuse the data of the version before. Other people may run another
    version than you.

    Fix: write a version: `postgres:15`.

    Evidence: 77 to 109 of 410 images in public compose files, so this is only a remark.
    """
    for member in subject.members:
        if not member.service.image or member.service.build:
            continue
        image = ImageRef.parse(member.service.image)
        if not image.digest and image.tag in ("", "latest"):
            what = "the tag latest" if image.tag else "no tag"
            yield Problem(
                (*member.path, "image"),
                f"{image.familiar} has {what}: the next pull may bring another version",
                "write a version as the tag",
            )
