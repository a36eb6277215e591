"""Why no engine answers, in one sentence, and what to do, in another."""

from __future__ import annotations

import sys

from stackctl.errors import EngineError


def unreachable(endpoint: str, error: BaseException, complaint: str = "") -> EngineError:
    """One sentence on why the engine does not answer, and one on what to do."""
    cause = _root(error)
    path = endpoint.removeprefix("unix://")
    if complaint:
        host = endpoint.partition("://")[2]
        return EngineError(f"cannot reach {endpoint}: {complaint}", f"try: ssh {host} docker version")
    if isinstance(cause, PermissionError):
        return EngineError(
            f"no permission to use the Docker engine at {path}",
            'add yourself to its group: sudo usermod -aG docker "$USER", then log in again',
        )
    if isinstance(cause, TimeoutError) or "timed out" in str(cause):
        return EngineError(
            f"the Docker engine at {endpoint} does not answer in time", "look at its load and its log"
        )
    if isinstance(cause, FileNotFoundError):
        return EngineError(f"no Docker engine answers: {path} does not exist", start_hint())
    if isinstance(cause, ConnectionRefusedError):
        return EngineError(f"no Docker engine answers at {endpoint}: connection refused", start_hint())
    if _is_tls(cause):
        return EngineError(
            f"no trusted connection to {endpoint}: {cause}",
            "check the certificates of the context, or DOCKER_CERT_PATH and DOCKER_TLS_VERIFY",
        )
    return EngineError(
        f"the Docker engine at {endpoint} does not answer: {cause or type(cause).__name__}", start_hint()
    )


def start_hint() -> str:
    """How one starts an engine here."""
    if sys.platform == "darwin":
        return "start Docker Desktop, OrbStack or Colima, or name another engine with --host or --context"
    return "start it: sudo systemctl start docker; or name another engine with --host or --context"


def _is_tls(error: BaseException) -> bool:
    """Where `ssl` was never loaded there was no TLS."""
    ssl = sys.modules.get("ssl")
    return ssl is not None and isinstance(error, ssl.SSLError)


def _root(error: BaseException) -> BaseException:
    """The innermost cause: requests and urllib3 wrap it in their own, as causes and as arguments."""
    inner = error.__cause__ or next(
        (arg for arg in reversed(error.args) if isinstance(arg, BaseException)), None
    )
    inner = (
        inner
        or getattr(error, "reason", None)
        or (error.__context__ if not error.__suppress_context__ else None)
    )
    return _root(inner) if isinstance(inner, BaseException) else error
