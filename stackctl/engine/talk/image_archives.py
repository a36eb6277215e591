"""Images out of an engine and into it, as the archives of `docker save` and `docker load`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from stackctl.engine.talk.archives import read_once
from stackctl.engine.transport.client import Client, WireClient, objects
from stackctl.errors import EngineError
from stackctl.spec.image_ref import ImageRef

_SILENCE = 300.0
"""Seconds without a byte before the call is given up. An engine collects an image before it sends the first byte of it."""


def save(client: WireClient, refs: Sequence[str]) -> Iterator[bytes]:
    """The archive of these images, in chunks. What is named with a tag keeps it; what is named by its id has none."""
    names = tuple(ImageRef.parse(ref).tagged if not ref.startswith("sha256:") else ref for ref in refs)
    with client.stream("GET", "images", "get", timeout=_SILENCE, names=names) as answer:
        yield from answer.chunks()


def load(client: Client, archive: Iterable[bytes]) -> None:
    """Load the images of an archive. Raises EngineError for one that the engine cannot read."""
    kind = {"Content-Type": "application/x-tar"}
    with client.stream(
        "POST", "images", "load", data=read_once(archive), headers=kind, timeout=_SILENCE, quiet=True
    ) as answer:
        for told in objects(answer):
            if error := told.get("error"):
                raise EngineError(f"the engine cannot load the images: {error}")
