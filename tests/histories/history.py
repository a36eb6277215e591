"""Histories of one project: verbs with faults on the engine in memory, and what must hold of every one."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager, nullcontext
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any, TypeVar
from unittest.mock import patch

from faulty_engine import (
    ANSWERS,
    PROJECT,
    Fault,
    FaultyEngine,
    Killed,
    is_anonymous,
    is_mine,
    nothing,
    of_others,
)
from msgspec import Struct
from msgspec.structs import replace
from plan_world import INSTANCE, Behaviour
from project_state import state
from turns import Turns

from stackctl.errors import StackError
from stackctl.one_off import OneOff
from stackctl.operating import Operating
from stackctl.planner.before.images import ImageOptions
from stackctl.planner.down import DownOptions
from stackctl.planner.life.options import RemoveOptions, RunOptions, StartOptions
from stackctl.planner.steps.actions import (
    Action,
    KillContainer,
    RemoveContainer,
    RunHook,
)
from stackctl.planner.steps.events import Event, Failed, Planned, Rescued
from stackctl.planner.steps.outcome import outcome
from stackctl.planner.steps.plan import Plan
from stackctl.planner.view.slots import UpOptions
from stackctl.planner.world.desire import desire
from stackctl.planner.world.desired import Desired
from stackctl.planner.world.observed import ImageConfig, ObservedEngine
from stackctl.project import Events
from stackctl.snapshots import Snapshots
from stackctl.spec.model import Stack
from stackctl.spec.selection import Selection
from stackctl.spec.source.reading import read
from stackctl.spec.source.request import StackRequest

P = TypeVar("P", bound=Operating)
Verb = Callable[["Act", Stack, FaultyEngine], Events]


class Act(Struct, frozen=True):
    """A verb of one of the history's stacks, for a service and with a number if the verb knows such; and what goes wrong meanwhile."""

    verb: str
    stack: int = 0
    service: str = ""
    number: int = 0
    fault: Fault | None = None
    order: int = 0
    """In which of the possible orders its steps are done."""

    def __str__(self) -> str:
        fault = f", {self.fault}" if self.fault else ""
        return f"{self.verb} {self.service or ''} of stack {self.stack}{fault}"


def _up(**options: Any) -> Verb:
    dependencies = options.pop("dependencies", True)

    def up(act: Act, stack: Stack, engine: FaultyEngine) -> Events:
        chosen = Selection(services=[act.service] if act.service else [], dependencies=dependencies)
        return _project(Operating, stack, engine).up(chosen, UpOptions(**options), ImageOptions())

    return up


def _scale(act: Act, stack: Stack, engine: FaultyEngine) -> Events:
    text = _TEXTS[id(stack)]
    return _up()(act, _read(text, act.service, act.number % 4), engine)


def _run(act: Act, stack: Stack, engine: FaultyEngine) -> Events:
    one_off = OneOff(stack, engine, act.service, RunOptions(command=("true",)), lock_timeout=0)
    result = []
    for event in one_off.prepare():
        result.append(event)
        yield event
    if outcome(result).exit_code == 0:
        one_off.collect()
        one_off.discard()


def _on(method: str, *given: Any, **options: Any) -> Verb:
    """A method of a project that takes services."""

    def act(act: Act, stack: Stack, engine: FaultyEngine) -> Events:
        project = _project(Operating, stack, engine)
        events: Events = getattr(project, method)([act.service] if act.service else [], *given, **options)
        return events

    return act


def _again(method: str) -> Verb:
    def act(act: Act, stack: Stack, engine: FaultyEngine) -> Events:
        options = StartOptions(services=[act.service] if act.service else [])
        events: Events = getattr(_project(Operating, stack, engine), method)(options)
        return events

    return act


def _down(**options: Any) -> Verb:
    def act(act: Act, stack: Stack, engine: FaultyEngine) -> Events:
        project = _project(Operating, stack, engine)
        return project.down(DownOptions(**options), confirm=lambda _: True)

    return act


def _copies(method: str, *given: Any, **options: Any) -> Verb:
    def act(act: Act, stack: Stack, engine: FaultyEngine) -> Events:
        events: Events = getattr(_project(Snapshots, stack, engine), method)(*given, **options)
        return events

    return act


VERBS: Mapping[str, Verb] = {
    "up": _up(),
    "up --remove-orphans": _up(remove_orphans=True),
    "up --force-recreate": _up(recreate="always"),
    "up --no-deps": _up(dependencies=False),
    "up --no-start": _up(start=False),
    "scale": _scale,
    "stop": _on("stop"),
    "start": _again("start"),
    "restart": _again("restart"),
    "kill": _on("kill"),
    "pause": _on("pause"),
    "unpause": _on("unpause"),
    "rm": _on("remove"),
    "rm --stop": _on("remove", RemoveOptions(stop=True)),
    "rm --stop --volumes": _on("remove", RemoveOptions(stop=True, volumes=True)),
    "run": _run,
    "down": _down(),
    "down --volumes": _down(volumes=True),
    "snapshot": _copies("snapshot", "s", replace=True),
    "restore": _copies("restore", "s"),
    "snapshot rm": _copies("forget", ["s"]),
}
LOSING = ("down --volumes", "rm --stop --volumes")
"""The verbs that may remove data."""
NEED_A_SERVICE = ("scale", "run", "up --no-deps")


SETTLED: tuple[str, ...] = ("404", "409", "503", "lost")
"""The faults that another look within the run settles."""


def may_settle(verb: str, hit: Action | None) -> bool:
    """Whether another look may settle what became of this action of a verb. A refused signal is refused."""
    asked = RunHook | KillContainer
    return verb not in ("run", "snapshot", "restore") and not isinstance(hit, asked)


def _project(kind: type[P], stack: Stack, engine: FaultyEngine) -> P:
    return kind(stack, engine, lock_timeout=0)


_TEXTS: dict[int, str] = {}
_DIRECTORY = TemporaryDirectory()
"""Where the stack's file is, for all stacks: they are one project."""


@cache
def _read(text: str, service: str = "", number: int = 0) -> Stack:
    directory = Path(_DIRECTORY.name)
    file = directory / "stack.toml"
    file.write_text(text)
    stack = read(
        StackRequest(
            files=[file],
            directory=directory,
            environ={"PW": "x"},
            name=PROJECT,
            scale={service: number} if service else {},
        )
    )
    _TEXTS[id(stack)] = text
    return stack


class Model:
    """An engine with one project on it."""

    def __init__(self, turns: Turns, engine: FaultyEngine) -> None:
        self._turns = turns
        self.engine = engine
        self.story: list[str] = []

    def fork(self) -> Model:
        twin = Model(self._turns, self.engine.fork())
        twin.story = [*self.story]
        return twin

    def run(self, act: Act, text: str) -> str:
        """How the verb ended. Whatever happens, these things hold."""
        engine, data = self.engine, self.data()
        engine.begin(act.fault)
        self._turns.begin(act.order)
        watched = act.verb.startswith("up") and not act.fault
        engine.after_call = _Kept(engine, desire_of(_read(text))) if watched else nothing
        ended = self._ended(act, text)
        if act.verb == "pause":
            engine.asked_to_pause |= self.paused()
        self.story += [f"{act}: {ended}", *(f"    {each}" for each in engine.told)]
        assert of_others(engine.observe()) == engine.others, "something of others has changed"
        lost = (
            {}
            if act.verb in LOSING
            else data.items() - {(v.name, v.created) for v in engine.observe().volumes}
        )
        assert not lost, f"data are lost: {lost}"
        if act.verb.startswith("down") and ended == "exit 0":
            now = engine.observe()
            left = (*now.containers, *now.networks, *(now.volumes if act.verb in LOSING else ()))
            assert not [thing.name for thing in left if is_mine(thing)]
        assert engine.calls <= 150, engine.calls
        assert engine.reads <= 40, engine.reads
        return ended

    def _ended(self, act: Act, text: str) -> str:
        try:
            with closing(VERBS[act.verb](act, _read(text), self.engine)) as events:
                result = outcome(_checked(events))
        except Killed:
            return "killed"
        except StackError as error:
            return f"{type(error).__name__}: {error}"
        failures = "".join(f"; {failure.step.action}: {failure.error}" for failure in result.failures)
        return f"exit {result.exit_code}{failures}"

    def data(self) -> dict[str, float]:
        """The volumes with data, and when each was made: one that is made again has lost them."""
        now = self.engine.observe()
        used = {m.name for c in now.containers if c.kind != "run" for m in c.mounts}
        return {
            v.name: v.created
            for v in now.volumes
            if v.key in ("data", "cache") or (is_anonymous(v) and v.name in used)
        }

    def paused(self) -> set[str]:
        return {c.id for c in self.engine.observe().containers if c.state == "paused"}

    def plan(self, text: str) -> Plan:
        project = _project(Operating, _read(text), self.engine)
        return project.plan(Selection(), UpOptions(remove_orphans=True), ImageOptions())

    def converge(self, text: str) -> None:
        """One `up` makes good whatever happened before, and the next has nothing to do."""
        up = Act("up --remove-orphans")
        self.engine.go_on()
        ended = self.run(up, text)
        if self.engine.clear_the_way():
            ended = self.run(up, text)
        assert ended == "exit 0"
        again = self.plan(text)
        assert again.changes == (), f"again:\n{again}"
        wanted = desire_of(_read(text))
        assert state(self.engine, wanted) == state_of_fresh(text)


class _Kept:
    """While an `up` goes on, a service that has enough containers, not counting two for one replica, never has fewer than it should:
    the old one goes when the new one is there.
    """

    def __init__(self, engine: FaultyEngine, wanted: Desired) -> None:
        self._engine = engine
        self._wanted = Counter(want.service for want in wanted.containers)
        self._least = {name: min(number, self._there(name)) for name, number in self._wanted.items()}

    def __call__(self, action: Action) -> None:
        for name, least in self._least.items() if isinstance(action, RemoveContainer) else ():
            assert self._there(name) >= least, f"{name} is removed before it is replaced"
            self._least[name] = min(self._wanted[name], self._there(name))

    def _there(self, service: str) -> int:
        found = self._engine._containers.values()
        mine = (c.spec for c in found if c.spec.service == service and c.spec.kind != "run" and is_mine(c))
        return len({spec.number for spec in mine})


def _checked(events: Events) -> Iterator[Event]:
    for event in events:
        match event:
            case Planned(plan):
                assert len({step.id for step in plan.steps}) == len(plan.steps)
                assert all(id_ < step.id for step in plan.steps for id_ in step.after)
            case Failed(error=error) | Rescued(error=Exception() as error):
                assert isinstance(error, StackError), repr(error)
        yield event


_DESIRED: dict[tuple[Any, ...], Desired] = {}


def desire_of(stack: Stack, *, services: Any = (), **options: Any) -> Desired:
    """What `desire` says, kept for the next time. Every project is the same instance."""
    options = {"instance": INSTANCE, "publish_host": None} | options
    key = (id(stack), tuple(services), *sorted(options.items()))
    if key not in _DESIRED:
        _DESIRED[key] = desire(stack, services=services, **options)
    return _DESIRED[key]


@cache
def state_of_fresh(text: str) -> Mapping[str, Any]:
    """What one `up` makes where nothing was before."""
    model = fresh(Turns())
    with model._turns.in_place():
        assert model.run(Act("up"), text) == "exit 0"
    return state(model.engine, desire_of(_read(text)))


def fresh(turns: Turns) -> Model:
    images = {"app:1": ImageConfig(volumes=("/kept",)), "app:2": ImageConfig(volumes=("/kept", "/new"))}
    info = ObservedEngine(id=f"histories-{os.getpid()}", shares_loopback=False, shares_paths=False)
    engine = FaultyEngine(images, behaviours={"copy": Behaviour(exit_code=0)}, info=info)
    return Model(turns, engine.with_others())


class History(Struct, frozen=True):
    """Verbs of up to two stacks, one after another. What goes wrong with the last one is tried in many ways."""

    stacks: tuple[str, ...]
    acts: tuple[Act, ...]
    last: Act
    faults: tuple[Fault, ...]
    """What goes wrong at the last verb, each in a history of its own, at one of the calls that the verb makes; beside that, the process is
    killed before each of them.
    """


@contextmanager
def simulated() -> Iterator[Turns]:
    """Within the block there are no threads, locks and mounted directories, and what is read once is kept."""
    turns = Turns()
    with (
        turns.in_place(),
        patch("stackctl.comparing.desire", desire_of),
        patch("stackctl.project.lock", lambda *_, **__: nullcontext()),
        patch("stackctl.engine.memory.objects.placed", dict),
        patch("stackctl.engine.again.time", SimpleNamespace(sleep=nothing)),
        patch("stackctl.comparing.first_instance", lambda *_: INSTANCE),
    ):
        yield turns
    for kept in (_DESIRED, _TEXTS):
        kept.clear()
    for made in (_read, state_of_fresh):
        made.cache_clear()


def explore(history: History) -> int:
    """Live the history in many ways. Returns how many histories it were."""
    number = 0
    with simulated() as turns:
        model = fresh(turns)
        with told(model):
            for act in history.acts:
                model.run(act, history.stacks[act.stack])
            goal = history.stacks[history.last.stack]
            before, killed = model.fork(), list[Model]()

            def remember(_: Action) -> None:
                twin = model.fork()
                twin.engine.at_call = nothing
                if history.last.verb == "pause":
                    twin.engine.asked_to_pause |= twin.paused()
                twin.story += [f"{history.last}: killed after", *(f"    {each}" for each in twin.engine.told)]
                killed.append(twin)

            model.engine.at_call = remember
            ended = model.run(history.last, goal)
            model.engine.at_call, calls = nothing, model.engine.calls
        for twin in (*killed, model):
            with told(twin):
                twin.converge(goal)
            number += 1
        for fault in _each_once(history.faults, calls):
            twin = before.fork()
            with told(twin):
                mended = twin.run(replace(history.last, fault=fault), goal)
                if (
                    fault.kind in SETTLED
                    and ended == "exit 0"
                    and may_settle(history.last.verb, twin.engine.hit)
                ):
                    assert mended == ended
                twin.converge(goal)
            number += 1
    return number


def _each_once(faults: Iterable[Fault], calls: int) -> Iterator[Fault]:
    """The faults at calls that the verb makes, without those that are the same."""
    at_calls = (replace(fault, at=fault.at % calls) for fault in faults if calls)
    yield from dict.fromkeys(replace(f, which=0) if f.kind in ANSWERS else f for f in at_calls)


@contextmanager
def told(model: Model) -> Iterator[None]:
    """A history that fails tells what happened."""
    try:
        yield
    except BaseException as error:
        now = [f"    {each}" for each in model.engine.told]
        error.add_note("\n".join(["what happened:", *model.story, "then:", *now]))
        raise
