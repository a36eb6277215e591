"""The volumes that a user is about to lose, for the question before it."""

from __future__ import annotations

import time
from collections.abc import Iterable

from stackctl.planner.down import LostVolume
from stackctl.show.text.amounts import ago, quoted, size
from stackctl.show.text.style import PLAIN, Style
from stackctl.show.text.table import table


def lost_text(
    volumes: Iterable[LostVolume],
    *,
    style: Style = PLAIN,
    now: float | None = None,
) -> str:
    """The volumes that a user is about to lose: name, service, age, size. `now` is in seconds since the epoch."""
    now = time.time() if now is None else now
    rows = [
        (
            quoted(volume.name),
            f"anonymous, of {quoted(volume.service)}" if volume.anonymous else quoted(volume.service),
            ago(now - volume.created) if volume.created else "",
            "" if volume.size is None else size(volume.size),
        )
        for volume in volumes
    ]
    return table(["VOLUME", "OF", "CREATED", "SIZE"], rows, style, ("CREATED", "OF"))
