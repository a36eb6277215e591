from show_stories import Run, all_there, failing_run, first_plans, lesson, outcome_of, plan_up

from stackctl.engine.transport.client import RefusedError
from stackctl.errors import EngineError, WaitError
from stackctl.planner.steps.actions import StartContainer, WaitFor
from stackctl.planner.steps.events import Done, Event, Failed, Planned, Postponed
from stackctl.planner.steps.outcome import Outcome
from stackctl.planner.steps.plan import Draft, Plan
from stackctl.planner.world.replica import Replica
from stackctl.show.run.failure import failure_text, report, summary
from stackctl.spec.model import Condition

RULE = "─" * 72


def test_the_cause_once_with_its_evidence_and_what_to_do_next() -> None:
    events = list(failing_run())
    log = "\n".join(f"  line {number}" for number in range(6, 20))
    assert (
        report(outcome_of(events), first_plans())
        == f"""\
✘ api: myapp-api-1 ended with exit code 137, out of memory
  while       Wait for container myapp-api-1 to be healthy (1.0 s)
  exit code   137 (SIGKILL)
  last check  connection refused
  hint        give it more memory
  {"── last 15 lines of api ".ljust(72, "─")}
{log}
  MemoryError
  {RULE}

  running     postgres, redis
  next        stackctl logs api

pulled 1 · built 1 · created 5 · failed 1 in 8.6 s"""
    )


def test_all_went_well() -> None:
    plans = first_plans()
    assert failure_text(Outcome(seconds=2.64), plans) == ""
    assert summary(Outcome(seconds=2.64), plans) == "pulled 1 · built 1 · created 5 in 2.6 s"
    assert summary(Outcome(), [plan_up(lesson("debug"), all_there(lesson()))]) == "recreated 1 in 0.0 s"
    assert summary(Outcome(), [plan_up(lesson(), all_there(lesson()))]) == "nothing changed in 0.0 s"


def test_what_was_skipped_does_not_count_as_done_and_is_named() -> None:
    images, up = first_plans()
    run = Run(up)
    network = run.step("CreateNetwork", "myapp_default")
    events = [
        run.planned(),
        run.failed(
            "CreateNetwork",
            "myapp_default",
            1,
            EngineError("no free address\nall 30 in use", "docker network prune"),
        ),
        *(
            run.skipped(action, service, 1, network)
            for service in ("postgres", "redis", "api")
            for action in ("CreateContainer", "StartContainer", "WaitFor")
        ),
    ]
    assert (
        report(outcome_of(events), [up])
        == """\
✘ no free address
  while       Create network myapp_default (0.0 s)
  details     all 30 in use
  hint        docker network prune

  not done    postgres, redis, api
  next        stackctl status

created 1 · failed 1 in 1.0 s"""
    )
    assert images.steps


def two(condition: Condition) -> Plan:
    draft = Draft("myapp")
    for service in ("db", "job"):
        start = draft.add(StartContainer(service, service), "new", of=Replica(service))
        draft.add(
            WaitFor(service, service, condition), "", start, of=Replica(service), optional=service == "job"
        )
    return draft.plan()


def test_who_has_ended_is_not_called_running() -> None:
    plan = two(Condition.healthy)
    run = Run(plan)
    ended = WaitError("db ended with exit code 1", exit_code_of_container=1)
    text = failure_text(outcome_of([run.failed("WaitFor", "db", 1, ended)]), [plan])
    assert "  exit code   1\n" in text
    assert "  running     job\n" in text
    unhealthy = WaitError("db is unhealthy", last_answer="refused")
    text = failure_text(outcome_of([run.failed("WaitFor", "db", 1, unhealthy)]), [plan])
    assert "  running     db, job\n" in text
    jobs = two(Condition.completed)
    text = failure_text(outcome_of([Run(jobs).failed("StartContainer", "db", 1, OSError("x"))]), [jobs])
    assert "running" not in text


def test_an_optional_failure_is_told_and_stops_nothing() -> None:
    plan = two(Condition.healthy)
    events = [Planned(plan, 0), Run(plan).failed("WaitFor", "job", 1, EngineError("no answer"))]
    outcome = outcome_of(events)
    assert outcome.exit_code == 0
    assert failure_text(outcome, [plan]).startswith("✘ job: no answer (optional: the rest goes on)\n")
    assert summary(outcome, [plan]) == "started 2 · failed 1 in 1.0 s"


def test_an_interrupted_run_says_what_is_there() -> None:
    plan = two(Condition.healthy)
    run = Run(plan)
    outcome = outcome_of(
        [run.skipped("StartContainer", "job", 1, None), run.skipped("WaitFor", "job", 1, None)]
    )
    assert (
        report(outcome, [plan])
        == """\
  not done    job
  running     db
  next        stackctl up goes on

started 1 · interrupted in 1.0 s"""
    )


def test_the_next_command_fits_the_failure() -> None:
    images, up = first_plans()
    for plan, action, service, command in (
        (images, "PullImage", "postgres", "stackctl pull postgres"),
        (images, "BuildImage", "api", "stackctl build api"),
        (up, "StartContainer", "redis", "stackctl logs redis"),
        (up, "CreateContainer", "redis", "stackctl status"),
    ):
        outcome = outcome_of([Run(plan).failed(action, service, 1, EngineError("no"))])
        assert f"  next        {command}\n" in failure_text(outcome, [plan])


def test_a_change_that_failed_half_way_is_not_called_nothing() -> None:
    plan = plan_up(lesson("debug"), all_there(lesson()))
    *done, last = plan.changes
    failed = [Done(step, 1, 1) for step in done] + [Failed(last, 2, 1, EngineError("no"))]
    assert summary(outcome_of([Planned(plan, 0), *failed]), [plan]) == "begun 1 · failed 1 in 2.0 s"


def test_a_change_that_was_planned_again_counts_once_it_is_done() -> None:
    plan = plan_up(lesson("debug"), all_there(lesson()))
    refused = RefusedError("gone", status=404)
    first: list[Event] = [Planned(plan, 0), *(Postponed(step, 1, refused) for step in plan.changes)]
    second: list[Event] = [Planned(plan, 1), *(Done(step, 2, 1) for step in plan.changes)]
    assert summary(outcome_of(first + second), [plan, plan]) == "recreated 1 in 2.0 s"
