"""The contract on the in-memory engine, and what only that one can do."""

import math
import threading

import pytest
from contract import Bench, EngineContract

from stackctl.engine.execute import execute
from stackctl.engine.memory import Behaviour, MemoryEngine
from stackctl.engine.memory.commands import CommandRun, run
from stackctl.engine.protocol import Engine
from stackctl.errors import EngineError, WaitError, WaitTimeoutError
from stackctl.planner.steps.actions import (
    Action,
    BuildImage,
    CreateContainer,
    PullImage,
    RemoveContainer,
    RemoveImage,
    StartContainer,
    StopContainer,
    WaitFor,
)
from stackctl.planner.steps.outcome import outcome
from stackctl.planner.steps.plan import Draft
from stackctl.planner.world.desired import DesiredMount, DesiredPort, Image
from stackctl.planner.world.observed import ImageConfig
from stackctl.planner.world.probes import ProtocolProbe
from stackctl.spec.model import Condition

BUSYBOX = {"busybox": ImageConfig(command=("sh",))}
PROBE = ProtocolProbe("postgres", 5432)


class TestMemory(EngineContract):
    @pytest.fixture
    def engine(self) -> Engine:
        return MemoryEngine(BUSYBOX)


def bench(**options: object) -> tuple[MemoryEngine, Bench]:
    engine = MemoryEngine(BUSYBOX, **options)  # type: ignore[arg-type]
    return engine, Bench(engine)


def test_it_counts_what_it_is_asked() -> None:
    engine, b = bench()
    b.wait(b.start(), Condition.started)
    assert (engine.reads, engine.writes) == (0, 2)
    engine.observe()
    assert (engine.reads, engine.writes) == (1, 2)
    assert [type(a) for a in engine.performed] == [CreateContainer, StartContainer, WaitFor]


def test_pulling_and_building() -> None:
    engine, b = bench(registry={"redis:7": ImageConfig(volumes=("/data",))}, unbuildable=["broken"])
    b.do(PullImage(Image(ref="redis:7")))
    b.do(BuildImage(Image(ref="shop-api")))
    first = engine.observe().images
    assert {"redis:7", "shop-api:latest"} <= first.keys()
    assert engine.image_configs(["redis:7"])["redis:7"].volumes == ("/data",)
    b.do(BuildImage(Image(ref="shop-api")))
    assert engine.observe().images == first
    engine.revise("shop-api")
    b.do(BuildImage(Image(ref="shop-api")))
    assert engine.observe().images["shop-api:latest"] != first["shop-api:latest"]
    assert first["shop-api:latest"] in engine.observe().images, "without a tag it is still there"
    b.do(RemoveImage(first["shop-api:latest"], "shop-api"))
    assert first["shop-api:latest"] not in engine.observe().images
    with pytest.raises(EngineError, match="pull access denied"):
        b.do(PullImage(Image(ref="nowhere")))
    with pytest.raises(EngineError, match="build of broken failed"):
        b.do(BuildImage(Image(ref="broken")))


def test_volumes_of_the_image_become_anonymous_mounts() -> None:
    engine = MemoryEngine({"busybox": ImageConfig(volumes=("/data", "/cache"))})
    b = Bench(engine)
    data = b.volume("data")
    name = b.create(mounts=(DesiredMount(type="volume", source=data.name, target="/data/"),))
    mounts = b.containers()[name].mounts
    assert [(m.target, m.name == data.name) for m in mounts] == [("/data/", True), ("/cache", False)]


def test_it_is_stricter_than_docker_about_what_a_plan_must_have_done() -> None:
    _, b = bench()
    with pytest.raises(EngineError, match="no such volume"):
        b.create("a", mounts=(DesiredMount(type="volume", source="nowhere", target="/x"),))
    name = b.start()
    with pytest.raises(EngineError, match="stop it before"):
        b.do(RemoveContainer(name, name))


def test_a_host_port_of_another_process() -> None:
    _, b = bench(taken=[8000])
    name = b.create(ports=(DesiredPort(target=80, published="8000"),))
    with pytest.raises(EngineError, match="port is already allocated"):
        b.do(StartContainer(name, name))
    other = b.start("other", ports=(DesiredPort(target=80, published="8000-8001"),))
    assert [p.published for p in b.containers()[other].ports] == [8001]


def test_addresses_of_the_host_are_told_apart() -> None:
    _, b = bench()
    b.start("one", ports=(DesiredPort(target=80, published="80", host_ip="127.0.0.1"),))
    b.start("two", ports=(DesiredPort(target=80, published="80", host_ip="127.0.0.2"),))
    with pytest.raises(EngineError):
        b.start("all", ports=(DesiredPort(target=80, published="80", host_ip="0.0.0.0"),))


def test_behaviours() -> None:
    engine, b = bench(
        behaviours={
            "slow": Behaviour(ready_after=30),
            "never": Behaviour(ready_after=math.inf),
            "job": Behaviour(exit_code=4, exit_after=2, log=("migrating",)),
            "broken": Behaviour(start_error="exec: no such file"),
            "stubborn": Behaviour(ignores_stop=True),
        }
    )
    b.wait(b.start("slow"), Condition.healthy, PROBE)
    with pytest.raises(WaitTimeoutError):
        b.wait(b.start("never"), Condition.healthy, PROBE)
    with pytest.raises(WaitError) as caught:
        b.wait(b.start("job"), Condition.completed)
    assert (caught.value.exit_code_of_container, caught.value.log_tail) == (4, ("migrating",))
    with pytest.raises(EngineError, match="no such file"):
        b.start("broken")
    assert b.containers()[b.name("broken")].state == "created"
    stubborn = b.start("stubborn")
    assert "killed after 3 s" in b.do(StopContainer(stubborn, stubborn, 3))
    assert b.containers()[stubborn].exit_code == 137
    assert engine.writes == 11


def test_a_container_that_dies_or_vanishes() -> None:
    engine, b = bench()
    name = b.start()
    engine.die(name, 9)
    assert b.containers()[name].exit_code == 9
    b.do(StartContainer(name, name))
    assert b.containers()[name].running
    engine.remove_by_hand(name)
    with pytest.raises(WaitError, match="is gone"):
        b.wait(name, Condition.ready)


def test_a_fault_is_what_the_engine_answers() -> None:
    def refuse(action: Action) -> None:
        if isinstance(action, StartContainer):
            raise EngineError("500: the disk is full")

    _, b = bench(before=refuse)
    with pytest.raises(EngineError, match="the disk is full"):
        b.start()
    assert b.containers()[b.name("web")].state == "created"


def test_it_can_be_shared_between_threads() -> None:
    engine, b = bench()
    draft = Draft()
    for i in range(60):
        spec = b.spec(f"s{i}", ports=(DesiredPort(target=80),))
        created = draft.add(CreateContainer(spec, spec.name), "")
        started = draft.add(StartContainer(spec.name, spec.name), "", created)
        draft.add(WaitFor(spec.name, spec.name, Condition.healthy, (PROBE,)), "", started)
    watching = threading.Event()

    def watch() -> None:
        while not watching.is_set():
            engine.observe()

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        result = outcome(execute(draft.plan(), engine.perform, jobs=8))
    finally:
        watching.set()
        watcher.join()
    assert (result.changed, result.failures) == (120, ())
    assert len({p.published for c in b.containers().values() for p in c.ports}) == 60


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        (("true",), CommandRun(0)),
        (("/bin/false",), CommandRun(1)),
        (("sleep", "1.5"), CommandRun(0, 1.5)),
        (("sh", "-c", "echo a b; sleep 1; exit 3; echo never"), CommandRun(3, 1.0, "a b\n")),
        (("sh", "-c", "false && echo no"), CommandRun(1)),
        (("sh", "-c", "false || echo yes"), CommandRun(0, 0.0, "yes\n")),
        (("sh", "-c", "echo x >&2"), CommandRun(0, 0.0, "", "x\n")),
        (("sh", "-c", "echo up; sleep infinity; exit 1"), CommandRun(0, math.inf, "up\n")),
        (("postgres", "-c", "x"), None),
        (("sh", "-c", "gunicorn app"), None),
        ((), None),
    ],
)
def test_the_little_shell(argv: tuple[str, ...], expected: CommandRun | None) -> None:
    assert run(argv) == expected
