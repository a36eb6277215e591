"""Storage in a container."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from msgspec import Struct

from stackctl.spec.model.keys import Check, home_is_known, key, pair
from stackctl.spec.structure import Annotated
from stackctl.spec.text.parts import Text
from stackctl.spec.values import (
    ByteSize,
)


class BindOptions(Struct, frozen=True, kw_only=True):
    create_host_path: Annotated[
        bool, key("Create the directory on the host if it is missing, instead of reporting it.")
    ] = False
    selinux: Annotated[Literal["z", "Z"] | None, key("Relabel for SELinux: `z` shared, `Z` private.")] = None
    propagation: Annotated[
        Literal["private", "rprivate", "shared", "rshared", "slave", "rslave"] | None,
        key("Mount propagation."),
    ] = None
    recursive: Annotated[
        Literal["enabled", "disabled", "writable", "readonly"] | None,
        key(
            "Whether what is mounted below the directory is there, too: `disabled` leaves it out, `writable` and `readonly`"
            " (engine 25 and later) say how it follows read_only."
        ),
    ] = None


class VolumeOptions(Struct, frozen=True, kw_only=True):
    nocopy: Annotated[bool, key("Do not fill a new volume with what the image has at that path.")] = False
    subpath: Annotated[
        str | None, key("The directory of the volume that is mounted (engine 26 and later).")
    ] = None
    labels: Annotated[
        Mapping[str, Text], key("Labels of the volume, if the engine makes it.", listed=pair())
    ] = {}


class MountedImage(Struct, frozen=True, kw_only=True):
    subpath: Annotated[str | None, key("The directory of the image that is mounted.")] = None


class TmpfsOptions(Struct, frozen=True, kw_only=True):
    size: Annotated[ByteSize | None, key("The most it may hold.")] = None
    mode: Annotated[int | None, key("The permissions of its root directory, as a number (0o1777).")] = None


_PROPAGATION = ("private", "rprivate", "shared", "rshared", "slave", "rslave")
_DATA_FLAGS: dict[str, dict[str, Any]] = {
    **{name: {"bind": {"propagation": name}} for name in _PROPAGATION},
    **{name: {} for name in ("consistent", "cached", "delegated")},  # no engine reads them any more
    "ro": {"read_only": True},
    "rw": {"read_only": False},
    "nocopy": {"volume": {"nocopy": True}},
    "z": {"bind": {"selinux": "z"}},
    "Z": {"bind": {"selinux": "Z"}},
}


class Mount(Struct, frozen=True, kw_only=True):
    """Storage in a container: `"pgdata:/data"` a volume, `"./src:/app:ro"` a directory of the host, `"/cache"` an anonymous volume."""

    type: Annotated[
        Literal["volume", "bind", "tmpfs", "image", "npipe", "cluster"],
        key("volume, bind (a path of the host), tmpfs (memory) or image (engine 28 and later)."),
    ]
    source: Annotated[
        str | None, key("The volume's name or the path on the host, relative to the stack.toml.")
    ] = None
    target: Annotated[str, key("The path inside the container.")]
    read_only: Annotated[bool, key("Whether the container may only read it.")] = False
    bind: Annotated[BindOptions | None, key("Settings of a bind mount.")] = None
    volume: Annotated[VolumeOptions | None, key("Settings of a volume.")] = None
    tmpfs: Annotated[TmpfsOptions | None, key("Settings of a tmpfs.")] = None
    image: Annotated[MountedImage | None, key("Settings of an image that is mounted.")] = None

    SHORT: ClassVar[dict[str, Any]] = {"type": "string"}
    IGNORED: ClassVar[Mapping[str, str]] = {"consistency": "no engine reads it: leave it out"}

    @classmethod
    def short(cls, value: object) -> dict[str, Any]:
        if not isinstance(value, str) or not value:
            raise ValueError(f'expected "SOURCE:TARGET[:ro]", found {value!r}')
        parts = value.split(":")
        if len(parts) > 3 or not all(parts):
            raise ValueError(f'expected "SOURCE:TARGET[:ro]", found {value!r}')
        if len(parts) == 1:
            return {"type": "volume", "target": parts[0]}
        kind = "bind" if parts[0].startswith((".", "/", "~")) else "volume"
        table: dict[str, Any] = {"type": kind, "source": parts[0], "target": parts[1]}
        for flag in filter(None, parts[2].split(",") if len(parts) == 3 else []):
            if flag not in _DATA_FLAGS:
                raise ValueError(f"unknown mount option {flag!r} (known: {', '.join(_DATA_FLAGS)})")
            for name, told in _DATA_FLAGS[flag].items():
                table[name] = table.get(name, {}) | told if isinstance(told, dict) else told
        if kind == "volume":
            table.pop("bind", None)
        return table

    def check(self) -> Check:
        if not self.target.startswith("/"):
            yield (
                ("target",),
                f"{self.target!r} is not an absolute path of the container",
                f'write "/{self.target}"',
            )
        if self.type == "bind" and not self.source:
            yield (), "a bind mount needs a source", "name the path on the host"
        if self.type == "bind":
            yield from home_is_known("source", self.source or "")
        if self.type == "tmpfs" and self.source:
            yield ("source",), "a tmpfs has no source", "leave it out"
        if self.type == "image" and not self.source:
            yield (), "which image is mounted?", "name it as source"
        if self.type == "npipe":
            yield (
                ("type",),
                "named pipes are not supported: only Windows has them",
                "mount a socket with type bind",
            )
        if self.type == "cluster":
            yield (
                ("type",),
                "cluster volumes are not supported: only a Swarm has them",
                'write type = "volume"',
            )
        for subpath in (self.volume and self.volume.subpath, self.image and self.image.subpath):
            if subpath and (subpath.startswith("/") or ".." in subpath.split("/")):
                yield (
                    (),
                    f"the subpath {subpath!r} leaves the volume",
                    "write a path without / at its start and without ..",
                )
        for kind in ("bind", "volume", "tmpfs", "image"):
            if kind != self.type and getattr(self, kind) is not None:
                yield (
                    (kind,),
                    f"settings of type {kind} on a mount of type {self.type}",
                    f'set type = "{kind}" or leave them out',
                )
