"""The plan: steps with their reasons and their order."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from msgspec import Struct, field

from stackctl.errors import Problem
from stackctl.planner.steps.actions import Action, RemoveVolume, Wait, subject
from stackctl.planner.steps.facts import Fact, Removed
from stackctl.planner.world.matching import users_of_volumes
from stackctl.planner.world.observed import Observed
from stackctl.planner.world.replica import Replica


class Step(Struct, frozen=True):
    """One action, the reason for it, and the steps that must be done first.

    `of` is the replica that the step belongs to (None for networks and volumes). If the action fails, the actions in `rescue`
    are performed in order, so that what worked before works again.
    """

    id: int
    action: Action
    why: str
    after: frozenset[int] = frozenset()
    of: Replica | None = None
    rescue: tuple[Action, ...] = ()
    optional: bool = False
    """Whether later steps go on even if this one fails (`required = false`)."""
    implied: frozenset[int] = frozenset()
    """The steps that it needs as well, and that are done already when those in `after` are."""
    last: bool = False
    """Whether it is done only once all other steps are done and the last look has found everything well: until then, what it takes
    away is needed to go back.
    """

    @property
    def service(self) -> str:
        """The service or job it serves, "" for none."""
        return self.of.service if self.of else ""


class Plan(Struct, frozen=True):
    """Steps in a safe order: they may be done one after another."""

    project: str = ""
    steps: tuple[Step, ...] = ()
    notes: tuple[str, ...] = ()
    """Sentences about things that were found and are left alone on purpose."""
    warnings: tuple[Problem, ...] = ()
    """Probable mistakes that did not stop the plan."""

    @property
    def changes(self) -> tuple[Step, ...]:
        """The steps that write. Waiting does not."""
        return tuple(step for step in self.steps if not isinstance(step.action, Wait))

    @property
    def loses_data(self) -> tuple[str, ...]:
        """The volumes that it removes with their data."""
        removed = (step.action for step in self.steps if isinstance(step.action, RemoveVolume))
        return tuple(action.name for action in removed if action.data)

    @property
    def parts(self) -> tuple[Plan, Plan]:
        """The plan without its `last` steps, and these alone."""
        first = tuple(step for step in self.steps if not step.last)
        last = tuple(step for step in self.steps if step.last)
        return Plan(self.project, first), Plan(self.project, last)

    def only(self, *kinds: type) -> Plan:
        """The steps with some kinds of action alone. These steps must not wait for other kinds of steps."""
        steps = tuple(step for step in self.steps if isinstance(step.action, kinds))
        return Plan(self.project, steps, warnings=self.warnings)

    def __str__(self) -> str:
        lines = []
        for step in self.steps:
            after = f"[{', '.join(map(str, sorted(step.after)))}] -> " if step.after else ""
            lines.append(f"{after}#{step.id} {type(step.action).__name__} {subject(step.action)}, {step.why}")
        return "\n".join([*lines, *(f"note: {note}" for note in self.notes)])


class UndoPlan(Plan, frozen=True, kw_only=True):
    """What a failed run has changed goes back to what it was."""

    whole: bool = False
    """Whether afterwards everything is as it was before the run."""


class Draft(Struct):
    """A plan being written. Steps say what they need and what they make true; the edges between them follow from that."""

    project: str = ""
    steps: list[Step] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    last: bool = False
    """Whether the steps from now on are `last` steps."""
    _makers: dict[Fact, int] = field(default_factory=dict)
    """The steps that make each fact, as bits by id."""
    _before: list[int] = field(default_factory=lambda: [0])
    """For each step, the steps that must succeed before it, as bits by id: a plan of thousands of steps has millions of such pairs."""

    def add(
        self,
        action: Action,
        why: str,
        *needs: Fact | int | None,
        makes: Iterable[Fact] = (),
        of: Replica | None = None,
        rescue: tuple[Action, ...] = (),
        optional: bool = False,
    ) -> int:
        """Append a step and return its id; ids ascend.

        The step comes after the steps that make what it `needs`. A need is a fact, or the id of a step; None is ignored. A step is
        left out of `after` if another step in `after` comes after it, unless that other step is optional and may fail.
        """
        before, implied = 0, 0
        for need in needs:
            before |= self._steps_for(need)
        for id_ in _ids(before):
            implied |= self._before[id_]
        after, also = frozenset(_ids(before & ~implied)), frozenset(_ids(before & implied))
        if of and not of.service:  # a container that copies for several services belongs to none
            of = None
        step = Step(len(self.steps) + 1, action, why, after, of, rescue, optional, also, self.last)
        self.steps.append(step)
        self._before.append(0 if optional else before | implied)
        for fact in makes:
            self.make(fact, step.id)
        return step.id

    def make(self, fact: Fact, step: int) -> None:
        """Say of a step that it makes a fact, too."""
        self._makers[fact] = self._makers.get(fact, 0) | 1 << step

    def makes(self, fact: Fact) -> bool:
        """Whether a step so far makes a fact."""
        return fact in self._makers

    def plan(self) -> Plan:
        return Plan(self.project, tuple(self.steps), tuple(self.notes))

    def _steps_for(self, need: Fact | int | None) -> int:
        if need is None:
            return 0
        return 1 << need if isinstance(need, int) else self._makers.get(need, 0)


def _ids(bits: int) -> Iterator[int]:
    while bits:
        lowest = bits & -bits
        yield lowest.bit_length() - 1
        bits ^= lowest


def plan_companions(
    draft: Draft, observed: Observed, project: str, instances: Collection[str | None]
) -> None:
    """Remove the volumes without data of which no container is left, now or after the steps so far: those for secrets and
    configs, and the signs that `post_start` hooks have not succeeded yet.
    """
    users = users_of_volumes(observed)
    going = {step.action.name for step in draft.steps if isinstance(step.action, RemoveVolume)}
    for volume in observed.volumes:
        if volume.holds_data or volume.lease or volume.name in going:
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
