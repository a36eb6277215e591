"""The server that a service runs, if its image is known."""

from __future__ import annotations

from stackctl.spec.known import Connection, KnownImage
from stackctl.spec.model import Service


def server(service: Service) -> KnownImage | None:
    """The known image whose server the service runs, else None. An image that is built here is never known."""
    known = None if service.build else service.known
    command = service.command.argv if service.command else None
    entrypoint = service.entrypoint.argv if service.entrypoint else None
    return known if known and known.runs_server(command, entrypoint) else None


def connection(service: Service) -> Connection | None:
    """How clients reach the service's server and log in; None if the server is not known."""
    known = server(service)
    command = service.command.argv if service.command else None
    return known.connection(service.resolved, command) if known else None
