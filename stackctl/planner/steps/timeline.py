"""When each step of a run was done: the events of the run as one value, which can be written down and read again.

All times are in seconds since the run began.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal, get_args

from msgspec import Struct
from msgspec.structs import replace

from stackctl.planner.steps.actions import (
    Action,
    BuildImage,
    ConnectNetwork,
    CreateContainer,
    CreateNetwork,
    CreateVolume,
    PullImage,
    RenameContainer,
    RunHook,
    StartContainer,
    UnpauseContainer,
    WaitFor,
    subject,
)
from stackctl.planner.steps.events import Done, Event, Failed, Planned, Postponed, Skipped, Started
from stackctl.planner.steps.plan import Step
from stackctl.planner.world.replica import Replica

Phase = Literal["pull", "build", "stop", "create", "start", "ready"]
"""What happens to a service, in this order. `start` holds its `post_start`. `ready` is the wait until it is ready, or until the end of a job.
`stop` is everything that takes away what was there before.
"""
PHASES: tuple[Phase, ...] = get_args(Phase)

_KINDS: Mapping[Phase, tuple[type[Action], ...]] = {
    "pull": (PullImage,),
    "build": (BuildImage,),
    "create": (CreateNetwork, CreateVolume, CreateContainer, ConnectNetwork, RenameContainer),
    "start": (StartContainer, UnpauseContainer, RunHook),
    "ready": (WaitFor,),
}
_PHASES: Mapping[str, Phase] = {kind.__name__: phase for phase, kinds in _KINDS.items() for kind in kinds}


class TimedStep(Struct, frozen=True, omit_defaults=True):
    """A step that began, and when it ended. `id` counts through all plans of the run, in a safe order."""

    id: int
    action: str
    """The name of the action's class."""
    subject: str
    began: float
    ended: float
    result: Literal["done", "failed", "interrupted"] = "done"
    stage: int = 0
    """Which plan of the run it belongs to, from 0."""
    of: Replica | None = None
    services: tuple[str, ...] = ()
    """The services that an image is for."""
    condition: str = ""
    """What a wait is for: started, healthy, completed or ready."""
    why: str = ""
    needs: tuple[int, ...] = ()
    """The steps that had to end before it: also those that the order of other steps implies."""

    @property
    def phase(self) -> Phase:
        return _PHASES.get(self.action, "stop")

    @property
    def service(self) -> str:
        """The service or job that it is about, "" for none or several."""
        return self.of.service if self.of else ""

    @property
    def rows(self) -> tuple[str, ...]:
        """The replicas that it counts for, by name."""
        return self.services or ((str(self.of),) if self.of else ())

    @property
    def seconds(self) -> float:
        return self.ended - self.began


class Timeline(Struct, frozen=True, omit_defaults=True):
    """The steps of a run that began, in the order of its plans."""

    project: str = ""
    steps: tuple[TimedStep, ...] = ()
    stages: tuple[float, ...] = ()
    """When each plan of the run began to be executed: `up` has two if images come first."""
    seconds: float = 0.0
    """How long the run took."""
    command: str = "stackctl up"
    at: float = 0.0
    """When the run began, in seconds since the epoch; 0 if that is not known."""
    exit_code: int = 0

    def rows(self) -> dict[str, list[TimedStep]]:
        """The steps of each replica by its name, in the order of time. A service stands before those that wait for it."""
        found: dict[str, list[TimedStep]] = {}
        for step in self.steps:
            for row in step.rows:
                found[row] = [*found.pop(row, ()), step]
        return {row: sorted(steps, key=lambda step: step.began) for row, steps in found.items()}


def timeline(events: Iterable[Event]) -> Timeline:
    """The timeline of a run from its events, which begin with a `Planned`."""
    project, stages, seconds = "", list[float](), 0.0
    begun: dict[int, TimedStep] = {}
    offset, length = 0, 0
    plans: list[tuple[int, Mapping[int, Step]]] = []
    """The offset and the steps of each plan, the latest first. The last steps of a plan may come after others."""

    def place(step: Step) -> int:
        return next((o for o, steps in plans if steps.get(step.id) == step), offset)

    for event in events:
        seconds = max(seconds, event.at)
        match event:
            case Planned(plan, at):
                project = plan.project or project
                stages.append(at)
                offset, length = offset + length, len(plan.steps)
                plans.insert(0, (offset, {step.id: step for step in plan.steps}))
            case Started(step, at):
                begun[place(step) + step.id] = _begun(step, at, place(step), len(stages) - 1)
            case Done(step, at) | Failed(step, at) | Skipped(step, at) | Postponed(step, at) if (
                place(step) + step.id in begun
            ):
                id_ = place(step) + step.id
                begun[id_] = replace(begun[id_], ended=at, result=_RESULTS[type(event)])
            case _:
                pass
    steps = tuple(
        replace(step, needs=tuple(sorted(begun.keys() & step.needs)))
        for _, step in sorted(begun.items())
        if step.ended >= step.began
    )
    return Timeline(project, steps, tuple(stages), seconds)


_RESULTS: Mapping[type, Literal["done", "failed", "interrupted"]] = {
    Done: "done",
    Failed: "failed",
    Postponed: "failed",
    Skipped: "interrupted",
}


def _begun(step: Step, at: float, offset: int, stage: int) -> TimedStep:
    action = step.action
    return TimedStep(
        id=offset + step.id,
        action=type(action).__name__,
        subject=action.name if isinstance(action, WaitFor | RunHook) else subject(action),
        began=at,
        ended=-1.0,
        stage=stage,
        of=step.of,
        services=action.image.services if isinstance(action, PullImage | BuildImage) else (),
        condition=action.condition.name if isinstance(action, WaitFor) else "",
        why=step.why,
        needs=tuple(sorted(id_ + offset for id_ in step.after | step.implied)),
    )


def seconds_of_phases(run: Timeline) -> dict[str, dict[Phase, float]]:
    """For each replica, by name: how many seconds it was in each of its phases. A phase that it did not have is left out.

    Where steps of one phase overlap, the time counts once.
    """
    return {
        row: {
            phase: covered((step.began, step.ended) for step in steps if step.phase == phase)
            for phase in PHASES
            if any(step.phase == phase for step in steps)
        }
        for row, steps in run.rows().items()
    }


def covered(spans: Iterable[tuple[float, float]]) -> float:
    """The length of time that at least one of the spans covers."""
    total, until = 0.0, 0.0
    for began, ended in sorted(spans):
        total += max(ended - max(began, until), 0.0)
        until = max(until, ended)
    return total
