"""The last look of `up`, on the in-memory engine: what ended meanwhile is told, and never listed as running."""

import uuid
from pathlib import Path

import pytest

from stackctl import api
from stackctl.engine.execute import Cancel
from stackctl.engine.memory import Behaviour, MemoryEngine
from stackctl.errors import WaitError
from stackctl.planner.steps.actions import Action, StartContainer
from stackctl.planner.steps.events import Confirmed, Event, Planned
from stackctl.planner.steps.outcome import Outcome, outcome
from stackctl.planner.steps.plan import Plan
from stackctl.planner.world.observed import ImageConfig
from stackctl.show.run.failure import report
from stackctl.spec.model import Stack

WORKER_AND_DB = """
[services.worker]
image = "busybox"
[services.db]
image = "busybox"
healthcheck = { tcp = 5432 }
[services.web]
image = "busybox"
depends_on = ["db"]
"""


class Home:
    """A stack on an engine of its own."""

    def __init__(self, directory: Path, **behaviours: Behaviour) -> None:
        self.directory = directory
        self.project = f"confirm-{uuid.uuid4().hex[:8]}"
        self.engine = MemoryEngine({"busybox": ImageConfig()}, behaviours=behaviours)
        self.events: list[Event] = []

    def stack(self, text: str) -> Stack:
        file = self.directory / "stack.toml"
        file.write_text(text)
        return api.load(file, name=self.project)

    def up(self, text: str, cancel: Cancel | None = None) -> Outcome:
        self.events = list(api.up(self.stack(text), self.engine, cancel=cancel))
        return outcome(self.events)

    @property
    def plans(self) -> list[Plan]:
        return [event.plan for event in self.events if isinstance(event, Planned)]

    def dies_when_started(self, service: str, starter: str, exit_code: int = 1) -> None:
        """The service ends at the moment at which another one is started."""

        def before(action: Action) -> None:
            if isinstance(action, StartContainer) and action.name.endswith(f"-{starter}-1"):
                self.engine.die(f"{self.project}-{service}-1", exit_code)

        self.engine.before = before


def test_what_ends_soon_after_its_start_has_failed(tmp_path: Path) -> None:
    home = Home(tmp_path, web=Behaviour(exit_code=3, exit_after=0.2, log=("no such module",)))
    came = home.up('[services.web]\nimage = "busybox"\n')
    (failure,) = came.failures
    assert isinstance(failure.error, WaitError)
    assert failure.error.message == f"{home.project}-web-1 ended with exit code 3"
    assert failure.error.log_tail == ("no such module",)
    assert came.exit_code == 5
    assert came.running == frozenset()


def test_what_ends_while_others_are_waited_for_has_failed(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.dies_when_started("worker", "web")
    came = home.up(WORKER_AND_DB)
    assert [failure.step.service for failure in came.failures] == ["worker"]
    assert came.running == frozenset({"db", "web"})
    assert "running     db, web\n" in report(came, home.plans)


def test_what_ended_while_something_else_failed_is_not_listed_as_running(tmp_path: Path) -> None:
    home = Home(tmp_path, web=Behaviour(start_error="no such program"))
    home.dies_when_started("worker", "web")
    came = home.up(WORKER_AND_DB)
    assert {failure.step.service for failure in came.failures} == {"web", "worker"}
    assert "running     db\n" in report(came, home.plans)


def test_what_was_removed_meanwhile_is_made_again(tmp_path: Path) -> None:
    home = Home(tmp_path)

    def before(action: Action) -> None:
        if isinstance(action, StartContainer) and action.name.endswith("-web-1"):
            home.engine.remove_by_hand(f"{home.project}-worker-1")

    home.engine.before = before
    came = home.up(WORKER_AND_DB)
    assert came.failures == ()
    assert came.running == frozenset({"db", "web", "worker"})


@pytest.mark.parametrize("restart", ["always", "on-failure"])
def test_what_is_restarted_again_and_again_has_failed(tmp_path: Path, restart: str) -> None:
    home = Home(tmp_path, web=Behaviour(exit_code=1, exit_after=0.1))
    came = home.up(f'[services.web]\nimage = "busybox"\nrestart = "{restart}"\n')
    (failure,) = came.failures
    assert "restarts again and again" in str(failure.error)


def test_the_end_of_a_service_with_0_is_no_failure_but_suggests_a_job(tmp_path: Path) -> None:
    home = Home(tmp_path, web=Behaviour(exit_code=0, exit_after=0.1))
    came = home.up('[services.web]\nimage = "busybox"\n')
    assert (came.exit_code, came.running) == (0, frozenset())
    assert home.plans[-1].notes == (
        "ended with exit code 0: web (a program that runs to its end belongs under [jobs] of a stack.toml)",
    )


def test_a_service_that_ended_with_0_is_started_again_by_the_next_up(tmp_path: Path) -> None:
    """As Compose does; what runs to its end belongs under [jobs]."""
    home = Home(tmp_path, web=Behaviour(exit_code=0, exit_after=0.1))
    for _ in range(2):
        home.up('[services.web]\nimage = "busybox"\n')
        starts = [
            step for plan in home.plans for step in plan.steps if isinstance(step.action, StartContainer)
        ]
        assert [step.service for step in starts] == ["web"]


def test_the_end_with_0_of_a_service_that_was_ready_is_a_failure(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.dies_when_started("db", "web", 0)
    came = home.up(WORKER_AND_DB)
    (failure,) = came.failures
    assert isinstance(failure.error, WaitError)
    assert failure.error.message == f"{home.project}-db-1 ended with exit code 0, but should keep running"
    assert "[jobs]" in failure.error.hint


def test_a_job_may_end(tmp_path: Path) -> None:
    home = Home(tmp_path)
    came = home.up('[jobs.migrate]\nimage = "busybox"\ncommand = ["true"]\n')
    assert (came.exit_code, came.running, home.plans[-1].notes) == (0, frozenset(), ())


def test_a_run_with_nothing_to_do_looks_no_more_than_before(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.up(WORKER_AND_DB)
    before, waits = home.engine.reads, len(home.engine.performed)
    home.up(WORKER_AND_DB)
    assert home.engine.reads - before == 1
    assert len(home.engine.performed) == waits
    assert not any(isinstance(event, Confirmed) for event in home.events)


def test_an_interrupted_run_waits_for_nothing_more_and_tells_what_runs(tmp_path: Path) -> None:
    home = Home(tmp_path)
    cancel = Cancel()

    def before(action: Action) -> None:
        if isinstance(action, StartContainer) and action.name.endswith("-worker-1"):
            cancel.set()

    home.engine.before = before
    came = home.up(WORKER_AND_DB, cancel)
    assert came.interrupted
    assert came.running is not None
    assert "web" not in came.running
