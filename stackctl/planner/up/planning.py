"""Plan the steps from what is there to what should be there.

All containers are created first: if the engine refuses a definition, nothing is lost. Then each container is started as soon as
everything that it waits for is ready. During a replacement, the names of the containers tell at any moment how far it came:

    create NAME.new → stop the old → the old to NAME.old, the new to NAME → start → remove the old

With the option `rollback` everything is removed last, when all is ready: until then, everything can go back.
"""

from __future__ import annotations

from stackctl.planner.steps.actions import SetRestart, subject
from stackctl.planner.steps.facts import ContainerStarted, ImageHere
from stackctl.planner.steps.plan import Plan, plan_companions
from stackctl.planner.up.networks import plan_networks, plan_superseded_networks
from stackctl.planner.up.replacement import create, hand_over, start
from stackctl.planner.up.storage import plan_lease, plan_volumes, remove_copiers
from stackctl.planner.up.waits import wait_until_ready
from stackctl.planner.up.work import Work
from stackctl.planner.view.slots import Slot
from stackctl.planner.view.view import View
from stackctl.planner.world.desired import Desired
from stackctl.planner.world.observed import OUTDATED, ObservedContainer
from stackctl.spec.model import Stack
from stackctl.spec.selection import Selection

_LEFT_OVER = "left over from an interrupted run"


class LivePlan(Plan, frozen=True, kw_only=True):
    """A plan after which services run. A last look confirms it."""

    desired: Desired
    """The containers that should be there then."""


class UpPlan(LivePlan, frozen=True, kw_only=True):
    """The plan of an `up`, and what it was made from. With this the rest can be planned again once the images are here."""

    view: View
    stack: Stack
    selection: Selection


def plan_up(view: View, images: Plan | None = None) -> Plan:
    """Plan the steps from what is there to what should be. After the plan is done, a second plan has no changes.

    `images` is the plan that gets the images (`plan_images`), if both are shown as one plan.
    """
    work = Work.on(view)
    _plan_images(work, images or Plan())
    remove_copiers(work)
    _plan_removals(work)
    plan_lease(work)
    plan_networks(work)
    plan_volumes(work)
    for slot in work.slots:
        create(work, slot)
    hand_over(work)
    for slot in work.slots:
        start(work, slot)
    for slot in work.slots if view.options.start else ():
        wait_until_ready(work, slot)
    if view.options.rollback:
        _plan_last_removals(work)
    plan_superseded_networks(work)
    plan_companions(work.draft, work.observed, work.desired.project, [work.desired.instance])
    _note_paused(work)
    _note_outdated(work)
    return work.draft.plan()


def _plan_images(work: Work, images: Plan) -> None:
    for step in images.steps:
        work.draft.add(
            step.action, step.why, *step.after, makes=[ImageHere(subject(step.action))], of=step.of
        )
    unsure = [
        str(slot.want.replica)
        for slot in work.slots
        if slot.current and work.draft.makes(ImageHere(slot.want.image))
    ]
    if unsure:
        work.draft.notes.append(f"known once the image is here: whether {', '.join(unsure)} is recreated")


def _plan_removals(work: Work) -> None:
    remove = work.remove_at_the_end if work.view.options.rollback else work.remove
    for slot in work.slots:
        for container in slot.leftovers:
            remove(container, _LEFT_OVER, _restore_policy(work, slot, container))
    for container, why in work.slots.surplus:
        remove(container, why)
    if work.slots.orphans and work.view.options.tell_orphans:
        names = ", ".join(container.name for container in work.slots.orphans)
        work.draft.notes.append(f"not in the spec, left alone: {names} (--remove-orphans removes them)")


def _plan_last_removals(work: Work) -> None:
    """Remove what a failure would have brought back. All steps from here on are `last` steps."""
    work.draft.last = True
    for container, why in work.slots.surplus:
        work.drop(container, why)
    for slot in work.slots:
        for container in slot.leftovers:
            work.drop(container, _LEFT_OVER)
        if slot.old:
            work.drop(slot.old, "it was replaced", ContainerStarted(slot.want.replica))


def _restore_policy(work: Work, slot: Slot, leftover: ObservedContainer) -> int | None:
    """Give a container that stays its restart policy again: an interrupted run may have removed the policy."""
    have, want = slot.current, slot.want
    if have is None or leftover.replaces != have.id or want.restart == "no":
        return None
    action = SetRestart(have.id, have.name, want.restart, want.restart_times)
    return work.draft.add(action, "its replacement was given up", of=want.replica)


def _note_paused(work: Work) -> None:
    if paused := [slot.want.service for slot in work.slots if slot.paused]:
        names = " ".join(paused)
        work.draft.notes.append(f"paused, and not waited for: {', '.join(paused)} (stackctl unpause {names})")


def _note_outdated(work: Work) -> None:
    """Code changes more often than anybody wants a build: it is said, and done when asked for."""
    for image in work.view.desired.images:
        what = work.view.observed.outdated.get(image.ref)
        if what and not work.draft.makes(ImageHere(image.ref)):
            work.draft.notes.append(
                f"{', '.join(image.services)}: {OUTDATED[what]} changed since the image was built (up --build builds it again)"
            )
