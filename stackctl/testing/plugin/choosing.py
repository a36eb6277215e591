"""Choose the host ports of the run's stack, and work out the variables that hold them. Nothing is started."""

from __future__ import annotations

import os
from contextlib import closing, suppress
from dataclasses import replace

import pytest

from stackctl import api
from stackctl.engine.transport.endpoint import resolve
from stackctl.errors import EngineError, SpecError, StackError
from stackctl.planner.reach.outside import env_of_tests
from stackctl.planner.reach.places import ServicePlace, planned_places
from stackctl.planner.runs.isolation import HostPorts, isolate, published
from stackctl.planner.world.observed import ObservedEngine
from stackctl.spec.source.reading import place
from stackctl.testing.live_stack import publish_host
from stackctl.testing.plugin.exported import ExportedAddresses
from stackctl.testing.plugin.settings import PluginSettings
from stackctl.testing.plugin.starting import Wanted, external, lasting
from stackctl.testing.runs.host_ports import choose, ports_there
from stackctl.testing.runs.run import Run


def choose_addresses(
    config: pytest.Config, settings: PluginSettings, run: Run, worker: str
) -> ExportedAddresses:
    """The variables and the host ports for the run's stack, or for that of a worker. The ports belong to this process until it ends.

    An engine is called only for a project that may run already, and not if tests are only collected. Raises StackError.
    """
    if config.known_args_namespace.collectonly:
        settings = replace(settings, reuse=False, external=False)
    wanted = Wanted.by(settings, config.rootpath, {}, lambda _: None, worker)
    if settings.external:
        with suppress(EngineError), closing(api.connect()) as engine:  # without an engine the start says so
            return ExportedAddresses(_environment(wanted, external(wanted, run, engine).places()), {})
    file_ports = settings.ports == "file"
    needed = set(published(wanted.stack, file_ports=file_ports))
    there = _there(wanted, run) if settings.reuse and not settings.recreate else {}
    ports = choose(
        wanted.stack, {key: port for key, port in there.items() if key in needed}, file_ports=file_ports
    )
    planned = isolate(
        wanted.stack,
        wanted.stack.project,
        host_ports=ports,
        file_ports=file_ports,
        allow_external_volumes=True,
        allow_data_binds=True,
    )
    return ExportedAddresses(_environment(wanted, planned_places(planned, _host())), ports)


def _environment(wanted: Wanted, places: dict[str, ServicePlace]) -> dict[str, str]:
    variables, problems = env_of_tests(wanted.stack, places)
    if problems:
        raise SpecError(place(wanted.stack, problems))
    return {name: str(value) for name, value in variables.items()}


def _there(wanted: Wanted, run: Run) -> HostPorts:
    """The ports that the lasting project has, if this run may use it. Without an engine there are none: the start will say so."""
    run.join()
    lease = lasting(wanted, run)
    with lease.taken() as taken:
        if not taken:
            return {}
    with suppress(StackError), closing(api.connect()) as engine:
        return ports_there(engine.observe(), lease.project)
    return {}


def _host() -> str:
    """The host at which ports can be reached. The engine is found, but not called."""
    endpoint = ""
    with suppress(StackError):
        endpoint = resolve(environ=os.environ).host
    return ObservedEngine(id="", endpoint=endpoint).reach(publish_host() or "127.0.0.1") or "127.0.0.1"
