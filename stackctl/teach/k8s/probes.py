"""Probes from checks. The startup probe waits as long as `up` would; then the readiness probe decides who gets connections; the liveness
probe asks only whether the port still accepts one, because Docker restarts no container that is unhealthy.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from stackctl.planner.up.needs import ports_to_ask
from stackctl.planner.world.desired import DesiredContainer
from stackctl.planner.world.probes import CommandProbe, HttpProbe, LogProbe, Probe, ProtocolProbe, TcpProbe
from stackctl.spec.model import Healthcheck
from stackctl.spec.values import Duration
from stackctl.teach.compose.texts import Keys, without_none
from stackctl.teach.k8s.context import Exporting
from stackctl.teach.k8s.values import ContainerWords

_STARTUP = 120
"""Seconds that a container has to answer for the first time, if its check does not say more: what `up` waits by default."""
_PERIOD = 2
"""Seconds between two questions of the startup probe."""
_TIMEOUT = 5
"""Seconds that an answer may take. Kubernetes would wait for one."""


def probes(export: Exporting, spec: DesiredContainer, words: ContainerWords) -> Keys:
    """The probes of a service."""
    asked = [probe for probe in _asked(spec) if not isinstance(probe, LogProbe)]
    check = spec.settings.healthcheck or Healthcheck()
    if check.log:
        export.say(
            spec,
            ("healthcheck", "log"),
            "no probe reads a log",
            "write a check with http, tcp or test; until then the Pod counts as ready as soon as it runs",
        )
    if not asked:
        if not check.log and not check.disable:
            export.say(
                spec,
                ("healthcheck",),
                "there is no check, and Kubernetes does not read the HEALTHCHECK of an image: the Pod counts as ready as soon as it"
                " runs",
                'write a check: healthcheck = { tcp = PORT } or { http = ":PORT/PATH" }',
            )
        return {}
    own, server = asked[0], asked[-1]
    times = {
        "periodSeconds": _seconds(check.interval),
        "timeoutSeconds": _seconds(check.timeout) or _TIMEOUT,
        "failureThreshold": check.retries or None,
    }
    period = _seconds(check.start_interval) or _PERIOD
    whole = max(_STARTUP, spec.timing.start_period + spec.timing.retries * spec.timing.interval)
    startup = {
        "periodSeconds": period,
        "timeoutSeconds": times["timeoutSeconds"],
        "failureThreshold": math.ceil(whole / period),
    }
    port = _port(asked)
    alive = None if port is None else {"tcpSocket": {"port": port}, **without_none(times)}
    return without_none(
        {
            "startupProbe": {**_question(server, words), **startup},
            "readinessProbe": {**_question(own, words), **without_none(times)},
            "livenessProbe": alive,
        }
    )


def _asked(spec: DesiredContainer) -> Iterator[Probe]:
    """The checks of a service: its own, that of a known server, or else its first published port."""
    yield from spec.probes
    yield from (TcpProbe(port) for port in ports_to_ask(spec)[:1])


def _question(probe: Probe, words: ContainerWords) -> Keys:
    match probe:
        case CommandProbe(test):
            return {"exec": {"command": words.executed(test, "healthcheck")}}
        case HttpProbe(port, path):
            return {"httpGet": {"path": path, "port": port}}
        case ProtocolProbe(fallback=command) if command:
            return {"exec": {"command": words.executed(command, "healthcheck")}}
        case TcpProbe(port) | ProtocolProbe(port=port):
            return {"tcpSocket": {"port": port}}
    raise AssertionError(probe)


def _port(asked: Sequence[Probe]) -> int | None:
    """The port that the checks ask; None if only a command knows it."""
    ports = (each.port for each in asked if isinstance(each, TcpProbe | HttpProbe | ProtocolProbe))
    return next(ports, None)


def _seconds(duration: Duration | None) -> int | None:
    """Whole seconds, at least one; None for what the file does not say, or says with 0."""
    return duration.whole_seconds or None if duration else None
