"""BuildKit through the Docker CLI's plugin buildx: is it there, and what it is told to build."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from stackctl.engine.docker.images.cancelling import stopping
from stackctl.engine.transport.client import RefusedError
from stackctl.engine.transport.endpoint import Endpoint
from stackctl.errors import CancelledError
from stackctl.planner.world.desired import BuildSecret, DesiredBuild, Image
from stackctl.spec import build_keys

_BAKE = ("docker", "buildx", "bake", "--progress", "plain", "--load", "--file", "-")
"""Bake reads from its input what to build. Build arguments must not stand on the command line, which everybody on the machine
can read, nor in the environment, where an argument named DOCKER_HOST or HTTP_PROXY would change what the Docker CLI does.
"""
_MAY_READ_ALL = {"BUILDX_BAKE_ENTITLEMENTS_FS": "0"}
"""Bake must not ask before it reads outside of its working directory: the user has named what it reads in the stack's file."""
_SECRET = "STACKCTL_BUILD_SECRET_"  # noqa: S105 - the name of a variable
_INSECURE = "security.insecure"


def has_buildx(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether the Docker CLI has the plugin."""
    try:
        return not subprocess.run(
            ["docker", "buildx", "version"], env=environ, capture_output=True, check=False
        ).returncode
    except OSError:
        return False


def environment(endpoint: Endpoint, environ: Mapping[str, str]) -> dict[str, str]:
    """The environment in which the Docker CLI talks to the same engine."""
    kept = {name: value for name, value in environ.items() if name not in ("DOCKER_HOST", "DOCKER_CONTEXT")}
    if endpoint.context:
        return kept | {"DOCKER_CONTEXT": endpoint.context}
    # With DOCKER_CERT_PATH alone the CLI would use no TLS.
    return kept | {"DOCKER_HOST": endpoint.host} | ({"DOCKER_TLS_VERIFY": "1"} if endpoint.tls else {})


def bake_file(image: Image, build: DesiredBuild, labels: Mapping[str, str]) -> str:
    """What to build, as JSON (docs.docker.com, "Bake file reference"). Bake reads values as templates: `${` and `%{` are
    escaped.
    """
    settings = build.settings
    target: dict[str, Any] = {
        "context": build.source,
        "tags": [image.ref, *settings.tags],
        "args": dict(build.args),
        "labels": {**settings.labels, **labels},
        "target": build.target,
        "contexts": dict(build.contexts),
        "platforms": [image.platform] if image.platform else [],
        "attest": _attestations(build),
        "secret": [_secret(number, secret) for number, secret in enumerate(build.secrets)],
    }
    if settings.dockerfile_inline is not None:
        target["dockerfile-inline"] = str(settings.dockerfile_inline)
    else:
        target["dockerfile"] = build.dockerfile if build.remote else str(build.context / build.dockerfile)
    target |= {key.bake: key.baked(value) for key, value in build_keys.given(settings) if key.bake}
    if settings.privileged:
        target["entitlements"] = [*settings.entitlements, _INSECURE]
    return json.dumps(
        {"target": {"default": _literal({k: v for k, v in target.items() if v or k == "args"})}}
    )


def allowed(build: DesiredBuild) -> list[str]:
    """The options that grant what the build asks for: the user has written it in the stack's file."""
    settings = build.settings
    rights = [
        *settings.entitlements,
        *([_INSECURE] if settings.privileged else []),
        *(["network.host"] if settings.network == "host" else []),
        *(["ssh"] if settings.ssh else []),
    ]
    return [word for right in dict.fromkeys(rights) for word in ("--allow", right)]


def secret_variables(build: DesiredBuild) -> dict[str, str]:
    """The environment that hands secrets over. Only this user can read it."""
    return {
        f"{_SECRET}{number}": secret.content.reveal()
        for number, secret in enumerate(build.secrets)
        if not secret.file
    }


def _secret(number: int, secret: BuildSecret) -> str:
    return f"id={secret.id}," + (f"src={secret.file}" if secret.file else f"env={_SECRET}{number}")


def build_with_buildx(
    file: str,
    image: Image,
    environ: Mapping[str, str],
    say: Callable[[str], None],
    cancelled: Callable[[], bool],
) -> None:
    """Build what the bake file says. Raises `RefusedError` if the build fails, `CancelledError` once `cancelled()`."""
    assert image.build is not None
    with subprocess.Popen(
        [*_BAKE, *allowed(image.build)],
        env={**environ, **_MAY_READ_ALL, **secret_variables(image.build)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        with stopping(process.terminate, cancelled):
            # Bake may end before it has read its input. Its output then says why.
            with suppress(BrokenPipeError), process.stdin:
                process.stdin.write(file)
            for line in process.stdout:
                say(line)
    if process.returncode and cancelled():
        raise CancelledError(f"building {image.ref} was interrupted")
    if process.returncode:
        raise RefusedError(f"buildx ended with exit code {process.returncode}")


def _attestations(build: DesiredBuild) -> list[str]:
    """`provenance` and `sbom` as bake takes them. Each is true, false, or settings such as `mode=max`."""
    given = (("provenance", build.settings.provenance), ("sbom", build.settings.sbom))
    ways: Mapping[object, str] = {True: "", False: ",disabled=true"}
    return [f"type={kind}{ways.get(value, f',{value}')}" for kind, value in given if value is not None]


def _literal(value: Any) -> Any:
    match value:
        case str():
            return re.sub(r"([$%])(?=\{)", r"\1\1", value)
        case list():
            return [_literal(item) for item in value]
        case dict():
            return {name: _literal(item) for name, item in value.items()}
    return value
