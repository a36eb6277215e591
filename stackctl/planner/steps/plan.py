"""The plan: steps with their reasons and their order. Data, printed by itself and read by many."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec import Struct, field

from stackctl.errors import Problem
from stackctl.planner.steps.actions import Action, RemoveVolume, WaitFor, subject
from stackctl.planner.steps.facts import Fact
from stackctl.planner.world.replica import Replica


class Step(Struct, frozen=True):
    """One action, the reason for it, and the steps that must be done first.

    `of` is whom it serves (None for networks, volumes). If the action fails, `rescue` is performed in order, so that
    what worked before works again.
    """

    id: int
    action: Action
    why: str
    after: frozenset[int] = frozenset()
    of: Replica | None = None
    rescue: tuple[Action, ...] = ()
    optional: bool = False
    """Its failure does not skip the steps that come after it (`required = false`)."""

    @property
    def service(self) -> str:
        """The service or job it serves, "" for none."""
        return self.of.service if self.of else ""


class Plan(Struct, frozen=True):
    """Steps in an order that is safe one by one."""

    project: str = ""
    steps: tuple[Step, ...] = ()
    notes: tuple[str, ...] = ()
    """What was found and deliberately left alone."""
    warnings: tuple[Problem, ...] = ()
    """What is probably a mistake, and did not stop the plan."""

    @property
    def changes(self) -> tuple[Step, ...]:
        """The steps that write. Waiting does not."""
        return tuple(step for step in self.steps if not isinstance(step.action, WaitFor))

    @property
    def loses_data(self) -> tuple[str, ...]:
        """The volumes it removes."""
        return tuple(step.action.name for step in self.steps if isinstance(step.action, RemoveVolume))

    def __str__(self) -> str:
        lines = []
        for step in self.steps:
            after = f"[{', '.join(map(str, sorted(step.after)))}] -> " if step.after else ""
            lines.append(f"{after}#{step.id} {type(step.action).__name__} {subject(step.action)}, {step.why}")
        return "\n".join([*lines, *(f"note: {note}" for note in self.notes)])


class Draft(Struct):
    """A plan being written. Steps say what they need and what they make true; the edges between them follow from that."""

    project: str = ""
    steps: list[Step] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    _makers: dict[Fact, int] = field(default_factory=dict)
    """The steps that make each fact, as bits by id."""
    _before: list[int] = field(default_factory=lambda: [0])
    """What must have succeeded before each step can, as bits by id: a plan of thousands of steps has millions of such pairs."""

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

        It comes after the steps that make what it `needs`: a fact, or that a step has been done, given by its id; None is
        ignored. Of these steps, those that others of them come after are left out, as they go without saying; but not where
        only an optional step would say it, since that may fail.
        """
        before, implied = 0, 0
        for need in needs:
            before |= self._steps_for(need)
        for id_ in _ids(before):
            implied |= self._before[id_]
        step = Step(
            len(self.steps) + 1, action, why, frozenset(_ids(before & ~implied)), of, rescue, optional
        )
        self.steps.append(step)
        self._before.append(0 if optional else before | implied)
        for fact in makes:
            self._makers[fact] = self._makers.get(fact, 0) | 1 << step.id
        return step.id

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
