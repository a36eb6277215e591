"""What was exported before conftest files and settings were imported."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from stackctl.errors import UsageError

if TYPE_CHECKING:
    from stackctl.planner.runs.isolation import HostPorts
    from stackctl.testing.runs.run import Run
    from stackctl.testing.stack import Running


@dataclass(frozen=True)
class ExportedAddresses:
    """What was set before the first import: the variables, and the host ports that they hold."""

    variables: Mapping[str, str]
    host_ports: HostPorts

    def pack(self, run: Run) -> str:
        ports = [[*key, number] for key, number in self.host_ports.items()]
        return json.dumps({"run": run.pack(), "variables": dict(self.variables), "ports": ports})

    @classmethod
    def unpack(cls, packed: Mapping[str, Any]) -> ExportedAddresses:
        ports = {(service, target, protocol): port for service, target, protocol, port in packed["ports"]}
        return cls(packed["variables"], ports)

    def check(self, app: Running) -> None:
        """Raises UsageError if a variable does not lead to the stack that runs: something has changed the stack since."""
        from stackctl.planner.reach.outside import env_of_tests

        now, _ = env_of_tests(app.stack, app.places())
        wrong = [name for name, value in now.items() if self.variables.get(name, value) != value]
        if wrong:
            raise UsageError(
                f"{', '.join(wrong)}: set before the first import, but the stack that has started has other addresses or logins",
                "stack_overrides, stack_config and the hook come too late for them: write the change into a file (stack_file)",
            )


EXPORTED = pytest.StashKey[ExportedAddresses]()
