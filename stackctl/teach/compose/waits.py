"""What Compose waits for, instead of what stackctl waits for: a container's health check, and the conditions of those who depend on it.
Compose can ask only in the container, stackctl also from outside.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from stackctl.planner.up.needs import ports_to_ask
from stackctl.planner.world.desired import DesiredContainer, DesiredHealthcheck, Need
from stackctl.planner.world.probes import CommandProbe, HttpProbe, LogProbe, Probe, ProtocolProbe, TcpProbe
from stackctl.spec.model import Condition
from stackctl.spec.values import Duration
from stackctl.teach.compose.texts import Keys, Tree, noted, without_none, words

_NONE = ("NONE",)
_ASKING = {"interval": "1s", "timeout": "5s", "retries": 120}
"""How often a check asks that is written for a known image: at least as long as `up` waits. Docker would ask only every 30 s."""
_ADDED = (
    "stackctl asks the server itself, and adds no check to the container. Compose can wait only for a check in the container: "
    "this one asks the same."
)


def healthcheck(spec: DesiredContainer) -> Tree | None:
    """The check of a container: its own, or for a known image the one that asks what stackctl asks from outside."""
    check, server = spec.healthcheck or DesiredHealthcheck(), _server(spec)
    if check.test == _NONE:
        return {"disable": True}
    added = bool(server) and not check.test
    test = ("CMD", *server.fallback) if server and added else check.test
    times = {
        name: None if seconds is None else str(Duration(seconds))
        for name, seconds in (
            ("interval", check.interval),
            ("timeout", check.timeout),
            ("start_period", check.start_period),
        )
    }
    keys = without_none(
        {
            "test": words(test, "healthcheck", spec.service) if test else None,
            **(_ASKING if added else {}),
            **without_none(times),
            **without_none({"retries": check.retries}),
        }
    )
    notes = [_ADDED] if added else []
    if check.start_interval is not None:
        left_out = f"start_interval: {Duration(check.start_interval)}"
        notes.append(f"{left_out} is left out, because engines before 25 refuse it.")
    return noted(keys, notes) if keys or notes else None


def depends_on(spec: DesiredContainer, there: Mapping[str, DesiredContainer]) -> Tree | None:
    """What a container waits for. `there`: all containers, by service."""
    return {need.service: _dependency(need, there[need.service]) for need in spec.needs} or None


def readiness_notes(spec: DesiredContainer) -> Iterator[str]:
    """What stackctl waits for and Compose cannot wait for."""
    probes = [*_only_stackctl(spec)]
    if not probes:
        return
    yield f"stackctl waits {_until(probes)}. Compose cannot ask that from outside."
    if not _has_check(spec) and (example := next(filter(None, map(_example, probes)), None)):
        yield (
            "If the image has a command such as this one, write it here, and condition: service_healthy where others "
            "depend on this service:"
        )
        yield "   healthcheck:"
        yield f"     test: {json.dumps(example)}"


def _dependency(need: Need, other: DesiredContainer) -> Tree:
    condition, notes = need.condition, list[str]()
    if condition in (Condition.ready, Condition.healthy):
        probes = [*_only_stackctl(other)]
        if _has_check(other) or (condition is Condition.healthy and not probes):
            condition = Condition.healthy
        else:
            condition = Condition.started
            notes = [f"stackctl waits {_until(probes) if probes else _until_unknown(other)}."]
    keys: Keys = {
        "condition": condition.value,
        "required": None if need.required else False,
        "restart": need.restart or None,
    }
    return noted(without_none(keys), notes)


def _server(spec: DesiredContainer) -> ProtocolProbe | None:
    """The question to the server of a known image, if the image has a command that asks it."""
    return next((each for each in spec.probes if isinstance(each, ProtocolProbe) and each.fallback), None)


def _has_check(spec: DesiredContainer) -> bool:
    """Whether the engine runs a check in the container."""
    check = spec.healthcheck
    return _server(spec) is not None or (check is not None and check.test != _NONE)


def _only_stackctl(spec: DesiredContainer) -> Iterator[Probe]:
    """The checks that Compose cannot wait for."""
    own_test = bool(spec.healthcheck and spec.healthcheck.test)
    for probe in spec.probes:
        if not isinstance(probe, CommandProbe) and (own_test or probe is not _server(spec)):
            yield probe


def _until(probes: list[Probe]) -> str:
    return "until " + " and ".join(map(_answer, probes))


def _answer(probe: Probe) -> str:
    match probe:
        case TcpProbe(port):
            return f"port {port} accepts a connection"
        case HttpProbe(port, path):
            return f"GET :{port}{path} answers 200 to 399"
        case LogProbe(regex):
            return f"its log matches {regex}"
        case ProtocolProbe(protocol, port):
            return f"port {port} speaks {protocol}"
    return "its check passes"


def _until_unknown(spec: DesiredContainer) -> str:
    """What stackctl waits for if nobody has looked into the image."""
    own = "for the image's own check, if it has one (then write service_healthy)"
    ports = " and ".join(str(port) for port in ports_to_ask(spec))
    return f"{own}, else until port {ports} accepts a connection" if ports else own


def _example(probe: Probe) -> list[str]:
    match probe:
        case HttpProbe(port, path):
            return ["CMD", "wget", "-qO-", f"http://127.0.0.1:{port}{path}"]
        case TcpProbe(port) | ProtocolProbe(port=port):
            return ["CMD", "nc", "-z", "127.0.0.1", str(port)]
    return []
