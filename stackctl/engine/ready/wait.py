"""Wait until a container is ready: ask at once and often, take the engine's word as well, and end early if it can never be ready.

Each round first looks at the container's state (`_verdict_of_state`):

| state | started | completed | ready, healthy |
|---|---|---|---|
| created | wait; hopeless if the engine could not start the container | the same | the same |
| running, paused | met | wait | ask the probes |
| restarting | wait; hopeless after three restarts (or as many as the action says), out of memory, or if the program cannot run | the same | the same |
| exited with 0 | hopeless; met if the container may end (`oneshot_ok`) | met | as for `started` |
| exited with another code | hopeless | hopeless | hopeless |
| removing, dead, gone | hopeless | hopeless | hopeless |

The probes are asked only while the container runs (`_Questions`), the cheap ones first:

| probes | engine's health | verdict |
|---|---|---|
| none | none | `ready`: met once the published TCP ports accept; `healthy`: an error |
| none | starting, healthy, unhealthy | wait, met, hopeless |
| a command | healthy | met, even if stackctl's own run of the command fails or hangs |
| a command that fails | unhealthy | hopeless |
| any other | any | met when it passes, else wait |

`met` counts once the container has run its program for `settle` seconds without a restart.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from typing import Protocol

from msgspec import Struct

from stackctl.engine.protocol import Report
from stackctl.engine.ready.probe import ProbeAnswer, UnreachableError
from stackctl.engine.ready.probe import ask as ask_container
from stackctl.engine.ready.target import ContainerState, Target
from stackctl.errors import EngineError, GoneError, WaitError, WaitTimeoutError
from stackctl.planner.steps.actions import WaitFor
from stackctl.planner.steps.events import Progressed
from stackctl.planner.world.probes import CommandProbe, LogProbe, Probe, ProtocolProbe, TcpProbe
from stackctl.spec.model import Condition

_PAUSES = (0.05, 0.5)
"""Seconds between two questions: a tenth of the time waited so far, but at least and at most these."""
_EXEC_PAUSE = 0.25
"""Seconds between two commands in a container, at least: each command takes processor time from the container's start."""
_LAST = 1.0
"""Seconds that a question has at least, even at the deadline."""
_RESTARTS = 3
"""After this many restarts during one wait, the container counts as one that never starts."""
_LOG_LINES = 15


class Ask(Protocol):
    """A function that runs a probe once, such as `stackctl.engine.ready.probe.ask`."""

    def __call__(
        self, probe: Probe, running: ContainerState, target: Target, timeout: float, /
    ) -> ProbeAnswer: ...


class _Verdict(Struct, frozen=True):
    """The result of one round: `met`, `hopeless` or neither, and why."""

    why: str = ""
    met: bool = False
    hopeless: bool = False
    hint: str = ""


_CANNOT_RUN = (126, 127)
"""The exit codes of a container whose program is not there, or cannot be executed. To start it again does not help."""
_NO_PROGRAM = r"\[FATAL tini \(\d+\)\] exec (?P<program>.+) failed: (?P<why>.+)"
"""What the engine's init writes about a program that it cannot execute."""

_MET = _Verdict(met=True)
_GONE = _Verdict("is gone", hopeless=True)
_SETTLING = _Verdict("has just started")
_A_JOB = "a program that runs to its end belongs under [jobs] of a stack.toml"


def wait(
    action: WaitFor,
    target: Target,
    report: Report,
    cancelled: Callable[[], bool] = lambda: False,
    ask: Ask = ask_container,
) -> str:
    """Return "" once the container meets the condition, or once `cancelled()`.

    The tables above say when the condition is met. All probes must pass.

    Raises `WaitError` if it is clear that the container will never be ready (ended, gone, out of memory, unhealthy by the
    engine's count, restarted three times), `WaitTimeoutError` after `timeout` seconds plus the start period, and
    `EngineError` if the condition is `healthy` and the container has no check.
    """
    began = target.now()
    limit = action.timeout + action.timing.start_period
    questions = _Questions(action, target, ask)
    settling = _Settling(action.settle, action.ran)
    restarts: int | None = None
    reported = ""
    while not cancelled():
        running = target.inspect()
        restarts = running.restarts if running and restarts is None else restarts
        left = began + limit - target.now()
        verdict = _verdict_of_state(action, running, restarts or 0)
        if verdict is None:
            assert running is not None
            verdict = questions.ask(running, max(left, _LAST))
        steady = settling.left(running, target.now())
        if verdict.met and not steady:
            return ""
        if verdict.met:
            verdict = _SETTLING
        if verdict.hopeless:
            message = f"{action.name} {verdict.why}"
            kind = GoneError if verdict == _GONE else WaitError
            raise _evidence(kind, message, target, running, questions.last, verdict.hint)
        if left <= 0:
            message = f"{action.name} was not {_WORDS[action.condition]} within {limit:g} s: {verdict.why}"
            raise _evidence(WaitTimeoutError, message, target, running, questions.last)
        if verdict.why != reported:
            reported = verdict.why
            report(Progressed(reported))
        least, most = _PAUSES
        least = max(steady, _EXEC_PAUSE if questions.ran_command else least)
        pause = min(max((limit - left) / 10, least), most)
        target.pause(min(pause, left))
    return ""


_WORDS = {
    Condition.started: "started",
    Condition.healthy: "healthy",
    Condition.completed: "done",
    Condition.ready: "ready",
}


def _verdict_of_state(action: WaitFor, running: ContainerState | None, restarts: int) -> _Verdict | None:
    """What the state alone says; None if the container runs and must be asked. `restarts` is their count when the wait
    began.
    """
    memory = ", out of memory" if running and running.oom_killed else ""
    match running:
        case None | ContainerState(state="removing" | "dead"):
            return _GONE
        case ContainerState(state="exited", exit_code=0):
            if action.condition is Condition.completed or action.oneshot_ok:
                return _MET
            return _Verdict("ended with exit code 0, but should keep running", hopeless=True, hint=_A_JOB)
        case ContainerState(state="exited", exit_code=code):
            return _Verdict(f"ended with exit code {code}{memory}", hopeless=True)
        case ContainerState(restarts=now) if now - restarts >= _RESTARTS or _ends_again(action, running):
            last = f", last exit code {running.exit_code}" if running.state == "restarting" else ""
            return _Verdict(f"restarts again and again{memory}{last}", hopeless=True)
        case ContainerState(state="restarting"):
            if running.oom_killed or running.exit_code in _CANNOT_RUN:
                return _Verdict(f"ended with exit code {running.exit_code}{memory}", hopeless=True)
            return _Verdict(f"restarting after exit code {running.exit_code}")
        case ContainerState(state="created"):
            if running.error:
                return _Verdict(f"could not be started: {running.error}", hopeless=True)
            return _Verdict("not started yet")
    if action.condition is Condition.started:
        return _MET
    if action.condition is Condition.completed:
        return _Verdict("still running")
    return None


def _ends_again(action: WaitFor, running: ContainerState) -> bool:
    """Whether it has ended more often since its start than the action allows."""
    return (
        action.restarts is not None and running.state == "restarting" and running.restarts >= action.restarts
    )


class _Settling:
    """Measures how long a container has kept running its program without a restart. `ran` is how long it may have run before."""

    def __init__(self, seconds: float, ran: float) -> None:
        self._seconds = seconds
        self._ran = ran
        self._since: float | None = None
        self._restarts: int | None = 0

    def left(self, running: ContainerState | None, now: float) -> float:
        """The seconds for which the container must still run. 0 if it does not run: then its state alone decides."""
        if running is None or running.state != "running":
            self._restarts = None
            return 0.0
        if self._since is None:
            self._since = now - self._ran
        if running.restarts != self._restarts or running.in_init:
            self._restarts, self._since = running.restarts, now
        return max(0.0, self._since + self._seconds - now)


class _Questions:
    """The probes of one wait, the cheap ones first, and what they have answered so far."""

    def __init__(self, action: WaitFor, target: Target, ask: Ask) -> None:
        self._action = action
        self._target = target
        self._ask = ask
        self._hung: set[Probe] = set()
        self._probes: Collection[Probe] = sorted(action.probes, key=_cost)
        self.last = ""
        """The last answer of a probe or of the engine's check."""
        self.ran_command = False
        """Whether the last call of `ask` ran a command in the container."""

    def ask(self, running: ContainerState, timeout: float) -> _Verdict:
        """Ask one probe after another, until one fails."""
        self.ran_command = False
        healthy = running.health == "healthy"
        if not self._probes and running.health:
            self.last = running.health_output.strip().rpartition("\n")[2] or "no output of the engine's check"
            return _Verdict(
                f"is {running.health}: {self.last}", met=healthy, hopeless=running.health == "unhealthy"
            )
        if not self._probes and self._action.condition is Condition.healthy:
            raise EngineError(
                f"{self._action.name} has no check, so it can never be healthy",
                "give it a healthcheck, or wait until it has started: condition service_started",
            )
        timeout = min(timeout, self._action.timing.timeout)
        for probe in self._probes or map(TcpProbe, self._action.ports):
            command = isinstance(probe, CommandProbe)
            if (command and healthy) or (answer := self._put(probe, running, timeout)).ready:
                continue
            if command and running.health == "unhealthy":
                return _Verdict(f"is unhealthy: {answer.text}", hopeless=True)
            return _Verdict(answer.text)
        return _MET

    def _put(self, probe: Probe, running: ContainerState, timeout: float) -> ProbeAnswer:
        if probe in self._hung:
            return ProbeAnswer(False, self.last)
        self.ran_command |= isinstance(probe, CommandProbe)
        try:
            answer = self._ask(probe, running, self._target, timeout)
        except UnreachableError:
            raise
        except EngineError as error:  # the container may have just ended: the next round sees that
            answer = ProbeAnswer(False, error.message)
        if answer.hung:
            self._hung.add(probe)
        if not answer.pending:
            self.last = answer.text
        return answer


def _cost(probe: Probe) -> int:
    match probe:
        case CommandProbe():
            return 3
        case ProtocolProbe():
            return 2
        case LogProbe():
            return 1
    return 0


def _evidence(
    kind: type[WaitError],
    message: str,
    target: Target,
    running: ContainerState | None,
    answer: str,
    hint: str = "",
) -> WaitError:
    """The error, with all that a reader needs to find the cause."""
    try:
        log = target.log(_LOG_LINES).splitlines() if running else []
    except EngineError:
        log = []
    ended = running is not None and running.state in ("exited", "restarting")
    code = running.exit_code if running and ended else None
    if code in _CANNOT_RUN and log and (found := re.search(_NO_PROGRAM, log[-1])):
        message = f"{message}: its image cannot run {found['program']!r}: {found['why']}"
        hint = hint or "check command and entrypoint"
    return kind(message, hint, exit_code_of_container=code, last_answer=answer, log_tail=log[-_LOG_LINES:])
