"""What a wait asks of a container, as values. A script and a lesson ask the same questions, each in its own words."""

from __future__ import annotations

import re
from collections.abc import Iterator

from msgspec import Struct

from stackctl.planner.steps.actions import WaitFor
from stackctl.planner.world.desired import DesiredContainer
from stackctl.planner.world.probes import CommandProbe, HttpProbe, LogProbe, Probe, ProtocolProbe, TcpProbe
from stackctl.spec.model import Condition

_TRAITS = r"\\[dwsbDWSBAZ]|\(\?|[*+?}][?+]"
"""What a regular expression of Python may have that only `grep -P` understands."""


class CommandQuestion(Struct, frozen=True):
    """Does this command in the container end with 0?"""

    words: tuple[str, ...]


class PortQuestion(Struct, frozen=True):
    """Does a container in the network get a connection to the port?"""

    network: str
    host: str
    port: int


class HttpQuestion(Struct, frozen=True):
    """Does a container in the network get an answer with a status of 200 to 399?"""

    network: str
    host: str
    port: int
    path: str


class LogQuestion(Struct, frozen=True):
    """Has the log a line that `grep` finds with this option and pattern?"""

    option: str
    pattern: str


class HealthQuestion(Struct, frozen=True):
    """Does the engine say that the container is healthy?"""


class StateQuestion(Struct, frozen=True):
    """Does the container run?"""


Question = CommandQuestion | PortQuestion | HttpQuestion | LogQuestion | HealthQuestion | StateQuestion


def questions(wait: WaitFor, spec: DesiredContainer | None, container: str) -> Iterator[Question]:
    """The questions that all must have a yes, for a wait until a service is ready. `container`: what docker calls it."""
    network, host = _seen_from(spec, container)
    if wait.probes:
        yield from (_question(probe, network, host) for probe in wait.probes)
    elif wait.condition is Condition.healthy:
        yield HealthQuestion()
    elif wait.ports:
        yield from (PortQuestion(network, host, port) for port in wait.ports)
    else:
        yield StateQuestion()


def _seen_from(spec: DesiredContainer | None, container: str) -> tuple[str, str]:
    """The network in which another container can ask, and the host that it asks."""
    if spec and spec.networks:
        return spec.networks[0].network, spec.name
    if spec and spec.network_mode == "host":
        return "host", "127.0.0.1"
    return f"container:{container}", "127.0.0.1"


def _question(probe: Probe, network: str, host: str) -> Question:
    match probe:
        case CommandProbe(("CMD-SHELL", line)):
            return CommandQuestion(("/bin/sh", "-c", line))
        case CommandProbe(test):
            return CommandQuestion(test[1:])
        case ProtocolProbe(fallback=fallback) if fallback:
            return CommandQuestion(tuple(fallback))
        case TcpProbe(port) | ProtocolProbe(port=port):
            return PortQuestion(network, host, port)
        case HttpProbe(port, path):
            return HttpQuestion(network, host, port, path)
        case LogProbe(regex):
            return LogQuestion("-P" if re.search(_TRAITS, regex) else "-E", regex)
