"""Where the image of a service comes from."""

import re
from collections.abc import Mapping
from typing import Any, ClassVar, Self

from msgspec import Struct

from stackctl.secret import veiled
from stackctl.spec.model.files import SecretUse
from stackctl.spec.model.keys import Check, home_is_known, key, lines_of_hosts, pair
from stackctl.spec.model.limits import Ulimit
from stackctl.spec.structure import Annotated
from stackctl.spec.text.parts import Text
from stackctl.spec.values import ByteSize, Duration, Variable


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


_REMOTE = r"(https?|git|ssh)://|git@|github\.com/"
"""How the address of a context begins that the builder fetches itself (compose-go, `isRemoteContext`)."""


def is_remote(context: str) -> bool:
    """Whether the builder fetches a context itself."""
    return re.match(_REMOTE, context) is not None


def _limits(table: Mapping[str, Ulimit]) -> list[dict[str, Any]]:
    return [{"Name": name, "Soft": limit.soft, "Hard": limit.hard} for name, limit in sorted(table.items())]


def _yes_or_more(text: str) -> bool | str:
    return {"true": True, "false": False}.get(text, text)


class Build(Struct, frozen=True, kw_only=True):
    """How to build the image. `build = "./dir"` gives the context alone.

    | metadata | meaning |
    |---|---|
    | `bake` | the key's name in a target of a bake file |
    | `classic` | its name among the parameters of the engine's own builder. Without it the key needs BuildKit |
    | `baked`, `sent` | write the value for the one or the other |
    | `build_flag` | the option of `docker build` |
    """

    context: Annotated[
        str,
        key("The directory sent to the builder, relative to the stack.toml; or the URL of a git repository."),
    ] = "."
    dockerfile: Annotated[str, key("The Dockerfile, relative to the context.")] = "Dockerfile"
    dockerfile_inline: Annotated[Text | None, key("The text of the Dockerfile, instead of a file.")] = None
    target: Annotated[
        str | None,
        key("The stage of a multi-stage Dockerfile to stop at.", build_flag="target"),
    ] = None
    args: Annotated[
        Mapping[str, Variable],
        key("Build arguments; a name alone takes its value from the environment.", listed=pair()),
    ] = {}
    additional_contexts: Annotated[
        Mapping[str, str],
        key(
            "Further contexts by name, for FROM and COPY --from: a directory, a URL, docker-image://…, or service:NAME.",
            listed=pair(),
        ),
    ] = {}
    cache_from: Annotated[
        tuple[str, ...],
        key(
            "Where to look for layers that are built already.",
            bake="cache-from",
            classic="cachefrom",
            build_flag="cache-from",
        ),
    ] = ()
    cache_to: Annotated[
        tuple[str, ...],
        key("Where to put the layers for other builds.", bake="cache-to", build_flag="cache-to"),
    ] = ()
    entitlements: Annotated[
        tuple[str, ...], key("Rights that the build asks for.", bake="entitlements", build_flag="allow")
    ] = ()
    extra_hosts: Annotated[
        Mapping[str, Text],
        key(
            'Lines for /etc/hosts while it is built, "name:address".',
            listed=pair("=:"),
            joined=",",
            bake="extra-hosts",
            classic="extrahosts",
            build_flag="add-host",
            between=":",
            sent=lines_of_hosts,
        ),
    ] = {}
    isolation: Annotated[
        str | None, key("How Windows separates the build.", classic="isolation", build_flag="isolation")
    ] = None
    labels: Annotated[Mapping[str, Text], key("Labels of the image.", listed=pair(), build_flag="label")] = {}
    network: Annotated[
        str | None,
        key(
            "The network of RUN: none, host, or a network's name.",
            bake="network",
            classic="networkmode",
            build_flag="network",
        ),
    ] = None
    no_cache: Annotated[
        bool, key("Build every layer anew.", bake="no-cache", classic="nocache", build_flag="no-cache")
    ] = False
    platforms: Annotated[
        tuple[str, ...],
        key(
            "The platforms to build for, such as linux/arm64.",
            bake="platforms",
            build_flag="platform",
            imported=lambda text: text.split(","),
        ),
    ] = ()
    privileged: Annotated[bool, key("Let RUN --security=insecure have all rights.")] = False
    provenance: Annotated[
        bool | str | None,
        key(
            "Say in the image how it was built: true, false or mode=max.",
            build_flag="provenance",
            imported=_yes_or_more,
        ),
    ] = None
    pull: Annotated[
        bool,
        key("Pull the base images also when they are here.", bake="pull", classic="pull", build_flag="pull"),
    ] = False
    sbom: Annotated[
        bool | str | None,
        key(
            "Say in the image what is in it: true, false or generator=IMAGE.",
            build_flag="sbom",
            imported=_yes_or_more,
        ),
    ] = None
    secrets: Annotated[
        tuple[SecretUse, ...],
        key("Secrets of the stack for RUN --mount=type=secret; `target` is the id, else the name."),
    ] = ()
    shm_size: Annotated[
        ByteSize | None,
        key(
            "The size of /dev/shm while it is built.",
            bake="shm-size",
            classic="shmsize",
            build_flag="shm-size",
            baked=lambda size: str(size.bytes),
            sent=lambda size: size.bytes,
        ),
    ] = None
    ssh: Annotated[
        tuple[str, ...],
        key(
            "Agents or keys for RUN --mount=type=ssh: default, or NAME=PATH.",
            one=True,
            bake="ssh",
            build_flag="ssh",
        ),
    ] = ()
    tags: Annotated[tuple[str, ...], key("Further names of the image.", build_flag="tag")] = ()
    ulimits: Annotated[
        Mapping[str, Ulimit],
        key(
            "Limits of each process of the build, such as nofile.",
            bake="ulimits",
            classic="ulimits",
            build_flag="ulimit",
            baked=lambda table: [f"{name}={limit.soft}:{limit.hard}" for name, limit in table.items()],
            sent=_limits,
            imported=Ulimit.from_flag,
        ),
    ] = {}

    SHORT: ClassVar[dict[str, Any]] = {"type": "string"}

    def __repr__(self) -> str:
        return veiled(self, "args")

    @classmethod
    def short(cls, value: object) -> dict[str, Any]:
        if isinstance(value, str) and value:
            return {"context": value}
        raise ValueError(f'expected a directory such as "./server", or a table, found {value!r}')

    @property
    def remote(self) -> bool:
        """Whether the builder fetches the context itself."""
        return is_remote(self.context)

    def check(self) -> Check:
        yield from home_is_known("context", self.context)
        if self.dockerfile_inline is not None and self.dockerfile != "Dockerfile":
            yield (
                ("dockerfile_inline",),
                "dockerfile and dockerfile_inline exclude each other",
                "keep one of the two",
            )
        if self.remote and self.dockerfile_inline is not None:
            yield ("dockerfile_inline",), "a remote context brings its own Dockerfile", "drop one of the two"
