"""Build an image: with buildx if the Docker CLI has it, else with the engine's own (classic) builder."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from typing import IO, Any

from docker.api.build import process_dockerfile
from docker.auth import resolve_repository_name
from docker.utils.build import create_archive

from stackctl.engine.build_context import dockerfile_text, entries, fingerprint, ignored, touched_since
from stackctl.engine.docker.images import dockerfile
from stackctl.engine.docker.images.build_output import BuildKitOutput, BuildOutput, ClassicOutput
from stackctl.engine.docker.images.buildx import bake_file, build_with_buildx, environment, has_buildx
from stackctl.engine.docker.images.cancelling import stopping
from stackctl.engine.docker.images.pulling import credentials, encoded, raise_error
from stackctl.engine.protocol import Report
from stackctl.engine.transport.client import Client, RefusedError, hint_if_full, objects
from stackctl.engine.transport.endpoint import Endpoint
from stackctl.errors import CancelledError, EngineError
from stackctl.planner.before.builders import HOW_TO_GET_BUILDX
from stackctl.planner.steps.events import Progressed
from stackctl.planner.world.desired import DesiredBuild, Image
from stackctl.planner.world.labels import BUILD
from stackctl.real import real_time
from stackctl.spec import build_keys

_HINTS = {
    "moby.buildkit.frontend.contexts": "additional_contexts need Engine 23, or the line `# syntax=docker/dockerfile:1` in the Dockerfile",
    "for the docker driver": "this needs another builder: docker buildx create --use",
}
"""What a builder says, and what to do then."""
_INLINE = ".stackctl.Dockerfile"
"""The name of a Dockerfile that stands in the stack's file, in the context that is sent."""
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def build(
    client: Client, image: Image, endpoint: Endpoint, report: Report, cancelled: Callable[[], bool]
) -> str:
    """Build and tag the image, and report what the builder says. Return a note if the code changed meanwhile. Raises
    `EngineError`, which names the instruction that failed and says why.
    """
    assert image.build is not None
    text = _read_dockerfile(image.build)
    environ = environment(endpoint, os.environ)
    buildx = has_buildx(environ)
    output: BuildOutput = BuildKitOutput() if buildx else ClassicOutput()
    began, before = real_time(), fingerprint(image.build)
    labels = {BUILD: str(before)} if before else {}

    def say(line: str) -> None:
        line = _ESCAPES.sub("", line).rstrip().rpartition("\r")[2]
        if line and (shown := output.take(line)):
            report(Progressed(shown))

    try:
        if buildx:
            build_with_buildx(bake_file(image, image.build, labels), image, environ, say, cancelled)
        else:
            _refuse_buildkit(image, text)
            _classic(client, image, labels, text, say, cancelled)
    except RefusedError as error:
        reason = output.failure(error.message)
        hint = error.hint or next((hint for said, hint in _HINTS.items() if said in reason), "")
        raise EngineError(f"building {image.ref} failed: {reason}", hint or hint_if_full(reason)) from error
    if before and touched_since(image.build, began) and fingerprint(image.build) != before:
        return "a file changed while it was built: build it again"
    return ""


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

    settings = build.settings
    plain = {key.classic: key.sent(value) for key, value in build_keys.given(settings) if key.classic}
    hosts = plain.pop("extrahosts", [])
    with _context(build) as (archive, name):
        logins = {ref: credentials(ref, note) for ref in dockerfile.base_images(text)}
        headers = {"Content-Type": "application/x-tar", **_registry_header(logins)}
        with client.stream(
            "POST",
            "build",
            data=archive,
            headers=headers,
            # An engine first fetches what is elsewhere, which may take long.
            head_timeout=None if build.remote else client.answer_timeout,
            t=(image.ref, *settings.tags),
            dockerfile=name,
            buildargs=dict(build.args),
            labels={**settings.labels, **labels},
            target=build.target,
            platform=next(iter(settings.platforms), image.platform) or None,
            remote=build.remote or None,
            extrahosts=tuple(hosts),
            rm=True,
            forcerm=True,
            **plain,
        ) as response:
            with stopping(response.hang_up, cancelled):
                try:
                    for line in _lines(objects(response)):
                        say(line)
                except Exception:
                    if not cancelled():
                        raise
            if cancelled():
                raise CancelledError(f"building {image.ref} was interrupted")


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
def _context(build: DesiredBuild) -> Iterator[tuple[IO[bytes] | None, str | None]]:
    """The build's directory as a tar archive, without what .dockerignore leaves out, and the Dockerfile's name in it.

    The engine needs the Dockerfile and the .dockerignore in any case. It hides them from the build if the .dockerignore says so.
    """
    if build.remote:
        yield None, build.dockerfile
        return
    name, content = _dockerfile(build)
    try:
        files = {entry.path for entry in entries(build.context, ignored(build))}
        files |= {needed for needed in (name, ".dockerignore") if (build.context / needed).is_file()}
        extra = [(name, content), (".dockerignore", _hiding(build, name))] if content is not None else []
        archive: Any = create_archive(str(build.context), sorted(files), extra_files=extra)
    except OSError as error:
        raise EngineError(f"cannot send {build.context} to the builder: {error}") from error
    with archive:
        yield archive, name


def _dockerfile(build: DesiredBuild) -> tuple[str, str | None]:
    """The name of the Dockerfile in the context that is sent, and its text if it is not a file of the context."""
    if build.settings.dockerfile_inline is not None:
        return _INLINE, str(build.settings.dockerfile_inline)
    name, content = process_dockerfile(build.dockerfile, str(build.context))
    assert name
    return name, content


def _hiding(build: DesiredBuild, dockerfile: str) -> str:
    """The .dockerignore, which also hides a Dockerfile that came from elsewhere."""
    file = build.context / ".dockerignore"
    own = dockerfile_text(file) if file.is_file() else ".dockerignore"
    return f"{own}\n{dockerfile}\n"


def _registry_header(logins: Mapping[str, dict[str, Any] | None]) -> dict[str, str]:
    config: MutableMapping[str, Any] = {}
    for ref, login in logins.items():
        if login:
            registry, _ = resolve_repository_name(ref)
            config["https://index.docker.io/v1/" if registry == "docker.io" else registry] = login
    return {"X-Registry-Config": encoded(dict(config))} if config else {}


def _read_dockerfile(build: DesiredBuild) -> str:
    """The text of the Dockerfile; "" if the builder fetches it."""
    if build.remote:
        return ""
    path = build.context / build.dockerfile
    if not build.context.is_dir():
        raise EngineError(f"there is no directory {build.context} to build", "correct build.context")
    if build.settings.dockerfile_inline is not None:
        return str(build.settings.dockerfile_inline)
    try:
        return dockerfile_text(path)
    except FileNotFoundError as error:
        raise EngineError(
            f"there is no {path}", "create it, or name another with build.dockerfile"
        ) from error
    except OSError as error:
        raise EngineError(f"cannot read {path}: {error.strerror}") from error


def _refuse_buildkit(image: Image, text: str) -> None:
    assert image.build is not None
    keys = build_keys.for_buildkit(image.build.settings)
    if feature := ", ".join(keys) or dockerfile.needs_buildkit(text):
        raise EngineError(
            f"building {image.ref} needs BuildKit ({feature}), which is not installed", HOW_TO_GET_BUILDX
        )
