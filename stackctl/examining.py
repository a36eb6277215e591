"""Examine an engine, this machine and what stackctl has made: the facts that `doctor` judges."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable
from contextlib import suppress

from msgspec import Struct

from stackctl.engine.machine import machine
from stackctl.engine.protocol import Engine
from stackctl.engine.transport.endpoint import passed_over, resolve
from stackctl.errors import EngineError, StackError
from stackctl.one_off import OneOff
from stackctl.planner.before.images import ImageOptions
from stackctl.planner.doctor import Examination
from stackctl.planner.life.debug import image_with_shell
from stackctl.planner.life.options import RunOptions
from stackctl.planner.steps.outcome import succeed
from stackctl.planner.world.containers import instance_of
from stackctl.planner.world.desire import desire
from stackctl.planner.world.desired import Desired
from stackctl.planner.world.inspected import Inspected
from stackctl.planner.world.observed import Observed, ObservedContainer
from stackctl.spec.model import PullPolicy, Service, Stack
from stackctl.spec.values import NetworkMode

_NAME = "docker.com"
"""A name that every name server of the internet knows."""


class ExamineOptions(Struct, frozen=True, kw_only=True):
    """What is examined. `project`: only what stackctl made for it; "" for all. `sizes`: what the engine's data take. `deep`: start a
    container that asks for a name.
    """

    host: str | None = None
    context: str | None = None
    project: str = ""
    sizes: bool = False
    deep: bool = False


def examine(connect: Callable[[], Engine], stack: Stack | None, asked: ExamineOptions) -> Examination:
    """All facts. `connect` gives the engine, or raises StackError: then only this machine is examined."""
    try:
        chosen = resolve(asked.host, asked.context)
    except StackError as error:
        return _without_engine(error, asked)
    others = passed_over(chosen, asked.host, asked.context)
    try:
        engine = connect()
        observed, examined = engine.observe(), engine.examined(sizes=asked.sizes)
    except StackError as error:
        return _without_engine(error, asked, chosen.said_by, others)
    near = observed.engine.shares_paths
    running = [
        each
        for each in observed.containers
        if each.project and asked.project in ("", each.project) and each.state == "running"
    ]
    return Examination(
        observed=observed,
        examined=examined,
        machine=machine(
            root=examined.root if near else "",
            takes_resolvers=observed.engine.reaches_containers,
            chosen=chosen.said_by,
            others=others,
        ),
        project=asked.project,
        desired=_desired(stack, observed) if stack else None,
        inspected=_inspected(engine, running),
        names_inside=_names_inside(engine, observed) if asked.deep else None,
        names_here=_knows_names() if asked.deep else True,
    )


def _inspected(engine: Engine, containers: Iterable[ObservedContainer]) -> dict[str, Inspected]:
    """What the engine says of each container. One that is gone meanwhile is left out."""
    found = {}
    for container in containers:
        with suppress(EngineError):
            found[container.id] = engine.inspect(container.id)
    return found


def _without_engine(
    error: StackError, asked: ExamineOptions, chosen: str = "", others: tuple[str, ...] = ()
) -> Examination:
    here = machine(root="", takes_resolvers=False, chosen=chosen, others=others)
    return Examination(problem=(error.message, error.hint), machine=here, project=asked.project)


def _desired(stack: Stack, observed: Observed) -> Desired | None:
    try:
        return desire(stack, instance=instance_of(observed, stack.project) or "", profiles=["*"])
    except StackError:
        return None  # `check` tells why


def _names_inside(engine: Engine, observed: Observed) -> bool | None:
    """Whether a container knows a name of the internet; None if no image is here with which to ask."""
    image = image_with_shell(observed.images)
    if image is None:
        return None
    service = Service(image=image, network_mode=NetworkMode("bridge"))
    stack = Stack(project="stackctl-doctor", services={"dns": service})
    argv = ("/bin/sh", "-c", f"getent hosts {_NAME} || nslookup {_NAME}")
    one_off = OneOff(
        stack, engine, "dns", RunOptions(entrypoint=argv[:1], command=argv[1:], dependencies=False)
    )
    try:
        succeed(one_off.prepare(images=ImageOptions(no_build=True, pull=PullPolicy.never)))
        return one_off.collect().exit_code == 0
    finally:
        one_off.discard()


def _knows_names() -> bool:
    try:
        socket.getaddrinfo(_NAME, 443)
    except OSError:
        return False
    return True
