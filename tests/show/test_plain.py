import io
from collections.abc import Iterable

from show_stories import API_FAILED, Run, all_there, failing_run, first_plans, lesson, outcome_of, plan_up

from stackctl.planner.steps.actions import PullImage, RemoveContainer, RenameContainer, StopContainer
from stackctl.planner.steps.events import Done, Event, Planned, Rescued, Started
from stackctl.planner.steps.outcome import Outcome
from stackctl.planner.steps.plan import Draft
from stackctl.planner.world.desired import Image
from stackctl.planner.world.replica import Replica
from stackctl.show.run.plain import Plain, Quiet
from stackctl.show.text.style import PLAIN, Style


def shown(events: Iterable[Event], renderer: type[Plain | Quiet] = Plain, style: Style = PLAIN) -> str:
    stream = io.StringIO()
    listener = renderer(stream, style)
    for event in events:
        listener.show(event)
    return stream.getvalue()


def test_one_line_for_what_begins_and_one_for_what_is_done() -> None:
    assert (
        shown(failing_run())
        == """\
   0.0 s  postgres  pulling
   0.0 s  api       building
   1.5 s  api       building   step 2/4 · RUN pip install -r requirements.txt
   3.9 s  postgres  pulled     pulled 41 MB in 3.9 s
   5.0 s  api       built      built in 5.0 s
   5.1 s  network myapp_default  created    0.1 s
   5.1 s  volume myapp_pgdata    created    0.1 s
   5.2 s  postgres               starting
   5.2 s  redis                  starting
   5.6 s  postgres               starting   the database system is starting up
   5.7 s  redis                  healthy    created · 0.6 s
   7.4 s  postgres               healthy    pulled 41 MB in 3.9 s · created · 6.2 s
   7.4 s  api                    starting
   7.7 s  api                    starting   connection refused
   8.6 s  api                    failed     myapp-api-1 ended with exit code 137, out of memory
"""
    )


def test_a_recreate_is_three_lines() -> None:
    plan = plan_up(lesson("debug"), all_there(lesson()))
    events: list[Event] = [Planned(plan, 0)]
    for step in plan.steps:
        events += [Started(step, step.id), Done(step, step.id + 0.5, 0.5)]
    lines = [line for line in shown(events).splitlines() if "  api  " in line]
    assert len([step for step in plan.steps if step.service == "api"]) > 6
    assert lines == [
        "   1.0 s  api       recreating",
        "  10.0 s  api       starting",
        "  10.5 s  api       healthy    recreated: environment.LOG_LEVEL changed · 4.0 s",
    ]


def test_bytes_are_told_every_five_seconds_and_words_when_they_change() -> None:
    draft = Draft()
    draft.add(PullImage(Image(ref="redis:7", services=("redis",))), "not here", of=Replica("redis"))
    run = Run(draft.plan())
    news = [("waiting",), ("waiting",), *(("downloading", n * 10**6, 9 * 10**6) for n in range(10))]
    events = [run.progress("PullImage", "redis", float(at), *told) for at, told in enumerate(news)]
    assert (
        shown([run.planned(), run.started("PullImage", "redis", 0), *events])
        == """\
   0.0 s  redis  pulling
   0.0 s  redis  pulling    waiting
   5.0 s  redis  pulling    3.0 MB of 9.0 MB
  10.0 s  redis  pulling    8.0 MB of 9.0 MB
"""
    )


def test_a_service_is_skipped_once_and_put_back_or_not() -> None:
    draft = Draft()
    rename = draft.add(RenameContainer("1", "api", "api.old"), "makes way", of=Replica("api"))
    stop = draft.add(StopContainer("2", "db", 10), "", rename, of=Replica("db"))
    draft.add(RemoveContainer("2", "db"), "", stop, of=Replica("db"))
    draft.add(StopContainer("3", "web", 10), "", of=Replica("web"))
    run = Run(draft.plan())
    step = run.step("RenameContainer", "api")
    events = [
        run.planned(),
        run.started("RenameContainer", "api", 0),
        run.failed("RenameContainer", "api", 1, OSError("in use")),
        Rescued(step, 2),
        Rescued(step, 3, OSError("gone")),
        run.skipped("StopContainer", "db", 3, step),
        run.skipped("RemoveContainer", "db", 3, step),
        run.started("StopContainer", "web", 4),
        run.done("StopContainer", "web", 14, "killed after 10 s: it ignores SIGTERM"),
    ]
    assert (
        shown(events)
        == """\
   1.0 s  api  failed     in use
   2.0 s  api  failed     in use · what worked before runs again
   3.0 s  api  failed     in use · not put back: gone
   3.0 s  db   skipped    api failed
   4.0 s  web  stopping
  14.0 s  web  stopped    killed after 10 s: it ignores SIGTERM · 10.0 s
"""
    )


def test_foreign_text_and_colour() -> None:
    images, _ = first_plans()
    run = Run(images)
    news = "\x1b[2J\x1b[31mcompiling\x07\nfast"
    events = [run.planned(), run.started("BuildImage", "api", 0), run.progress("BuildImage", "api", 1, news)]
    assert shown(events).splitlines()[-1] == "   1.0 s  api       building   compiling fast"
    assert "\x1b[2mbuilding  \x1b[0m compiling fast\n" in shown(events, style=Style(color=True))


def test_the_end_is_the_report_and_nothing_when_the_run_broke_off() -> None:
    for listener in (Plain, Quiet):
        stream = io.StringIO()
        listener(stream).close(None)
        assert stream.getvalue() == ""
    stream = io.StringIO()
    Plain(stream).close(Outcome(seconds=0.3))
    assert stream.getvalue() == "nothing changed in 0.3 s\n"


def test_quiet_says_nothing_unless_something_failed() -> None:
    stream = io.StringIO()
    quiet = Quiet(stream)
    for plan in first_plans():
        quiet.show(Planned(plan, 0))
    quiet.close(Outcome(seconds=0.3))
    assert stream.getvalue() == ""
    quiet.close(outcome_of(failing_run()))
    assert stream.getvalue().startswith(f"✘ api: {API_FAILED.message}\n")
    assert shown(failing_run(), Quiet) == ""
