"""What all parts of an export share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal

from msgspec import Struct, field

from stackctl.planner.world.desired import Desired, DesiredContainer
from stackctl.spec.choosing import table
from stackctl.spec.model import Stack
from stackctl.teach.compose.texts import Keys
from stackctl.teach.k8s.keys import Path as KeyPath
from stackctl.teach.k8s.keys import Report
from stackctl.teach.k8s.names import dns_name
from stackctl.teach.k8s.values import Values

NAME = "app.kubernetes.io/name"
PART_OF = "app.kubernetes.io/part-of"


class HostFile(Struct, frozen=True):
    """A file of this machine."""

    content: bytes
    executable: bool = False


class HostPath(Struct, frozen=True):
    """What is at a path of this machine: one file, or the files directly in a directory, by name."""

    files: Mapping[str, HostFile]
    single: bool


class MountedContents(Struct, frozen=True):
    """The ConfigMap or Secret that holds some files."""

    kind: Literal["configMap", "secret"]
    name: str
    keys: Mapping[str, str]
    """The key of each file, by the file's name."""


HostFiles = Callable[[str], HostPath | None]
"""What is at a path of this machine, without files if there is nothing. None: more than a ConfigMap can hold."""


class Exporting(Struct):
    """One export, while it is made. `desired` has one container of each service."""

    stack: Stack
    desired: Desired
    host_files: HostFiles
    values: Values
    report: Report
    config_maps: dict[str, Keys] = field(default_factory=dict)
    """The ConfigMaps by name."""
    secrets: dict[str, dict[str, bytes]] = field(default_factory=dict)
    """The contents of the Secrets, by name."""
    mounted: dict[tuple[str, ...], MountedContents] = field(default_factory=dict)
    """What holds files, by where they come from: a table of the stack or a path, and their names."""
    directories: dict[str, str] = field(default_factory=dict)
    """The claims in place of directories of this machine, by path."""
    claims: dict[str, Keys] = field(default_factory=dict)
    """The PersistentVolumeClaims by name."""

    @property
    def project(self) -> str:
        return dns_name(self.stack.project)

    def replicas(self, service: str) -> int:
        return self.stack.everything[service].replicas

    def say(self, spec: DesiredContainer, key: KeyPath, message: str, hint: str = "") -> None:
        """Tell what a key of a service loses. `key`: the path below the service."""
        self.report.say((table(spec.settings), spec.service, *key), message, hint)

    def labels(self, service: str) -> dict[str, str]:
        return {NAME: dns_name(service), PART_OF: self.project}

    def inside(self, path: str) -> bool:
        """Whether a path of this machine is in the directory of the stack."""
        return Path(path).is_relative_to(self.stack.directory.resolve())

    def shown(self, path: str) -> str:
        """A path of this machine for people."""
        directory = self.stack.directory.resolve()
        return f"./{Path(path).relative_to(directory)}" if self.inside(path) else path
