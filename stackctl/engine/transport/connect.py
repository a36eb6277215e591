"""The engine that is meant, once it has answered."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping

from stackctl.engine.docker.docker_engine import DockerEngine
from stackctl.engine.transport.endpoint import resolve
from stackctl.engine.transport.link import Link
from stackctl.errors import UsageError


def connect(
    host: str | None = None,
    context: str | None = None,
    environ: Mapping[str, str] = os.environ,
    *,
    insecure: bool = False,
    waiting: Callable[[str], None] = lambda _: None,
) -> DockerEngine:
    """The engine that `resolve` finds, once it has answered. `waiting` is told, once, what is waited for when it is slow to answer.

    Raises `EngineError` with what to do where none answers, `UsageError` for tcp to another machine without TLS unless
    `insecure` allows it.
    """
    endpoint = resolve(host, context, environ)
    if endpoint.is_open and not insecure:
        raise UsageError(
            f"{endpoint.host} is another machine, and nothing protects the way to it",
            "use ssh://, or TLS certificates; or accept the risk with --insecure",
        )
    return DockerEngine(Link(endpoint, environ, waiting))
