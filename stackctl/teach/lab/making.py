"""Make a student's lab: the right stack, the mistakes in it, and the files."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from msgspec import Struct

from stackctl.errors import Key, UsageError
from stackctl.spec.lint.subject import Subject
from stackctl.spec.model import Stack
from stackctl.spec.output.document import document
from stackctl.spec.source.reading import Written, examine_written
from stackctl.spec.source.request import StackRequest
from stackctl.spec.text.interpolate import Lookup, Variables
from stackctl.teach.lab.goals import Goal, Sight, goals, look
from stackctl.teach.lab.labs import LABS, Lab, Tree, reference
from stackctl.teach.lab.mutations import KINDS, UNSEEN
from stackctl.teach.lab.variation import Chance, Variation, vary

_KINDS = {**KINDS, **UNSEEN}
_TRIES = 50
"""How many sets of mistakes are looked at, of which the first nearly always fits together."""

KeyPath = tuple[Key, ...]


class Alteration(Struct, frozen=True):
    """One place where the right stack and the broken one differ. None: nothing stands there."""

    path: KeyPath
    right: Any
    wrong: Any


class PlantedMistake(Struct, frozen=True):
    """A mistake in a lab. `goals` are the goals that it breaks: the mistake is repaired when all of them hold."""

    kind: str
    edits: tuple[Alteration, ...]
    goals: frozenset[str]


class Made(Struct, frozen=True, kw_only=True):
    """A student's lab."""

    number: int
    lab: Lab
    names: Variation
    right: Tree
    broken: Tree
    mistakes: tuple[PlantedMistake, ...]
    goals: tuple[Goal, ...]

    @property
    def files(self) -> Mapping[str, str]:
        """The texts of the lab's files, by path."""
        program = resources.files("stackctl.teach.lab") / "program"
        found = {
            "stack.toml": written(self.names.project, self.broken),
            ".env": f"DB_PASSWORD={self.names.password}\n" if "db" in self.lab.parts else "",
            "app/app.py": (program / "app.py").read_text(encoding="utf-8"),
            "app/postgres.py": (program / "postgres.py").read_text(encoding="utf-8"),
        }
        if "migrate" in self.lab.parts:
            found["app/migrate.sh"] = (program / "migrate.sh").read_text(encoding="utf-8")
        if "web" in self.lab.parts:
            conf = (program / "default.conf").read_text(encoding="utf-8")
            found["web/default.conf"] = conf.replace("API", self.names.api)
        return {name: text for name, text in found.items() if text}


def make(number: int, student: str) -> Made:
    """The lab of a student. The same number and id always give the same lab. Raises UsageError for a lab that does not exist."""
    if number not in LABS:
        raise UsageError(f"there is no lab {number}", f"there are: {', '.join(map(str, LABS))}")
    lab, names = LABS[number], vary(number, student)
    right = reference(lab, names)
    asked = goals(lab, names)
    chance = Chance(f"mistakes {names.seed}")
    for _ in range(_TRIES):
        mistakes = _chosen(lab, names, right, asked, chance)
        if mistakes:
            broken = applied(right, mistakes)
            return Made(
                number=number,
                lab=lab,
                names=names,
                right=right,
                broken=broken,
                mistakes=mistakes,
                goals=asked,
            )
    raise AssertionError(f"lab {number} of {student} finds no mistakes")


def _chosen(
    lab: Lab, names: Variation, right: Tree, asked: tuple[Goal, ...], chance: Chance
) -> tuple[PlantedMistake, ...] | None:
    """One mistake of each group of kinds. Each breaks goals that no other one breaks."""
    found: list[PlantedMistake] = []
    taken: set[str] = set()
    used: set[str] = set()
    for group in lab.mistakes:
        mistake = _first(group, names, right, asked, chance, taken, used)
        if mistake is None:
            return None
        found.append(mistake)
        taken |= mistake.goals
        used |= {str(edit.path) for edit in mistake.edits}
    together = broken_goals(applied(right, found), names, asked)
    return tuple(found) if together == taken else None


def _first(
    group: tuple[str, ...],
    names: Variation,
    right: Tree,
    asked: tuple[Goal, ...],
    chance: Chance,
    taken: set[str],
    used: set[str],
) -> PlantedMistake | None:
    for kind in chance.shuffled(group):
        for _, changed in chance.shuffled([*_KINDS[kind](right)]):
            edits = tuple(differences(right, changed))
            broken = broken_goals(changed, names, asked)
            if broken and not broken & taken and not used & {str(edit.path) for edit in edits}:
                return PlantedMistake(kind, edits, frozenset(broken))
    return None


def broken_goals(tree: Tree, names: Variation, asked: tuple[Goal, ...]) -> set[str]:
    """The goals that a stack does not reach."""
    stack = understood(tree, names)
    seen = look(asked, Subject(stack)) if stack else {goal.key: Sight.broken for goal in asked}
    return {key for key, sight in seen.items() if sight is Sight.broken}


def understood(tree: Tree, names: Variation) -> Stack | None:
    """The stack of a tree, as far as it can be read."""
    lookup = Lookup((Variables(".env", {"DB_PASSWORD": names.password}),))
    request = StackRequest(directory=Path("/"), environ={}, strict=False)
    return examine_written(Written({"name": names.project, **tree}, lookup, (), Path("/"), ()), request).stack


def written(project: str, tree: Tree) -> str:
    """The text of a stack.toml."""
    full = {
        section: {
            name: {key: value for key, value in each.items() if value != []} for name, each in table.items()
        }
        for section, table in tree.items()
    }
    return f'name = "{project}"\n\n' + document(full, {}, lambda *_: "")


def applied(tree: Tree, mistakes: tuple[PlantedMistake, ...] | list[PlantedMistake]) -> Tree:
    changed = copy.deepcopy(tree)
    for mistake in mistakes:
        for edit in mistake.edits:
            _set(changed, edit.path, edit.wrong)
    return changed


def _set(tree: Tree, path: KeyPath, value: Any) -> None:
    *before, last = path
    for key in before:
        tree = tree.setdefault(key, {})  # type: ignore[arg-type]
    if value is None:
        tree.pop(last, None)  # type: ignore[arg-type]
    else:
        tree[last] = copy.deepcopy(value)  # type: ignore[index]


def differences(right: Any, wrong: Any, path: KeyPath = ()) -> Iterator[Alteration]:
    """Where two trees differ. A list counts as one value; a key keeps no order."""
    if not (isinstance(right, dict) and isinstance(wrong, dict)):
        if right != wrong:
            yield Alteration(path, right, wrong)
        return
    for key in [*right, *(key for key in wrong if key not in right)]:
        if key not in wrong or key not in right:
            yield Alteration((*path, key), right.get(key), wrong.get(key))
        else:
            yield from differences(right[key], wrong[key], (*path, key))
