"""A small world to plan in: stacks from text, and an engine in memory that is brought to a state by carrying plans out."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from stackctl.engine.memory import Behaviour, MemoryEngine
from stackctl.planner import status as of_status
from stackctl.planner.before.images import images_to_look_into
from stackctl.planner.down import DownOptions, plan_down
from stackctl.planner.status import StatusRow
from stackctl.planner.steps.actions import CreateContainer
from stackctl.planner.steps.plan import Plan, Step
from stackctl.planner.up import planning
from stackctl.planner.view.slots import UpOptions
from stackctl.planner.view.view import View
from stackctl.planner.world.desire import desire
from stackctl.planner.world.desired import Desired, DesiredContainer
from stackctl.planner.world.observed import ImageConfig, Observed
from stackctl.spec.model import Stack
from stackctl.spec.source.reading import read
from stackctl.spec.source.request import StackRequest

INSTANCE = "i"
IMAGES = ("app:1", "app:2", "base", "db:1", "redis:7", "shop-api")


def stack(text: str, *, name: str = "shop", directory: Path | None = None, **options: Any) -> Stack:
    """The stack that a stack.toml with this text means."""
    with tempfile.TemporaryDirectory() as scratch:
        file = (directory or Path(scratch)) / "stack.toml"
        file.write_text(text)
        return read(
            StackRequest(
                files=[file], directory=file.parent, environ=options.pop("environ", {}), name=name, **options
            )
        )


def desired(text: str | Stack, **selection: Any) -> Desired:
    return desire(stack(text) if isinstance(text, str) else text, instance=INSTANCE, **selection)


def plan_up(
    wanted: Desired, observed: Observed, options: UpOptions | None = None, images: Plan | None = None
) -> Plan:
    return planning.plan_up(View.of(wanted, observed, options), images)


def status(wanted: Desired, observed: Observed) -> tuple[StatusRow, ...]:
    return of_status.status(View.of(wanted, observed))


class World:
    """An engine that has the images, and what was done to it."""

    def __init__(self, *, images: dict[str, ImageConfig] | None = None, **options: Any) -> None:
        here = {ref: ImageConfig() for ref in IMAGES} | (images or {})
        self.engine = MemoryEngine(here, **options)

    def look(self, wanted: Desired, options: UpOptions | None = None) -> Observed:
        observed = self.engine.observe()
        refs = images_to_look_into(View.of(wanted, observed, options))
        return replace(observed, configs=self.engine.image_configs(refs))

    def plan(self, text: str | Stack, options: UpOptions | None = None, **selection: Any) -> Plan:
        wanted = desired(text, **selection)
        return plan_up(wanted, self.look(wanted, options), options)

    def up(self, text: str | Stack, options: UpOptions | None = None, **selection: Any) -> World:
        self.do(self.plan(text, options, **selection).steps)
        return self

    def up_to(self, action: str, text: str | Stack, options: UpOptions | None = None) -> World:
        """Be killed right after the first action of that kind, having done all before it."""
        for step in self.plan(text, options).steps:
            self.do([step])
            if type(step.action).__name__ == action:
                return self
        raise AssertionError(f"no {action} in this plan")

    def do(self, steps: Iterable[Step]) -> None:
        for step in steps:
            self.engine.perform(step.action, lambda _: None)

    def names(self) -> dict[str, str]:
        """State by container name."""
        return {c.name: c.state for c in self.engine.observe().containers}

    def down(self, options: DownOptions | None = None, **known: Any) -> Plan:
        return plan_down("shop", INSTANCE, self.engine.observe(), options, **known)


def created(plan: Plan) -> list[DesiredContainer]:
    """The containers that a plan creates, as it tells the engine."""
    return [step.action.spec for step in plan.steps if isinstance(step.action, CreateContainer)]


__all__ = ["INSTANCE", "Behaviour", "World", "created", "desired", "plan_up", "stack", "status"]
