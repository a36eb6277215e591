"""The Pod of a service or job."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping

from msgspec import Struct

from stackctl.planner.world.desired import DesiredContainer
from stackctl.spec.image_ref import ImageRef
from stackctl.spec.model import Hook, InitHook, PullPolicy
from stackctl.teach.compose.texts import Keys, without_none
from stackctl.teach.k8s.context import Exporting
from stackctl.teach.k8s.labels import labelled
from stackctl.teach.k8s.names import dns_name
from stackctl.teach.k8s.network import Port
from stackctl.teach.k8s.placement import placement
from stackctl.teach.k8s.probes import probes
from stackctl.teach.k8s.security import container_security, pod_security, resources
from stackctl.teach.k8s.storage import Storage
from stackctl.teach.k8s.values import ContainerWords
from stackctl.teach.k8s.waits import account, waits, waits_for_job

_VARIABLE = r"[-._a-zA-Z][-._a-zA-Z0-9]*"
"""A name of a variable that every version of Kubernetes takes."""


class Pod(Struct, frozen=True):
    """A Pod template, and what belongs beside it."""

    template: Keys
    templates: tuple[Keys, ...]
    """The claims that each Pod gets of its own."""
    claims: tuple[str, ...]
    """The claims that it shares with other Pods."""


def pod(
    export: Exporting, spec: DesiredContainer, ports: Mapping[str, tuple[Port, ...]], *, database: bool
) -> Pod:
    settings = spec.settings
    storage = Storage(export, spec, database)
    storage.find()
    labels, annotations = labelled(export, spec, ("labels",), settings.labels)
    _, notes = labelled(export, spec, ("annotations",), settings.annotations, notes=True)
    asks = any(map(waits_for_job, spec.needs))
    keys: Keys = {
        "metadata": {
            "labels": labels | export.labels(spec.service),
            "annotations": annotations | notes or None,
        },
        "spec": {
            "serviceAccountName": account(export) if asks else None,
            "automountServiceAccountToken": None if asks else False,
            "enableServiceLinks": False,
            **_namespaces(export, spec),
            **_host_name(export, spec),
            "hostAliases": _host_aliases(export, spec) or None,
            **_dns(export, spec),
            "nodeSelector": _node(export, spec),
            **placement(export, spec),
            "runtimeClassName": _runtime(export, spec),
            "securityContext": pod_security(export, spec, claims=bool(storage.claims or storage.templates))
            or None,
            "terminationGracePeriodSeconds": spec.grace if settings.stop_grace_period else None,
            "restartPolicy": "Never" if spec.kind == "job" else None,
            "initContainers": [
                *waits(export, spec, ports),
                *(_init(export, spec, storage, index, hook) for index, hook in enumerate(settings.pre_start)),
            ]
            or None,
            "containers": [_container(export, spec, storage, ports[spec.service])],
            "volumes": [{"name": name, **volume} for name, volume in storage.volumes.items()] or None,
        },
    }
    keys["metadata"] = without_none(keys["metadata"])
    keys["spec"] = without_none(keys["spec"])
    _first_process(export, spec)
    return Pod(keys, tuple(storage.templates), tuple(storage.claims))


def _container(export: Exporting, spec: DesiredContainer, storage: Storage, ports: tuple[Port, ...]) -> Keys:
    settings = spec.settings
    words = ContainerWords(export.values, spec.environment, spec.service)
    command, arguments = spec.entrypoint, spec.command
    if command is not None and arguments is None:
        arguments = ()  # an entrypoint of the file leaves out the command of the image, in both worlds
    if command == ():
        command, arguments = arguments or None, None
    if arguments == () and command is None:
        export.say(
            spec,
            ("command",),
            "an empty command cannot be said: the image's own one runs",
            "write the command",
        )
    keys: Keys = {
        "name": dns_name(spec.service),
        "image": _image(export, spec),
        "imagePullPolicy": _pull_policy(export, spec),
        "command": words.argv(command, "entrypoint") if command else None,
        "args": words.argv(arguments, "command") if arguments else None,
        "workingDir": settings.working_dir,
        "ports": [_port(each) for each in ports] or None,
        **({} if spec.kind == "job" else probes(export, spec, words)),
        "lifecycle": _lifecycle(spec, words) or None,
        "resources": resources(export, spec) or None,
        "volumeMounts": storage.mounts or None,
        "securityContext": container_security(export, spec) or None,
        "stdin": settings.stdin_open or None,
        "tty": settings.tty or None,
    }
    keys["env"] = [*_environment(export, spec), *words.variables()] or None
    for name in words.added:
        export.say(
            spec,
            ("environment",),
            f"the container gets the variable {name} in addition: a manifest can name a secret in a variable alone",
        )
    order = "name image imagePullPolicy command args workingDir env ports".split()
    return without_none({name: keys[name] for name in dict.fromkeys((*order, *keys))})


def _port(port: Port) -> Keys:
    protocol, number = port
    return without_none(
        {"containerPort": number, "protocol": protocol.upper() if protocol != "tcp" else None}
    )


def _environment(export: Exporting, spec: DesiredContainer) -> Iterator[Keys]:
    for name, text in spec.environment.items():
        key = ("environment", name)
        given = spec.settings.environment.get(name)
        if text is None:
            export.say(spec, key, "a variable of the image cannot be taken away", "give it an empty value")
            continue
        if given is not None and given.text is None:
            export.say(
                spec,
                key,
                "it has the value that it had here when this was exported",
                "export again after a change",
            )
        if not re.fullmatch(_VARIABLE, name):
            export.say(
                spec,
                key,
                "versions of Kubernetes before 1.34 refuse its name",
                "use letters, digits, '_', '.' and '-'",
            )
        yield export.values.variable(name, text, spec.service)


def _image(export: Exporting, spec: DesiredContainer) -> str:
    if spec.settings.build:
        export.say(
            spec,
            ("build",),
            f"a cluster builds nothing, and pulls {spec.image}",
            "build and push it, and write its name in the registry as image",
        )
    return str(spec.image)


def _pull_policy(export: Exporting, spec: DesiredContainer) -> str | None:
    """When to pull. Kubernetes would pull an image without a tag at each start, Docker pulls what is missing."""
    policy = spec.settings.pull_policy
    if policy in (None, PullPolicy.missing, PullPolicy.build):
        return "IfNotPresent" if spec.settings.build or _floats(spec.image) else None
    if policy == PullPolicy.never:
        return "Never"
    if policy != PullPolicy.always:
        export.say(
            spec,
            ("pull_policy",),
            f"a node does not know {policy}, and pulls at each start",
            "use IfNotPresent, and tags that change",
        )
    return "Always"


def _floats(image: str) -> bool:
    return ImageRef.parse(image).tag in ("", "latest") and "@" not in image


def _init(export: Exporting, spec: DesiredContainer, storage: Storage, index: int, hook: InitHook) -> Keys:
    """A container of `pre_start`."""
    export.say(
        spec,
        ("pre_start", index),
        "it runs before each start of each Pod, and not once for all",
        "let it end well if it has nothing to do; or make it a job",
    )
    environment = {**spec.environment, **{name: each.text for name, each in hook.environment.items()}}
    words = ContainerWords(export.values, environment, spec.service)
    user = re.fullmatch(r"(\d{1,9})(?::(\d{1,9}))?", hook.user or "")
    if hook.user and not user:
        export.say(
            spec, ("pre_start", index, "user"), "Kubernetes takes numbers of users alone", "write the number"
        )
    rights = {
        "privileged": hook.privileged or None,
        "runAsUser": int(user[1]) if user else None,
        "runAsGroup": int(user[2]) if user and user[2] else None,
    }
    argv = words.argv(hook.command.argv, "command") if hook.command else None
    variables = [
        export.values.variable(name, text, spec.service)
        for name, text in environment.items()
        if text is not None
    ]
    return without_none(
        {
            "name": f"pre-start-{index + 1}",
            "image": str(hook.image or spec.image),
            "imagePullPolicy": None if hook.image else _pull_policy(export, spec),
            "args": argv,
            "workingDir": hook.working_dir,
            "env": [*variables, *words.variables()] or None,
            "volumeMounts": storage.mounts or None,
            "securityContext": without_none(rights) or None,
        }
    )


def _lifecycle(spec: DesiredContainer, words: ContainerWords) -> Keys:
    settings = spec.settings
    return without_none(
        {
            "postStart": _hooks(settings.post_start, words),
            "preStop": _hooks(settings.pre_stop, words),
        }
    )


def _hooks(hooks: tuple[Hook, ...], words: ContainerWords) -> Keys | None:
    """The one command that Kubernetes runs: several hooks, directories and variables need a shell of the image."""
    if not hooks:
        return None
    (hook,) = hooks if len(hooks) == 1 else (None,)
    if hook and not hook.working_dir and not hook.environment:
        return {"exec": {"command": words.executed(hook.command.argv, "command")}}
    return {"exec": {"command": ("/bin/sh", "-c", " && ".join(_line(hook, words) for hook in hooks))}}


def _line(hook: Hook, words: ContainerWords) -> str:
    """A hook as a line of a shell."""
    assigned = [words.assigned(name, each.text or "") for name, each in hook.environment.items()]
    line = " ".join([*(["env", *assigned] if assigned else []), *words.quoted(hook.command.argv, "command")])
    return f"(cd {shlex.quote(hook.working_dir)} && {line})" if hook.working_dir else line


def _namespaces(export: Exporting, spec: DesiredContainer) -> Keys:
    """Whose network, memory and processes the Pod sees."""
    keys: Keys = {}
    for name, mode, host in (
        ("network_mode", spec.network_mode, "hostNetwork"),
        ("ipc", spec.ipc, "hostIPC"),
        ("pid", spec.pid, "hostPID"),
    ):
        if mode == "host":
            keys[host] = True
        elif mode and mode.startswith("container:"):
            other = getattr(spec.settings, name).service or mode.removeprefix("container:")
            export.say(
                spec,
                (name,),
                f"two Pods share nothing: it does not share with {other}",
                "put both containers into one Pod",
            )
        elif name == "network_mode" and mode == "none":
            export.say(spec, (name,), "every Pod has a network", "write a NetworkPolicy that allows nothing")
    return keys


def _host_name(export: Exporting, spec: DesiredContainer) -> Keys:
    name = spec.settings.hostname
    if name is None:
        return {}
    if re.fullmatch(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", name):
        return {"hostname": name}
    export.say(
        spec,
        ("hostname",),
        f"{name} is no host name of a Pod",
        "use small letters, digits and '-', without dots",
    )
    return {}


def _host_aliases(export: Exporting, spec: DesiredContainer) -> list[Keys]:
    found: dict[str, list[str]] = {}
    for host, address in spec.settings.extra_hosts.items():
        if address == "host-gateway":
            export.say(
                spec,
                ("extra_hosts", host),
                "a Pod does not know its node by name",
                "give the address of what it must reach",
            )
        else:
            for ip in address.split(","):
                found.setdefault(ip.strip("[]"), []).append(host)
    return [{"ip": ip, "hostnames": hosts} for ip, hosts in found.items()]


def _dns(export: Exporting, spec: DesiredContainer) -> Keys:
    settings = spec.settings
    config = without_none(
        {
            "nameservers": [str(each) for each in settings.dns or ()][:2] or None,
            "searches": [*(settings.dns_search or ())] or None,
            "options": [
                without_none({"name": name, "value": value or None})
                for name, _, value in (each.partition(":") for each in settings.dns_opt)
            ]
            or None,
        }
    )
    if settings.dns:
        export.say(
            spec,
            ("dns",),
            "the name server of the cluster is asked first, and these alone if it does not answer",
            "configure CoreDNS",
        )
    return without_none(
        {
            "dnsPolicy": "ClusterFirstWithHostNet" if spec.network_mode == "host" else None,
            "dnsConfig": config or None,
        }
    )


def _node(export: Exporting, spec: DesiredContainer) -> Keys | None:
    if not spec.settings.platform:
        return None
    system, _, rest = spec.settings.platform.partition("/")
    architecture, _, variant = rest.partition("/")
    if variant:
        export.say(spec, ("platform",), f"no label of a node tells the variant {variant}", "label such nodes")
    return without_none(
        {
            "kubernetes.io/os": system or None,
            "kubernetes.io/arch": {"aarch64": "arm64", "x86_64": "amd64"}.get(architecture, architecture)
            or None,
        }
    )


def _runtime(export: Exporting, spec: DesiredContainer) -> str | None:
    name = spec.settings.runtime
    if name is None or name == "runc":
        return None
    export.say(
        spec,
        ("runtime",),
        f"the cluster must have a RuntimeClass {dns_name(name)}",
        "make it, or leave it out",
    )
    return dns_name(name)


def _first_process(export: Exporting, spec: DesiredContainer) -> None:
    """Tell what becomes of a policy that Kubernetes does not have, and of the init process."""
    if spec.settings.init:
        export.say(
            spec,
            ("init",),
            "Kubernetes adds no init process",
            "put tini into the image, or set shareProcessNamespace",
        )
    if spec.kind == "service" and spec.restart == "on-failure":
        export.say(
            spec,
            spec.settings.restart_key,
            "a Deployment starts a container again after any end",
            "make it a job, if it ends by itself",
        )
