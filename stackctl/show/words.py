"""The words for actions, amounts and lengths of time, the same in every renderer."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Literal, assert_never

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
    match action:
        case PullImage(image):
            return Words("Pull", "Pulling", "Pulled", "image", quoted(image.ref))
        case BuildImage(image):
            source = f" from {quoted(str(image.build.context))}" if image.build else ""
            return Words("Build", "Building", "Built", "image", quoted(image.ref), source)
        case CreateNetwork(network):
            return Words("Create", "Creating", "Created", "network", quoted(network.name))
        case CreateVolume(volume):
            return Words("Create", "Creating", "Created", "volume", quoted(volume.name))
        case CreateContainer(spec, name, replaces):
            rest = f", to replace {quoted(spec.name)}" if replaces else ""
            return Words("Create", "Creating", "Created", "container", quoted(name), rest)
        case ConnectNetwork(_, attachment, name):
            rest = f" to network {quoted(attachment.network)}"
            return Words("Connect", "Connecting", "Connected", "container", quoted(name), rest)
        case DisconnectNetwork(_, _, network, name):
            rest = f" from network {quoted(network)}"
            return Words("Disconnect", "Disconnecting", "Disconnected", "container", quoted(name), rest)
        case StartContainer(_, name):
            return Words("Start", "Starting", "Started", "container", quoted(name))
        case WaitFor(_, name, condition, settle=settle):
            rest, met = ("to keep running", "Running") if settle else _MET[condition]
            return Words("Wait for", "Waiting", met, "container", quoted(name), f" {rest}")
        case StopContainer(_, name, grace):
            rest = f", and kill it after {grace} s"
            return Words("Stop", "Stopping", "Stopped", "container", quoted(name), rest)
        case PauseContainer(_, name):
            return Words("Pause", "Pausing", "Paused", "container", quoted(name))
        case UnpauseContainer(_, name):
            return Words("Unpause", "Unpausing", "Unpaused", "container", quoted(name))
        case KillContainer(_, name, signal):
            return Words("Kill", "Killing", "Killed", "container", quoted(name), f" with {signal}")
        case SetRestart(_, name, policy):
            verb = "Set the restart policy of"
            doing, done = "Setting its restart policy", "Restart policy set"
            return Words(verb, doing, done, "container", quoted(name), f" to {policy}")
        case RenameContainer(_, name, to):
            return Words("Rename", "Renaming", "Renamed", "container", quoted(name), f" to {quoted(to)}")
        case RemoveContainer(_, name, volumes):
            rest = " and its anonymous volumes" if volumes else ""
            return Words("Remove", "Removing", "Removed", "container", quoted(name), rest)
        case RemoveNetwork(_, name):
            return Words("Remove", "Removing", "Removed", "network", quoted(name))
        case RemoveVolume(name):
            return Words("Remove", "Removing", "Removed", "volume", quoted(name), " and the data in it")
        case RemoveImage(_, name):
            return Words("Remove", "Removing", "Removed", "image", f"that was {quoted(name)}")
        case _:
            assert_never(action)


def describe(action: Action) -> str:
    """One sentence in the imperative: "Create network myapp_default"."""
    said = words(action)
    return f"{said.verb} {said.what}{said.rest}"


def mark(action: Action) -> Mark:
    """`+` makes something, `~` changes something that is there, `-` removes it; waiting has no mark."""
    match action:
        case PullImage() | BuildImage() | CreateNetwork() | CreateVolume() | CreateContainer():
            return "+"
        case (
            ConnectNetwork()
            | DisconnectNetwork()
            | StartContainer()
            | StopContainer()
            | PauseContainer()
            | UnpauseContainer()
            | KillContainer()
            | SetRestart()
            | RenameContainer()
        ):
            return "~"
        case RemoveContainer() | RemoveNetwork() | RemoveVolume() | RemoveImage():
            return "-"
        case WaitFor():
            return " "
        case _:
            assert_never(action)


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
