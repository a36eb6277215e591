"""The files that a build is made from, by the rules of .dockerignore; and the digest by which an image remembers them.

The digest stands in a label of the image. It has parts: of the definition (Dockerfile and settings), of the names and sizes of
the files, and of their content. Most looks need no content, because a file that was not touched since the image was made has the
content that it had then.

A file that containers get as a bind mount changes in them at once, and needs no build. It counts only if the Dockerfile names
it: `COPY requirements.txt .` comes before an installation.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from msgspec import Struct

from stackctl.engine.docker.images.dockerfile import named_files
from stackctl.planner.world.desired import DesiredBuild
from stackctl.planner.world.observed import BuiltImage, Outdated
from stackctl.spec.dockerignore import Ignored, any_of
from stackctl.spec.model.images import is_remote
from stackctl.spec.source.loading import open_file, read_file
from stackctl.spec.source.toml import LARGEST

_VERSION = "1"
_OF_THE_STACK = r"(stack(\..+)?\.toml|(docker-)?compose(\..+)?\.ya?ml)"
"""Files that say what to run. Who changes one has not changed the code."""
MOST_FILES = 10_000
"""A look gives up on a context with more files and directories than this."""
MOST_BYTES = 1 << 26
"""A look reads no more than this."""


class TooMuchError(Exception):
    """The context is too large for a look."""


class ContextEntry(Struct, frozen=True):
    """A file, directory or symbolic link of a context. `path` is relative to the context, with `/`."""

    path: str
    file: Path
    stat: os.stat_result


class Fingerprint(Struct, frozen=True):
    """What an image remembers of its build. `live`: which paths did not count. `tree`: names, modes and sizes of the files.
    `content`: what is in them.
    """

    definition: str
    live: str
    tree: str
    content: str

    def __str__(self) -> str:
        return f"{_VERSION}.{self.definition}.{self.live}.{self.tree}.{self.content}"

    @classmethod
    def parse(cls, text: str) -> Fingerprint | None:
        """None for a label that another version has written."""
        version, *parts = text.split(".")
        return cls(*parts) if version == _VERSION and len(parts) == 4 else None


def dockerfile_text(file: Path) -> str:
    """The text of a Dockerfile or a .dockerignore. Raises OSError."""
    return read_file(file, LARGEST).decode("utf-8-sig", errors="replace")


def ignored(build: DesiredBuild) -> Ignored:
    """What the build leaves out. A file of its own beside the Dockerfile wins over the .dockerignore of the context."""
    return _ignored(build.context / f"{build.dockerfile}.dockerignore", build.context / ".dockerignore")


def _ignored(*files: Path) -> Ignored:
    for file in files:
        if file.is_file():
            return Ignored(dockerfile_text(file))
    return Ignored("")


def entries(root: Path, leave_out: Ignored) -> Iterator[ContextEntry]:
    """All that the context has and the patterns do not leave out, in no order. Raises OSError for what cannot be read."""
    pending = [""]
    while pending:
        above = pending.pop()
        with os.scandir(root / above) as found:
            for each in found:
                path = f"{above}/{each.name}" if above else each.name
                out = leave_out(path)
                directory = each.is_dir(follow_symlinks=False)
                if directory and not (out and leave_out.hides(path)):
                    pending.append(path)
                if not out:
                    yield ContextEntry(path, Path(each.path), each.stat(follow_symlinks=False))


def fingerprint(build: DesiredBuild) -> Fingerprint | None:
    """The digests of the build, read completely. None if something cannot be read; the builder knows whether it needs that."""
    try:
        found = _code(build, _everything(build))
        return Fingerprint(_definition(build), _live(build), _tree(found), _content(found))
    except OSError:
        return None


def outdated(build: DesiredBuild, image: BuiltImage) -> Outdated | None:
    """What has changed since the image was built: the `build` (the Dockerfile or a setting), the `code`; None if nothing has, or
    if a look cannot tell. Reads content only if a file was touched since then.
    """
    told = Fingerprint.parse(image.fingerprint)
    if told is None:
        return None
    try:
        if _definition(build) != told.definition:
            return "build"
        if _live(build) != told.live:
            return None  # other files count now
        found = _code(build, _few(_everything(build), MOST_FILES))
        if _tree(found) != told.tree:
            return "code"
        if _newest(found) < image.created:
            return None
        if sum(each.stat.st_size for each in found if stat.S_ISREG(each.stat.st_mode)) > MOST_BYTES:
            return None
        return "code" if _content(found) != told.content else None
    except (OSError, TooMuchError):
        return None


def touched_since(build: DesiredBuild, moment: float) -> bool:
    """Whether a file of the context was changed at `moment` (seconds since the epoch) or later."""
    try:
        return _newest(_code(build, _everything(build))) >= moment
    except OSError:
        return True


def _everything(build: DesiredBuild) -> Iterator[ContextEntry]:
    """What is in all directories of the build. A path in a further context begins with its name and `:`."""
    if not build.remote:
        yield from entries(build.context, ignored(build))
    for name, place in build.contexts.items():
        if "://" not in place and not is_remote(place):
            for each in entries(Path(place), _ignored(Path(place, ".dockerignore"))):
                yield ContextEntry(f"{name}:{each.path}", each.file, each.stat)


def _code(build: DesiredBuild, found: Iterable[ContextEntry]) -> list[ContextEntry]:
    """What counts, in order. Raises OSError."""
    live = re.compile(
        "|".join(".*" if path == "." else f"{re.escape(path)}(/.*)?" for path in build.live) or "(?!)"
    )
    named = any_of(named_files(_dockerfile(build))) if build.live else live
    counted = (
        entry
        for entry in found
        if not re.fullmatch(_OF_THE_STACK, entry.path)
        and (
            not live.fullmatch(entry.path)
            or (stat.S_ISREG(entry.stat.st_mode) and named.fullmatch(entry.path))
        )
    )
    return sorted(counted, key=lambda entry: entry.path)


def _dockerfile(build: DesiredBuild) -> str:
    """The text of the Dockerfile; "" if the builder fetches it."""
    if build.settings.dockerfile_inline is not None:
        return str(build.settings.dockerfile_inline)
    return "" if build.remote else dockerfile_text(build.context / build.dockerfile)


def _live(build: DesiredBuild) -> str:
    return _digest(path.encode(errors="surrogateescape") for path in build.live)[:4] if build.live else "0"


def _few(found: Iterator[ContextEntry], most: int) -> Iterator[ContextEntry]:
    for number, entry in enumerate(found):
        if number == most:
            raise TooMuchError
        yield entry


def _newest(found: Iterable[ContextEntry]) -> float:
    """When a file was last changed, or put in its place. Other names and missing files are seen by the tree."""
    return max(
        (max(e.stat.st_mtime, e.stat.st_ctime) for e in found if not stat.S_ISDIR(e.stat.st_mode)), default=0
    )


def _definition(build: DesiredBuild) -> str:
    """The digest of what is not in the files of the context."""
    given = build.settings
    settings = {"target": build.target, "args": dict(build.args), "remote": build.remote} | {
        "labels": dict(given.labels),
        "contexts": dict(given.additional_contexts),
        "platforms": given.platforms,
    }
    return _digest([_dockerfile(build).encode(), json.dumps(settings, sort_keys=True).encode()])


def _tree(found: Iterable[ContextEntry]) -> str:
    return _digest(
        f"{entry.path}\0{entry.stat.st_mode:o}\0{0 if stat.S_ISDIR(entry.stat.st_mode) else entry.stat.st_size}".encode(
            errors="surrogateescape"
        )
        for entry in found
    )


def _content(found: Iterable[ContextEntry]) -> str:
    return _digest(_read(entry) for entry in found)


def _read(entry: ContextEntry) -> bytes:
    """The digest of a file's content, the target of a symbolic link; nothing for what has no content."""
    if stat.S_ISLNK(entry.stat.st_mode):
        return os.fsencode(entry.file.readlink())
    if not stat.S_ISREG(entry.stat.st_mode):
        return b""
    with open_file(entry.file) as file:
        return hashlib.file_digest(file, "sha256").digest()


def _digest(parts: Iterable[bytes]) -> str:
    """Twelve hexadecimal digits, which depend on where each part ends."""
    whole = hashlib.sha256()
    for part in parts:
        whole.update(len(part).to_bytes(8, "big") + part)
    return whole.hexdigest()[:12]
