import io
from collections.abc import Iterable, Iterator

import pytest
from rich.console import Console
from show_stories import Run, failing_run, outcome_of

from stackctl.planner.steps.actions import StartContainer, StopContainer, WaitFor
from stackctl.planner.steps.events import Event, Planned
from stackctl.planner.steps.outcome import Outcome
from stackctl.planner.steps.plan import Draft, Plan
from stackctl.planner.world.replica import Replica
from stackctl.show.run.live import Live
from stackctl.show.text.safe import clean
from stackctl.spec.model import Condition


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class Screen:
    """A terminal of a given size, and the display on it."""

    def __init__(self, width: int = 100, height: int = 24, *, no_color: bool | None = None) -> None:
        self.clock = Clock()
        self.stream = io.StringIO()
        self.console = Console(
            file=self.stream,
            force_terminal=True,
            width=width,
            height=height,
            highlight=False,
            no_color=no_color,
        )
        self.live = Live(
            self.stream, command="stackctl up", source="stack.toml", console=self.console, clock=self.clock
        )

    def play(self, events: Iterable[Event], until: float = float("inf")) -> None:
        for event in events:
            if event.at > until:
                break
            self.clock.now = event.at
            self.live.show(event)
        self.clock.now = min(until, self.clock.now + 1)

    def picture(self, lines: int | None = None) -> str:
        """What the display shows, as text."""
        paper = Console(file=io.StringIO(), record=True, width=self.console.width, color_system=None)
        paper.print(self.live.picture(lines))
        return "\n".join(line.rstrip() for line in paper.export_text().splitlines())


@pytest.fixture
def screen() -> Iterator[Screen]:
    screen = Screen()
    yield screen
    screen.live.close()


def test_pulling_and_building(screen: Screen) -> None:
    screen.play(failing_run(), until=1.8)
    assert screen.picture().splitlines() == [
        "stackctl up  myapp · stack.toml                                                                1.8 s",
        " ⠇  postgres  pulling    ━━━─────────────  10 MB / 41 MB                                       1.8 s",
        " ⠇  api       building   step 2/4 · RUN pip install -r requirements.txt                        1.8 s",
    ]


def test_one_waits_for_others_and_says_why(screen: Screen) -> None:
    screen.play(failing_run(), until=6.0)
    assert screen.picture().splitlines() == [
        "stackctl up  myapp · stack.toml                                                                6.0 s",
        " ✔  network   created    myapp_default                                                         0.1 s",
        " ✔  volume    created    myapp_pgdata                                                          0.1 s",
        " ⠋  postgres  starting   the database system is starting up                                    4.8 s",
        " ✔  redis     healthy    created                                                               0.6 s",
        " ◌  api       waiting    for postgres · the database system is starting up                     5.1 s",
    ]


def test_the_last_state_stays_on_the_screen_followed_by_the_report() -> None:
    screen = Screen()
    events = list(failing_run())
    screen.play(events)
    screen.live.close(outcome_of(events))
    text = clean(screen.stream.getvalue())
    end = text[text.rindex("stackctl up  myapp") :].splitlines()
    assert end[5].startswith(" ✘  api       failed     myapp-api-1 ended with exit code 137, out of memory")
    assert end[6:8] == ["", "✘ api: myapp-api-1 ended with exit code 137, out of memory"]
    assert end[-1] == "pulled 1 · built 1 · created 5 · failed 1 in 8.6 s"
    assert screen.stream.getvalue().rindex("\x1b[?25h") > screen.stream.getvalue().rindex("\x1b[?25l"), (
        "cursor"
    )


def many(number: int) -> Plan:
    draft = Draft("myapp")
    for name in (f"s{i}" for i in range(number)):
        start = draft.add(StartContainer(name, name), "new", of=Replica(name))
        draft.add(WaitFor(name, name, Condition.healthy), "", start, of=Replica(name))
    return draft.plan()


@pytest.mark.parametrize("height", [3, 4, 10, 24])
def test_never_more_lines_than_there_is_room_for(height: int) -> None:
    screen = Screen(height=height)
    plan = many(40)
    screen.play([Planned(plan, 0)])
    assert len(screen.picture(height - 2).splitlines()) <= max(height - 2, 2)
    assert len(screen.picture().splitlines()) == 41
    screen.live.close()


def test_what_is_ready_is_left_out_first() -> None:
    screen = Screen()
    run = Run(many(6))
    events = [run.planned()]
    for name in ("s0", "s1", "s2"):
        events += [run.started("StartContainer", name, 0), run.done("StartContainer", name, 0)]
        events += [run.started("WaitFor", name, 0), run.done("WaitFor", name, 0)]
    screen.play([*events, run.started("StartContainer", "s4", 0)])
    lines = screen.picture(5).splitlines()
    assert [line.split()[1] for line in lines[1:-1]] == ["s3", "s4", "s5"]
    assert lines[-1] == " … and 3 healthy"
    lines = screen.picture(4).splitlines()
    assert [line.split()[1] for line in lines[1:-1]] == ["s3", "s4"]
    assert lines[-1] == " … and 3 healthy, 1 queued"
    screen.live.close()


def test_a_narrow_terminal_cuts_what_is_said_not_the_time() -> None:
    screen = Screen(width=50)
    screen.play(failing_run(), until=6.0)
    lines = screen.picture().splitlines()
    assert all(len(line) <= 50 for line in lines)
    assert lines[-1] == " ◌  api       waiting    for postgres · th…  5.1 s"
    screen.live.close()


def test_without_colour_the_state_is_still_told() -> None:
    screen = Screen(no_color=True)
    events = list(failing_run())
    screen.play(events)
    screen.live.close(outcome_of(events))
    text = screen.stream.getvalue()
    assert "\x1b[31m" not in text
    assert "\x1b[1;31m" not in text
    assert "failed" in text


def test_nothing_to_do_shows_no_display() -> None:
    screen = Screen()
    screen.play([Planned(Plan("myapp"), 0)])
    screen.live.close(Outcome(seconds=0.2))
    assert screen.stream.getvalue() == "nothing changed in 0.2 s\n"


def test_text_from_outside_is_text(screen: Screen) -> None:
    draft = Draft("myapp")
    stop = draft.add(StopContainer("1", "api", 10), "", of=Replica("api"))
    draft.add(WaitFor("1", "[bold]x", Condition.healthy), "", stop, of=Replica("[bold]x"))
    run = Run(draft.plan())
    screen.play(
        [
            run.planned(),
            run.started("StopContainer", "api", 0),
            run.failed("StopContainer", "api", 0, OSError("\x1b[2J[red]no")),
        ]
    )
    picture = screen.picture()
    assert "failed     [red]no" in picture
    assert "[bold]x" in picture


def test_after_an_interruption_the_last_line_says_what_is_waited_for(screen: Screen) -> None:
    screen.play(failing_run(), until=6.0)
    screen.live.interrupted()
    lines = screen.picture().splitlines()
    assert lines[-1].strip().startswith("interrupted: what has begun")
    assert len(lines) == 7
    screen.live.close(None)
    assert "interrupted" not in screen.picture()
