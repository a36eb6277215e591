"""Find changes that have no effect on data which are there already, for images in `known.toml`.

Labels hold a digest of each setting, which is enough to see a change. The new container is compared only with the container that
it replaces. A container that never ran well may have left its data directory empty, so it does not count.
"""

from __future__ import annotations

from collections.abc import Iterator

from stackctl.errors import Problem
from stackctl.planner.view.slots import Slot
from stackctl.planner.view.view import View
from stackctl.planner.world.desired import DesiredContainer
from stackctl.planner.world.matching import is_anonymous
from stackctl.planner.world.observed import ImageConfig, ObservedContainer
from stackctl.spec.known import KnownImage, known_image, major_version

_STOPPED = (0, 128 + 9, 128 + 15)
"""Exit codes of a server that was stopped. Such a server has run."""


def ignored_settings(view: View) -> Iterator[Problem]:
    """SC404: a setting has changed, but the image reads it only while its data directory is empty."""
    for slot, old, known, storage in _kept(view):
        want, old_fields, new_fields = slot.want, old.fields, slot.want.fields
        for name in sorted(known.initial):
            before, after = (fields.get(f"environment.{name}") for fields in (old_fields, new_fields))
            if before != after:
                verb = "is new" if before is None else "is gone" if after is None else "changed"
                yield Problem(
                    ("services", want.service, "environment", name),
                    f"{name} {verb}, and {known.name} reads it only while its data directory is empty:"
                    f" {storage} is kept, with what was set up in it before",
                    "change it in the server, too; or begin with an empty volume (stackctl down --volumes: its data are lost)",
                    rule="SC404",
                    severity="warning",
                )


def other_versions(view: View) -> Iterator[Problem]:
    """SC405: data of another major version. An error if the server is known to refuse them, else a warning."""
    configs = view.observed.configs
    for slot, old, known, storage in _kept(view):
        before = _major(old, known, configs.get(old.image_id))
        after = major_version(slot.want.image) or known.major(_environment(configs.get(slot.want.image)))
        if not known.opens or before is None or after is None or before == after:
            continue
        server, other = f"{known.name} {after}", f"{known.name} {before}"
        opens = known.opens_data_of(before, after)
        if opens:
            message = f"{storage} holds data of {other}, and {server} converts them: there is no way back"
            hint = f"dump them first, with {other}"
        else:
            message = f"{storage} holds data of {other}, and {server} does not open them"
            hint = (
                f"dump them with {other}, and load them into an empty volume;"
                " if they are converted already: stackctl down, then up"
            )
        yield Problem(
            ("services", slot.want.service, "image"),
            message,
            hint,
            rule="SC405",
            severity="warning" if opens else "error",
        )


def images_of_kept_data(view: View) -> frozenset[str]:
    """The ids of images whose version only their variables tell: those of the containers that hold the data."""
    return frozenset(
        old.image_id for _, old, known, _ in _kept(view) if known.opens and _major(old, known, None) is None
    )


def _kept(view: View) -> Iterator[tuple[Slot, ObservedContainer, KnownImage, str]]:
    """Each known server that is replaced and keeps its data, and the storage of the data, in words."""
    for slot in view.slots:
        old, known = slot.old, known_image(slot.want.image)
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


def _major(old: ObservedContainer, known: KnownImage, config: ImageConfig | None) -> int | None:
    """The major version of the image of a container. If another image has the tag now, the engine gives only an id."""
    same = known_image(old.image)
    tagged = major_version(old.image) if same and same.name == known.name else None
    return tagged or known.major(_environment(config))


def _environment(config: ImageConfig | None) -> dict[str, str]:
    return dict(config.environment) if config else {}
