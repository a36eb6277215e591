"""Faults: a service that is paused, stopped, killed, restarted or cut off for the length of a `with` block, and ready after it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from stackctl.errors import EngineError, UsageError
from stackctl.planner.steps.actions import (
    ConnectNetwork,
    DisconnectNetwork,
    KillContainer,
    PauseContainer,
    StartContainer,
    StopContainer,
    UnpauseContainer,
)
from stackctl.planner.up.waits import wait_for
from stackctl.planner.world import observed as seen
from stackctl.planner.world.desired import Container, Desired
from stackctl.planner.world.naming import Naming
from stackctl.spec.server import server
from stackctl.testing.service import RunningService


@contextmanager
def paused(service: RunningService) -> Iterator[None]:
    with _recovering(service) as container:
        service.app.do(PauseContainer(container.id, container.name))
        yield


@contextmanager
def stopped(service: RunningService, grace: int) -> Iterator[None]:
    _keeps_its_data(service)
    with _recovering(service) as container:
        service.app.do(StopContainer(container.id, container.name, grace))
        yield


@contextmanager
def killed(service: RunningService, signal: str) -> Iterator[None]:
    _keeps_its_data(service)
    with _recovering(service) as container:
        service.app.do(KillContainer(container.id, container.name, signal))
        yield


@contextmanager
def restarted(service: RunningService, grace: int) -> Iterator[None]:
    _keeps_its_data(service)
    with _recovering(service) as container:
        service.app.do(StopContainer(container.id, container.name, grace))
        service.app.do(StartContainer(container.id, container.name))
        yield


@contextmanager
def disconnected(service: RunningService, network: str | None) -> Iterator[None]:
    name = network and Naming(service.app.stack, "").network(network)
    with _recovering(service) as container:
        joined = [place for place in container.networks if name in (None, place.network)]
        if not joined:
            raise UsageError(
                f"{service.name} is not in the network {network or 'of anybody'}",
                f"it is in: {', '.join(place.network for place in container.networks) or 'none'}",
            )
        for place in joined:
            action = DisconnectNetwork(container.id, place.network_id, place.network, container.name)
            service.app.do(action)
        yield


def wait_ready(service: RunningService, timeout: float | None = None) -> None:
    """Return once the service is ready. Raises WaitError with the evidence that it never will be, or was not in time."""
    desired, _ = service.app.look()
    _wait(service, _want(service, desired), timeout)


def recover(service: RunningService) -> None:
    """Undo whatever was done to the service's container, and return once it is ready again."""
    desired, observed = service.app.look()
    want, app = _want(service, desired), service.app
    have = next((c for c in observed.containers if c.name == want.name), None)
    if have is None:
        raise EngineError(f"{service.name} has no container any more", "what removed it?")
    joined = {place.network for place in have.networks}
    for attachment in want.networks:
        if attachment.network not in joined:
            app.do(ConnectNetwork(have.id, attachment, have.name))
    if have.state == "paused":
        app.do(UnpauseContainer(have.id, have.name))
    elif not have.running:
        app.do(StartContainer(have.id, have.name))
    _wait(service, want, None)


@contextmanager
def _recovering(service: RunningService) -> Iterator[seen.Container]:
    container = service.container
    try:
        yield container
    finally:
        recover(service)


def _keeps_its_data(service: RunningService) -> None:
    """Raise UsageError for a server whose data a stop would take away."""
    spec = service.spec
    known = server(spec)
    command = spec.command.argv if spec.command else None
    if known and {tmpfs.path for tmpfs in spec.tmpfs} & set(known.data_paths(spec.resolved, command)):
        raise UsageError(
            f"{service.name} keeps its data in memory: it would come back empty",
            "paused() and disconnected() leave it running; or run the stack without memory",
        )


def _want(service: RunningService, desired: Desired) -> Container:
    return next(want for want in desired.containers if want.service == service.name)


def _wait(service: RunningService, want: Container, timeout: float | None) -> None:
    limit = service.app.timeout if timeout is None else timeout
    service.app.do(wait_for(want, want.name, timeout=limit))
