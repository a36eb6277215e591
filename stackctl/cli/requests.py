"""Which stack, and which part of it, the global options ask for."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from pathlib import Path

from stackctl.cli.global_options import GlobalOptions
from stackctl.spec.selection import Selection
from stackctl.spec.source.request import StackRequest


def request_of(
    options: GlobalOptions,
    services: Collection[str] = (),
    *,
    dependencies: bool = True,
    strict: bool = False,
    scale: Mapping[str, int] | None = None,
) -> StackRequest:
    """Which stack is meant, and which part of it. `scale`: how many containers of services, instead of what the file says."""
    return StackRequest(
        files=[Path(file) for file in options.files],
        directory=Path.cwd(),
        environ=os.environ,
        env_files=[Path(file) for file in options.env_files],
        selection=selection_of(options, services, dependencies=dependencies),
        strict=strict,
        name=options.project_name,
        scale=scale or {},
        project_directory=Path(options.project_directory) if options.project_directory else None,
    )


def selection_of(
    options: GlobalOptions, services: Collection[str] = (), *, dependencies: bool = True
) -> Selection:
    """The part of the stack that is meant."""
    return Selection(
        services=services,
        profiles=options.profiles,
        dependencies=dependencies,
        publish_host=options.publish_host,
    )
