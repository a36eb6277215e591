"""One `docker run` as the table of a service: what each flag becomes, and what has no place in a stack.toml."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Mapping
from typing import Any

from stackctl.convert.bash.shell import HERE
from stackctl.convert.docker.flags import Divided, Option
from stackctl.convert.docker.paths import host_path, named_path
from stackctl.convert.docker.table import Table
from stackctl.convert.unset import is_known, plain
from stackctl.spec import flags
from stackctl.spec.unsupported import SERVICE_KEYS

_HEALTH = {
    "health-cmd": "test", "health-interval": "interval", "health-retries": "retries", "health-timeout": "timeout",
    "health-start-period": "start_period", "health-start-interval": "start_interval",
}  # fmt: skip
_ELSEWHERE = frozenset(
    {"detach", "ip", "ip6", "link-local-ip", "name", "link", "network", "network-alias", "rm", "help"}
)
"""What `stack.py` reads: it concerns more than one service."""
_ONLY_SHOWS = frozenset({"attach", "cidfile", "detach-keys", "disable-content-trust", "quiet", "sig-proxy"})
_COMPOSE = {"use-api-socket": "use_api_socket", "volume-driver": "volume_driver"}
"""The key of the Compose Specification that says what the flag says, if stackctl does not have it."""
_OTHER = {
    "publish-all": "only the image knows its ports: write those that you need as ports",
}
_MODES = {"ro": "ro", "readonly": "ro", "rw": "", "z": "z", "Z": "Z", "nocopy": "nocopy"}
_PROPAGATION = frozenset({"private", "rprivate", "shared", "rshared", "slave", "rslave"})


def service_table(run: Divided, directory: str = HERE, volume_key: Callable[[str], str] = str) -> Table:
    """The table of the service that a `docker run` starts. `directory` is the one that it runs in."""
    table = Table(directory, volume_key)
    image, *arguments = run.words
    table.set("image", image.text, image.at)
    for option in run.options:
        _convert(table, option)
    if arguments:
        table.set("command", [word.text for word in arguments], arguments[0].at)
    if (
        table.values.get("healthcheck", {}).keys() & {"interval", "timeout"}
        and "test" not in table.values["healthcheck"]
    ):
        table.note(
            table.places["healthcheck", next(iter(table.values["healthcheck"]))],
            "these settings change the image's own check",
        )
    return table


def _convert(table: Table, option: Option) -> None:
    name, value, at = option.name, option.value, option.at
    if flag := flags.by_name().get(name):
        table.take(flag, option)
    elif name in _HEALTH:
        is_number = name == "health-retries" and value.isdigit()
        table.put("healthcheck", _HEALTH[name], int(value) if is_number else value, at)
    elif name in _SPECIAL:
        _SPECIAL[name](table, value, at)
    elif name in _ONLY_SHOWS:
        table.note(at, f"--{name} is dropped: it only concerns the terminal of docker run")
    elif name not in _ELSEWHERE:
        key = _COMPOSE.get(name, "")
        why = _OTHER.get(name) or SERVICE_KEYS.get(key, "this version of stackctl does not have it")
        shown = f"--{name} {plain(value)}" if value != "true" else f"--{name}"
        table.note(at, f"{shown} is not imported: {why}")


def _environment(table: Table, value: str, at: int) -> None:
    name, equals, text = value.partition("=")
    if not plain(name) or not (equals or plain(name).strip()):
        table.note(at, f"-e {plain(value)!r} sets no variable: write NAME=value")
        return
    table.put("environment", plain(name), text if equals else {"from_env": True}, at)


def _env_file(table: Table, value: str, at: int) -> None:
    table.append("env_file", {"path": named_path(value, table.directory), "format": "raw"}, at)


def _label(table: Table, value: str, at: int) -> None:
    name, _, text = value.partition("=")
    table.put("labels", plain(name), text, at)


def _label_file(table: Table, value: str, at: int) -> None:
    table.append("label_file", named_path(value, table.directory), at)


def _restart(table: Table, value: str, at: int) -> None:
    if value not in ("", "no"):
        table.set("restart", value, at)


def _entrypoint(table: Table, value: str, at: int) -> None:
    table.set("entrypoint", [value] if value else [], at)


def _grace(table: Table, value: str, at: int) -> None:
    table.set("stop_grace_period", f"{value}s", at)


def _no_check(table: Table, value: str, at: int) -> None:
    table.put("healthcheck", "disable", value == "true", at)


def _port(table: Table, value: str, at: int) -> None:
    """Docker publishes a port without an address on every address of the machine; a stack.toml has to say so."""
    if not value.startswith("["):
        if value.count(":") == 0:
            value = f"0.0.0.0::{value}"
        elif value.count(":") == 1:
            value = f"0.0.0.0:{value}"
    table.append("ports", value, at)


def _volume(table: Table, value: str, at: int) -> None:
    source, colon, rest = value.partition(":")
    if not colon:
        table.append("volumes", value, at)
        return
    target, _, options = rest.partition(":")
    mount: dict[str, Any] = {}
    if source.startswith((".", "/", "~")) or not is_known(source):
        mount = {"type": "bind", "source": host_path(source, table.directory), "target": target}
    elif "/" in source:
        table.note(
            at, f"{plain(source)!r} is no name of a volume: docker refuses it; ./{plain(source)} is meant"
        )
        mount = {"type": "bind", "source": host_path(f"./{source}", table.directory), "target": target}
    else:
        mount = {"type": "volume", "source": source, "target": target}
    for option in filter(None, options.split(",")):
        if option in _PROPAGATION:
            mount["bind"] = {"propagation": option}
        elif option in _MODES:
            mount |= {"modes": [*mount.get("modes", []), _MODES[option]]}
        else:
            table.note(at, f"the option {plain(option)!r} of the volume {plain(value)!r} is not imported")
    _mounted(table, mount, at)


def _mount(table: Table, value: str, at: int) -> None:
    """`--mount type=bind,source=…,target=…`."""
    mount: dict[str, Any] = {"type": "volume"}
    for field in next(csv.reader(io.StringIO(value, newline="")), []):
        name, _, text = field.partition("=")
        match name.lower():
            case "type":
                mount["type"] = text
            case "source" | "src":
                mount["source"] = text
            case "target" | "dst" | "destination":
                mount["target"] = text
            case "readonly" | "ro":
                if text.lower() in ("", "true", "1"):
                    mount["modes"] = [*mount.get("modes", []), "ro"]
            case "bind-propagation":
                mount.setdefault("bind", {})["propagation"] = text
            case "bind-recursive":
                mount.setdefault("bind", {})["recursive"] = text
            case "bind-nonrecursive":
                mount.setdefault("bind", {})["recursive"] = "disabled"
            case "volume-subpath" | "image-subpath":
                mount.setdefault(name.lower().partition("-")[0], {})["subpath"] = text
            case "volume-label":
                label, _, value_of = text.partition("=")
                mount.setdefault("volume", {}).setdefault("labels", {})[plain(label)] = value_of
            case "volume-nocopy":
                mount["modes"] = [*mount.get("modes", []), "nocopy"]
            case "tmpfs-size":
                mount.setdefault("tmpfs", {})["size"] = int(text) if text.isdigit() else text
            case "tmpfs-mode":
                mount.setdefault("tmpfs", {})["mode"] = (
                    int(text, 8) if re.fullmatch("[0-7]{1,4}", text) else text
                )
            case _:
                table.note(at, f"{plain(field)!r} of --mount is not imported")
    if mount["type"] == "bind":
        mount["source"] = named_path(mount.get("source", ""), table.directory)
    _mounted(table, mount, at)


def _mounted(table: Table, mount: dict[str, Any], at: int) -> None:
    """Write a mount in its short form, if that says the same."""
    modes = [mode for mode in mount.pop("modes", []) if mode]
    source, target = mount.get("source"), mount.get("target", "")
    if mount["type"] == "volume" and source:
        mount["source"] = source = table.volume_key(plain(source))
        table.volumes.setdefault(source, at)
    is_short = (
        not mount.keys() & {"bind", "tmpfs", "volume", "image"}
        and mount["type"] in ("volume", "bind")
        and (source or not modes)
    )
    if is_short and is_known(mount["type"]):
        suffix = f":{','.join(modes)}" if modes else ""
        table.append("volumes", f"{source}:{target}{suffix}" if source else target, at)
        return
    if "ro" in modes:
        mount["read_only"] = True
    if "nocopy" in modes and mount["type"] == "volume":
        mount["volume"] = {"nocopy": True} | mount.get("volume", {})
    if mount["type"] == "bind" and (selinux := {"z", "Z"} & {*modes}):
        mount.setdefault("bind", {})["selinux"] = selinux.pop()
    table.append("volumes", mount, at)


_SPECIAL: Mapping[str, Callable[[Table, str, int], None]] = {
    "env": _environment,
    "env-file": _env_file,
    "label": _label,
    "label-file": _label_file,
    "restart": _restart,
    "entrypoint": _entrypoint,
    "stop-timeout": _grace,
    "no-healthcheck": _no_check,
    "publish": _port,
    "volume": _volume,
    "mount": _mount,
}
