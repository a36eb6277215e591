"""Compare desired with observed, and make rows to show. The plan makes the same comparison."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct
from msgspec.structs import replace

from stackctl.planner.view.slots import EVERY_TIME, Slot
from stackctl.planner.view.view import View
from stackctl.planner.world.observed import (
    Observed,
    ObservedContainer,
    ObservedEngine,
    Outdated,
    PublishedPort,
)
from stackctl.planner.world.replica import Replica
from stackctl.spec.known_images import BUILT_IN, KnownImages


class StatusRow(Struct, frozen=True, kw_only=True):
    """One container that is wanted or was found. `state` is "missing" if it is not there; `drift` says what differs from the file."""

    service: str
    number: int = 1
    kind: str = "service"
    container: str = ""
    id: str = ""
    state: str = "missing"
    health: str = ""
    """`failing` if a check of stackctl fails; else the result of the engine's check; if the engine has none, `healthy` if all
    checks of stackctl pass.
    """
    exit_code: int | None = None
    ports: tuple[PublishedPort, ...] = ()
    """Published ports. For an engine on another machine, with that machine's address."""
    since: str = ""
    """The engine's words: "Up 3 minutes"."""
    created: float = 0.0
    image: str = ""
    known_images: KnownImages = BUILT_IN
    drift: tuple[str, ...] = ()
    outdated: Outdated | None = None
    """What has changed since its image was built; `up --build` acts on it."""
    source: str | None = None
    """The spec that the container was made from."""

    @property
    def replica(self) -> Replica:
        return Replica(self.service, self.number)


def status(view: View) -> tuple[StatusRow, ...]:
    """A row for each service and job that is meant, in dependency order, and one for each other container of the project.

    A service that no profile enables and that is not there has no row: `up` would not make it. That a job runs on every
    `up` is no drift.
    """
    observed = view.observed
    rows: list[StatusRow] = []
    for slot in map(_settled, view.slots):
        want = slot.want
        if slot.current is None and slot.old is None:
            rows.append(
                StatusRow(
                    service=want.service,
                    number=want.number,
                    kind=want.kind,
                    image=want.image,
                    drift=("not created",),
                )
            )
        if slot.current:
            health, failing = _health(slot.current, observed)
            drift = (*_drift(slot, slot.current), *failing)
            stale = observed.outdated.get(want.image)
            rows.append(replace(row(slot.current, drift), health=health, outdated=stale))
        if slot.old:
            rows.append(row(slot.old, (slot.why,)))
        rows += [row(leftover, ("left over from an interrupted run",)) for leftover in slot.leftovers]
    rows += [row(container, (why,)) for container, why in view.slots.surplus]
    rows += [row(container, ("not in the spec",)) for container in view.slots.orphans]
    rows += [row(container) for container in view.slots.unselected if not view.desired.named]
    images = {slot.want.service: slot.want.settings.known_images for slot in view.slots}
    return tuple(
        replace(_seen_from_here(shown, observed.engine), known_images=images.get(shown.service, BUILT_IN))
        for shown in rows
    )


def _health(have: ObservedContainer, observed: Observed) -> tuple[str, tuple[str, ...]]:
    """The health of a container, and the checks that fail. While the engine's check is starting, nothing has failed."""
    answer = observed.answers.get(have.id)
    if answer and have.health != "starting":
        return "failing", (f"failing · {answer}",)
    if have.health == "unhealthy":
        return have.health, ("failing · healthcheck: unhealthy",)
    return have.health or ("healthy" if answer == "" else ""), ()


def _settled(slot: Slot) -> Slot:
    """The slot as it is between two runs of `up`, each of which would run such a job again."""
    return replace(slot, current=slot.old, old=None) if slot.why == EVERY_TIME else slot


def _seen_from_here(shown: StatusRow, engine: ObservedEngine) -> StatusRow:
    """The row, with ports that listen everywhere on another machine shown at that machine's name."""
    return replace(
        shown, ports=tuple(replace(p, host_ip=engine.remote_address(p.host_ip)) for p in shown.ports)
    )


def row(have: ObservedContainer, drift: tuple[str, ...] = ()) -> StatusRow:
    """The row of a container that was found."""
    return StatusRow(
        service=have.service or have.name,
        number=have.number,
        kind=have.kind,
        container=have.name,
        id=have.id,
        state=have.state,
        health=have.health,
        exit_code=have.exit_code,
        ports=have.ports,
        since=have.status,
        created=have.created,
        image=have.image,
        drift=drift,
        source=have.source,
    )


def _drift(slot: Slot, have: ObservedContainer) -> Iterator[str]:
    """What is wrong with a container whose definition fits."""
    if have.name != slot.want.name:
        yield f"should be called {slot.want.name}"
    for name in slot.connect:
        yield f"is not in network {name}"
    if slot.restart:
        yield slot.restart
    elif slot.starts:
        yield "did not complete" if slot.want.kind == "job" and have.state == "exited" else "not running"
