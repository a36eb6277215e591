"""Has a service of a Swarm come to its goal? It is counted from tasks: the Swarm's own count has the tasks of dead nodes, and after
a rollback it counts tasks that nobody asked for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from typing import Literal

from msgspec import Struct

from stackctl.errors import RolledBackError, WaitError, WaitTimeoutError
from stackctl.planner.world.swarm_desired import SwarmGoal
from stackctl.planner.world.swarm_observed import ObservedNode, ObservedService, ObservedTask

PATIENCE = 15.0
"""Seconds that a task may have an error, such as "no suitable node", before it counts as one that stays."""
ATTEMPTS = 3
"""How often a task may fail in one place."""

State = Literal["waiting", "converged", "failed", "rolled back"]


class Verdict(Struct, frozen=True):
    """Where a service stands. `text` says how far it is, or why it will never come to its goal."""

    state: State
    text: str
    error: str = ""
    """The error of a task in its own words."""
    exit_code: int | None = None
    """The exit code of that task's container."""

    def raised(self, goal: SwarmGoal) -> None:
        """Raise what a failure is to whoever waits."""
        why = f"{self.text}: {self.error}" if self.error and self.error not in self.text else self.text
        hint = f"docker service ps --no-trunc {goal.name} shows its tasks"
        if self.state == "rolled back":
            raise RolledBackError(f"{goal.name} {why}", hint, exit_code_of_container=self.exit_code)
        if self.state == "failed":
            raise WaitError(f"{goal.name} {why}", hint, exit_code_of_container=self.exit_code)

    def too_late(self, goal: SwarmGoal, timeout: float) -> WaitTimeoutError:
        """What is raised once the deadline is over."""
        why = f"{self.text}: {self.error}" if self.error else self.text
        return WaitTimeoutError(
            f"{goal.name} has not come to run within {timeout:g} s: {why}",
            f"docker service ps --no-trunc {goal.name} shows its tasks; --timeout gives it more time",
            exit_code_of_container=self.exit_code,
            last_answer=self.error,
        )


class Convergence:
    """Follows a service to its goal. `look` is called with what is there, again and again; `now` is any clock in seconds."""

    def __init__(self, goal: SwarmGoal) -> None:
        self._goal = goal
        self._old: frozenset[str] | None = None
        """Tasks that had ended before: an earlier deploy has told of them."""
        self._settled_since: float | None = None
        self._errors: dict[str, float] = {}
        """Since when a task has an error."""

    def look(
        self,
        service: ObservedService | None,
        tasks: Collection[ObservedTask],
        nodes: Mapping[str, ObservedNode],
        now: float,
    ) -> Verdict:
        """`tasks` are those of the service, also those that have ended; `nodes` are all nodes by id."""
        goal = self._goal
        if service is None:
            return Verdict("failed", "is not there any more")
        if self._old is None:
            # The first attempts of a new service may be over by now. They are seen again: a Swarm tries again.
            self._old = frozenset(task.id for task in tasks if task.ended)
        mine = [task for task in tasks if is_meant(goal, service, task)]
        if verdict := _of_update(goal, service, tasks):
            return verdict
        if goal.mode.endswith("-job"):
            return _of_job(goal, mine)
        tasks_wanted = goal.tasks
        if goal.nodes:
            lost = {each for each in goal.nodes if not ((node := nodes.get(each)) and node.takes_tasks)}
            mine = [task for task in mine if task.node_id not in lost]
            tasks_wanted -= len(lost)
        if verdict := self._of_failures(mine, now):
            return verdict
        there = running_places(mine, nodes)
        if goal.rolled_back and goal.mode == "replicated":
            tasks_wanted = service.replicas  # only the Swarm knows how many it had before
        needed = 1 if goal.started and tasks_wanted else tasks_wanted
        error = next((task for task in _by_age(mine) if task.error and not task.ended), None)
        text = _told(len(there), tasks_wanted, mine)
        waiting = Verdict("waiting", text, error.error if error else _last_error(mine))
        if len(there) < needed:
            self._settled_since = None
            return waiting
        if service.update_state not in _AT_REST:
            return self._stuck(tasks, nodes, now, text) or waiting
        if service.update_state == "completed" or goal.started:
            return Verdict("converged", text)
        if self._settled_since is None:
            self._settled_since = now
        return Verdict("converged", text) if now - self._settled_since >= goal.settle else waiting

    def _stuck(
        self, tasks: Iterable[ObservedTask], nodes: Mapping[str, ObservedNode], now: float, text: str
    ) -> Verdict | None:
        """All tasks run and none is left of an earlier definition, but the Swarm does not end its update: it waits for a task on a node
        that is lost.
        """
        if _older(self._goal, tasks, nodes):
            self._settled_since = None
            return None
        if self._settled_since is None:
            self._settled_since = now
        whole = now - self._settled_since
        return Verdict("converged", text) if whole > PATIENCE + self._goal.monitor else None

    def _of_failures(self, mine: Iterable[ObservedTask], now: float) -> Verdict | None:
        assert self._old is not None
        failed = Counter[str]()
        seen: dict[str, float] = {}
        for task in mine:
            if task.id in self._old:
                continue
            if task.state == "rejected":
                return Verdict("failed", "was rejected by a node", task.error or task.message)
            if task.state == "failed":
                failed[task.place] += 1
                if failed[task.place] >= ATTEMPTS:
                    return Verdict("failed", f"has failed {ATTEMPTS} times", task.error, task.exit_code)
            if task.error and not task.ended and task.desired_state in _WANTED:
                seen[task.id] = self._errors.get(task.id, now)
                if now - seen[task.id] > PATIENCE:
                    return Verdict("failed", "cannot start", task.error)
        self._errors = seen
        return None


_AT_REST = ("", "completed", "rollback_completed")
_WANTED = ("running", "ready", "accepted")


def is_meant(goal: SwarmGoal, service: ObservedService, task: ObservedTask) -> bool:
    """Whether the task belongs to what the goal is about: its definition, its image, the present iteration of a job."""
    if goal.mode.endswith("-job"):
        return task.iteration == service.iteration
    if goal.task_digest and task.digest != goal.task_digest:
        return False
    return not goal.image or task.image == goal.image


def running_places(tasks: Iterable[ObservedTask], nodes: Mapping[str, ObservedNode]) -> set[str]:
    """The slots, or the nodes of a global service, in which a task runs on a node that is not down."""
    return {
        task.place
        for task in tasks
        if task.state == "running" and task.desired_state == "running" and _alive(task, nodes)
    }


def _alive(task: ObservedTask, nodes: Mapping[str, ObservedNode]) -> bool:
    """Whether the node of the task is there."""
    return bool((node := nodes.get(task.node_id)) and not node.down)


def at_rest(goal: SwarmGoal, service: ObservedService, nodes: Iterable[ObservedNode]) -> bool | None:
    """Whether the service has come to its goal, as far as the list of services shows it. None: only its tasks can tell."""
    if goal.digest and service.digest != goal.digest:
        return False
    if goal.mode.endswith("-job"):
        return True if service.completed >= goal.tasks else None
    # The list still counts the tasks of a node that died, and those that have not yet left an emptied node.
    if any(node.down or node.availability == "drain" for node in nodes):
        return None
    if service.update_state not in _AT_REST:
        return None
    return True if service.running == service.desired == goal.tasks else None


def stands_still(
    goal: SwarmGoal,
    service: ObservedService,
    tasks: Collection[ObservedTask],
    nodes: Mapping[str, ObservedNode],
) -> bool:
    """Whether the update waits for a task on a lost node, although every place has a new task that runs, and leaves earlier tasks beside
    them. Engine 20.10 does not go on before the node is back (seen with the order `start-first`); a new update does.
    """
    mine = [task for task in tasks if is_meant(goal, service, task)]
    lost = [task for task in mine if not task.ended and task.node_id and not _alive(task, nodes)]
    return (
        service.update_state == "updating"
        and bool(lost)
        and len(running_places(mine, nodes)) >= goal.tasks
        and _older(goal, tasks, nodes)
    )


def _of_update(goal: SwarmGoal, service: ObservedService, tasks: Collection[ObservedTask]) -> Verdict | None:
    """What the state of the update says, if it says that the service does not come to its goal."""
    state, said = service.update_state, service.update_message
    if goal.rolled_back:
        if state in ("paused", "rollback_paused"):
            return Verdict("failed", f"has stopped on its way back: {said}", _last_error(tasks))
        return None if state in _AT_REST else Verdict("waiting", "goes back")
    if state.startswith("rollback"):
        goes = "has gone back" if state == "rollback_completed" else "goes back"
        return Verdict("rolled back", f"{goes} to what it was before: {said}", _last_error(tasks))
    if goal.digest and service.digest != goal.digest:
        return Verdict("failed", "was changed by somebody else meanwhile")
    if state == "paused":
        return Verdict("failed", f"has stopped in its update: {said}", _last_error(tasks))
    return None


def _of_job(goal: SwarmGoal, mine: Collection[ObservedTask]) -> Verdict:
    done = {task.place or task.id for task in mine if task.state == "complete"}
    text = f"{len(done)} of {goal.tasks} completed"
    if len(done) >= goal.tasks:
        return Verdict("converged", text)
    living = {task.place for task in mine if not task.ended}
    for task in _by_age(mine):
        if task.state in ("failed", "rejected") and task.place not in living:
            return Verdict("failed", "has failed", task.error or task.message, task.exit_code)
    pending = next((task.error for task in _by_age(mine) if task.error and not task.ended), "")
    return Verdict("waiting", text, pending)


def _older(goal: SwarmGoal, tasks: Iterable[ObservedTask], nodes: Mapping[str, ObservedNode]) -> bool:
    """Whether tasks of another definition still run on nodes that are not down."""
    return bool(running_places([task for task in tasks if task.digest != goal.task_digest], nodes))


def _told(running: int, wanted: int, mine: Iterable[ObservedTask]) -> str:
    """`2 of 3 running, 1 starting`"""
    states = Counter(task.state for task in mine if not task.ended and task.state != "running")
    return ", ".join(
        [f"{running} of {wanted} running", *(f"{n} {state}" for state, n in sorted(states.items()))]
    )


def _by_age(tasks: Iterable[ObservedTask]) -> list[ObservedTask]:
    """The newest first."""
    return sorted(tasks, key=lambda task: (-task.created, task.id))


def _last_error(tasks: Iterable[ObservedTask]) -> str:
    return next((task.error for task in _by_age(tasks) if task.error), "")
