from pathlib import Path
from typing import get_args

import pytest

from stackctl.planner.steps.actions import (
    Action,
    BuildImage,
    ConnectNetwork,
    CreateContainer,
    CreateNetwork,
    CreateVolume,
    DisconnectNetwork,
    KillContainer,
    PauseContainer,
    PullImage,
    RemoveContainer,
    RemoveImage,
    RemoveNetwork,
    RemoveVolume,
    RenameContainer,
    SetRestart,
    StartContainer,
    StopContainer,
    UnpauseContainer,
    WaitFor,
)
from stackctl.planner.world.desired import Attachment, Build, Container, Image, Network, Volume
from stackctl.show.words import counted, describe, duration, first_line, mark, quoted, size, words
from stackctl.spec.model import Condition

API = Container(name="myapp-api-1", service="api", image="myapp-api")
SENTENCES: list[tuple[Action, str, str, str]] = [
    (PullImage(Image(ref="redis:7")), "+", "Pull image redis:7", "Pulling Pulled"),
    (
        BuildImage(Image(ref="myapp-api", build=Build(context=Path("/src/my app")))),
        "+",
        'Build image myapp-api from "/src/my app"',
        "Building Built",
    ),
    (CreateNetwork(Network(key="n", name="myapp_n")), "+", "Create network myapp_n", "Creating Created"),
    (CreateVolume(Volume(key="v", name="myapp_v")), "+", "Create volume myapp_v", "Creating Created"),
    (CreateContainer(API, "myapp-api-1"), "+", "Create container myapp-api-1", "Creating Created"),
    (
        CreateContainer(API, "myapp-api-1.new", "4f1"),
        "+",
        "Create container myapp-api-1.new, to replace myapp-api-1",
        "Creating Created",
    ),
    (
        ConnectNetwork("4f1", Attachment("back"), "api"),
        "~",
        "Connect container api to network back",
        "Connecting Connected",
    ),
    (
        DisconnectNetwork("4f1", "77", "back", "api"),
        "~",
        "Disconnect container api from network back",
        "Disconnecting Disconnected",
    ),
    (StartContainer("4f1", "api"), "~", "Start container api", "Starting Started"),
    (
        WaitFor("4f1", "db", Condition.healthy),
        " ",
        "Wait for container db to be healthy",
        "Waiting Healthy",
    ),
    (
        WaitFor("4f1", "job", Condition.completed),
        " ",
        "Wait for container job to complete",
        "Waiting Completed",
    ),
    (StopContainer("4f1", "api", 10), "~", "Stop container api, and kill it after 10 s", "Stopping Stopped"),
    (PauseContainer("4f1", "db"), "~", "Pause container db", "Pausing Paused"),
    (UnpauseContainer("4f1", "db"), "~", "Unpause container db", "Unpausing Unpaused"),
    (KillContainer("4f1", "db"), "~", "Kill container db with SIGKILL", "Killing Killed"),
    (
        SetRestart("4f1", "api", "no"),
        "~",
        "Set the restart policy of container api to no",
        "Setting its restart policy Restart policy set",
    ),
    (RenameContainer("4f1", "api", "api.old"), "~", "Rename container api to api.old", "Renaming Renamed"),
    (RemoveContainer("4f1", "api"), "-", "Remove container api", "Removing Removed"),
    (
        RemoveContainer("4f1", "api", volumes=True),
        "-",
        "Remove container api and its anonymous volumes",
        "Removing Removed",
    ),
    (RemoveNetwork("77", "back"), "-", "Remove network back", "Removing Removed"),
    (RemoveVolume("pgdata"), "-", "Remove volume pgdata and the data in it", "Removing Removed"),
    (RemoveImage("sha256:1", "shop-api:1"), "-", "Remove image that was shop-api:1", "Removing Removed"),
]


@pytest.mark.parametrize(("action", "sign", "sentence", "progress"), SENTENCES)
def test_an_action_is_one_sentence(action: Action, sign: str, sentence: str, progress: str) -> None:
    assert describe(action) == sentence
    assert mark(action) == sign
    assert f"{words(action).doing} {words(action).done}" == progress


def test_every_action_has_words() -> None:
    assert {type(action) for action, *_ in SENTENCES} == set(get_args(Action))


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
