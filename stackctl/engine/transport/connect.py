"""Connect to the engine that the options and the environment name."""

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
    """Return the engine that `resolve` finds, once it has answered. If an answer is late, `waiting` is called once, with words
    about what is waited for.

    Raises `EngineError`, which says what to do, if no engine answers. Raises `UsageError` for tcp to another machine
    without TLS, or with a certificate that nobody checks, unless `insecure` allows that.
    """
    endpoint = resolve(host, context, environ)
    if endpoint.is_open and not insecure:
        raise UsageError(
            f"{endpoint.host} is another machine, and nothing protects the way to it",
            "use ssh://, or TLS certificates; or accept the risk with --insecure",
        )
    return DockerEngine(Link(endpoint, environ, waiting))
