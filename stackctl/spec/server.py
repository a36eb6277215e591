"""The server that a service runs, as far as its image is known."""

from __future__ import annotations

from stackctl.spec.known import Connection, KnownImage, known_image
from stackctl.spec.model import Service


def server(service: Service) -> KnownImage | None:
    """The known image whose server it runs. Of an image built here nothing is known, whatever its name."""
    known = known_image(service.image) if service.image and not service.build else None
    command = service.command.argv if service.command else None
    entrypoint = service.entrypoint.argv if service.entrypoint else None
    return known if known and known.runs_server(command, entrypoint) else None


def connection(service: Service) -> Connection | None:
    """How clients reach that server and log in."""
    known = server(service)
    command = service.command.argv if service.command else None
    return known.connection(service.resolved, command) if known else None
