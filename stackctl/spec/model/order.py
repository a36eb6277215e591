"""What has to be there first."""

from enum import StrEnum

from msgspec import Struct

from stackctl.spec.model.keys import key
from stackctl.spec.structure import Annotated


class Condition(StrEnum):
    """What a dependent waits for. Compose does not have `ready`: healthy for a service with a check, completed for a job, else
    started.
    """

    started = "service_started"
    healthy = "service_healthy"
    completed = "service_completed_successfully"
    ready = "ready"


class Dependency(Struct, frozen=True, kw_only=True):
    """A service or job that comes first."""

    condition: Annotated[Condition, key("What to wait for.")] = Condition.ready
    required: Annotated[bool, key("Whether this one starts even if the other is missing or fails.")] = True
    restart: Annotated[bool, key("Whether this one is restarted after the other was recreated.")] = False
