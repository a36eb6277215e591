"""How to tell that a service is ready."""

from msgspec import Struct

from stackctl.spec.model.keys import Check, key
from stackctl.spec.structure import Annotated
from stackctl.spec.values import (
    Duration,
    HealthTest,
    HttpTarget,
    Pattern,
)


class Healthcheck(Struct, frozen=True, kw_only=True):
    """How to tell that the service is ready: one of `test`, `tcp`, `http`, `log`. Of these, Compose has only `test`."""

    test: Annotated[HealthTest | None, key("A command run in the container: exit 0 means healthy.")] = None
    tcp: Annotated[
        int | None, key("Ready when this port of the container accepts a connection.", own=True)
    ] = None
    http: Annotated[
        HttpTarget | None, key('Ready when this answers 200 to 399, e.g. ":8000/health".', own=True)
    ] = None
    log: Annotated[
        Pattern | None,
        key("Ready when this regular expression appears in the log since the start.", own=True),
    ] = None
    interval: Annotated[Duration | None, key("Time between two checks (30s).")] = None
    timeout: Annotated[Duration | None, key("How long one check may take (30s).")] = None
    retries: Annotated[int | None, key("Failures in a row before it counts as unhealthy (3).")] = None
    start_period: Annotated[
        Duration | None, key("Time after the start in which failures do not count (0s).")
    ] = None
    start_interval: Annotated[
        Duration | None, key("Time between two checks during the start period (5s).")
    ] = None
    disable: Annotated[bool, key("Drop the image's own check.")] = False

    def check(self) -> Check:
        ways = [name for name in ("test", "tcp", "http", "log") if getattr(self, name) is not None]
        if len(ways) > 1:
            yield (), f"one check, not {len(ways)}: {', '.join(ways)}", "keep the one that says most"
        if self.disable and ways:
            yield (), f"disabled, and yet {ways[0]} is given", "keep one of the two"
        if self.start_interval and not self.start_period:
            yield (
                ("start_interval",),
                "start_interval means something only within a start_period",
                "add start_period",
            )
        if self.tcp is not None and not 0 < self.tcp < 65536:
            yield ("tcp",), f"ports go from 1 to 65535, found {self.tcp}", ""
        if self.retries is not None and self.retries < 0:
            yield ("retries",), "cannot be negative", ""
