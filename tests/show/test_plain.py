import io
from collections.abc import Iterable

from show_stories import API_FAILED, Run, failing_run, first_plans, outcome_of

from stackctl.planner.steps.actions import PullImage, RenameContainer, StopContainer
from stackctl.planner.steps.events import Event, Planned, Rescued
from stackctl.planner.steps.outcome import Outcome
from stackctl.planner.steps.plan import Draft
from stackctl.planner.world.desired import Image
from stackctl.planner.world.replica import Replica
from stackctl.show.plain import Plain, Quiet
from stackctl.show.style import PLAIN, Style


def shown(events: Iterable[Event], renderer: type[Plain | Quiet] = Plain, style: Style = PLAIN) -> str:
    stream = io.StringIO()
    listener = renderer(stream, style)
    for event in events:
        listener.show(event)
    return stream.getvalue()


def test_one_line_for_each_transition() -> None:
    assert (
        shown(failing_run())
        == """\
   0.0 s  image postgres:15  pulling
   0.0 s  image myapp-api    building from /home/ada/myapp/api
   1.5 s  image myapp-api    [2/4] RUN pip install -r requirements.txt
   3.9 s  image postgres:15  pulled after 3.9 s
   5.0 s  image myapp-api    built after 5.0 s
   5.0 s  network myapp_default       creating
   5.1 s  network myapp_default       created after 0.1 s
   5.0 s  volume myapp_pgdata         creating
   5.1 s  volume myapp_pgdata         created after 0.1 s
   5.1 s  container myapp-postgres-1  creating
   5.2 s  container myapp-postgres-1  created after 0.1 s
   5.1 s  container myapp-redis-1     creating
   5.2 s  container myapp-redis-1     created after 0.1 s
   5.1 s  container myapp-api-1       creating
   5.2 s  container myapp-api-1       created after 0.1 s
   5.2 s  container myapp-postgres-1  starting
   5.5 s  container myapp-postgres-1  started after 0.3 s
   5.5 s  container myapp-postgres-1  waiting to be healthy
   5.2 s  container myapp-redis-1     starting
   5.5 s  container myapp-redis-1     started after 0.3 s
   5.5 s  container myapp-redis-1     waiting to be healthy
   5.6 s  container myapp-postgres-1  the database system is starting up
   5.7 s  container myapp-redis-1     healthy after 0.2 s
   7.4 s  container myapp-postgres-1  healthy after 1.9 s
   7.4 s  container myapp-api-1       starting
   7.6 s  container myapp-api-1       started after 0.2 s
   7.6 s  container myapp-api-1       waiting to be healthy
   7.7 s  container myapp-api-1       connection refused
   8.6 s  container myapp-api-1       failed: myapp-api-1 ended with exit code 137, out of memory
"""
    )


def test_bytes_are_told_every_five_seconds_and_words_when_they_change() -> None:
    draft = Draft()
    draft.add(PullImage(Image(ref="redis:7")), "not here", of=Replica("redis"))
    run = Run(draft.plan())
    news = [("waiting",), ("waiting",), *(("downloading", n * 10**6, 9 * 10**6) for n in range(10))]
    events = [run.progress("PullImage", "redis", float(at), *told) for at, told in enumerate(news)]
    assert (
        shown([run.planned(), *events])
        == """\
   0.0 s  image redis:7  waiting
   5.0 s  image redis:7  3.0 MB of 9.0 MB
  10.0 s  image redis:7  8.0 MB of 9.0 MB
"""
    )


def test_skipped_and_put_back() -> None:
    draft = Draft()
    rename = draft.add(RenameContainer("1", "api", "api.old"), "makes way", of=Replica("api"))
    draft.add(StopContainer("1", "api", 10), "", rename, of=Replica("api"))
    run = Run(draft.plan())
    step = run.step("RenameContainer", "api")
    events = [
        run.planned(),
        run.started("RenameContainer", "api", 0),
        run.failed("RenameContainer", "api", 1, OSError("in use")),
        Rescued(step, 2),
        Rescued(step, 3, OSError("gone")),
        run.skipped("StopContainer", "api", 3, step),
        run.skipped("StopContainer", "api", 3, None),
        run.started("StopContainer", "api", 4),
        run.done("StopContainer", "api", 14, "killed after 10 s: it ignores SIGTERM"),
    ]
    assert (
        shown(events)
        == """\
   0.0 s  container api  renaming to api.old
   1.0 s  container api  failed: in use
   2.0 s  container api  put back as it was
   3.0 s  container api  could not be put back: gone
   3.0 s  container api  skipped: container api failed
   3.0 s  container api  skipped: interrupted
   4.0 s  container api  stopping
  14.0 s  container api  stopped after 10.0 s: killed after 10 s: it ignores SIGTERM
"""
    )


def test_foreign_text_and_colour() -> None:
    images, _ = first_plans()
    run = Run(images)
    events = [run.planned(), run.progress("BuildImage", "api", 1, "\x1b[2J\x1b[31mcompiling\x07\nfast")]
    assert shown(events) == "   1.0 s  image myapp-api    compiling fast\n"
    assert "\x1b[2mcompiling fast\x1b[0m\n" in shown(events, style=Style(color=True))


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
