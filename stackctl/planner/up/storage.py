"""The volumes of `up`: missing volumes are made, no volume is ever removed; and the anonymous volumes of a container."""

from __future__ import annotations

from msgspec.structs import replace

from stackctl.planner.steps.actions import CreateVolume
from stackctl.planner.steps.facts import VolumeThere
from stackctl.planner.up.work import Work
from stackctl.planner.view.slots import Slot
from stackctl.planner.world import labels
from stackctl.planner.world.desired import DesiredMount
from stackctl.planner.world.matching import is_anonymous, is_ours
from stackctl.planner.world.observed import ImageConfig

_OWN = (labels.PROJECT, labels.SERVICE, labels.INSTANCE, labels.VERSION, labels.RUN, labels.OWNER)
"""The labels an anonymous volume shares with its container."""


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
    for slot in work.slots if work.view.options.renew else ():
        count = sum(is_anonymous(mounted) for mounted in slot.old.mounts) if slot.old else 0
        if count:
            volumes = f"{count} anonymous volume{'s' if count > 1 else ''} of {slot.want.replica}"
            work.draft.notes.append(f"data left behind: {volumes} (down --volumes removes it)")


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
