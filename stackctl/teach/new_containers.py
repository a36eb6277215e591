"""Which containers of a plan one `docker run` makes and starts."""

from __future__ import annotations

from collections.abc import Sequence

from stackctl.planner.steps import actions
from stackctl.planner.steps.plan import Step
from stackctl.planner.world.desired import DesiredContainer


def new_containers(steps: Sequence[Step]) -> dict[str, DesiredContainer]:
    """By name: the containers that are created under their own name and started. Not one that replaces another: there the new one
    must exist before the old one is stopped. Nor one with `pre_start`: its hooks run between the creation and the start.
    """
    started = {step.action.container for step in steps if isinstance(step.action, actions.StartContainer)}
    created = (step.action for step in steps if isinstance(step.action, actions.CreateContainer))
    return {
        each.name: each.spec
        for each in created
        if each.name == each.spec.name and not each.replaces and each.name in started
        if not each.spec.settings.pre_start
    }
