"""Where the variables of a container come from, for `env --from`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from stackctl.show.text.safe import one_line
from stackctl.show.text.style import PLAIN, Style
from stackctl.show.text.table import table
from stackctl.spec.output.redact import redacted
from stackctl.spec.source.origins import EnvironmentVariable, Setting

VERSION = 1
"""The version of the JSON; version 1 only ever gains keys."""
_WORDS = {"variables": "", "shell": ""}
"""For what is passed through, the source says all."""


def origins_text(
    variables: Sequence[EnvironmentVariable], *, style: Style = PLAIN, show_secrets: bool = False
) -> str:
    """A table; what a value hides stands in the last column, the nearest first."""
    cells = []
    for each in variables:
        hidden = (
            f"{_from(setting)}: {_shown(each.name, setting, show_secrets=show_secrets)}"
            for setting in each.shadowed
        )
        value = _shown(each.name, each.setting, show_secrets=show_secrets)
        cells.append([one_line(each.name), value, _from(each.setting), "; ".join(hidden)])
    return table(["VARIABLE", "VALUE", "FROM", "HIDES"], cells, style, ("HIDES", "VALUE"))


def origins_json(
    variables: Iterable[EnvironmentVariable], project: str, service: str, *, show_secrets: bool = False
) -> dict[str, Any]:
    """The variables as JSON, version 1. `origin` is environment, shell, variables (`.env` or a file of `--env-file`), env_file or image;
    `value` is null if the variable is taken away.
    """

    def told(name: str, setting: Setting) -> dict[str, Any]:
        return {
            "value": setting.value if show_secrets else redacted(setting.value, name),
            "origin": setting.kind,
            "source": setting.source,
            "variables": [{"name": each.name, "source": each.place} for each in setting.variables],
        }

    return {
        "version": VERSION,
        "project": project,
        "service": service,
        "variables": [
            {
                "name": each.name,
                **told(each.name, each.setting),
                "shadowed": [told(each.name, setting) for setting in each.shadowed],
            }
            for each in variables
        ],
    }


def _from(setting: Setting) -> str:
    filled = ", ".join(f"{each.name}: {each.place or 'default'}" for each in setting.variables)
    words = f"{_WORDS.get(setting.kind, setting.kind)} {setting.source}" + (f" ({filled})" if filled else "")
    return one_line(words)


def _shown(name: str, setting: Setting, *, show_secrets: bool) -> str:
    if setting.value is None:
        return "(not set: taken away)"
    return one_line(setting.value if show_secrets else redacted(setting.value, name))
