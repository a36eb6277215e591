"""Everything that stackctl can do. Each action is a class, and one engine call (a wait makes no call that writes).

`container` fields name an existing container by its id and a new one by its name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

from msgspec import Struct

from stackctl.planner.world.desired import (
    Attachment,
    DesiredContainer,
    DesiredFile,
    DesiredNetwork,
    DesiredVolume,
    Image,
)
from stackctl.planner.world.probes import Probe, Timing
from stackctl.spec.model import Condition, Hook

if TYPE_CHECKING:
    from stackctl.planner.world.swarm_desired import DesiredService, DesiredSwarmFile, SwarmGoal


class PullImage(Struct, frozen=True):
    """Pull an image. If that fails, `otherwise` decides: it is built, or the one that is here is kept."""

    image: Image
    otherwise: Literal["fail", "build", "keep"] = "fail"


class BuildImage(Struct, frozen=True):
    image: Image


class PushImage(Struct, frozen=True):
    """Send an image to its registry."""

    image: Image


class CreateNetwork(Struct, frozen=True):
    network: DesiredNetwork


class CreateVolume(Struct, frozen=True):
    volume: DesiredVolume


class CreateContainer(Struct, frozen=True):
    """Create under `name`, which differs from `spec.name` while the container it replaces still has that name.

    `spec.networks[0]` is joined at once, the others by `ConnectNetwork`.
    """

    spec: DesiredContainer
    name: str
    replaces: str | None = None


class ConnectNetwork(Struct, frozen=True):
    container: str
    attachment: Attachment
    name: str


class DisconnectNetwork(Struct, frozen=True):
    container: str
    network_id: str
    network: str
    name: str


class StartContainer(Struct, frozen=True):
    """Copy `files` into the container, then start it.

    The files belong to the start, so that they are there whatever happened between the creation and the start. A container
    that is already what it was keeps the files of its last start.
    """

    container: str
    name: str
    files: tuple[DesiredFile, ...] = ()


class WaitFor(Struct, frozen=True):
    """Wait until the container meets the condition, until it is clear that it never will, or until `timeout` seconds are over."""

    container: str
    name: str
    condition: Condition
    probes: tuple[Probe, ...] = ()
    timing: Timing = Timing()
    timeout: float = 120.0
    ports: tuple[int, ...] = ()
    """Published TCP ports of the container that must accept a connection, if there is no probe."""
    oneshot_ok: bool = False
    """Exit 0 counts as ready: a job, or a service without a restart policy."""
    settle: float = 0.0
    """Seconds that a running container must have kept running, without a restart, before it counts as ready."""
    ran: float = 0.0
    """Seconds since its start when the wait was planned. They count for `settle` if the program had begun, and the engine has not
    restarted it since.
    """
    restarts: int | None = None
    """A container that ends again, and that the engine has restarted this often since it was started, is not waited for any
    longer. None: only restarts during the wait count, and more of them.
    """


class RunHook(Struct, frozen=True):
    """Run a `post_start` hook in the container: the one of this number, from 1. It may take `timeout` seconds."""

    container: str
    name: str
    hook: Hook
    number: int
    timeout: float = 120.0


class StopContainer(Struct, frozen=True):
    """Ask it to stop and kill it after `grace` seconds.

    Before that, the `pre_stop` hooks are run in it, which may take `grace` seconds together. So there are none if `grace` is 0.
    A hook that fails does not keep the container alive.
    """

    container: str
    name: str
    grace: int
    hooks: tuple[Hook, ...] = ()


class PauseContainer(Struct, frozen=True):
    """Freeze the container's processes. The container keeps its addresses and ports, but does not answer."""

    container: str
    name: str


class UnpauseContainer(Struct, frozen=True):
    container: str
    name: str


class KillContainer(Struct, frozen=True):
    """Send the signal to its main process. The engine does not restart what it was asked to kill, whatever the policy."""

    container: str
    name: str
    signal: str = "SIGKILL"


class SetRestart(Struct, frozen=True):
    """Change the restart policy, so that an engine which restarts meanwhile does not start a replaced container."""

    container: str
    name: str
    policy: str
    times: int = 0


class RenameContainer(Struct, frozen=True):
    container: str
    name: str
    to: str


class RemoveContainer(Struct, frozen=True):
    container: str
    name: str
    volumes: bool = False
    """Its anonymous volumes go with it."""


class RemoveNetwork(Struct, frozen=True):
    network_id: str
    name: str


class RemoveVolume(Struct, frozen=True):
    name: str
    data: bool = True
    """Whether data is lost with it: not with a volume for secrets and configs."""


class RemoveImage(Struct, frozen=True):
    """Remove an image that has no tag any more by its id; `name` is the tag that it had. Or a tag, with `image_id` equal to `name`;
    the image goes with its last one.
    """

    image_id: str
    name: str


# On a Swarm, beside networks and images


class CreateSecret(Struct, frozen=True):
    file: DesiredSwarmFile

    @property
    def name(self) -> str:
        return self.file.name


class CreateConfig(Struct, frozen=True):
    file: DesiredSwarmFile

    @property
    def name(self) -> str:
        return self.file.name


class RemoveSecret(Struct, frozen=True):
    """Remove a secret. One that is in use stays, without an error: the note says so."""

    secret_id: str
    name: str


class RemoveConfig(Struct, frozen=True):
    """Remove a config. One that is in use stays, without an error: the note says so."""

    config_id: str
    name: str


class CreateService(Struct, frozen=True):
    spec: DesiredService

    @property
    def name(self) -> str:
        return self.spec.name


class UpdateService(Struct, frozen=True):
    """Send the whole service, as an update of this version of it. Raises `OutOfSequenceError` if it has another version by now."""

    service_id: str
    version: int
    spec: DesiredService

    @property
    def name(self) -> str:
        return self.spec.name


class RefreshAuth(Struct, frozen=True):
    """Send the service as it is once more, with the present login at its registry."""

    service_id: str
    name: str


class RollBackService(Struct, frozen=True):
    """Let the service go back to what it was before its last update. Does nothing if it is going back, or has gone back, already."""

    service_id: str
    name: str


class RemoveService(Struct, frozen=True):
    service_id: str
    name: str


class WaitForService(Struct, frozen=True):
    """Wait until the service has come to its goal, until it is clear that it never will, or until `timeout` seconds are over."""

    goal: SwarmGoal
    project: str
    timeout: float = 120.0

    @property
    def name(self) -> str:
        return self.goal.name


class WaitForTasksGone(Struct, frozen=True):
    """Wait until no container of these services is left on any node that answers; `services` holds their ids by name."""

    project: str
    services: Mapping[str, str]
    timeout: float = 60.0

    @property
    def name(self) -> str:
        return ", ".join(self.services)


class LabelNode(Struct, frozen=True):
    """Give a node labels, beside those that it has."""

    node_id: str
    name: str
    labels: Mapping[str, str]


SwarmAction = (
    CreateSecret
    | RemoveSecret
    | CreateConfig
    | RemoveConfig
    | CreateService
    | UpdateService
    | RefreshAuth
    | RollBackService
    | RemoveService
    | LabelNode
    | WaitForService
    | WaitForTasksGone
)
"""What is done on a Swarm alone."""

Action = (
    PullImage
    | BuildImage
    | PushImage
    | CreateNetwork
    | CreateVolume
    | CreateContainer
    | ConnectNetwork
    | DisconnectNetwork
    | StartContainer
    | RunHook
    | WaitFor
    | StopContainer
    | PauseContainer
    | UnpauseContainer
    | KillContainer
    | SetRestart
    | RenameContainer
    | RemoveContainer
    | RemoveNetwork
    | RemoveVolume
    | RemoveImage
    | SwarmAction
)

Wait = WaitFor | WaitForService | WaitForTasksGone
"""The actions that make no call that writes."""


def subject(action: Action) -> str:
    """The name of what the action acts on, as a person knows it."""
    match action:
        case PullImage(image) | BuildImage(image) | PushImage(image):
            return image.ref
        case CreateNetwork(network):
            return network.name
        case CreateVolume(volume):
            return volume.name
        case ConnectNetwork(_, attachment, name):
            return f"{name} to {attachment.network}"
        case DisconnectNetwork(_, _, network, name):
            return f"{name} from {network}"
        case WaitFor(_, name, condition):
            return f"{name} {condition.name}"
        case RunHook(_, name, _, number):
            return f"post_start {number} of {name}"
        case RenameContainer(_, name, to):
            return f"{name} to {to}"
        case LabelNode(_, name, labels):
            return f"{name} {', '.join(labels)}"
        case _:
            return action.name
