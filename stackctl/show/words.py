"""The words for actions, the same in every renderer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

from msgspec import Struct

from stackctl.planner.steps import actions
from stackctl.planner.steps.actions import Action
from stackctl.show.text.amounts import quoted
from stackctl.spec.model import Condition

if TYPE_CHECKING:
    from stackctl.planner.world.swarm_desired import SwarmGoal

Mark = Literal["+", "~", "-", " "]
"""`+` makes something, `~` changes something that is there, `-` removes it; waiting has none."""


class Name(Struct, frozen=True):
    """The words for a kind of action: "Create", "Creating", "Created", a network; and the kind of change that a summary counts."""

    verb: str
    doing: str
    done: str
    noun: str
    mark: Mark
    change: str


NAMES: Mapping[type, Name] = {
    actions.PullImage: Name("Pull", "Pulling", "Pulled", "image", "+", "pull"),
    actions.BuildImage: Name("Build", "Building", "Built", "image", "+", "build"),
    actions.PushImage: Name("Push", "Pushing", "Pushed", "image", "~", "push"),
    actions.CreateContainer: Name("Create", "Creating", "Created", "container", "+", "create"),
    actions.CreateNetwork: Name("Create", "Creating", "Created", "network", "+", "create"),
    actions.CreateVolume: Name("Create", "Creating", "Created", "volume", "+", "create"),
    actions.RemoveContainer: Name("Remove", "Removing", "Removed", "container", "-", "remove"),
    actions.RemoveNetwork: Name("Remove", "Removing", "Removed", "network", "-", "remove"),
    actions.RemoveVolume: Name("Remove", "Removing", "Removed", "volume", "-", "remove"),
    actions.RemoveImage: Name("Remove", "Removing", "Removed", "image", "-", "remove"),
    actions.StartContainer: Name("Start", "Starting", "Started", "container", "~", "start"),
    actions.RunHook: Name(
        "Run post_start of", "Running post_start", "post_start done", "container", "~", "start"
    ),
    actions.StopContainer: Name("Stop", "Stopping", "Stopped", "container", "~", "stop"),
    actions.KillContainer: Name("Kill", "Killing", "Killed", "container", "~", "kill"),
    actions.PauseContainer: Name("Pause", "Pausing", "Paused", "container", "~", "pause"),
    actions.UnpauseContainer: Name("Unpause", "Unpausing", "Unpaused", "container", "~", "unpause"),
    actions.RenameContainer: Name("Rename", "Renaming", "Renamed", "container", "~", "rename"),
    actions.ConnectNetwork: Name("Connect", "Connecting", "Connected", "container", "~", "reconnect"),
    actions.DisconnectNetwork: Name(
        "Disconnect", "Disconnecting", "Disconnected", "container", "~", "reconnect"
    ),
    actions.SetRestart: Name(
        "Set the restart policy of",
        "Setting its restart policy",
        "Restart policy set",
        "container",
        "~",
        "update",
    ),
    actions.CreateService: Name("Create", "Creating", "Created", "service", "+", "create"),
    actions.RemoveService: Name("Remove", "Removing", "Removed", "service", "-", "remove"),
    actions.RollBackService: Name("Roll back", "Rolling back", "Rolled back", "service", "~", "roll back"),
    actions.UpdateService: Name("Update", "Updating", "Updated", "service", "~", "update"),
    actions.RefreshAuth: Name(
        "Send the login for the registry of", "Sending the login", "Login sent", "service", "~", "refresh"
    ),
    actions.CreateSecret: Name("Create", "Creating", "Created", "secret", "+", "create"),
    actions.RemoveSecret: Name("Remove", "Removing", "Removed", "secret", "-", "remove"),
    actions.CreateConfig: Name("Create", "Creating", "Created", "config", "+", "create"),
    actions.RemoveConfig: Name("Remove", "Removing", "Removed", "config", "-", "remove"),
    actions.LabelNode: Name("Label", "Labelling", "Labelled", "node", "~", "label"),
    actions.WaitFor: Name("Wait for", "Waiting", "Ready", "container", " ", "wait"),
    actions.WaitForService: Name("Wait for", "Waiting", "Converged", "service", " ", "wait"),
    actions.WaitForTasksGone: Name("Wait for", "Waiting", "Gone", "containers", " ", "wait"),
}
"""Every kind of action. A change is made of several actions; the one that stands first here names it."""


class Words(Struct, frozen=True):
    """The words for an action: "Create network x", "Creating", "Created". `rest` completes the sentence."""

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


MET = {
    Condition.started: ("to be started", "Started"),
    Condition.healthy: ("to be healthy", "Healthy"),
    Condition.completed: ("to complete", "Completed"),
    Condition.ready: ("to be ready", "Ready"),
}
"""What a container must come to, and the word for one that has."""


def words(action: Action) -> Words:
    """The words for an action."""
    kind = NAMES[type(action)]
    done, noun, rest = kind.done, kind.noun, ""
    match action:
        case actions.PullImage(image) | actions.PushImage(image):
            name = quoted(image.ref)
        case actions.BuildImage(image):
            name = quoted(image.ref)
            rest = f" from {quoted(image.build.source)}" if image.build else ""
        case actions.CreateNetwork(thing) | actions.CreateVolume(thing):
            name = quoted(thing.name)
        case actions.WaitForTasksGone(_, services):
            name = ", ".join(map(quoted, services))
        case _:
            name = quoted(action.name)
    match action:
        case actions.CreateContainer(spec, _, replaces) if replaces:
            rest = f", to replace {quoted(spec.name)}"
        case actions.ConnectNetwork(_, attachment):
            rest = f" to network {quoted(attachment.network)}"
        case actions.DisconnectNetwork(_, _, network):
            rest = f" from network {quoted(network)}"
        case actions.WaitFor(_, _, condition, settle=settle):
            met, done = ("to keep running", "Running") if settle else MET[condition]
            rest = f" {met}"
        case actions.LabelNode(_, _, labels):
            rest = f" with {', '.join(f'{quoted(key)}={quoted(value)}' for key, value in labels.items())}"
        case actions.WaitForTasksGone():
            rest = " to be gone"
        case actions.WaitForService(goal):
            rest, done = _reached(goal)
        case actions.StopContainer(_, _, grace, hooks):
            first = " after pre_stop" if hooks and grace else ""
            rest = f"{first}, and kill it after {grace} s"
        case actions.KillContainer(_, _, signal):
            rest = f" with {signal}"
        case actions.SetRestart(_, _, policy):
            rest = f" to {policy}"
        case actions.RenameContainer(_, _, to):
            rest = f" to {quoted(to)}"
        case actions.RemoveContainer(volumes=True):
            rest = " and its anonymous volumes"
        case actions.RemoveVolume(data=True):
            rest = " and the data in it"
        case actions.RemoveImage(image_id, ref) if image_id != ref:
            noun = "image that was"
    return Words(kind.verb, kind.doing, done, noun, name, rest)


def _reached(goal: SwarmGoal) -> tuple[str, str]:
    """What a service of a Swarm must come to, and the word for a service that has."""
    if goal.mode.endswith("-job"):
        return " to complete", "Completed"
    if goal.rolled_back:
        return " to have gone back", "Rolled back"
    return (" to be started", "Started") if goal.started else (" to run as it should", "Converged")


def describe(action: Action) -> str:
    """One sentence in the imperative: "Create network myapp_default"."""
    said = words(action)
    return f"{said.verb} {said.what}{said.rest}"
