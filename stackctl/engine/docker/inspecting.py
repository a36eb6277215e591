"""Ask an engine what was made: containers, and the networks and volumes that they use."""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterator
from typing import Any

from stackctl.engine.docker import made as facts
from stackctl.engine.transport.client import RefusedError, WireClient
from stackctl.planner.same.side import Thing

_GONE = 404


def made(client: WireClient, containers: Collection[str]) -> tuple[Thing, ...]:
    """The containers, by id or name, with their networks and volumes. What is not there is left out."""

    @functools.cache
    def ask(*path: str) -> Any:
        try:
            return client.get(*path)
        except RefusedError as error:
            if error.status == _GONE:
                return None
            raise

    def name_of(container: str) -> str:
        return str((ask("containers", container, "json") or {}).get("Name", container)).removeprefix("/")

    def things() -> Iterator[Thing]:
        networks: dict[str, None] = {}
        volumes: dict[str, None] = {}
        for each in containers:
            answer = ask("containers", each, "json")
            if answer is None:
                continue
            image = ask("images", answer["Image"], "json")
            meant = ask("images", answer["Config"]["Image"], "json")
            thing = facts.container(
                answer,
                image,
                moved=meant is not None and meant["Id"] != answer["Image"],
                names={shared: name_of(shared) for shared in facts.shared_containers(answer)},
            )
            networks |= dict.fromkeys(facts.networks_of(thing))
            volumes |= dict.fromkeys(facts.volumes_of(thing))
            yield thing
        yield from (facts.network(found) for name in networks if (found := ask("networks", name)))
        yield from (facts.volume(found) for name in volumes if (found := ask("volumes", name)))

    return tuple(things())
