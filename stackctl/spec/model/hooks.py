"""Hooks: commands before a container starts, after it has started, and before it stops."""

from collections.abc import Mapping
from typing import ClassVar

from msgspec import Struct

from stackctl.secret import veiled
from stackctl.spec.model.keys import Check, key, pair, variable_names
from stackctl.spec.structure import Annotated
from stackctl.spec.text.parts import Text
from stackctl.spec.values import Command, Variable


class Hook(Struct, frozen=True, kw_only=True):
    """A command that is run in the container."""

    command: Annotated[Command, key("The command. A string is split into words; no shell runs it.")]
    user: Annotated[Text | None, key("The user that runs it (the container's).")] = None
    privileged: Annotated[bool, key("Run it with all rights on the host. Avoid.")] = False
    working_dir: Annotated[str | None, key("Its working directory (the container's).")] = None
    environment: Annotated[
        Mapping[str, Variable],
        key(
            "Variables that it gets beside those of the container; a name alone is passed through.",
            listed=pair(),
        ),
    ] = {}

    def __repr__(self) -> str:
        return veiled(self, "environment")

    def check(self) -> Check:
        if not self.command.argv:
            yield ("command",), "the command is empty", ""
        yield from variable_names(self.environment)


class InitHook(Struct, frozen=True, kw_only=True):
    """A container that runs to completion before the service starts. It has the service's environment, networks and volumes."""

    command: Annotated[Command | None, key("The command, instead of the image's.")] = None
    image: Annotated[str | None, key("The image (that of the service).")] = None
    user: Annotated[Text | None, key("The user that runs it (the image's).")] = None
    privileged: Annotated[bool, key("Run it with all rights on the host. Avoid.")] = False
    working_dir: Annotated[str | None, key("Its working directory (the image's).")] = None
    environment: Annotated[
        Mapping[str, Variable],
        key(
            "Variables that it gets beside those of the service; a name alone is passed through.",
            listed=pair(),
        ),
    ] = {}

    NOT_DONE: ClassVar[Mapping[str, str]] = {
        "per_replica": "it runs once for all containers of the service, as with Docker Compose 5.6"
    }

    def __repr__(self) -> str:
        return veiled(self, "environment")

    def check(self) -> Check:
        yield from variable_names(self.environment)
