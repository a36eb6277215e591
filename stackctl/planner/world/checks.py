"""The healthcheck of a service in its two forms: the check that the engine runs, and the checks that stackctl runs while it waits."""

from __future__ import annotations

from collections.abc import Iterator

from stackctl.planner.world.desired import DesiredContainer, DesiredHealthcheck
from stackctl.planner.world.observed import ObservedContainer
from stackctl.planner.world.probes import (
    CommandProbe,
    HttpProbe,
    LogProbe,
    Probe,
    ProtocolProbe,
    TcpProbe,
    Timing,
)
from stackctl.spec.model import Healthcheck as Check
from stackctl.spec.model import Job, Service
from stackctl.spec.server import server
from stackctl.spec.values import Duration

_NONE = ("NONE",)


def healthcheck(service: Service) -> DesiredHealthcheck | None:
    """The check that is written into the container: a command or its timing. Only stackctl runs tcp, http and log checks."""
    check = service.healthcheck
    if check is None or check.tcp is not None or check.http or check.log:
        return None
    if _disabled(check):
        return DesiredHealthcheck(test=_NONE)
    return DesiredHealthcheck(
        test=check.test.test if check.test else (),
        interval=_seconds(check.interval),
        timeout=_seconds(check.timeout),
        retries=check.retries,
        start_period=_seconds(check.start_period),
        start_interval=_seconds(check.start_interval),
    )


def timing(check: Check | None) -> Timing:
    """When to ask. Docker's defaults are used for what the file does not say."""

    def given(duration: Duration | None, default: float) -> float:
        return default if duration is None else duration.seconds

    usual = Timing()
    if check is None:
        return usual
    return Timing(
        interval=given(check.interval, usual.interval),
        timeout=given(check.timeout, usual.timeout),
        retries=usual.retries if check.retries is None else check.retries,
        start_period=given(check.start_period, usual.start_period),
        start_interval=given(check.start_interval, usual.start_interval),
    )


def probes(service: Service) -> Iterator[Probe]:
    """The service's own check, and the built-in check of a known image if the container runs its server.

    Both are used: the service's own check may already pass, through a Unix socket, while the server is still being set up.
    """
    check = service.healthcheck
    if check and _disabled(check):
        return
    if check and check.test:
        yield CommandProbe(check.test.test)
    if check and check.tcp is not None:
        yield TcpProbe(check.tcp)
    if check and check.http:
        yield HttpProbe(check.http.port, check.http.path)
    if check and check.log:
        yield LogProbe(check.log.regex)
    yield from _built_in(service)


def _built_in(service: Service) -> Iterator[ProtocolProbe]:
    known = server(service)
    command = service.command.argv if service.command else None
    if service.builtin_check and known and known.protocol and not isinstance(service, Job):
        connection = known.connection(service.resolved, command)
        yield ProtocolProbe(
            protocol=known.protocol,
            port=connection.port,
            fallback=known.ready(service.resolved, command),
            user=connection.user,
            database=connection.database,
            password=connection.password,
        )


def _disabled(check: Check) -> bool:
    return check.disable or (check.test is not None and check.test.test == _NONE)


def _seconds(duration: Duration | None) -> float | None:
    return None if duration is None else duration.seconds


def unanswered(want: DesiredContainer, have: ObservedContainer) -> tuple[Probe, ...]:
    """The checks of a container whose result the engine's health does not tell."""
    healthy = have.health == "healthy"
    return tuple(probe for probe in want.probes if not (healthy and isinstance(probe, CommandProbe)))
