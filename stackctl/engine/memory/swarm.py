"""A Swarm in memory: a simulated manager with its nodes. It refuses what a real one refuses.

Its clock moves only when somebody waits. So a test of minutes takes milliseconds, and ends the same way each time.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import assert_never

from msgspec.structs import replace

from stackctl.engine.memory.commands import Behaviour
from stackctl.engine.memory.swarm_tasks import Clock, Orchestrator, SwarmService
from stackctl.engine.protocol import LogLine, Report
from stackctl.engine.ready import swarm as waiting
from stackctl.engine.ready.swarm import Polls
from stackctl.errors import EngineError, OutOfSequenceError
from stackctl.planner.steps import actions
from stackctl.planner.steps.actions import SwarmAction
from stackctl.planner.world import labels as names
from stackctl.planner.world.observed import ImageConfig, ObservedEngine, ObservedNetwork
from stackctl.planner.world.swarm_desired import DesiredService, DesiredSwarmFile, Section
from stackctl.planner.world.swarm_observed import (
    ObservedNode,
    ObservedService,
    ObservedServicePort,
    ObservedSwarm,
    ObservedSwarmFile,
    ObservedTask,
)

HEARTBEAT = 11.0
"""Seconds until a manager sees that a node is gone (three heartbeats of 5 s, measured with 20.10)."""
_AGAIN = "run stackctl deploy again: it looks again"
_FIRST_PORT = 30000
"""The first of the ports that a Swarm chooses."""


class MemorySwarm:
    """The Swarm that a `MemoryEngine` manages. Safe to share between threads.

    | argument | meaning |
    |---|---|
    | `nodes` | their number, or the nodes themselves; the first manages, and is the engine |
    | `manager` | whether the engine manages the Swarm |
    | `leaderless` | the Swarm has no leader: it answers nothing. May be changed later |
    """

    def __init__(
        self, nodes: int | Iterable[ObservedNode] = 1, *, manager: bool = True, leaderless: bool = False
    ) -> None:
        given = [_node(number) for number in range(1, nodes + 1)] if isinstance(nodes, int) else [*nodes]
        self.manager = manager
        self.leaderless = leaderless
        self.clock = Clock()
        self.image: Callable[[str], ImageConfig | None] = lambda _: ImageConfig()
        """What the nodes have under a reference."""
        self.behaviours: Mapping[str, Behaviour] = {}
        self.networks: Callable[[], Collection[ObservedNetwork]] = tuple
        self._nodes = {node.id: node for node in given}
        self._index = 10
        self._files: dict[str, tuple[ObservedSwarmFile, Section]] = {}
        self._guard = threading.RLock()
        self._polls: dict[str, Polls] = {}
        self._orchestrator = Orchestrator(self.clock, self._nodes, self._image, self._behaviour, self._stamp)

    # Looking

    def observe(self, engine: ObservedEngine, project: str) -> ObservedSwarm:
        with self._guard:
            here = next(iter(self._nodes), "")
            if not self.manager:
                return ObservedSwarm(engine=engine, manager=False, managers=("10.0.0.1:2377",), node_id=here)
            if self.leaderless:
                return ObservedSwarm(engine=engine, reason=_LEADERLESS, node_id=here)
            return ObservedSwarm(
                engine=engine,
                node_id=here,
                nodes=tuple(self._nodes.values()),
                services=self._services(project),
                networks=tuple(self.networks()),
                secrets=tuple(file for file, section in self._files.values() if section == "secrets"),
                configs=tuple(file for file, section in self._files.values() if section == "configs"),
                time=self.clock.now,
            )

    def tasks(self, project: str) -> tuple[ObservedTask, ...]:
        with self._guard:
            self._answer()
            return tuple(
                task.as_seen()
                for task in self._orchestrator.tasks()
                if not project or task.spec.labels.get(names.STACK) == project
            )

    def logs(self, services: Sequence[str]) -> Iterator[LogLine]:
        with self._guard:
            self._answer()
            wanted = [self._find(service) for service in services]
            for service in wanted:
                for task in service.tasks:
                    for time, text in task.log:
                        stamp = f"{datetime.fromtimestamp(time, UTC):%Y-%m-%dT%H:%M:%S.%f}000Z"
                        yield LogLine(task.id, "stdout", stamp, text)

    def network_users(self, network: str) -> list[str]:
        """The services that are in a network, by its name."""
        with self._guard:
            return [
                service.spec.name
                for service in self._orchestrator.services.values()
                if any(place.network == network for place in service.spec.template.networks)
            ]

    # Acting

    def perform(
        self, action: SwarmAction, report: Report, cancelled: Callable[[], bool] = lambda: False
    ) -> str:
        match action:
            case actions.WaitForService():
                return waiting.for_service(action, self._shared(action.project), report, cancelled)
            case actions.WaitForTasksGone():
                polls = self._shared(action.project)
                return waiting.for_tasks_gone(action, polls, lambda _: 0, report, cancelled)
        with self._guard:
            self._answer()
            return self._write(action)

    def _write(self, action: SwarmAction) -> str:
        match action:
            case actions.CreateSecret(file) | actions.CreateConfig(file):
                self._create_file(file)
            case actions.RemoveSecret(id_) | actions.RemoveConfig(id_):
                return self._remove_file(id_)
            case actions.CreateService(spec):
                self._create(spec)
            case actions.UpdateService(id_, version, spec):
                self._update(self._find(id_), version, spec)
            case actions.RefreshAuth(id_):
                service = self._find(id_)
                service.previous, service.version = service.spec, self._stamp()
            case actions.RollBackService(id_):
                service = self._find(id_)
                if not service.update_state.startswith("rollback"):
                    if service.previous is None:
                        raise EngineError(f"service {service.spec.name} does not have a previous spec")
                    self._orchestrator.roll_back(service)
            case actions.RemoveService(id_):
                if id_ in self._orchestrator.services:
                    self._orchestrator.remove(self._find(id_))
            case actions.LabelNode(id_, _, labels):
                node = self._nodes[id_]
                self._change(node.name, labels={**node.labels, **labels})
            case actions.WaitForService() | actions.WaitForTasksGone():
                raise AssertionError("a wait writes nothing")
            case _:
                assert_never(action)
        return ""

    def _shared(self, project: str) -> Polls:
        def ask(
            nodes: bool,
        ) -> tuple[Sequence[ObservedService], Sequence[ObservedTask], Sequence[ObservedNode] | None]:
            with self._guard:
                self._answer()
                found = tuple(self._nodes.values()) if nodes else None
                return self._services(project), self.tasks(project), found

        with self._guard:
            if project not in self._polls:
                self._polls[project] = Polls(ask, lambda: self.clock.now, self.advance)
            return self._polls[project]

    # What happens to it

    def advance(self, seconds: float) -> None:
        """Let time go by."""
        with self._guard:
            self.clock.advance(seconds)

    def kill_node(self, name: str) -> None:
        """End a node as a power failure does. The Swarm sees it after `HEARTBEAT`."""
        with self._guard:
            node = self._change(name, state="unknown", tell=False)

            def seen() -> None:
                if self._nodes[node.id].state == "unknown":
                    self._change(name, state="down", tell=False)
                    self._orchestrator.lost(node.id)

            self.clock.later(HEARTBEAT, seen)

    def start_node(self, name: str) -> None:
        with self._guard:
            node = self._change(name, state="ready", tell=False)
            self._orchestrator.back(node.id)

    def set_availability(self, name: str, availability: str) -> None:
        """`active`, `pause` or `drain`, as `docker node update --availability`."""
        with self._guard:
            node = self._change(name, availability=availability)
            if availability == "drain":
                self._orchestrator.drained(node.id)

    def change_by_hand(self, service: str) -> None:
        """Change a service as somebody else does: it has another version."""
        with self._guard:
            self._find(service).version = self._stamp()

    def _change(self, name: str, *, tell: bool = True, **changes: object) -> ObservedNode:
        node = next(node for node in self._nodes.values() if node.name == name)
        self._nodes[node.id] = replace(node, **changes)
        if tell:
            self._orchestrator.reschedule()
        return self._nodes[node.id]

    # Services

    def _create(self, spec: DesiredService) -> None:
        for service in self._orchestrator.services.values():
            if service.spec.name == spec.name:
                if service.spec.labels == spec.labels:
                    return
                raise OutOfSequenceError(f"cannot create {spec.name}: it already exists", _AGAIN)
        self._check(spec)
        now = self.clock.now
        self._orchestrator.add(
            SwarmService(
                id=f"service{self._index}", spec=spec, version=self._stamp(), created=now, updated=now
            )
        )

    def _update(self, service: SwarmService, version: int, spec: DesiredService) -> None:
        if version != service.version:
            raise OutOfSequenceError("somebody else has changed the service meanwhile", _AGAIN)
        if service.spec.mode != spec.mode:
            raise EngineError(f"cannot update {spec.name}: service mode change is not allowed")
        self._check(spec)
        self._orchestrator.update(service, spec)

    def _check(self, spec: DesiredService) -> None:
        known = {network.name for network in self.networks()}
        for place in spec.template.networks:
            if place.network not in known:
                raise EngineError(f"there is no network {place.network}")
        files = {(section, file.name) for file, section in self._files.values()}
        for use in spec.files:
            if (use.section, use.name) not in files:
                raise EngineError(f"there is no {use.section.removesuffix('s')} {use.name}")
        if spec.endpoint_mode == "dnsrr" and any(port.mode == "ingress" for port in spec.ports):
            raise EngineError("EndpointSpec: port published with ingress mode can't be used with dnsrr mode")

    def _services(self, project: str) -> tuple[ObservedService, ...]:
        return tuple(
            self._seen(service)
            for service in self._orchestrator.services.values()
            if not project or service.spec.labels.get(names.STACK) == project
        )

    def _seen(self, service: SwarmService) -> ObservedService:
        spec, before = service.spec, service.previous
        mine = [task for task in service.tasks if task.iteration == service.iteration]
        ids = {(section, file.name): file.id for file, section in self._files.values()}

        def used(definition: DesiredService | None, section: Section) -> frozenset[str]:
            uses = definition.files if definition else ()
            return frozenset(ids[section, use.name] for use in uses if use.section == section)

        return ObservedService(
            id=service.id,
            name=spec.name,
            labels=dict(spec.labels),
            version=service.version,
            image=spec.image,
            mode=spec.mode,
            replicas=spec.replicas if "replicated" in spec.mode else 1,
            running=sum(task.state == "running" for task in mine),
            desired=spec.replicas
            if "replicated" in spec.mode
            else len({task.place for task in mine if task.wanted or task.state == "complete"}),
            completed=sum(task.state == "complete" for task in mine) if spec.job else 0,
            iteration=service.iteration,
            force=spec.force,
            update_state=service.update_state,
            update_message=service.update_message,
            previous=before is not None,
            task_digest=service.spec.task_digest,
            previous_digest=before.labels.get(names.DIGEST) if before else None,
            endpoint_mode=spec.endpoint_mode,
            secrets=used(spec, "secrets") | used(before, "secrets"),
            configs=used(spec, "configs") | used(before, "configs"),
            present_files=used(spec, "secrets") | used(spec, "configs"),
            networks=tuple(
                network.id
                for place in spec.template.networks
                for network in self.networks()
                if network.name == place.network
            ),
            volumes=tuple(volume.name for volume in spec.volumes if not volume.external),
            ports=tuple(
                ObservedServicePort(
                    port.target, port.published or _FIRST_PORT + number, port.protocol, port.mode
                )
                for number, port in enumerate(spec.ports)
            ),
            constraints=spec.placement.constraints,
            created=service.created,
            updated=service.updated,
        )

    def _find(self, handle: str) -> SwarmService:
        services = self._orchestrator.services
        found = services.get(handle) or next((s for s in services.values() if s.spec.name == handle), None)
        if found is None:
            raise EngineError(f"service {handle} not found")
        return found

    def _image(self, ref: str) -> ImageConfig | None:
        return self.image(ref)

    def _behaviour(self, spec: DesiredService) -> Behaviour:
        return self.behaviours.get(spec.service) or self.behaviours.get(spec.template.image) or Behaviour()

    # Secrets and configs

    def _create_file(self, file: DesiredSwarmFile) -> None:
        for known, section in self._files.values():
            if (section, known.name) == (file.section, file.name):
                if known.labels == file.labels:
                    return
                raise EngineError(f"cannot create {file.name}: it already exists")
        id_ = f"{file.section.removesuffix('s')}{self._stamp()}"
        found = ObservedSwarmFile(id=id_, name=file.name, labels=dict(file.labels), created=self.clock.now)
        self._files[id_] = found, file.section

    def _remove_file(self, id_: str) -> str:
        if id_ not in self._files:
            return ""
        file, section = self._files[id_]
        for service in self._orchestrator.services.values():
            if any((use.section, use.name) == (section, file.name) for use in service.spec.files):
                return "it stays: it is still in use"
        del self._files[id_]
        for service in self._orchestrator.services.values():
            if service.previous:  # an earlier definition keeps nothing alive
                kept = tuple(use for use in service.previous.files if use.name != file.name)
                service.previous = replace(service.previous, files=kept)
        return ""

    def _answer(self) -> None:
        if not self.manager:
            raise EngineError("This node is not a swarm manager.")
        if self.leaderless:
            raise EngineError(
                "the Swarm has no leader: most of its managers cannot be reached",
                "bring the managers back: docker node ls on each of them",
            )

    def _stamp(self) -> int:
        self._index += 1
        return self._index


_LEADERLESS = "The swarm does not have a leader."


def _node(number: int) -> ObservedNode:
    manages = number == 1
    return ObservedNode(
        id=f"node{number}id",
        name=f"node{number}",
        role="manager" if manages else "worker",
        leader=manages,
        reachability="reachable" if manages else "",
        address=f"10.0.{number // 250}.{number % 250 + 1}",
        os="linux",
        arch="x86_64",
        nano_cpus=4_000_000_000,
        memory=8 << 30,
    )
