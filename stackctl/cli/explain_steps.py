"""`explain --step`: each scene is told, and done when the reader presses Enter."""

from __future__ import annotations

import sys

import click
from msgspec.structs import replace

from stackctl.cli import follow as runs
from stackctl.cli.settings import Settings
from stackctl.planner.before.images import ImageOptions
from stackctl.planner.steps.actions import BuildImage, PullImage
from stackctl.planner.steps.plan import Plan
from stackctl.planner.up.planning import UpPlan
from stackctl.planner.view.slots import UpOptions
from stackctl.project import Project
from stackctl.spec.model import Stack
from stackctl.teach.commands import Docker
from stackctl.teach.explain.lesson_text import scene_text
from stackctl.teach.explain.scenes import Scene, scenes
from stackctl.teach.explain.up import plan_words


def explain_steps(settings: Settings, stack: Stack) -> int:
    """Explain and do the plan of now, scene by scene. Once the images are here, the rest is planned again."""
    project = Project(stack, settings.engine(), waiting=settings.tell_holder)
    style = settings.style(sys.stdout)
    done = 0
    while True:
        plan = project.plan(settings.selection(), UpOptions(), ImageOptions())
        if not done:
            settings.warn(plan.warnings)
        left = _scenes(stack, plan)
        if not left:
            print(plan_words(plan, style))
            return 0
        images = [scene for scene in left if _is_image(scene)]
        for scene in images or left:
            done += 1
            total = done + len(left) - 1
            left = left[1:]
            print(f"{scene_text(scene, done, total, style)}\n")
            if not _agreed():
                print("Stopped. `stackctl up` does the rest; `stackctl down` takes away what is there.")
                return 0
            part = _part(plan, scene)
            _, code = runs.follow(
                settings,
                "stackctl explain --step",
                lambda cancel, part=part: project.execute(part, cancel=cancel),  # type: ignore[misc]
                stack=stack,
            )
            if code:
                return code
            print()


def _scenes(stack: Stack, plan: UpPlan) -> list[Scene]:
    observed = plan.view.observed
    docker = Docker(stack, observed.configs, observed.engine.api)
    return scenes(docker, plan.steps, plan.view.desired.containers)


def _is_image(scene: Scene) -> bool:
    return isinstance(scene.steps[0].action, BuildImage | PullImage)


def _part(plan: Plan, scene: Scene) -> Plan:
    """The steps of one scene. What they come after has been done before."""
    ids = {step.id for step in scene.steps}
    return Plan(plan.project, tuple(replace(step, after=step.after & ids) for step in scene.steps))


def _agreed() -> bool:
    """Wait for Enter. The end of the input, and any word, mean no."""
    try:
        answer: str = click.prompt(
            "Enter does it, q stops", default="", show_default=False, prompt_suffix=" ", err=True
        )
    except click.Abort:
        return False
    return not answer.strip()
