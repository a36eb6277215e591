"""The plan of `up` on an engine that has nothing. No engine is asked."""

from __future__ import annotations

from stackctl.planner.before.images import plan_images
from stackctl.planner.steps.plan import Plan
from stackctl.planner.up.planning import plan_up
from stackctl.planner.view.slots import UpOptions
from stackctl.planner.view.view import View
from stackctl.planner.world.desire import desire
from stackctl.planner.world.observed import Observed, ObservedEngine
from stackctl.spec.model import Stack
from stackctl.spec.selection import Selection
from stackctl.spec.source.reading import placing


def from_nothing(stack: Stack, selection: Selection) -> tuple[View, Plan]:
    """What should be there beside nothing, and the plan that makes it. Raises SpecError for a selection that cannot work."""
    with placing(stack):
        desired = desire(
            stack,
            instance="",
            services=selection.services,
            profiles=selection.profiles,
            dependencies=selection.dependencies,
            publish_host=selection.publish_host or "127.0.0.1",
        )
    options = UpOptions(signs=False)
    view = View.of(desired, Observed(engine=ObservedEngine(id="")), options)
    return view, plan_up(view, plan_images(view.desired, view.observed))
