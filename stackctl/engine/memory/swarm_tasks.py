"""Services, tasks and updates of the simulated Swarm, as swarmkit's orchestrator, scheduler and updater treat them.

Everything happens at a time of the Swarm's own clock: what is to happen stands in a heap of events.
"""

from __future__ import annotations

import heapq
import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Iterator

from msgspec import Struct, field
from msgspec.structs import replace

from stackctl.engine.memory.commands import FOREVER, Behaviour
from stackctl.engine.memory.container import course_of
from stackctl.planner.swarm.placing import fits
from stackctl.planner.world.observed import ImageConfig
from stackctl.planner.world.swarm_desired import DesiredService, Rollout
from stackctl.planner.world.swarm_observed import ENDED, ObservedNode, ObservedTask

ASSIGN, START, STOP = 0.05, 0.2, 0.1
"""Seconds until a task is assigned to a node, until its container has been made and started, and until it has stopped."""
_INTERVAL, _RETRIES = 30.0, 3
"""Of a healthcheck that does not say them (Docker's defaults)."""
_HISTORY = 5
"""How many ended tasks of a slot are remembered (swarmkit's default)."""


class Clock:
    """Time that only moves when somebody waits, and what is to happen then."""

    def __init__(self) -> None:
        self.now = 1000.0
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()

    def later(self, seconds: float, do: Callable[[], None]) -> None:
        if seconds < FOREVER:
            heapq.heappush(self._events, (self.now + seconds, next(self._order), do))

    def advance(self, seconds: float) -> None:
        until = self.now + seconds
        while self._events and self._events[0][0] <= until:
            at, _, do = heapq.heappop(self._events)
            self.now = max(self.now, at)
            do()
        self.now = until


class Task(Struct, eq=False, kw_only=True):
    """`made` is the version of the definition that it was made from."""

    id: str
    service: SwarmService
    spec: DesiredService
    made: int
    slot: int = 0
    iteration: int = 0
    node_id: str = ""
    only: str = ""
    """The node of a task of a global service."""
    state: str = "new"
    desired: str = "running"
    message: str = "created"
    error: str = ""
    exit_code: int | None = None
    created: float
    updated: float
    begun: float | None = None
    """When it came to run."""
    log: list[tuple[float, str]] = field(default_factory=list)

    @property
    def ended(self) -> bool:
        return self.state in ENDED

    @property
    def wanted(self) -> bool:
        return self.desired in ("running", "ready", "complete") and not self.ended

    @property
    def place(self) -> str:
        return self.only or str(self.slot)

    def as_seen(self) -> ObservedTask:
        return ObservedTask(
            id=self.id,
            service_id=self.service.id,
            node_id=self.node_id,
            slot=0 if self.only else self.slot,
            state=self.state,
            desired_state=self.desired,
            message=self.message,
            error=self.error,
            exit_code=self.exit_code,
            container=f"c{self.id}" if self.state in _WITH_CONTAINER else "",
            image=self.spec.image,
            digest=self.spec.task_digest,
            created=self.created,
            updated=self.updated,
            iteration=self.iteration,
        )


_WITH_CONTAINER = ("starting", "running", "complete", "failed", "shutdown")


class SwarmService(Struct, eq=False, kw_only=True):
    id: str
    spec: DesiredService
    version: int
    created: float
    updated: float
    previous: DesiredService | None = None
    made: int = 1
    """Which definition of a task this is."""
    iteration: int = 0
    update_state: str = ""
    update_message: str = ""
    tasks: list[Task] = field(default_factory=list)
    busy: dict[str, Task | None] = field(default_factory=dict)
    """The places that an update is at, each with its new task."""
    next_at: float = 0.0
    """When an update may go on with the next place."""
    moved: float = 0.0
    """When an update last finished a place."""
    failed: int = 0
    attempts: Counter[str] = field(default_factory=Counter)
    """How often the tasks of a place were started again."""
    restarting: set[str] = field(default_factory=set)
    """Places whose new task comes after the delay of the restart policy."""

    @property
    def updating(self) -> bool:
        return self.update_state in ("updating", "rollback_started")


class Orchestrator:
    """`nodes` by id, changed by its owner. `image` says what a reference means, None if no node has it."""

    def __init__(
        self,
        clock: Clock,
        nodes: dict[str, ObservedNode],
        image: Callable[[str], ImageConfig | None],
        behaviour: Callable[[DesiredService], Behaviour],
        stamp: Callable[[], int],
    ) -> None:
        self._clock = clock
        self._nodes = nodes
        self._image = image
        self._behaviour = behaviour
        self._stamp = stamp
        self._ids = itertools.count(1)
        self.services: dict[str, SwarmService] = {}
        self.forgotten: list[Task] = []
        """Tasks of services that are gone."""
        self._load: Counter[str] = Counter()
        """How many tasks each node has."""
        self._pending: dict[str, Task] = {}

    def tasks(self) -> Iterator[Task]:
        for service in self.services.values():
            yield from service.tasks
        yield from self.forgotten

    # Services

    def add(self, service: SwarmService) -> None:
        self.services[service.id] = service
        self.reconcile(service)

    def update(self, service: SwarmService, spec: DesiredService) -> None:
        """A job begins its next iteration. The tasks of any other service are replaced if what a task is has changed."""
        service.previous, old = service.spec, service.spec
        service.spec = spec
        self._touch(service)
        service.attempts.clear()
        if spec.job:
            service.iteration += 1
            for task in service.tasks:
                if not task.ended:
                    self._stop(task, "remove")
        elif _template(old) != _template(spec):
            service.made += 1
            self._begin(service, "updating", "update in progress")
        else:
            service.update_state = service.update_message = ""
            for task in service.tasks:
                task.spec = spec
        self.reconcile(service)

    def roll_back(self, service: SwarmService, message: str = "manually requested rollback") -> None:
        assert service.previous
        service.spec, service.previous = service.previous, None
        service.made += 1
        service.attempts.clear()
        self._begin(service, "rollback_started", message)
        self.reconcile(service)

    def remove(self, service: SwarmService) -> None:
        """Tasks end and are forgotten; those of a job that have ended stay in the list (seen with Engine 20.10)."""
        del self.services[service.id]
        self.forgotten += service.tasks
        for task in service.tasks:
            if not task.ended:
                self._stop(task, "remove")
            elif not service.spec.job:
                self.forgotten.remove(task)
        service.tasks = []

    def _begin(self, service: SwarmService, state: str, message: str) -> None:
        service.update_state, service.update_message = state, message
        service.busy, service.failed = {}, 0
        service.next_at = service.moved = self._clock.now
        self._touch(service)

    def _touch(self, service: SwarmService) -> None:
        service.version = self._stamp()
        service.updated = self._clock.now

    # Tasks

    def reconcile(self, service: SwarmService) -> None:
        """Make the tasks that are missing, end those that are too many, and go on with an update."""
        if service.id not in self.services:
            return
        if service.spec.job:
            self._reconcile_job(service)
            return
        living: dict[str, list[Task]] = {}
        for task in service.tasks:
            if task.wanted:
                living.setdefault(task.place, []).append(task)
        places = self._places(service)
        for place, tasks in living.items():
            if place not in places:
                for task in tasks:
                    self._stop(task, "shutdown")
        for place in places:
            if place not in living and place not in service.restarting and place not in service.busy:
                self._make(service, place)
        if service.updating:
            self._go_on(service, places, living)

    def _places(self, service: SwarmService) -> list[str]:
        if service.spec.mode == "global":
            return [node.id for node in self._nodes.values() if node.takes_tasks and fits(service.spec, node)]
        return [str(slot) for slot in range(1, service.spec.replicas + 1)]

    def _reconcile_job(self, service: SwarmService) -> None:
        mine = [task for task in service.tasks if task.iteration == service.iteration]
        places = {task.place for task in mine if not task.ended or task.state == "complete"}
        if service.spec.mode == "global-job":
            wanted = [n.id for n in self._nodes.values() if n.takes_tasks and fits(service.spec, n)]
        else:
            wanted = [str(slot) for slot in range(service.spec.replicas)]
        tried = {task.place for task in mine}
        for place in wanted:
            if place not in places and place not in service.restarting and place not in tried:
                self._make(service, place, "complete")

    def _make(self, service: SwarmService, place: str, desired: str = "running") -> Task:
        now = self._clock.now
        is_global = service.spec.mode.startswith("global")
        task = Task(
            id=f"task{next(self._ids):08}",
            service=service,
            spec=service.spec,
            made=service.made,
            slot=0 if is_global else int(place),
            only=place if is_global else "",
            iteration=service.iteration,
            desired=desired,
            created=now,
            updated=now,
        )
        service.tasks.append(task)
        self._forget_old(service, task.place)
        self._place(task)
        return task

    def _forget_old(self, service: SwarmService, place: str) -> None:
        if service.spec.job:
            return
        ended = [task for task in service.tasks if task.place == place and task.ended]
        for task in ended[:-_HISTORY]:
            service.tasks.remove(task)

    def reschedule(self) -> None:
        """A node or its labels have changed: try again to place what has no node."""
        for task in [*self._pending.values()]:
            self._place(task)
        for service in [*self.services.values()]:
            if service.spec.mode.startswith("global"):
                self.reconcile(service)

    def _place(self, task: Task) -> None:
        self._pending.pop(task.id, None)
        if not task.wanted:
            return
        node, why = self._choose(task)
        if node is None:
            self._set(task, "pending", "pending task scheduling", f"no suitable node ({why})")
            self._pending[task.id] = task
            return
        task.node_id = node.id
        self._load[node.id] += 1
        self._set(task, "assigned", "scheduler assigned task to node")
        self._clock.later(ASSIGN, lambda: self._prepare(task))

    def _choose(self, task: Task) -> tuple[ObservedNode | None, str]:
        """The node with the fewest tasks of the service, then with the fewest tasks; or why there is none."""
        spec = task.spec
        ready = [node for node in self._nodes.values() if node.takes_tasks]
        fitting = [node for node in ready if fits(spec, node) and task.only in ("", node.id)]
        if not fitting:
            return None, f"scheduling constraints not satisfied on {len(ready)} nodes"
        here = Counter(other.node_id for other in task.service.tasks if other.wanted and other.node_id)
        host = {
            (port.published, port.protocol) for port in spec.ports if port.mode == "host" and port.published
        }
        taken = {
            other.node_id
            for other in (self.tasks() if host else ())
            if not other.ended and other is not task
            for port in other.spec.ports
            if port.mode == "host" and (port.published, port.protocol) in host
        }
        able = [node for node in fitting if node.id not in taken]
        if not able:
            return None, f"host-mode port already in use on {len(fitting)} nodes"
        if most := spec.placement.max_per_node:
            able = [node for node in able if here[node.id] < most]
        if not able:
            return None, "max replicas per node limit exceed"
        reserved = spec.reservations
        if reserved.nano_cpus or reserved.memory:
            able = [node for node in able if self._has_room(node, task)]
        if not able:
            return None, f"insufficient resources on {len(fitting)} nodes"
        return min(able, key=lambda node: (here[node.id], self._load[node.id], node.name)), ""

    def _has_room(self, node: ObservedNode, task: Task) -> bool:
        there = [t for t in self.tasks() if t.node_id == node.id and not t.ended and t is not task]
        need = task.spec.reservations
        cpus = need.nano_cpus + sum(t.spec.reservations.nano_cpus for t in there)
        memory = need.memory + sum(t.spec.reservations.memory for t in there)
        return cpus <= node.nano_cpus and memory <= node.memory

    def _prepare(self, task: Task) -> None:
        if task.state != "assigned" or not self._alive(task):
            return
        if not task.wanted:
            self._end(task, "shutdown", "shutdown")
            return
        if self._image(task.spec.image) is None:
            self._end(task, "rejected", "preparing", f"No such image: {task.spec.image}")
            return
        self._set(task, "preparing", "preparing")
        self._clock.later(START, lambda: self._start(task))

    def _start(self, task: Task) -> None:
        if task.state != "preparing" or not self._alive(task):
            return
        if not task.wanted:
            self._end(task, "shutdown", "shutdown")
            return
        behaviour, image = self._behaviour(task.spec), self._image(task.spec.image) or ImageConfig()
        if behaviour.start_error:
            self._end(task, "failed", "starting", f"starting container failed: {behaviour.start_error}")
            return
        self._set(task, "starting", "starting")
        course = course_of(task.spec.template, image, behaviour)
        task.log += [(self._clock.now, line) for line in (*behaviour.log, *course.stdout.splitlines())]
        self._clock.later(course.seconds, lambda: self._exit(task, course.exit_code))
        check = task.spec.template.healthcheck
        if check is None and not image.healthcheck:
            self._run(task)
            return
        patience = (check and check.start_period) or 0.0
        patience += ((check and check.interval) or _INTERVAL) * ((check and check.retries) or _RETRIES)
        if behaviour.ready_after <= patience:
            self._clock.later(behaviour.ready_after, lambda: self._run(task))
        else:
            self._clock.later(patience, lambda: self._unhealthy(task))

    def _run(self, task: Task) -> None:
        if task.state == "starting" and task.wanted and self._alive(task):
            task.begun = self._clock.now
            self._set(task, "running", "started")
            self.reconcile(task.service)

    def _unhealthy(self, task: Task) -> None:
        if task.state == "starting" and self._alive(task):
            self._end(task, "failed", "starting", "task: unhealthy container")

    def _exit(self, task: Task, code: int) -> None:
        if task.state not in ("starting", "running") or not self._alive(task):
            return
        task.exit_code = code
        if code:
            self._end(task, "failed", "started", f"task: non-zero exit ({code})")
        else:
            self._end(task, "complete", "finished")

    def _alive(self, task: Task) -> bool:
        """Whether anything happens on its node that the Swarm can see."""
        node = self._nodes.get(task.node_id)
        return node is not None and node.state == "ready"

    def _set(self, task: Task, state: str, message: str, error: str = "") -> None:
        task.state, task.message, task.error, task.updated = state, message, error, self._clock.now

    def _end(self, task: Task, state: str, message: str, error: str = "") -> None:
        """The task has ended: forget it, start it again, or stop an update because of it."""
        self._set(task, state, message, error)
        if task.node_id:
            self._load[task.node_id] -= 1
        self._pending.pop(task.id, None)
        if task.desired == "remove":
            for tasks in (task.service.tasks, self.forgotten):
                if task in tasks:
                    tasks.remove(task)
            self._freed(task)
            return
        by_itself = task.desired in ("running", "ready", "complete")
        task.desired = "complete" if task.desired == "complete" and state == "complete" else "shutdown"
        if by_itself:
            if state in ("failed", "rejected"):
                self._failed(task)
            self._restart(task)
        self._freed(task)
        self.reconcile(task.service)

    def _freed(self, task: Task) -> None:
        """What waits for a port or for room may go on."""
        if task.spec.ports or task.spec.reservations.nano_cpus or task.spec.reservations.memory:
            for other in [*self._pending.values()]:
                self._place(other)

    def _stop(self, task: Task, desired: str) -> None:
        if task.desired == desired:
            return
        task.desired = desired
        if task.state in ("new", "pending"):
            self._end(task, "shutdown", "shutdown")
        elif self._alive(task):
            slow = self._behaviour(task.spec).ignores_stop and task.state == "running"
            wait = task.spec.template.grace if slow else STOP
            self._clock.later(wait, lambda: None if task.ended else self._end(task, "shutdown", "shutdown"))

    def _restart(self, task: Task) -> None:
        """A new task takes the place, after the delay, if the restart policy says so."""
        service, policy = task.service, task.spec.restart
        again = policy.condition == "any" or (policy.condition == "on-failure" and task.state != "complete")
        if task.spec.job and task.state == "complete":
            return
        place = task.place
        if service.busy.get(place) is task:
            service.busy[place] = None
        service.restarting.add(place)
        if not again or (policy.max_attempts and service.attempts[place] >= policy.max_attempts):
            return  # the place stays empty
        service.attempts[place] += 1
        made, iteration = service.made, service.iteration

        def come() -> None:
            service.restarting.discard(place)
            if service.id not in self.services or iteration != service.iteration:
                return
            if service.spec.job:
                self._make(service, place, "complete")
                return
            if place in self._places(service) and not self._has(service, place):
                new = self._make(service, place)
                if place in service.busy and made == service.made:
                    service.busy[place] = new
            self.reconcile(service)

        self._clock.later(policy.delay, come)

    def _has(self, service: SwarmService, place: str) -> bool:
        return any(task.wanted and task.place == place for task in service.tasks)

    # Updates

    def _go_on(self, service: SwarmService, places: Iterable[str], living: dict[str, list[Task]]) -> None:
        rollout = service.spec.update if service.update_state == "updating" else service.spec.rollback
        for place, new in [*service.busy.items()]:
            if new and new.state == "running":
                for old in living.get(place, ()):
                    if old.made != service.made:
                        self._stop(old, "shutdown")
                del service.busy[place]
                service.moved = self._clock.now
                service.next_at = self._clock.now + rollout.delay
                self._clock.later(rollout.delay, lambda: self.reconcile(service))
        current = {task.place for task in service.tasks if task.wanted and task.made == service.made}
        dirty = [place for place in places if place not in current and place not in service.busy]
        room = (rollout.parallelism or len(dirty)) - len(service.busy)
        if self._clock.now >= service.next_at:
            for place in dirty[: max(room, 0)]:
                self._replace(service, place, [t for t in living.get(place, ()) if t.wanted], rollout.order)
            dirty = dirty[max(room, 0) :]
        if not dirty and not service.busy:
            left = service.moved + rollout.monitor - self._clock.now
            if left <= 0:
                service.update_state, service.update_message = _DONE[service.update_state]
                self._touch(service)
            else:
                self._clock.later(left, lambda: self.reconcile(service))

    def _replace(self, service: SwarmService, place: str, old: list[Task], order: str) -> None:
        service.busy[place] = None
        service.restarting.discard(place)
        if order == "start-first":
            service.busy[place] = self._make(service, place)
            return
        made = service.made
        for task in old:
            self._stop(task, "shutdown")

        def come() -> None:
            if service.made != made or service.id not in self.services or not service.updating:
                return
            if any(not task.ended for task in old):
                self._clock.later(STOP, come)
            elif service.busy.get(place, old) is None:
                service.busy[place] = self._make(service, place)

        come()

    def _failed(self, task: Task) -> None:
        """A task of an update has failed: too many of them end it."""
        service = task.service
        if not service.updating or task.made != service.made:
            return
        rolling = service.update_state == "rollback_started"
        rollout = service.spec.rollback if rolling else service.spec.update
        if task.begun is not None and self._clock.now - task.begun > rollout.monitor:
            return
        service.failed += 1
        if service.failed / max(len(self._places(service)), 1) <= rollout.max_failure_ratio:
            return
        because = f"due to failure or early termination of task {task.id}"
        if rollout.failure_action == "continue":
            return
        if rollout.failure_action == "rollback" and not rolling and service.previous:
            self.roll_back(service, f"update rolled back {because}")
        else:
            service.update_state = "rollback_paused" if rolling else "paused"
            service.update_message = f"{'rollback' if rolling else 'update'} paused {because}"
            service.busy.clear()
            self._touch(service)

    # Nodes

    def lost(self, node_id: str) -> None:
        """The Swarm sees that a node is down: others take its tasks. It goes on to count them as they were."""
        for task in [*self.tasks()]:
            if task.node_id == node_id and not task.ended:
                again = task.wanted
                task.desired = "shutdown"
                if again and not task.only:
                    self._replaced(task)

    def back(self, node_id: str) -> None:
        """A node is there again, without containers."""
        for task in [*self.tasks()]:
            if task.node_id == node_id and not task.ended:
                self._end(task, "shutdown", "shutdown")
        self.reschedule()

    def drained(self, node_id: str) -> None:
        for task in [*self.tasks()]:
            if task.node_id == node_id and task.wanted:
                self._stop(task, "shutdown")
                if not task.only:
                    self._replaced(task)

    def _replaced(self, task: Task) -> None:
        service = task.service
        if service.id in self.services and not self._has(service, task.place):
            new = self._make(service, task.place, "complete" if service.spec.job else "running")
            if service.busy.get(task.place) is task:
                service.busy[task.place] = new


_DONE = {
    "updating": ("completed", "update completed"),
    "rollback_started": ("rollback_completed", "rollback completed"),
}


def _template(spec: DesiredService) -> DesiredService:
    """What decides whether tasks are replaced: not how many there are, and not the labels of the service."""
    return replace(
        spec, replicas=0, labels={}, digest="", definition={}, update=Rollout(), rollback=Rollout(), needs=()
    )
