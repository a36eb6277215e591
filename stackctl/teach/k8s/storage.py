"""Volumes of a Pod: claims, memory, files of the stack, and directories of nodes."""

from __future__ import annotations

import posixpath
from pathlib import Path

from msgspec import Struct, field

from stackctl.planner.world.desired import DesiredContainer, DesiredFile, DesiredMount
from stackctl.spec.server import server
from stackctl.spec.values import ByteSize
from stackctl.teach.compose.texts import Keys, without_none
from stackctl.teach.k8s.contents import kept_file, kept_files, volume_of
from stackctl.teach.k8s.context import PART_OF, Exporting, HostPath
from stackctl.teach.k8s.names import dns_name, free
from stackctl.teach.k8s.quantities import memory

CLAIMED = "1Gi"
"""What a claim asks for: a volume of Docker has no size."""


class Storage(Struct):
    """The volumes of one Pod, while they are found."""

    export: Exporting
    spec: DesiredContainer
    database: bool
    """Whether each Pod gets claims of its own (a StatefulSet)."""
    mounts: list[Keys] = field(default_factory=list)
    volumes: dict[str, Keys] = field(default_factory=dict)
    templates: list[Keys] = field(default_factory=list)
    claims: list[str] = field(default_factory=list)
    """The names of the claims that it shares with nobody but its own Pods."""

    def find(self) -> None:
        settings = self.spec.settings
        for index, mount in enumerate(self.spec.mounts):
            key = (
                ("volumes", index)
                if index < len(settings.volumes)
                else ("tmpfs", index - len(settings.volumes))
            )
            if mount.contents:
                continue
            match mount.type:
                case "volume":
                    self._volume(mount, key)
                case "bind":
                    self._bind(mount, key)
                case "tmpfs":
                    self._tmpfs(mount, key)
                case "image":
                    self._image(mount, key)
        if settings.shm_size:
            self._add("shm", {"emptyDir": _in_memory(settings.shm_size.bytes)}, "/dev/shm")  # noqa: S108 the path that Docker sizes
        for file in self.spec.files:
            self._file(file)

    def _volume(self, mount: DesiredMount, key: tuple[str, int]) -> None:
        source = self.spec.settings.volumes[key[1]].source
        subpath = mount.subpath or None
        if not source:
            self._add("data", {"emptyDir": {}}, mount.target, subpath=subpath, read_only=mount.read_only)
            self.export.say(
                self.spec,
                key,
                "an anonymous volume becomes an emptyDir, which is gone with its Pod",
                "name the volume, if its data must stay",
            )
            return
        name, data = dns_name(source), holds_data(self.spec, mount)
        if not data and not mount.nocopy and not mount.read_only:
            self.export.say(
                self.spec,
                key,
                "a new volume is empty: Kubernetes does not fill it with what the image has at that path, as Docker does",
                "copy it with an init container, if the image has something there",
            )
        if data and subpath is None:
            subpath = "data"  # the root of a new disk has lost+found, and initdb wants an empty directory
        users = users_of(self.export, source)
        declared = self.export.stack.volumes.get(source)
        external = declared is not None and declared.external
        if self.database and users == [self.spec.service] and not external:
            self.templates.append(_claim(self.export, name, source, labelled=False))
            self._mount(name, mount.target, subpath=subpath, read_only=mount.read_only)
            return
        if external:
            name = dns_name((declared and declared.name) or source)
            self.export.report.say(
                ("volumes", source, "external"),
                f"the PersistentVolumeClaim {name} must be there already",
                "make it first",
            )
        else:
            self.export.claims.setdefault(name, _claim(self.export, name, source))
        if len(users) > 1 or self.export.replicas(self.spec.service) > 1:
            self.export.report.say(
                ("volumes", source),
                f"the Pods of {', '.join(users)} share it, and ReadWriteOnce lets one node mount it",
                "with several nodes, use a StorageClass that can ReadWriteMany",
            )
        self.claims.append(name)
        self._add(
            name,
            {"persistentVolumeClaim": {"claimName": name}},
            mount.target,
            subpath=subpath,
            read_only=mount.read_only,
        )

    def _tmpfs(self, mount: DesiredMount, key: tuple[str, int]) -> None:
        options = dict(item.partition("=")[::2] for item in mount.tmpfs_options.split(",") if item)
        given = options.pop("size", "")
        size = mount.tmpfs_size or (int(given) if given.isdigit() else None)
        if given and not given.isdigit():
            options["size"] = given
        if options:
            self.export.say(
                self.spec,
                key,
                f"an emptyDir has no option {', '.join(options)}",
                "leave it out, or use an init container",
            )
        self._add("memory", {"emptyDir": _in_memory(size)}, mount.target, read_only=mount.read_only)

    def _image(self, mount: DesiredMount, key: tuple[str, int]) -> None:
        self.export.say(
            self.spec,
            (*key, "type"),
            "an image as a volume needs Kubernetes 1.33 or later",
            "else copy it with an init container",
        )
        volume = {"image": {"reference": mount.source, "pullPolicy": "IfNotPresent"}}
        self._add("image", volume, mount.target, subpath=mount.subpath or None, read_only=True)

    def _bind(self, mount: DesiredMount, key: tuple[str, int]) -> None:
        path, spec = mount.source, self.spec
        shown, base = self.export.shown(path), posixpath.basename(path.rstrip("/")) or "root"
        if not self.export.inside(path):
            self.export.say(
                spec,
                key,
                f"{shown} is a path of whichever node runs the Pod, not of this machine",
                "put the files into an image or a volume",
            )
            self._add(base, {"hostPath": {"path": path}}, mount.target, read_only=mount.read_only)
            return
        found = self.export.host_files(path)
        if self._is_code(mount, found):
            self.export.say(
                spec,
                key,
                f"{shown} is left out: the image is built from it",
                "build and push the image after a change; if the image lacks it, use a volume",
            )
        elif found is None or not found.files:
            self._directory(mount, key, f"{dns_name(spec.service)}-{dns_name(base)}")
        else:
            self._host_files(mount, key, f"{dns_name(spec.service)}-{dns_name(base)}", found)

    def _is_code(self, mount: DesiredMount, found: HostPath | None) -> bool:
        """Whether a bind mount only brings newer files than the image has: a directory of its build that has files."""
        if found is not None and (found.single or not found.files or mount.read_only):
            return False
        return self._in_build(mount.source)

    def _directory(self, mount: DesiredMount, key: tuple[str, int], wanted: str) -> None:
        """A claim in place of a directory of this machine: one for all who mount it."""
        path, known = mount.source, self.export.directories.get(mount.source)
        volumes = map(dns_name, self.export.stack.volumes)
        name = known or free(wanted, [*self.export.claims, *volumes])
        if known is None:
            self.export.directories[path] = name
            self.export.claims[name] = _claim(self.export, name, "")
        self.claims.append(name)
        self.export.say(
            self.spec,
            key,
            f"{self.export.shown(path)} becomes the PersistentVolumeClaim {name}, which is empty at first and asks for {CLAIMED}",
            "put the files into an image, or copy them with kubectl cp",
        )
        subpath = "data" if holds_data(self.spec, mount) else None
        volume = {"persistentVolumeClaim": {"claimName": name}}
        self._add(name, volume, mount.target, subpath=subpath, read_only=mount.read_only)

    def _host_files(self, mount: DesiredMount, key: tuple[str, int], wanted: str, found: HostPath) -> None:
        """A ConfigMap or a Secret in place of files of this machine."""
        shown = self.export.shown(mount.source)
        contents = {name: file.content for name, file in found.files.items()}
        kept = kept_files(self.export, mount.source, wanted, contents)
        if kept.kind == "secret":
            self.export.say(
                self.spec,
                key,
                f"{shown} looks like a secret: it becomes the Secret {kept.name}",
                "make it before the Pods",
            )
        if not mount.read_only:
            self.export.say(
                self.spec,
                key,
                f"{shown} becomes a copy that the container can only read",
                "use a volume for what it writes",
            )
        mode = 0o755 if any(file.executable for file in found.files.values()) else None
        subpath = next(iter(found.files)) if found.single else None
        self._add(kept.name, volume_of(kept, mode=mode), mount.target, subpath=subpath, read_only=True)

    def _file(self, file: DesiredFile) -> None:
        """A secret or config of the stack."""
        kept = kept_file(self.export, file)
        (key,) = kept.keys.values()
        self._add(kept.name, volume_of(kept, each=file.mode), file.target, subpath=key, read_only=True)

    def _in_build(self, path: str) -> bool:
        """Whether the image of the service is built from the path."""
        build = self.spec.settings.build
        if build is None or build.remote:
            return False
        context = (self.export.stack.directory / Path(build.context).expanduser()).resolve()
        return Path(path).is_relative_to(context) or context.is_relative_to(path)

    def _add(
        self, wanted: str, volume: Keys, target: str, *, subpath: str | None = None, read_only: bool = False
    ) -> None:
        name = next(
            (name for name, known in self.volumes.items() if known == volume and "emptyDir" not in volume),
            None,
        )
        if name is None:
            name = free(
                dns_name(wanted), [*self.volumes, *(each["metadata"]["name"] for each in self.templates)]
            )
            self.volumes[name] = volume
        self._mount(name, target, subpath=subpath, read_only=read_only)

    def _mount(self, name: str, target: str, *, subpath: str | None, read_only: bool) -> None:
        self.mounts.append(
            without_none(
                {"name": name, "mountPath": target, "subPath": subpath, "readOnly": read_only or None}
            )
        )


def users_of(export: Exporting, source: str) -> list[str]:
    """The services that mount a named volume."""
    return [
        each.service
        for each in export.desired.containers
        if any(mount.type == "volume" and mount.source == source for mount in each.settings.volumes)
    ]


def holds_data(spec: DesiredContainer, mount: DesiredMount) -> bool:
    """Whether a known database keeps its data in the mount."""
    known = server(spec.settings)
    paths = known.data_paths(spec.settings.resolved, spec.command) if known else ()
    return known is not None and any(known.holds(mount.target, path) for path in paths)


def is_database(spec: DesiredContainer) -> bool:
    """Whether a service is a known server that keeps data."""
    known = server(spec.settings)
    return (
        spec.kind == "service"
        and known is not None
        and bool(known.data_paths(spec.settings.resolved, spec.command))
    )


def _claim(export: Exporting, name: str, source: str, *, labelled: bool = True) -> Keys:
    if source:
        export.report.say(
            ("volumes", source),
            f"a volume of Docker has no size, and its claim asks for {CLAIMED}",
            "write how much it needs into resources.requests.storage",
        )
        declared = export.stack.volumes.get(source)
        if declared and declared.protect:
            export.report.say(
                ("volumes", source, "protect"),
                "kubectl delete removes a claim with its data",
                "set persistentVolumeReclaimPolicy: Retain on its volume",
            )
    own = {
        "metadata": {"name": name, "labels": {PART_OF: export.project}} if labelled else {"name": name},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": CLAIMED}}},
    }
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", **own} if labelled else own


def _in_memory(size: int | None) -> Keys:
    return without_none({"medium": "Memory", "sizeLimit": memory(ByteSize(size)) if size else None})
