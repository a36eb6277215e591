"""A Docker engine (or Podman's imitation of one): look, look closer, act, listen."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from socket import gethostname
from typing import assert_never

from stackctl.engine.docker import bodies, build, lifecycle, pull, snapshot
from stackctl.engine.docker.container_events import Events
from stackctl.engine.docker.network_ids import Networks
from stackctl.engine.docker.sharing import sharing
from stackctl.engine.protocol import Conversation, Exec, ExecResult, LogLine, Report
from stackctl.engine.ready import wait as ready
from stackctl.engine.ready.glance import glance
from stackctl.engine.ready.watched import Watched
from stackctl.engine.talk import archives, execs, logs
from stackctl.engine.talk.conversation import DockerConversation
from stackctl.engine.transport.client import Client, RefusedError
from stackctl.engine.transport.connect import Endpoint
from stackctl.errors import EngineError
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
from stackctl.planner.world import labels as names
from stackctl.planner.world.observed import Container, Engine, ImageConfig, Observed
from stackctl.planner.world.probes import Probe


class DockerEngine:
    """Keeps the `Engine` protocol. Safe to share between threads. `connect.connect()` makes one."""

    def __init__(self, client: Client, endpoint: Endpoint) -> None:
        self.client = client
        self.endpoint = endpoint
        self._events = Events(client)
        self._networks = Networks(client)
        self._engine: Engine | None = None
        self._image_ids: Mapping[str, str] = {}
        self._configs: dict[str, ImageConfig] = {}

    @property
    def id(self) -> str:
        return self.engine.id

    @property
    def engine(self) -> Engine:
        """Who it is, and what it shares with us. Asked once."""
        if self._engine is None:
            self._engine = self._ask()
        return self._engine

    def observe(self) -> Observed:
        """Four calls, and one more the first time."""
        get = self.client.get
        observed = snapshot.observed(
            self.engine,
            containers=get("containers", "json", all=True),
            networks=get("networks"),
            volumes=get("volumes"),
            images=get("images", "json"),
        )
        self._networks.learn(observed)
        self._image_ids = observed.images
        return observed

    def containers(self, project: str) -> tuple[Container, ...]:
        filters = {"label": [f"{names.PROJECT}={project}"]}
        rows = self.client.get("containers", "json", all=True, filters=filters)
        return tuple(snapshot.container(row, {}) for row in rows)

    def look_into(self, refs: Collection[str]) -> Mapping[str, ImageConfig]:
        """One call for each image not looked into before."""
        configs = {ref: self._config(ref) for ref in refs}
        return {ref: config for ref, config in configs.items() if config is not None}

    def volume_sizes(self) -> Mapping[str, int]:
        usage = self.client.get("system", "df", type="volume")
        sizes = {v["Name"]: (v.get("UsageData") or {}).get("Size", -1) for v in usage.get("Volumes") or ()}
        return {name: size for name, size in sizes.items() if size >= 0}

    def glance(self, probes: Mapping[str, Sequence[Probe]], observed: Observed) -> Mapping[str, str]:
        return glance(probes, observed)

    def perform(self, action: Action, report: Report, cancelled: Callable[[], bool] = lambda: False) -> str:
        client = self.client
        match action:
            case PullImage(image):
                pull.pull(client, image.ref, report, cancelled)
            case BuildImage(image):
                build.build(client, image, self.endpoint, report, cancelled)
            case CreateNetwork(network):
                answer = client.post("networks", "create", body=bodies.network(network))
                self._networks.add(answer["Id"], network.name, network.labels.get(names.INSTANCE))
            case CreateVolume(volume):
                client.post("volumes", "create", body=bodies.volume(volume, created=int(time.time())))
            case CreateContainer():
                return self._create(action)
            case ConnectNetwork(container, attachment, _):
                network_id = self._networks.id_for(container, attachment.network)
                place = bodies.endpoint(network_id, attachment.aliases)
                client.post(
                    "networks", network_id, "connect", body={"Container": container, "EndpointConfig": place}
                )
            case DisconnectNetwork(container, network_id):
                self._disconnect(container, network_id)
            case StartContainer(container, name):
                lifecycle.start(client, container, name)
            case WaitFor():
                target = Watched(client, self._events, action.container, self.engine)
                return ready.wait(action, target, report, cancelled)
            case StopContainer(container, _, grace):
                return lifecycle.stop(client, container, grace)
            case PauseContainer(container, name):
                lifecycle.control(client, container, name, "pause")
            case UnpauseContainer(container, name):
                lifecycle.control(client, container, name, "unpause")
            case KillContainer(container, name, signal):
                lifecycle.control(client, container, name, "kill", signal=signal)
            case SetRestart(container, _, policy, times):
                body = {"RestartPolicy": bodies.restart_policy(policy, times)}
                client.post("containers", container, "update", body=body)
            case RenameContainer(container, _, to):
                client.post("containers", container, "rename", name=to)
                self._networks.renamed(container, to)
            case RemoveContainer(container, _, volumes):
                lifecycle.remove_container(client, container, volumes=volumes)
            case RemoveNetwork(network_id, name):
                lifecycle.remove_network(client, network_id, name)
                self._networks.drop(network_id)
            case RemoveVolume(name):
                lifecycle.remove_volume(client, name)
            case RemoveImage(image_id, name):
                lifecycle.remove_image(client, image_id, name)
            case _:
                assert_never(action)
        return ""

    def logs(
        self,
        containers: Sequence[str],
        *,
        follow: bool = False,
        tail: int | None = None,
        since: str | None = None,
        until: str | None = None,
    ) -> Iterator[LogLine]:
        return logs.logs(self.client, containers, follow=follow, tail=tail, since=since, until=until)

    def exec(self, command: Exec, *, timeout: float | None = None, stdin: bytes | None = None) -> ExecResult:
        return execs.run(self.client, command, timeout=timeout, stdin=stdin)

    def converse(self, command: Exec) -> Conversation:
        return DockerConversation(self.client, command)

    def pack(self, container: str, path: str) -> Iterator[bytes]:
        return archives.pack(self.client, container, path)

    def unpack(self, container: str, directory: str, archive: Iterable[bytes]) -> None:
        archives.unpack(self.client, container, directory, archive)

    def interact(self, command: Exec) -> int:
        from stackctl.engine.talk import terminal

        if command.detach:
            return self.exec(command).exit_code
        return terminal.interact(self.client, command)

    def close(self) -> None:
        self._events.close()
        self.client.close()

    def _create(self, action: CreateContainer) -> str:
        spec = action.spec
        instance = spec.labels.get(names.INSTANCE)
        network_id = self._networks.id_of(spec.networks[0].network, instance) if spec.networks else None
        self._create_host_paths(action)
        body = bodies.container(
            spec,
            api=self.client.version,
            image=self._config(spec.image) or ImageConfig(),
            network_id=network_id,
            replaces=action.replaces,
        )
        try:
            answer = self.client.post("containers", "create", name=action.name, body=body)
        except RefusedError as error:
            raise RefusedError(
                f"cannot create {action.name}: {error.message}", error.hint, status=error.status
            ) from error
        self._networks.created(answer["Id"], action.name, instance)
        return "; ".join(answer.get("Warnings") or ())

    def _create_host_paths(self, action: CreateContainer) -> None:
        for mount in action.spec.mounts:
            if mount.create_host_path and mount.type == "bind" and self.engine.shares_paths:
                try:
                    Path(mount.source).mkdir(parents=True, exist_ok=True)
                except FileExistsError:
                    pass  # a file is mounted as well
                except OSError as error:
                    raise EngineError(f"cannot create {mount.source}: {error.strerror}") from error

    def _disconnect(self, container: str, network_id: str) -> None:
        body = {"Container": container, "Force": True}
        try:
            self.client.post("networks", network_id, "disconnect", body=body)
        except RefusedError as error:
            if error.status != 404 and "is not connected" not in error.message:
                raise

    def _config(self, ref: str) -> ImageConfig | None:
        known = self._configs.get(self._image_ids.get(ref, ""))
        if known is not None:
            return known
        try:
            answer = self.client.get("images", ref, "json")
        except RefusedError as error:
            if error.status == 404:
                return None
            raise
        config = snapshot.image_config(answer)
        self._configs[answer["Id"]] = config
        return config

    def _ask(self) -> Engine:
        asked = time.time()
        info, headers = self.client.get_with_headers("info")
        podman = "Libpod-Api-Version" in headers
        socket = self.endpoint.socket
        engine_id = str(info.get("ID") or self.endpoint.host)
        if podman and socket:  # whose own id is another one at every start
            stat = socket.stat()
            engine_id = f"{stat.st_dev}:{stat.st_ino}"
        shared = sharing(self.endpoint.host, info, platform=sys.platform, hostname=gethostname())
        return Engine(
            id=engine_id,
            name="podman" if podman else "docker",
            version=str(info.get("ServerVersion") or ""),
            api=self.client.version,
            endpoint=self.endpoint.host,
            shares_loopback=shared.loopback,
            shares_paths=shared.paths,
            reaches_containers=shared.addresses,
            clock_ahead=0.0 if shared.clock else snapshot.clock_ahead(info, asked, time.time()),
        )
