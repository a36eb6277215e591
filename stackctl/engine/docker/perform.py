"""Do the actions of a plan through the Docker SDK."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, assert_never

from msgspec.structs import replace

from stackctl.engine import hooks
from stackctl.engine.docker import bodies, copying, lifecycle
from stackctl.engine.docker.container_events import Events
from stackctl.engine.docker.images import building, pulling
from stackctl.engine.docker.look import DockerLook
from stackctl.engine.protocol import Exec, ExecResult, Report
from stackctl.engine.ready import wait as ready
from stackctl.engine.ready.watched import Watched
from stackctl.engine.talk import execs
from stackctl.engine.talk.frames import GivenUpError
from stackctl.engine.transport.client import RefusedError
from stackctl.engine.transport.link import Link
from stackctl.errors import CancelledError, EngineError
from stackctl.planner.steps import actions
from stackctl.planner.steps.actions import Action, SwarmAction
from stackctl.planner.steps.events import Progressed
from stackctl.planner.world import labels as names
from stackctl.planner.world.desired import DesiredContainer, DesiredNetwork, DesiredVolume
from stackctl.planner.world.observed import ImageConfig
from stackctl.real import real_time

if TYPE_CHECKING:
    from stackctl.engine.docker.swarm.perform import SwarmPerform

T = TypeVar("T", DesiredContainer, DesiredNetwork, DesiredVolume)


class DockerPerform:
    """Safe to share between threads."""

    def __init__(self, link: Link, look: DockerLook) -> None:
        self._link = link
        self._look = look
        self._events = Events(link.client)
        self._networks = look.networks

    @cached_property
    def _swarm(self) -> SwarmPerform:
        from stackctl.engine.docker.swarm.perform import SwarmPerform  # only `deploy` needs it

        return SwarmPerform(self._link, self._look)

    def perform(self, action: Action, report: Report, cancelled: Callable[[], bool] = lambda: False) -> str:
        """Do one action. Return a note that is worth telling, or ""."""
        if isinstance(action, actions.WaitFor):
            target = Watched(self._link.client, self._events, action.container, self._look.engine)
            with self._events.listening(), closing(target):
                return ready.wait(action, target, report, cancelled)
        if isinstance(action, SwarmAction):
            return self._swarm.perform(action, report, cancelled)
        client = self._link.changing
        match action:
            case actions.PullImage():
                return self._pull(action, report, cancelled)
            case actions.BuildImage(image):
                return building.build(client, image, self._link.endpoint, report, cancelled)
            case actions.PushImage(image):
                pulling.push(client, image, report, cancelled)
            case actions.CreateNetwork(network):
                return self._create_network(network)
            case actions.CreateVolume(volume):
                client.post(
                    "volumes", "create", body=bodies.volume(_placed(volume), created=int(real_time()))
                )
            case actions.CreateContainer():
                return self._create(action)
            case actions.ConnectNetwork(container, attachment, _):
                network_id = self._networks.id_for(container, attachment.network)
                place = bodies.endpoint(network_id, attachment)
                client.post(
                    "networks", network_id, "connect", body={"Container": container, "EndpointConfig": place}
                )
            case actions.DisconnectNetwork(container, network_id):
                self._disconnect(container, network_id)
            case actions.StartContainer(container, name, files):
                copying.copy_in(client, container, name, files)
                lifecycle.start(client, container, name)
            case actions.RunHook():
                hooks.post_start(partial(self._exec, cancelled), action)
            case actions.StopContainer(container, _, grace):
                notes = [*hooks.pre_stop(partial(self._exec, cancelled), action)]
                return "; ".join(filter(None, (*notes, lifecycle.stop(client, container, grace))))
            case actions.PauseContainer(container, name):
                lifecycle.control(client, container, name, "pause")
            case actions.UnpauseContainer(container, name):
                lifecycle.control(client, container, name, "unpause")
            case actions.KillContainer(container, name, signal):
                lifecycle.kill(client, container, name, signal)
            case actions.SetRestart(container, _, policy, times):
                lifecycle.set_restart(client, container, bodies.restart_policy(policy, times))
            case actions.RenameContainer(container, _, to):
                client.post("containers", container, "rename", name=to)
                self._networks.renamed(container, to)
            case actions.RemoveContainer(container, _, volumes):
                lifecycle.remove_container(client, container, volumes=volumes)
            case actions.RemoveNetwork(network_id, name):
                lifecycle.remove_network(client, network_id, name)
                self._networks.drop(network_id)
            case actions.RemoveVolume(name):
                lifecycle.remove_volume(client, name)
            case actions.RemoveImage(image_id, name):
                lifecycle.remove_image(client, image_id, name)
            case _:
                assert_never(action)
        return ""

    def _create_network(self, network: DesiredNetwork) -> str:
        client, note, network = self._link.changing, "", _placed(network)
        if network.pool:
            from stackctl.engine.docker import small_subnets  # only isolated stacks have such networks

            here = self._look.engine.shares_loopback
            network_id, note = small_subnets.create_network(client, network, here=here)
        else:
            network_id = lifecycle.create_network(client, bodies.network(network))
        self._networks.add(network_id, network.name, network.labels.get(names.INSTANCE))
        return note

    def _pull(self, action: actions.PullImage, report: Report, cancelled: Callable[[], bool]) -> str:
        image, client = action.image, self._link.changing
        try:
            pulling.pull(client, image, report, cancelled)
        except RefusedError as error:
            if action.otherwise == "fail":
                raise
            if action.otherwise == "build":
                report(Progressed(error.message))
                note = building.build(client, image, self._link.endpoint, report, cancelled)
                return "; ".join(filter(None, ("it could not be pulled, so it was built", note)))
            return f"the one that is here is kept: {error.message}"
        return ""

    def _exec(self, cancelled: Callable[[], bool], command: Exec, seconds: float) -> ExecResult:
        try:
            return execs.run(self._link.client, command, timeout=seconds, given_up=cancelled)
        except GivenUpError:
            raise CancelledError(f"{command.title} was given up") from None

    def _create(self, action: actions.CreateContainer) -> str:
        spec = _placed(action.spec)
        instance = spec.labels.get(names.INSTANCE)
        network_id = self._networks.id_of(spec.networks[0].network, instance) if spec.networks else None
        self._create_host_paths(action)
        body = bodies.container(
            self._with_ids(spec),
            api=self._link.client.version,
            image=self._look.image_config(spec.image) or ImageConfig(),
            network_id=network_id,
            replaces=action.replaces,
        )
        answer = lifecycle.create_container(
            self._link.changing, action.name, body, platform=spec.settings.platform
        )
        self._networks.created(answer["Id"], action.name, instance)
        return "; ".join(answer.get("Warnings") or ())

    def _with_ids(self, spec: DesiredContainer) -> DesiredContainer:
        """The container, which names those whose memory, processes or volumes it shares by their ids.

        An engine looks them up at every start. A name may be another one by then.
        """
        if not (spec.ipc or spec.pid or spec.volumes_from):
            return spec
        return spec.sharing_with(
            {name: self._id_of(name) for name in (*spec.namespaces, *spec.volume_sources)}
        )

    def _id_of(self, container: str) -> str:
        return str(self._link.client.get("containers", container, "json")["Id"])

    def _create_host_paths(self, action: actions.CreateContainer) -> None:
        for mount in action.spec.mounts:
            if mount.create_host_path and mount.type == "bind" and self._look.engine.shares_paths:
                try:
                    Path(mount.source).mkdir(parents=True, exist_ok=True)
                except FileExistsError:
                    pass  # the engine can mount a file as well
                except OSError as error:
                    raise EngineError(f"cannot create {mount.source}: {error.strerror}") from error

    def _disconnect(self, container: str, network_id: str) -> None:
        body = {"Container": container, "Force": True}
        try:
            self._link.changing.post("networks", network_id, "disconnect", body=body)
        except RefusedError as error:
            if error.status != 404 and "is not connected" not in error.message:
                raise


def _placed(spec: T) -> T:
    """What is about to be made, with the place of its directory in its labels."""
    from stackctl.engine.directories import placed  # a plan that makes nothing needs no place

    return replace(spec, labels=placed(spec.labels))
