"""An engine in memory: for tests, and for trying plans without Docker. It refuses what a real engine refuses.

It is stricter than Docker on purpose: a volume or network must exist before a container names it, and a running container
cannot be removed. Each container has its own clock, and only a wait for that container moves it.
"""

from __future__ import annotations

import hashlib
import sys
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, assert_never

from stackctl.engine import hooks
from stackctl.engine.build_context import fingerprint
from stackctl.engine.memory.asked import counters, happenings, processes
from stackctl.engine.memory.commands import FOREVER, Behaviour, CommandRun, run
from stackctl.engine.memory.container import MemoryContainer, course_of
from stackctl.engine.memory.files import Files, Store
from stackctl.engine.memory.image_store import Images
from stackctl.engine.memory.made import made
from stackctl.engine.memory.talk import MemoryConversation
from stackctl.engine.memory.wait_target import MemoryTarget, ask
from stackctl.engine.placed_files import archives
from stackctl.engine.protocol import Attach, Conversation, Exec, ExecResult, LogLine, Report
from stackctl.engine.ready import wait as ready
from stackctl.engine.ready.probe import tells_from_outside
from stackctl.engine.talk.log_times import timestamp
from stackctl.errors import EngineError, ExecTimeoutError, PortTakenError
from stackctl.planner.same.side import Thing
from stackctl.planner.steps import actions
from stackctl.planner.steps.actions import Action, SwarmAction
from stackctl.planner.steps.events import Progressed
from stackctl.planner.world.asked import Counters, Happened, ObservedImage, Path, Processes
from stackctl.planner.world.desired import (
    Attachment,
    DesiredContainer,
    DesiredMount,
    DesiredNetwork,
    DesiredPort,
    DesiredVolume,
    Image,
)
from stackctl.planner.world.inspected import Inspected
from stackctl.planner.world.labels import PROJECT, REPLACES
from stackctl.planner.world.observed import (
    ImageConfig,
    Mounted,
    Observed,
    ObservedContainer,
    ObservedEngine,
    ObservedNetwork,
    ObservedVolume,
    PublishedPort,
)
from stackctl.planner.world.probes import Probe
from stackctl.planner.world.swarm_observed import ObservedSwarm, ObservedTask
from stackctl.spec.image_ref import ImageRef

if TYPE_CHECKING:
    from stackctl.engine.memory.swarm import MemorySwarm

_FREE_PORTS = range(32768, 61000)
_STANDARD = ("bridge", "host", "none")


class MemoryEngine:
    """An `Engine` that begins without containers.

    | argument | meaning |
    |---|---|
    | `images` | the images that are here, by reference |
    | `registry` | the images that can be pulled |
    | `unbuildable` | the references that cannot be built; all others can |
    | `behaviours` | how containers behave, by service or image reference |
    | `taken` | the host ports that other processes hold |
    | `before` | is called before every action that writes; an error that it raises is the engine's answer |
    | `removes_running` | a running container can be removed, as with Docker. Without it the engine refuses, which finds a plan that does not stop the container first |
    | `info` | what the engine says about itself |
    | `swarm` | the Swarm that it belongs to |
    """

    def __init__(
        self,
        images: Mapping[str, ImageConfig] | None = None,
        *,
        registry: Mapping[str, ImageConfig] | None = None,
        unbuildable: Collection[str] = (),
        behaviours: Mapping[str, Behaviour] | None = None,
        taken: Collection[int] = (),
        before: Callable[[Action], None] = lambda _: None,
        removes_running: bool = False,
        info: ObservedEngine | None = None,
        swarm: MemorySwarm | None = None,
    ) -> None:
        self.info = info or ObservedEngine(id="memory", name="memory", endpoint="memory:")
        self._images = Images(images or {}, registry or {}, unbuildable)
        self.behaviours = dict(behaviours or {})
        self.taken = set(taken)
        self.before = before
        self.removes_running = removes_running
        self.buildkit = True
        self.reads = 0
        """How many calls have only looked."""
        self.writes = 0
        """How many calls have changed something, or have tried to."""
        self.performed: list[Action] = []
        """Every action that was asked for, including waits."""
        self._guard = threading.RLock()
        self._count = 0
        self._networks = {
            (id_ := self._new_id("network")): ObservedNetwork(id=id_, name=name) for name in _STANDARD
        }
        self._volumes: dict[str, ObservedVolume] = {}
        self._containers: dict[str, MemoryContainer] = {}
        self._resources: dict[str, DesiredNetwork | DesiredVolume] = {}
        """The networks and volumes as they were asked for, by name."""
        self._files: dict[str, Store] = {}
        """The files of each container by its id, and of each volume by its name."""
        self._happened: list[Happened] = []
        self.swarm = swarm
        if swarm:
            swarm.image, swarm.behaviours = self._images.on_nodes, self.behaviours
            swarm.networks = self._networks.values

    @property
    def id(self) -> str:
        return self.info.id

    def close(self) -> None:
        """Nothing is to be closed."""

    def revise(self, ref: str) -> None:
        """From now on a build or pull of the reference gives another image, as if its source were changed."""
        self._images.revise(ref)

    def die(self, container: str, exit_code: int) -> None:
        """End a running container, as if its program had ended."""
        with self._guard:
            found = self._find(container)
            found.course = CommandRun(exit_code, found.lived)

    def remove_by_hand(self, container: str) -> None:
        """Remove a container, running or not, as `docker rm -f` does."""
        with self._guard:
            del self._containers[self._find(container).id]

    # Looking

    def expect(self, project: str | None = None) -> None:
        """There is nothing to wait for."""

    def observe(self, project: str = "") -> Observed:
        with self._guard:
            self.reads += 1
            self._remove_ended()
            return Observed(
                engine=self.info,
                containers=tuple(
                    c
                    for c in (made.as_seen() for made in reversed(self._containers.values()))
                    if not project or c.project == project
                ),
                networks=tuple(self._networks.values()),
                volumes=tuple(self._volumes.values()),
                images=self._images.ids,
                built=dict(self._images.built),
            )

    def containers(self, project: str) -> tuple[ObservedContainer, ...]:
        with self._guard:
            self.reads += 1
            self._remove_ended()
            found = (c.as_seen() for c in reversed(self._containers.values()))
            return tuple(c for c in found if not project or c.project == project)

    def inspect(self, container: str) -> Inspected:
        with self._guard:
            self.reads += 1
            return self._find(container).as_inspected()

    def made(self, containers: Collection[str]) -> tuple[Thing, ...]:
        with self._guard:
            self.reads += len(containers)
            found = [c for c in self._containers.values() if {c.id, c.name} & {*containers}]
            return made(found, self._networks, self._resources)

    def image_configs(self, refs: Collection[str]) -> Mapping[str, ImageConfig]:
        with self._guard:
            self.reads += len(refs)
            return {ref: found[1] for ref in refs if (found := self._images.get(ref))}

    def images(self, ids: Collection[str]) -> Mapping[str, ObservedImage]:
        with self._guard:
            self.reads += len(ids)
            return {id_: found for id_ in ids if (found := self._images.observed(id_))}

    def processes(self, container: str, options: str = "") -> Processes:
        with self._guard:
            self.reads += 1
            return processes(self._find(container))

    def counters(self, containers: Collection[str]) -> Mapping[str, Counters]:
        with self._guard:
            self.reads += len(containers)
            found = ((id_, self._get(id_)) for id_ in containers)
            return {id_: counters(container, float(self._count)) for id_, container in found if container}

    def has_buildkit(self) -> bool:
        return self.buildkit

    def volume_sizes(self) -> Mapping[str, int]:
        with self._guard:
            self.reads += 1
            return dict.fromkeys(self._volumes, 0)

    def answers_from_outside(
        self, probes: Mapping[str, Sequence[Probe]], observed: Observed
    ) -> Mapping[str, str]:
        """A container's behaviour tells when it is ready. A check that needs a command or the log cannot be asked."""
        with self._guard:
            found = {}
            for container in self._containers.values():
                checks = probes.get(container.id, ())
                asked = [check for check in checks if tells_from_outside(check)]
                if container.as_seen().state != "running" or not asked:
                    continue
                if container.lived < container.behaviour.ready_after:
                    found[container.id] = "not ready yet"
                elif len(asked) == len(checks):
                    found[container.id] = ""
            return found

    def observe_swarm(self, project: str = "") -> ObservedSwarm:
        with self._guard:
            self.reads += 1
            if self.swarm is None:
                return ObservedSwarm(engine=self.info, state="inactive", manager=False)
            return self.swarm.observe(self.info, project)

    def swarm_tasks(self, project: str = "") -> tuple[ObservedTask, ...]:
        with self._guard:
            self.reads += 1
            return self._managed().tasks(project)

    def image_digest(self, ref: str) -> str | None:
        with self._guard:
            self.reads += 1
            return self._images.registered(ref)

    def service_logs(
        self,
        services: Sequence[str],
        *,
        follow: bool = False,
        tail: int | None = None,
        since: str | None = None,
        until: str | None = None,
    ) -> Iterator[LogLine]:
        """What the tasks have written. It never waits for more."""
        with self._guard:
            self.reads += len(services)
            swarm = self._managed()
            now = swarm.clock.now
            first, last = _moment(since, now, "0"), _moment(until, now, "Infinity")
            by_task: dict[str, list[LogLine]] = {}
            for line in swarm.logs(services):
                by_task.setdefault(line.container, []).append(line)
        found = [
            line
            for lines in by_task.values()
            for line in lines[max(0, len(lines) - tail) if tail is not None else 0 :]
            if first <= _moment(line.time, now, "0") <= last
        ]
        return iter(sorted(found, key=lambda line: line.time))

    def _managed(self) -> MemorySwarm:
        if self.swarm is None:
            raise EngineError("This node is not a swarm manager.", "make it one: docker swarm init")
        return self.swarm

    def logs(
        self,
        containers: Sequence[str],
        *,
        follow: bool = False,
        tail: int | None = None,
        since: str | None = None,
        until: str | None = None,
    ) -> Iterator[LogLine]:
        with self._guard:
            self.reads += len(containers)
            now = float(self._count)
            first, last = _moment(since, now, "0"), _moment(until, now, "Infinity")
            found = [self._find(container) for container in containers]
            lines = [
                line
                for one in found
                for line in one.log[max(0, len(one.log) - tail) if tail is not None else 0 :]
                if first <= _moment(line.time, now, "0") <= last
            ]
        return iter(sorted(lines, key=lambda line: line.time))

    def events(
        self, project: str, *, since: str | None = None, until: str | None = None
    ) -> Iterator[Happened]:
        """What has happened. It never waits for more."""
        with self._guard:
            self.reads += 1
            now = float(self._count)
            first, last = _moment(since, now, "Infinity"), _moment(until, now, "Infinity")
            return iter(
                [
                    each
                    for each in self._happened
                    if each.attributes.get(PROJECT) == project
                    and first <= _moment(each.time, now, "0") <= last
                ]
            )

    def exec(self, command: Exec, *, timeout: float | None = None, stdin: bytes | None = None) -> ExecResult:
        with self._guard:
            done = _run(self._find(command.container), command.argv, stdin or b"")
        said = [text.encode(errors="surrogateescape") for text in (done.stdout, done.stderr)]
        if timeout is not None and done.seconds > timeout:
            message = f"{command.title} still ran after {timeout:g} s"
            raise ExecTimeoutError(message, "give it more time", stdout=said[0], stderr=said[1])
        return ExecResult(done.exit_code, *said)

    def converse(self, command: Exec) -> Conversation:
        def run(text: bytes) -> CommandRun:
            with self._guard:
                return _run(self._find(command.container), command.argv, text)

        return MemoryConversation(command, run)

    def pack(self, container: str, path: str) -> Iterator[bytes]:
        with self._guard:
            return iter([self._files_of(self._find(container)).pack(path)])

    def path(self, container: str, path: str) -> Path | None:
        with self._guard:
            return self._files_of(self._find(container)).path(path)

    def unpack(self, container: str, directory: str, archive: Iterable[bytes]) -> None:
        with self._guard:
            self._files_of(self._find(container)).unpack(directory, archive)

    def interact(self, command: Exec) -> int:
        result = self.exec(command)
        sys.stdout.write(result.stdout.decode())
        sys.stderr.write(result.stderr.decode())
        return result.exit_code

    def attach(self, to: Attach, begin: Callable[[], None] = lambda: None) -> int:
        begin()
        container = self._find(to.container)
        ((_, code),) = self.wait([to.container])
        for line in container.log[container.log_start :]:
            print(line.text, file=sys.stderr if line.stream == "stderr" else sys.stdout)
        return code

    def wait(self, containers: Sequence[str]) -> Iterator[tuple[str, int]]:
        """Moves the clock of each container to its end. A container that never ends cannot be waited for."""
        found = [self._find(container) for container in containers]
        for container in sorted(found, key=lambda c: c.course.seconds - c.lived if c.up else 0.0):
            if container.up and container.course.seconds == FOREVER:
                raise EngineError(f"{container.name} never ends")
            container.clock += max(container.course.seconds - container.lived, 0.0) if container.up else 0.0
            yield container.id, container.code

    # Acting

    def perform(self, action: Action, report: Report, cancelled: Callable[[], bool] = lambda: False) -> str:
        if isinstance(action, actions.WaitFor):
            with self._guard:
                self.performed.append(action)
            target = MemoryTarget(lambda: self._get(action.container), _exec)
            return ready.wait(action, target, report, cancelled, ask)
        if isinstance(action, actions.WaitForService | actions.WaitForTasksGone):
            with self._guard:
                self.performed.append(action)
            return self._managed().perform(action, report, cancelled)
        with self._guard:
            self.performed.append(action)
            self.writes += 1
            self.before(action)
            before = self._get(action.container) if hasattr(action, "container") else None
            if isinstance(action, SwarmAction):
                return self._managed().perform(action, report)
            told = self._write(action, report) or ""
            if container := before or (
                isinstance(action, actions.CreateContainer) and self._get(action.name)
            ):
                self._happened += happenings(action, container, float(self._count))
            return told

    def _write(self, action: Action, report: Report) -> str | None:
        assert not isinstance(action, SwarmAction)
        match action:
            case actions.PullImage(image, otherwise):
                return self._pull(image, otherwise, report)
            case actions.BuildImage(image):
                self._build(image, report)
            case actions.PushImage(image):
                self._images.push(image)
            case actions.CreateNetwork(network):
                self._create_network(network)
                self._resources[network.name] = network
            case actions.CreateVolume(volume):
                self._create_volume(volume.name, volume.driver, volume.labels)
                self._resources.setdefault(volume.name, volume)
            case actions.CreateContainer(spec, name, replaces):
                self._create_container(spec, name, replaces)
            case actions.ConnectNetwork(container, attachment):
                self._connect(self._find(container), attachment)
            case actions.DisconnectNetwork(container, network_id, network):
                found = self._find(container)
                if found.networks.pop(network_id, None) is None:
                    raise EngineError(f"container {found.name} is not connected to network {network}")
            case actions.StartContainer(container, _, files):
                found = self._find(container)
                for directory, archive in archives(files):
                    if found.spec.settings.read_only and directory not in {m.target for m in found.mounts}:
                        raise EngineError(
                            f"cannot copy into {found.name}: container rootfs is marked read-only"
                        )
                    self._files_of(found).unpack(directory, [archive], over_directories=False)
                self._start(found)
            case actions.RunHook():
                hooks.post_start(self._run_hook, action)
            case actions.StopContainer(container, _, grace):
                notes = [*hooks.pre_stop(self._run_hook, action)]
                return "; ".join(filter(None, (*notes, self._stop(container, grace))))
            case actions.PauseContainer(container, name):
                self._find(container).pause()
            case actions.UnpauseContainer(container, name):
                self._find(container).unpause()
            case actions.KillContainer(container, name, text):
                self._find(container).kill(text)
            case actions.SetRestart(container, _, policy, times):
                self._find(container).restart = (policy, times)
            case actions.RenameContainer(container, _, to):
                self._check_name(to)
                self._find(container).name = to
            case actions.RemoveContainer(container, _, volumes):
                self._remove_container(container, volumes)
            case actions.RemoveNetwork(network_id, name):
                self._remove_network(network_id, name)
            case actions.RemoveVolume(name):
                self._remove_volume(name)
            case actions.RemoveImage(image_id):
                used = self._images.ids.get(ImageRef.parse(image_id).tagged, image_id)
                if any(c.image_id == used for c in self._containers.values()):
                    raise EngineError(f"the image {image_id} is in use")
                self._images.remove(image_id)
            case actions.WaitFor():
                raise AssertionError("a wait writes nothing")
            case _:
                assert_never(action)
        return None

    # Images

    def _pull(self, image: Image, otherwise: str, report: Report) -> str:
        report(Progressed("Pulling", 1, 1))
        try:
            self._images.pull(image)
        except EngineError as error:
            if otherwise == "fail":
                raise
            if otherwise == "keep":
                return f"the one that is here is kept: {error.message}"
            self._build(image, report)
            return "it could not be pulled, so it was built"
        return ""

    def _build(self, image: Image, report: Report) -> None:
        report(Progressed("Step 1/1 : FROM scratch"))
        self._images.build(image.ref, str((image.build and fingerprint(image.build)) or ""))

    # Networks and volumes

    def _create_network(self, network: DesiredNetwork) -> None:
        if any(n.name == network.name for n in self._networks.values()):
            raise EngineError(f"network with name {network.name} already exists")
        id_ = self._new_id("network")
        self._networks[id_] = ObservedNetwork(
            id=id_, name=network.name, driver=network.driver, labels=dict(network.labels)
        )

    def _network(self, name: str) -> ObservedNetwork:
        found = next((n for n in self._networks.values() if name in (n.name, n.id)), None)
        if found is None:
            raise EngineError(f"network {name} not found")
        return found

    def _connect(self, container: MemoryContainer, attachment: Attachment) -> None:
        network = self._network(attachment.network)
        if container.network_mode.startswith(("container:", "host", "none")):
            raise EngineError(
                f"container {container.name} shares a network namespace and cannot join {network.name}"
            )
        if network.id in container.networks:
            raise EngineError(f"endpoint with name {container.name} already exists in network {network.name}")
        container.networks[network.id] = Attachment(network.name, attachment.aliases)

    def _remove_network(self, network_id: str, name: str) -> None:
        users = [
            c.name
            for c in self._containers.values()
            if network_id in c.networks and c.state in ("running", "paused")
        ]
        if users:
            raise EngineError(f"network {name} has active endpoints: {', '.join(users)}")
        if self.swarm and (services := self.swarm.network_users(name)):
            raise EngineError(f"network {name} is in use by service {services[0]}")
        self._networks.pop(network_id, None)

    def _create_volume(self, name: str, driver: str, labels: Mapping[str, str]) -> None:
        if name not in self._volumes:
            self._volumes[name] = ObservedVolume(
                name=name, driver=driver, created=self._tick(), labels=dict(labels)
            )

    def _remove_volume(self, name: str) -> None:
        users = [c.name for c in self._containers.values() if any(m.name == name for m in c.mounts)]
        if users:
            raise EngineError(f"volume {name} is in use by {', '.join(users)}")
        self._volumes.pop(name, None)
        self._files.pop(name, None)

    # Containers

    def _get(self, handle: str) -> MemoryContainer | None:
        """The container of that id or name."""
        with self._guard:
            named = (c for c in self._containers.values() if c.name == handle)
            return self._containers.get(handle) or next(named, None)

    def _find(self, handle: str) -> MemoryContainer:
        if found := self._get(handle):
            return found
        raise EngineError(f"No such container: {handle}")

    def _check_name(self, name: str) -> None:
        if any(c.name == name for c in self._containers.values()):
            raise EngineError(f'the container name "{name}" is already in use')

    def _create_container(self, spec: DesiredContainer, name: str, replaces: str | None) -> None:
        self._check_name(name)
        image = self._images.get(spec.image)
        if image is None:
            raise EngineError(f"No such image: {spec.image}")
        image_id, config = image
        mode, networks = self._placed(spec)
        shared = {name: self._find(name).id for name in (*spec.namespaces, *spec.volume_sources)}
        spec = spec.sharing_with(shared)
        behaviour = self.behaviours.get(spec.service) or self.behaviours.get(spec.image) or Behaviour()
        mounts, anonymous = self._mounted(spec, config)
        container = MemoryContainer(
            id=self._new_id("container"),
            name=name,
            spec=spec,
            image_id=image_id,
            config=config,
            behaviour=behaviour,
            created=self._tick(),
            labels={**spec.labels, **({REPLACES: replaces} if replaces else {})},
            mounts=mounts,
            anonymous=anonymous,
            network_mode=mode,
            networks=networks,
            restart=(spec.restart, spec.restart_times),
            course=course_of(spec, config, behaviour),
        )
        self._containers[container.id] = container

    def _placed(self, spec: DesiredContainer) -> tuple[str, dict[str, Attachment]]:
        """The container's network mode as the engine writes it, and the networks that it joins when it is created."""
        if spec.networks:
            first = spec.networks[0]
            network = self._network(first.network)
            return network.id, {network.id: Attachment(network.name, first.aliases)}
        mode = spec.network_mode or "bridge"
        if mode.startswith("container:"):
            return f"container:{self._find(mode.removeprefix('container:')).id}", {}
        return mode, {self._network(mode).id: Attachment(mode)}

    def _mounted(
        self, spec: DesiredContainer, config: ImageConfig
    ) -> tuple[tuple[Mounted, ...], frozenset[str]]:
        """The container's mounts: those that it names, and an anonymous volume for every other VOLUME of its image. The
        second value holds the names of the anonymous volumes.
        """
        covered = {mount.target.rstrip("/") for mount in spec.mounts}
        left = (DesiredMount(type="volume", target=p) for p in config.volumes if p.rstrip("/") not in covered)
        mounts, anonymous = [], set()
        for mount in (*spec.mounts, *left):
            name = mount.source
            if mount.type == "volume" and not name:
                name = self._new_id("volume")
                anonymous.add(name)
                self._create_volume(name, "local", mount.labels)
            elif mount.type == "volume" and name not in self._volumes:
                raise EngineError(f"no such volume: {name}")
            mounts.append(Mounted(mount.type, name, mount.target))
        for other in spec.volume_sources:
            mounts += (mount for mount in self._find(other).mounts if mount.type != "tmpfs")
        return tuple(mounts), frozenset(anonymous)

    def _start(self, container: MemoryContainer) -> None:
        if container.state == "paused":
            raise EngineError(f"{container.name} cannot start: it is paused", "unpause it first")
        if container.up:
            return
        try:
            self._check_start(container)
            ports = tuple(self._publish(container.spec.ports))
        except EngineError as error:
            container.fail(error.message)
            raise
        container.start(ports, self._tick)

    def _check_start(self, container: MemoryContainer) -> None:
        if container.behaviour.start_error:
            raise EngineError(f"{container.name} cannot start: {container.behaviour.start_error}")
        for network_id in container.networks:
            self._network(network_id)
        for other in map(self._find, container.spec.namespaces):
            if other.state != "running":
                raise EngineError(
                    f"cannot share the network, memory or processes of {other.name}: it is not running"
                )

    def _publish(self, ports: Sequence[DesiredPort]) -> Iterator[PublishedPort]:
        """Publish each port at the first free host port of those it may have."""
        held = [p for c in self._containers.values() if c.up for p in c.ports]
        held += [PublishedPort(0, kind, "", number) for number in self.taken for kind in ("tcp", "udp")]
        for port in ports:
            first, _, last = port.published.partition("-")
            wanted = range(int(first), int(last or first) + 1) if first else _FREE_PORTS
            choice = (PublishedPort(port.target, port.protocol, port.host_ip, number) for number in wanted)
            found = next((new for new in choice if not any(_clash(new, old) for old in held)), None)
            if found is None:
                raise PortTakenError(
                    f"Bind for {port.host_ip}:{port.published} failed: port is already allocated"
                )
            held.append(found)
            yield found

    def _run_hook(self, command: Exec, seconds: float) -> ExecResult:
        return self.exec(command, timeout=seconds)

    def _stop(self, handle: str, grace: int) -> str:
        container = self._get(handle)
        return container.stop(grace) if container and container.up else ""

    def _remove_container(self, handle: str, volumes: bool) -> None:
        container = self._get(handle)
        if container is None:
            return
        if container.up and not self.removes_running:
            raise EngineError(f"container {container.name} is running: stop it before it is removed")
        del self._containers[container.id]
        self._files.pop(container.id, None)
        for name in container.anonymous if volumes else ():
            self._remove_volume(name)

    def _remove_ended(self) -> None:
        """Remove the containers that the engine has to remove when they end."""
        ended = [c for c in self._containers.values() if c.spec.auto_remove and c.begun and not c.up]
        for container in ended:
            self._remove_container(container.id, volumes=True)

    def _files_of(self, container: MemoryContainer) -> Files:
        places = {"/": container.id} | {m.target: m.name for m in container.mounts if m.type == "volume"}
        stores = {PurePosixPath(at): self._files.setdefault(key, {}) for at, key in places.items()}
        return Files(container.name, stores)

    def _tick(self) -> float:
        """A time that is later than all times before, in seconds since the epoch."""
        self._count += 1
        return float(self._count)

    def _new_id(self, kind: str) -> str:
        return _digest(f"{kind} {self._tick()}")


def _moment(text: str | None, now: float, otherwise: str) -> Decimal:
    """A time in seconds since the epoch. Raises UsageError."""
    return Decimal(timestamp(text, now) or otherwise)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


_ALL = ("", "0.0.0.0", "::")  # noqa: S104


def _clash(one: PublishedPort, other: PublishedPort) -> bool:
    same = (one.published, one.protocol) == (other.published, other.protocol)
    return same and (one.host_ip == other.host_ip or one.host_ip in _ALL or other.host_ip in _ALL)


def _run(container: MemoryContainer, argv: tuple[str, ...], stdin: bytes = b"") -> CommandRun:
    """Run a command in a container. Raises EngineError if the container does not run."""
    if container.state == "paused":
        raise EngineError(f"{container.name} is paused", "unpause it first")
    if container.state != "running":
        raise EngineError(f"{container.name} does not run")
    if argv in container.behaviour.commands:
        code, output = container.behaviour.commands[argv]
        return CommandRun(code, stdout=output)
    return run(argv, stdin) or CommandRun(
        127, stderr=f'exec: "{argv[0]}": executable file not found in $PATH\n'
    )


def _exec(container: MemoryContainer, argv: tuple[str, ...]) -> tuple[int, str]:
    done = _run(container, argv)
    return done.exit_code, done.stdout + done.stderr
