"""Write a stack as a compose.yaml: `docker compose up` then makes what `stackctl up` makes. What Compose cannot say stands beside its
place as a comment. Keys and their meaning are those of the Compose Specification.
"""

from __future__ import annotations

import os.path
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from stackctl.planner.world.desired import (
    USUAL_NETWORK_DRIVER,
    USUAL_VOLUME_DRIVER,
    Desired,
    DesiredContainer,
    DesiredMount,
    DesiredNetwork,
    DesiredPort,
    DesiredVolume,
)
from stackctl.planner.world.inits import wants_init
from stackctl.planner.world.observed import ImageConfig
from stackctl.spec import build_keys, plain_keys
from stackctl.spec.model import (
    Build,
    ConfigSource,
    EnvFile,
    FileMode,
    FileSource,
    FileUse,
    Hook,
    InitHook,
    Job,
    SecretSource,
    Stack,
    Watch,
)
from stackctl.spec.model.devices import Device
from stackctl.spec.structure import forms, is_table, told
from stackctl.teach.commands import OURS
from stackctl.teach.compose.texts import Keys, Texts, Tree, Value, bare, noted, without_none, words
from stackctl.teach.compose.waits import depends_on, healthcheck, readiness_notes
from stackctl.teach.compose.yaml import document
from stackctl.teach.script_variables import ScriptVariables

_PROTECTED = "protect = true: `stackctl down --volumes` keeps it. Compose cannot say that: `docker compose down --volumes` removes it."
_NO_COMMAND = "Compose cannot say an empty command: without an entrypoint the image's command runs."
_FIRST = 1000
"""The priority of the first network. Compose takes the network with the highest priority for the first one."""


def compose(
    stack: Stack, desired: Desired, *, source: str, directory: Path | None = None, profiles: bool = False
) -> str:
    """The compose.yaml of a stack.

    `source` is the name of the stack's file, for people. `directory` is where the new file will stand: beside the stack's file,
    if not given. `profiles`: whether services keep their profiles; else all of `desired` start.
    """
    file = ComposeFile(stack, desired, directory or stack.directory, profiles)
    tree, texts = file.tree(), Texts(ScriptVariables.of(desired, taken=frozenset()))
    texts.find_variables([*_environments(desired)])
    texts.find_variables(tree)
    written = texts.written(tree)
    assert isinstance(written, Mapping)
    return document(written, head=[*_head(desired, source, texts.secrets)])


def compose_tree(stack: Stack, desired: Desired) -> dict[str, Any]:
    """What `compose` writes, as plain data: without comments, and with every text as it is, secrets too."""
    tree: dict[str, Any] = bare(ComposeFile(stack, desired, stack.directory, profiles=True).tree())
    return tree


class ComposeFile(Struct, frozen=True):
    """Says each part of a stack with the keys of Compose, for a file in a directory."""

    stack: Stack
    desired: Desired
    directory: Path
    profiles: bool

    def tree(self) -> Keys:
        containers, networks, volumes = self.desired.containers, self.desired.networks, self.desired.volumes
        said = {each.key: self.network(each) for each in networks}
        return without_none(
            {
                "name": self.stack.project,
                "services": {each.service: self.service(each) for each in containers},
                "networks": {key: keys for key, keys in said.items() if keys or key != "default"} or None,
                "volumes": {each.key: self.volume(each) for each in volumes} or None,
                "secrets": self.contents("secrets") or None,
                "configs": self.contents("configs") or None,
            }
        )

    def service(self, spec: DesiredContainer) -> Tree:
        settings, owner = spec.settings, spec.service
        written = self.stack.everything.get(owner, settings)
        there = {each.service: each for each in self.desired.containers}
        keys: Keys = {
            "image": _given(settings.image),
            "build": self.build(settings.build, owner) if settings.build else None,
            "pull_policy": str(settings.pull_policy) if settings.pull_policy else None,
            "command": noted(words(spec.command, "command", owner), _command_notes(spec)),
            "entrypoint": words(spec.entrypoint, "entrypoint", owner),
            "environment": _environment(spec),
            "env_file": [self.env_file(each) for each in settings.env_file] or None,
            "ports": [_port(each) for each in spec.ports] or None,
            "volumes": [self.mount(each, spec, index) for index, each in _mounts(spec)] or None,
            "tmpfs": [f"{each.target}:{each.tmpfs_options}" for each in spec.mounts if each.tmpfs_options]
            or None,
            "secrets": [_file_use(each) for each in settings.secrets] or None,
            "configs": [_file_use(each) for each in settings.configs] or None,
            "develop": {"watch": [self.watch(each, owner) for each in settings.develop.watch]}
            if settings.develop
            else None,
            "pre_start": [self.hook(each, owner) for each in settings.pre_start] or None,
            "post_start": [self.hook(each, owner) for each in settings.post_start] or None,
            "pre_stop": [self.hook(each, owner) for each in settings.pre_stop] or None,
            "depends_on": depends_on(spec, there),
            "healthcheck": healthcheck(spec),
            "deploy": _plain(written.deploy) if written.deploy else None,
            "restart": str(settings.restart) if spec.restart != "no" else None,
            "container_name": _given(settings.container_name),
            "attach": None if settings.attach else False,
            "labels": _labels(settings.labels, owner),
            "networks": self.networks(spec),
            "network_mode": str(settings.network_mode) if settings.network_mode else None,
            "scale": written.scale,
            "stop_grace_period": f"{spec.grace}s" if settings.stop_grace_period else None,
            "profiles": _once(settings.profiles) or None if self.profiles else None,
        }
        for key, _ in plain_keys.given(settings):
            keys[key.path[0]] = _plain(getattr(settings, key.path[0]))
        keys["init"] = wants_init(spec, ImageConfig())
        if (spec.network_mode or "").startswith("container:"):
            keys["expose"] = None  # the engine refuses it there, and stackctl does not ask for it, either
        ordered = {name: keys[name] for name in forms(type(settings)) if keys.get(name) is not None}
        return noted(ordered, (*_job_notes(spec), *readiness_notes(spec)))

    def build(self, build: Build, owner: str) -> Tree:
        context = Value(build.context) if build.remote else self.path(build.context)
        args = {name: each.text and Value(each.text, name, owner) for name, each in build.args.items()}
        keys: Keys = {
            "context": context,
            "dockerfile": _given(build.dockerfile if build.dockerfile != "Dockerfile" else None),
            "target": _given(build.target),
            "args": args or None,
        }
        contexts = {name: self._context(place) for name, place in build.additional_contexts.items()}
        keys |= {
            key.name: _plain(value)
            for key, value in build_keys.given(build)
            if key.name not in (*keys, "additional_contexts", "secrets")
        }
        keys["secrets"] = [_file_use(each) for each in build.secrets] or None
        keys["additional_contexts"] = contexts or None
        return (
            without_none(keys) if any(value for name, value in keys.items() if name != "context") else context
        )

    def _context(self, place: str) -> Tree:
        return Value(place) if ":" in place else self.path(place)

    def env_file(self, file: EnvFile) -> Tree:
        path = self.path(file.path)
        if file.required and not file.format:
            return path
        return without_none(
            {"path": path, "required": None if file.required else False, "format": file.format}
        )

    def mount(self, mount: DesiredMount, spec: DesiredContainer, index: int) -> Tree:
        """A mount in the long form. A volume without settings stands in the short form."""
        keys: Keys = {"type": mount.type, "source": None, "target": mount.target}
        keys["read_only"] = mount.read_only or None
        match mount.type:
            case "bind":
                keys["source"] = self.path(mount.source)
                keys["bind"] = _bind(mount)
            case "tmpfs":
                mode = mount.tmpfs_mode
                octal = None if mode is None else noted(mode, [f"0o{mode:o}"])
                keys["tmpfs"] = without_none({"size": mount.tmpfs_size, "mode": octal}) or None
            case "image":
                keys["source"] = mount.source
                keys["image"] = {"subpath": mount.subpath} if mount.subpath else None
            case _:
                keys["source"] = source = spec.settings.volumes[index].source
                short = f"{source}:{mount.target}" if source else mount.target
                settings = without_none(
                    {
                        "nocopy": mount.nocopy or None,
                        "subpath": mount.subpath or None,
                        "labels": _texts(mount.own_labels),
                    }
                )
                if not (settings or re.search(r"[:\s]", mount.target) or (mount.read_only and not source)):
                    return f"{short}:ro" if mount.read_only else short
                keys["volume"] = settings or None
        return without_none(keys)

    def networks(self, spec: DesiredContainer) -> Tree | None:
        uses = spec.settings.networks
        several = len(uses) > 1
        if not uses or spec.network_mode:
            return None
        if not several and not any(told(use) for use in uses.values()):
            return [*uses]
        return {
            key: _plain(uses[key]) | ({"priority": _FIRST - index} if several else {})
            for index, key in enumerate(spec.settings.joined)
        }

    def network(self, network: DesiredNetwork) -> Tree | None:
        keys: Keys = {
            "name": self.own_name(network),
            "external": network.external or None,
            "driver": _given(network.driver if network.driver != USUAL_NETWORK_DRIVER else None),
            "driver_opts": _texts(network.options),
            "internal": network.internal or None,
            "attachable": network.attachable or None,
            "enable_ipv4": network.enable_ipv4,
            "enable_ipv6": network.enable_ipv6,
            "ipam": _plain(network.ipam) or None,
            "labels": _labels(network.labels),
        }
        return without_none(keys) or None

    def volume(self, volume: DesiredVolume) -> Tree:
        keys: Keys = {
            "name": self.own_name(volume),
            "external": volume.external or None,
            "driver": _given(volume.driver if volume.driver != USUAL_VOLUME_DRIVER else None),
            "driver_opts": _texts(volume.options),
            "labels": _labels(volume.labels),
        }
        return noted(without_none(keys) or None, [_PROTECTED] if volume.protect else [])

    def hook(self, hook: Hook | InitHook, owner: str) -> Tree:
        keys: Keys = {
            "command": words(hook.command.argv, "command", owner) if hook.command else None,
            "image": _given(hook.image) if isinstance(hook, InitHook) else None,
            "user": _given(hook.user),
            "privileged": hook.privileged or None,
            "working_dir": _given(hook.working_dir),
            "environment": {
                name: Value(each.text or "", name, owner) for name, each in hook.environment.items()
            }
            or None,
        }
        return without_none(keys)

    def watch(self, watch: Watch, owner: str) -> Tree:
        keys: Keys = {
            "path": self.path(watch.path),
            "action": watch.action.value,
            "target": _given(watch.target),
            "ignore": [*map(Value, watch.ignore)] or None,
            "include": [*map(Value, watch.include)] or None,
            "exec": self.hook(watch.exec, owner) if watch.exec else None,
            "initial_sync": watch.initial_sync or None,
        }
        return without_none(keys)

    def contents(self, section: str) -> Keys:
        """The secrets or configs that the containers and the builds use."""
        used = {
            name
            for service in self.desired.services.values()
            for table, name, _ in self.stack.sources_of(service)
            if table == section
        }
        sources: Mapping[str, FileSource] = getattr(self.stack, section)
        return {name: self.content(source) for name, source in sources.items() if name in used}

    def content(self, source: FileSource) -> Tree:
        text = source.content if isinstance(source, ConfigSource) else None
        keys: Keys = {
            "file": None if source.file is None else self.path(source.file),
            "environment": _given(source.environment),
            "content": None if text is None else Value(text, "content"),
            "external": source.external or None,
            "name": _given(source.name),
            "labels": _texts(source.labels),
            "template_driver": _given(source.template_driver),
        }
        if isinstance(source, SecretSource):
            keys |= {"driver": _given(source.driver), "driver_opts": _texts(source.driver_opts)}
        return without_none(keys)

    def own_name(self, resource: DesiredNetwork | DesiredVolume) -> Tree | None:
        """The name of a network or volume, if Compose would choose another one."""
        usual = f"{self.stack.project}_{resource.key}"
        return Value(resource.name) if resource.external or resource.name != usual else None

    def path(self, path: str) -> str:
        """A path of this machine. Below the stack's directory it is relative to the directory of the file."""
        directory = self.stack.directory.resolve()
        whole = Path(os.path.normpath(directory / Path(path).expanduser()))
        if not whole.is_relative_to(directory):
            return str(whole)
        relative = os.path.relpath(whole, self.directory.resolve())
        return relative if relative.startswith(".") else f"./{relative}"


def _file_use(use: FileUse) -> Tree:
    """A secret or config of a service. Compose copies a `file` only by mounting it: owner and mode are those of the host then."""
    keys: Keys = {
        "source": use.source,
        "target": _given(use.target),
        "uid": str(use.uid) if use.uid else None,
        "gid": str(use.gid) if use.gid else None,
        "mode": str(use.mode) if use.mode != FileMode(0o444) else None,
    }
    told = without_none(keys)
    return use.source if len(told) == 1 else told


def _head(desired: Desired, source: str, secrets: Iterable[str]) -> Iterator[str]:
    jobs = any(spec.kind == "job" for spec in desired.containers)
    build = " --build" if any(image.build for image in desired.images) else ""
    up = f"docker compose up --detach{build}" + ("" if jobs else " --wait")
    yield f"The stack {desired.project}, written by `stackctl export compose` from {source}."
    yield ""
    for command, what in (
        (up, "bring it up"),
        ("docker compose down", "take it away; volumes stay"),
        ("docker compose down --volumes", "take the data away, too"),
    ):
        yield f"  {command:<{len(up) + 3}}{what}"
    yield ""
    if jobs:
        yield "Not with --wait: Compose takes the end of a job for a failure."
    yield "`stackctl down` comes first: the containers have the same names."
    if any(spec.settings.init is None for spec in desired.containers):
        yield "Where an image brings an init of its own, stackctl adds none: take `init` out."
    if secrets:
        yield ""
        yield "Secrets do not stand here. Export these variables, or write them into .env:"
        yield from (f"  {name}" for name in secrets)


def _environments(desired: Desired) -> Iterator[Value]:
    """Every variable of a container, also from an `env_file`: a secret may stand elsewhere, too."""
    for spec in desired.containers:
        given = spec.environment.items()
        yield from (Value(text, name, spec.service) for name, text in given if text is not None)


def _environment(spec: DesiredContainer) -> Tree | None:
    """The variables of `environment`. A name alone takes the caller's value, with Compose as with stackctl."""
    table = spec.settings.environment
    taken = {name for name, variable in table.items() if variable.text is None}
    return {
        name: None if name in taken else Value(spec.environment.get(name) or "", name, spec.service)
        for name in table
    } or None


def _command_notes(spec: DesiredContainer) -> Iterator[str]:
    if spec.command == () and spec.entrypoint is None:
        yield _NO_COMMAND


def _mounts(spec: DesiredContainer) -> Iterator[tuple[int, DesiredMount]]:
    """The mounts, without those that only the key `tmpfs` can say or that hold secrets; and their index in the file."""
    own = enumerate(spec.mounts)
    return ((index, mount) for index, mount in own if not (mount.tmpfs_options or mount.contents))


def _bind(mount: DesiredMount) -> Tree:
    """The settings of a bind mount. Compose passes `selinux` on only together with create_host_path, and without a propagation."""
    notes: dict[str, list[str]] = {}
    if mount.selinux and mount.propagation:
        notes["propagation"] = [
            f"selinux: {mount.selinux} is left out: Compose ignores it beside a propagation."
        ]
    elif mount.selinux and not mount.create_host_path:
        notes["create_host_path"] = ["stackctl refuses a missing path. Compose ignores selinux without this."]
    relabelled = mount.selinux and not mount.propagation
    keys = {
        "create_host_path": mount.create_host_path or bool(relabelled),
        "propagation": mount.propagation or None,
        "recursive": mount.recursive or None,
        "selinux": mount.selinux if relabelled else None,
    }
    return {name: noted(value, notes.get(name, [])) for name, value in without_none(keys).items()}


def _port(port: DesiredPort) -> str:
    address = f"[{port.host_ip}]" if ":" in port.host_ip else port.host_ip
    protocol = "" if port.protocol == "tcp" else f"/{port.protocol}"
    places = f"{address}:{port.published}:" if address else port.published and f"{port.published}:"
    return f"{places}{port.target}{protocol}"


def _job_notes(spec: DesiredContainer) -> Iterator[str]:
    if not isinstance(spec.settings, Job):
        return
    files = ", ".join(spec.settings.inputs)
    what = f"of itself, its image or these files: {files}" if files else "of itself or its image"
    again = "at every `up`" if spec.always else f"only after a change {what}"
    yield f"A job. stackctl runs it again {again}. Compose runs it at every `up`."


def _plain(value: Any) -> Tree:
    """The value of a plain key. Its name and its form are those of the Compose Specification."""
    match value:
        case Device():
            return str(value)
        case Struct() if is_table(type(value)):
            return {name: _plain(item) for name, item in told(value).items()}
        case Struct():
            return str(value)
        case Mapping():
            return {key: _plain(item) for key, item in value.items()}
        case tuple():
            return (
                _once(map(_plain, value))
                if all(isinstance(item, str) for item in value)
                else [*map(_plain, value)]
            )
        case str():
            return Value(value)
    return value


def _once(items: Iterable[Tree]) -> list[Tree]:
    """The items. Compose refuses a list that has one twice."""
    return [*dict.fromkeys(items)]


def _given(text: str | None) -> Tree | None:
    return None if text is None else Value(text)


def _labels(labels: Mapping[str, str], owner: str = "") -> Tree | None:
    """The labels of the file, without those that stackctl and Compose add themselves."""
    return _texts({name: text for name, text in labels.items() if not name.startswith(OURS)}, owner)


def _texts(table: Mapping[str, str], owner: str = "") -> Tree | None:
    return {name: Value(text, name, owner) for name, text in table.items()} or None
