"""The stack of this checkout: which project it is, and which host ports it has. Labels on the engine say it, else what is remembered,
else a rule.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from msgspec.structs import replace

from stackctl.engine.directories import BRANCH, head_of
from stackctl.engine.host import free_ports, is_free
from stackctl.engine.protocol import Look
from stackctl.engine.remembered import Checkout, Remembered, remembered
from stackctl.errors import Problem
from stackctl.planner.runs.checkouts import (
    CheckoutPlace,
    checked_out,
    in_use,
    new_project,
    ports_there,
    project_there,
    published,
    written_ports,
)
from stackctl.planner.runs.isolation import HostPorts
from stackctl.planner.runs.subnets import pool_of
from stackctl.planner.world.naming import Naming
from stackctl.planner.world.observed import Observed
from stackctl.spec.model import Stack
from stackctl.spec.source.reading import placing

_YES, _NO = ("1", "true", "t", "yes", "y", "on"), ("0", "false", "f", "no", "n", "off")
"""What click takes for a flag."""


def isolated(stack: Stack, engine: Look, *, named: bool = False) -> Stack:
    """The stack as the one of its checkout, beside those of other checkouts: with a project, names and host ports of its own.

    `named`: the stack's project is its name already, and is remembered only if no other directory has it. The name and the ports stay the same over `down`, other branches and days, if
    they are free. On an engine on another machine the engine chooses the ports, at each start.

    Raises SpecError for data that two checkouts would share, EngineError.
    """
    place = place_of(Path(Naming(stack, "").source))
    observed = engine.observe()
    with placing(stack), remembered() as memory:
        project = stack.project if named else _project(stack.project, place, engine.id, observed, memory)
        checkout = memory.of(engine.id, stack.project, place.directory)
        if checkout is None:
            checkout = Checkout(
                engine=engine.id, name=stack.project, directory=place.directory, project=project
            )
            if not named or project not in in_use(observed, place):
                memory.checkouts.append(checkout)
        checkout.project = project
        ports = _host_ports(stack, checkout, observed, memory)
        made = checked_out(stack, project, ports, pool_of(os.environ))
        notes = [*_other_ports(stack, checkout, ports)]
        checkout.ports |= {_key(each): number for each, number in ports.items()}
        return replace(made, problems=(*made.problems, *notes))


def meant(stack: Stack, engine: Look, environ: Mapping[str, str]) -> Stack:
    """The stack that the command line means here: that of the checkout alone, if STACKCTL_ISOLATED or else the file says so."""
    said = environ.get("STACKCTL_ISOLATED", "").lower()
    if said in _NO or (said not in _YES and stack.checkouts != "isolated"):
        return stack
    return isolated(stack, engine, named=bool(environ.get("STACKCTL_PROJECT")))


def project_of(base: str, source: Path, engine: Look) -> str:
    """The project of the checkout in which the file of a stack called `base` lies, even if the file cannot be read."""
    with remembered() as memory:
        return _project(base, place_of(source), engine.id, engine.observe(), memory)


def place_of(source: Path) -> CheckoutPlace:
    """Where a file lies: in which git checkout, and on which branch."""
    top = next((folder for folder in source.parents if (folder / ".git").exists()), source.parent)
    head = head_of(top / ".git")
    return CheckoutPlace(str(source), top.name, head.removeprefix(BRANCH) if head.startswith(BRANCH) else "")


def _project(base: str, place: CheckoutPlace, engine: str, observed: Observed, memory: Remembered) -> str:
    theirs = in_use(observed, place)
    known = memory.of(engine, base, place.directory)
    return (
        project_there(base, place, observed)
        or (known.project if known and known.project not in theirs else "")
        or new_project(base, place, lambda name: name in theirs or memory.has(engine, name, place.directory))
    )


def _host_ports(stack: Stack, checkout: Checkout, observed: Observed, memory: Remembered) -> HostPorts:
    """The host ports of a checkout: those that its containers have, those that are remembered and free, and new ones."""
    if not observed.engine.shares_loopback:
        return {}
    wanted = [*published(stack)]
    found = {key: port for key, port in ports_there(observed, checkout.project).items() if key in wanted}
    others = {
        port.published for c in observed.containers if c.project != checkout.project for port in c.ports
    }
    for key in wanted:
        number = checkout.ports.get(_key(key), 0)
        if number and key not in found and number not in others and is_free(number, key[2]):
            found[key] = number
    missing = [key for key in wanted if key not in found]
    avoid = others | memory.ports() | written_ports(stack) | {*found.values()}
    return {**found, **dict(zip(missing, free_ports((key[2] for key in missing), avoid), strict=True))}


def _other_ports(stack: Stack, checkout: Checkout, ports: HostPorts) -> Iterator[Problem]:
    """A note for each port that is another one than before, because somebody else has that one."""
    for key, number in ports.items():
        before = checkout.ports.get(_key(key), number)
        if before != number:
            table = "jobs" if key[0] in stack.jobs else "services"
            message = f"port {key[1]} is published on {number} from now on: {before} is taken"
            yield Problem((table, key[0], "ports"), message, severity="note")


def _key(port: tuple[str, int, str]) -> str:
    service, number, protocol = port
    return f"{service} {number}/{protocol}"
