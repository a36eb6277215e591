"""The names and labels of everything that belongs to one project."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cached_property

from msgspec import Struct

from stackctl.planner.world import labels
from stackctl.spec.model import Network, Service, Stack, Volume
from stackctl.version import __version__


def first_instance(stack: Stack, engine_id: str) -> str:
    """The instance of a project of which nothing is there yet.

    All runs that begin the project at the same time choose the same one, on several machines too: so what each of them makes
    belongs to all.
    """
    place = "" if stack.checkouts == "shared" else Naming(stack, "").source
    return hashlib.sha256(
        f"{engine_id}\0{stack.project}\0{place}".encode(errors="surrogateescape")
    ).hexdigest()[:16]


class Naming(Struct, frozen=True, dict=True):
    stack: Stack
    instance: str

    @cached_property
    def services(self) -> Mapping[str, Service]:
        """Every service and job, by name."""
        return self.stack.everything

    @cached_property
    def source(self) -> str:
        """The path of the file, the same however the file was named."""
        return str((self.stack.files[0] if self.stack.files else self.stack.directory).resolve())

    def container(self, name: str, number: int = 1) -> str:
        return self.services[name].container_name or f"{self.stack.project}-{name}-{number}"

    def image(self, name: str) -> str:
        return self.services[name].image or f"{self.stack.project}-{name}"

    def network(self, key: str) -> str:
        return self._resource(key, self.stack.networks.get(key))

    def volume(self, key: str) -> str:
        return self._resource(key, self.stack.volumes.get(key))

    def _resource(self, key: str, declared: Network | Volume | None) -> str:
        if declared and (declared.name or declared.external):
            return declared.name or key
        return f"{self.stack.project}_{key}"

    def labels(self, key: str) -> dict[str, str]:
        """The labels that everything of the project has. `key` is what the spec calls it."""
        return {
            labels.PROJECT: self.stack.project,
            labels.SERVICE: key,
            labels.INSTANCE: self.instance,
            labels.VERSION: __version__,
            **self.stack.marks,
        }
