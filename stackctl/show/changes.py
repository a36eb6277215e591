"""A plan as a person sees it: one change for each network, volume, image and container, even if it takes several steps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Literal, get_args

from msgspec import Struct
from msgspec.structs import replace

from stackctl.planner.steps.actions import (
    Action,
    BuildImage,
    CreateConfig,
    CreateContainer,
    CreateNetwork,
    CreateSecret,
    CreateVolume,
    KillContainer,
    LabelNode,
    PullImage,
    PushImage,
    RemoveConfig,
    RemoveContainer,
    RemoveImage,
    RemoveNetwork,
    RemoveSecret,
    RemoveVolume,
    StartContainer,
    StopContainer,
    SwarmAction,
)
from stackctl.planner.steps.plan import Plan, Step
from stackctl.planner.world.desired import DesiredContainer, DesiredMount
from stackctl.show.words import NAMES, Mark

Group = Literal["Nodes", "Networks", "Volumes", "Secrets", "Configs", "Images", "Services"]
PAST: Mapping[str, str] = {
    "pull": "pulled",
    "build": "built",
    "push": "pushed",
    "create": "created",
    "recreate": "recreated",
    "run": "ran",
    "start": "started",
    "restart": "restarted",
    "stop": "stopped",
    "kill": "killed",
    "pause": "paused",
    "unpause": "unpaused",
    "rename": "renamed",
    "reconnect": "reconnected",
    "update": "updated",
    "roll back": "rolled back",
    "refresh": "refreshed",
    "label": "labelled",
    "remove": "removed",
}
"""Every kind of change, in the order of a summary, and what it is called when it is done."""

_BESIDE: Mapping[type, tuple[tuple[type, ...], str]] = {
    CreateContainer: ((RemoveContainer,), "recreate"),
    CreateNetwork: ((RemoveNetwork,), "recreate"),
    StartContainer: ((StopContainer, KillContainer), "restart"),
}
"""For an action that names a change: which other actions beside it make another change, and which one."""


class Change(Struct, frozen=True):
    """What happens to one thing, and why. `steps` are the steps that make it up, waiting left out."""

    group: Group
    name: str
    verb: str
    mark: Mark
    why: str
    steps: tuple[Step, ...]


def together(*plans: Plan) -> Plan:
    """Plans that are executed one after the other as one: a step without predecessors comes after the plan before."""
    steps: list[Step] = []
    notes: list[str] = []
    for plan in plans:
        offset = len(steps)
        before = frozenset(step.id for step in steps) - frozenset(i for step in steps for i in step.after)
        for step in plan.steps:
            after = frozenset(i + offset for i in step.after) if step.after else before
            implied = frozenset(i + offset for i in step.implied)
            steps.append(replace(step, id=step.id + offset, after=after, implied=implied))
        notes += plan.notes
    warnings = dict.fromkeys(warning for plan in plans for warning in plan.warnings)
    return Plan(
        plans[-1].project if plans else "", tuple(steps), tuple(dict.fromkeys(notes)), tuple(warnings)
    )


def changes(plan: Plan) -> tuple[Change, ...]:
    """The changes a plan makes: networks, volumes and images by their place in the plan, then services."""
    names = container_names(plan)
    grouped: dict[tuple[Group, str], list[Step]] = {}
    called: dict[tuple[Group, str], str] = {}
    for step in plan.changes:
        group, thing, name = _thing(step.action, names)
        grouped.setdefault((group, thing), []).append(step)
        called.setdefault((group, thing), name)
    containers = Counter(_service(steps) for (group, _), steps in grouped.items() if group == "Services")
    found = []
    for key, steps in grouped.items():
        verb, mark, why = _meaning(steps)
        service = _service(steps) if key[0] == "Services" else ""
        name = service if service and containers[service] == 1 else called[key]
        found.append(Change(key[0], name, verb, mark, why, tuple(steps)))
    order: tuple[Group, ...] = get_args(Group)
    return tuple(sorted(found, key=lambda change: order.index(change.group)))


def count(found: Iterable[Change]) -> dict[str, int]:
    """How many changes there are of each kind. Create, recreate and remove are always named."""
    number = Counter(change.verb for change in found)
    always = ("create", "recreate", "remove")
    return {verb: number[verb] for verb in PAST if number[verb] or verb in always}


def container_names(plan: Plan) -> Mapping[str, str]:
    """The final name of each container that is made or replaced, by every id and name that a step uses for it."""
    names: dict[str, str] = {}
    for step in plan.steps:
        if isinstance(step.action, CreateContainer):
            final = step.action.spec.name
            names |= {step.action.name: final, final: final}
            if step.action.replaces:
                names[step.action.replaces] = final
    return names


def kept_volumes(plan: Plan) -> tuple[tuple[DesiredMount, DesiredContainer], ...]:
    """The volumes, with their data, that recreated containers take over. A named volume is listed once."""
    touched = {a.volume.name if isinstance(a, CreateVolume) else a.name for a in _volume_actions(plan)}
    kept = {
        mount.source: (mount, step.action.spec)
        for step in plan.steps
        if isinstance(step.action, CreateContainer) and step.action.replaces
        for mount in step.action.spec.mounts
        if mount.type == "volume" and mount.source and mount.source not in touched
    }
    return tuple(kept.values())


def loses_anonymous_volumes(plan: Plan) -> bool:
    """Whether containers are removed together with the volumes that have no name."""
    made = {step.action.name for step in plan.steps if isinstance(step.action, CreateContainer)}
    return any(
        isinstance(step.action, RemoveContainer) and step.action.volumes and step.action.container not in made
        for step in plan.steps
    )


def _volume_actions(plan: Plan) -> list[CreateVolume | RemoveVolume]:
    return [step.action for step in plan.steps if isinstance(step.action, CreateVolume | RemoveVolume)]


def _thing(action: Action, names: Mapping[str, str]) -> tuple[Group, str, str]:
    """What an action is about: its group, what tells it from others there, and its name."""
    match action:
        case CreateNetwork(network):
            return "Networks", network.name, network.name
        case RemoveNetwork(_, name):
            return "Networks", name, name
        case CreateVolume(volume):
            return "Volumes", volume.name, volume.name
        case RemoveVolume(name):
            return "Volumes", name, name
        case PullImage(image) | BuildImage(image) | PushImage(image):
            return "Images", image.ref, image.ref
        case RemoveImage(image_id, name):
            return "Images", image_id, name
        case CreateContainer(spec):
            return "Services", spec.name, spec.name
        case CreateSecret() | RemoveSecret():
            return "Secrets", action.name, action.name
        case CreateConfig() | RemoveConfig():
            return "Configs", action.name, action.name
        case LabelNode(node_id, name):
            return "Nodes", node_id, name
        case _ if isinstance(action, SwarmAction):
            return "Services", action.name, action.name
        case _:
            thing = names.get(action.container) or names.get(action.name) or action.container
            return "Services", thing, action.name


def _meaning(steps: list[Step]) -> tuple[str, Mark, str]:
    kinds = {type(step.action) for step in steps}
    first = next(kind for kind in NAMES if kind in kinds)
    why = next(step.why for step in steps if isinstance(step.action, first))
    made = {step.action.name for step in steps if isinstance(step.action, CreateContainer)}
    if any(isinstance(step.action, RemoveContainer) and step.action.container in made for step in steps):
        return "run", "~", why
    others, both = _BESIDE.get(first, ((), ""))
    replaces = any(isinstance(step.action, CreateContainer) and step.action.replaces for step in steps)
    if replaces or not kinds.isdisjoint(others):
        return both, "~", why
    return NAMES[first].change, NAMES[first].mark, why


def _service(steps: list[Step]) -> str:
    return next((step.service for step in steps if step.service), "")
