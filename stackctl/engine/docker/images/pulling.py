"""Pull or push an image: count its bytes, and find the errors that the engine hides in a stream of status 200."""

from __future__ import annotations

import base64
import json
import warnings
from collections.abc import Callable
from typing import Any

import docker.auth
from docker.errors import DockerException

from stackctl.engine.protocol import Report
from stackctl.engine.transport.client import Client, RefusedError, objects
from stackctl.engine.transport.messages import Answer
from stackctl.errors import CancelledError
from stackctl.planner.steps.events import Progressed
from stackctl.planner.world.desired import Image
from stackctl.real import monotonic
from stackctl.spec.image_ref import ImageRef

_REPORT_EVERY = 0.1  # seconds

_HINTS = (
    (("access denied", "unauthorized", "authentication required"), "check the name, or log in: docker login"),
    (("unknown blob", "verification failed"), "the registry does not have the whole image: push it again"),
    (("manifest unknown", "not found", "no such image"), "check the name and the tag"),
    (
        ("no such host", "timeout", "timed out", "refused", "unreachable", "reset by peer", "lookup", "eof"),
        "the registry cannot be reached from the engine: check the network, or build or load the image yourself",
    ),
    (("toomanyrequests", "rate limit"), "log in (docker login) or wait: the registry limits anonymous pulls"),
)


def pull(client: Client, wanted: Image, report: Report, cancelled: Callable[[], bool]) -> None:
    """Pull the image and report the progress. Raises `EngineError` if the image cannot be had, and `CancelledError`
    once `cancelled()`.
    """
    ref = wanted.ref
    image = ImageRef.parse(ref)
    # Without a tag the engine pulls every tag of the name.
    name, tag = image.name, image.digest or image.tag or "latest"
    try:
        with client.stream(
            "POST",
            "images",
            "create",
            fromImage=name,
            tag=tag,
            platform=wanted.platform or None,
            headers=auth_header(ref, report),
            head_timeout=client.answer_timeout,
        ) as response:
            _tell(response, f"pulling {ref}", report, cancelled)
    except RefusedError as error:
        raise refused(wanted, error) from error


def _tell(response: Answer, doing: str, report: Report, cancelled: Callable[[], bool]) -> None:
    """Report the progress that the engine tells until it is done. Raises `CancelledError` once `cancelled()`."""
    layers = Layers()
    last = 0.0
    for message in objects(response):
        raise_error(message)
        if cancelled():
            raise CancelledError(f"{doing} was interrupted")
        news = layers.take(message)
        if news.total is None or monotonic() - last >= _REPORT_EVERY:
            last = monotonic()
            report(news)


def push(client: Client, wanted: Image, report: Report, cancelled: Callable[[], bool]) -> None:
    """Send the image to its registry and report the progress. Raises `EngineError` if the registry does not take it, and
    `CancelledError` once `cancelled()`.
    """
    image = ImageRef.parse(wanted.ref)
    login = encoded(credentials(wanted.ref, report) or {})
    try:
        with client.stream(
            "POST",
            "images",
            image.name,
            "push",
            tag=image.tag or "latest",
            headers={"X-Registry-Auth": login},
            head_timeout=client.answer_timeout,
        ) as response:
            _tell(response, f"pushing {wanted.ref}", report, cancelled)
    except RefusedError as error:
        said = f"cannot push {wanted.title}: {error.message}"
        raise RefusedError(said, _hint(error) or "log in: docker login", status=error.status) from error


def _hint(error: RefusedError) -> str:
    said = error.message.lower()
    return next((hint for words, hint in _HINTS if any(word in said for word in words)), error.hint)


def refused(image: Image, error: RefusedError) -> RefusedError:
    """The error as the user sees it: it names the image and its services, and says what to do."""
    return RefusedError(f"cannot pull {image.title}: {error.message}", _hint(error), status=error.status)


def raise_error(message: dict[str, Any]) -> None:
    """Raise `RefusedError` if a message of the stream tells an error."""
    if error := message.get("error") or (message.get("errorDetail") or {}).get("message"):
        raise RefusedError(str(error).strip())


class Layers:
    """Adds up the bytes of the layers that are being pulled or pushed."""

    def __init__(self) -> None:
        self._bytes: dict[str, tuple[int, int]] = {}

    def take(self, message: dict[str, Any]) -> Progressed:
        status, layer = str(message.get("status", "")), message.get("id")
        detail = message.get("progressDetail") or {}
        if layer and status in ("Downloading", "Pushing") and detail.get("total"):
            self._bytes[layer] = (detail.get("current", 0), detail["total"])
        elif layer in self._bytes and status in ("Download complete", "Pull complete", "Pushed"):
            self._bytes[layer] = (self._bytes[layer][1],) * 2
        if not self._bytes:
            return Progressed(f"{layer}: {status}" if layer else status)
        current, total = map(sum, zip(*self._bytes.values(), strict=True))
        return Progressed(status.lower(), current, total)


def credentials(ref: str, report: Report) -> dict[str, Any] | None:
    """The login for the registry of this image; None for an anonymous pull. Only the credential helper of that registry is
    asked.
    """
    registry, _ = docker.auth.resolve_repository_name(ImageRef.parse(ref).name)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the error that follows says the same
            login: dict[str, Any] | None = docker.auth.load_config().resolve_authconfig(registry)
    except DockerException as error:  # a missing helper must not stop the pull of a public image
        report(Progressed(f"no login for {registry}, trying without: {error}"))
        return None
    return login


def auth_header(ref: str, report: Report) -> dict[str, str]:
    """The header that carries the login for the registry of this image; empty without one."""
    login = credentials(ref, report)
    return {"X-Registry-Auth": encoded(login)} if login else {}


def encoded(login: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(login).encode()).decode()
