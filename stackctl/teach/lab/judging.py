"""What is repaired in a student's stack and what is not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct

from stackctl.errors import Problem
from stackctl.spec.lint.subject import Subject
from stackctl.spec.model import Stack
from stackctl.teach.lab.goals import Goal, Sight, look
from stackctl.teach.lab.making import Made, PlantedMistake


class Judgement(Struct, frozen=True):
    """`seen` says of each goal whether the stack reaches it; `told` is what a running stack has shown, by the goal's key."""

    made: Made
    seen: Mapping[str, Sight]
    errors: int = 0
    """How many errors `stackctl check` finds in the file."""
    told: Mapping[str, str] = {}

    def holds(self, goal: str) -> bool:
        return self.seen[goal] is Sight.whole

    def repaired(self, mistake: PlantedMistake) -> bool:
        return all(self.holds(goal) for goal in mistake.goals)

    @property
    def count(self) -> int:
        """How many mistakes are repaired."""
        return sum(self.repaired(mistake) for mistake in self.made.mistakes)

    @property
    def whole(self) -> bool:
        """Whether everything works, also what had worked before."""
        return not self.errors and all(self.holds(goal.key) for goal in self.made.goals)

    @property
    def spoilt(self) -> tuple[Goal, ...]:
        """The goals that the lab's own mistakes do not break, and that are broken now."""
        broken = {key for mistake in self.made.mistakes for key in mistake.goals}
        return tuple(
            goal for goal in self.made.goals if self.seen[goal.key] is Sight.broken and goal.key not in broken
        )


def judge(made: Made, stack: Stack | None, problems: Sequence[Problem] = ()) -> Judgement:
    """Judge a stack by what its containers get. Without a stack, because the file cannot be read, nothing works."""
    seen = look(made.goals, Subject(stack)) if stack else {goal.key: Sight.broken for goal in made.goals}
    return Judgement(made, seen, sum(problem.severity == "error" for problem in problems))
