"""Build an image: with buildx if the Docker CLI has it, else with the engine's own (classic) builder."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager, suppress
from typing import IO, Any

from docker.api.build import process_dockerfile
from docker.auth import resolve_repository_name
from docker.utils.build import create_archive

from stackctl.engine.build_context import entries, fingerprint, ignored, touched_since
from stackctl.engine.docker.images import dockerfile
from stackctl.engine.docker.images.build_output import BuildKitOutput, BuildOutput, ClassicOutput
from stackctl.engine.docker.images.pulling import credentials, encoded, raise_error
from stackctl.engine.protocol import Report
from stackctl.engine.transport.client import Client, RefusedError, objects
from stackctl.engine.transport.endpoint import Endpoint
from stackctl.errors import CancelledError, EngineError
from stackctl.planner.steps.events import Progressed
from stackctl.planner.world.desired import DesiredBuild, Image
from stackctl.planner.world.labels import BUILD
from stackctl.real import real_time

_INSTALL = (
    "install Docker's buildx plugin (Debian and Ubuntu: docker-buildx, or Docker's docker-buildx-plugin; "
    "`docker buildx version` must answer)"
)
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_BAKE = ("docker", "buildx", "bake", "--progress", "plain", "--load", "--file", "-")
"""Bake reads from its input what to build. Build arguments must not stand on the command line, which everybody on the machine
can read, nor in the environment, where an argument named DOCKER_HOST or HTTP_PROXY would change what the Docker CLI does.
"""
_MAY_READ_ALL = {"BUILDX_BAKE_ENTITLEMENTS_FS": "0"}
"""Bake must not ask before it reads outside of its working directory: the user has named what it reads in the stack's file."""


def build(
    client: Client, image: Image, endpoint: Endpoint, report: Report, cancelled: Callable[[], bool]
) -> str:
    """Build and tag the image, and report what the builder says. Return a note if the code changed meanwhile. Raises
    `EngineError`, which names the instruction that failed and says why.
    """
    assert image.build is not None
    text = _read_dockerfile(image.build)
    environ = environment(endpoint, os.environ)
    buildx = _has_buildx(environ)
    output: BuildOutput = BuildKitOutput() if buildx else ClassicOutput()
    began, before = real_time(), fingerprint(image.build)
    labels = {BUILD: str(before)} if before else {}

    def say(line: str) -> None:
        line = _ESCAPES.sub("", line).rstrip().rpartition("\r")[2]
        if line and (shown := output.take(line)):
            report(Progressed(shown))

    try:
        if buildx:
            _with_buildx(bake_file(image, image.build, labels), image, environ, say, cancelled)
        else:
            _refuse_buildkit(image.ref, text)
            _classic(client, image, labels, text, say, cancelled)
    except RefusedError as error:
        reason = output.failure(error.message)
        raise EngineError(f"building {image.ref} failed: {reason}", error.hint) from error
    if before and touched_since(image.build, began) and fingerprint(image.build) != before:
        return "a file changed while it was built: build it again"
    return ""


def environment(endpoint: Endpoint, environ: Mapping[str, str]) -> dict[str, str]:
    """The environment in which the Docker CLI talks to the same engine."""
    kept = {name: value for name, value in environ.items() if name not in ("DOCKER_HOST", "DOCKER_CONTEXT")}
    return kept | (
        {"DOCKER_CONTEXT": endpoint.context} if endpoint.context else {"DOCKER_HOST": endpoint.host}
    )


def bake_file(image: Image, build: DesiredBuild, labels: Mapping[str, str]) -> str:
    """What to build, as JSON (docs.docker.com, "Bake file reference"). Bake reads values as templates: `${` and `%{` are
    escaped.
    """
    target: dict[str, object] = {
        "context": str(build.context),
        "dockerfile": str(build.context / build.dockerfile),
        "tags": [image.ref],
        "args": {name: _literal(value) for name, value in build.args.items()},
    }
    target |= {"labels": {name: _literal(value) for name, value in labels.items()}} if labels else {}
    target |= {"target": build.target} if build.target else {}
    return json.dumps({"target": {"default": target}})


def _literal(text: str) -> str:
    return re.sub(r"([$%])(?=\{)", r"\1\1", text)


def _has_buildx(environ: Mapping[str, str]) -> bool:
    try:
        return not subprocess.run(
            ["docker", "buildx", "version"], env=environ, capture_output=True, check=False
        ).returncode
    except OSError:
        return False


def _with_buildx(
    file: str,
    image: Image,
    environ: Mapping[str, str],
    say: Callable[[str], None],
    cancelled: Callable[[], bool],
) -> None:
    with subprocess.Popen(
        _BAKE,
        env={**environ, **_MAY_READ_ALL},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        # Bake may end before it has read its input. Its output then says why.
        with suppress(BrokenPipeError), process.stdin:
            process.stdin.write(file)
        for line in process.stdout:
            say(line)
            if cancelled():
                process.terminate()
    if process.returncode and cancelled():
        raise _interrupted(image)
    if process.returncode:
        raise RefusedError(f"buildx ended with exit code {process.returncode}")


def _interrupted(image: Image) -> CancelledError:
    return CancelledError(f"building {image.ref} was interrupted")


def _classic(
    client: Client,
    image: Image,
    labels: Mapping[str, str],
    text: str,
    say: Callable[[str], None],
    cancelled: Callable[[], bool],
) -> None:
    build = image.build
    assert build is not None

    def note(news: Progressed) -> None:
        say(news.text)

    with _context(build) as (tar, name):
        logins = {ref: credentials(ref, note) for ref in dockerfile.base_images(text)}
        headers = {"Content-Type": "application/x-tar", **_registry_header(logins)}
        with client.stream(
            "POST",
            "build",
            data=tar,
            headers=headers,
            t=image.ref,
            dockerfile=name,
            buildargs=dict(build.args),
            labels=dict(labels),
            target=build.target,
            rm=True,
            forcerm=True,
        ) as response:
            for line in _lines(objects(response)):
                say(line)
                if cancelled():
                    raise _interrupted(image)


def _lines(messages: Iterable[dict[str, Any]]) -> Iterator[str]:
    """The builder's output in whole lines, and what the builder says about images that it pulls, without progress bars."""
    rest = ""
    for message in messages:
        raise_error(message)
        *lines, rest = (rest + message.get("stream", "")).split("\n")
        yield from lines
        if (status := message.get("status")) and not message.get("progressDetail"):
            yield ": ".join(filter(None, (message.get("id"), status)))
    if rest:
        yield rest


@contextmanager
def _context(build: DesiredBuild) -> Iterator[tuple[IO[bytes], str | None]]:
    """The build's directory as a tar archive, without what .dockerignore leaves out, and the Dockerfile's name in it.

    The engine needs the Dockerfile and the .dockerignore in any case. It hides them from the build if the .dockerignore says so.
    """
    name, content = process_dockerfile(build.dockerfile, str(build.context))
    assert name
    try:
        files = {entry.path for entry in entries(build.context, ignored(build))}
        files |= {needed for needed in (name, ".dockerignore") if (build.context / needed).is_file()}
        extra = [(name, content), (".dockerignore", _hiding(build, name))] if content is not None else []
        archive: Any = create_archive(str(build.context), sorted(files), extra_files=extra)
    except OSError as error:
        raise EngineError(f"cannot send {build.context} to the builder: {error}") from error
    with archive:
        yield archive, name


def _hiding(build: DesiredBuild, dockerfile: str) -> str:
    """The .dockerignore, which also hides a Dockerfile that came from elsewhere."""
    file = build.context / ".dockerignore"
    own = file.read_text(encoding="utf-8-sig", errors="replace") if file.is_file() else ".dockerignore"
    return f"{own}\n{dockerfile}\n"


def _registry_header(logins: Mapping[str, dict[str, Any] | None]) -> dict[str, str]:
    config: MutableMapping[str, Any] = {}
    for ref, login in logins.items():
        if login:
            registry, _ = resolve_repository_name(ref)
            config["https://index.docker.io/v1/" if registry == "docker.io" else registry] = login
    return {"X-Registry-Config": encoded(dict(config))} if config else {}


def _read_dockerfile(build: DesiredBuild) -> str:
    path = build.context / build.dockerfile
    if not build.context.is_dir():
        raise EngineError(f"there is no directory {build.context} to build", "correct build.context")
    try:
        return path.read_text(encoding="utf-8-sig", errors="replace")
    except FileNotFoundError as error:
        raise EngineError(
            f"there is no {path}", "create it, or name another with build.dockerfile"
        ) from error
    except OSError as error:
        raise EngineError(f"cannot read {path}: {error.strerror}") from error


def _refuse_buildkit(ref: str, text: str) -> None:
    if feature := dockerfile.needs_buildkit(text):
        raise EngineError(f"building {ref} needs BuildKit ({feature}), which is not installed", _INSTALL)
