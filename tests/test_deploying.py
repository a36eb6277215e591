"""What holds of every deploy, on a Swarm in memory."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

import stackctl
from stackctl.deploying import Deploying
from stackctl.engine.execute import Cancel
from stackctl.engine.memory import Behaviour, MemoryEngine
from stackctl.engine.memory.swarm import MemorySwarm
from stackctl.errors import EngineError, PreflightError, RolledBackError
from stackctl.planner.steps.actions import (
    Action,
    CreateNetwork,
    CreateSecret,
    CreateService,
    RemoveNetwork,
    RemoveService,
    UpdateService,
    Wait,
    WaitForTasksGone,
)
from stackctl.planner.steps.events import Done, Event
from stackctl.planner.steps.outcome import Outcome, outcome
from stackctl.planner.swarm.down import SwarmDownOptions, plan_swarm_down
from stackctl.planner.swarm.planning import DeployOptions
from stackctl.planner.world import labels as names
from stackctl.planner.world.observed import ImageConfig, ObservedEngine, ObservedNetwork
from stackctl.planner.world.swarm_desired import DesiredSwarmFile
from stackctl.planner.world.swarm_observed import ObservedTask
from stackctl.spec.model import Stack
from stackctl.spec.selection import Selection

FILE = """
name = "shop"
[services.db]
image = "db:1"
volumes = ["data:/data"]
[jobs.migrate]
image = "job:1"
depends_on = ["db"]
[services.web]
image = "app:1"
depends_on = ["migrate"]
secrets = ["pw"]
environment = { LEVEL = "info" }
deploy.replicas = 2
[volumes.data]
sticky = true
[secrets.pw]
environment = "PW"
"""
REFS = ("app:1", "bad:1", "db:1", "db:2", "job:1")


@pytest.fixture
def engine(request: pytest.FixtureRequest) -> MemoryEngine:
    return fresh(request.node.name)


def fresh(name: str) -> MemoryEngine:
    return MemoryEngine(
        {ref: ImageConfig() for ref in REFS},
        info=ObservedEngine(id=f"swarm-{name}"),
        behaviours={"job:1": Behaviour(exit_code=0), "bad:1": Behaviour(exit_code=3)},
        swarm=MemorySwarm(3),
    )


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., Stack]:
    def read(text: str = FILE, secret: str = "a") -> Stack:
        (tmp_path / "stack.toml").write_text(text)
        return stackctl.load(tmp_path / "stack.toml", environ={"PW": secret}, strict=False)

    return read


def deploy(stack: Stack, engine: MemoryEngine, **options: object) -> Outcome:
    return outcome(Deploying(stack, engine).deploy(Selection(), DeployOptions(**options)))  # type: ignore[arg-type]


def alive(engine: MemoryEngine) -> list[str]:
    """The tasks that have not ended. A Swarm remembers those of a job that have."""
    return [task.id for task in engine.swarm_tasks("shop") if not task.ended]


def plan(stack: Stack, engine: MemoryEngine) -> str:
    return str(Deploying(stack, engine).plan(Selection(), DeployOptions()))


def test_after_a_deploy_there_is_nothing_to_do(engine: MemoryEngine, read: Callable[..., Stack]) -> None:
    assert deploy(read(), engine).failures == ()
    assert plan(read(), engine) == ""
    writes = engine.writes
    assert deploy(read(), engine).exit_code == 0
    assert engine.writes == writes


def test_a_job_that_has_completed_runs_once(engine: MemoryEngine, read: Callable[..., Stack]) -> None:
    deploy(read(), engine)
    deploy(read(FILE.replace("info", "debug")), engine)
    iterations = {service.key: service.iteration for service in engine.observe_swarm("shop").services}
    (task,) = [t for t in engine.swarm_tasks("shop") if t.service_id == _id(engine, "migrate")]
    assert task.iteration == iterations["migrate"]


@pytest.mark.parametrize("scene", ["fresh", "changed", "down"])
def test_killed_at_any_call_a_rerun_converges(scene: str, read: Callable[..., Stack]) -> None:
    changed = FILE.replace("info", "debug").replace("db:1", "db:2")
    for at in range(30):
        engine = fresh(f"{scene}-{at}")
        if scene != "fresh":
            assert deploy(read(), engine).exit_code == 0
        left = [at]

        def before(action: Action, left: list[int] = left) -> None:
            if not left[0]:
                raise EngineError("the process has ended: nothing reaches the engine any more")
            left[0] -= 1

        stack = read() if scene == "fresh" else read(changed, "b")
        run: Iterator[Event]
        if scene == "down":
            run = Deploying(stack, engine).down(SwarmDownOptions())
        else:
            run = Deploying(stack, engine).deploy(Selection(), DeployOptions())
        engine.before = before
        ended = outcome(run).failures == ()
        engine.before = lambda _: None
        if scene == "down":
            assert outcome(Deploying(stack, engine).down(SwarmDownOptions())).failures == ()
            observed = engine.observe_swarm("shop")
            assert (observed.services, observed.secrets, alive(engine)) == ((), (), [])
        else:
            result = deploy(stack, engine)
            assert result.failures == (), at
            assert plan(stack, engine) == "", at
        if ended:
            return
    raise AssertionError("it has more calls than were tried")


def test_five_rotations_of_a_secret_leave_two_versions(
    engine: MemoryEngine, read: Callable[..., Stack]
) -> None:
    for content in "abcde":
        assert deploy(read(secret=content), engine).exit_code == 0
        assert len(engine.observe_swarm("shop").secrets) <= 2
    deploy(read(secret="d"), engine)
    assert len(engine.observe_swarm("shop").secrets) == 2


def test_an_external_secret_is_used_and_outlives_the_project(
    engine: MemoryEngine, read: Callable[..., Stack]
) -> None:
    stack = read(FILE.replace('[secrets.pw]\nenvironment = "PW"', "[secrets.pw]\nexternal = true"))
    with pytest.raises(PreflightError, match="there is no secret pw in the Swarm"):
        deploy(stack, engine)
    assert engine.writes == 0
    theirs = DesiredSwarmFile(section="secrets", key="pw", name="pw")
    engine.perform(CreateSecret(theirs), lambda _: None)
    assert deploy(stack, engine).exit_code == 0
    web = engine.observe_swarm("shop").by_key["web"]
    (secret,) = engine.observe_swarm("shop").secrets
    assert secret.name == "pw"
    assert web.secrets == {secret.id}
    outcome([*Deploying(stack, engine).down(SwarmDownOptions())])
    assert engine.observe_swarm("shop").secrets == (secret,)


def test_what_another_machine_makes_meanwhile_is_taken(
    engine: MemoryEngine, read: Callable[..., Stack]
) -> None:
    def before(action: Action) -> None:
        if isinstance(action, CreateNetwork):
            engine.before = lambda _: None
            theirs = {**action.network.labels, names.INSTANCE: "theirs"}
            engine.perform(
                CreateNetwork(replace(action.network, labels=theirs)), lambda _: None, lambda: False
            )

    engine.before = before
    assert deploy(read(), engine).failures == ()
    assert {service.instance for service in engine.observe_swarm("shop").services} == {"theirs"}
    assert plan(read(), engine) == ""


def test_a_failed_update_goes_back_and_later_services_are_left_alone(
    engine: MemoryEngine, read: Callable[..., Stack]
) -> None:
    text = FILE.replace('image = "job:1"', 'image = "job:1"\nenvironment = { V = "1" }')
    deploy(read(text), engine)
    before = {s.key: s.version for s in engine.observe_swarm("shop").services}
    broken = text.replace("db:1", "bad:1").replace("info", "debug")
    result = deploy(read(broken), engine)
    assert result.exit_code == 6
    assert any(isinstance(failure.error, RolledBackError) for failure in result.failures)
    after = {s.key: s.version for s in engine.observe_swarm("shop").services}
    assert (after["migrate"], after["web"]) == (before["migrate"], before["web"])


def test_with_rollback_what_the_run_has_changed_goes_back(
    engine: MemoryEngine, read: Callable[..., Stack]
) -> None:
    deploy(read(), engine)
    digests = {s.key: s.digest for s in engine.observe_swarm("shop").services}
    broken = FILE.replace("db:1", "db:2").replace("app:1", "bad:1")
    broken += '[services.new]\nimage = "app:1"\ndepends_on = ["db"]\n'
    result = deploy(read(broken), engine, rollback=True)
    assert result.exit_code == 6
    assert {s.key: s.digest for s in engine.observe_swarm("shop").services} == digests


def test_who_looked_too_early_looks_again(engine: MemoryEngine, read: Callable[..., Stack]) -> None:
    deploy(read(), engine)
    seen: list[Action] = []

    def before(action: Action) -> None:
        if isinstance(action, UpdateService) and not seen:
            seen.append(action)
            assert engine.swarm
            engine.swarm.change_by_hand("shop_web")

    engine.before = before
    result = deploy(read(FILE.replace("info", "debug")), engine)
    assert seen
    assert result.exit_code == 0
    assert result.failures == ()
    assert plan(read(FILE.replace("info", "debug")), engine) == ""


def test_who_is_interrupted_takes_nothing_back_and_begins_nothing(
    engine: MemoryEngine, read: Callable[..., Stack]
) -> None:
    cancel = Cancel()
    run = Deploying(read(), engine).deploy(Selection(), DeployOptions(rollback=True), cancel=cancel)
    result = Outcome()
    for event in run:
        result = result.after(event)
        if isinstance(event, Done) and isinstance(event.step.action, CreateService):
            cancel.set()
    assert (result.exit_code, result.undone) == (130, False)
    assert [service.key for service in engine.observe_swarm("shop").services] == ["db"]
    assert deploy(read(), engine).exit_code == 0


BUILT = '[services.web]\nbuild = "."\n'


def test_on_one_node_an_image_is_built_and_a_new_build_makes_new_tasks(
    read: Callable[..., Stack], request: pytest.FixtureRequest
) -> None:
    info = ObservedEngine(id=f"swarm-{request.node.name}")
    engine = MemoryEngine({}, info=info, swarm=MemorySwarm(1))
    stack = read('name = "shop"\n' + BUILT)
    assert deploy(stack, engine).failures == ()
    assert [type(action).__name__ for action in engine.performed] == [
        "BuildImage",
        "CreateNetwork",
        "CreateService",
        "WaitForService",
    ]
    assert plan(stack, engine) == ""
    engine.revise("shop-web")
    assert deploy(stack, engine, build=True).failures == ()
    assert [type(action).__name__ for action in engine.performed[4:]] == [
        "BuildImage",
        "UpdateService",
        "WaitForService",
    ]
    assert plan(stack, engine) == ""


def test_with_other_nodes_it_is_pushed_as_well(
    read: Callable[..., Stack], request: pytest.FixtureRequest
) -> None:
    info = ObservedEngine(id=f"swarm-{request.node.name}")
    engine = MemoryEngine({}, info=info, swarm=MemorySwarm(2))
    stack = read('name = "shop"\n' + BUILT + 'image = "registry:5000/web:1"\n')
    assert deploy(stack, engine).failures == ()
    assert [type(action).__name__ for action in engine.performed][:2] == ["BuildImage", "PushImage"]
    (service,) = engine.observe_swarm("shop").services
    assert service.image.startswith("registry:5000/web:1@sha256:")
    assert plan(stack, engine) == ""


def test_down_comes_from_labels_and_removes_dependents_first(
    engine: MemoryEngine, read: Callable[..., Stack]
) -> None:
    deploy(read(), engine)
    result = outcome(Deploying(Stack(project="shop"), engine).down(SwarmDownOptions()))
    assert result.failures == ()
    removed = [action.name for action in engine.performed if isinstance(action, RemoveService)]
    assert removed == ["shop_web", "shop_migrate", "shop_db"]
    assert alive(engine) == []


def test_down_waits_for_the_tasks_of_services_that_are_gone(engine: MemoryEngine) -> None:
    """An earlier run was killed when it had removed the services."""
    network = ObservedNetwork(
        id="n1", name="shop_default", labels={names.PROJECT: "shop", names.STACK: "shop", names.INSTANCE: "i"}
    )
    observed = replace(engine.observe_swarm("shop"), networks=(network,))
    tasks = [
        ObservedTask(id="t1", service_id="s1", state="running", desired_state="remove"),
        ObservedTask(id="t2", service_id="job", state="complete", desired_state="shutdown"),
    ]
    wait, remove = plan_swarm_down("shop", observed, tasks=tasks).steps
    assert isinstance(wait.action, WaitForTasksGone)
    assert [*wait.action.services.values()] == ["s1"]
    assert isinstance(remove.action, RemoveNetwork)
    assert remove.after


def test_what_waits_writes_nothing(engine: MemoryEngine, read: Callable[..., Stack]) -> None:
    deploy(read(), engine)
    assert engine.writes == len([action for action in engine.performed if not isinstance(action, Wait)])


def _id(engine: MemoryEngine, key: str) -> str:
    return next(service.id for service in engine.observe_swarm("shop").services if service.key == key)
