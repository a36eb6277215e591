"""Faults: a service is paused, stopped, killed, restarted or cut off for a `with` block. After the block it is ready again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from stackctl.errors import EngineError, UsageError
from stackctl.planner.steps.actions import (
    Action,
    ConnectNetwork,
    DisconnectNetwork,
    KillContainer,
    PauseContainer,
    StartContainer,
    StopContainer,
    UnpauseContainer,
)
from stackctl.planner.up.waits import wait_for
from stackctl.planner.world.desired import DesiredContainer
from stackctl.planner.world.naming import Naming
from stackctl.planner.world.observed import ObservedContainer
from stackctl.spec.model import Stack
from stackctl.spec.server import server
from stackctl.testing.cleanup import Cleanup
from stackctl.testing.live_stack import LiveService


@dataclass(frozen=True)
class Fault:
    """What is done to a container. `stops`: the container's processes end, and data that it keeps in memory are lost."""

    actions: Callable[[ObservedContainer], Sequence[Action]]
    """The actions for a container. Raises UsageError if the fault is not possible for this container."""
    stops: bool = True


def pause() -> Fault:
    return Fault(lambda c: [PauseContainer(c.id, c.name)], stops=False)


def stop(grace: int) -> Fault:
    return Fault(lambda c: [StopContainer(c.id, c.name, grace)])


def kill(signal: str) -> Fault:
    return Fault(lambda c: [KillContainer(c.id, c.name, signal)])


def restart(grace: int) -> Fault:
    return Fault(lambda c: [StopContainer(c.id, c.name, grace), StartContainer(c.id, c.name)])


def disconnect(stack: Stack, network: str | None) -> Fault:
    name = network and Naming(stack, "").network(network)

    def actions(container: ObservedContainer) -> Sequence[Action]:
        joined = [place for place in container.networks if name in (None, place.network)]
        if not joined:
            raise UsageError(
                f"{container.service} is not in the network {network}"
                if network
                else f"{container.service} is in no network",
                f"it is in: {', '.join(place.network for place in container.networks) or 'none'}",
            )
        return [DisconnectNetwork(container.id, p.network_id, p.network, container.name) for p in joined]

    return Fault(actions, stops=False)


@contextmanager
def during(service: LiveService, fault: Fault) -> Iterator[None]:
    """Cause the fault. Undo it at the end of the block, however the block ends; then the service is ready again."""
    if fault.stops:
        _keeps_its_data(service)
    container = service.container
    with Cleanup() as cleanup:
        cleanup.callback(recover, service)
        for action in fault.actions(container):
            service.app.do(action)
        yield


def wait_ready(service: LiveService, timeout: float | None = None) -> None:
    """Return once the service is ready. Raises WaitError if it can never be ready, WaitTimeoutError if it is not ready in time."""
    _wait(service, service.want(), timeout)


def recover(service: LiveService) -> None:
    """Undo every fault of the service's container, and return once the service is ready again."""
    _, observed = service.app.desired_and_observed(service.name)
    want, app = service.want(), service.app
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


def _keeps_its_data(service: LiveService) -> None:
    """Raise UsageError for a server that would lose its data if it stopped."""
    spec = service.spec
    known = server(spec)
    command = spec.command.argv if spec.command else None
    if known and {tmpfs.path for tmpfs in spec.tmpfs} & set(known.data_paths(spec.resolved, command)):
        raise UsageError(
            f"{service.name} keeps its data in memory: it would come back empty",
            "paused() and disconnected() leave it running; or run the stack without memory",
        )


def _wait(service: LiveService, want: DesiredContainer, timeout: float | None) -> None:
    limit = service.app.timeout if timeout is None else timeout
    service.app.do(wait_for(want, want.name, timeout=limit))
