"""Ask running containers whether they are ready, over the network alone: no call to the engine, whatever their number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from stackctl.engine.ready.probe import ask_from_outside, tells_from_outside
from stackctl.engine.ready.target import Running
from stackctl.errors import EngineError
from stackctl.planner.world.observed import Container, Engine, Observed
from stackctl.planner.world.probes import Probe

_TIMEOUT = 1.0
"""Seconds for one answer: a server that is ready on this machine takes a thousandth of that."""
_THREADS = 16


def glance(probes: Mapping[str, Sequence[Probe]], observed: Observed) -> frozenset[str]:
    """The ids of the containers that pass all of their checks. `probes` are the checks by container id.

    A container with a check that a connection cannot answer (a command, a log) is not among them, nor is one that cannot be
    reached from here.
    """
    asked = [
        (container, checks)
        for container in observed.containers
        if container.state == "running"
        and (checks := probes.get(container.id, ()))
        and all(map(tells_from_outside, checks))
    ]
    if not asked:
        return frozenset()
    with ThreadPoolExecutor(min(_THREADS, len(asked))) as pool:
        passed = pool.map(lambda pair: _passes(_seen(pair[0], observed.engine), pair[1]), asked)
        return frozenset(container.id for (container, _), ready in zip(asked, passed, strict=True) if ready)


def _seen(container: Container, engine: Engine) -> Running:
    """The container as the snapshot shows it."""
    addresses = tuple(joined.address for joined in container.networks if joined.address)
    if container.network_mode == "host":
        addresses = ("127.0.0.1",)
    return Running(
        state=container.state,
        addresses=addresses if engine.reaches_containers else (),
        published={
            port.target: (host, port.published)
            for port in container.ports
            if port.protocol == "tcp" and (host := engine.reach(port.host_ip))
        },
    )


def _passes(running: Running, checks: Sequence[Probe]) -> bool:
    try:
        return all(ask_from_outside(check, running, _TIMEOUT).ready for check in checks)  # type: ignore[arg-type]
    except EngineError:
        return False
