"""Take a stack out of a bundle: its images into an engine, its files into a directory."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

from stackctl.bundle.archive import Bundle, BundledFile
from stackctl.engine.protocol import Engine
from stackctl.errors import EngineError, UsageError
from stackctl.spec.source.loading import open_file


def check_target(bundle: Bundle, target: Path, *, force: bool) -> None:
    """Raises UsageError for a file that would be written outside of the target, and, unless `force`, for files that are there with
    another content.
    """
    whole = target.resolve()
    paths = [file.path for file in bundle.about.files] + list(bundle.about.directories)
    for path in paths:
        parts = PurePosixPath(path)
        if (
            not parts.name
            or "\0" in path
            or parts.is_absolute()
            or ".." in parts.parts
            or not (target / path).parent.resolve().is_relative_to(whole)
        ):
            raise UsageError(
                f"{bundle.path} wants to write outside of {target}: {path}", "it is not a bundle to trust"
            )
    different = [file.path for file in bundle.about.files if _differs(target / file.path, file)]
    if different and not force:
        raise UsageError(
            f"there with another content in {target}: {', '.join(different)}",
            "--force writes over them; --directory OTHER",
        )


def load_images(bundle: Bundle, engine: Engine) -> None:
    """Give the images to the engine. Raises EngineError if it has others afterwards than the bundle names."""
    if not bundle.about.images:
        return
    engine.load_images(bundle.images())
    found = engine.images([image.ref for image in bundle.about.images])
    there = {ref: image.id for ref, image in found.items()}
    if missing := [image.ref for image in bundle.about.images if image.ref not in there]:
        raise EngineError(f"the engine has not taken {', '.join(missing)}", "its log may say why")
    if other := [image.ref for image in bundle.about.images if there[image.ref] != image.id]:
        raise EngineError(f"the engine has another image than the bundle for {', '.join(other)}")


def write_files(bundle: Bundle, target: Path) -> int:
    """Write the files. Each is there as a whole, or as it was. Gives the number of those that have changed."""
    for directory in bundle.about.directories:
        (target / directory).mkdir(parents=True, exist_ok=True)
    changed = 0
    for file in bundle.about.files:
        place = target / file.path
        if place.is_file() and not _differs(place, file):
            continue
        place.parent.mkdir(parents=True, exist_ok=True)
        _write(place, bundle.content(file), file)
        changed += 1
    return changed


def _write(place: Path, pieces: Iterable[bytes], file: BundledFile) -> None:
    handle, name = tempfile.mkstemp(dir=place.parent, prefix=".")
    try:
        digest = hashlib.sha256()
        with os.fdopen(handle, "wb") as stream:
            for piece in pieces:
                digest.update(piece)
                stream.write(piece)
        if digest.hexdigest() != file.sha256:
            raise UsageError(f"{file.path} is not as it was written", "copy the bundle again")
        Path(name).chmod(file.mode & 0o777)
        Path(name).replace(place)
    finally:
        Path(name).unlink(missing_ok=True)


def _differs(place: Path, file: BundledFile) -> bool:
    """Whether something else is there."""
    if not os.path.lexists(place):
        return False
    if not place.is_file() or place.is_symlink():
        return True
    digest = hashlib.sha256()
    for piece in _pieces(place):
        digest.update(piece)
    return digest.hexdigest() != file.sha256


def _pieces(path: Path) -> Iterator[bytes]:
    with open_file(path) as stream:
        while piece := stream.read(1 << 20):
            yield piece
