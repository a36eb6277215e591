"""The timeline of a run as text, as JSON, as a trace and as a page."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from itertools import pairwise

from show_stories import first_plans
from simulated import simulated

from stackctl.planner.steps.actions import BuildImage, PullImage, WaitFor
from stackctl.planner.steps.events import Confirmed, Failed, Planned, Started
from stackctl.planner.steps.plan import Draft, Plan, Step
from stackctl.planner.steps.timeline import TimedStep, Timeline, timeline
from stackctl.planner.world.replica import Replica
from stackctl.show.text.style import Style
from stackctl.show.timeline.page import timeline_page
from stackctl.show.timeline.text import timeline_text
from stackctl.show.timeline.values import lanes, timeline_json, timeline_trace
from stackctl.spec.model import Condition

READY = {"postgres": 2.6, "redis": 0.4, "api": 1.2}


def seconds(step: Step) -> float:
    match step.action:
        case PullImage():
            return 3.0
        case BuildImage():
            return 5.0
        case WaitFor():
            return READY[step.service]
    return 0.1


def lesson() -> Timeline:
    """The first `up` of the lesson's stack: images, then the rest."""
    images, rest = first_plans()
    events = [*simulated(images, seconds, began=0.2), *simulated(rest, seconds, began=5.3)]
    return timeline([*events, Confirmed(frozenset(), events[-1].at + 0.1)])


def test_bars_the_critical_path_and_what_waits_cost() -> None:
    text = timeline_text(lesson())
    assert max(map(len, text.splitlines())) <= 80
    assert (
        text
        == """\
stackctl up  myapp  9.6 s

SERVICE   0 s                          9.6 s  PULL   BUILD  CREATE  START  READY
postgres  pppppppppppp·······crrrrrrrrrr      3.0 s         0.1 s   0.1 s  2.6 s
redis     ···················crr                            0.1 s   0.1 s  0.4 s
api       bbbbbbbbbbbbbbbbbbbc·········rrrrr         5.0 s  0.1 s   0.1 s  1.2 s

p pull  b build  c create  s start  r ready  · waits

critical path
  0.2 s  looked at the engine, and planned
  5.0 s  image myapp-api built
  0.1 s  looked at the engine, and planned
  0.1 s  volume myapp_pgdata created
  0.1 s  postgres created
  0.1 s  postgres started
  2.6 s  api waited for postgres to be healthy
  0.1 s  api started
  1.2 s  up waited for api to be healthy
  0.1 s  looked once more at what runs

waits
  api waited for postgres to be healthy: 2.7 s; removing it saves about 1.3 s
  api waited for redis to be healthy: 0.5 s; removing it saves nothing"""
    )


def test_colours_and_the_width_of_a_terminal() -> None:
    text = timeline_text(lesson(), Style(color=True, width=120))
    plain = re.sub(r"\x1b\[[0-9;]*m", "", text)
    assert "\x1b[34m█" in text
    assert 80 < max(map(len, plain.splitlines())) <= 120
    narrow = timeline_text(lesson(), Style(width=20)).splitlines()
    assert narrow[3].startswith("postgres  pppp·rrr")


def test_what_failed_and_what_never_began() -> None:
    draft = Draft("shop")
    db = draft.add(WaitFor("db", "db", Condition.healthy), "", of=Replica("db"))
    draft.add(WaitFor("api", "api", Condition.healthy), "", db, of=Replica("api"))
    plan = draft.plan()
    step = plan.steps[0]
    run = timeline([Planned(plan, 1.0), Started(step, 1.0), Failed(step, 4.0, 3.0, OSError())])
    assert timeline_text(run).splitlines()[-3:] == [
        "critical path",
        "  1.0 s  looked at the engine, and planned",
        "  3.0 s  up waited for db to be healthy (failed)",
    ]
    assert timeline_json(run)["services"][0]["segments"][0]["result"] == "failed"
    assert 'class="failed"' in timeline_page(run)


def test_nothing_was_done() -> None:
    run = timeline([Planned(Plan("shop"), 0.1)])
    assert timeline_text(run) == "stackctl up  shop  0.1 s\n\nnothing was done"
    assert "Nothing was done." in timeline_page(run)
    assert timeline_json(run)["critical_path"] == []
    assert [event["ph"] for event in timeline_trace(run)["traceEvents"]] == ["M"]


def test_json() -> None:
    told = timeline_json(lesson())
    assert (told["version"], told["project"], told["seconds"], told["at"]) == (1, "myapp", 9.6, None)
    api = told["services"][2]
    assert (api["name"], api["began"], api["ended"]) == ("api", 0.2, 9.5)
    assert api["phases"] == {"build": 5.0, "create": 0.1, "start": 0.1, "ready": 1.2}
    assert api["segments"][-1] == {
        "step": 13,
        "phase": "ready",
        "action": "WaitFor",
        "subject": "myapp-api-1",
        "began": 8.3,
        "ended": 9.5,
        "result": "done",
    }
    assert told["critical_path"][6] == {
        "kind": "step",
        "began": 5.6,
        "ended": 8.2,
        "seconds": 2.6,
        "step": 10,
        "service": "postgres",
        "waiter": "api",
        "reason": "api waited for postgres to be healthy",
    }
    assert told["waits"][0] == {
        "service": "api",
        "for": "postgres",
        "until": "healthy",
        "seconds": 2.7,
        "saves": 1.3,
        "reason": "api waited for postgres to be healthy",
    }


def test_a_trace_has_no_overlap_within_a_thread_and_arrows_along_the_critical_path() -> None:
    trace = json.loads(json.dumps(timeline_trace(lesson())))
    events = trace["traceEvents"]
    names = [event["args"]["name"] for event in events if event["ph"] == "M"]
    assert names == [
        "stackctl up myapp",
        "postgres",
        "redis",
        "api",
        "networks and volumes",
        "networks and volumes (2)",
    ]
    steps = [event for event in events if event["ph"] == "X"]
    for thread in {event["tid"] for event in steps}:
        spans = sorted((e["ts"], e["ts"] + e["dur"]) for e in steps if e["tid"] == thread)
        assert all(before[1] <= after[0] for before, after in pairwise(spans))
    assert ("postgres to be healthy", 2_600_000) in {(event["name"], event["dur"]) for event in steps}
    begins, ends = ([event for event in events if event["ph"] == kind] for kind in "sf")
    assert [event["id"] for event in begins] == [event["id"] for event in ends] != []
    assert all(end["ts"] >= begin["ts"] for begin, end in zip(begins, ends, strict=True))


def test_steps_that_overlap_stand_beside_each_other() -> None:
    steps = [
        TimedStep(number, "WaitFor", "", *span)
        for number, span in enumerate([(0.0, 2.0), (1.0, 3.0), (2.0, 4.0)])
    ]
    assert [[step.id for step in lane] for lane in lanes(steps)] == [[0, 2], [1]]


class Page(HTMLParser):
    """Every tag with its attributes, and the text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def test_a_page_needs_nothing_else() -> None:
    page = Page(timeline_page(lesson()))
    assert not {"script", "link", "img", "iframe"} & {tag for tag, _ in page.tags}
    assert not [
        a for _, attributes in page.tags for a in attributes if a in ("src", "href") or a.startswith("on")
    ]
    assert not re.findall(r"https?:|url\(|@import", timeline_page(lesson()))
    assert sum(tag == "rect" for tag, _ in page.tags) == len(
        [1 for step in lesson().steps for _ in step.rows]
    )
    assert "api waited for postgres to be healthy" in page.text


def test_text_from_outside_is_harmless() -> None:
    evil = '<script>alert(1)</script>"\x1b[2J\x07\u202e&'
    step = TimedStep(1, "PullImage", evil, 0.0, 1.0, services=(evil,), why=evil)
    run = Timeline(evil, (step,), (0.0,), 1.0, command=evil)
    page = timeline_page(run)
    assert "script" not in {tag for tag, _ in Page(page).tags}
    for text in (page, timeline_text(run)):
        assert not re.search(r"[\x00-\x09\x0b-\x1f\u202e]", text)
