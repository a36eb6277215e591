"""The words for actions, amounts and lengths of time, the same in every renderer."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
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
from stackctl.show.safe import one_line
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
"""Every kind of action. Of several that are one change, the first in this order names the change."""


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


def quoted(name: str) -> str:
    """A name as it is, in quotes when it would not stand out as one word; one the engine made up (64 digits) is cut to 12."""
    name = re.sub(r"^([0-9a-f]{12})[0-9a-f]{52}$", r"\1", one_line(name))
    return name if re.fullmatch(r"[^\s\"',;()]+", name) else '"' + name.replace('"', '\\"') + '"'


def counted(number: int, one: str, many: str = "") -> str:
    """`1 error`, `2 errors`."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def duration(seconds: float) -> str:
    """A length of time as one reads it: `0.4 s`, `12.0 s`, `2 m 05 s`, `1 h 02 m`."""
    tenths = max(0.0, round(seconds, 1))
    if tenths < 60:
        return f"{tenths:.1f} s"
    whole = round(seconds)
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} m {rest:02} s"
    return f"{minutes // 60} h {minutes % 60:02} m"


def iso(at: float, precision: str = "seconds") -> str:
    """A time in seconds since the epoch as ISO 8601, in UTC: `2026-11-26T23:48:56Z`."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec=precision).replace("+00:00", "Z")


def size(amount: int) -> str:
    """A number of bytes in the units of registries, powers of 1000: `812 B`, `4.1 MB`, `41 MB`."""
    value, unit = float(amount), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if value < 999.5:
            break
        value, unit = value / 1000, larger
    return f"{value:.1f} {unit}" if unit != "B" and value < 9.95 else f"{value:.0f} {unit}"


def first_line(error: BaseException) -> str:
    """What an error says, in one line; the name of its class when it says nothing."""
    message = getattr(error, "message", None) or str(error)
    lines = [line for line in str(message).splitlines() if line.strip()]
    return one_line(lines[0]) if lines else type(error).__name__
