"""Where the output of a container goes."""

from collections.abc import Mapping

from msgspec import Struct

from stackctl.spec.model.keys import key, pair
from stackctl.spec.structure import Annotated
from stackctl.spec.text.parts import Text


class Logging(Struct, frozen=True, kw_only=True):
    """The driver that keeps what the container writes."""

    driver: Annotated[
        Text | None,
        key(
            "json-file, local, journald, syslog, none, … (the engine's default).",
            body="HostConfig.LogConfig.Type",
            flag="log-driver",
        ),
    ] = None
    options: Annotated[
        Mapping[str, Text],
        key(
            "Options of the driver, such as max-size.",
            listed=pair(),
            body="HostConfig.LogConfig.Config",
            flag="log-opt",
            sent=dict,
        ),
    ] = {}
