"""What would go wrong, found before the first write. Pure: what only the host knows comes in as `HostFacts`."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from msgspec import Struct

from stackctl.errors import Problem
from stackctl.planner.before.images import ImageOptions
from stackctl.planner.before.missing import (
    missing_externals,
    missing_holders,
    missing_image,
    missing_sources,
    only_on_a_swarm,
    too_new,
    waits_without_check,
)
from stackctl.planner.before.old_data import ignored_settings, other_versions
from stackctl.planner.before.situation import Binding, HostFacts, Situation, bind_mounts
from stackctl.planner.before.taken import taken_names, taken_ports
from stackctl.planner.view.view import View
from stackctl.spec.lint.rule import Rule

RULES: Mapping[str, Rule] = {
    "SC110": Rule("Name taken by a stranger", "error", taken_names, "engine"),
    "SC117": Rule("External network or volume missing", "error", missing_externals, "engine"),
    "SC118": Rule("Shared container missing", "error", missing_holders, "engine"),
    "SC119": Rule("Secret or config of a Swarm", "error", only_on_a_swarm, "engine"),
    "SC203": Rule("Health that never comes", "error", waits_without_check, "engine"),
    "SC307": Rule("Setting that no longer counts", "warning", ignored_settings, "engine"),
    "SC403": Rule("Bind source missing", "error", missing_sources, "engine"),
    "SC408": Rule("Data of another version", "error", other_versions, "engine"),
    "SC502": Rule("Port of the host taken", "error", taken_ports, "engine"),
    "SC603": Rule("Image not here", "error", missing_image, "engine"),
    "SC611": Rule("Key that the engine is too old for", "error", too_new, "engine"),
}
"""The rules that ask the engine, by number."""

_ASKED = 100
"""How many ports of a range are asked about: in a longer range, enough are free."""
_TOLD_BY_IMAGES = ("SC203", "SC408")


class Questions(Struct, frozen=True):
    """What to ask the host: which of these bindings are taken, which of these paths are missing."""

    bindings: frozenset[Binding] = frozenset()
    paths: frozenset[str] = frozenset()


def questions(view: View) -> Questions:
    """Host ports that no running container holds yet and bind sources, of what the stack is about to start."""
    held = {(p.published, p.protocol) for c in view.observed.containers if c.running for p in c.ports}
    starting = [slot.want for slot in view.slots if slot.starts]
    return Questions(
        frozenset(
            (port.host_ip, number, port.protocol)
            for want in starting
            for port in want.ports
            for number in (port.choice[:_ASKED] if port.host_port is None else (port.host_port,))
            if (number, port.protocol) not in held
        ),
        frozenset(mount.source for want in starting for mount in bind_mounts(want)),
    )


def preflight(
    view: View, host: HostFacts | None = None, images: ImageOptions | None = None
) -> tuple[Problem, ...]:
    """Every reason why starting this stack on this engine would fail, all at once, and warnings; no error means go."""
    return _found(RULES, Situation(view, host or HostFacts(), images or ImageOptions()))


def told_by_images(view: View) -> tuple[Problem, ...]:
    """The checks that can say more once the images are here: these may bring a healthcheck, and tell their version."""
    return _found(_TOLD_BY_IMAGES, Situation(view))


def _found(numbers: Collection[str], situation: Situation) -> tuple[Problem, ...]:
    return tuple(problem for number in numbers for problem in RULES[number].problems(number, situation))
