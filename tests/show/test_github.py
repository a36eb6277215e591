"""A run in GitHub Actions: what its log, its annotations and the summary of the step say. The texts are golden."""

import io
from collections.abc import Iterable
from pathlib import Path

import pytest
from show_stories import Run, failing_run, lesson, nothing_there, plan_up
from test_render import Terminal

from stackctl import api
from stackctl.errors import EngineError, Place, Problem, WaitError
from stackctl.planner.steps.events import Event, Planned
from stackctl.planner.steps.outcome import Outcome
from stackctl.planner.steps.plan import Plan
from stackctl.show.run.github import GitHub, fenced, tell_mistakes
from stackctl.show.run.jsonl import JsonLines
from stackctl.show.run.live import Live
from stackctl.show.run.plain import Plain
from stackctl.show.run.render import renderer
from stackctl.show.text.safe import without_commands
from stackctl.spec.model import Stack

STACK = """\
name = "myapp"

[services.postgres]
image = "postgres:15"
environment.POSTGRES_PASSWORD = "hunter22"

[services.redis]
image = "redis:7"

[services.api]
image = "myapp-api"
"""


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stack:
    """The lesson's stack, in the directory `shop` of a checkout."""
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "stack.toml").write_text(STACK)
    monkeypatch.chdir(tmp_path / "shop")
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path))
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    return api.load("stack.toml", environ={})


def shown(stack: Stack, events: Iterable[Event], mode: str = "plain", **more: str) -> str:
    """What a run writes to the log."""
    stream = io.StringIO()
    view = renderer(mode, stream, stack=stack, **more)  # type: ignore[arg-type]
    result = Outcome()
    for event in events:
        result = result.after(event)
        view.show(event)
    view.close(result)
    return stream.getvalue()


def test_a_failed_run_has_groups_its_report_an_annotation_and_a_summary(stack: Stack, tmp_path: Path) -> None:
    log = shown(stack, failing_run())
    before, _, after = log.partition("\n✘ api: ")
    assert [line for line in before.splitlines() if line.startswith("::")] == [
        "::group::stackctl up: images",
        "::endgroup::",
        "::group::stackctl up",
        "::endgroup::",
    ]
    assert before.startswith("::group::stackctl up: images\n")
    assert before.endswith("::endgroup::\n"), "the report is in no group, so that all see it"
    assert after.splitlines()[-2:] == [
        "pulled 1 · built 1 · created 5 · failed 1 in 8.6 s",
        "::error file=shop/stack.toml,line=10,col=11,title=stackctl::services.api: myapp-api-1 ended with exit code 137, out of memory%0Aexit code: 137 (SIGKILL)%0Alast check: connection refused%0Agive it more memory",
    ]
    assert (tmp_path / "summary.md").read_text() == SUMMARY


LOG = "\n".join(f"  line {number}" for number in range(6, 20))
SUMMARY = f"""\
### ✘ stackctl up: pulled 1 · built 1 · created 5 · failed 1 in 8.6 s

```text
✘ api: myapp-api-1 ended with exit code 137, out of memory
  while       Wait for container myapp-api-1 to be healthy (1.0 s)
  exit code   137 (SIGKILL)
  last check  connection refused
  hint        give it more memory
  {"── last 15 lines of api ".ljust(72, "─")}
{LOG}
  MemoryError
  {"─" * 72}

  running     postgres, redis
  next        stackctl logs api
```

| service | pull | build | create | start | ready | |
|---|--:|--:|--:|--:|--:|---|
| postgres | 3.9 s | | 0.1 s | 0.3 s | 1.9 s | ✔ |
| redis | | | 0.1 s | 0.3 s | 0.2 s | ✔ |
| api | | 5.0 s | 0.1 s | 0.2 s | 1.0 s | ✘ failed |

```text
critical path
  5.0 s  image myapp-api built
  0.1 s  volume myapp_pgdata created
  0.1 s  postgres created
  0.3 s  postgres started
  1.9 s  api waited for postgres to be healthy
  0.2 s  api started
  1.0 s  up waited for api to be healthy (failed)

waits
  api waited for postgres to be healthy: 2.2 s; removing it saves about 1.2 s
  api waited for redis to be healthy: 0.5 s; removing it saves nothing
```

"""


def one_failing(error: Exception) -> list[Event]:
    """The API cannot be created; what it needs is not begun."""
    run = Run(plan_up(lesson(), nothing_there()))
    step = run.step("CreateContainer", "api")
    return [
        run.planned(),
        run.started("CreateContainer", "api", 0.0),
        run.failed("CreateContainer", "api", 2.0, error),
        run.skipped("StartContainer", "api", 2.0, step),
        run.skipped("StartContainer", "redis", 2.0, step),
    ]


def test_what_was_not_begun_is_in_the_table(stack: Stack, tmp_path: Path) -> None:
    log = shown(stack, one_failing(EngineError("no", "yes, %0A")), mode="quiet")
    assert "::group::" not in log
    assert log.endswith("title=stackctl::services.api: no%0Ayes, %250A\n")
    table = (tmp_path / "summary.md").read_text().splitlines()[-10:-5]
    assert table == [
        "| service | create | |",
        "|---|--:|---|",
        "| api | 2.0 s | ✘ failed |",
        "| redis | | not done |",
        "",
    ]


def test_a_run_that_went_well_has_a_table_and_one_that_brought_nothing_up_has_no_summary(
    stack: Stack, tmp_path: Path
) -> None:
    run = Run(plan_up(lesson(), nothing_there()))
    events = [
        run.planned(),
        run.started("StartContainer", "redis", 1.0),
        run.done("StartContainer", "redis", 1.5),
    ]
    log = shown(stack, events, command="stackctl start")
    assert "::error" not in log
    assert (tmp_path / "summary.md").read_text() == (
        "### ✔ stackctl start: created 5 in 1.5 s\n\n"
        "| service | start | |\n|---|--:|---|\n| redis | 0.5 s | ✔ |\n\n"
        "```text\ncritical path\n"
        "  1.0 s  redis waited for its turn: as many steps as may write at once were under way\n"
        "  0.5 s  redis started\n```\n\n"
    )
    (tmp_path / "summary.md").unlink()
    assert (
        shown(stack, [Planned(Plan("myapp"), 0.0)], command="stackctl down") == "nothing changed in 0.0 s\n"
    )
    assert not (tmp_path / "summary.md").exists()


def test_no_text_of_others_is_a_command_or_more_than_text(stack: Stack, tmp_path: Path) -> None:
    """The runner of GitHub takes a line for a command if it begins with `::` after white space, or holds `##[`."""
    said = (
        "::add-mask::a",
        "\t ::stop-commands::x",
        "x ##[error]y",
        "````",
        "\x1b]0;t\x07```",
        "<img src=x>",
        "a" * 2000,
    )
    error = WaitError(
        "::error::x\n::set-output name=a::b",
        "::warning::x",
        last_answer="::debug::x\r::error::x",
        log_tail=said,
    )
    log = shown(stack, one_failing(error))
    commands = [
        line.split(":")[2].split(" ")[0] for line in log.splitlines() if line.strip().startswith("::")
    ]
    assert commands == ["group", "endgroup", "error"]
    assert "##[" not in log
    assert "  : :add-mask::a\n" in log
    summary = (tmp_path / "summary.md").read_text()
    assert "\x1b" not in summary
    assert summary.count("\n`````") == 2, "a fence that is longer than every one in the text"
    assert max(map(len, summary.splitlines())) == 1000


def test_no_secret_of_the_stack_is_in_the_summary(stack: Stack, tmp_path: Path) -> None:
    """The engine's words about a service have no secret of that service; in the summary there is none of any service."""
    shown(stack, one_failing(WaitError("no", log_tail=["connected as hunter22"])))
    assert "hunter22" not in (tmp_path / "summary.md").read_text()
    assert "connected as •••" in (tmp_path / "summary.md").read_text()


def test_mistakes_of_the_file_are_annotations_and_a_summary(stack: Stack, tmp_path: Path) -> None:
    place = Place("stack.toml", 4, 9, 'image = "postgres:15"')
    problems = [Problem(("services", "x", "image"), "a\nb\x1b[1m, 100%", "do c", place=place)] * 30
    stream = io.StringIO()
    tell_mistakes(problems, stream)
    first = "::error file=shop/stack.toml,line=4,col=9,title=stackctl::services.x.image: a%0Ab, 100%25%0Ado c"
    assert stream.getvalue().splitlines() == [first] * 20
    summary = (tmp_path / "summary.md").read_text()
    assert summary.startswith(
        "### ✘ stackctl: stack.toml\n\n```text\nstack.toml:4:9: error: services.x.image: a b, 100%\n"
    )
    assert summary.endswith("30 errors\n```\n\n")


def test_a_summary_that_cannot_be_written_is_no_failure(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "/no/such/directory/summary.md")
    assert "::error" in shown(stack, failing_run())
    monkeypatch.delenv("GITHUB_STEP_SUMMARY")
    assert "::error" in shown(stack, failing_run())


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("CI", "true", Plain),
        ("CI", "1", Plain),
        ("CI", "false", Live),
        ("CI", "", Live),
        ("GITHUB_ACTIONS", "true", GitHub),
        ("GITHUB_ACTIONS", "false", Live),
    ],
)
def test_in_ci_there_is_no_live_display_unless_asked_for(
    name: str, value: str, expected: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    assert type(renderer("auto", Terminal())) is expected
    assert type(renderer("live", Terminal())) is Live
    assert type(renderer("json", Terminal())) is JsonLines


def test_a_text_without_commands_reads_as_before() -> None:
    for text in ("a::b", "services::x", "##", "a\n b", "[::]:80"):
        assert without_commands(text) == text
    assert without_commands("::a::\n\t::b\r::c") == ": :a::\n\t: :b\r: :c"
    assert fenced("a\n") == "```text\na\n\n```"
