"""Find servers that are replaced while their data are kept, for images in `known.toml`.

Labels hold a digest of each setting, which is enough to see a change. The new container is compared only with the container that
it replaces. A container that never ran well may have left its data directory empty, so it does not count.
"""

from __future__ import annotations

from collections.abc import Iterator

from stackctl.planner.view.slots import Slot
from stackctl.planner.view.view import View
from stackctl.planner.world.desired import DesiredContainer
from stackctl.planner.world.matching import is_anonymous
from stackctl.planner.world.observed import ImageConfig, ObservedContainer
from stackctl.spec.known import KnownImage

_STOPPED = (0, 128 + 9, 128 + 15)
"""Exit codes of a server that was stopped. Such a server has run."""


def images_of_kept_data(view: View) -> frozenset[str]:
    """The ids of images whose version only their variables tell: those of the containers that hold the data."""
    return frozenset(
        old.image_id for _, old, known, _ in kept(view) if known.opens and major(old, known, None) is None
    )


def kept(view: View) -> Iterator[tuple[Slot, ObservedContainer, KnownImage, str]]:
    """Each known server that is replaced and keeps its data, and the storage of the data, in words."""
    for slot in view.slots:
        old, known = slot.old, slot.want.settings.known_images.of(slot.want.image)
        if old and known and known.runs_server(slot.want.command, slot.want.entrypoint) and _has_run(old):
            storage = _shared_storage(slot.want, old, known)
            if storage:
                yield slot, old, known, storage


def _has_run(old: ObservedContainer) -> bool:
    return old.state in ("running", "paused") or (old.state == "exited" and old.exit_code in _STOPPED)


def _shared_storage(want: DesiredContainer, old: ObservedContainer, known: KnownImage) -> str:
    """The storage on which both containers keep the server's data; "" if it is not the same."""
    paths = known.every_data_path(want.environment, want.command)
    held = [mount for mount in old.mounts if any(known.holds(mount.target, path) for path in paths)]
    covered = {mount.target.rstrip("/"): mount for mount in want.mounts}
    named = {mount.source for mount in want.mounts if mount.source}
    for mount in held:
        target = mount.target.rstrip("/")
        carried = target not in covered or (covered[target].type == "volume" and not covered[target].source)
        if is_anonymous(mount) and carried:
            return f"the anonymous volume at {target}"
        if mount.name in named:
            return f"volume {mount.name}" if mount.type == "volume" else mount.name
    return ""


def major(old: ObservedContainer, known: KnownImage, config: ImageConfig | None) -> int | None:
    """The major version of the image of a container. If another image has the tag now, the engine gives only an id."""
    tagged = known.version_of(old.image) if known.is_of(old.image) else None
    return tagged or known.major(environment_of(config))


def environment_of(config: ImageConfig | None) -> dict[str, str]:
    return dict(config.environment) if config else {}
