"""Where the image of a service comes from."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Self

from msgspec import Struct

from stackctl.secret import veiled
from stackctl.spec.model.keys import Check, home_is_known, key, pair
from stackctl.spec.unsupported import BUILD_KEYS
from stackctl.spec.values import Duration, Variable


class PullPolicy(str):
    """When to pull an image: `always`, `missing`, `never`; `build`: build it each time; `daily`, `weekly` or `every_12h`: when it is
    missing, or was tagged longer ago than that (Compose spec, 05-services).
    """

    __slots__ = ()
    always: ClassVar[Self]
    missing: ClassVar[Self]
    never: ClassVar[Self]
    build: ClassVar[Self]
    SCHEMA: ClassVar[dict[str, Any]] = {
        "type": "string",
        "pattern": r"^(always|missing|if_not_present|never|build|daily|weekly|every_(\d+(\.\d+)?(us|µs|ms|s|m|h|d|w))+)$",
    }

    @classmethod
    def parse(cls, value: object) -> Self:
        if isinstance(value, str):
            if value in ("always", "missing", "if_not_present", "never", "build", "daily", "weekly"):
                return cls("missing" if value == "if_not_present" else value)
            if value.startswith("every_"):
                Duration.parse(value.removeprefix("every_"))
                return cls(value)
        raise ValueError(
            f"expected always, missing, never, build, daily, weekly or every_12h, found {value!r}"
        )

    @property
    def every(self) -> Duration | None:
        """How old an image may become before it is pulled again; None for any age."""
        if self.startswith("every_"):
            return Duration.parse(self.removeprefix("every_"))
        return {"daily": Duration(86_400), "weekly": Duration(604_800)}.get(self)


for _name in ("always", "missing", "never", "build"):
    setattr(PullPolicy, _name, PullPolicy(_name))


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
