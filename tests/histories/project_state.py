"""What matters about a project on the engine in memory."""

from __future__ import annotations

from typing import Any

from faulty_engine import is_mine
from random_stacks import ANY_OF

from stackctl.engine.memory import MemoryEngine
from stackctl.planner.world.desired import Desired
from stackctl.planner.world.observed import ObservedContainer


def state(engine: MemoryEngine, wanted: Desired) -> dict[str, Any]:
    """All that matters about a project, in terms that do not depend on how it came to be.

    The numbers of a service's containers do: so the containers are counted, and called by their place.
    """
    now = engine.observe()
    ours = {c.id: c for c in now.containers if is_mine(c) and c.kind != "run"}
    by_number = sorted(ours.values(), key=lambda c: (c.service, c.number))
    called = {c.name: f"{c.service} {place(c, by_number)}" for c in by_number if c.name == usual_name(c)}
    names = {network.id: network.name for network in now.networks}
    keys = {network.key for network in wanted.networks}
    return {
        "containers": {
            called.get(c.name, c.name): (
                c.service,
                c.digest,
                c.image_id,
                c.state,
                ports_of(c),
                joined_of(engine, c, names, called),
                of_holder(ours[c.network_mode.split(":")[1]], called) if ":" in c.network_mode else "",
                engine._find(c.id).restart,
                {m.target for m in c.mounts},
            )
            for c in ours.values()
        },
        "networks": {(n.name, n.digest) for n in now.networks if is_mine(n) and n.key in keys},
    }


def usual_name(container: ObservedContainer) -> str:
    return f"shop-{container.service}-{container.number}"


def place(container: ObservedContainer, containers: list[ObservedContainer]) -> int:
    return [c.id for c in containers if c.service == container.service].index(container.id)


def of_holder(container: ObservedContainer, called: dict[str, str]) -> str:
    return called.get(container.name, container.name)


def ports_of(container: ObservedContainer) -> set[tuple[int, int]]:
    return {(port.target, 0 if port.published in ANY_OF else port.published) for port in container.ports}


def joined_of(
    engine: MemoryEngine, container: ObservedContainer, names: dict[str, str], called: dict[str, str]
) -> dict[str, Any]:
    joined = engine._find(container.id).networks
    return {names[id_]: {called.get(alias, alias) for alias in at.aliases} for id_, at in joined.items()}
