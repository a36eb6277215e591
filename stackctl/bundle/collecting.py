"""What belongs to a stack: the files that it reads and mounts, and its images."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from msgspec import Struct, field

from stackctl.bundle.archive import BundledFile, BundledImage, Content, Inventory
from stackctl.errors import EngineError, UsageError
from stackctl.planner.world.desire import desire
from stackctl.planner.world.desired import Desired, Image
from stackctl.planner.world.matching import image_id
from stackctl.planner.world.observed import Observed
from stackctl.spec.image_ref import ImageRef
from stackctl.spec.model import PullPolicy, Stack
from stackctl.spec.scaling import one_each
from stackctl.spec.selection import Selection
from stackctl.spec.source.discovery import find
from stackctl.spec.source.loading import STDIN, join, open_file
from stackctl.spec.source.reading import placing
from stackctl.version import __version__

_NEVER_IN_DIRECTORIES = {".git"}
_EXAMPLE = ".env.example"
_TAG = "bundled-"


class Collected(Struct, frozen=True, kw_only=True):
    """What goes into a bundle."""

    about: Inventory
    contents: Mapping[str, Content]
    """By the path in the bundle."""
    images: tuple[str, ...]
    """What the engine is asked for: references, or ids of images that are named by a digest."""
    tags: Mapping[str, Sequence[str]]
    """The tags of images that are named by a digest, by their ids."""


class _Files(Struct):
    """The files on this machine, as they are found."""

    directory: Path
    taken: set[Path] = field(default_factory=set)
    empty: set[Path] = field(default_factory=set)
    secret: set[Path] = field(default_factory=set)
    left_out: dict[Path, str] = field(default_factory=dict)
    """Why a file is not taken."""


def collect(
    stack: Stack,
    read: Mapping[Path, bool],
    observed: Observed,
    selection: Selection,
    *,
    with_secrets: bool = False,
    without: Iterable[Path] = (),
) -> Collected:
    """Find what belongs to the stack.

    Args:
        stack: the stack, as its files say it.
        read: the files that were read to make it, each with whether it holds secrets.
        observed: what the engine has.
        selection: the services that are meant.
        with_secrets: whether files with secrets are taken.
        without: files that are never taken, such as the bundle itself.

    Raises:
        UsageError: a file cannot be taken.
        EngineError: images are not on the engine.
    """
    with placing(stack):
        desired = desire(
            one_each(stack),
            instance="",
            services=selection.services,
            profiles=selection.profiles,
            dependencies=selection.dependencies,
            publish_host=selection.publish_host or "127.0.0.1",
        )
    images, pinned = _images(desired, observed)
    spec = [path for path, secret in read.items() if not secret]
    if any(path.name == STDIN for path in spec):
        raise UsageError("a stack on the standard input has no directory", "write it into a file")
    root = _root(stack.directory.resolve(), spec)
    found = _files(stack, desired, read, root, with_secrets=with_secrets, without=without)
    contents: dict[str, Content] = {}
    for path in sorted(found.taken):
        contents[path.relative_to(root).as_posix()] = path
    _unpin(contents, pinned, [path.resolve().relative_to(root).as_posix() for path in spec])
    about = Inventory(
        stackctl=__version__,
        project=stack.project,
        named=stack.name == stack.project,
        directory=stack.directory.resolve().relative_to(root).as_posix(),
        spec=tuple(_spec(stack)),
        files=tuple(_described(path, content) for path, content in contents.items()),
        directories=tuple(sorted(path.relative_to(root).as_posix() for path in found.empty)),
        images=images,
        notes=tuple(_notes(found, root, desired, pinned, with_secrets=with_secrets)),
    )
    tags: dict[str, list[str]] = {}
    for image in images:
        if image.ref in pinned.values():
            tags.setdefault(image.id, []).append(image.ref)
    return Collected(
        about=about,
        contents=contents,
        images=tuple(dict.fromkeys(each.id if each.id in tags else each.ref for each in images)),
        tags=tags,
    )


# Images


def _images(desired: Desired, observed: Observed) -> tuple[tuple[BundledImage, ...], Mapping[str, str]]:
    """The images, and a tag for each one that is named by a digest: an engine keeps no digest of an image that it loads."""
    missing = [image for image in desired.images if image_id(observed, image.ref) is None]
    if missing:
        builds = any(image.build for image in missing)
        raise EngineError(
            f"not on this engine: {', '.join(image.ref for image in missing)}",
            "stackctl build, then stackctl pull" if builds else "stackctl pull",
        )
    pinned = {image.ref: _tag(image.ref) for image in desired.images if "@" in image.ref}
    return (
        tuple(
            BundledImage(
                ref=pinned.get(image.ref, image.ref),
                id=image_id(observed, image.ref) or "",
                services=tuple(image.services),
            )
            for image in desired.images
        ),
        pinned,
    )


def _tag(ref: str) -> str:
    parsed = ImageRef.parse(ref)
    return f"{parsed.name}:{_TAG}{parsed.digest.rpartition(':')[2][:12]}"


def _unpin(contents: dict[str, Content], pinned: Mapping[str, str], spec: Iterable[str]) -> None:
    """Write the tag in place of the digest into the stack's files."""
    texts = {name: content.read_bytes() for name in spec if isinstance(content := contents[name], Path)}
    for ref, tag in pinned.items():
        holders = [name for name, text in texts.items() if ref.encode() in text]
        if not holders:
            raise UsageError(
                f"{ref} is named by a digest, and no file of the stack says it in one piece",
                "an engine keeps no digest of an image that it loads: name it by a tag",
            )
        for name in holders:
            contents[name] = texts[name] = texts[name].replace(ref.encode(), tag.encode())


# Files


def _spec(stack: Stack) -> list[str]:
    """The stack's files, as `-f` names them in its directory; none if they are found there."""
    with suppress(UsageError):
        if find(stack.directory) == stack.files:
            return []
    directory = stack.directory.resolve()
    return [os.path.relpath(path.resolve(), directory) for path in stack.files]


def _root(directory: Path, spec: Iterable[Path]) -> Path:
    """The directory above all files that make the stack."""
    root = Path(os.path.commonpath([directory, *(path.resolve().parent for path in spec)]))
    if root == Path(root.anchor):
        raise UsageError("the files of the stack have no directory in common", "put them below one directory")
    return root


def _files(
    stack: Stack,
    desired: Desired,
    read: Mapping[Path, bool],
    root: Path,
    *,
    with_secrets: bool,
    without: Iterable[Path],
) -> _Files:
    found = _Files(stack.directory.resolve())
    found.secret = {path.resolve() for path in _secrets(stack, desired, read)}
    never = {path.resolve() for path in without}
    example = stack.directory / _EXAMPLE
    wanted = [*read, *_named(stack, desired), *([example] if example.is_file() else ())]
    for path in dict.fromkeys((*wanted, *found.secret)):
        for file in _below(path.resolve(), found):
            if file in never:
                continue
            if not file.is_relative_to(root):
                found.left_out[file] = f"it is outside of {root}"
            elif file in found.secret and not with_secrets:
                found.left_out[file] = "it holds secrets: --with-secrets takes it"
            elif not os.access(file, os.R_OK):
                found.left_out[file] = "it cannot be read"
            else:
                found.taken.add(file)
    if unreadable := [path for path in read if not read[path] and path.resolve() not in found.taken]:
        raise UsageError(
            f"{unreadable[0]} cannot be taken: {found.left_out.get(unreadable[0].resolve(), '')}"
        )
    found.empty = {path for path in found.empty if path.is_relative_to(root)}
    return found


def _secrets(stack: Stack, desired: Desired, read: Mapping[Path, bool]) -> Iterator[Path]:
    labels = {
        join(stack.directory, Path(file)) for each in desired.services.values() for file in each.label_file
    }
    yield from (path for path, secret in read.items() if secret and path not in labels)
    for service in desired.services.values():
        for section, _, source in stack.sources_of(service):
            if section == "secrets" and source.file:
                yield join(stack.directory, Path(source.file))


def _named(stack: Stack, desired: Desired) -> Iterator[Path]:
    """What services name: configs, labels, inputs of jobs, and what they mount."""
    for name, service in desired.services.items():
        for section, _, source in stack.sources_of(service):
            if section == "configs" and source.file:
                yield join(stack.directory, Path(source.file))
        yield from (join(stack.directory, Path(file)) for file in service.label_file)
        for pattern in stack.jobs[name].inputs if name in stack.jobs else ():
            yield from stack.directory.glob(pattern)
    for container in desired.containers:
        yield from (Path(mount.source) for mount in container.mounts if mount.type == "bind")


def _below(path: Path, found: _Files) -> Iterator[Path]:
    """The file, or the files of the directory. What is neither is left out: it belongs to this machine."""
    if path.is_file():
        yield path
    elif not path.exists():
        return
    elif not path.is_dir() or not path.is_relative_to(found.directory):
        found.left_out[path] = "it belongs to this machine"
    else:
        for folder, folders, files in os.walk(path):
            folders[:] = sorted(set(folders) - _NEVER_IN_DIRECTORIES)
            if not folders and not files:
                found.empty.add(Path(folder))
            for name in sorted(files):
                file = Path(folder, name)
                if file.is_symlink() or not file.is_file():
                    found.left_out[file] = "it is no regular file"
                    continue
                if name == ".env" or (name.startswith(".env.") and name != _EXAMPLE):
                    found.secret.add(file)
                yield file


def _described(path: str, content: Content) -> BundledFile:
    if isinstance(content, bytes):
        return BundledFile(path=path, sha256=hashlib.sha256(content).hexdigest(), size=len(content))
    with open_file(content) as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
        size = stream.tell()
    return BundledFile(path=path, sha256=digest, size=size, mode=content.stat().st_mode & 0o777)


def _notes(
    found: _Files, root: Path, desired: Desired, pinned: Mapping[str, str], *, with_secrets: bool
) -> Iterator[str]:
    for path, why in sorted(found.left_out.items()):
        shown = path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)
        yield f"left out: {shown}: {why}"
    if with_secrets and (there := sorted(found.secret & found.taken)):
        names = ", ".join(path.relative_to(root).as_posix() for path in there)
        yield f"it holds secrets, which whoever has the file can read: {names}"
    for ref, tag in pinned.items():
        yield f"{ref} is {tag} in it: an engine keeps no digest of an image that it loads"
    for image in desired.images:
        if why := _asks_a_registry(image):
            yield f"{image.services[0]}: {why}, so up asks a registry; without one: stackctl up --pull missing"
    kept = sorted(volume.key for volume in desired.volumes if not volume.external)
    if kept:
        yield f"data are not in it: {', '.join(kept)} will be empty"
    for volume in desired.volumes:
        if volume.external:
            yield f"volume {volume.name} is external: it must be on the other engine"
    for network in desired.networks:
        if network.external:
            yield f"network {network.name} is external: it must be on the other engine"


def _asks_a_registry(image: Image) -> str:
    policy = image.policy
    if policy is not None and (policy == PullPolicy.always or policy.every):
        return f"pull_policy is {policy}"
    return "pull_policy is build" if policy == PullPolicy.build else ""
