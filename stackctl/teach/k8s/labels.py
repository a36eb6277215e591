"""Labels and annotations, as far as Kubernetes takes their names and texts."""

from __future__ import annotations

import re
from collections.abc import Mapping

from stackctl.planner.world.desired import DesiredContainer
from stackctl.teach.k8s.context import Exporting

_NAME = r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
_PREFIX = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*"


def labelled(
    export: Exporting,
    spec: DesiredContainer,
    key: tuple[str, ...],
    table: Mapping[str, str],
    *,
    notes: bool = False,
) -> tuple[dict[str, str], dict[str, str]]:
    """Labels, and as annotations what Kubernetes does not take as a label. `notes`: all are annotations. What it takes as neither is
    told.
    """
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    for name, text in table.items():
        if not _is_name(name):
            export.say(
                spec, (*key, name), "Kubernetes takes no such name of a label or annotation", "rename it"
            )
        elif export.values.holds_secret(text, name):
            export.say(spec, (*key, name), "it holds a secret, and everybody reads a label", "leave it out")
        elif not notes and re.fullmatch(f"({_NAME})?", text):
            labels[name] = str(text)
        else:
            annotations[name] = str(text)
    return labels, annotations


def _is_name(name: str) -> bool:
    """Whether Kubernetes takes the name of a label or annotation."""
    prefix, slash, rest = name.rpartition("/")
    fits = len(prefix) < 254 and re.fullmatch(_PREFIX, prefix)
    return bool(re.fullmatch(_NAME, rest)) and (not slash or bool(fits))
