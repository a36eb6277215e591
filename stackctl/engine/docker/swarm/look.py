"""Look at a Swarm through one of its managers. Makes no call that writes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from stackctl.engine.docker.snapshot import network
from stackctl.engine.docker.swarm import snapshot
from stackctl.engine.transport.client import RefusedError, WireClient
from stackctl.planner.world import labels as names
from stackctl.planner.world.observed import ObservedEngine
from stackctl.planner.world.swarm_observed import ObservedNode, ObservedService, ObservedSwarm, ObservedTask
from stackctl.spec.image_ref import ImageRef

_ANSWER = 60.0
"""Seconds that a registry has to say which image a reference means."""


def plain(message: str) -> str:
    """What a Swarm says, without the words of its own transport before it."""
    return re.sub(r"^rpc error: code = \w+ desc = ", "", message)


def of_stack(project: str) -> Mapping[str, Any]:
    """Filters that find what belongs to a stack; all with ""."""
    return {"label": [f"{names.STACK}={project}"]} if project else {}


def observe(
    client: WireClient, engine: ObservedEngine, info: Mapping[str, Any], project: str, *, time: float
) -> ObservedSwarm:
    """Makes five calls, all at once, if the engine is a manager. `info` is the answer to GET /info."""
    swarm = info.get("Swarm") or {}
    state = swarm.get("LocalNodeState") or "inactive"
    managers = tuple(each.get("Addr", "") for each in swarm.get("RemoteManagers") or ())
    if not swarm.get("ControlAvailable"):
        return ObservedSwarm(
            engine=engine,
            state=state,
            manager=False,
            reason=swarm.get("Error") or "",
            managers=managers,
            node_id=swarm.get("NodeID") or "",
            time=time,
        )
    try:
        nodes, services, networks, secrets, configs = (
            found.body
            for found in client.ask_all(
                (("nodes",), {}),
                (("services",), {"status": True, "filters": of_stack(project)}),
                (("networks",), {}),
                (("secrets",), {}),
                (("configs",), {}),
            )()
        )
    except RefusedError as error:
        return ObservedSwarm(
            engine=engine,
            state=state,
            reason=plain(error.message),
            managers=managers,
            node_id=swarm.get("NodeID") or "",
            time=time,
        )
    return ObservedSwarm(
        engine=engine,
        state=state,
        managers=managers,
        node_id=swarm.get("NodeID") or "",
        nodes=tuple(map(snapshot.node, nodes or ())),
        services=tuple(map(snapshot.service, services or ())),
        networks=tuple(map(network, networks or ())),
        secrets=tuple(map(snapshot.file, secrets or ())),
        configs=tuple(map(snapshot.file, configs or ())),
        time=time,
    )


def tasks(client: WireClient, project: str) -> tuple[ObservedTask, ...]:
    """The tasks of a stack, also those that have ended, as far as the Swarm remembers them. Makes one call."""
    return tuple(map(snapshot.task, client.get("tasks", filters=of_stack(project)) or ()))


def progress(
    client: WireClient, project: str, *, nodes: bool
) -> tuple[tuple[ObservedService, ...], tuple[ObservedTask, ...], tuple[ObservedNode, ...] | None]:
    """What a wait needs: services and tasks of a stack, in two calls; with a third one the nodes."""
    calls: list[tuple[tuple[str, ...], Mapping[str, object]]] = [
        (("services",), {"status": True, "filters": of_stack(project)}),
        (("tasks",), {"filters": of_stack(project)}),
    ]
    if nodes:
        calls.append((("nodes",), {}))
    found = [each.body or () for each in client.ask_all(*calls)()]
    return (
        tuple(map(snapshot.service, found[0])),
        tuple(map(snapshot.task, found[1])),
        tuple(map(snapshot.node, found[2])) if nodes else None,
    )


def image_digest(client: WireClient, ref: str) -> str | None:
    """The digest that the registry knows for a reference, `sha256:…`; None if it does not know the reference, or if no registry
    answers. The engine asks it, with the login that Docker's config.json has.
    """
    from stackctl.engine.docker.images.pulling import auth_header  # most looks ask no registry

    headers = auth_header(ref, lambda _: None)
    try:
        answer = client.get(
            "distribution", ImageRef.parse(ref).tagged, "json", headers=headers, timeout=_ANSWER
        )
    except RefusedError:
        return None
    return str((answer.get("Descriptor") or {}).get("digest") or "") or None
