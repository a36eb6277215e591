"""Ask running containers over the network whether they are ready. The engine is not called."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence

from stackctl.engine.ready.probe import ask_from_outside, tells_from_outside
from stackctl.engine.ready.target import ContainerState
from stackctl.errors import EngineError
from stackctl.planner.reach.places import own_addresses, published_at
from stackctl.planner.world.observed import Observed, ObservedContainer, ObservedEngine
from stackctl.planner.world.probes import Probe

_TIMEOUT = 1.0
"""Seconds for one answer. A server that is ready on this machine answers in about a millisecond."""
_THREADS = 16


def answers_from_outside(probes: Mapping[str, Sequence[Probe]], observed: Observed) -> Mapping[str, str]:
    """What running containers answer, by container id: "" if all checks pass, else what the first check that fails says.

    `probes` are the checks by container id. A check that needs a command or the log is not run. A container that has such
    a check, or that cannot be reached from here, is left out, unless another of its checks fails.
    """
    asked = [
        (container, checks)
        for container in observed.containers
        if container.state == "running"
        and (checks := probes.get(container.id, ()))
        and any(map(tells_from_outside, checks))
    ]
    answers: dict[str, str] = {}
    left = iter(asked)

    def ask() -> None:
        for container, checks in left:
            answer = _answer(_seen(container, observed.engine), checks)
            if answer is not None:
                answers[container.id] = answer

    threads = [threading.Thread(target=ask) for _ in asked[1:_THREADS]]
    for thread in threads:
        thread.start()
    ask()
    for thread in threads:
        thread.join()
    return answers


def _seen(container: ObservedContainer, engine: ObservedEngine) -> ContainerState:
    """The container as the snapshot shows it, in the form that probes take."""
    joined = (one.address for one in container.networks)
    return ContainerState(
        state=container.state,
        addresses=own_addresses(container.network_mode, joined, engine),
        published=published_at(container.ports, engine),
    )


def _answer(running: ContainerState, checks: Sequence[Probe]) -> str | None:
    """What the first check that fails says; "" if all checks pass; None if nobody can tell."""
    known: str | None = ""
    for check in checks:
        if not tells_from_outside(check):
            known = None
            continue
        try:
            answer = ask_from_outside(check, running, _TIMEOUT)  # type: ignore[arg-type]
        except EngineError:
            return None
        if not answer.ready:
            return answer.text
    return known
