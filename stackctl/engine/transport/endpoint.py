"""Find which engine is meant, and which certificates count. The engine is not called yet.

The first of these decides: `-H` or `--context`, DOCKER_HOST, DOCKER_CONTEXT, the current context, the default socket, the
socket of a rootless Docker, Podman's socket. A context that does not exist is an error: no other engine is taken instead.
"""

from __future__ import annotations

import json
import os
import re
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from msgspec import Struct

from stackctl.engine.transport.byte_stream import GuardedError, refusals
from stackctl.engine.transport.unreachable import start_hint
from stackctl.errors import EngineError, UsageError

DEFAULT_SOCKET = Path("/var/run/docker.sock")
PODMAN_SOCKET = Path("/run/podman/podman.sock")

CONNECT_TIMEOUT = 10.0
"""Seconds that a connection may take to open."""


class Tls(Struct, frozen=True):
    """The certificates: this client's, and the authority that must have signed the engine's. Without `verify`, which a context may
    say, the engine's certificate is not checked.
    """

    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None
    verify: bool = True


class Endpoint(Struct, frozen=True):
    """Where an engine listens (unix://, tcp:// or ssh://), and the Docker context that names it, if one does."""

    host: str
    context: str = ""
    tls: Tls | None = None
    said_by: str = ""
    """What names this endpoint, for messages: `DOCKER_HOST`, `the context 'x'`; "" if nothing names it and a usual socket was
    found.
    """

    @property
    def socket(self) -> Path | None:
        """The path of the Unix socket; None for tcp and ssh."""
        return Path(self.host.removeprefix("unix://")) if self.host.startswith("unix://") else None

    @property
    def is_open(self) -> bool:
        """Whether bytes leave this machine unprotected: tcp to another machine without TLS, or without a check of who answers."""
        address = urlsplit(self.host)
        near = address.hostname in ("localhost", "::1") or (address.hostname or "").startswith("127.")
        return address.scheme == "tcp" and not (self.tls and self.tls.verify) and not near


def resolve(
    host: str | None = None, context: str | None = None, environ: Mapping[str, str] = os.environ
) -> Endpoint:
    """Find the engine to talk to. The engine is not called.

    Raises `UsageError` if both a host and a context are given, if the host is not an address, or if the context is
    unknown; `EngineError` if there is no socket of an engine.
    """
    if host and context:
        raise UsageError("--host and --context exclude each other", "give one of the two")
    if not context:
        if address := host or environ.get("DOCKER_HOST"):
            said_by = "--host" if host else "DOCKER_HOST"
            found = _address(address, said_by)
            return Endpoint(found, tls=_tls(environ) if found.startswith("tcp://") else None, said_by=said_by)
        context = environ.get("DOCKER_CONTEXT") or config(environ).get("currentContext")
    if context and context != "default":
        return _from_context(str(context), _config_dir(environ) / "contexts")
    return _default(environ)


def passed_over(
    chosen: Endpoint,
    host: str | None = None,
    context: str | None = None,
    environ: Mapping[str, str] = os.environ,
) -> tuple[str, ...]:
    """What names an engine as well, and does not count for `resolve`, which has chosen this endpoint; other usual sockets, if nothing
    names one.
    """
    if not chosen.said_by:
        taken = chosen.socket.resolve() if chosen.socket else None
        there = {path.resolve(): path for path in _usual_sockets(environ) if os.access(path, os.F_OK)}
        return tuple(str(path) for real, path in there.items() if real != taken)
    names = {
        "--host": host,
        "--context": context,
        "DOCKER_HOST": environ.get("DOCKER_HOST"),
        "DOCKER_CONTEXT": environ.get("DOCKER_CONTEXT"),
        "the current context": config(environ).get("currentContext"),
    }
    given = [f"{name} ({_shown(value)})" for name, value in names.items() if value and value != "default"]
    return tuple(given[1:])


def _default(environ: Mapping[str, str]) -> Endpoint:
    """The first usual socket that accepts a connection; else the first that exists: its error says what to do."""
    there = [Endpoint(f"unix://{path}") for path in _usual_sockets(environ) if os.access(path, os.F_OK)]
    if not there:
        raise EngineError(f"no Docker engine answers: {DEFAULT_SOCKET} does not exist", start_hint())
    for endpoint in there:
        if _listens(endpoint):
            return endpoint
    return there[0]


def _usual_sockets(environ: Mapping[str, str]) -> list[Path]:
    runtime = Path(environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.getuid()}")
    home = Path(environ.get("HOME") or Path.home())
    return [
        DEFAULT_SOCKET,
        runtime / "docker.sock",
        home / ".docker/run/docker.sock",
        runtime / "podman/podman.sock",
        PODMAN_SOCKET,
    ]


def _listens(endpoint: Endpoint) -> bool:
    try:
        with refusals(), socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(CONNECT_TIMEOUT)
            return connection.connect_ex(str(endpoint.socket)) == 0
    except GuardedError:
        return False


def _address(text: str, said_by: str) -> str:
    """An address, written as the Docker CLI takes it: a path, `unix://…`, `tcp://HOST[:PORT]`, `HOST:PORT` or
    `ssh://[USER@]HOST[:PORT]`.
    """
    if text.startswith("/"):
        text = f"unix://{text}"
    elif "://" not in text:
        text = f"tcp://{text}"
    url = urlsplit(re.sub("^https?://", "tcp://", text))
    try:
        port = url.port
    except ValueError:
        port = 0
    if url.scheme == "unix" and url.path.startswith("/") and not url.netloc:
        return f"unix://{url.path}"
    if url.password is not None or (url.scheme == "tcp" and url.username is not None):
        raise UsageError(
            f"{said_by}: the address {_shown(text)} holds a login, which everybody could read",
            "write tcp://HOST:PORT with certificates, or ssh://USER@HOST with a key",
        )
    if url.scheme in ("tcp", "ssh") and url.hostname and port != 0 and not url.hostname.startswith("-"):
        default = ":2375" if url.scheme == "tcp" and port is None else ""
        return f"{url.scheme}://{url.netloc}{default}{url.path.rstrip('/')}"
    raise UsageError(
        f"{said_by}: {_shown(text)!r} is no address of an engine",
        "unix:///var/run/docker.sock, tcp://HOST:PORT or ssh://USER@HOST",
    )


def _shown(address: str) -> str:
    """An address without the login in it."""
    return re.sub(r"(^|//)[^/]*@", r"\1•••@", address)


def _tls(environ: Mapping[str, str]) -> Tls | None:
    """The certificates that DOCKER_TLS_VERIFY or DOCKER_CERT_PATH names. Each alone is enough, and the engine's certificate is always
    checked: the Docker CLI would use no TLS with DOCKER_CERT_PATH alone, and the SDK would check nothing.
    """
    verify, path = environ.get("DOCKER_TLS_VERIFY"), environ.get("DOCKER_CERT_PATH")
    if not (verify or path):
        return None
    return _certificates(Path(path) if path else _config_dir(environ), verify=True)


def _certificates(directory: Path, *, verify: bool) -> Tls:
    ca, cert, key = (
        path if path.exists() else None
        for path in (directory / f"{name}.pem" for name in ("ca", "cert", "key"))
    )
    return Tls(ca, cert, key, verify)


def _from_context(name: str, contexts: Path) -> Endpoint:
    """Read a context that the Docker CLI has stored: `meta/SHA256(NAME)/meta.json`, certificates in `tls/SHA256(NAME)/docker`."""
    import hashlib  # it loads OpenSSL, and most engines are not named by a context

    digest = hashlib.sha256(name.encode()).hexdigest()
    try:
        meta = json.loads((contexts / "meta" / digest / "meta.json").read_bytes())
        docker = meta["Endpoints"]["docker"]
        host = docker["Host"]
    except FileNotFoundError as error:
        raise UsageError(
            f"there is no Docker context {name!r}", "docker context ls shows those there are"
        ) from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(
            f"the Docker context {name!r} cannot be read: {error!r}", "docker context rm, and create it again"
        ) from error
    certificates = contexts / "tls" / digest / "docker"
    skip = bool(docker.get("SkipTLSVerify"))
    tls = _certificates(certificates, verify=not skip) if certificates.is_dir() else None
    said_by = f"the context {name!r}"
    return Endpoint(_address(host, said_by), context=name, tls=tls, said_by=said_by)


def _config_dir(environ: Mapping[str, str]) -> Path:
    return Path(environ.get("DOCKER_CONFIG") or Path(environ.get("HOME") or Path.home()) / ".docker")


def config(environ: Mapping[str, str]) -> dict[str, Any]:
    """Docker's config.json; an empty one if the file is missing or broken."""
    try:
        config = json.loads((_config_dir(environ) / "config.json").read_bytes())
    except (OSError, ValueError):
        return {}
    return config if isinstance(config, dict) else {}
