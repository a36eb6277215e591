"""The file of a bundle: a tar archive that `docker load` reads as well.

First what stackctl says of it, then the files of the stack, then what the engine gives for its images, at the end a digest of all bytes
before. So a file that is cut off, or that has changed, is known before anything is taken from it.
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from tarfile import TarFile, TarInfo
from typing import IO

import msgspec
from msgspec import Struct

from stackctl.errors import UsageError
from stackctl.spec.source.discovery import normal
from stackctl.spec.source.loading import open_file

FORMAT = 1
_OURS = "stackctl/"
_ABOUT, _FILES, _END = f"{_OURS}bundle.json", f"{_OURS}files/", f"{_OURS}end"
_MANIFEST = "manifest.json"
_CHUNK = 1 << 20
_LARGEST_ABOUT = 64 << 20


class BundledFile(Struct, frozen=True, kw_only=True):
    """A file of the stack. `path` is relative to the root of the bundle."""

    path: str
    sha256: str
    size: int
    mode: int = 0o644


class BundledImage(Struct, frozen=True, kw_only=True):
    """An image of the stack: the reference with which the stack names it, and its id."""

    ref: str
    id: str
    services: tuple[str, ...] = ()


class Inventory(Struct, frozen=True, kw_only=True):
    """What a bundle says of itself."""

    format: int = FORMAT
    stackctl: str
    project: str
    named: bool
    """Whether the stack's file says the project's name. Else the directory has to."""
    directory: str
    """The directory of the stack's file, below the root of the bundle."""
    spec: tuple[str, ...]
    """The stack's files, as `-f` names them in that directory; none if they are found there."""
    files: tuple[BundledFile, ...]
    directories: tuple[str, ...] = ()
    """Empty directories."""
    images: tuple[BundledImage, ...]
    notes: tuple[str, ...] = ()
    """What people have to know: what is left out, what a registry would be asked for."""


Content = Path | bytes


def write(
    out: IO[bytes],
    about: Inventory,
    contents: Mapping[str, Content],
    images: Iterable[bytes],
    tags: Mapping[str, Sequence[str]],
) -> None:
    """Write a bundle. `contents` has each file of `about`. `images` is the archive of an engine. `tags` are further tags of images, by
    their ids: an engine gives none for an image that is named by a digest.

    Raises UsageError if a file changes meanwhile, or if an image of `tags` is not in the archive.
    """
    digest = _Digesting(out)
    with tarfile.open(fileobj=digest, mode="w", format=tarfile.PAX_FORMAT) as archive:  # type: ignore[call-overload]
        _add(archive, _ABOUT, msgspec.json.format(msgspec.json.encode(about, enc_hook=str)))
        for file in about.files:
            _add_file(archive, file, contents[file.path])
        if about.images:
            _add_images(archive, images, tags)
        _add(archive, _END, digest.hexdigest().encode())


def _add(archive: TarFile, name: str, data: bytes) -> None:
    member = TarInfo(name)
    member.size, member.mode = len(data), 0o644
    archive.addfile(member, io.BytesIO(data))


def _add_file(archive: TarFile, file: BundledFile, content: Content) -> None:
    member = TarInfo(f"{_FILES}{file.path}")
    member.size, member.mode = file.size, file.mode
    with io.BytesIO(content) if isinstance(content, bytes) else content.open("rb") as stream:
        read = _Counting(stream)
        try:
            archive.addfile(member, read)
        except OSError as error:
            raise UsageError(f"{file.path} has changed while it was read: {error}", "run it again") from error
        if read.digest.hexdigest() != file.sha256:
            raise UsageError(f"{file.path} has changed while it was read", "run it again")


def _add_images(archive: TarFile, images: Iterable[bytes], tags: Mapping[str, Sequence[str]]) -> None:
    try:
        with tarfile.open(fileobj=_Pieces(images), mode="r|", bufsize=_CHUNK) as given:  # type: ignore[call-overload]
            for member in given:
                content = given.extractfile(member) if member.isreg() else None
                if member.name == _MANIFEST and content:
                    data = _tagged(content.read(), tags)
                    member.size, content = len(data), io.BytesIO(data)
                member.pax_headers.pop("size", None)
                archive.addfile(member, content)
    except tarfile.TarError as error:
        raise UsageError(
            f"the engine has not given the images to their end: {error}", "run it again"
        ) from error


def _tagged(manifest: bytes, tags: Mapping[str, Sequence[str]]) -> bytes:
    rows = json.loads(manifest)
    missing = dict(tags)
    for row in rows:
        id_ = f"sha256:{PurePosixPath(row['Config']).name.removesuffix('.json')}"
        if more := missing.pop(id_, ()):
            row["RepoTags"] = sorted({*(row.get("RepoTags") or ()), *more})
    if missing:
        refs = ", ".join(ref for more in missing.values() for ref in more)
        raise UsageError(
            f"this engine gives images under other ids than it lists them: {refs} cannot have a tag",
            "name the image by a tag instead of a digest",
        )
    return json.dumps(rows).encode()


# Reading


class Bundle(Struct, frozen=True):
    """A file that was read to its end: it is whole."""

    path: Path
    about: Inventory
    images_at: int
    """Where the archive of the images begins."""
    end: int
    """Where it ends."""
    files_at: Mapping[str, int]
    """Where the content of each file begins."""

    def content(self, file: BundledFile) -> Iterator[bytes]:
        """The content of a file, in pieces."""
        return _pieces(self.path, self.files_at[file.path], file.size)

    def images(self) -> Iterator[bytes]:
        """The archive of the images, in pieces."""
        yield from _pieces(self.path, self.images_at, self.end - self.images_at)
        yield bytes(2 * tarfile.BLOCKSIZE)


def read(path: Path) -> Bundle:
    """Read a bundle to its end. Raises UsageError if it is none, or if it is not as it was written."""
    try:
        with open_file(path) as file:
            found = _members(path, file)
            _compare(path, file, found.end)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from error
    return found


def _members(path: Path, file: IO[bytes]) -> Bundle:
    about: Inventory | None = None
    images_at = end = 0
    places: dict[str, int] = {}
    try:
        with tarfile.open(fileobj=file, mode="r:") as archive:
            for member in archive:
                if about is None:
                    about = _about(path, archive, member)
                elif member.name.startswith(_FILES):
                    places[member.name.removeprefix(_FILES)] = member.offset_data
                elif member.name == _END:
                    end = member.offset
                elif not images_at:
                    images_at = member.offset
    except tarfile.TarError as error:
        raise (_cut(path) if about else _no_bundle(path)) from error
    if about is None:
        raise _no_bundle(path)
    if not end or places.keys() != {each.path for each in about.files}:
        raise _cut(path)
    return Bundle(path, about, images_at or end, end, places)


def _about(path: Path, archive: TarFile, member: TarInfo) -> Inventory:
    content = archive.extractfile(member) if member.name == _ABOUT and member.size < _LARGEST_ABOUT else None
    if content is None:
        raise _no_bundle(path)
    try:
        data = content.read()
        told = json.loads(data)
        if isinstance(told, dict) and told.get("format", FORMAT) != FORMAT:
            raise UsageError(
                f"{path} was written by a newer stackctl ({told.get('stackctl')})", "upgrade stackctl"
            )
        found = msgspec.json.decode(data, type=Inventory)
    except (ValueError, RecursionError) as error:  # msgspec's errors are ValueErrors
        raise _cut(path) from error
    if not found.project or normal(found.project) != found.project:
        raise _no_bundle(path)  # it names the directory that load makes
    return found


def _compare(path: Path, file: IO[bytes], end: int) -> None:
    """Raises UsageError if the bytes before the end are not those that were written."""
    digest = hashlib.sha256()
    for piece in _pieces(path, 0, end):
        digest.update(piece)
    file.seek(end)
    with tarfile.open(fileobj=file, mode="r:") as archive:
        member = archive.next()
        content = archive.extractfile(member) if member else None
        if content is None or content.read().decode(errors="replace") != digest.hexdigest():
            raise _cut(path)


def _cut(path: Path) -> UsageError:
    return UsageError(f"{path} is cut off or damaged: it is not as it was written", "copy it again")


def _no_bundle(path: Path) -> UsageError:
    return UsageError(f"{path} is no bundle of stackctl", f"stackctl bundle {path.name} writes one")


def _pieces(path: Path, offset: int, size: int) -> Iterator[bytes]:
    with path.open("rb") as file:
        file.seek(offset)
        while size and (chunk := file.read(min(size, _CHUNK))):
            size -= len(chunk)
            yield chunk


class _Digesting:
    """What tarfile writes to, with the digest of what it has written."""

    def __init__(self, out: IO[bytes]) -> None:
        self._out = out
        self._digest = hashlib.sha256()
        self._written = 0

    def write(self, data: bytes) -> int:
        self._digest.update(data)
        self._written += len(data)
        return self._out.write(data)

    def tell(self) -> int:
        return self._written

    def hexdigest(self) -> str:
        return self._digest.hexdigest()


class _Counting:
    """What tarfile reads from, with the digest of what it has read."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self.digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        data = self._stream.read(size)
        self.digest.update(data)
        return data


class _Pieces:
    """Pieces as a file that tarfile reads."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self._rest = b""

    def read(self, size: int) -> bytes:
        while len(self._rest) < size and (piece := next(self._pieces, None)) is not None:
            self._rest += piece
        data, self._rest = self._rest[:size], self._rest[size:]
        return data
