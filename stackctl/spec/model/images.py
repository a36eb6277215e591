"""Where the image of a service comes from."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, ClassVar

from msgspec import Struct

from stackctl.secret import veiled
from stackctl.spec.model.keys import Check, home_is_known, key, pair
from stackctl.spec.unsupported import BUILD_KEYS
from stackctl.spec.values import (
    Variable,
)


class PullPolicy(StrEnum):
    always = "always"
    missing = "missing"
    never = "never"
    build = "build"


class Build(Struct, frozen=True, kw_only=True):
    """How to build the image. `build = "./dir"` gives the context alone."""

    context: Annotated[str, key("The directory sent to the builder, relative to the stack.toml.")] = "."
    dockerfile: Annotated[str, key("The Dockerfile, relative to the context.")] = "Dockerfile"
    target: Annotated[str | None, key("The stage of a multi-stage Dockerfile to stop at.")] = None
    args: Annotated[
        Mapping[str, Variable],
        key("Build arguments; a name alone takes its value from the environment.", listed=pair()),
    ] = {}

    SHORT: ClassVar[dict[str, Any]] = {"type": "string"}
    NOT_DONE: ClassVar[Mapping[str, str]] = BUILD_KEYS

    def __repr__(self) -> str:
        return veiled(self, "args")

    @classmethod
    def short(cls, value: object) -> dict[str, Any]:
        if isinstance(value, str) and value:
            return {"context": value}
        raise ValueError(f'expected a directory such as "./server", or a table, found {value!r}')

    def check(self) -> Check:
        yield from home_is_known("context", self.context)
