"""What stackctl has not made is never changed, whatever it is called and whatever labels it has: I2 of the promises, on the engine in
memory.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from pathlib import Path

import pytest
from msgspec.structs import replace

import stackctl
from stackctl.engine.memory import MemoryEngine
from stackctl.errors import StackError
from stackctl.operating import Operating
from stackctl.planner.before.images import ImageOptions
from stackctl.planner.life.options import RunOptions, StartOptions
from stackctl.planner.steps.actions import CreateContainer, CreateNetwork, CreateVolume, StartContainer
from stackctl.planner.steps.outcome import outcome
from stackctl.planner.world import labels
from stackctl.planner.world.desired import Desired
from stackctl.planner.world.observed import ImageConfig, ObservedEngine
from stackctl.spec.model import Stack
from stackctl.spec.selection import Selection

FILE = """
name = "shop"
[services.db]
image = "app:1"
volumes = ["data:/data"]
[services.web]
image = "app:1"
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
VERBS: Mapping[str, Callable[[Operating], object]] = {
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
}

LAST = ("down", "down --volumes", "rm")
"""After these nothing of the stack may be left that tells its instance."""


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    (tmp_path / "stack.toml").write_text(FILE)
    return stackctl.load(tmp_path / "stack.toml", environ={}, strict=False)


def strangers(
    engine: MemoryEngine, desired: Desired, choose: random.Random, disguises: Collection[str]
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


def seen(engine: MemoryEngine, names: set[str]) -> set[object]:
    """What somebody would notice who looks at the strangers."""
    there = engine.observe()
    return {
        *((c.id, c.name, c.state, c.created, tuple(c.labels.items())) for c in there.containers if c.name in names),
        *((n.id, n.name, tuple(n.labels.items())) for n in there.networks if n.name in names),
        *((v.name, v.created, tuple(v.labels.items())) for v in there.volumes if v.name in names),
    }  # fmt: skip


@pytest.mark.parametrize("seed", TRIALS)
def test_strangers_must_be_left_alone(seed: int, stack: Stack) -> None:
    choose = random.Random(seed)
    info = ObservedEngine(id=f"foreign-{seed}", name="memory", endpoint="memory:")
    engine = MemoryEngine({"app:1": ImageConfig()}, info=info)
    project = Operating(stack, engine)
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
            outcome(VERBS[verb](project))  # type: ignore[arg-type]
        assert seen(engine, names) == before, verb
    with suppress(StackError):
        stackctl.run(stack, engine, "db", ["true"], options=RunOptions(dependencies=False))
    assert seen(engine, names) == before
    with suppress(StackError):
        outcome(project.down(stackctl.DownOptions(volumes=True), confirm=lambda _: True))
    assert seen(engine, names) == before
