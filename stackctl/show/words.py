"""The words for actions, the same in every renderer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct

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
from stackctl.show.text.amounts import quoted
from stackctl.spec.model import Condition

Mark = Literal["+", "~", "-", " "]
"""`+` makes something, `~` changes something that is there, `-` removes it; waiting has none."""


class Name(Struct, frozen=True):
    """What a kind of action is called: "Create", "Creating", "Created", a network; and what it amounts to in a summary."""

    verb: str
    doing: str
    done: str
    noun: str
    mark: Mark
    change: str


NAMES: Mapping[type, Name] = {
    PullImage: Name("Pull", "Pulling", "Pulled", "image", "+", "pull"),
    BuildImage: Name("Build", "Building", "Built", "image", "+", "build"),
    CreateContainer: Name("Create", "Creating", "Created", "container", "+", "create"),
    CreateNetwork: Name("Create", "Creating", "Created", "network", "+", "create"),
    CreateVolume: Name("Create", "Creating", "Created", "volume", "+", "create"),
    RemoveContainer: Name("Remove", "Removing", "Removed", "container", "-", "remove"),
    RemoveNetwork: Name("Remove", "Removing", "Removed", "network", "-", "remove"),
    RemoveVolume: Name("Remove", "Removing", "Removed", "volume", "-", "remove"),
    RemoveImage: Name("Remove", "Removing", "Removed", "image", "-", "remove"),
    StartContainer: Name("Start", "Starting", "Started", "container", "~", "start"),
    StopContainer: Name("Stop", "Stopping", "Stopped", "container", "~", "stop"),
    KillContainer: Name("Kill", "Killing", "Killed", "container", "~", "kill"),
    PauseContainer: Name("Pause", "Pausing", "Paused", "container", "~", "pause"),
    UnpauseContainer: Name("Unpause", "Unpausing", "Unpaused", "container", "~", "unpause"),
    RenameContainer: Name("Rename", "Renaming", "Renamed", "container", "~", "rename"),
    ConnectNetwork: Name("Connect", "Connecting", "Connected", "container", "~", "reconnect"),
    DisconnectNetwork: Name("Disconnect", "Disconnecting", "Disconnected", "container", "~", "reconnect"),
    SetRestart: Name(
        "Set the restart policy of",
        "Setting its restart policy",
        "Restart policy set",
        "container",
        "~",
        "update",
    ),
    WaitFor: Name("Wait for", "Waiting", "Ready", "container", " ", "wait"),
}
"""Every kind of action. A change is made of several actions; the one that stands first here names it."""


class Words(Struct, frozen=True):
    """How one speaks of an action: "Create network x", "Creating", "Created". `rest` completes the sentence."""

    verb: str
    doing: str
    done: str
    noun: str
    name: str
    rest: str = ""

    @property
    def what(self) -> str:
        """What is acted on: "network x"."""
        return f"{self.noun} {self.name}"


_MET = {
    Condition.started: ("to be started", "Started"),
    Condition.healthy: ("to be healthy", "Healthy"),
    Condition.completed: ("to complete", "Completed"),
    Condition.ready: ("to be ready", "Ready"),
}


def words(action: Action) -> Words:
    """The words for an action."""
    kind = NAMES[type(action)]
    done, noun, rest = kind.done, kind.noun, ""
    match action:
        case PullImage(image):
            name = quoted(image.ref)
        case BuildImage(image):
            name = quoted(image.ref)
            rest = f" from {quoted(str(image.build.context))}" if image.build else ""
        case CreateNetwork(thing) | CreateVolume(thing):
            name = quoted(thing.name)
        case _:
            name = quoted(action.name)
    match action:
        case CreateContainer(spec, _, replaces) if replaces:
            rest = f", to replace {quoted(spec.name)}"
        case ConnectNetwork(_, attachment):
            rest = f" to network {quoted(attachment.network)}"
        case DisconnectNetwork(_, _, network):
            rest = f" from network {quoted(network)}"
        case WaitFor(_, _, condition, settle=settle):
            met, done = ("to keep running", "Running") if settle else _MET[condition]
            rest = f" {met}"
        case StopContainer(_, _, grace):
            rest = f", and kill it after {grace} s"
        case KillContainer(_, _, signal):
            rest = f" with {signal}"
        case SetRestart(_, _, policy):
            rest = f" to {policy}"
        case RenameContainer(_, _, to):
            rest = f" to {quoted(to)}"
        case RemoveContainer(volumes=True):
            rest = " and its anonymous volumes"
        case RemoveVolume():
            rest = " and the data in it"
        case RemoveImage():
            noun = "image that was"
    return Words(kind.verb, kind.doing, done, noun, name, rest)


def describe(action: Action) -> str:
    """One sentence in the imperative: "Create network myapp_default"."""
    said = words(action)
    return f"{said.verb} {said.what}{said.rest}"
