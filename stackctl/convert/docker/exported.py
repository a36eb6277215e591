"""The scripts that `stackctl export bash` writes. They say in comments what their commands cannot: the project, and who needs whom."""

from __future__ import annotations

import re
from collections.abc import Mapping

from msgspec import Struct

from stackctl.convert.bash.grammar import Script
from stackctl.convert.bash.script import DockerCommand
from stackctl.convert.bash.shell import HERE, Word
from stackctl.convert.unset import without_variable

_HEAD = r"#!.*\n(?:# shellcheck .*\n)?# The stack (\S+), written by `stackctl export bash` "
_CONTAINER = r"(?m)^ *# (\S+), a (service|job)(?:: it needs (.+))?\.$"
_NEED = r"([a-zA-Z0-9][a-zA-Z0-9._-]*)(?: \(([a-z ]+)\))?"
_CONDITIONS = {"only started": "service_started", "healthy": "service_healthy"}


class Exported(Struct, frozen=True):
    """What the comments say. `needs` are the tables of `depends_on`."""

    service: str
    section: str
    needs: Mapping[str, Mapping[str, object]]


class Export(Struct, frozen=True):
    """A script that stackctl has written."""

    project: str
    services: Mapping[int, Exported]
    """By the line of the comment above the commands that make the container."""

    def service(self, command: DockerCommand) -> Exported | None:
        """What the nearest comment above a command says."""
        return self.services.get(max((line for line in self.services if line < command.line), default=0))

    def container_name(self, service: str) -> str:
        return f"{self.project}-{service}-1"

    def key(self, name: str) -> str:
        """The key of a network or a volume in the stack.toml."""
        key = name.removeprefix(f"{self.project}_") or name
        return re.sub(r"^[^a-zA-Z0-9]+|[^a-zA-Z0-9._-]", "-", key).lstrip("._-") or "other"

    def is_usual(self, name: str, key: str) -> bool:
        """Whether a network or a volume with this key has this name if the stack.toml gives no other."""
        return name == f"{self.project}_{key}"

    def words(self, command: DockerCommand) -> tuple[Word, ...]:
        """The words of a command, with paths below the directory of the script."""
        return tuple(Word(self.path(word.text), word.at) for word in command.words)

    def path(self, text: str) -> str:
        """A text with the directory of the script in place of the variable for it."""
        return without_variable(text, "STACK_DIR", HERE)


def exported(script: Script) -> Export | None:
    """What a script says of itself; None if stackctl has not written it."""
    head = re.match(_HEAD, script.text)
    if not head:
        return None
    services = {}
    for found in re.finditer(_CONTAINER, script.text):
        needs = {need[1]: _table(need[2] or "") for need in re.finditer(_NEED, found[3] or "")}
        line = script.text.count("\n", 0, found.start()) + 1
        services[line] = Exported(found[1], f"{found[2]}s", needs)
    return Export(head[1], services)


def _table(words: str) -> dict[str, object]:
    table: dict[str, object] = {}
    for word in filter(None, words.split(" and ")):
        if word in _CONDITIONS:
            table["condition"] = _CONDITIONS[word]
        elif word == "optional":
            table["required"] = False
    return table
