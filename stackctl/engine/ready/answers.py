"""Ask running containers whether they are ready, over the network alone: no call to the engine, whatever their number."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence

from stackctl.engine.ready.probe import ask_from_outside, tells_from_outside
from stackctl.engine.ready.target import Running
from stackctl.errors import EngineError
from stackctl.planner.reach.places import own_addresses, published_at
from stackctl.planner.world.observed import Container, Engine, Observed
from stackctl.planner.world.probes import Probe

_TIMEOUT = 1.0
"""Seconds for one answer: a server that is ready on this machine takes a thousandth of that."""
_THREADS = 16


def answers_from_outside(probes: Mapping[str, Sequence[Probe]], observed: Observed) -> Mapping[str, str]:
    """What running containers answer, by id: "" where all checks pass, else what the first that fails said.

    `probes` are the checks by container id. Those that a connection cannot answer (a command, a log) are not asked. A
    container that has one, or that cannot be reached from here, is left out unless another check of it fails.
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


def _seen(container: Container, engine: Engine) -> Running:
    """The container as the snapshot shows it."""
    joined = (one.address for one in container.networks)
    return Running(
        state=container.state,
        addresses=own_addresses(container.network_mode, joined, engine),
        published=published_at(container.ports, engine),
    )


def _answer(running: Running, checks: Sequence[Probe]) -> str | None:
    """What the first that fails says, "" where all pass, None where nobody can tell."""
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
