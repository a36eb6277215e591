"""What is repaired in a student's stack and what is not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from stackctl.errors import Problem, SpecError
from stackctl.planner.same.compare import compare_stacks
from stackctl.spec.lint.subject import Subject
from stackctl.spec.model import Stack
from stackctl.teach.lab.goals import Goal, Sight, look
from stackctl.teach.lab.making import Made, PlantedMistake, understood


class Shown(Struct, frozen=True):
    """What a running stack has shown of a goal. `told`: what was seen, if it does not work."""

    works: bool
    told: str = ""


class Trial(Struct, frozen=True):
    """What a running stack has shown, by the goal's key. `failure`: why it did not come up, or why its program says nothing."""

    shown: Mapping[str, Shown]
    failure: str = ""


class Judgement(Struct, frozen=True):
    """`seen` says of each goal whether the stack reaches it. Without a trial this is what the file tells."""

    made: Made
    seen: Mapping[str, Sight]
    errors: int = 0
    """How many errors `stackctl check` finds in the file."""
    trial: Trial | None = None
    differences: int = 0
    """In how many places it makes something else than the stack from which the lab was made."""

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
        failed = self.trial and self.trial.failure
        return not (self.errors or failed) and all(self.holds(goal.key) for goal in self.made.goals)

    @property
    def wants_trial(self) -> bool:
        """Whether only a running stack can tell more: because the lab is about running, or because the file does not tell."""
        return not self.errors and (self.made.lab.runs or Sight.unknown in self.seen.values())

    @property
    def spoilt(self) -> tuple[Goal, ...]:
        """The goals that the lab's own mistakes do not break, and that are broken now."""
        broken = {key for mistake in self.made.mistakes for key in mistake.goals}
        return tuple(
            goal for goal in self.made.goals if self.seen[goal.key] is Sight.broken and goal.key not in broken
        )

    def tried(self, trial: Trial) -> Judgement:
        """The judgement with what the running stack has shown.

        What works is right, whatever the file says. What does not work may be the fault of another mistake, so it counts only
        where the file does not tell, or where by the file everything should work.
        """
        decides = Sight.broken not in self.seen.values()
        seen = dict(self.seen)
        for key, shown in trial.shown.items():
            if key not in seen:
                continue
            if shown.works:
                seen[key] = Sight.whole
            elif decides or seen[key] is Sight.unknown:
                seen[key] = Sight.broken
        return replace(self, seen=seen, trial=trial)


def judge(made: Made, stack: Stack | None, problems: Sequence[Problem] = ()) -> Judgement:
    """Judge a stack by what its containers get. Without a stack, because the file cannot be read, nothing works."""
    seen = look(made.goals, Subject(stack)) if stack else {goal.key: Sight.broken for goal in made.goals}
    errors = sum(problem.severity == "error" for problem in problems)
    return Judgement(made, seen, errors, differences=0 if errors else _differences(made, stack))


def _differences(made: Made, stack: Stack | None) -> int:
    right = understood(made.right, made.names)
    try:
        return len(compare_stacks(right, stack).differences) if right and stack else 0
    except SpecError:  # a selection that cannot work: `check` tells it
        return 0
