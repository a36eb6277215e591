"""Let an engine count what its data take."""

from __future__ import annotations

from stackctl.engine.transport.client import ANSWER_TIMEOUT, Json, RefusedError, WireClient

_BUSY = "disk usage operation is already running"
"""What Engine 20.10 says while it counts for another caller."""


def disk_usage(client: WireClient, kind: str | None = None) -> Json:
    """The answer to GET /system/df, about all or one kind of data. It is empty while the engine counts for another caller, who learns the sizes then."""
    try:
        return client.get("system", "df", timeout=ANSWER_TIMEOUT, type=kind)
    except RefusedError as error:
        if _BUSY not in error.message:
            raise
        return {}
