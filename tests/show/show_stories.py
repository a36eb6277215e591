"""Plans and runs to be shown: the lesson's stack, planned by the real planner, and events as an executor sends them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from stackctl.errors import WaitError
from stackctl.planner.before.images import plan_images
from stackctl.planner.steps.actions import Action
from stackctl.planner.steps.events import Done, Event, Failed, Planned, Progress, Progressed, Skipped, Started
from stackctl.planner.steps.outcome import Outcome
from stackctl.planner.steps.plan import Plan, Step
from stackctl.planner.up import planning
from stackctl.planner.view.slots import UpOptions
from stackctl.planner.view.view import View
from stackctl.planner.world.desired import (
    Attachment,
    Desired,
    DesiredBuild,
    DesiredContainer,
    DesiredMount,
    DesiredNetwork,
    DesiredVolume,
    Image,
    Need,
)
from stackctl.planner.world.digests import field_digests
from stackctl.planner.world.labels import (
    DIGEST,
    FIELDS,
    INSTANCE,
    PROJECT,
    SERVICE,
    pack_fields,
)
from stackctl.planner.world.observed import (
    Joined,
    Observed,
    ObservedContainer,
    ObservedEngine,
    ObservedNetwork,
    ObservedVolume,
)
from stackctl.planner.world.probes import HttpProbe, ProtocolProbe
from stackctl.spec.model import Condition, Service

ENGINE = ObservedEngine(id="engine")


def labelled(key: str, digest: str = "1", **fields: str) -> dict[str, str]:
    own = {PROJECT: "myapp", INSTANCE: "i", SERVICE: key, DIGEST: digest}
    return own | ({FIELDS: pack_fields(fields)} if fields else {})


def wanted(service: str, *needs: str, log_level: str = "info", **more: object) -> DesiredContainer:
    definition = {"image": "x", "environment.LOG_LEVEL": log_level}
    return DesiredContainer(
        name=f"myapp-{service}-1",
        service=service,
        networks=(Attachment("myapp_default", (service,)),),
        needs=tuple(Need(need, Condition.ready) for need in needs),
        digest=log_level,
        definition=definition,
        labels=labelled(service, log_level, **field_digests(definition)),
        **more,  # type: ignore[arg-type]
    )


def lesson(log_level: str = "info") -> Desired:
    data = DesiredMount(type="volume", source="myapp_pgdata", target="/var/lib/postgresql/data")
    return Desired(
        project="myapp",
        instance="i",
        source="/home/ada/myapp/stack.toml",
        networks=(
            DesiredNetwork(key="default", name="myapp_default", labels=labelled("default"), digest="1"),
        ),
        volumes=(DesiredVolume(key="pgdata", name="myapp_pgdata", labels=labelled("pgdata"), digest="1"),),
        images=(
            Image(ref="postgres:15", services=("postgres",)),
            Image(ref="redis:7", services=("redis",)),
            Image(
                ref="myapp-api", build=DesiredBuild(context=Path("/home/ada/myapp/api")), services=("api",)
            ),
        ),
        containers=(
            wanted(
                "postgres", image="postgres:15", probes=(ProtocolProbe("postgres", 5432),), mounts=(data,)
            ),
            wanted("redis", image="redis:7", probes=(ProtocolProbe("redis", 6379),)),
            wanted(
                "api",
                "postgres",
                "redis",
                log_level=log_level,
                image="myapp-api",
                probes=(HttpProbe(8000, "/health"),),
                mounts=(DesiredMount(type="volume", source="myapp_uploads", target="/uploads"),),
            ),
        ),
        services={"postgres": Service(), "redis": Service(), "api": Service()},
        known=frozenset({"postgres", "redis", "api"}),
    )


def nothing_there() -> Observed:
    return Observed(engine=ENGINE, images={"redis:7": "sha256:7"})


def all_there(desired: Desired, *orphans: str) -> Observed:
    """Everything runs and is healthy."""
    return Observed(
        engine=ENGINE,
        containers=tuple(
            ObservedContainer(
                id=f"id-of-{container.service}",
                name=container.name,
                image=container.image,
                state="running",
                health="healthy",
                labels=container.labels,
                networks=(Joined("myapp_default", "net", "10.0.0.2"),),
            )
            for container in (*desired.containers, *map(wanted_orphan, orphans))
        ),
        networks=(ObservedNetwork(id="net", name="myapp_default", labels=labelled("default")),),
        volumes=(ObservedVolume(name="myapp_pgdata", labels=labelled("pgdata")),),
    )


def wanted_orphan(service: str) -> DesiredContainer:
    return wanted(service, image="busybox")


def plan_up(desired: Desired, observed: Observed, options: UpOptions | None = None) -> Plan:
    return planning.plan_up(View.of(desired, observed, options))


def first_plans() -> tuple[Plan, Plan]:
    return plan_images(lesson(), nothing_there()), plan_up(lesson(), nothing_there())


class Run:
    """Events by the names of things: `run.started("StartContainer", "api")`. Each call sets the clock."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._began: dict[int, float] = {}

    def planned(self, at: float = 0.0) -> Event:
        return Planned(self._plan, at)

    def started(self, action: str, name: str, at: float) -> Event:
        step = self.step(action, name)
        self._began[step.id] = at
        return Started(step, at)

    def progress(self, action: str, name: str, at: float, *news: object) -> Event:
        return Progress(self.step(action, name), at, Progressed(*news))  # type: ignore[arg-type]

    def done(self, action: str, name: str, at: float, note: str = "") -> Event:
        step = self.step(action, name)
        return Done(step, at, at - self._began.get(step.id, at), note)

    def failed(self, action: str, name: str, at: float, error: Exception) -> Event:
        step = self.step(action, name)
        return Failed(step, at, at - self._began.get(step.id, at), error)

    def skipped(self, action: str, name: str, at: float, because: Step | None) -> Event:
        return Skipped(self.step(action, name), at, because)

    def step(self, action: str, name: str) -> Step:
        """The step with that action for that service, or for the thing with that name."""
        return next(
            step
            for step in self._plan.steps
            if type(step.action).__name__ == action and name in (step.service, _name(step.action))
        )


def _name(action: Action) -> str:
    for attribute in ("network", "volume"):
        if thing := getattr(action, attribute, None):
            return getattr(thing, "name", "")
    return getattr(action, "name", "")


API_FAILED = WaitError(
    "myapp-api-1 ended with exit code 137, out of memory",
    "give it more memory",
    exit_code_of_container=137,
    last_answer="connection refused",
    log_tail=[*(f"line {number}" for number in range(1, 20)), "\x1b]0;title\x07MemoryError"],
)


def failing_run() -> Iterator[Event]:
    """The lesson's first `up`; in the end the API runs out of memory."""
    images, up = first_plans()
    run = Run(images)
    yield run.planned()
    yield run.started("PullImage", "postgres", 0.0)
    yield run.started("BuildImage", "api", 0.0)
    yield run.progress("PullImage", "postgres", 1.0, "downloading", 10_000_000, 41_000_000)
    yield run.progress("BuildImage", "api", 1.5, "[2/4] RUN pip install -r requirements.txt")
    yield run.progress("PullImage", "postgres", 2.0, "downloading", 41_000_000, 41_000_000)
    yield run.done("PullImage", "postgres", 3.9)
    yield run.done("BuildImage", "api", 5.0)
    run = Run(up)
    yield run.planned(5.0)
    for thing in ("CreateNetwork", "myapp_default"), ("CreateVolume", "myapp_pgdata"):
        yield run.started(*thing, 5.0)
        yield run.done(*thing, 5.1)
    for service in ("postgres", "redis", "api"):
        yield run.started("CreateContainer", service, 5.1)
        yield run.done("CreateContainer", service, 5.2)
    for service in ("postgres", "redis"):
        yield run.started("StartContainer", service, 5.2)
        yield run.done("StartContainer", service, 5.5)
        yield run.started("WaitFor", service, 5.5)
    yield run.progress("WaitFor", "postgres", 5.6, "the database system is starting up")
    yield run.done("WaitFor", "redis", 5.7)
    yield run.done("WaitFor", "postgres", 7.4)
    yield run.started("StartContainer", "api", 7.4)
    yield run.done("StartContainer", "api", 7.6)
    yield run.started("WaitFor", "api", 7.6)
    yield run.progress("WaitFor", "api", 7.7, "connection refused")
    yield run.failed("WaitFor", "api", 8.6, API_FAILED)


def outcome_of(events: Iterable[Event]) -> Outcome:
    result = Outcome()
    for event in events:
        result = result.after(event)
    return result
