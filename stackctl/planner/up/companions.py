"""The volumes that go with their containers, because they hold no data of the user."""

from __future__ import annotations

from collections.abc import Collection

from stackctl.planner.steps.actions import RemoveVolume
from stackctl.planner.steps.facts import Removed
from stackctl.planner.steps.plan import Draft
from stackctl.planner.world.matching import users_of_volumes
from stackctl.planner.world.observed import Observed


def plan_companions(
    draft: Draft, observed: Observed, project: str, instances: Collection[str | None]
) -> None:
    """Remove the volumes without data of which no container is left, now or after the steps so far: those for secrets and
    configs, and the signs that `post_start` hooks have not succeeded yet.
    """
    users = users_of_volumes(observed)
    going = {step.action.name for step in draft.steps if isinstance(step.action, RemoveVolume)}
    for volume in observed.volumes:
        if volume.holds_data or volume.name in going:
            continue
        if volume.project != project or volume.instance not in instances:
            continue
        mine = (
            users.get(volume.name, ())
            if volume.contents
            else [
                c
                for c in observed.containers
                if (c.project, c.instance, c.replica) == (project, volume.instance, volume.replica)
                and c.kind != "run"
            ]
        )
        removed = [Removed(container.id) for container in mine]
        if all(map(draft.makes, removed)):
            why = "it held secrets and configs" if volume.contents else "its container is gone"
            draft.add(RemoveVolume(volume.name, data=False), why, *removed)
