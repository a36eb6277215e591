from pathlib import Path
from typing import get_args

import pytest

from stackctl.planner.steps.actions import (
    Action,
    BuildImage,
    ConnectNetwork,
    CreateContainer,
    CreateVolume,
    DisconnectNetwork,
    KillContainer,
    LabelNode,
    PullImage,
    RemoveContainer,
    RemoveImage,
    RemoveVolume,
    RenameContainer,
    SetRestart,
    StopContainer,
    WaitFor,
    WaitForService,
    WaitForTasksGone,
)
from stackctl.planner.world.desired import Attachment, DesiredBuild, DesiredContainer, DesiredVolume, Image
from stackctl.planner.world.swarm_desired import SwarmGoal
from stackctl.show.changes import PAST
from stackctl.show.text.amounts import counted, duration, first_line, quoted, size
from stackctl.show.words import NAMES, Name, describe, words
from stackctl.spec.model import Condition

API = DesiredContainer(name="myapp-api-1", service="api", image="myapp-api")
SENTENCES: list[tuple[Action, str]] = [
    (PullImage(Image(ref="redis:7")), "Pull image redis:7"),
    (
        BuildImage(Image(ref="myapp-api", build=DesiredBuild(context=Path("/src/my app")))),
        'Build image myapp-api from "/src/my app"',
    ),
    (CreateVolume(DesiredVolume(key="v", name="myapp_v")), "Create volume myapp_v"),
    (CreateContainer(API, "myapp-api-1"), "Create container myapp-api-1"),
    (
        CreateContainer(API, "myapp-api-1.new", "4f1"),
        "Create container myapp-api-1.new, to replace myapp-api-1",
    ),
    (ConnectNetwork("4f1", Attachment("back"), "api"), "Connect container api to network back"),
    (DisconnectNetwork("4f1", "77", "back", "api"), "Disconnect container api from network back"),
    (WaitFor("4f1", "db", Condition.healthy), "Wait for container db to be healthy"),
    (WaitFor("4f1", "job", Condition.completed), "Wait for container job to complete"),
    (StopContainer("4f1", "api", 10), "Stop container api, and kill it after 10 s"),
    (KillContainer("4f1", "db"), "Kill container db with SIGKILL"),
    (SetRestart("4f1", "api", "no"), "Set the restart policy of container api to no"),
    (RenameContainer("4f1", "api", "api.old"), "Rename container api to api.old"),
    (RemoveContainer("4f1", "api"), "Remove container api"),
    (RemoveContainer("4f1", "api", volumes=True), "Remove container api and its anonymous volumes"),
    (RemoveVolume("pgdata"), "Remove volume pgdata and the data in it"),
    (
        LabelNode("x7", "node-1", {"stackctl.volume.shop.data": "1"}),
        "Label node node-1 with stackctl.volume.shop.data=1",
    ),
    (
        WaitForService(SwarmGoal(name="shop_web"), "shop"),
        "Wait for service shop_web to run as it should",
    ),
    (
        WaitForService(SwarmGoal(name="shop_migrate", mode="replicated-job"), "shop"),
        "Wait for service shop_migrate to complete",
    ),
    (WaitForTasksGone("shop", {"shop_web": "4f"}), "Wait for containers shop_web to be gone"),
    (RemoveImage("sha256:1", "shop-api:1"), "Remove image that was shop-api:1"),
]


@pytest.mark.parametrize(("action", "sentence"), SENTENCES)
def test_an_action_is_one_sentence(action: Action, sentence: str) -> None:
    assert describe(action) == sentence


def test_what_is_waited_for_says_what_has_come() -> None:
    assert words(WaitFor("4f1", "db", Condition.healthy)).done == "Healthy"
    assert words(WaitFor("4f1", "db", Condition.ready, settle=1.0)).done == "Running"


def test_every_action_has_a_name() -> None:
    assert set(NAMES) == set(get_args(Action))


@pytest.mark.parametrize("name", NAMES.values(), ids=[kind.__name__ for kind in NAMES])
def test_a_name_agrees_with_itself_and_with_the_summary(name: Name) -> None:
    assert name.doing.split()[0].endswith("ing")
    assert name.verb[:3] == name.doing[:3]
    if name.change == "wait":
        assert name.mark == " "
        return
    assert name.change in PAST
    if name.change == name.verb.lower():
        assert PAST[name.change] == name.done.lower()
    assert (name.mark == "-") == (name.change == "remove")
    assert (name.mark == "+") == (name.change in ("pull", "build", "create"))


def test_names_are_quoted_only_when_they_would_not_stand_out() -> None:
    assert quoted("myapp-api-1.new") == "myapp-api-1.new"
    assert quoted("registry:5000/x@sha256:1") == "registry:5000/x@sha256:1"
    assert quoted("my app") == '"my app"'
    assert quoted("0123456789ab" + "c" * 52) == "0123456789ab"
    assert quoted("") == '""'
    assert quoted("a\x1b[2Jb") == "ab"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0.0 s"),
        (-0.001, "0.0 s"),
        (2.64, "2.6 s"),
        (59.96, "1 m 00 s"),
        (125, "2 m 05 s"),
        (3599.7, "1 h 00 m"),
        (3720, "1 h 02 m"),
    ],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (4_120_000, "4.1 MB"),
        (41_000_000, "41 MB"),
        (999_999, "1.0 MB"),
        (3_000_000_000_000, "3.0 TB"),
    ],
)
def test_sizes(amount: int, text: str) -> None:
    assert size(amount) == text


def test_counting() -> None:
    assert (counted(1, "error"), counted(2, "error"), counted(0, "error")) == (
        "1 error",
        "2 errors",
        "0 errors",
    )


def test_an_error_that_says_nothing_is_named() -> None:
    assert first_line(KeyError()) == "KeyError"
    assert first_line(OSError("\nno space\nleft")) == "no space"
