import io
import json

import pytest

from stackctl.engine.protocol import LogLine
from stackctl.planner.world.labels import NUMBER, SERVICE
from stackctl.planner.world.observed import ObservedContainer
from stackctl.show.log_lines import service_colors, show_logs
from stackctl.show.text.style import Style


def container(service: str, number: int = 1) -> ObservedContainer:
    return ObservedContainer(
        id=f"{service}{number}",
        name=f"myapp-{service}-{number}",
        labels={SERVICE: service, NUMBER: str(number)},
    )


CONTAINERS = {c.id: c for c in (container("api"), container("api", 2), container("postgres"))}
LINES = [
    LogLine("api1", "stdout", "2026-01-31T12:00:00.000000001Z", "GET / \x1b[32m200\x1b[0m"),
    LogLine("postgres1", "stderr", "2026-01-31T12:00:01Z", "ready\x1b]0;title\x07\r"),
    LogLine("gone", "stdout", "2026-01-31T12:00:02Z", "bye"),
]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def shown(stream: io.StringIO | None = None, **options: object) -> str:
    stream = stream or io.StringIO()
    show_logs(LINES, CONTAINERS, stream, **options)  # type: ignore[arg-type]
    return stream.getvalue()


def test_prefixes_are_aligned_and_a_pipe_gets_what_was_written() -> None:
    assert shown() == (
        "api-1       | GET / \x1b[32m200\x1b[0m\npostgres-1  | ready\x1b]0;title\x07\r\ngone        | bye\n"
    )


def test_a_terminal_without_colour_gets_text_only() -> None:
    assert shown(Terminal(), prefix=False) == "GET / 200\nready\nbye\n"


def test_a_terminal_with_colour_keeps_the_containers_own() -> None:
    style = Style(color=True)
    assert shown(Terminal(), prefix=False, style=style) == "GET / \x1b[32m200\x1b[0m\nready\nbye\n"
    first = shown(Terminal(), style=style).splitlines()[0]
    assert (
        first
        == style("api-1       |", service_colors(["api", "postgres"])["api"]) + " GET / \x1b[32m200\x1b[0m"
    )


def test_times_are_the_engines() -> None:
    assert shown(timestamps=True).splitlines()[2] == "gone        | 2026-01-31T12:00:02Z bye"
    assert shown(timestamps=True, prefix=False).splitlines()[2] == "2026-01-31T12:00:02Z bye"


def test_json_lines() -> None:
    first, second, third = map(json.loads, shown(as_json=True).splitlines())
    assert first == {
        "version": 1,
        "time": "2026-01-31T12:00:00.000000001Z",
        "service": "api",
        "number": 1,
        "container": "myapp-api-1",
        "stream": "stdout",
        "text": "GET / \x1b[32m200\x1b[0m",
    }
    assert second["stream"] == "stderr"
    assert (third["service"], third["number"], third["container"]) == ("", None, "gone")
    assert "\x1b" not in shown(as_json=True)


def test_a_service_keeps_its_colour_and_shares_it_with_nobody_while_there_are_enough() -> None:
    services = ["api", "postgres", "redis", "web", "worker"]
    colors = service_colors(services)
    assert service_colors(reversed(services)) == colors
    assert len(set(colors.values())) == len(services)
    assert service_colors(["api"])["api"] == service_colors(["api", "zoo"])["api"]
    assert len(service_colors([*services, "a", "b"])) == 7


def test_a_container_gives_no_commands_to_github(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    lines = [
        LogLine("api1", "stdout", "", text) for text in ("::error::x", "  ::add-mask::x", "##[group]a::b")
    ]
    said = io.StringIO()
    show_logs(lines, CONTAINERS, said, prefix=False)
    assert said.getvalue() == ": :error::x\n  : :add-mask::x\n## [group]a::b\n"
    said = io.StringIO()
    show_logs(lines[:1], CONTAINERS, said)
    assert said.getvalue() == "api-1       | ::error::x\n"
