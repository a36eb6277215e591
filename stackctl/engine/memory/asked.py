"""What the in-memory engine tells of one container: its processes, its counters, what happened to it."""

from __future__ import annotations

from datetime import UTC, datetime

from stackctl.engine.memory.container import MemoryContainer, arguments
from stackctl.errors import EngineError
from stackctl.planner.steps import actions
from stackctl.planner.steps.actions import Action
from stackctl.planner.world.asked import Counters, Happened, Processes

_TITLES = ("UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD")
_WORDS: dict[type, tuple[str, ...]] = {
    actions.CreateContainer: ("create",),
    actions.StartContainer: ("start",),
    actions.StopContainer: ("kill", "die", "stop"),
    actions.KillContainer: ("kill",),
    actions.PauseContainer: ("pause",),
    actions.UnpauseContainer: ("unpause",),
    actions.RenameContainer: ("rename",),
    actions.RemoveContainer: ("destroy",),
}


def processes(container: MemoryContainer) -> Processes:
    """One process: the container's command."""
    if container.state not in ("running", "paused"):
        raise EngineError(f"{container.name} does not run", "stackctl up starts it")
    entrypoint, command = arguments(container.spec, container.config)
    line = " ".join((*entrypoint, *command))
    pid = str(int(container.created))
    return Processes(_TITLES, (("root", pid, "1", "0", "00:00", "?", "00:00:00", line),))


def counters(container: MemoryContainer, now: float) -> Counters:
    """Counters of 0, and one process if it runs."""
    return Counters(at=now, pids=int(container.state in ("running", "paused")))


def happenings(action: Action, container: MemoryContainer, now: float) -> list[Happened]:
    """The events of an action. `container` is as it is after the action."""
    time = f"{datetime.fromtimestamp(now, UTC):%Y-%m-%dT%H:%M:%S}.000000000Z"
    words = _WORDS.get(type(action), ())
    if isinstance(action, actions.KillContainer) and not container.up:
        words = (*words, "die")
    about = {**container.labels, "image": container.spec.image, "name": container.name}
    ended = {"exitCode": str(container.code)}
    return [Happened(time, word, container.id, about | (ended if word == "die" else {})) for word in words]
