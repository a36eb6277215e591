"""The engine in memory, with a fault at one of its calls that write."""

from __future__ import annotations

import stat
import threading
from collections.abc import Callable
from contextlib import suppress
from copy import copy
from typing import Literal, get_args

from msgspec import Struct
from plan_world import INSTANCE
from random_stacks import NAMES

from stackctl.engine.memory import MemoryEngine
from stackctl.engine.memory.container import MemoryContainer
from stackctl.engine.protocol import Report
from stackctl.engine.transport.client import RefusedError
from stackctl.errors import EngineError, LostAnswerError
from stackctl.planner.steps.actions import Action, CreateContainer, RenameContainer, Wait, subject
from stackctl.planner.world import labels
from stackctl.planner.world.asked import Path
from stackctl.planner.world.desired import DesiredContainer, DesiredNetwork
from stackctl.planner.world.observed import Labelled, Observed, ObservedNetwork, ObservedVolume

PROJECT = "shop"


FOREIGN = {labels.PROJECT: "other", labels.INSTANCE: "o", labels.SERVICE: "a"}
"""The labels of another project."""


def nothing(_: object) -> None:
    """What is done if nothing is to be done."""


def is_mine(thing: Labelled | MemoryContainer) -> bool:
    return (thing.labels.get(labels.PROJECT), thing.labels.get(labels.INSTANCE)) == (PROJECT, INSTANCE)


def is_anonymous(thing: Labelled) -> bool:
    return isinstance(thing, ObservedVolume) and len(thing.name) == 64


def of_others(now: Observed) -> tuple[Labelled, ...]:
    """Everything that is not the project's."""
    things: tuple[Labelled, ...] = (*now.containers, *now.networks, *now.volumes)
    return tuple(
        thing
        for thing in things
        if not (is_mine(thing) or is_anonymous(thing) or {labels.COPY, labels.SNAPSHOT} & thing.labels.keys())
    )


Answer = Literal["killed", "500", "404", "409", "503", "lost", "restarted"]
"""What the call brings: the end of the process, before anything is done; an error of the engine, which has done nothing; no answer, although it is done; no answer, because the
engine is restarted and has done nothing.
"""
ByHand = Literal["remove", "stop", "pause", "kill", "rename", "disconnect", "remove network", "take name"]
"""What somebody else does just before the call, which then goes on."""
ANSWERS: tuple[Answer, ...] = get_args(Answer)
BY_HAND: tuple[ByHand, ...] = get_args(ByHand)


class Fault(Struct, frozen=True):
    """What goes wrong at the call of that number, from 0. `which` chooses the container or network that somebody changes by hand."""

    kind: Answer | ByHand
    at: int
    which: int = 0


class Killed(BaseException):
    """The process of stackctl is gone: nothing that it wants reaches the engine."""


class FaultyEngine(MemoryEngine):
    """Programs that copy are in every image. There are also things that are not the project's."""

    fault: Fault | None = None
    calls = 0
    """How many calls of this run have written."""
    dead = False
    at_call: Callable[[Action], None] = staticmethod(nothing)
    """Is called before every call that writes."""
    after_call: Callable[[Action], None] = staticmethod(nothing)
    """Is called after every call that has written."""
    told: tuple[str, ...] = ()
    """What the calls of this run were, with the fault."""

    others: tuple[Labelled, ...] = ()
    """What is not the project's, as nobody may change it."""

    hit: Action | None = None
    """The call at which something went wrong."""
    in_the_way: frozenset[str] = frozenset()
    """The names of containers of somebody else that the project needs."""
    asked_to_pause: frozenset[str] = frozenset()
    """The containers that somebody has paused on purpose."""

    def with_others(self) -> FaultyEngine:
        """Make things that are not the project's: of another project, of nobody, and one that only says that it is the project's."""
        for name, owner in (("a", FOREIGN), ("by-hand", {}), ("spoof", {labels.PROJECT: PROJECT})):
            self._create_container(
                DesiredContainer(name=name, service="a", image="app:1", labels=owner), name, None
            )
            self._start(self._find(name))
        self._create_network(DesiredNetwork(key="back", name="others"))
        self._create_volume("others", "local", {})
        self.others = of_others(self.observe())
        return self

    def begin(self, fault: Fault | None = None) -> None:
        """From here on it is another run."""
        self.fault, self.calls, self.dead, self.told, self.hit = fault, 0, False, (), None
        self.reads = self.writes = 0

    def perform(self, action: Action, report: Report, cancelled: Callable[[], bool] = lambda: False) -> str:
        if self.dead:
            raise Killed
        if isinstance(action, Wait):
            return super().perform(action, report, cancelled)
        self.at_call(action)
        number, fault = self.calls, self.fault
        self.calls += 1
        self.told += (f"{type(action).__name__} {subject(action)}",)
        if fault is None or number != fault.at:
            note = super().perform(action, report, cancelled)
            self.after_call(action)
            return note
        self.hit = action
        if fault.kind == "killed":
            self.told = (*self.told[:-1], f"killed before {self.told[-1]}")
            self.dead = True
            raise Killed
        self.told += (f"  ^ {fault.kind} {self._by_hand(fault, action)}".rstrip(),)
        if fault.kind == "lost":
            super().perform(action, report, cancelled)
        if fault.kind in ("lost", "restarted"):
            raise LostAnswerError("the engine does not answer")
        if fault.kind in ANSWERS:
            raise RefusedError(f"the engine answers with {fault.kind}", status=int(fault.kind))
        return super().perform(action, report, cancelled)

    def _by_hand(self, fault: Fault, action: Action) -> str:
        """Do what somebody does by hand, and tell to what."""
        assert of_others(self.observe()) == self.others
        try:
            return self._done_by_hand(fault, action)
        finally:
            self.others = of_others(self.observe())

    def _done_by_hand(self, fault: Fault, action: Action) -> str:
        if fault.kind == "restarted":
            self.restart()
        if fault.kind == "take name":
            return self._take_name(fault.which, action)
        if fault.kind == "remove network":
            networks = [n for n in self._networks.values() if is_mine(n)]
            return self._remove_by_hand(networks[fault.which % len(networks)]) if networks else ""
        mine = [c for c in self._containers.values() if is_mine(c)]
        if fault.kind in ANSWERS or not mine:
            return ""
        container = mine[fault.which % len(mine)]
        with suppress(EngineError):
            self._change(fault.kind, container)
        return container.name

    def _change(self, kind: Answer | ByHand, container: MemoryContainer) -> None:
        match kind:
            case "remove":
                self.remove_by_hand(container.id)
            case "stop" if container.up:
                container.stop(1)
            case "pause":
                container.pause()
                self.asked_to_pause |= {container.id}
            case "kill":
                container.kill("SIGKILL")
            case "rename":
                container.name += "-renamed"
            case "disconnect" if container.networks:
                del container.networks[next(iter(container.networks))]
            case _:
                pass

    def _remove_by_hand(self, network: ObservedNetwork) -> str:
        with suppress(EngineError):
            self._remove_network(network.id, network.name)
        return network.name

    def _take_name(self, which: int, action: Action) -> str:
        """Somebody else has a container of a name that the project needs."""
        match action:
            case CreateContainer(_, name):
                pass
            case RenameContainer(_, _, name):
                pass
            case _:
                name = f"{PROJECT}-{NAMES[which % len(NAMES)]}-1"
        with suppress(EngineError):
            spec = DesiredContainer(name=name, service="x", image="app:1", labels=FOREIGN)
            self._create_container(spec, name, None)
            self.in_the_way |= {name}
        return name

    def go_on(self) -> None:
        """Who has paused containers lets them go on."""
        for container in self._containers.values():
            if container.id in self.asked_to_pause and container.state == "paused":
                container.unpause()

    def clear_the_way(self) -> bool:
        """Somebody takes the containers away again that have names of the project. Whether there were any."""
        there, self.in_the_way = self.in_the_way, frozenset()
        for name in there:
            self.remove_by_hand(name)
        self.others = of_others(self.observe())
        return bool(there)

    def path(self, container: str, path: str) -> Path | None:
        return Path(path, stat.S_IFREG | 0o755) if path.startswith("/bin/") else super().path(container, path)

    def fork(self) -> FaultyEngine:
        """Another engine that has the same."""
        twin = copy(self)
        twin._guard = threading.RLock()
        twin._containers = {id_: _copy(container) for id_, container in self._containers.items()}
        twin._networks, twin._volumes = {**self._networks}, {**self._volumes}
        twin._resources, twin.behaviours = {**self._resources}, {**self.behaviours}
        twin._files = {key: {**store} for key, store in self._files.items()}
        twin.performed, twin._happened = [], []
        return twin


def _copy(container: MemoryContainer) -> MemoryContainer:
    twin = copy(container)
    twin.networks, twin.log = {**container.networks}, [*container.log]
    return twin
