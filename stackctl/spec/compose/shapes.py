"""How `docker compose config` says each key: every value in its long form, in Compose's order, and nothing that says nothing.

The keys, their types, their order, and which empty values stay are those of Compose v5.6.1 (compose-go, `types/types.go`).
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from typing import Any

from stackctl.spec.compose.said import (
    LIST,
    TEXT_LIST,
    TEXTS,
    VARIABLES,
    Context,
    Shape,
    arguments,
    as_it_is,
    decimal,
    duration,
    environment,
    flag,
    hosts,
    listed,
    named,
    no_flag,
    number,
    pairs,
    path,
    permissions,
    place,
    real_path,
    short,
    size,
    table,
    text,
    words,
)
from stackctl.spec.model import Mount, Port
from stackctl.spec.values import PortRange


def test(value: Any, _: Context) -> list[str]:
    return ["CMD-SHELL", value] if isinstance(value, str) else [str(word) for word in value]


def ulimit(value: Any, context: Context) -> Any:
    single = 0 if isinstance(value, Mapping) else int(value)
    if single:
        return single
    found = {
        key: int(value[key]) if isinstance(value, Mapping) and value.get(key) else 0
        for key in ("soft", "hard")
    }
    return found if context.yaml else {key: limit for key, limit in found.items() if limit}


def device_count(value: Any, _: Context) -> int:
    return -1 if str(value).lower() == "all" else int(value)


def device_request(value: Any, context: Context) -> Any:
    given = dict(value)
    if given.get("count") is None and given.get("device_ids") is None:
        given["count"] = "all"
    return _DEVICE_REQUEST(given, context)


def gpus(value: Any, context: Context) -> Any:
    return [device_request(each, context) for each in ([{}] if isinstance(value, str) else value)]


def device(value: Any, context: Context) -> Any:
    if isinstance(value, str):
        source, target, permissions = [*value.split(":"), "", ""][:3]
        value = {"source": source, "target": target or source, "permissions": permissions or "rwm"}
    return Shape(order="source target permissions")(value, context)


def ports(value: Any, context: Context) -> list[Any]:
    return [_PORT(each, context) for item in value for each in _single_ports(item)]


def _single_ports(item: Any) -> Iterator[Mapping[str, Any]]:
    """The ports of an item, each with one target. A range of the container's ports is that many ports."""
    port = {"protocol": "tcp", "mode": "ingress", **(item if isinstance(item, Mapping) else Port.short(item))}
    targets = PortRange.parse(port["target"]).numbers
    if len(targets) == 1:
        yield port
        return
    published = PortRange.parse(port["published"]).numbers if port.get("published") else [None] * len(targets)
    # Go sorts the ports as texts.
    for target, given in sorted(zip(targets, published, strict=False), key=lambda each: str(each[0])):
        yield {**port, "target": target, "published": given}


def volume(value: Any, context: Context) -> Any:
    given = dict(value if isinstance(value, Mapping) else _short_volume(value))
    if given.get("type") == "bind":
        given["source"] = path(given.get("source", ""), context)
    given["target"] = posixpath.normpath(given["target"]) if given.get("target") else ""
    return _VOLUME(given, context)


def _short_volume(value: str) -> Mapping[str, Any]:
    given = Mount.short(value)
    return {given["type"]: {}, **given}


def ssh(value: Any, _: Context) -> list[str]:
    return [f"{name}: {given}" if given else name for name, given in pairs(value)]


_DEVICE_REQUEST = Shape(
    order="capabilities driver count device_ids options", says={"count": device_count, "options": TEXTS}
)
_PORT = Shape(
    order="name mode host_ip target published protocol app_protocol",
    says={"target": number, "published": text},
)
_VOLUME = Shape(
    order="type source target read_only consistency bind volume tmpfs image",
    says={
        "read_only": flag,
        "bind": Shape(
            order="selinux propagation create_host_path recursive",
            says={"create_host_path": no_flag},
            kept="create_host_path",
        ),
        "volume": Shape(order="labels nocopy subpath", says={"labels": TEXTS, "nocopy": flag}),
        "tmpfs": Shape(order="size mode", says={"size": size, "mode": number}),
        "image": Shape(order="subpath"),
    },
    kept="bind volume tmpfs image",
)
_FILE = Shape(order="source target uid gid mode", says={"uid": text, "gid": text, "mode": permissions})
_CONFIG = short(_FILE, "source")
_HOOK = Shape(
    order="command image user privileged working_dir environment per_replica",
    says={"command": words, "privileged": flag, "environment": VARIABLES, "per_replica": flag},
    kept="command",
    in_json={"command": None},
)
_HEALTHCHECK = Shape(
    order="test timeout interval retries start_period start_interval disable",
    says={
        "test": test,
        "retries": number,
        "disable": flag,
        **dict.fromkeys(("timeout", "interval", "start_period", "start_interval"), duration),
    },
    kept="timeout interval retries start_period start_interval",
)
_LOGGING = Shape(order="driver options", says={"options": TEXTS})
_ENV_FILE = short(
    Shape(order="path required format", says={"path": path, "required": no_flag}, kept="required"),
    "path",
)
_DEPENDENCY = Shape(
    order="condition restart required", says={"restart": flag, "required": flag}, kept="required"
)
_UPDATE = Shape(
    order="parallelism delay failure_action monitor max_failure_ratio order",
    says={"parallelism": number, "delay": duration, "monitor": duration, "max_failure_ratio": decimal},
    kept="parallelism",
)
_RESOURCE = Shape(
    order="cpus memory pids devices generic_resources",
    says={
        "cpus": decimal,
        "memory": size,
        "pids": number,
        "devices": listed(device_request),
        "generic_resources": listed(as_it_is),
    },
)
_DEPLOY = Shape(
    order="mode replicas labels update_config rollback_config resources restart_policy placement endpoint_mode",
    says={
        "replicas": number,
        "labels": TEXTS,
        "update_config": _UPDATE,
        "rollback_config": _UPDATE,
        "resources": Shape(
            order="limits reservations",
            says={"limits": _RESOURCE, "reservations": _RESOURCE},
            kept="limits reservations",
        ),
        "restart_policy": Shape(
            order="condition delay max_attempts window",
            says={"delay": duration, "max_attempts": number, "window": duration},
            kept="delay max_attempts window",
        ),
        "placement": Shape(
            order="constraints preferences max_replicas_per_node", says={"max_replicas_per_node": number}
        ),
    },
    kept="replicas update_config rollback_config restart_policy",
    in_json={"resources": {}, "placement": {}},
)
_WATCH = Shape(
    order="path action target exec include ignore initial_sync",
    says={"path": real_path, "exec": _HOOK, "include": LIST, "ignore": LIST, "initial_sync": flag},
    kept="path action",
    in_json={"exec": {"command": None}},
)


def _throttle(value: Any, context: Context) -> Any:
    name = str.lower if context.yaml else str.title
    return [
        {name(key): size(given, context) if key == "rate" else given for key, given in each.items()}
        for each in value
    ]


_BLKIO = Shape(
    order="weight weight_device device_read_bps device_read_iops device_write_bps device_write_iops",
    says={
        "weight": number,
        **dict.fromkeys(
            "weight_device device_read_bps device_read_iops device_write_bps device_write_iops".split(),
            _throttle,
        ),
    },
)
_ENDPOINT = Shape(
    order="aliases driver_opts gw_priority interface_name ipv4_address ipv6_address link_local_ips mac_address priority",
    says={"driver_opts": TEXTS, "gw_priority": number, "priority": number},
)


def build(value: Any, context: Context) -> Any:
    given = dict(value) if isinstance(value, Mapping) else {"context": value}
    if given.get("context") is None:
        given["context"] = "."
    if given.get("dockerfile") is None and given.get("dockerfile_inline") is None:
        given["dockerfile"] = "Dockerfile"
    return _BUILD(given, context)


_BUILD = Shape(
    order="context dockerfile dockerfile_inline entitlements args provenance sbom ssh labels cache_from cache_to no_cache"
    " no_cache_filter additional_contexts pull extra_hosts isolation network target secrets shm_size tags ulimits platforms"
    " privileged",
    says={
        "context": place,
        "args": arguments,
        "provenance": text,
        "sbom": text,
        "ssh": ssh,
        "labels": TEXTS,
        **dict.fromkeys("cache_from cache_to no_cache_filter tags platforms".split(), LIST),
        **dict.fromkeys(("no_cache", "pull", "privileged"), flag),
        "additional_contexts": table(place),
        "extra_hosts": hosts,
        "secrets": listed(_CONFIG),
        "shm_size": size,
        "ulimits": table(ulimit),
    },
)


def secret(value: Any, context: Context) -> Any:
    given = dict(value) if isinstance(value, Mapping) else {"source": value}
    given.setdefault("target", f"/run/secrets/{given.get('source')}")
    return _FILE(given, context)


CONTAINER = Shape(
    order="annotations blkio_config cap_add cap_drop cgroup_parent cgroup cpu_count cpu_percent cpu_period cpu_quota cpu_rt_period"
    " cpu_rt_runtime cpus cpuset cpu_shares command configs credential_spec device_cgroup_rules devices dns dns_opt dns_search"
    " domainname entrypoint environment env_file extra_hosts group_add gpus hostname image init ipc isolation labels label_file"
    " logging mem_limit mem_reservation memswap_limit mem_swappiness mac_address models networks network_mode oom_kill_disable"
    " oom_score_adj pid pids_limit platform privileged pull_policy read_only runtime secrets security_opt shm_size"
    " stop_grace_period stop_signal storage_opt sysctls tmpfs ulimits use_api_socket user userns_mode uts volume_driver volumes"
    " volumes_from working_dir",
    says={
        **dict.fromkeys("annotations labels storage_opt sysctls".split(), TEXTS),
        **dict.fromkeys("command entrypoint".split(), words),
        **dict.fromkeys(
            "cpu_count cpu_period cpu_quota cpu_rt_period cpu_rt_runtime cpu_shares oom_score_adj pids_limit".split(),
            number,
        ),
        **dict.fromkeys("cpus cpu_percent".split(), decimal),
        **dict.fromkeys("mem_limit mem_reservation memswap_limit mem_swappiness shm_size".split(), size),
        **dict.fromkeys("init oom_kill_disable privileged read_only use_api_socket".split(), flag),
        **dict.fromkeys("dns dns_search tmpfs".split(), LIST),
        "blkio_config": _BLKIO,
        "configs": listed(_CONFIG),
        "devices": listed(device),
        "environment": environment,
        "env_file": listed(_ENV_FILE),
        "extra_hosts": hosts,
        "gpus": gpus,
        "group_add": TEXT_LIST,
        "label_file": listed(path),
        "logging": _LOGGING,
        "models": named(Shape(order="endpoint_var model_var")),
        "networks": named(_ENDPOINT),
        "pull_policy": lambda value, _: "missing" if value == "if_not_present" else str(value),
        "secrets": listed(secret),
        "stop_grace_period": duration,
        "ulimits": table(ulimit),
        "volumes": listed(volume),
        "user": text,
    },
    kept="command entrypoint init stop_grace_period blkio_config logging",
    in_json={"command": None, "entrypoint": None},
)


_PRE_START = Shape(
    order=f"{CONTAINER.order} per_replica",
    says={**CONTAINER.says, "per_replica": flag},
    kept=CONTAINER.kept,
    in_json=CONTAINER.in_json,
)
SERVICE = Shape(
    order="profiles deploy develop restart scale attach container_name external_links links provider pre_start post_start pre_stop"
    f" {CONTAINER.order} build depends_on expose healthcheck ports stdin_open tty",
    says={
        **CONTAINER.says,
        "attach": flag,
        "build": build,
        "depends_on": table(_DEPENDENCY, separators="\0"),
        "deploy": _DEPLOY,
        "develop": Shape(says={"watch": listed(_WATCH)}),
        "expose": TEXT_LIST,
        "healthcheck": _HEALTHCHECK,
        "ports": ports,
        "post_start": listed(_HOOK),
        "pre_start": listed(_PRE_START),
        "pre_stop": listed(_HOOK),
        "provider": Shape(order="type options", says={"options": table(TEXT_LIST)}),
        "scale": number,
        "stdin_open": flag,
        "tty": flag,
    },
    kept=f"{CONTAINER.kept} attach deploy develop healthcheck scale provider build",
    in_json=CONTAINER.in_json,
)
NETWORK = Shape(
    order="name driver driver_opts ipam external internal attachable labels enable_ipv4 enable_ipv6",
    says={
        "driver_opts": TEXTS,
        "labels": TEXTS,
        **dict.fromkeys("external internal attachable enable_ipv4 enable_ipv6".split(), flag),
        "ipam": Shape(
            order="driver config options",
            says={
                "options": TEXTS,
                "config": listed(
                    Shape(
                        order="subnet gateway ip_range aux_addresses",
                        says={"aux_addresses": TEXTS},
                    )
                ),
            },
        ),
    },
    kept="enable_ipv4 enable_ipv6",
    in_json={"ipam": {}},
)


def volume_of_project(value: Any, context: Context) -> Any:
    said = _VOLUME_OF_PROJECT(value, context)
    options = said.get("driver_opts", {})
    if said.get("driver") == "local" and options.get("o") == "bind" and "device" in options:
        options["device"] = path(options["device"] or ".", context)
    return said


_VOLUME_OF_PROJECT = Shape(
    order="name driver driver_opts external labels",
    says={"driver_opts": TEXTS, "external": flag, "labels": TEXTS},
)
FILE = Shape(
    order="name file environment content external labels driver driver_opts template_driver",
    says={"file": path, "external": flag, "labels": TEXTS, "driver_opts": TEXTS},
)
MODEL = Shape(order="name model context_size runtime_flags", says={"context_size": number})
