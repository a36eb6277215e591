"""The volumes of `up`: missing volumes are made, none with data is ever removed; the anonymous volumes of a container; the lease."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from stackctl.planner.steps.actions import CreateVolume, RemoveVolume, UnpauseContainer
from stackctl.planner.steps.facts import Created, Unpaused, VolumeThere
from stackctl.planner.up.work import Work
from stackctl.planner.view.slots import Slot
from stackctl.planner.world import labels
from stackctl.planner.world.containers import paused_by
from stackctl.planner.world.desired import DesiredContainer, DesiredMount, DesiredVolume
from stackctl.planner.world.matching import is_anonymous, is_ours, ours
from stackctl.planner.world.observed import ImageConfig

_OWN = (labels.PROJECT, labels.SERVICE, labels.INSTANCE, labels.VERSION, labels.RUN, labels.OWNER)
"""The labels an anonymous volume shares with its container."""
_OF_LEASE = (labels.PROJECT, labels.INSTANCE, labels.VERSION, labels.RUN, labels.OWNER)
"""The labels that a lease shares with all that is made for the stack."""


def plan_volumes(work: Work) -> None:
    here = {v.name: v for v in work.observed.volumes}
    for volume in work.desired.volumes:
        have = here.get(volume.name)
        if volume.external:
            continue
        if have is None:
            work.draft.add(CreateVolume(volume), "not there", makes=[VolumeThere(volume.name)])
        elif not is_ours(have, work.desired):
            work.draft.notes.append(
                f"volume {volume.name} was not made by this stack: it is used and will never be removed"
            )
        elif have.digest != volume.digest:
            work.draft.notes.append(f"volume {volume.name} differs from its definition and is kept as it is")
    if work.view.options.fill:
        from stackctl.planner.data.filling import fill_new  # few runs bring data along

        fill_new(work.draft, work.desired, work.observed, work.view.options.fill)
    for slot in work.slots if work.view.options.renew else ():
        count = sum(is_anonymous(mounted) for mounted in slot.old.mounts) if slot.old else 0
        if count:
            volumes = f"{count} anonymous volume{'s' if count > 1 else ''} of {slot.want.replica}"
            work.draft.notes.append(f"data left behind: {volumes} (down --volumes removes it)")


def fill_anonymous(work: Work, want: DesiredContainer, name: str, mounts: Iterable[DesiredMount]) -> None:
    """Fill the new anonymous volumes of a container that is created under `name`, before it starts."""
    if work.view.options.fill:
        from stackctl.planner.data.filling import fill_container  # few runs bring data along

        done = fill_container(work.draft, want, name, mounts, work.view.options.fill, work.desired.instance)
        if done:
            work.draft.make(Created(want.replica), done)


def remove_copiers(work: Work) -> None:
    """Remove the containers that still copy data for a run which was killed; what was paused for them goes on before, because only
    they tell what that is. They end at a moment when their volumes are whole.
    """
    for container in ours(work.observed, work.desired.project, work.desired.instance):
        if labels.COPY in container.labels:
            why = "left over from an interrupted copy"
            ended = work.stop(container, why) if container.running else None
            go_on = [
                work.draft.add(
                    UnpauseContainer(paused.id, paused.name),
                    "an interrupted copy has left it paused",
                    ended,
                    makes=[Unpaused(paused.id)],
                    of=paused.replica,
                )
                for paused in paused_by(container, work.observed)
            ]
            work.remove(container, why, *go_on)
            for mounted in container.mounts:
                work.draft.make(VolumeThere(mounted.name), len(work.draft.steps))


def plan_lease(work: Work) -> None:
    """Remember for how long the stack is wanted from now on, if that is said. An empty volume tells it: labels of what is there cannot
    change, but this volume can be made anew, and no container is recreated.
    """
    desired, seconds = work.desired, work.view.options.life
    if seconds is None:
        return
    before = [v for v in work.observed.volumes if v.lease and is_ours(v, desired)]
    why = "its time begins anew" if seconds else "the stack has no end any more"
    gone = [work.draft.add(RemoveVolume(volume.name, data=False), why) for volume in before]
    if seconds and desired.containers:
        own = {key: text for key, text in desired.containers[0].labels.items() if key in _OF_LEASE}
        lease = DesiredVolume(
            key="",
            name=f"{desired.project}.lease-{desired.instance[:8]}",
            labels={**own, labels.KIND: labels.LEASE, labels.FOR: str(seconds)},
        )
        work.draft.add(CreateVolume(lease), "it tells when the time of the stack is over", *gone)


def with_anonymous_volumes(
    slot: Slot, image: ImageConfig | None, *, renew: bool = False
) -> tuple[DesiredMount, ...]:
    """The mounts of a new container. A volume for secrets and configs is always new, because the old container keeps its own.

    The VOLUMEs of its image become labelled anonymous volumes. Where the container it replaces has an anonymous volume at
    the same path, the new one gets that volume. If nothing is known about the image, every anonymous volume of the old
    container is kept: it may hold data. `renew`: all get new volumes.
    """
    want = slot.want
    carried = {
        mounted.target.rstrip("/"): mounted.name
        for mounted in (slot.old.mounts if slot.old else ())
        if is_anonymous(mounted)
    }
    inherited = {} if renew else carried
    covered = {mount.target.rstrip("/") for mount in want.mounts}
    brought = [
        target for target in (image.volumes if image else carried) if target.rstrip("/") not in covered
    ]
    own = {key: want.labels[key] for key in _OWN if key in want.labels}
    return tuple(
        replace(
            mount,
            source="" if mount.contents else inherited.get(mount.target.rstrip("/"), ""),
            labels={**own, labels.KIND: labels.CONTENTS if mount.contents else labels.ANONYMOUS},
        )
        if mount.type == "volume" and not mount.source
        else mount
        for mount in (*want.mounts, *(DesiredMount(type="volume", target=target) for target in brought))
    )
