"""Secrets and configs: small files that containers find at a path. stackctl copies them in before each start; a Swarm keeps them itself."""

import posixpath
import re
from collections.abc import Mapping
from typing import Any, ClassVar, Self

from msgspec import Struct

from stackctl.secret import Secret, veiled
from stackctl.spec.model.keys import (
    FILLED_IN,
    Check,
    external_has_no_settings,
    home_is_known,
    key,
    pair,
)
from stackctl.spec.structure import Annotated, Mistake
from stackctl.spec.text.parts import Text
from stackctl.spec.unsupported import CONFIG_KEYS


class Id(int):
    """The number of a user or group, from 0."""

    SCHEMA: ClassVar[dict[str, Any]] = {"type": ["integer", "string"], "minimum": 0, "pattern": r"^\d+$"}

    @classmethod
    def parse(cls, value: object) -> Self:
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 32:
            return cls(value)
        if isinstance(value, str) and re.fullmatch(r"[0-9]{1,9}", value):
            return cls(value)
        hint = ": names are known only inside the image" if isinstance(value, str) else ""
        raise ValueError(f"expected a number, such as 1000, found {value!r}{hint}")


_MEANT_OCTAL = frozenset(
    (400, 440, 444, 500, 550, 555, 600, 640, 644, 660, 664, 700, 750, 755, 770, 775, 777)
)
"""Decimal numbers that people write when they mean the octal number. As decimal numbers they are no mode that anybody wants."""


class FileMode(int):
    """The permissions of a file: `0o440`, or `"0440"` with octal digits."""

    SCHEMA: ClassVar[dict[str, Any]] = {
        "type": ["integer", "string"],
        "minimum": 0,
        "maximum": 0o7777,
        "pattern": "^(0o?)?[0-7]{1,4}$",
    }

    @classmethod
    def parse(cls, value: object) -> Self:
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 0o7777:
            if value in _MEANT_OCTAL:
                raise Mistake(f"the decimal number {value} is the mode {value:#o}", f"write 0o{value}")
            return cls(value)
        if isinstance(value, str) and re.fullmatch("(0o?)?[0-7]{1,4}", value):
            return cls(value.removeprefix("0o"), 8)
        raise ValueError(f'expected permissions such as 0o440 or "0440", found {value!r}')

    def __str__(self) -> str:
        return f"{int(self):04o}"


class FileSource(Struct, frozen=True, kw_only=True):
    """Where the content of a secret or config is."""

    file: Annotated[str | None, key("The file with the content, relative to the stack.toml.")] = None
    environment: Annotated[str | None, key("The variable of the caller that holds the content.")] = None
    name: Annotated[str | None, key("The name that an external one has in the Swarm (its key).")] = None
    external: Annotated[
        bool,
        key("For `deploy`: the Swarm has it already (`docker secret create`), and it is taken as it is."),
    ] = False
    labels: Annotated[Mapping[str, Text], key("For `deploy`: labels in the Swarm.", listed=pair())] = {}
    template_driver: Annotated[
        str | None,
        key("For `deploy`: `golang`, if the content is a template that a Swarm fills in for each task."),
    ] = None

    value: Annotated[Secret | None, FILLED_IN] = None
    """The content; None if it could not be read. Bytes that are not UTF-8 are escaped (PEP 383)."""

    WAYS: ClassVar[tuple[str, ...]] = ("file", "environment")
    ELSEWHERE: ClassVar[tuple[str, ...]] = ("external",)
    """Keys that say that the content is not on this machine."""

    @property
    def swarm_only(self) -> str:
        """The key because of which only a Swarm can give it to a container; "" if there is none."""
        keys = (*self.ELSEWHERE, "template_driver")
        return next((name for name in keys if getattr(self, name)), "")

    def check(self) -> Check:
        if self.external:
            yield from external_has_no_settings(self, type(self).__name__.removesuffix("Source").lower())
            return
        given = [way for way in self.WAYS if getattr(self, way) is not None]
        if len(given) != 1 and not any(getattr(self, name) for name in self.ELSEWHERE):
            found = f"found {' and '.join(given)}" if given else "found none of them"
            yield (), f"one of {', '.join(self.WAYS)} says where the content is, {found}", "give exactly one"
        yield from home_is_known("file", self.file or "")


class SecretSource(FileSource, frozen=True, kw_only=True):
    """A secret of the stack: a text, such as a password, that containers read from a file. Give `file` or `environment`."""

    driver: Annotated[
        str | None, key("For `deploy`: the plugin of the Swarm that gives the content, in place of a file.")
    ] = None
    driver_opts: Annotated[Mapping[str, Text], key("Options of the driver.")] = {}

    ELSEWHERE: ClassVar[tuple[str, ...]] = ("external", "driver")

    def check(self) -> Check:
        yield from FileSource.check(self)
        if self.driver_opts and not self.driver and not self.external:
            yield ("driver_opts",), "options without a driver", "write driver, or leave them out"
        for way in self.WAYS if self.driver and not self.external else ():
            if getattr(self, way) is not None:
                yield (
                    (way,),
                    f"the driver {self.driver} gives the content: {way} has no effect",
                    "give one of the two",
                )


class ConfigSource(FileSource, frozen=True, kw_only=True):
    """A configuration that containers read from a file. Give `file`, `environment` or `content`."""

    content: Annotated[Text | None, key("The content itself.")] = None

    NOT_DONE: ClassVar[Mapping[str, str]] = CONFIG_KEYS
    WAYS: ClassVar[tuple[str, ...]] = ("file", "environment", "content")

    def __repr__(self) -> str:
        return veiled(self, "content")


class FileUse(Struct, frozen=True, kw_only=True):
    """A secret or config in a container."""

    source: Annotated[str, key("The name of its table.")]
    target: Annotated[
        str | None,
        key(
            "The path of the file in the container (its name), below `/`; for a secret, below `/run/secrets`."
        ),
    ] = None
    uid: Annotated[Id, key("The number of the user that owns the file.")] = Id(0)
    gid: Annotated[Id, key("The number of the group that owns the file.")] = Id(0)
    mode: Annotated[FileMode, key("Who may read and write the file.")] = FileMode(0o444)

    SHORT: ClassVar[dict[str, Any]] = {"type": "string"}
    ROOT: ClassVar[str] = "/"
    """The directory of a target that is not absolute."""

    @classmethod
    def short(cls, value: object) -> dict[str, Any]:
        if isinstance(value, str) and value:
            return {"source": value}
        raise ValueError(f"expected a name, or a table with source, found {value!r}")

    @property
    def path(self) -> str:
        """The absolute path in the container."""
        joined = posixpath.join(self.ROOT, self.target or self.source)
        return posixpath.normpath(f"/{joined.lstrip('/')}")

    def check(self) -> Check:
        target = self.target
        if target is not None and (
            target[-1:] in ("", "/", ".") or ".." in target.split("/") or "\0" in target
        ):
            yield ("target",), f"{target!r} is not the path of a file in the container", ""


class SecretUse(FileUse, frozen=True, kw_only=True):
    """A secret in a container. Its name alone puts it at `/run/secrets/NAME`."""

    ROOT: ClassVar[str] = "/run/secrets"


class ConfigUse(FileUse, frozen=True, kw_only=True):
    """A config in a container. Its name alone puts it at `/NAME`."""
