"""The wait loop, on a clock that only it moves."""

from collections.abc import Callable, Sequence

import pytest

from stackctl.engine.ready.probe import ProbeAnswer, UnreachableError
from stackctl.engine.ready.target import ContainerState, Target
from stackctl.engine.ready.wait import wait
from stackctl.errors import EngineError, WaitError, WaitTimeoutError
from stackctl.planner.steps.actions import WaitFor
from stackctl.planner.steps.events import Progressed
from stackctl.planner.world.probes import CommandProbe, LogProbe, Probe, ProtocolProbe, TcpProbe, Timing
from stackctl.spec.model import Condition

UP = ContainerState(state="running")
COMMAND = CommandProbe(("CMD", "check"))
SERVER = ProtocolProbe("postgres", 5432)


class Script:
    """A container whose states follow each other, one a look; the last one stays."""

    def __init__(self, *states: ContainerState | None, log: str = "") -> None:
        self.states = list(states)
        self.clock = 0.0
        self.pauses: list[float] = []
        self._log = log

    def inspect(self) -> ContainerState | None:
        return self.states.pop(0) if len(self.states) > 1 else self.states[0]

    def log(self, tail: int | None = None) -> str:
        return self._log

    def exec(self, argv: tuple[str, ...], timeout: float) -> tuple[int | None, str]:
        raise AssertionError("asking is scripted")

    def pause(self, seconds: float) -> None:
        assert seconds > 0
        self.pauses.append(seconds)
        self.clock += seconds

    def now(self) -> float:
        return self.clock


class Asked:
    """Answers in order for each probe; the last one stays."""

    def __init__(self, **answers: Sequence[ProbeAnswer | Exception]) -> None:
        self.answers = {kind: list(given) for kind, given in answers.items()}
        self.order: list[str] = []

    def __call__(self, probe: Probe, running: ContainerState, target: Target, timeout: float) -> ProbeAnswer:
        kind = type(probe).__name__.removesuffix("Probe").lower()
        self.order.append(kind)
        left = self.answers[kind]
        answer = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


YES = ProbeAnswer(True, "fine")
NO = ProbeAnswer(False, "not yet")
_USUAL = Timing()


def run(
    target: Script,
    condition: Condition = Condition.ready,
    *probes: Probe,
    ask: Asked | None = None,
    cancelled: Callable[[], bool] = lambda: False,
    timeout: float = 120,
    timing: Timing = _USUAL,
    ports: tuple[int, ...] = (),
    oneshot_ok: bool = False,
    settle: float = 0.0,
    ran: float = 0.0,
    restarts: int | None = None,
) -> list[str]:
    action = WaitFor(
        "c", "shop-db-1", condition, probes, timing, timeout, ports, oneshot_ok, settle, ran, restarts
    )
    news: list[Progressed] = []
    assert wait(action, target, news.append, cancelled, ask or Asked()) == ""
    return [n.text for n in news]


# What ends a wait well


def test_started_is_running() -> None:
    assert run(Script(ContainerState(state="created"), UP), Condition.started) == ["not started yet"]


def test_completed_is_exit_0() -> None:
    assert run(Script(UP, UP, ContainerState(state="exited")), Condition.completed) == ["still running"]


def test_ready_is_every_probe_and_the_cheap_ones_are_asked_first() -> None:
    ask = Asked(protocol=[NO, YES], command=[NO, YES], log=[YES])
    news = run(Script(UP), Condition.ready, COMMAND, SERVER, LogProbe("x"), ask=ask)
    assert ask.order == ["log", "protocol", "log", "protocol", "command", "log", "protocol", "command"]
    assert news == ["not yet"]


def test_the_engines_healthy_stands_for_the_command_but_not_for_the_server() -> None:
    healthy = ContainerState(state="running", health="healthy")
    ask = Asked(protocol=[NO, YES])
    run(Script(healthy), Condition.healthy, COMMAND, SERVER, ask=ask)
    assert ask.order == ["protocol", "protocol"]


def test_without_a_probe_the_engines_check_decides() -> None:
    starting = ContainerState(state="running", health="starting", health_output="1\nno route\n")
    news = run(Script(starting, ContainerState(state="running", health="healthy")), Condition.healthy)
    assert news == ["is starting: no route"]


def test_without_any_check_ready_asks_the_published_ports() -> None:
    ask = Asked(tcp=[NO, YES])
    run(Script(UP), ports=(80,), ask=ask)
    assert ask.order == ["tcp", "tcp"]
    run(Script(UP))


def test_exit_0_of_a_oneshot_is_ready() -> None:
    run(Script(ContainerState(state="exited")), Condition.ready, COMMAND, oneshot_ok=True)


def test_cancelling_returns_early() -> None:
    target = Script(UP)
    run(target, Condition.healthy, SERVER, ask=Asked(protocol=[NO]), cancelled=lambda: target.clock > 1)
    assert target.clock < 2


# What ends it badly


def fails(target: Script, message: str, *args: object, **options: object) -> WaitError:
    with pytest.raises(WaitError, match=message) as caught:
        run(target, *args, **options)  # type: ignore[arg-type]
    assert not isinstance(caught.value, WaitTimeoutError)
    assert target.clock < 5
    return caught.value


def test_a_container_that_ended_fails_at_once_with_the_evidence() -> None:
    log = "\n".join(f"line {i}" for i in range(40))
    target = Script(UP, ContainerState(state="exited", exit_code=3), log=log)
    error = fails(
        target, "shop-db-1 ended with exit code 3", Condition.ready, SERVER, ask=Asked(protocol=[NO])
    )
    assert error.exit_code_of_container == 3
    assert error.last_answer == "not yet"
    assert error.log_tail == tuple(f"line {i}" for i in range(25, 40))
    assert error.exit_code == 1


def test_exit_0_of_a_service_that_should_run() -> None:
    fails(Script(ContainerState(state="exited")), "ended with exit code 0, but should keep running")


def test_a_job_that_failed() -> None:
    fails(Script(UP, ContainerState(state="exited", exit_code=1)), "exit code 1", Condition.completed)


def test_out_of_memory() -> None:
    killed = ContainerState(state="exited", exit_code=137, oom_killed=True)
    fails(Script(killed), "exit code 137, out of memory")
    fails(Script(ContainerState(state="restarting", exit_code=137, oom_killed=True)), "out of memory")


@pytest.mark.parametrize("state", [None, ContainerState(state="removing"), ContainerState(state="dead")])
def test_gone(state: ContainerState | None) -> None:
    assert fails(Script(UP, state), "shop-db-1 is gone", Condition.completed).log_tail == ()


def test_the_engine_could_not_start_it() -> None:
    fails(
        Script(ContainerState(state="created", error="exec: no such file")),
        "could not be started: exec: no such file",
    )


def test_a_restart_loop() -> None:
    states = [ContainerState(state="restarting", restarts=i, exit_code=2) for i in range(1, 6)]
    assert fails(Script(*states), "restarts again and again, last exit code 2").exit_code_of_container == 2


def test_a_container_that_may_end_no_more_fails_when_it_ends_again() -> None:
    once, again = (ContainerState(state="restarting", restarts=i, exit_code=2) for i in (1, 2))
    up = ContainerState(state="running", restarts=1)
    assert fails(Script(up, up, again), "restarts again and again, last exit code 2", settle=3.0, restarts=2)
    run(Script(once, up), settle=3.0, restarts=2)
    run(Script(ContainerState(state="running", restarts=7)), settle=3.0, restarts=2)


def test_restarts_of_long_ago_are_no_loop() -> None:
    run(Script(ContainerState(state="running", restarts=50)), ask=Asked())


@pytest.mark.parametrize("probes", [(), (COMMAND,)])
def test_unhealthy_by_the_engines_count(probes: tuple[Probe, ...]) -> None:
    bad = ContainerState(state="running", health="unhealthy", health_output="connection refused")
    fails(
        Script(bad),
        "is unhealthy: (connection refused|not yet)",
        Condition.healthy,
        *probes,
        ask=Asked(command=[NO]),
    )


def test_the_engines_unhealthy_means_nothing_for_other_probes() -> None:
    run(
        Script(ContainerState(state="running", health="unhealthy")),
        Condition.healthy,
        SERVER,
        ask=Asked(protocol=[YES]),
    )


def test_healthy_without_a_check_is_refused() -> None:
    with pytest.raises(EngineError, match="shop-db-1 has no check"):
        run(Script(UP), Condition.healthy)


def test_a_probe_that_cannot_be_asked_is_refused() -> None:
    with pytest.raises(UnreachableError):
        run(Script(UP), Condition.ready, TcpProbe(1), ask=Asked(tcp=[UnreachableError("no way in")]))


def test_a_command_that_fails_because_the_container_ends_is_no_refusal() -> None:
    ask = Asked(command=[EngineError("container is not running"), YES])
    assert run(Script(UP), Condition.ready, COMMAND, ask=ask) == ["container is not running"]


def test_while_a_command_has_no_answer_the_engines_verdict_counts() -> None:
    pending = ProbeAnswer(False, "no answer yet", pending=True)
    target = Script(UP, UP, ContainerState(state="running", health="healthy"))
    assert run(target, Condition.healthy, COMMAND, ask=Asked(command=[pending])) == ["no answer yet"]
    target = Script(UP, UP, ContainerState(state="exited", exit_code=1))
    error = fails(target, "exit code 1", Condition.healthy, COMMAND, ask=Asked(command=[NO, pending]))
    assert error.last_answer == "not yet"


# Deadlines and pace


def test_the_deadline_is_the_timeout_and_the_start_period() -> None:
    target = Script(UP, log="boot\n")
    with pytest.raises(WaitTimeoutError, match=r"shop-db-1 was not healthy within 25 s: not yet") as caught:
        run(
            target,
            Condition.healthy,
            SERVER,
            ask=Asked(protocol=[NO]),
            timeout=20,
            timing=Timing(start_period=5),
        )
    assert target.clock == pytest.approx(25)
    assert caught.value.exit_code == 4
    assert caught.value.exit_code_of_container is None
    assert caught.value.log_tail == ("boot",)


def test_a_readiness_check_begins_at_once_and_slows_down() -> None:
    target = Script(UP)
    run(target, Condition.ready, SERVER, ask=Asked(protocol=[*[NO] * 60, YES]))
    assert target.pauses[0] == pytest.approx(0.05)
    assert target.pauses == sorted(target.pauses)
    assert target.pauses[-1] == pytest.approx(0.5)


def test_commands_are_run_less_often() -> None:
    target = Script(UP)
    run(target, Condition.ready, COMMAND, ask=Asked(command=[*[NO] * 3, YES]))
    assert min(target.pauses) >= 0.25


def test_a_command_that_hangs_is_not_run_a_second_time() -> None:
    target = Script(UP, UP, UP, ContainerState(state="running", health="healthy"))
    ask = Asked(command=[ProbeAnswer(False, "hangs", hung=True)])
    run(target, Condition.healthy, COMMAND, ask=ask)
    assert ask.order == ["command"]


# Settling


def test_what_must_settle_is_looked_at_again() -> None:
    target = Script(UP)
    assert run(target, Condition.started, settle=0.5) == ["has just started"]
    assert target.clock == pytest.approx(0.5)


def test_the_time_to_settle_begins_with_the_program() -> None:
    init = ContainerState(state="running", in_init=True)
    ended = ContainerState(state="exited", exit_code=127)
    assert run(Script(init), Condition.started) == []
    fails(Script(*[init] * 8, ended), "exit code 127", Condition.started, settle=0.5)


def test_the_time_before_the_wait_counts_for_a_program_that_has_begun_and_was_not_restarted() -> None:
    def clock(*states: ContainerState, ran: float) -> float:
        target = Script(*states)
        run(target, Condition.started, settle=0.5, ran=ran)
        return target.clock

    assert clock(UP, ran=0.4) == pytest.approx(0.1)
    assert clock(UP, ran=0.6) == 0.0
    assert clock(ContainerState(state="running", restarts=1), ran=0.6) == pytest.approx(0.5)
    assert clock(ContainerState(state="running", in_init=True), UP, ran=0.6) == pytest.approx(0.5)


def test_what_ends_while_it_settles_has_failed() -> None:
    fails(
        Script(UP, ContainerState(state="exited", exit_code=1)), "exit code 1", Condition.started, settle=0.5
    )


def test_a_restart_begins_the_time_to_settle_anew() -> None:
    target = Script(UP, ContainerState(state="running", restarts=1))
    run(target, Condition.started, settle=0.5)
    assert target.clock == pytest.approx(1.0)
