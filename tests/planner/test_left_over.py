"""What is left over on an engine: certainly nobody needs it, or it is not left over."""

from __future__ import annotations

import pytest

from stackctl.planner.runs.left_over import Known, left_over
from stackctl.planner.runs.owner import Owner
from stackctl.planner.world import labels
from stackctl.planner.world.observed import (
    Observed,
    ObservedContainer,
    ObservedEngine,
    ObservedNetwork,
    ObservedVolume,
)

DEAD = Owner(pid=7, start="1", boot="b", space="here", uid=0)
ALIVE = Owner(pid=8, start="2", boot="b", space="here", uid=0)
GONE = {labels.SOURCE: "/gone/stack.toml", labels.PLACE: "known"}
HERE = {labels.SOURCE: "/here/stack.toml", labels.PLACE: "known"}


def run(owner: Owner, run: str = "r1") -> dict[str, str]:
    return {labels.RUN: run, labels.OWNER: owner.pack()}


def container(name: str = "c", project: str = "shop", **its: str) -> ObservedContainer:
    return ObservedContainer(id=name, name=name, state="running", labels=_labels(project, its))


def network(project: str = "shop", **its: str) -> ObservedNetwork:
    return ObservedNetwork(id="n", name="n", labels=_labels(project, its))


def volume(project: str = "shop", **its: str) -> ObservedVolume:
    return ObservedVolume(name="v", created=1000.0, labels=_labels(project, its))


def _labels(project: str, its: dict[str, str]) -> dict[str, str]:
    return {labels.PROJECT: project, labels.INSTANCE: "i", **its}


def lease(seconds: int) -> ObservedVolume:
    return volume(**{labels.KIND: labels.LEASE, labels.FOR: str(seconds)})


def found(*things: ObservedContainer | ObservedNetwork | ObservedVolume) -> dict[str, str]:
    """Why each project is left over at the time 2000, where /gone is gone and DEAD is dead, and the run `kept` keeps `shop`."""
    observed = Observed(
        engine=ObservedEngine(id="e"),
        containers=tuple(each for each in things if isinstance(each, ObservedContainer)),
        networks=tuple(each for each in things if isinstance(each, ObservedNetwork)),
        volumes=tuple(each for each in things if isinstance(each, ObservedVolume)),
    )
    known = Known(
        now=2000.0,
        is_gone=lambda directory, place: (directory, place) == ("/gone", "known"),
        is_dead=lambda owner: owner == DEAD,
        is_kept=lambda project, run, owner: (project, run) == ("shop", "kept"),
    )
    return {left.project.name: left.why for left in left_over(observed, known)}


def test_a_project_whose_directory_is_gone() -> None:
    assert found(container(**GONE), container("other", project="blog", **HERE)) == {"shop": "/gone is gone"}
    assert found(network(**GONE)) == {"shop": "/gone is gone"}
    assert found(volume(**GONE)) == {"shop": "/gone is gone"}, "the data of one checkout alone"


@pytest.mark.parametrize(
    "things",
    [
        [container(**HERE)],
        [container(**GONE), network(**HERE)],
        [container(**GONE), container("d", **{labels.SOURCE: "/gone/stack.toml"})],  # of an older stackctl
        [container()],
        [volume()],  # data that nothing tells of
        [ObservedContainer(id="x", name="x", labels={labels.COMPOSE_PROJECT: "shop", labels.COMPOSE_DIRECTORY: "/gone"})],
    ],
)  # fmt: skip
def test_a_project_of_which_a_part_may_belong_to_somebody(things: list[ObservedContainer]) -> None:
    assert found(*things) == {}


def test_a_project_whose_time_is_over_also_if_its_directory_is_there() -> None:
    assert found(container(**HERE), lease(1000)) == {"shop": "its time is over"}
    assert found(container(**HERE), lease(1001)) == {}
    assert found(container(**HERE), lease(100), lease(5000)) == {}, "a later lease counts"
    assert found(container(**GONE), lease(5000)) == {"shop": "/gone is gone"}


def test_a_project_of_a_test_run_that_has_ended() -> None:
    assert found(container(**run(DEAD)), volume(**run(DEAD))) == {"shop": "its test run has ended"}
    assert found(volume(**run(DEAD))) == {"shop": "its test run has ended"}
    assert found(container(**run(ALIVE) | GONE)) == {}, "an owner who lives has the last word"
    assert found(container(**run(DEAD)), network(**run(ALIVE, "r2"))) == {}
    assert found(container(**run(DEAD, "kept"))) == {}
    assert found(container(**{labels.RUN: "r", labels.OWNER: "broken"})) == {}


def test_a_lasting_project_of_tests_has_no_owner_and_goes_with_its_directory() -> None:
    assert found(container(**{labels.RUN: "lasting"} | HERE)) == {}
    assert found(container(**{labels.RUN: "lasting"} | GONE)) == {"shop": "/gone is gone"}


def test_what_a_swarm_runs_is_never_left_over() -> None:
    assert found(network(**GONE | {labels.STACK: "shop"})) == {}
