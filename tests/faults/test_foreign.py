"""What stackctl has not made is never changed, whatever it is called and whatever labels it has."""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import closing, suppress
from pathlib import Path

import pytest
from msgspec.structs import replace
from private_engine import Machine, alone

import stackctl
from stackctl.collecting import Collecting
from stackctl.engine.memory import MemoryEngine
from stackctl.engine.protocol import Engine
from stackctl.errors import StackError
from stackctl.left_over import find
from stackctl.planner.before.images import ImageOptions
from stackctl.planner.life.options import RunOptions, StartOptions
from stackctl.planner.steps.actions import CreateContainer, CreateNetwork, CreateVolume, StartContainer
from stackctl.planner.steps.events import Event
from stackctl.planner.steps.outcome import outcome
from stackctl.planner.world import labels
from stackctl.planner.world.desired import Desired
from stackctl.planner.world.observed import ImageConfig, ObservedEngine
from stackctl.snapshots import Snapshots
from stackctl.spec.model import Stack
from stackctl.spec.selection import Selection

FILE = """
name = "shop"
[services.db]
image = "busybox"
command = "sleep infinity"
stop_grace_period = "0s"
volumes = ["data:/data"]
[services.web]
image = "busybox"
command = "sleep infinity"
stop_grace_period = "0s"
depends_on = ["db"]
scale = 2
[volumes.data]
"""
TRIALS = [*range(10), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(10, 200))]
"""The seeds of the trials. CI has ten."""
COMPOSE = {"com.docker.compose.project": "shop", "com.docker.compose.service": "db"}
ANOTHER = "those of another instance"
DISGUISES: Mapping[str, Callable[[Mapping[str, str]], Mapping[str, str]]] = {
    "none": lambda _: {},
    "Compose's": lambda _: COMPOSE,
    "the project's name alone": lambda own: {labels.PROJECT: own[labels.PROJECT]},
    "all but the instance": lambda own: {k: v for k, v in own.items() if k != labels.INSTANCE},
    ANOTHER: lambda own: {**own, labels.INSTANCE: "another"},
    "those of another project": lambda own: {**own, labels.PROJECT: "other"},
}
"""The labels of a stranger, made from those that the stack's own has. Where the stack itself is not there, what has its name and an
instance is taken for it: so another instance is a stranger only beside the stack.
"""


def _gc(project: Snapshots) -> Iterator[Event]:
    for left in find(project.engine)[1]:
        yield from Collecting(left, project.engine).collect(volumes=True, confirm=lambda _: True)


VERBS: Mapping[str, Callable[[Snapshots], Iterator[Event]]] = {
    "up": lambda p: p.up(Selection(), stackctl.UpOptions(), ImageOptions()),
    "up --remove-orphans": lambda p: p.up(
        Selection(), stackctl.UpOptions(remove_orphans=True), ImageOptions()
    ),
    "down": lambda p: p.down(stackctl.DownOptions(), confirm=lambda _: True),
    "down --volumes": lambda p: p.down(stackctl.DownOptions(volumes=True), confirm=lambda _: True),
    "stop": lambda p: p.stop(),
    "start": lambda p: p.start(StartOptions()),
    "restart": lambda p: p.restart(StartOptions()),
    "kill": lambda p: p.kill(),
    "pause": lambda p: p.pause(),
    "unpause": lambda p: p.unpause(),
    "rm": lambda p: p.remove(),
    "snapshot": lambda p: p.snapshot("s", replace=True),
    "restore": lambda p: p.restore("s"),
    "snapshot rm": lambda p: p.forget(["s"]),
    "gc": _gc,
}

LAST = ("down", "down --volumes", "rm")
"""After these nothing of the stack may be left that tells its instance."""


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    (tmp_path / "stack.toml").write_text(FILE)
    return stackctl.load(tmp_path / "stack.toml", environ={}, strict=False)


def strangers(
    engine: Engine, desired: Desired, choose: random.Random, disguises: Collection[str]
) -> set[str]:
    """Make some, and return their names."""
    made = set()
    for number in range(choose.randint(1, 3)):
        own = choose.choice(desired.containers)
        disguise = DISGUISES[choose.choice([*disguises])]
        name = choose.choice([own.name, f"6192942420ce_{own.name}", f"shop-db-{number + 7}", f"x{number}"])
        try:
            match choose.choice(["container", "container", "network", "volume"]):
                case "container":
                    dressed = replace(
                        own, name=name, labels=disguise(own.labels), mounts=(), networks=(), files=()
                    )
                    engine.perform(CreateContainer(dressed, name), lambda _: None)
                    if choose.random() < 0.6:
                        engine.perform(StartContainer(name, name), lambda _: None)
                case "network":
                    network = choose.choice(desired.networks)
                    name = choose.choice([network.name, f"shop_{number}"])
                    engine.perform(
                        CreateNetwork(replace(network, name=name, labels=disguise(network.labels))),
                        lambda _: None,
                    )
                case "volume":
                    volume = choose.choice(desired.volumes)
                    name = choose.choice([volume.name, f"shop_{number}"])
                    engine.perform(
                        CreateVolume(replace(volume, name=name, labels=disguise(volume.labels))),
                        lambda _: None,
                    )
        except StackError:
            continue  # the name is taken
        made.add(name)
    return made


def seen(engine: Engine, names: set[str]) -> set[object]:
    """What somebody would notice who looks at the strangers."""
    there = engine.observe()
    return {
        *((c.id, c.name, c.state, c.created, tuple(c.labels.items())) for c in there.containers if c.name in names),
        *((n.id, n.name, tuple(n.labels.items())) for n in there.networks if n.name in names),
        *((v.name, v.created, tuple(v.labels.items())) for v in there.volumes if v.name in names),
    }  # fmt: skip


@pytest.mark.parametrize("seed", TRIALS)
def test_strangers_must_be_left_alone(seed: int, stack: Stack) -> None:
    info = ObservedEngine(id=f"foreign-{seed}", name="memory", endpoint="memory:")
    live(stack, MemoryEngine({"busybox": ImageConfig()}, info=info), random.Random(seed))


@pytest.mark.docker
@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_strangers_must_be_left_alone_on_a_real_engine(stack: Stack) -> None:
    with (
        alone(images=["busybox"]) as machine,
        closing(stackctl.connect(f"unix://{machine.socket}")) as engine,
    ):
        for seed in range(20):
            live(stack, engine, random.Random(seed))
            clear(machine)


def clear(machine: Machine) -> None:
    with closing(machine.api) as api:
        for row in api.containers(all=True):
            api.remove_container(row["Id"], force=True, v=True)
        api.prune_networks()
        for row in api.volumes()["Volumes"] or ():
            api.remove_volume(row["Name"])


def live(stack: Stack, engine: Engine, choose: random.Random) -> None:
    """Make strangers beside a stack or where there is none, then do whatever can be done with the stack."""
    project = Snapshots(stack, engine)
    beside = choose.random() < 0.6
    if beside:
        outcome(project.up(Selection(), stackctl.UpOptions(), ImageOptions()))
    desired, there = project.desired_and_observed(Selection())
    own = {thing.name for thing in (*there.containers, *there.networks, *there.volumes)}
    disguises = [name for name in DISGUISES if beside or name != ANOTHER]
    names = strangers(engine, desired, choose, disguises) - own
    before = seen(engine, names)
    for verb in choose.choices([verb for verb in VERBS if not (beside and verb in LAST)], k=6):
        with suppress(StackError):
            outcome(VERBS[verb](project))
        assert seen(engine, names) == before, verb
    with suppress(StackError):
        stackctl.run(stack, engine, "db", ["true"], options=RunOptions(dependencies=False))
    assert seen(engine, names) == before
    with suppress(StackError):
        outcome(project.down(stackctl.DownOptions(volumes=True), confirm=lambda _: True))
    assert seen(engine, names) == before
