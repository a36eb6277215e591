"""Start containers that are there, and restart them: the same containers, whatever the file says now.

The file gives the order and the checks. A container that a service had before the file changed is started as it is.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from msgspec.structs import replace

from stackctl.errors import EngineError, UsageError
from stackctl.planner.life.options import StartOptions
from stackctl.planner.steps.actions import StartContainer
from stackctl.planner.steps.facts import ContainerStarted, Stopped
from stackctl.planner.steps.plan import Plan
from stackctl.planner.up.hooks import after_start, before_start, sign
from stackctl.planner.up.planning import LivePlan
from stackctl.planner.up.waits import gates, wait_until_ready
from stackctl.planner.up.work import Work
from stackctl.planner.view.placing import slots
from stackctl.planner.view.slots import Slot, UpOptions
from stackctl.planner.view.view import View
from stackctl.planner.world.desired import Desired, DesiredContainer
from stackctl.planner.world.matching import ours
from stackctl.planner.world.numbering import numbered
from stackctl.planner.world.observed import Observed, ObservedContainer
from stackctl.planner.world.replica import Replica
from stackctl.spelling import did_you_mean


def plan_start(desired: Desired, observed: Observed, options: StartOptions) -> LivePlan:
    """Start services and what they depend on, dependencies first, and wait until all are ready.

    `desired` is the whole stack. Raises UsageError for an unknown service, EngineError if a named service has no container.
    """
    there = _there(desired, observed)
    _check_names(desired, options.services)
    missing = [name for name in options.services if name not in _services(there)]
    if missing or not there.containers:
        what = (
            f"service {missing[0]} has no container to start" if missing else "there is no container to start"
        )
        raise EngineError(what, f"stackctl up {' '.join(missing)}".rstrip() + " makes it")
    named = options.services or {want.service for want in there.containers}
    chosen = _with_dependencies(there, {want.replica for want in there.containers if want.service in named})
    work = Work.on(_view(_only(there, chosen), observed, _up_options(options)))
    for slot in work.slots:
        if slot.current and slot.restart:
            work.stop(slot.current, slot.restart)
        if slot.starts:
            _start(work, slot)
    for slot in work.slots:
        wait_until_ready(work, slot, "until it is ready")
    # A profile that nobody asks for is no reason to speak of its services.
    usual = [name for name in _services(desired) if not desired.services[name].profiles]
    without = [name for name in usual if name not in _services(there)]
    if without and not options.services:
        work.draft.notes.append(f"without a container: {', '.join(without)} (stackctl up makes it)")
    done = [s.want.service for s in work.slots if s.want.service in options.services and _is_done(s)]
    if done:
        names = " ".join(done)
        work.draft.notes.append(
            f"completed before: {', '.join(done)} (stackctl up --rerun {names} runs it again)"
        )
    _note_moved(work, desired, {replica.service for replica in chosen}, "up", options)
    return _live(work, work.desired.containers)


def plan_restart(desired: Desired, observed: Observed, options: StartOptions) -> LivePlan:
    """Stop services, dependents first, and start them again, dependencies first. What does not run is started.

    `desired` is the whole stack. Raises UsageError for an unknown service.
    """
    there = _there(desired, observed)
    if not options.dependents:
        there = replace(there, containers=tuple(_without_restart(want) for want in there.containers))
    _check_names(desired, options.services)
    named = frozenset(options.services or (want.service for want in there.containers))
    asked = replace(_up_options(options), restart=named)
    every = _view(there, observed, asked)
    chosen = {s.want.replica for s in every.slots if s.restart or (s.want.service in named and s.starts)}
    work = Work.on(_view(_only(there, chosen), observed, asked))
    for slot in reversed([*work.slots]):
        if slot.restart and slot.current:
            users = [Stopped(c.id) for c in _users(work, slot)]
            work.stop(slot.current, slot.restart, *users)
    for slot in work.slots:
        _start(work, slot)
    for slot in work.slots:
        wait_until_ready(work, slot, "until it is ready")
    if not work.draft.steps:
        work.draft.notes.append("nothing to restart: there is no container (stackctl up makes it)")
    _note_moved(work, desired, named, "restart --apply", options)
    return _live(work, work.desired.containers)


def _up_options(options: StartOptions) -> UpOptions:
    return UpOptions(recreate="never", wait_timeout=options.wait_timeout, grace=options.grace)


def _view(there: Desired, observed: Observed, options: UpOptions) -> View:
    """The view of a stack whose containers have the engine's numbers already."""
    return View(there, observed, options, slots(there, observed, options))


def _there(desired: Desired, observed: Observed) -> Desired:
    """The stack as its containers are: one that is missing is left out, and one that the file no longer counts is added. No
    network or volume is looked at.
    """
    found: dict[Replica, ObservedContainer] = {}
    for container in sorted(ours(observed, desired.project, desired.instance), key=lambda c: c.running):
        if container.kind != "run":
            found[container.replica] = container
    wanted = {want.replica: want for want in desired.containers}
    patterns = {want.service: want for want in reversed(desired.containers)}
    order = {service: place for place, service in enumerate(_services(desired))}
    replicas = sorted((r for r in found if r.service in order), key=lambda r: (order[r.service], r.number))
    containers = tuple(
        numbered(wanted.get(replica, patterns[replica.service]), replica.number, found[replica].name)
        for replica in replicas
    )
    return _only(replace(desired, containers=containers, networks=(), volumes=()), set(replicas))


def _only(desired: Desired, chosen: Collection[Replica]) -> Desired:
    """Some of the containers, which need nothing but one another."""
    services = {replica.service for replica in chosen}
    containers = (want for want in desired.containers if want.replica in chosen)
    return replace(
        desired,
        containers=tuple(
            replace(want, needs=tuple(need for need in want.needs if need.service in services))
            for want in containers
        ),
    )


def _services(desired: Desired) -> dict[str, None]:
    """The services of the containers, in their order."""
    return dict.fromkeys(want.service for want in desired.containers)


def _check_names(desired: Desired, names: Collection[str]) -> None:
    for name in names:
        if name not in desired.known:
            there = f"there are: {', '.join(sorted(desired.known))}"
            raise UsageError(f"no such service: {name}", did_you_mean(name, desired.known, there))


def _with_dependencies(desired: Desired, chosen: Iterable[Replica]) -> set[Replica]:
    wanted = {replica.service for replica in chosen}
    for want in reversed(desired.containers):
        if want.service in wanted:
            wanted |= {need.service for need in want.needs}
    return {want.replica for want in desired.containers if want.service in wanted}


def _without_restart(want: DesiredContainer) -> DesiredContainer:
    return replace(want, needs=tuple(replace(need, restart=False) for need in want.needs))


def _users(work: Work, slot: Slot) -> Iterator[ObservedContainer]:
    """The containers that need this one, and are stopped as well."""
    for other in work.slots:
        needs = {need.service for need in other.want.needs}
        if other.current and other.restart and slot.want.service in needs:
            yield other.current


def _start(work: Work, slot: Slot) -> None:
    """Start the container of a slot once everything that it needs is there."""
    have, want = slot.current or slot.old, slot.want
    if have is None:
        return
    needs = [*gates(work, slot), Stopped(have.id)]
    files = want.files if have.digest == want.digest else ()  # another definition keeps the files of its own
    why = slot.restart or "not running"
    started = [ContainerStarted(want.replica)]
    hooks = before_start(work, slot, have.id, *needs)
    action, pending = StartContainer(have.id, have.name, files), sign(work, slot, *needs)
    work.draft.add(action, why, *needs, hooks, pending, makes=started, of=want.replica)
    after_start(work, slot, have.id, have.name)


def _is_done(slot: Slot) -> bool:
    return not slot.starts and slot.want.kind == "job"


def _note_moved(
    work: Work, desired: Desired, services: Collection[str], apply: str, options: StartOptions
) -> None:
    """Say what has changed in the file since the containers of services were made, and which command applies it."""
    compared = View.of(desired, work.observed).slots
    changed = {s.want.service: s.why for s in compared if s.old and s.want.service in services}
    if changed:
        moved = ", ".join(f"{service}: {why}" for service, why in changed.items())
        how = " ".join(["stackctl", apply, *options.services])
        work.draft.notes.append(
            f"the file has changed since: {moved}; the containers stay as they are ({how} applies it)"
        )


def _live(work: Work, containers: Iterable[DesiredContainer]) -> LivePlan:
    plan: Plan = work.draft.plan()
    desired = replace(work.desired, containers=tuple(containers))
    return LivePlan(plan.project, plan.steps, plan.notes, desired=desired)
