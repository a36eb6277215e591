"""What every engine must do. One class, run against the in-memory engine and against Docker.

A subclass gives the `engine` fixture; `busybox` is an image it has.
"""

import io
import json
import tarfile
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from typing import Any

import pytest
from msgspec import structs

from stackctl.engine.host import free_ports
from stackctl.engine.protocol import Engine, Exec
from stackctl.engine.talk.log_times import timestamp
from stackctl.engine.transport.client import RefusedError
from stackctl.errors import (
    EngineError,
    ExecTimeoutError,
    OutOfSequenceError,
    UsageError,
    WaitError,
    WaitTimeoutError,
)
from stackctl.planner.same.compare import compare
from stackctl.planner.same.desired import container_thing, resource_thing
from stackctl.planner.same.side import Side
from stackctl.planner.steps.actions import (
    Action,
    ConnectNetwork,
    CreateContainer,
    CreateNetwork,
    CreateVolume,
    DisconnectNetwork,
    KillContainer,
    PauseContainer,
    RemoveContainer,
    RemoveNetwork,
    RemoveVolume,
    RenameContainer,
    RunHook,
    SetRestart,
    StartContainer,
    StopContainer,
    UnpauseContainer,
    WaitFor,
)
from stackctl.planner.steps.events import Progressed
from stackctl.planner.world import labels
from stackctl.planner.world.desired import (
    Attachment,
    DesiredContainer,
    DesiredFile,
    DesiredHealthcheck,
    DesiredMount,
    DesiredNetwork,
    DesiredPort,
    DesiredVolume,
)
from stackctl.planner.world.observed import ObservedContainer, ObservedNetwork
from stackctl.planner.world.probes import CommandProbe, LogProbe, Probe, TcpProbe
from stackctl.real import monotonic
from stackctl.secret import Secret
from stackctl.spec.model import Condition, Hook, Service
from stackctl.spec.text.parts import Text
from stackctl.spec.values import Command

FOREVER = ("sleep", "600")
MISSING = "0" * 64


class Bench:
    """An engine with short words for what the tests do to it, in a project of their own."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.project = f"contract-{uuid.uuid4().hex[:8]}"
        self.labels = {labels.PROJECT: self.project, labels.INSTANCE: "i"}
        self.news: list[str] = []

    def do(self, action: Action) -> str:
        return self.engine.perform(action, self._note, lambda: False)

    def _note(self, news: Progressed) -> None:
        self.news.append(news.text)

    def name(self, key: str) -> str:
        return f"{self.project}-{key}"

    def network(self, key: str) -> DesiredNetwork:
        network = DesiredNetwork(key=key, name=self.name(key), labels={**self.labels, labels.SERVICE: key})
        self.do(CreateNetwork(network))
        return network

    def volume(self, key: str) -> DesiredVolume:
        volume = DesiredVolume(key=key, name=self.name(key), labels={**self.labels, labels.SERVICE: key})
        self.do(CreateVolume(volume))
        return volume

    def spec(self, key: str = "web", command: tuple[str, ...] = FOREVER, **fields: Any) -> DesiredContainer:
        own = {**self.labels, labels.SERVICE: key, labels.DIGEST: "d"}
        return DesiredContainer(
            name=self.name(key), service=key, image="busybox", command=command, labels=own, grace=1, **fields
        )

    def create(self, key: str = "web", command: tuple[str, ...] = FOREVER, **fields: Any) -> str:
        spec = self.spec(key, command, **fields)
        self.do(CreateContainer(spec, spec.name))
        return spec.name

    def start(self, key: str = "web", command: tuple[str, ...] = FOREVER, **fields: Any) -> str:
        name = self.create(key, command, **fields)
        self.do(StartContainer(name, name))
        return name

    def wait(self, name: str, condition: Condition, *probes: Probe, **fields: Any) -> str:
        return self.do(WaitFor(name, name, condition, probes, **fields))

    def wait_for_exit(self, name: str) -> None:
        """Whatever its exit code is."""
        with suppress(WaitError):
            self.wait(name, Condition.completed, timeout=20)

    def containers(self) -> dict[str, ObservedContainer]:
        return {c.name: c for c in self.engine.observe().containers if c.project == self.project}

    def networks(self) -> dict[str, ObservedNetwork]:
        return {n.name: n for n in self.engine.observe().networks if n.project == self.project}

    def volumes(self) -> dict[str, Any]:
        return {v.name: v for v in self.engine.observe().volumes if v.project == self.project}

    def clear(self) -> None:
        for container in self.containers().values():
            self.do(StopContainer(container.id, container.name, 0))
            self.do(RemoveContainer(container.id, container.name, volumes=True))
        for network in self.networks().values():
            self.do(RemoveNetwork(network.id, network.name))
        for volume in self.volumes():
            self.do(RemoveVolume(volume))


def free_port() -> int:
    (port,) = free_ports(["tcp"])
    return port


def tar(*files: tuple[str, bytes], mode: int = 0o644, uid: int = 0, gid: int = 0) -> bytes:
    """An archive of files; a name that ends in / is a directory's."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name, data in files:
            info = tarfile.TarInfo(name)
            info.type = tarfile.DIRTYPE if name.endswith("/") else tarfile.REGTYPE
            info.size, info.mode, info.uid, info.gid = len(data), mode, uid, gid
            archive.addfile(info, io.BytesIO(data))
    return packed.getvalue()


def members(archive: Iterable[bytes]) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(b"".join(archive)), mode="r:") as packed:
        return {member.name: member for member in packed}


class EngineContract:
    """What every engine must do. A subclass says which one, by a fixture `engine`."""

    @pytest.fixture
    def bench(self, engine: Engine) -> Iterator[Bench]:
        bench = Bench(engine)
        yield bench
        bench.clear()

    # Looking

    def test_what_is_asked_ahead_is_seen_by_the_next_look_alone(self, bench: Bench) -> None:
        engine = bench.engine
        engine.expect(bench.project)
        ahead = engine.observe(bench.project)
        name = bench.create()
        after = engine.observe(bench.project)
        assert not ahead.containers
        assert [container.name for container in after.containers] == [name]
        assert ahead.engine == after.engine

    def test_the_engine_says_who_it_is(self, engine: Engine) -> None:
        observed = engine.observe().engine
        assert engine.id == observed.id != ""
        assert observed.api >= (1, 40)

    def test_an_engine_that_is_examined_tells_its_pools(self, engine: Engine) -> None:
        examined = engine.examined()
        assert examined.pools
        assert examined.usage is None

    def test_an_image_by_tag_and_by_id(self, engine: Engine, bench: Bench) -> None:
        images = engine.observe().images
        id_ = images["busybox:latest"]
        assert id_.startswith("sha256:")
        assert images[id_] == id_
        made = structs.replace(bench.spec(), image=id_)
        bench.do(CreateContainer(made, made.name))
        assert bench.containers()[made.name].image_id == id_

    def test_looking_into_an_image(self, engine: Engine) -> None:
        configs = engine.image_configs(["busybox", "stackctl/never-built:1"])
        assert configs.keys() == {"busybox"}
        assert not configs["busybox"].healthcheck

    # Containers

    def test_a_created_container_is_seen_as_it_was_asked_for(self, bench: Bench) -> None:
        front, data = bench.network("front"), bench.volume("data")
        name = bench.create(
            networks=(Attachment(front.name, ("web",)),),
            mounts=(DesiredMount(type="volume", source=data.name, target="/data"),),
            ports=(DesiredPort(target=80),),
        )
        seen = bench.containers()[name]
        assert (seen.state, seen.health, seen.exit_code, seen.running) == ("created", "", None, False)
        assert (seen.service, seen.number, seen.kind, seen.digest) == ("web", 1, "service", "d")
        assert seen.image == "busybox"
        assert seen.image_id == bench.engine.observe().images["busybox:latest"]
        assert [(m.type, m.name, m.target) for m in seen.mounts] == [("volume", data.name, "/data")]
        network_id = bench.networks()[front.name].id
        assert [(j.network, j.network_id, j.address) for j in seen.networks] == [(front.name, network_id, "")]
        assert seen.ports == ()

    def test_a_started_container_has_an_address_and_ports(self, bench: Bench) -> None:
        front = bench.network("front")
        port = free_port()
        name = bench.start(
            networks=(Attachment(front.name),),
            ports=(DesiredPort(target=80, published=str(port)), DesiredPort(target=81)),
        )
        seen = bench.containers()[name]
        assert (seen.state, seen.running, seen.exit_code) == ("running", True, None)
        assert seen.networks[0].address
        ports = {p.target: p for p in seen.ports}
        assert (ports[80].host_ip, ports[80].published, ports[80].protocol) == ("127.0.0.1", port, "tcp")
        assert ports[81].published > 0
        bench.do(StartContainer(seen.id, name))  # starting what runs changes nothing
        assert bench.containers()[name].id == seen.id

    def test_a_running_container_is_inspected(self, bench: Bench) -> None:
        front, data = bench.network("front"), bench.volume("data")
        name = bench.start(
            settings=Service(user=Text("1000:1000"), hostname="shop", pids_limit=50),
            networks=(Attachment(front.name, ("www",)),),
            mounts=(DesiredMount(type="volume", source=data.name, target="/data", read_only=True),),
        )
        seen = bench.containers()[name]
        found = bench.engine.inspect(seen.id)
        assert (found.id, found.name, found.user, found.hostname) == (seen.id, name, "1000:1000", "shop")
        assert (found.memory, found.cpus, found.pids) == (0, 0.0, 50)
        assert (found.pid > 0, found.state) == (True, "running")
        assert found.command == FOREVER
        (network,) = found.networks
        assert (network.network, network.address) == (front.name, seen.networks[0].address)
        assert {name, "www", seen.id[:12]} <= set(network.names)
        (mount,) = found.mounts
        assert (mount.type, mount.name, mount.target, mount.read_only) == ("volume", data.name, "/data", True)

    def test_a_stopped_container_has_no_process(self, bench: Bench) -> None:
        name = bench.create()
        found = bench.engine.inspect(name)
        assert (found.pid, found.state) == (0, "created")

    def test_inspecting_what_is_not_there(self, bench: Bench) -> None:
        with pytest.raises(EngineError):
            bench.engine.inspect(MISSING)

    def test_what_was_made_is_what_was_asked_for(self, bench: Bench) -> None:
        front, data = bench.network("front"), bench.volume("data")
        spec = bench.spec(
            environment={"TZ": "UTC", "GONE": None},
            entrypoint=("sh", "-c"),
            settings=Service(
                user=Text("1000:1000"),
                hostname="shop",
                pids_limit=50,
                cap_add=("net_admin",),
                extra_hosts={"db": Text("1.2.3.4")},
                labels={"tier": Text("front")},
                stop_signal="SIGINT",
                working_dir="/tmp",
                read_only=True,
                init=False,
            ),
            ports=(DesiredPort(target=80), DesiredPort(target=81, protocol="udp", host_ip="0.0.0.0")),
            networks=(Attachment(front.name, ("web", "www")),),
            mounts=(
                DesiredMount(type="volume", source=data.name, target="/data", read_only=True),
                DesiredMount(type="volume", target="/own"),
                DesiredMount(type="tmpfs", target="/run", tmpfs_options="size=1048576,mode=1777,noexec"),
                DesiredMount(type="tmpfs", target="/big", tmpfs_size=2097152, tmpfs_mode=0o755),
                DesiredMount(type="bind", source="/tmp", target="/host", selinux="z"),
            ),
            healthcheck=DesiredHealthcheck(test=("CMD", "test", "-e", "/x y"), interval=2.5, retries=7),
            restart="on-failure",
            restart_times=3,
        )
        spec = structs.replace(spec, labels={**spec.labels, "tier": "front"})
        bench.do(CreateContainer(spec, spec.name))
        asked = (
            container_thing(spec),
            resource_thing(front, bench.project),
            resource_thing(data, bench.project),
        )
        found = bench.engine.made([spec.name, MISSING])
        assert [(thing.kind, thing.key, thing.name, thing.chosen) for thing in found] == [
            ("container", "web", spec.name, True),
            ("network", "front", front.name, True),
            ("volume", "data", data.name, True),
        ]
        unchanged = compare(Side(things=asked), Side(things=found))
        assert [str(each) for each in unchanged.differences] == []
        other = structs.replace(spec, environment={"TZ": "CET", "GONE": None}, restart_times=4)
        changed = compare(Side(things=(container_thing(other), *asked[1:])), Side(things=found))
        assert [str(each) for each in changed.differences] == [
            "container web environment.TZ: CET | UTC",
            "container web restart: on-failure:4 | on-failure:3",
        ]

    def test_stopping(self, bench: Bench) -> None:
        name = bench.start()
        bench.do(StopContainer(name, name, 2))
        seen = bench.containers()[name]
        assert (seen.state, seen.running) == ("exited", False)
        assert seen.exit_code is not None
        assert seen.ports == ()
        bench.do(StopContainer(name, name, 2))
        bench.do(StartContainer(name, name))
        assert bench.containers()[name].running

    def test_a_paused_container_is_the_same_and_answers_nobody(self, bench: Bench) -> None:
        front, port = bench.network("front"), free_port()
        ports = (DesiredPort(target=80, published=str(port)),)
        name = bench.start(networks=(Attachment(front.name),), ports=ports)
        before = bench.containers()[name]
        bench.do(PauseContainer(name, name))
        paused = bench.containers()[name]
        assert (paused.state, paused.running, paused.exit_code) == ("paused", True, None)
        assert (paused.id, paused.networks, paused.ports) == (before.id, before.networks, before.ports)
        with pytest.raises(EngineError, match=f"^cannot pause {name}: it is paused already"):
            bench.do(PauseContainer(name, name))
        with pytest.raises(EngineError, match=f"^{name} cannot start: "):
            bench.do(StartContainer(name, name))
        with pytest.raises(EngineError, match=f"^{name} is paused"):
            bench.engine.exec(Exec(container=name, argv=("true",)))
        bench.do(UnpauseContainer(paused.id, name))
        assert bench.containers()[name].state == "running"
        assert bench.engine.exec(Exec(container=name, argv=("true",))).exit_code == 0

    def test_the_network_of_what_is_paused_can_be_shared(self, bench: Bench) -> None:
        host = bench.start("host")
        bench.do(PauseContainer(host, host))
        guest = bench.start("guest", network_mode=f"container:{host}")
        assert bench.containers()[guest].state == "running"

    def test_stopping_and_killing_what_is_paused(self, bench: Bench) -> None:
        name = bench.start()
        bench.do(PauseContainer(name, name))
        bench.do(StopContainer(name, name, 1))
        assert bench.containers()[name].state == "exited"
        bench.do(StartContainer(name, name))
        bench.do(PauseContainer(name, name))
        bench.do(KillContainer(name, name))
        killed = bench.containers()[name]
        assert (killed.state, killed.exit_code) == ("exited", 137)

    def test_killing(self, bench: Bench) -> None:
        name = bench.start(restart="always")
        bench.do(KillContainer(name, name))
        killed = bench.containers()[name]
        assert (killed.state, killed.exit_code, killed.running) == ("exited", 137, False)
        bench.do(StartContainer(name, name))
        assert bench.containers()[name].id == killed.id
        with pytest.raises(EngineError, match=f"^cannot kill {name}: [iI]nvalid signal: SIGNONE"):
            bench.do(KillContainer(name, name, "SIGNONE"))
        bench.do(KillContainer(name, name, "SIGCHLD"))
        assert bench.containers()[name].running
        bench.do(KillContainer(name, name, "SIGTERM"))
        bench.wait_for_exit(name)
        assert bench.containers()[name].exit_code == 143

    def test_waiting_for_ends_gives_exit_codes(self, bench: Bench) -> None:
        before = bench.start("before", ("sh", "-c", "exit 3"))
        bench.wait_for_exit(before)
        long = bench.start("long", ("sh", "-c", "sleep 0.3; exit 4"))
        ids = {bench.containers()[name].id: name for name in (before, long)}
        assert [(ids[id_], code) for id_, code in bench.engine.wait([*ids])] == [(before, 3), (long, 4)]
        with pytest.raises(EngineError, match="No such container"):
            list(bench.engine.wait([MISSING]))

    def test_a_container_that_removes_itself(self, bench: Bench) -> None:
        name = bench.create("once", ("true",), auto_remove=True)
        assert name in bench.containers()
        bench.do(StartContainer(name, name))
        deadline = monotonic() + 20
        while name in bench.containers():
            assert monotonic() < deadline

    def test_what_does_not_run_can_be_neither_paused_nor_killed(self, bench: Bench) -> None:
        name = bench.create()
        for action, said in (
            (PauseContainer(name, name), f"cannot pause {name}: it does not run"),
            (UnpauseContainer(name, name), f"cannot unpause {name}: it is not paused"),
            (KillContainer(name, name), f"cannot kill {name}: it does not run"),
            (KillContainer(MISSING, "gone"), f"No such container: {MISSING}"),
        ):
            with pytest.raises(EngineError, match=said):
                bench.do(action)

    def test_a_program_that_cannot_be_started(self, bench: Bench) -> None:
        name = bench.create()
        bench.do(RemoveContainer(name, name))
        with pytest.raises(EngineError):
            bench.do(StartContainer(name, name))

    def test_renaming(self, bench: Bench) -> None:
        old = bench.create()
        id_ = bench.containers()[old].id
        bench.do(RenameContainer(id_, old, f"{old}.old"))
        assert {n: c.id for n, c in bench.containers().items()} == {f"{old}.old": id_}

    def test_a_name_is_given_once(self, bench: Bench) -> None:
        name, other = bench.create(), bench.create("other")
        with pytest.raises(EngineError, match="already in use"):
            bench.do(CreateContainer(bench.spec("third"), name))
        with pytest.raises(EngineError, match="already in use"):
            bench.do(RenameContainer(other, other, name))
        assert bench.containers().keys() == {name, other}

    def test_a_successor_remembers_whom_it_replaces(self, bench: Bench) -> None:
        spec = bench.spec()
        bench.do(CreateContainer(spec, f"{spec.name}.new", MISSING))
        assert bench.containers()[f"{spec.name}.new"].replaces == MISSING

    def test_removing(self, bench: Bench) -> None:
        name = bench.create()
        bench.do(RemoveContainer(name, name))
        assert bench.containers() == {}

    def test_removing_what_is_gone_is_fine(self, bench: Bench) -> None:
        bench.do(StopContainer(MISSING, "gone", 1))
        bench.do(RemoveContainer(MISSING, "gone"))
        bench.do(RemoveNetwork(MISSING, "gone"))
        bench.do(RemoveVolume(bench.name("gone")))

    def test_what_a_container_needs_must_be_there(self, bench: Bench) -> None:
        with pytest.raises(EngineError):
            bench.create(networks=(Attachment(bench.name("nowhere")),))
        spec = bench.spec()
        with pytest.raises(EngineError, match=r"[Nn]o such image"):
            bench.do(
                CreateContainer(
                    DesiredContainer(name=spec.name, service="web", image="stackctl/never-built:1"), spec.name
                )
            )
        assert bench.containers() == {}

    def test_the_restart_policy_of_a_container_can_be_changed(self, bench: Bench) -> None:
        name = bench.start(restart="always")
        bench.do(SetRestart(name, name, "no"))
        bench.do(StopContainer(name, name, 1))
        assert bench.containers()[name].state == "exited"

    def test_living_in_the_network_of_another(self, bench: Bench) -> None:
        host = bench.create()
        guest = bench.create("guest", network_mode=f"container:{host}")
        with pytest.raises(EngineError):
            bench.do(StartContainer(guest, guest))
        bench.do(StartContainer(host, host))
        bench.do(StartContainer(guest, guest))
        seen = bench.containers()
        assert seen[guest].network_mode == f"container:{seen[host].id}"
        assert seen[guest].networks == ()

    # Networks

    def test_a_network_is_made_once(self, bench: Bench) -> None:
        network = bench.network("front")
        with pytest.raises(EngineError, match="already exists"):
            bench.do(CreateNetwork(structs.replace(network, labels={})))
        assert bench.networks().keys() == {network.name}
        assert bench.networks()[network.name].key == "front"

    def test_joining_and_leaving_a_second_network(self, bench: Bench) -> None:
        front, back = bench.network("front"), bench.network("back")
        name = bench.create(networks=(Attachment(front.name), Attachment(back.name)))
        joined = [j.network for j in bench.containers()[name].networks]
        assert joined == [front.name]
        bench.do(ConnectNetwork(name, Attachment(back.name, ("web",)), name))
        bench.do(StartContainer(name, name))
        seen = bench.containers()[name]
        assert {j.network for j in seen.networks} == {front.name, back.name}
        assert all(j.address for j in seen.networks)
        with pytest.raises(EngineError):
            bench.do(ConnectNetwork(name, Attachment(back.name), name))
        bench.do(StopContainer(name, name, 1))
        bench.do(DisconnectNetwork(name, bench.networks()[back.name].id, back.name, name))
        assert [j.network for j in bench.containers()[name].networks] == [front.name]

    def test_a_network_in_use_stays(self, bench: Bench) -> None:
        front = bench.network("front")
        name = bench.start(networks=(Attachment(front.name),))
        id_ = bench.networks()[front.name].id
        with pytest.raises(EngineError, match=name):
            bench.do(RemoveNetwork(id_, front.name))
        bench.do(StopContainer(name, name, 1))
        bench.do(RemoveNetwork(id_, front.name))
        assert bench.networks() == {}
        with pytest.raises(EngineError):
            bench.do(StartContainer(name, name))

    # Volumes

    def test_a_volume_that_is_there_stays_as_it_is(self, bench: Bench) -> None:
        data = bench.volume("data")
        before = bench.volumes()[data.name]
        bench.do(CreateVolume(data))
        assert bench.volumes()[data.name] == before

    def test_a_volume_in_use_stays(self, bench: Bench) -> None:
        data = bench.volume("data")
        name = bench.create(mounts=(DesiredMount(type="volume", source=data.name, target="/data"),))
        with pytest.raises(EngineError, match="in use"):
            bench.do(RemoveVolume(data.name))
        bench.do(RemoveContainer(name, name, volumes=True))
        assert bench.volumes().keys() == {data.name}  # named volumes never go with a container
        bench.do(RemoveVolume(data.name))
        assert bench.volumes() == {}

    @pytest.mark.parametrize("volumes", [True, False])
    def test_an_anonymous_volume_goes_with_its_container_if_asked_to(
        self, bench: Bench, volumes: bool
    ) -> None:
        mount = DesiredMount(type="volume", target="/data", labels={**bench.labels, labels.KIND: "anonymous"})
        name = bench.create(mounts=(mount,))
        (seen,) = bench.containers()[name].mounts
        assert (seen.type, seen.target, len(seen.name)) == ("volume", "/data", 64)
        assert bench.volumes()[seen.name].labels[labels.KIND] == "anonymous"
        bench.do(RemoveContainer(name, name, volumes=volumes))
        assert (seen.name in bench.volumes()) is not volumes

    # Ports

    def test_a_refusal_tells_whether_another_look_may_help(self, bench: Bench) -> None:
        volume = bench.volume("data")
        mount = DesiredMount(type="volume", source=volume.name, target="/data")
        name = bench.create(mounts=(mount,))
        for action, status in (
            (StartContainer(MISSING, "gone"), 404),
            (RenameContainer(MISSING, "gone", "x"), 404),
            (CreateContainer(bench.spec("third"), name), 409),
            (PauseContainer(name, name), 409),
            (RemoveVolume(volume.name), 409),
        ):
            with pytest.raises(RefusedError) as caught:
                bench.do(action)
            assert caught.value.status == status, action
        with pytest.raises((OutOfSequenceError, RefusedError)):
            bench.do(ConnectNetwork(name, Attachment(bench.name("nowhere"), ("web",)), name))

    def test_a_port_is_given_once(self, bench: Bench) -> None:
        port = str(free_port())
        bench.start(ports=(DesiredPort(target=80, published=port),))
        name = bench.create("other", ports=(DesiredPort(target=80, published=port),))
        with pytest.raises(EngineError, match=port):
            bench.do(StartContainer(name, name))
        assert bench.containers()[name].state == "created"

    def test_a_stopped_container_gives_its_port_back(self, bench: Bench) -> None:
        port = str(free_port())
        first = bench.start(ports=(DesiredPort(target=80, published=port),))
        bench.do(StopContainer(first, first, 1))
        second = bench.start("other", ports=(DesiredPort(target=80, published=port),))
        assert [str(p.published) for p in bench.containers()[second].ports] == [port]

    # Waiting

    def test_waiting_for_a_start(self, bench: Bench) -> None:
        assert bench.wait(bench.start(), Condition.started) == ""

    def test_waiting_for_a_job(self, bench: Bench) -> None:
        name = bench.start(command=("sh", "-c", "sleep 0.2; exit 0"))
        bench.wait(name, Condition.completed, timeout=20)
        seen = bench.containers()[name]
        assert seen.completed
        assert seen.exit_code == 0

    def test_a_job_that_fails_brings_its_evidence(self, bench: Bench) -> None:
        name = bench.start(command=("sh", "-c", "echo one; echo two >&2; exit 3"))
        with pytest.raises(WaitError, match="ended with exit code 3") as caught:
            bench.wait(name, Condition.completed, timeout=20)
        assert caught.value.exit_code_of_container == 3
        assert sorted(caught.value.log_tail) == ["one", "two"]
        assert bench.containers()[name].exit_code == 3

    def test_ready_without_a_check_is_running(self, bench: Bench) -> None:
        bench.wait(bench.start(), Condition.ready, timeout=20)

    def test_exit_0_is_ready_only_for_what_may_end(self, bench: Bench) -> None:
        name = bench.start(command=("true",))
        bench.wait(name, Condition.completed, timeout=20)
        bench.wait(name, Condition.ready, oneshot_ok=True, timeout=20)
        with pytest.raises(WaitError, match="exit code 0"):
            bench.wait(name, Condition.ready, timeout=20)

    def test_healthy_needs_a_check(self, bench: Bench) -> None:
        with pytest.raises(EngineError, match="no check"):
            bench.wait(bench.start(), Condition.healthy, timeout=20)

    def test_a_command_that_passes(self, bench: Bench) -> None:
        bench.wait(bench.start(), Condition.healthy, CommandProbe(("CMD-SHELL", "true")), timeout=20)

    def test_a_command_that_never_passes_runs_out_of_time(self, bench: Bench) -> None:
        name = bench.start()
        with pytest.raises(WaitTimeoutError, match="no such table") as caught:
            bench.wait(
                name,
                Condition.healthy,
                CommandProbe(("CMD-SHELL", "echo no such table; exit 1")),
                timeout=0.5,
            )
        assert caught.value.exit_code == 4
        assert "no such table" in caught.value.last_answer
        assert any("no such table" in text for text in bench.news)

    def test_the_engines_own_check(self, bench: Bench) -> None:
        name = bench.start(healthcheck=DesiredHealthcheck(test=("CMD", "true"), interval=1.0))
        assert bench.containers()[name].health == "starting"
        bench.wait(name, Condition.healthy, timeout=20)
        assert bench.containers()[name].health == "healthy"

    def test_a_line_of_the_log(self, bench: Bench) -> None:
        name = bench.start(command=("sh", "-c", "echo listening on 80; sleep 600"))
        bench.wait(name, Condition.ready, LogProbe(r"listening on \d+"), timeout=20)

    def test_a_port_that_accepts(self, bench: Bench) -> None:
        name = bench.start(command=("httpd", "-f", "-p", "8000"), ports=(DesiredPort(target=8000),))
        bench.wait(name, Condition.ready, TcpProbe(8000), timeout=20)
        bench.wait(name, Condition.ready, ports=(8000,), timeout=20)

    def test_a_restart_loop_ends_the_wait(self, bench: Bench) -> None:
        name = bench.start(command=("sh", "-c", "exit 2"), restart="always")
        with pytest.raises(WaitError, match="restarts again and again"):
            bench.wait(name, Condition.healthy, LogProbe("never"), timeout=60)

    def test_waiting_for_what_is_gone(self, bench: Bench) -> None:
        with pytest.raises(WaitError, match="is gone"):
            bench.wait(MISSING, Condition.ready, timeout=20)

    def test_a_wait_can_be_called_off(self, bench: Bench) -> None:
        name = bench.start()
        action = WaitFor(name, name, Condition.ready, (LogProbe("never"),), timeout=60)
        answers = iter([False, False, True])
        assert bench.engine.perform(action, lambda _: None, lambda: next(answers)) == ""

    # Listening and running

    def test_exec(self, bench: Bench) -> None:
        name = bench.start()
        run = bench.engine.exec
        assert run(Exec(container=name, argv=("true",))).exit_code == 0
        result = run(Exec(container=name, argv=("sh", "-c", "echo out; echo err >&2; exit 7")))
        assert (result.exit_code, result.stdout, result.stderr) == (7, b"out\n", b"err\n")
        assert run(Exec(container=name, argv=("no-such-program",))).exit_code in (126, 127)

    def test_exec_in_a_container_that_does_not_run(self, bench: Bench) -> None:
        with pytest.raises(EngineError, match="does not run"):
            bench.engine.exec(Exec(container=bench.create(), argv=("true",)))

    def test_exec_with_input(self, bench: Bench) -> None:
        name = bench.start()
        data = bytes(range(256)) * 5000
        assert bench.engine.exec(Exec(container=name, argv=("cat",)), stdin=data).stdout == data
        assert bench.engine.exec(Exec(container=name, argv=("cat",)), stdin=b"").stdout == b""
        assert bench.engine.exec(Exec(container=name, argv=("cat",), stdin=True)).stdout == b""
        result = bench.engine.exec(Exec(container=name, argv=("sh", "-c", "echo a; exit 3")), stdin=data)
        assert (result.exit_code, result.stdout) == (3, b"a\n")  # nobody read it

    def test_exec_within_its_time(self, bench: Bench) -> None:
        command = Exec(container=bench.start(), argv=("sh", "-c", "echo out; echo err >&2; exit 137"))
        result = bench.engine.exec(command, timeout=20)
        assert (result.exit_code, result.stdout, result.stderr) == (137, b"out\n", b"err\n")
        no_program = Exec(container=command.container, argv=("no-such-program",))
        assert bench.engine.exec(no_program, timeout=20).exit_code in (126, 127)
        copied = bench.engine.exec(Exec(container=command.container, argv=("cat",)), timeout=20, stdin=b"x")
        assert copied.stdout == b"x"

    def test_exec_out_of_time(self, bench: Bench) -> None:
        command = Exec(container=bench.start(), argv=("sh", "-c", "echo out; echo err >&2; sleep 77"))
        with pytest.raises(ExecTimeoutError, match="sleep 77' still ran after 1 s") as caught:
            bench.engine.exec(command, timeout=1)
        assert (caught.value.stdout, caught.value.stderr) == (b"out\n", b"err\n")
        assert caught.value.ended
        with pytest.raises(ExecTimeoutError, match=r"still ran after 0\.2 s"):
            bench.engine.exec(command, timeout=0.2, stdin=b"x")

    def test_a_conversation(self, bench: Bench) -> None:
        talk = bench.engine.converse(Exec(container=bench.start(), argv=("cat",)))
        with closing(talk):
            assert talk.ask(b"hello\nEND\n", b"END", 20) == b"hello\n"
            assert talk.ask(b"END\n", b"END", 20) == b""
            long = b"xEND\nEND x\n" * 50_000
            assert talk.ask(long + b"END\n", b"END", 20) == long
            assert talk.ask(b"a\n\nEND\n", b"END", 20) == b"a\n\n"
            for told in (b"first\nEND\n", long + b"END\n", b"last\nEND\n"):
                talk.tell(told)
            assert [talk.ask(b"", b"END", 20) for _ in range(3)] == [b"first\n", long, b"last\n"]
            with pytest.raises(EngineError, match=r"^cat in \S+ gave no answer within 0\.1 s"):
                talk.ask(b"hello\n", b"END", 0.1)
            with pytest.raises(EngineError, match="is over"):
                talk.ask(b"END\n", b"END", 20)
            with pytest.raises(EngineError, match="is over"):
                talk.tell(b"END\n")
        talk.close()

    def test_a_conversation_with_what_ends(self, bench: Bench) -> None:
        name = bench.start()
        command = ("sh", "-c", "echo a; echo END; echo no such table >&2; exit 3")
        with closing(bench.engine.converse(Exec(container=name, argv=command))) as talk:
            assert talk.ask(b"", b"END", 20) == b"a\n"
            with pytest.raises(EngineError, match=r"has ended with exit code 3: no such table$"):
                talk.ask(b"?\n", b"END", 20)
        missing = Exec(container=name, argv=("no-such-program",))
        with (
            closing(bench.engine.converse(missing)) as talk,
            pytest.raises(EngineError, match=r"has ended .*no-such-program"),
        ):
            talk.ask(b"", b"END", 20)
        with pytest.raises(EngineError, match="does not run"):
            bench.engine.converse(Exec(container=bench.create("other"), argv=("cat",)))

    def test_a_conversation_ends_with_its_container(self, bench: Bench) -> None:
        name = bench.start()
        talk = bench.engine.converse(Exec(container=name, argv=("cat",)))
        assert talk.ask(b"END\n", b"END", 20) == b""
        bench.do(KillContainer(name, name))
        with pytest.raises(EngineError):
            talk.ask(b"END\n", b"END", 20)
        bench.do(RemoveContainer(name, name))
        talk.close()

    # Files

    def test_what_is_unpacked_can_be_packed_with_owners_and_modes(self, bench: Bench) -> None:
        name = bench.create()
        bench.engine.unpack(name, "/", [tar(("own/", b""), mode=0o700, uid=999, gid=998)])
        bench.engine.unpack(name, "/own", iter([tar(("a", b"hello"), ("b", b""), mode=0o640, uid=999)]))
        packed = b"".join(bench.engine.pack(name, "/own"))
        found = members([packed])
        assert {key: (m.isdir(), m.uid, m.gid, m.mode & 0o7777, m.size) for key, m in found.items()} == {
            "own": (True, 999, 998, 0o700, 0),
            "own/a": (False, 999, 0, 0o640, 5),
            "own/b": (False, 999, 0, 0o640, 0),
        }
        assert members(bench.engine.pack(name, "/own/.")).keys() == {".", "./a", "./b"}
        assert members(bench.engine.pack(name, "/own/a")).keys() == {"a"}
        bench.engine.unpack(name, "/own", [tar(("a", b"new")), b""])
        assert members(bench.engine.pack(name, "/own/a"))["a"].size == 3
        other = bench.start("other")
        bench.engine.unpack(other, "/tmp", [packed[at : at + 100] for at in range(0, len(packed), 100)])
        assert members(bench.engine.pack(other, "/tmp/own")).keys() == {"own", "own/a", "own/b"}

    def test_files_in_a_volume_are_those_of_every_container_with_it(self, bench: Bench) -> None:
        mounts = (DesiredMount(type="volume", source=bench.volume("data").name, target="/var/data"),)
        name = bench.create(mounts=mounts)
        assert members(bench.engine.pack(name, "/var/data")).keys() == {"data"}
        bench.engine.unpack(name, "/var", [tar(("data/", b""), ("data/a", b"hello"), mode=0o700)])
        bench.do(RemoveContainer(name, name))
        other = bench.create("other", mounts=mounts)
        found = members(bench.engine.pack(other, "/var/data"))
        assert found.keys() == {"data", "data/a"}
        assert found["data"].mode & 0o777 == 0o700
        plain = bench.create("plain")
        with pytest.raises(EngineError, match=f"there is no /var/data in {plain}"):
            bench.engine.pack(plain, "/var/data")

    def test_where_there_is_nothing_to_pack_or_to_unpack_into(self, bench: Bench) -> None:
        name = bench.create()
        bench.engine.unpack(name, "/tmp", [tar(("file", b"x"))])

        def sent() -> Iterator[bytes]:
            raise AssertionError("nothing may be read")
            yield b""

        with pytest.raises(EngineError, match=f"^there is no /tmp/nothing in {name}$"):
            bench.engine.pack(name, "/tmp/nothing")
        for directory in ("/tmp/nothing", "/tmp/file"):
            with pytest.raises(EngineError, match=f"^there is no directory {directory} in {name}$"):
                bench.engine.unpack(name, directory, sent())
        with pytest.raises(EngineError, match=MISSING):
            bench.engine.pack(MISSING, "/tmp")
        with pytest.raises(EngineError, match=MISSING):
            bench.engine.unpack(MISSING, "/tmp", sent())

    def test_what_cannot_be_unpacked(self, bench: Bench) -> None:
        name = bench.create()
        with pytest.raises(EngineError, match=f"^cannot unpack into /tmp of {name}: "):
            bench.engine.unpack(name, "/tmp", [b"no archive at all" * 1000])

        def broken() -> Iterator[bytes]:
            yield tar(("a", b"x"))[:512]
            raise OSError("the disk is gone")

        with pytest.raises(EngineError, match=r"^cannot read the archive: the disk is gone"):
            bench.engine.unpack(name, "/tmp", broken())

    def test_what_one_container_tells_when_it_is_asked(self, bench: Bench) -> None:
        engine, idle, name = bench.engine, bench.create("idle"), bench.start()
        bench.do(StopContainer(name, name, 0))
        bench.do(StartContainer(name, name))
        ids = {c.name: c.id for c in engine.containers(bench.project)}
        while engine.processes(name).rows[-1][-1] != "sleep 600":  # its init has not begun it yet
            time.sleep(0.05)
        with pytest.raises(EngineError, match="does not run"):
            engine.processes(idle)
        counters = engine.counters([ids[name], ids[idle], MISSING])
        assert {id_: each.pids >= 1 for id_, each in counters.items()} == {ids[name]: True, ids[idle]: False}
        assert counters[ids[name]].cpu_percent(counters[ids[name]]) == 0
        events = list(engine.events(bench.project, since="1h", until="0s"))
        told = [each.action for each in events if each.container == ids[name]]
        assert [word for word in told if word in ("create", "start", "die")] == [
            "create",
            "start",
            "die",
            "start",
        ]
        assert [each.time for each in events] == sorted(each.time for each in events)
        (made,) = (each for each in events if each.container == ids[idle])
        assert (made.attributes["name"], made.attributes["image"]) == (idle, "busybox")
        assert not list(engine.events(f"not-{bench.project}", since="1h", until="0s"))
        with pytest.raises(UsageError, match="is not a time"):
            list(engine.events(bench.project, since="yesterday"))

    def test_an_image_that_is_asked_for(self, engine: Engine) -> None:
        id_ = engine.observe().images["busybox:latest"]
        found = engine.images([id_, "sha256:" + MISSING])
        assert found.keys() == {id_}
        image = found[id_]
        assert (image.id, "busybox:latest" in image.tags) == (id_, True)
        assert image.platform.startswith("linux/")
        assert min(image.size, image.created) > 0

    def test_images_go_through_an_archive(self, engine: Engine) -> None:
        id_ = engine.observe().images["busybox:latest"]
        by_tag = b"".join(engine.save_images(["busybox"]))
        for archive, tags in ((by_tag, ["busybox:latest"]), (b"".join(engine.save_images([id_])), [])):
            with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
                manifest = tar.extractfile("manifest.json")
                assert manifest
                (row,) = json.loads(manifest.read())
            assert (row["RepoTags"] or []) == tags
            assert id_.removeprefix("sha256:") in row["Config"]
        engine.load_images([by_tag[:1000], by_tag[1000:]])
        assert engine.observe().images["busybox:latest"] == id_
        with pytest.raises(EngineError, match=r"reference|No such image"):
            b"".join(engine.save_images(["stackctl/never-built:1"]))

    def test_a_path_of_a_container(self, bench: Bench) -> None:
        name = bench.create()
        bench.engine.unpack(name, "/tmp", [tar(("file", b"x"), mode=0o640)])
        found = bench.engine.path(name, "/tmp/file")
        assert found
        assert (found.name, found.is_directory, found.mode & 0o777) == ("file", False, 0o640)
        above = bench.engine.path(name, "/tmp/")
        assert above
        assert (above.name, above.is_directory) == ("tmp", True)
        assert bench.engine.path(name, "/tmp/nothing") is None
        with pytest.raises(EngineError, match=MISSING):
            bench.engine.path(MISSING, "/tmp")

    def test_the_files_of_a_start_are_there_with_owner_and_mode(self, bench: Bench) -> None:
        pw = DesiredFile(section="secrets", key="pw", target="/run/secrets/pw", content=Secret("one"))
        own = DesiredFile(
            section="configs",
            key="own",
            target="/own/conf.d/own",
            content=Secret("\udcff"),
            uid=999,
            gid=998,
            mode=0o400,
        )
        name = bench.create(command=("sleep", "600"))
        bench.do(StartContainer(name, name, (pw, own)))
        found = members(bench.engine.pack(name, "/own"))
        assert {key: (m.uid, m.gid, m.mode & 0o7777, m.size) for key, m in found.items()} == {
            "own": (0, 0, 0o755, 0),
            "own/conf.d": (0, 0, 0o755, 0),
            "own/conf.d/own": (999, 998, 0o400, 1),
        }
        assert bench.engine.inspect(name).pid
        bench.do(StopContainer(name, name, 0))
        bench.do(StartContainer(name, name))  # they stay
        assert members(bench.engine.pack(name, "/run/secrets/pw"))["pw"].size == 3
        bench.do(StopContainer(name, name, 0))
        bench.do(StartContainer(name, name, (structs.replace(pw, content=Secret("three")),)))
        changed = members(bench.engine.pack(name, "/run/secrets/pw"))["pw"]
        assert (changed.size, changed.uid, changed.mode & 0o7777) == (5, 0, 0o444)

    def test_with_a_read_only_root_files_are_copied_into_volumes_alone(self, bench: Bench) -> None:
        own = DesiredMount(type="volume", target="/run/secrets")
        pw = DesiredFile(
            section="secrets",
            key="pw",
            target="/run/secrets/a/pw",
            content=Secret("one"),
            base="/run/secrets",
        )
        name = bench.create(
            settings=Service(read_only=True), mounts=(own, DesiredMount(type="tmpfs", target="/run"))
        )
        with pytest.raises(EngineError, match="rootfs is marked read-only"):
            bench.do(StartContainer(name, name, (structs.replace(pw, target="/pw", base="/"),)))
        bench.do(StartContainer(name, name, (pw,)))
        assert members(bench.engine.pack(name, "/run/secrets/a/pw"))["pw"].size == 3

    def test_a_start_whose_files_cannot_be_copied_fails_before_anything_runs(self, bench: Bench) -> None:
        name = bench.create()
        onto = DesiredFile(section="secrets", key="pw", target="/tmp", content=Secret("x"))
        with pytest.raises(EngineError, match=r"(?i)cannot overwrite"):
            bench.do(StartContainer(name, name, (onto,)))
        assert bench.containers()[name].state == "created"
        with pytest.raises(EngineError, match=MISSING):
            bench.do(StartContainer(MISSING, name, (structs.replace(onto, target="/pw"),)))

    def test_hooks_run_in_the_container(self, bench: Bench) -> None:
        name = bench.start()

        def hook(*words: str, **keys: Any) -> Hook:
            return Hook(command=Command(words), **keys)

        bench.do(RunHook(name, name, hook("sh", "-c", "exit 0"), 1))
        with pytest.raises(EngineError) as failed:
            bench.do(RunHook(name, name, hook("sh", "-c", "echo no table >&2; exit 3"), 2))
        assert failed.value.message == f"post_start[1] of {name} ended with exit code 3\nno table"
        with pytest.raises(ExecTimeoutError):
            bench.do(RunHook(name, name, hook("sleep", "600"), 1, 1.0))
        hooks = (hook("sh", "-c", "echo a; exit 4"), hook("sleep", "600"), hook("true"))
        note = bench.do(StopContainer(name, name, 1, hooks))
        assert note.startswith("pre_stop[0] ended with exit code 4\na; pre_stop[1] still ran after 1 s")
        assert bench.containers()[name].state == "exited"

    def test_logs(self, bench: Bench) -> None:
        one = bench.start("one", ("sh", "-c", "echo a; echo b; echo c"))
        bench.wait(one, Condition.completed, timeout=20)
        two = bench.start("two", ("sh", "-c", "echo d >&2"))
        bench.wait(two, Condition.completed, timeout=20)
        lines = list(bench.engine.logs([two, one]))
        assert [line.text for line in lines] == ["a", "b", "c", "d"]
        assert [line.stream for line in lines] == ["stdout"] * 3 + ["stderr"]
        assert [line.time for line in lines] == sorted(line.time for line in lines)
        assert len({line.container for line in lines}) == 2
        assert [line.text for line in bench.engine.logs([one], tail=2)] == ["b", "c"]

    def test_logs_of_a_time(self, bench: Bench) -> None:
        name = bench.start("one", ("sh", "-c", "echo a; sleep 0.1; echo b; sleep 0.1; echo c"))
        bench.wait(name, Condition.completed, timeout=20)
        a, b, c = bench.engine.logs([name])

        def texts(**window: str) -> list[str]:
            return [line.text for line in bench.engine.logs([name], **window)]  # type: ignore[arg-type]

        for form in (b.time, b.time.replace("Z", "+00:00"), timestamp(b.time, 0) or ""):
            assert texts(since=form) == ["b", "c"]
            assert texts(until=form) == ["a", "b"]
        assert texts(since=a.time, until="0s") == texts(since="10m") == ["a", "b", "c"]
        assert texts(since=timestamp(c.time, 0) or "", until=timestamp(a.time, 0) or "") == []
        with pytest.raises(UsageError, match="is not a time"):
            texts(since="yesterday")
