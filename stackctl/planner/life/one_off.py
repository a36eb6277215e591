"""A one-off: a container of a service that runs once, with a command of its own, beside the containers of the service."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec.structs import replace

from stackctl.errors import UsageError
from stackctl.planner.life.options import RunOptions
from stackctl.planner.steps.actions import CreateContainer, RemoveContainer, RunHook, StartContainer, WaitFor
from stackctl.planner.steps.plan import Step
from stackctl.planner.world import labels
from stackctl.planner.world.containers import of_project
from stackctl.planner.world.desired import Attachment, Desired, DesiredContainer
from stackctl.planner.world.observed import Observed, ObservedContainer
from stackctl.planner.world.replica import Replica
from stackctl.spec.model import Job, Mount, Port, Stack
from stackctl.spec.model.mounts import BindOptions, VolumeOptions
from stackctl.spec.structure import Mistake
from stackctl.spec.text.parts import Text
from stackctl.spec.values import Address, PortRange, Restart
from stackctl.spelling import did_you_mean


def with_variant(stack: Stack, name: str, options: RunOptions) -> Stack:
    """The stack in which the service is what a one-off of it should be. The hooks of `pre_start` prepare the service, so they are
    left out; those of `post_start` are run in the one-off, too (as Compose 5.6.1 does).

    Raises UsageError for a name that is no service or job, and for a mount or port that cannot be read.
    """
    if name not in stack.everything:
        there = f"there are: {', '.join(stack.everything)}" if stack.everything else ""
        raise UsageError(f"no such service: {name}", did_you_mean(name, stack.everything, there))
    service = stack.everything[name]
    mounts = [_mount(text, stack) for text in options.volumes]
    covered = {mount.target for mount in mounts}
    given: dict[str, Any] = {
        "user": None if options.user is None else Text(options.user),
        "working_dir": options.working_dir,
    }
    own = replace(
        service,
        **{key: value for key, value in given.items() if value is not None},
        ports=(*(service.ports if options.service_ports else ()), *map(_port, options.ports)),
        volumes=(*(mount for mount in service.volumes if mount.target not in covered), *mounts),
        cap_add=(*service.cap_add, *options.cap_add),
        cap_drop=(*service.cap_drop, *options.cap_drop),
        tty=options.tty or (options.detach and service.tty),
        stdin_open=options.stdin or (options.detach and service.stdin_open),
        container_name=None,
        mac_address=None,
        pre_start=(),
        scale=1,
        restart=Restart("no"),
    )
    if isinstance(own, Job):
        return replace(stack, jobs={**stack.jobs, name: own})
    return replace(stack, services={**stack.services, name: own})


def with_one_off(desired: Desired, name: str, container: str, options: RunOptions) -> Desired:
    """The stack with a one-off instead of the service's own containers, which are left alone. `desired` is made from
    `with_variant`. `container` is the name of the one-off; a plan knows it by that name as well.
    """
    others = tuple(want for want in desired.containers if want.service != name)
    (own,) = (want for want in desired.containers if want.service == name)
    one_off = _one_off(own, container, options)
    services = {key: service for key, service in desired.services.items() if key != name}
    return replace(
        desired,
        containers=(*others, one_off),
        services={**services, container: desired.services[name]},
        named=frozenset[str](),
    )


def hooks_of_run(steps: tuple[Step, ...], container: str) -> tuple[RunHook, ...]:
    """The hooks that are run in the one-off once it has started."""
    return tuple(
        step.action for step in steps if step.of == Replica(container) and isinstance(step.action, RunHook)
    )


def steps_of_run(steps: tuple[Step, ...], container: str, options: RunOptions) -> tuple[Step, ...]:
    """The steps, without those that wait for the one-off, and without its start and hooks if it is attached: who attaches starts it."""
    left_out = (WaitFor,) if options.detach else (WaitFor, StartContainer, RunHook)
    return tuple(
        step for step in steps if step.of != Replica(container) or not isinstance(step.action, left_out)
    )


def never_began(observed: Observed, project: str, container: str) -> ObservedContainer | None:
    """The container that an earlier run of this project has made under that name, and has not started: it was killed in between."""
    for there in of_project(observed.containers, project):
        if (there.name, there.kind, there.state) == (container, "run", "created"):
            return there
    return None


def instead_of(there: ObservedContainer, steps: tuple[Step, ...]) -> tuple[Step, ...]:
    """The steps of a run, with the removal of what has the name of its container."""
    removal = Step(
        0,
        RemoveContainer(there.id, there.name, volumes=True),
        "a run was killed before it started",
        frozenset(),
        Replica(there.name),
    )
    return (
        removal,
        *(
            replace(step, after=step.after | {removal.id})
            if step.of == removal.of and isinstance(step.action, CreateContainer)
            else step
            for step in steps
        ),
    )


def _one_off(own: DesiredContainer, container: str, options: RunOptions) -> DesiredContainer:
    command = options.command
    if command is None and options.entrypoint is not None:
        command = ()
    return replace(
        own,
        name=container,
        service=container,
        kind="run",
        command=own.command if command is None else command,
        entrypoint=own.entrypoint if options.entrypoint is None else options.entrypoint,
        environment={**own.environment, **options.environment},
        labels={
            **own.labels,
            **options.labels,
            labels.KIND: "run",
            labels.COMPOSE_ONEOFF: "True",
        },
        networks=tuple(_place(place, own.name, container, options) for place in own.networks),
        restart="no",
        restart_times=0,
        auto_remove=options.remove,
        attached=options.stdin and not options.detach,
        terminal_size=options.terminal_size if options.tty else None,
    )


def _place(place: Attachment, own: str, container: str, options: RunOptions) -> Attachment:
    """The place of the one-off. Addresses belong to the container of the service, which may run."""
    names = place.aliases if options.use_aliases else ()
    use = replace(place.use, ipv4_address=None, ipv6_address=None, mac_address=None, link_local_ips=())
    return replace(place, aliases=(container, *(name for name in names if name != own)), use=use)


def _mount(text: str, stack: Stack) -> Mount:
    try:
        table = Mount.short(text)
    except ValueError as error:
        raise UsageError(f"the volume {text!r}: {error}") from error
    bind, volume = table.pop("bind", None), table.pop("volume", None)
    mount = Mount(
        **table,
        bind=BindOptions(**bind) if bind else None,
        volume=VolumeOptions(**volume) if volume else None,
    )
    if problem := next(iter(mount.check()), None):
        raise UsageError(f"the volume {text!r}: {problem[1]}", problem[2])
    if mount.type == "volume" and mount.source and mount.source not in stack.volumes:
        there = did_you_mean(mount.source, stack.volumes, f"declare it: [volumes.{mount.source}]")
        raise UsageError(f"no such volume: {mount.source}", there)
    return mount


def _port(text: str) -> Port:
    try:
        return Port(**dict(_port_parts(Port.short(text))))
    except Mistake as mistake:
        raise UsageError(f"the port {text!r}: {mistake}", mistake.hint) from mistake
    except ValueError as error:
        raise UsageError(f"the port {text!r}: {error}") from error


def _port_parts(table: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    parsers = {"target": PortRange.parse, "published": PortRange.parse, "host_ip": Address.parse}
    for key, value in table.items():
        yield key, parsers[key](value) if key in parsers else value
