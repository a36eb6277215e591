"""Compare a container that is there with the one that should be. `plan` and `status` both use this, so they cannot disagree."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from msgspec import Struct

from stackctl.planner.world.desired import Desired, DesiredContainer
from stackctl.planner.world.observed import (
    Mounted,
    Observed,
    ObservedContainer,
    ObservedNetwork,
    ObservedVolume,
)
from stackctl.spec.image_ref import ImageRef


def image_id(observed: Observed, ref: str) -> str | None:
    """The id of the image a reference means here, or None when it is not here."""
    return observed.images.get(ref) or observed.images.get(ImageRef.parse(ref).tagged)


def ours(observed: Observed, project: str, instance: str) -> list[ObservedContainer]:
    """The containers that stackctl made for this project and this instance of it."""
    return [c for c in observed.containers if c.project == project and c.instance == instance]


def is_ours(thing: ObservedNetwork | ObservedVolume, desired: Desired) -> bool:
    """Whether stackctl made a network or volume for this project and this instance of it."""
    return thing.project == desired.project and thing.instance == desired.instance


def is_anonymous(mounted: Mounted) -> bool:
    """Whether a mount is a volume that the engine has named."""
    return mounted.type == "volume" and re.fullmatch(r"[0-9a-f]{64}", mounted.name) is not None


class NetworksInUse(Struct, frozen=True):
    """The networks of a snapshot."""

    meant: Mapping[str, ObservedNetwork]
    """The network that each name of the stack means."""
    here: frozenset[str]
    """The ids of all networks."""
    members: Mapping[str, Sequence[ObservedContainer]]
    """The containers in each, running or not, by id of the network."""


def networks_in_use(desired: Desired, observed: Observed) -> NetworksInUse:
    """Find the network that each name of the stack means.

    Several networks can have one name. The stack's own network wins; if it has two, the one with the smallest id wins, and stays.
    """
    wanted = {network.name for network in desired.networks}
    same: dict[str, list[ObservedNetwork]] = {}
    for network in observed.networks:
        if network.name in wanted:
            same.setdefault(network.name, []).append(network)
    meant = {name: min(found, key=lambda n: (not is_ours(n, desired), n.id)) for name, found in same.items()}
    return NetworksInUse(meant, frozenset(network.id for network in observed.networks), members(observed))


def members(observed: Observed) -> Mapping[str, Sequence[ObservedContainer]]:
    """The containers in each network, running or not, by id of the network."""
    found: dict[str, list[ObservedContainer]] = {}
    for container in observed.containers:
        for id_ in dict.fromkeys(joined.network_id for joined in container.networks):
            found.setdefault(id_, []).append(container)
    return found


def users_of_volumes(observed: Observed) -> Mapping[str, Sequence[ObservedContainer]]:
    """The containers that mount each volume, by its name."""
    found: dict[str, list[ObservedContainer]] = {}
    for container in observed.containers:
        for name in dict.fromkeys(mount.name for mount in container.mounts if mount.type == "volume"):
            found.setdefault(name, []).append(container)
    return found


def differences(
    want: DesiredContainer, have: ObservedContainer, observed: Observed, networks: NetworksInUse
) -> tuple[str, ...]:
    """Why a container must be recreated: one reason for each field that differs; no reason if it fits."""
    reasons = [f"it was a {have.kind}"] if have.kind != want.kind else []
    if have.digest != want.digest:
        before, after = have.fields, want.fields
        changed = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
        reasons += [_change(name, before, after) for name in changed] or ["its definition changed"]
    current = image_id(observed, want.image)
    if current is not None and current != have.image_id and "image changed" not in reasons:
        reasons.append(f"{want.image} is another image now")
    for joined in have.networks:
        meant = networks.meant.get(joined.network)
        if joined.network_id and joined.network_id not in networks.here:
            reasons.append(f"its network {joined.network} is gone")
        elif joined.network_id and meant and meant.id != joined.network_id:
            reasons.append(f"network {joined.network} is another one now")
    return tuple(reasons)


def _change(name: str, before: Mapping[str, str], after: Mapping[str, str]) -> str:
    verb = "added" if name not in before else "removed" if name not in after else "changed"
    return f"{name} {verb}"
