"""What is asked of the engine, counted at its socket."""

from __future__ import annotations

import pytest
from proxy import RecordingProxy
from scenario import Project, sleepers

pytestmark = pytest.mark.docker


def stack(number: int, seconds: str = "infinity") -> str:
    return sleepers(**{f"s{n}": "" for n in range(number)}).replace("infinity", seconds)


@pytest.mark.parametrize("command", ["plan", "status", "ps", "config"])
def test_looking_must_not_write(project: Project, recorder: RecordingProxy, command: str) -> None:
    project.write(stack(2))
    project.run(command)
    assert recorder.writes == []


@pytest.mark.parametrize("command", ["plan", "status", "ps", "config"])
def test_looking_at_what_runs_must_not_write(
    project: Project, recorder: RecordingProxy, command: str
) -> None:
    project.write(stack(2))
    project.run("up")
    recorder.forget()
    project.write(stack(3, "1000"))
    project.run(command)
    assert recorder.writes == []


def test_up_must_be_seen_writing(project: Project, recorder: RecordingProxy) -> None:
    """The recorder is no use if it cannot see a write."""
    project.write(stack(1))
    project.run("up")
    name = f"{project.name}-s0-1"
    assert [path.partition("?")[0] for path in recorder.writes] == [
        "POST /networks/create",
        "POST /containers/create",
        f"POST /containers/{name}/start",
    ]


@pytest.mark.parametrize("command", ["status", "up"])
def test_the_number_of_calls_must_not_depend_on_the_number_of_containers(
    project: Project, recorder: RecordingProxy, command: str
) -> None:
    counts = []
    for number in (3, 12):
        project.write(stack(number))
        project.run("up")
        recorder.forget()
        project.run(command)
        counts.append(len(recorder.requests))
        assert recorder.writes == []
    assert counts[0] == counts[1], counts
