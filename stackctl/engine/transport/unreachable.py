"""Say why no engine answers, and what to do."""

from __future__ import annotations

import sys

from stackctl.engine.transport.byte_stream import GuardedError
from stackctl.engine.transport.messages import SilentError
from stackctl.errors import LostAnswerError, NoAnswerError

_NAME_ANOTHER = "name another engine with DOCKER_HOST or DOCKER_CONTEXT"
"""The two variables are right for the command line, for pytest and for other programs."""

_AGAIN = "it has answered before: once `docker info` answers again, run the same command again"


def unreachable(
    endpoint: str, error: BaseException, complaint: str = "", said_by: str = "", *, answered: bool = False
) -> NoAnswerError:
    """The error: one sentence says why the engine does not answer, its hint says what to do. `LostAnswerError` if it may have been
    asked.

    `complaint` is what ssh said, if ssh is used; `said_by` is what names the endpoint (`Endpoint.said_by`); `answered`: the engine
    has answered before.
    """
    cause = _root(error)
    path = endpoint.removeprefix("unix://")
    start = _AGAIN if answered else _correct_hint(said_by) if said_by else start_hint()
    if complaint:
        host = endpoint.partition("://")[2]
        return NoAnswerError(f"cannot reach {endpoint}: {complaint}", f"try: ssh {host} docker version")
    if isinstance(cause, GuardedError):
        return NoAnswerError(
            f"the tests guard their sockets, and cannot reach the Docker engine at {endpoint}: {cause}",
            "let the engine through; pytest-socket: --allow-unix-socket, or --allow-hosts for an engine at a host",
        )
    if isinstance(cause, PermissionError):
        return NoAnswerError(
            f"no permission to use the Docker engine at {path}",
            'add yourself to its group: sudo usermod -aG docker "$USER", then log in again',
        )
    if isinstance(cause, SilentError):
        named = f"; {said_by} names it" if said_by else f", or {_NAME_ANOTHER}"
        return LostAnswerError(
            f"the Docker engine at {endpoint} takes connections, but does not answer",
            f"see whether `docker info` answers, look at the engine's log, and restart it{named}",
        )
    if isinstance(cause, TimeoutError) or "timed out" in str(cause):
        named = f"{_correct_hint(said_by)}; or look" if said_by else "look"
        return LostAnswerError(
            f"the Docker engine at {endpoint} does not answer in time", f"{named} at its load and its log"
        )
    if isinstance(cause, FileNotFoundError):
        return NoAnswerError(f"no Docker engine answers: {path} does not exist", start)
    if isinstance(cause, ConnectionRefusedError):
        return NoAnswerError(f"no Docker engine answers at {endpoint}: connection refused", start)
    if _is_tls(cause):
        return NoAnswerError(
            f"no trusted connection to {endpoint}: {cause}",
            "check the certificates of the context, or DOCKER_CERT_PATH and DOCKER_TLS_VERIFY",
        )
    return LostAnswerError(
        f"the Docker engine at {endpoint} does not answer: {cause or type(cause).__name__}", start
    )


def start_hint() -> str:
    """How to start an engine on this machine."""
    if sys.platform == "darwin":
        return f"start Docker Desktop, OrbStack or Colima, or {_NAME_ANOTHER}"
    return f"start it: sudo systemctl start docker; or {_NAME_ANOTHER}"


def _correct_hint(said_by: str) -> str:
    """What to do if an option, a variable or a context names an engine that is not there."""
    cures = {
        "--host": "correct it",
        "DOCKER_HOST": "correct it, or unset it to use the engine of this machine",
    }
    return f"{said_by} says so: {cures.get(said_by, 'docker context ls shows the others, DOCKER_CONTEXT names one')}"


def _is_tls(error: BaseException) -> bool:
    """Whether TLS caused the error. If `ssl` was never loaded, no TLS was used."""
    ssl = sys.modules.get("ssl")
    return ssl is not None and isinstance(error, ssl.SSLError)


def _root(error: BaseException) -> BaseException:
    """The innermost error. requests and urllib3 wrap it in their own errors, as a cause or as an argument."""
    inner = error.__cause__ or next(
        (arg for arg in reversed(error.args) if isinstance(arg, BaseException)), None
    )
    inner = (
        inner
        or getattr(error, "reason", None)
        or (error.__context__ if not error.__suppress_context__ else None)
    )
    return _root(inner) if isinstance(inner, BaseException) else error
