"""How far a run is, replica by replica: plans and events in, rows out. Nothing here draws or knows a terminal."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Literal

from msgspec import Struct, field
from msgspec.structs import replace

from stackctl.planner.steps.actions import (
    BuildImage,
    CreateNetwork,
    CreateVolume,
    PullImage,
    PushImage,
    RemoveNetwork,
    RemoveVolume,
    StartContainer,
    Wait,
    WaitFor,
    WaitForService,
)
from stackctl.planner.steps.events import (
    Confirmed,
    Done,
    Event,
    Failed,
    Planned,
    Postponed,
    Progress,
    Progressed,
    Rescued,
    Skipped,
    Started,
)
from stackctl.planner.steps.plan import Plan, Step
from stackctl.planner.world.replica import Replica
from stackctl.show.changes import PAST, Change, changes
from stackctl.show.text.amounts import duration, first_line, quoted, size
from stackctl.show.text.safe import one_line
from stackctl.show.words import Words, words

Tone = Literal["queued", "active", "waiting", "ready", "failed", "skipped"]
_Key = Replica | str
"""What a row is about: a container of a service, or a network or volume by its words."""

_NAMES_SHOWN = 3
# BuildKit writes "[stage-1 2/4] RUN …", the classic builder "Step 2/4 : RUN …".
_BUILD_STEP = re.compile(
    r"(?:#\d+ )?(?:\[(?:\S+ )?(?P<a>\d+)/(?P<b>\d+)\]|Step (?P<c>\d+)/(?P<d>\d+) :) ?(?P<text>.*)"
)


class BoardRow(Struct, frozen=True):
    """One row: name, state and detail. `seconds` is the time that the row's steps have taken so far."""

    name: str
    tone: Tone
    state: str
    detail: str = ""
    seconds: float | None = None
    progress: tuple[int, int] | None = None
    """How many bytes have come, and how many there are in all."""


class _Task(Struct, eq=False):
    """A step, and what is known about it."""

    step: Step
    state: Literal["pending", "running", "done", "failed", "skipped", "postponed"] = "pending"
    began: float = 0.0
    ended: float = 0.0
    news: Progressed | None = None
    note: str = ""
    error: Exception | None = None
    because: Step | None = None
    rescued: Rescued | None = None

    @property
    def waits(self) -> bool:
        return isinstance(self.step.action, Wait)

    @property
    def open(self) -> bool:
        return self.state in ("pending", "running")


class _Stage(Struct):
    """One of the plans of a command: its steps by id, and when it began."""

    began: float
    tasks: dict[int, _Task]


class _Track(Struct):
    """Everything that belongs to one row. `thing` are the words for a network or volume; None for a replica."""

    name: str
    thing: Words | None = None
    tasks: list[_Task] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    verbs: set[str] = field(default_factory=set)
    """The kinds of its changes in the latest plan that has one."""


class Board:
    """The state of a run. Times are in seconds since the command began."""

    def __init__(self) -> None:
        self._stages: list[_Stage] = []
        self._tracks: dict[_Key, _Track] = {}

    def show(self, event: Event, now: float) -> None:
        """Take in an event. It belongs to the plan that began last and has its step: the last steps of a plan may come after others."""
        if isinstance(event, Planned):
            self._begin(event.plan, now - event.at)
            return
        if isinstance(event, Confirmed):
            return
        stage, task = next(
            (stage, task)
            for stage in reversed(self._stages)
            if (task := stage.tasks.get(event.step.id))
            and (task.step is event.step or task.step == event.step)
        )
        at = stage.began + event.at
        match event:
            case Started():
                task.state, task.began = "running", at
            case Progress(news=news):
                task.news = _news(task, news)
            case Done(note=note):
                task.state, task.ended, task.note = "done", at, note
            case Failed(error=error):
                task.state, task.ended, task.error = "failed", at, error
            case Skipped(because=because):
                task.state, task.because = "skipped", because
            case Postponed(error=error):
                task.state, task.ended, task.error = "postponed", at, error
            case Rescued():
                task.rescued = event

    def _begin(self, plan: Plan, began: float) -> None:
        """Order the rows by their last step in the latest plan: a service stands before those that wait for it. What was postponed
        is in the plan again if it is still to be done.
        """
        for track in self._tracks.values():
            track.tasks = [task for task in track.tasks if task.state != "postponed"]
        stage = _Stage(began, {step.id: _Task(step) for step in plan.steps})
        self._stages.append(stage)
        order: dict[_Key, None] = {}
        for task in stage.tasks.values():
            for key in _keys(task.step):
                order.pop(key, None)
                order[key] = None
                self._tracks.setdefault(key, _Track(_name(key), _thing(task.step))).tasks.append(task)
        verbs: dict[_Key, set[str]] = {}
        for change in changes(plan):
            for key in _keys(change.steps[0]):
                self._tracks[key].changes.append(change)
                verbs.setdefault(key, set()).add(change.verb)
        for key, found in verbs.items():
            self._tracks[key].verbs = found
        earlier = [key for key in self._tracks if key not in order]
        self._tracks = {key: self._tracks[key] for key in (*order, *earlier)}

    def rows(self, now: float) -> tuple[BoardRow, ...]:
        """A row for each replica, and for each network and volume that changes."""
        return tuple(_named(track, self._row(track, now)) for track in self._tracks.values())

    def names(self) -> tuple[str, ...]:
        """The full names of the rows: a replica has its name, a network or volume its kind as well, `network x`."""
        return tuple(track.name for track in self._tracks.values())

    def rows_of(self, step: Step, now: float) -> tuple[BoardRow, ...]:
        """The rows in which a step shows, each with its full name."""
        return tuple(self._row(self._tracks[key], now) for key in _keys(step))

    def _row(self, track: _Track, now: float) -> BoardRow:
        failed = [task for task in track.tasks if task.state == "failed"]
        running = [task for task in track.tasks if task.state == "running"]
        seconds = _own_time(track.tasks, now)
        if failed:
            return BoardRow(track.name, "failed", "failed", _failure(failed[0]), seconds)
        if running:
            return _active(track, running, seconds)
        if postponed := [task for task in track.tasks if task.state == "postponed"]:
            error = next((task.error for task in postponed if task.error), None)
            return BoardRow(track.name, "active", "checking", first_line(error) if error else "", seconds)
        if any(task.state == "skipped" for task in track.tasks):
            return BoardRow(track.name, "skipped", "skipped", self._reason_skipped(track), seconds)
        if any(task.open for task in track.tasks):
            return self._pending(track, seconds)
        return BoardRow(track.name, "ready", _final_state(track), _summary(track), seconds)

    def _pending(self, track: _Track, seconds: float | None) -> BoardRow:
        """A row without a step under way: it waits for others to be ready, or for its turn."""
        tasks = self._stages[-1].tasks
        ahead = [
            tasks[id_]
            for task in track.tasks
            if task.state == "pending" and task is tasks.get(task.step.id)
            for id_ in sorted(task.step.after)
            if tasks[id_].open and tasks[id_] not in track.tasks
        ]
        gates = [task for task in ahead if task.waits]
        names = list(dict.fromkeys(name for task in gates or ahead for name in _names(task.step)))
        if not gates:
            return BoardRow(
                track.name, "queued", "queued", f"behind {_listed(names)}" if names else "", seconds
            )
        answers = [
            (_names(task.step)[0], one_line(task.news.text)) for task in gates if task.news and task.news.text
        ]
        detail = f"for {_listed(names)}"
        if answers:
            who, answer = answers[0]
            detail += f" · {answer}" if len(names) == 1 else f" · {who}: {answer}"
        return BoardRow(track.name, "waiting", "waiting", detail, seconds)

    def _reason_skipped(self, track: _Track) -> str:
        """Why, after what was done before: `created · interrupted`."""
        because = next((task.because for task in track.tasks if task.because), None)
        why = f"{_listed(_names(because))} failed" if because else "interrupted"
        done = [task.step.action for task in track.tasks if task.state == "done" and not task.waits]
        return " · ".join([*(words(action).done.lower() for action in done[-1:]), why])


def _keys(step: Step) -> list[_Key]:
    """The rows a step shows in: its replica, the services of an image, or the network or volume itself."""
    match step.action:
        case PullImage(image) | BuildImage(image) | PushImage(image) if image.services:
            return [Replica(name) for name in image.services]
    return [step.of or words(step.action).what]


def _name(key: _Key) -> str:
    return quoted(str(key)) if isinstance(key, Replica) else key


def _names(step: Step) -> list[str]:
    return [_name(key) for key in _keys(step)]


def _thing(step: Step) -> Words | None:
    things = (CreateNetwork, CreateVolume, RemoveNetwork, RemoveVolume)
    return words(step.action) if isinstance(step.action, things) else None


def _named(track: _Track, row: BoardRow) -> BoardRow:
    if track.thing is None:
        return row
    detail = " · ".join(part for part in (track.thing.name, row.detail) if part)
    return replace(row, name=track.thing.noun, detail=detail)


def _active(track: _Track, running: list[_Task], seconds: float | None) -> BoardRow:
    """A row whose steps are under way. Several may be: then the step that writes is shown, not the wait."""
    task = next((task for task in running if not task.waits), running[0])
    news = task.news or Progressed("")
    match task.step.action:
        case WaitFor() | WaitForService():
            return BoardRow(track.name, "active", "starting", one_line(news.text), seconds)
        case PullImage():
            if news.current is not None and news.total:
                return BoardRow(track.name, "active", "pulling", "", seconds, (news.current, news.total))
            detail = size(news.current) if news.current else one_line(news.text)
            return BoardRow(track.name, "active", "pulling", detail, seconds)
        case BuildImage():
            return BoardRow(track.name, "active", "building", _build_detail(news), seconds)
        case action:
            replaced = any(change.verb == "recreate" for change in track.changes)
            state = "recreating" if replaced else words(action).doing.lower()
            return BoardRow(track.name, "active", state, "", seconds)


def _news(task: _Task, news: Progressed) -> Progressed:
    """News, with the step of a build. A build names its step only now and then: the last one named still holds."""
    if not isinstance(task.step.action, BuildImage) or news.current is not None:
        return news
    if match := _BUILD_STEP.fullmatch(one_line(news.text)):
        step, of = match["a"] or match["c"], match["b"] or match["d"]
        return Progressed(match["text"], int(step), int(of))
    before = task.news or news
    return Progressed(news.text, before.current, before.total)


def _build_detail(news: Progressed) -> str:
    step = f"step {news.current}/{news.total}" if news.current is not None and news.total else ""
    return " · ".join(part for part in (step, one_line(news.text)) if part)


def _failure(task: _Task) -> str:
    assert task.error is not None
    text = first_line(task.error)
    if task.rescued is None:
        return text
    lost = task.rescued.error
    return f"{text} · " + (f"not put back: {first_line(lost)}" if lost else "what worked before runs again")


def _final_state(track: _Track) -> str:
    if track.verbs == {"remove"}:
        return PAST["remove"]
    done = [task.step.action for task in track.tasks]
    for action in reversed(done):
        if isinstance(action, Wait):
            return words(action).done.lower()
    started = next((action for action in done if isinstance(action, StartContainer)), None)
    if started:
        return words(started).done.lower()
    return PAST[track.changes[-1].verb] if track.changes else "ready"


def _summary(track: _Track) -> str:
    """What was done to get there: `pulled 41 MB in 3.9 s · recreated: environment.LOG_LEVEL changed`."""
    parts = []
    for task in track.tasks:
        match task.step.action:
            case PullImage():
                amount = f"{size(task.news.total)} " if task.news and task.news.total else ""
                parts.append(f"pulled {amount}in {duration(task.ended - task.began)}")
            case BuildImage():
                parts.append(f"built in {duration(task.ended - task.began)}")
    for change in track.changes:
        if change.group == "Services":
            why = f": {one_line(change.why)}" if change.verb == "recreate" else ""
            parts.append(PAST[change.verb] + why)
    parts += [one_line(task.note) for task in track.tasks if task.note]
    final = _final_state(track)
    return " · ".join(part for part in dict.fromkeys(parts) if part != final)


def _own_time(tasks: Iterable[_Task], now: float) -> float | None:
    """The time in which at least one of the steps ran; None before the first."""
    total, until = 0.0, -1.0
    spans = sorted(_spans(tasks, now))
    for began, ended in spans:
        total += max(ended - max(began, until), 0.0)
        until = max(until, ended)
    return total if spans else None


def _spans(tasks: Iterable[_Task], now: float) -> Iterator[tuple[float, float]]:
    for task in tasks:
        if task.state == "running":
            yield task.began, max(now, task.began)
        elif task.state in ("done", "failed"):
            yield task.began, task.ended


def _listed(names: list[str]) -> str:
    more = len(names) - _NAMES_SHOWN
    return ", ".join(names[:_NAMES_SHOWN]) + (f" +{more}" if more > 0 else "")
