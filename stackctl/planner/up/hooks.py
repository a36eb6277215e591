"""Hooks as steps: the containers of `pre_start` before a start, the commands of `post_start` after it, and the sign of a start
whose hooks have not all succeeded.
"""

from __future__ import annotations

from collections.abc import Sequence

from stackctl.planner.steps.actions import (
    Action,
    ConnectNetwork,
    CreateContainer,
    CreateVolume,
    RemoveContainer,
    RemoveVolume,
    RunHook,
    StartContainer,
    StopContainer,
)
from stackctl.planner.steps.facts import (
    ContainerStarted,
    Fact,
    HooksDone,
    ImageHere,
    NameFree,
    NetworkThere,
    VolumeThere,
)
from stackctl.planner.up.waits import wait_for
from stackctl.planner.up.work import Work
from stackctl.planner.view.slots import Slot
from stackctl.planner.world import labels
from stackctl.planner.world.desired import (
    Attachment,
    DesiredContainer,
    DesiredVolume,
    init_name,
    pending_name,
)
from stackctl.planner.world.matching import ours
from stackctl.spec.model import Condition, InitHook, Service

_OWN = (
    labels.PROJECT, labels.SERVICE, labels.NUMBER, labels.INSTANCE, labels.VERSION, labels.SOURCE, labels.RUN, labels.OWNER,
    labels.COMPOSE_PROJECT, labels.COMPOSE_SERVICE, labels.COMPOSE_NUMBER,
)  # fmt: skip
"""The labels that the container of a hook shares with that of its service."""

_OF_SIGN = (
    labels.PROJECT, labels.SERVICE, labels.NUMBER, labels.INSTANCE, labels.VERSION, labels.RUN, labels.OWNER,
)  # fmt: skip
"""The labels that the sign of a start shares with the container."""


def before_start(
    work: Work, slot: Slot, address: str, *needs: Fact | int | None, rescue: tuple[Action, ...] = ()
) -> HooksDone | None:
    """Add the containers of `pre_start`: one after the other runs to its end, then the service may start.

    They run once for all containers of a service, and only for a container that was never started: a step that has succeeded
    is not repeated while its definition stays (Compose spec, 05-services pre_start).
    """
    want, hooks = slot.want, slot.want.settings.pre_start
    if not hooks:
        return None
    done = HooksDone(want.service)
    slots = work.slots.by_service[want.service]
    if work.draft.makes(done) or any(_has_started(each) for each in slots):
        return done
    last: int | None = None
    for number, hook in enumerate(hooks, 1):
        last = _run(work, want, hook, number, address, *needs, last, rescue=rescue)
        work.draft.make(done, last)
    return done


def _has_started(slot: Slot) -> bool:
    return slot.current is not None and slot.current.state != "created"


def _run(
    work: Work,
    want: DesiredContainer,
    hook: InitHook,
    number: int,
    address: str,
    *needs: Fact | int | None,
    rescue: tuple[Action, ...],
) -> int:
    """Create the container of a hook, start it, wait for its end and remove it. If it fails, it stays to be looked at."""
    add, replica = work.draft.add, want.replica
    spec = _container(want, hook, number, address)
    name, why = spec.name, f"pre_start {number} of {replica}"
    for left in ours(work.observed, work.desired.project, work.desired.instance):
        if left.name == name:
            work.remove(left, "left over from an interrupted or failed run")
    there = [NetworkThere(attachment.network) for attachment in spec.networks]
    step = add(
        CreateContainer(spec, name),
        why,
        *needs,
        ImageHere(spec.image),
        NameFree(name),
        *there,
        of=replica,
        rescue=rescue,
    )
    for attachment in spec.networks[1:]:
        step = add(ConnectNetwork(name, attachment, name), why, step, of=replica, rescue=rescue)
    step = add(StartContainer(name, name, spec.files), why, step, of=replica, rescue=rescue)
    wait = wait_for(spec, name, Condition.completed, timeout=work.view.options.wait_timeout)
    step = add(wait, f"{replica} starts after it", step, of=replica, rescue=rescue)
    return add(RemoveContainer(name, name, volumes=True), "it has done its work", step, of=replica)


def _container(want: DesiredContainer, hook: InitHook, number: int, address: str) -> DesiredContainer:
    """The container of a hook. It shares the volumes of the service's container, also the anonymous ones."""
    own = {key: want.labels[key] for key in _OWN if key in want.labels}
    return DesiredContainer(
        name=init_name(want.name, number),
        service=want.service,
        number=want.number,
        kind="run",
        image=hook.image or want.image,
        settings=Service(
            image=hook.image or want.settings.image,
            user=hook.user,
            working_dir=hook.working_dir,
            privileged=hook.privileged,
        ),
        command=hook.command.argv if hook.command else None,
        environment={**want.environment, **{name: value.text for name, value in hook.environment.items()}},
        labels={**own, labels.KIND: "run", labels.COMPOSE_ONEOFF: "True"},
        files=want.files,
        volumes_from=(address,),
        networks=tuple(Attachment(each.network) for each in want.networks),
        network_mode=want.network_mode,
    )


def sign(work: Work, slot: Slot, *needs: Fact | int | None) -> VolumeThere | None:
    """Leave a sign until all commands of `post_start` have succeeded: if this run is killed before that, the next one sees it and
    starts the container again. The sign is an empty volume, because the labels of a container cannot change.
    """
    want = slot.want
    if not _leaves_sign(work, want):
        return None
    name = pending_name(want.name)
    there = VolumeThere(name)
    if all(name != volume.name for volume in work.observed.volumes):
        own = {key: want.labels[key] for key in _OF_SIGN if key in want.labels}
        volume = DesiredVolume(key=want.service, name=name, labels={**own, labels.KIND: labels.PENDING})
        why = f"until post_start of {want.replica} is done"
        work.draft.add(CreateVolume(volume), why, *needs, makes=[there], of=want.replica)
    return there


def without_sign(work: Work, slot: Slot) -> tuple[Action, ...]:
    """The action that takes the sign away, if there is one."""
    want = slot.want
    return (RemoveVolume(pending_name(want.name), data=False),) if _leaves_sign(work, want) else ()


def _leaves_sign(work: Work, want: DesiredContainer) -> bool:
    """Nobody repairs a one-off, so it leaves none."""
    return bool(want.settings.post_start) and want.kind != "run" and work.view.options.signs


def after_start(work: Work, slot: Slot, address: str, name: str, rescue: Sequence[Action] = ()) -> None:
    """Add the commands of `post_start`, one after the other. The service has started once all have succeeded.

    If one fails, the container is stopped: so a later `up` starts it again, with all its hooks.
    """
    want = slot.want
    started = ContainerStarted(want.replica)
    for number, hook in enumerate(want.settings.post_start, 1):
        action = RunHook(address, name, hook, number, work.view.options.wait_timeout)
        undo = (StopContainer(address, name, work.grace(want.service)), *rescue)
        work.draft.add(
            action, f"post_start of {want.replica}", started, makes=[started], of=want.replica, rescue=undo
        )
    for undo_sign in without_sign(work, slot):
        work.draft.add(undo_sign, f"post_start of {want.replica} is done", started, of=want.replica)
