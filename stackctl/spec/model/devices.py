"""Devices of the machine in a container."""

import io
import re
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from msgspec import Struct

from stackctl.spec.model.keys import Check, key, pair
from stackctl.spec.structure import Annotated
from stackctl.spec.text.parts import Text
from stackctl.spec.values import DeviceCount

_CDI = r"[\w.-]+/[\w.-]+=.+"
"""A device of the Container Device Interface: `vendor.com/class=name`."""


class Device(Struct, frozen=True, kw_only=True):
    """A device of the machine in the container: `"/dev/ttyUSB0"`, `"/dev/sda:/dev/xvda:r"`."""

    source: Annotated[str, key("The device of the machine.")]
    target: Annotated[str | None, key("Its path in the container (the same).")] = None
    permissions: Annotated[str, key("r, w and m: read, write, make.")] = "rwm"

    SHORT: ClassVar[dict[str, Any]] = {"type": "string"}

    @classmethod
    def short(cls, value: object) -> dict[str, Any]:
        if isinstance(value, str) and re.fullmatch(_CDI, value):
            return {"source": value}
        parts = value.split(":") if isinstance(value, str) else []
        match parts:
            case [source] if source:
                return {"source": source}
            case [source, permissions] if re.fullmatch("[rwm]+", permissions):
                return {"source": source, "permissions": permissions}
            case [source, target] if source and target:
                return {"source": source, "target": target}
            case [source, target, permissions] if source and target:
                return {"source": source, "target": target, "permissions": permissions}
        raise ValueError(f'expected "DEVICE[:PATH[:rwm]]", found {value!r}')

    def __str__(self) -> str:
        target = self.target or self.source
        short = self.source if target == self.source else f"{self.source}:{target}"
        return short if self.permissions == "rwm" else f"{self.source}:{target}:{self.permissions}"

    def check(self) -> Check:
        if re.fullmatch(_CDI, self.source):
            yield (
                (),
                f"{self.source!r} is a device of CDI, which is not supported",
                "write gpus, if it is one",
            )
        elif not self.source.startswith("/"):
            yield ("source",), f"{self.source!r} is not an absolute path", "write the path of the device"
        if not re.fullmatch("[rwm]{1,3}", self.permissions):
            yield ("permissions",), f"expected some of r, w and m, found {self.permissions!r}", ""


def devices_sent(items: Iterable[Device]) -> list[dict[str, Any]]:
    """The devices as the engine takes them."""
    return [
        {
            "PathOnHost": item.source,
            "PathInContainer": item.target or item.source,
            "CgroupPermissions": item.permissions,
        }
        for item in items
    ]


class DeviceRequest(Struct, frozen=True, kw_only=True):
    """Devices that a driver of the engine chooses: GPUs, and others by their capabilities."""

    driver: Annotated[str | None, key("The driver: nvidia.")] = None
    count: Annotated[DeviceCount | None, key("How many; `all` for all of them (all).")] = None
    device_ids: Annotated[tuple[Text, ...], key("These devices, by index or id.")] = ()
    capabilities: Annotated[tuple[str, ...], key("What they must be able to do: gpu, compute, utility.")] = ()
    options: Annotated[Mapping[str, Text], key("Options of the driver.", listed=pair())] = {}

    SHORT: ClassVar[dict[str, Any]] = {"enum": ["all"]}

    @classmethod
    def short(cls, value: object) -> dict[str, Any]:
        if value == "all":
            return {"count": "all"}
        raise ValueError(f'expected "all" or a table, found {value!r}')

    @classmethod
    def from_flag(cls, text: str) -> object:
        """The value in a file of the value of `--gpus`: `all`, `2`, `"device=0,1",capabilities=utility`."""
        if text == "all":
            return text
        import csv

        found: dict[str, Any] = {}
        for item in next(csv.reader(io.StringIO(text, newline="")), []):
            name, equals, value = item.partition("=")
            match name:
                case "device":
                    found["device_ids"] = value.split(",")
                case "capabilities":
                    found["capabilities"] = value.split(",")
                case "options":
                    found["options"] = dict(each.split("=", 1) for each in value.split(",") if "=" in each)
                case "driver":
                    found["driver"] = value
                case _:
                    count = value if equals else name
                    found["count"] = int(count) if count.isdigit() else count
        return found

    def __str__(self) -> str:
        """The value of `--gpus`."""
        others = [each for each in self.capabilities if each != "gpu"]
        fields = [
            *([f"driver={self.driver}"] if self.driver else []),
            *([f"count={self.count}"] if self.count else []),
            *([f"device={','.join(self.device_ids)}"] if self.device_ids else []),
            *([f"capabilities={','.join(others)}"] if others else []),
            *(
                [f"options={','.join(f'{name}={value}' for name, value in self.options.items())}"]
                if self.options
                else []
            ),
        ]
        if fields in ([], [f"count={self.count}"]):
            return str(self.count or "all")
        import csv

        written = io.StringIO()
        csv.writer(written, lineterminator="").writerow(fields)
        return written.getvalue()

    def check(self) -> Check:
        if self.count is not None and self.device_ids:
            yield (), "count and device_ids exclude each other", "keep one of the two"


def gpus_sent(items: Iterable[DeviceRequest]) -> list[dict[str, Any]]:
    """GPUs as the engine takes them: each has the capability gpu."""
    return [
        request | {"Capabilities": [[*(c for c in request["Capabilities"][0] if c != "gpu"), "gpu"]]}
        for request in requests_sent(items)
    ]


def requests_sent(items: Iterable[DeviceRequest]) -> list[dict[str, Any]]:
    """Requests as the engine takes them. Without a number and without ids all devices are meant."""
    return [
        {
            "Driver": item.driver or "",
            "Count": item.count.number if item.count else 0 if item.device_ids else -1,
            "DeviceIDs": [*map(str, item.device_ids)] or None,
            "Capabilities": [[*item.capabilities]],
            "Options": {name: str(value) for name, value in item.options.items()},
        }
        for item in items
    ]


class DeviceRule(str):
    """A rule of the devices that a container may use or make: `c 1:3 mr`, `a 7:* rmw`."""

    __slots__ = ()
    SCHEMA: ClassVar[dict[str, Any]] = {
        "type": "string",
        "pattern": r"^[acb] ([0-9]+|\*):([0-9]+|\*) [rwm]{1,3}$",
    }

    @classmethod
    def parse(cls, value: object) -> "DeviceRule":
        if isinstance(value, str) and re.fullmatch(r"[acb] (\d+|\*):(\d+|\*) [rwm]{1,3}", value):
            return cls(value)
        raise ValueError(f'expected "TYPE MAJOR:MINOR rwm", such as "c 1:3 mr", found {value!r}')
