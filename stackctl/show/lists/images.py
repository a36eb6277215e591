"""The images of a project's containers, for `images`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from msgspec import Struct

from stackctl.planner.world.asked import ObservedImage
from stackctl.planner.world.observed import ObservedContainer
from stackctl.show.text.amounts import ago, iso, size
from stackctl.show.text.safe import one_line
from stackctl.show.text.style import PLAIN, Style
from stackctl.show.text.table import table
from stackctl.spec.image_ref import ImageRef

VERSION = 1
"""The version of the JSON; version 1 only ever gains keys."""
_SHORT = 12


class ImageRow(Struct, frozen=True):
    """A container, and the image from which it was made. `image` is None if the engine no longer has that image."""

    container: ObservedContainer
    image: ObservedImage | None

    @property
    def reference(self) -> tuple[str, str]:
        """Repository and tag: as the container was asked for if the image still has that tag, else the image's own."""
        tags = self.image.tags if self.image else ()
        asked = _parsed(self.container.image)
        wanted = asked.tagged if asked else ""
        name = wanted if wanted in tags or not tags else tags[0]
        if self.image and not tags:
            return (asked.name if asked else "<none>"), "<none>"
        ref = _parsed(name)
        return (ref.name, ref.tag or "<none>") if ref else ("<none>", "<none>")


def rows(
    containers: Iterable[ObservedContainer], images: Mapping[str, ObservedImage]
) -> tuple[ImageRow, ...]:
    """A row for each container. `images` are by id."""
    return tuple(ImageRow(container, images.get(container.image_id)) for container in containers)


def images_text(rows: Sequence[ImageRow], *, now: float, style: Style = PLAIN) -> str:
    """A table: `now` is in seconds since the epoch."""
    cells = []
    for row in rows:
        repository, tag = row.reference
        image = row.image
        cells.append(
            [
                one_line(row.container.name),
                one_line(repository),
                one_line(tag),
                image.platform if image else "",
                short(row.container.image_id),
                size(image.size) if image else "",
                ago(now - image.created) if image and image.created else "",
            ]
        )
    headers = ["CONTAINER", "REPOSITORY", "TAG", "PLATFORM", "IMAGE ID", "SIZE", "CREATED"]
    return table(headers, cells, style, ("PLATFORM", "CREATED", "REPOSITORY"))


def images_json(rows: Iterable[ImageRow], project: str) -> dict[str, Any]:
    """The images as JSON, version 1. `size` is in bytes; it and what follows are null if the engine no longer has the image."""
    return {
        "version": VERSION,
        "project": project,
        "images": [
            {
                "service": row.container.service,
                "container": row.container.name,
                "image": row.container.image,
                "id": row.container.image_id,
                "repository": row.reference[0],
                "tag": row.reference[1],
                "size": row.image.size if row.image else None,
                "platform": row.image.platform if row.image else None,
                "created": iso(row.image.created) if row.image else None,
            }
            for row in rows
        ],
    }


def images_as_compose(rows: Iterable[ImageRow]) -> list[dict[str, Any]]:
    """Compose's `images --format json`."""
    return [
        {
            "ID": row.container.image_id,
            "ContainerName": row.container.name,
            "Repository": row.reference[0],
            "Tag": row.reference[1],
            "Platform": row.image.platform if row.image else "",
            "Size": row.image.size if row.image else 0,
            "Created": iso(row.image.created) if row.image else None,
            "LastTagTime": iso(row.image.tagged) if row.image and row.image.tagged else None,
        }
        for row in rows
    ]


def short(image_id: str) -> str:
    """The first 12 digits of an image's id."""
    return image_id.removeprefix("sha256:")[:_SHORT]


def _parsed(text: str) -> ImageRef | None:
    return None if text.startswith("sha256:") else ImageRef.parse(text)
