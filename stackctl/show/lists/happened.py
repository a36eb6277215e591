"""What happens to containers, for `events`."""

from __future__ import annotations

import json

from stackctl.planner.world import labels
from stackctl.planner.world.asked import Happened
from stackctl.show.text.safe import one_line
from stackctl.spec.output.redact import redacted

VERSION = 1
"""The version of the JSON; version 1 only ever gains keys."""
_OURS = (labels.PREFIX, "com.docker.compose.")


def event_text(event: Happened) -> str:
    """A line as Compose writes it: time, action, id, attributes."""
    day, _, clock = event.time.partition("T")
    attributes = ", ".join(f"{key}={value}" for key, value in sorted(_attributes(event).items()))
    text = f"{day} {clock.rstrip('Z')[:15]} container {event.action} {event.container} ({attributes})"
    return one_line(text)


def event_json(event: Happened) -> str:
    """An event as a JSON object on one line, version 1: the keys of Compose's `events --json`, and `version`, `container` and `number`."""
    return json.dumps(
        {
            "version": VERSION,
            "time": event.time,
            "type": "container",
            "action": event.action,
            "id": event.container,
            "service": event.attributes.get(labels.SERVICE, ""),
            "number": int(event.attributes.get(labels.NUMBER) or 1),
            "container": event.attributes.get("name", ""),
            "attributes": _attributes(event),
        }
    )


def _attributes(event: Happened) -> dict[str, str]:
    """Without the labels of stackctl and Compose, and without secrets."""
    kept = {key: value for key, value in event.attributes.items() if not key.startswith(_OURS)}
    return dict(redacted(kept))
