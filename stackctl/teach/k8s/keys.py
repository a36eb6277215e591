"""What becomes of each key of a stack in Kubernetes: a part of the export says it, or it is lost. What is lost is told, with what to do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, get_args

from msgspec import Struct

from stackctl.errors import Key, Problem
from stackctl.spec.structure import forms, is_table, told

Path = tuple[Key, ...]

_WINDOWS = "only Windows reads it", "leave it out"
_NODE = "the administrator of a node decides that", "ask who runs the cluster"
_DEVICE = (
    "a Pod gets no device of a node by its path",
    "install a device plugin, and ask for its resource in resources.limits",
)
_ADDRESS = "the cluster gives each Pod its address", "use the name of the Service"
_NETWORK = "the cluster has one network for all Pods", "leave it out; a NetworkPolicy says who may reach whom"
_DEVELOP = (
    "Kubernetes watches no files of a developer",
    "develop with stackctl; build and push an image for the cluster",
)
_DRIVER = (
    "a StorageClass says which driver keeps a volume",
    "write storageClassName into the PersistentVolumeClaim",
)
_FILE_LABELS = "only a Swarm reads these labels", "write metadata.labels"
_TEMPLATE = (
    "the content reaches the container as it is: only a Swarm fills it in",
    "write the values into the content",
)
_LIMIT = (
    "Kubernetes limits processors, memory and storage of a Pod, nothing else",
    "leave it out, or limit it on the node",
)
_LOGS = "the cluster keeps the output of all containers", "read it with kubectl logs, or install a collector"
_BIND = "only a bind mount of a machine has it", "leave it out"

MAPPED = frozenset(
    """
    name services.extends.service services.extends.file services.image services.pull_policy services.command services.entrypoint
    services.environment services.env_file.path services.env_file.required services.env_file.format services.ports.target
    services.ports.protocol services.expose services.volumes.type services.volumes.source services.volumes.target
    services.volumes.read_only services.volumes.volume.nocopy services.volumes.volume.subpath services.volumes.tmpfs.size
    services.volumes.image.subpath services.tmpfs services.secrets.source services.secrets.target services.secrets.mode
    services.configs.source services.configs.target services.configs.mode services.pre_start.command services.pre_start.image
    services.pre_start.user services.pre_start.privileged services.pre_start.working_dir services.pre_start.environment
    services.post_start.command services.post_start.working_dir services.post_start.environment services.pre_stop.command
    services.pre_stop.working_dir services.pre_stop.environment services.depends_on.condition services.depends_on.required
    services.healthcheck.test services.healthcheck.tcp services.healthcheck.http services.healthcheck.log
    services.healthcheck.interval services.healthcheck.timeout services.healthcheck.retries services.healthcheck.start_period
    services.healthcheck.start_interval services.healthcheck.disable services.builtin_check services.restart services.scale
    services.container_name services.labels services.label_file services.networks.aliases services.network_mode
    services.hostname services.extra_hosts services.user services.working_dir services.stop_grace_period services.profiles
    services.tty services.stdin_open services.read_only services.privileged services.cap_add services.cap_drop services.dns
    services.dns_search services.dns_opt services.platform services.shm_size services.security_opt services.sysctls
    services.group_add services.ipc services.pid services.userns_mode services.runtime services.annotations services.mem_limit
    services.mem_reservation services.cpus services.cpu_period services.cpu_quota services.deploy.replicas services.deploy.mode services.deploy.endpoint_mode
    services.deploy.labels services.deploy.placement.constraints services.deploy.placement.preferences.spread
    services.deploy.placement.max_replicas_per_node services.deploy.update_config.parallelism services.deploy.update_config.order
    services.deploy.update_config.monitor
    services.deploy.resources.limits.cpus services.deploy.resources.limits.memory services.deploy.resources.reservations.cpus
    services.deploy.resources.reservations.memory services.deploy.restart_policy.condition services.inputs services.build.context
    services.init services.volumes.bind.create_host_path services.gpus.count services.gpus.driver services.gpus.capabilities services.deploy.resources.reservations.devices.count
    services.deploy.resources.reservations.devices.driver services.deploy.resources.reservations.devices.capabilities
    networks.internal networks.name volumes.name volumes.external volumes.protect volumes.sticky secrets.file secrets.environment
    secrets.external secrets.name secrets.driver configs.content configs.file configs.environment configs.external configs.name templates include
    """.split()
)
"""The keys that a part of the export says, as far as Kubernetes can: it tells itself what is missing. Names of services, volumes and
the like are left out; jobs have the keys of services.
"""

LOST: Mapping[str, tuple[str, str]] = {
    "services.build": ("a cluster builds nothing", ""),
    "services.ports.published": ("a Service is not published on a machine", ""),
    "services.ports.host_ip": ("a Service is not published on a machine", ""),
    "services.volumes.bind.selinux": _BIND,
    "services.volumes.bind.propagation": _BIND,
    "services.volumes.bind.recursive": _BIND,
    "services.volumes.volume.labels": ("only Docker reads the labels of its volumes", "write metadata.labels"),
    "services.volumes.tmpfs.mode": ("an emptyDir has the mode 0777", "change it with an init container"),
    "services.secrets.uid": ("files of a Secret belong to root", "give mode 0o444, or securityContext.fsGroup"),
    "services.secrets.gid": ("files of a Secret belong to root", "give mode 0o444, or securityContext.fsGroup"),
    "services.configs.uid": ("files of a ConfigMap belong to root", "give mode 0o444, or securityContext.fsGroup"),
    "services.configs.gid": ("files of a ConfigMap belong to root", "give mode 0o444, or securityContext.fsGroup"),
    "services.develop": _DEVELOP,
    "services.post_start.user": ("a hook runs as the container's own user", "run it in a Job, or change the user in the command"),
    "services.post_start.privileged": ("a hook has the rights of its container", "run it in a Job"),
    "services.pre_stop.user": ("a hook runs as the container's own user", "change the user in the command"),
    "services.pre_stop.privileged": ("a hook has the rights of its container", "leave it out"),
    "services.depends_on.restart": (
        "Kubernetes restarts nobody because another Pod is new",
        "run kubectl rollout restart after it",
    ),
    "services.networks": _ADDRESS,
    "services.stop_signal": (
        "Kubernetes takes the signal from the image",
        "write STOPSIGNAL into the Dockerfile",
    ),
    "services.domainname": ("the domain of a Pod is that of the cluster", "leave it out"),
    "services.mac_address": _ADDRESS,
    "services.links": (
        "a Service has its names for all Pods, not for one",
        "give the other service an alias",
    ),
    "services.external_links": (
        "the container is not in the cluster",
        "write a Service with externalName, or its address into hostAliases",
    ),
    "services.volumes_from": (
        "a Pod cannot take over the volumes of another one",
        "name the volumes in both services",
    ),
    "services.attach": ("nothing follows the logs of a whole stack", "run kubectl logs --follow"),
    "services.logging": _LOGS,
    "services.devices": _DEVICE,
    "services.device_cgroup_rules": _DEVICE,
    "services.gpus.device_ids": ("the device plugin chooses the GPUs", "give count"),
    "services.gpus.options": ("the device plugin knows no options of a driver", "leave it out"),
    "services.deploy.resources.reservations.devices.device_ids": ("the device plugin chooses the devices", "give count"),
    "services.deploy.resources.reservations.devices.options": (
        "the device plugin knows no options of a driver",
        "leave it out",
    ),
    "services.uts": ("a Pod has a host name of its own", "set hostNetwork, which gives it the node's"),
    "services.cgroup": _NODE,
    "services.cgroup_parent": _NODE,
    "services.isolation": _WINDOWS,
    "services.storage_opt": (
        "Kubernetes limits what a container writes in another way",
        "write resources.limits.ephemeral-storage",
    ),
    "services.memswap_limit": ("the node decides about swap", "ask who runs the cluster"),
    "services.mem_swappiness": ("the node decides about swap", "ask who runs the cluster"),
    "services.cpu_shares": (
        "the share of a container follows from what it requests",
        "write resources.requests.cpu: 1024 shares are one processor",
    ),
    "services.cpu_rt_period": _LIMIT,
    "services.cpu_rt_runtime": _LIMIT,
    "services.cpuset": ("the node chooses the processors", "request whole processors, and ask for the static CPU manager"),
    "services.cpu_count": _WINDOWS,
    "services.cpu_percent": _WINDOWS,
    "services.pids_limit": ("the node limits processes, for all Pods alike", "ask for podPidsLimit of the kubelet"),
    "services.blkio_config": _LIMIT,
    "services.ulimits": (
        "a Pod has the limits of its node's container runtime",
        "raise them in the entrypoint, or on the node",
    ),
    "services.oom_kill_disable": ("Kubernetes ends what uses too much memory", "raise the limit of memory"),
    "services.oom_score_adj": (
        "Kubernetes computes it from requests and limits",
        "give both the same value, so that it is killed last",
    ),
    "services.deploy.resources.limits.pids": (
        "the node limits processes, for all Pods alike",
        "ask for podPidsLimit of the kubelet",
    ),
    "services.deploy.restart_policy.max_attempts": (
        "Kubernetes starts a container again without end",
        "watch it with kubectl get pods",
    ),
    "services.deploy.update_config.delay": ("there is no pause between two Pods", "write minReadySeconds"),
    "services.deploy.update_config.failure_action": (
        "an update that fails stays where it is",
        "run kubectl rollout undo",
    ),
    "services.deploy.update_config.max_failure_ratio": ("an update waits for every Pod", "leave it out"),
    "services.deploy.rollback_config": (
        "a Deployment goes back only if it is told to",
        "run kubectl rollout undo",
    ),
    "services.deploy.resources.reservations.generic_resources": (
        "a resource of a cluster has a name with a domain",
        "write the resource of the device plugin into resources.limits",
    ),
    "services.deploy.restart_policy.delay": (
        "Kubernetes waits longer after each failure, up to five minutes",
        "leave it out",
    ),
    "services.deploy.restart_policy.window": ("Kubernetes counts no attempts", "leave it out"),
    "services.ports.mode": ("a Service is not published on a machine", ""),
    "networks.external": ("a Pod joins no network of Docker", "reach what is there through its address"),
    "networks.attachable": _NETWORK,
    "networks.driver": _NETWORK,
    "networks.driver_opts": _NETWORK,
    "networks.ipam": _NETWORK,
    "networks.enable_ipv4": _NETWORK,
    "networks.enable_ipv6": _NETWORK,
    "networks.labels": _NETWORK,
    "volumes.driver": _DRIVER,
    "volumes.driver_opts": _DRIVER,
    "volumes.labels": ("only Docker reads the labels of its volumes", "write metadata.labels"),
    "secrets.labels": _FILE_LABELS,
    "configs.labels": _FILE_LABELS,
    "secrets.driver_opts": ("the driver is a plugin of a Swarm", "leave it out"),
    "secrets.template_driver": _TEMPLATE,
    "configs.template_driver": _TEMPLATE,
    "checkouts": ("a cluster has no checkouts", "give each checkout a namespace of its own"),
    "tests": ("tests of the stack run outside of the cluster", "forward ports with kubectl port-forward"),
}  # fmt: skip
"""The keys that Kubernetes has nothing for, each with why, and what to do. A table stands for all of its keys. "": another part of the
export tells what to do.
"""
_UNKNOWN = "`export k8s` does not say it", "write it by hand, if Kubernetes has it"


class Report(Struct):
    """What Kubernetes cannot say, or says in another way: each with its key, why, and what to do."""

    found: dict[tuple[Path, str], Problem]

    @classmethod
    def empty(cls) -> Report:
        return cls({})

    def say(self, path: Path, message: str, hint: str = "") -> None:
        self.found.setdefault((path, message), Problem(path, message, hint, severity="note"))

    @property
    def problems(self) -> tuple[Problem, ...]:
        return tuple(self.found.values())


def fate(name: str) -> tuple[str, tuple[str, str] | None]:
    """The key or table that says what becomes of a key, and why it is lost; None if a part of the export says it."""
    if name in MAPPED:
        return name, None
    words = name.split(".")
    for length in range(len(words), 0, -1):
        if (found := LOST.get(".".join(words[:length]))) is not None:
            return ".".join(words[:length]), found
    return name, _UNKNOWN


def tell_lost(report: Report, record: Struct, path: Path, section: str) -> None:
    """Tell what Kubernetes has nothing for among the keys that a table gives. `section`: `services`, `networks` and the like."""
    for place, name in given(record, path, (section,)):
        whose, lost = fate(".".join(name))
        if lost is not None and lost[1]:
            below = _length(place[len(path) :], name[1 : len(whose.split("."))])
            report.say(place[: len(path) + below], *lost)


def given(record: Struct, path: Path, name: tuple[str, ...]) -> Iterator[tuple[Path, tuple[str, ...]]]:
    """The keys that a table gives, those of inner tables too: the path of each, and its name without what only this file has."""
    for key, value in told(record).items():
        yield from _given(value, (*path, key), (*name, key))


def all_keys(table: type, name: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The keys that a table and its inner tables may have, named as `given` names them."""
    for form in forms(table).values():
        inner = next((each for each in (form.type, *get_args(form.type)) if is_table(each)), None)
        if inner is None:
            yield (*name, form.key)
        else:
            yield from all_keys(inner, (*name, form.key))


def _given(value: Any, path: Path, name: tuple[str, ...]) -> Iterator[tuple[Path, tuple[str, ...]]]:
    inner: Iterable[tuple[Key, Any]] = ()
    match value:
        case Struct() if is_table(type(value)):
            yield from given(value, path, name)
            return
        case Mapping():
            inner = value.items()
        case tuple():
            inner = enumerate(value)
    tables = [(key, item) for key, item in inner if isinstance(item, Struct) and is_table(type(item))]
    for key, item in tables:
        yield from given(item, (*path, key), name)
    if not tables:
        yield path, name


def _length(path: Path, name: tuple[str, ...]) -> int:
    """How much of a path has this name: the name leaves out numbers, and what the file calls its tables."""
    at = 0
    for word in name:
        at = path.index(word, at) + 1
    return at
