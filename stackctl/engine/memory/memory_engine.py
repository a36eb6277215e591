"""An engine in memory: for tests, and for trying plans without Docker. It refuses what a real engine refuses.

It is stricter than Docker on purpose: a volume or network must exist before a container names it, and a running container
cannot be removed. Each container has its own clock, and only a wait for that container moves it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from decimal import Decimal
from typing import TYPE_CHECKING, assert_never

from stackctl.engine import hooks
from stackctl.engine.build_context import fingerprint
from stackctl.engine.memory.asked import counters, happenings, processes
from stackctl.engine.memory.commands import FOREVER, Behaviour, CommandRun, run
from stackctl.engine.memory.container import MemoryContainer
from stackctl.engine.memory.image_store import Images
from stackctl.engine.memory.made import made
from stackctl.engine.memory.objects import MemoryObjects
from stackctl.engine.memory.talk import MemoryConversation
from stackctl.engine.memory.wait_target import MemoryTarget, ask
from stackctl.engine.placed_files import archives
from stackctl.engine.protocol import Attach, Conversation, Exec, ExecResult, LogLine, Report
from stackctl.engine.ready import wait as ready
from stackctl.engine.ready.probe import tells_from_outside
from stackctl.engine.talk.log_times import timestamp
from stackctl.engine.transport.client import RefusedError
from stackctl.errors import EngineError, ExecTimeoutError
from stackctl.planner.same.side import Thing
from stackctl.planner.steps import actions
from stackctl.planner.steps.actions import Action, SwarmAction
from stackctl.planner.steps.events import Progressed
from stackctl.planner.world.arrangement import Arrangement
from stackctl.planner.world.asked import Counters, Happened, ObservedImage, Path, Processes
from stackctl.planner.world.desired import (
    Image,
)
from stackctl.planner.world.examined import USUAL_POOLS, ExaminedEngine
from stackctl.planner.world.inspected import Inspected
from stackctl.planner.world.labels import PROJECT
from stackctl.planner.world.observed import (
    ImageConfig,
    Observed,
    ObservedContainer,
    ObservedEngine,
)
from stackctl.planner.world.probes import Probe
from stackctl.planner.world.swarm_observed import ObservedSwarm, ObservedTask
from stackctl.spec.image_ref import ImageRef

if TYPE_CHECKING:
    from stackctl.engine.memory.swarm import MemorySwarm


class MemoryEngine(MemoryObjects):
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
        super().__init__(
            Images(images or {}, registry or {}, unbuildable),
            behaviours or {},
            taken,
            removes_running=removes_running,
            swarm=swarm,
        )
        self.before = before
        self.buildkit = True
        self.reads = 0
        """How many calls have only looked."""
        self.writes = 0
        """How many calls have changed something, or have tried to."""
        self.performed: list[Action] = []
        """Every action that was asked for, including waits."""
        self._happened: list[Happened] = []
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

    def restart(self) -> None:
        """Restart the engine: every container ends, and those start again whose restart policy says so, in the order in which they
        were made. One that cannot start stays down. The policy `always` also starts those that were stopped before.
        """
        with self._guard:
            ran = [container for container in self._containers.values() if container.up]
            for container in ran:
                container.stop(0)
            for container in self._containers.values():
                policy, _ = container.restart
                if (policy == "always" and container.begun) or (container in ran and policy != "no"):
                    with suppress(EngineError):
                        self._start(container)

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

    def arrangement(self, containers: Collection[str], networks: Collection[str]) -> Arrangement:
        with self._guard:
            self.reads += len(containers) + bool(networks)
            return Arrangement(
                containers={
                    id_: found.arrangement for id_ in containers if (found := self._containers.get(id_))
                },
                networks={
                    id_: self._definition(there) for id_ in networks if (there := self._networks.get(id_))
                },
            )

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

    def examined(self, *, sizes: bool = False) -> ExaminedEngine:
        self.reads += 1
        return ExaminedEngine(pools=USUAL_POOLS, usage={"volumes": 0} if sizes else None)

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
        restarts: bool = False,
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
            container = self._find(command.container)
            removes = command.argv[:3] == ("rm", "-rf", "--")
            done = _run(container, ("true",) if removes else command.argv, stdin or b"")
            for path in command.argv[3:] if removes else ():
                self._files_of(container).remove(path)
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

    def save_images(self, refs: Sequence[str]) -> Iterator[bytes]:
        with self._guard:
            return iter([self._images.save(refs)])

    def load_images(self, archive: Iterable[bytes]) -> None:
        with self._guard:
            self._images.load(b"".join(archive))

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
                    raise RefusedError(
                        f"container {found.name} is not connected to network {network}", status=404
                    )
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

    def _run_hook(self, command: Exec, seconds: float) -> ExecResult:
        return self.exec(command, timeout=seconds)


def _moment(text: str | None, now: float, otherwise: str) -> Decimal:
    """A time in seconds since the epoch. Raises UsageError."""
    return Decimal(timestamp(text, now) or otherwise)


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
