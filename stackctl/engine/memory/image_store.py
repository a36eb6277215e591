"""The images of the in-memory engine: those that are here, and those that can be pulled or built."""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Collection, Mapping, Sequence

import msgspec

from stackctl.errors import EngineError
from stackctl.planner.world.asked import ObservedImage
from stackctl.planner.world.desired import Image
from stackctl.planner.world.observed import BuiltImage, ImageConfig
from stackctl.spec.image_ref import ImageRef


class Images:
    """`registry` can be pulled, everything but `unbuildable` can be built. A reference without a tag means `:latest`."""

    def __init__(
        self,
        here: Mapping[str, ImageConfig],
        registry: Mapping[str, ImageConfig],
        unbuildable: Collection[str],
    ) -> None:
        self._here: dict[str, tuple[str, ImageConfig]] = {}
        self._registry = {ImageRef.parse(ref).tagged: config for ref, config in registry.items()}
        self._unbuildable = frozenset(ImageRef.parse(ref).tagged for ref in unbuildable)
        self._untagged: set[str] = set()
        """The ids of images that have lost their tag to another image."""
        self._revisions: dict[str, int] = {}
        self.built: dict[str, BuiltImage] = {}
        """The images that were built from files, by id."""
        for ref, config in here.items():
            self._put(ImageRef.parse(ref).tagged, config)

    @property
    def ids(self) -> dict[str, str]:
        """Image id by reference, and by id itself."""
        by_ref = {ref: id_ for ref, (id_, _) in self._here.items()}
        return by_ref | {id_: id_ for id_ in (*by_ref.values(), *self._untagged)}

    def get(self, ref: str) -> tuple[str, ImageConfig] | None:
        """The id and the configuration of the image that a reference names, or that has this id; None if no such image has a tag
        here.
        """
        found = self._here.get(ImageRef.parse(ref).tagged)
        return found or next((image for image in self._here.values() if image[0] == ref), None)

    def observed(self, ref: str) -> ObservedImage | None:
        """The image of that id or reference; None if it is not here."""
        id_ = self.ids.get(ref) or self.ids.get(ImageRef.parse(ref).tagged)
        if id_ is None:
            return None
        tags = tuple(tagged for tagged, (found, _) in self._here.items() if found == id_)
        return ObservedImage(id=id_, tags=tags, size=len(id_), created=1.0, platform="linux/amd64")

    def revise(self, ref: str) -> None:
        """From now on a build or pull of the reference gives another image."""
        tagged = ImageRef.parse(ref).tagged
        self._revisions[tagged] = self._revisions.get(tagged, 0) + 1

    def pull(self, image: Image) -> None:
        tagged = ImageRef.parse(image.ref).tagged
        if tagged not in self._registry:
            raise EngineError(
                f"cannot pull {image.title}: pull access denied for {image.ref}, repository does not exist"
            )
        self._put(tagged, self._registry[tagged])

    def push(self, image: Image) -> None:
        tagged = ImageRef.parse(image.ref).tagged
        if tagged not in self._here:
            raise EngineError(
                f"cannot push {image.title}: an image does not exist locally with the tag: {image.ref}"
            )
        self._registry[tagged] = self._here[tagged][1]

    def registered(self, ref: str) -> str | None:
        """The digest that a registry knows for a reference; None if none knows it."""
        tagged = ImageRef.parse(ref).tagged
        if tagged not in self._registry:
            return None
        text = f"registered {tagged}#{self._revisions.get(tagged, 0)}"
        return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"

    def on_nodes(self, ref: str) -> ImageConfig | None:
        """What the nodes of a Swarm have under a reference, which may be pinned: all have what is here or in a registry."""
        name = ref.partition("@")[0]
        found = self.get(name)
        return found[1] if found else self._registry.get(ImageRef.parse(name).tagged)

    def build(self, ref: str, fingerprint: str = "") -> None:
        tagged = ImageRef.parse(ref).tagged
        if tagged in self._unbuildable:
            raise EngineError(f"the build of {ref} failed")
        known = self._here.get(tagged)
        config = known[1] if known else self._registry.get(tagged, ImageConfig())
        id_ = self._put(tagged, config, fingerprint)
        if fingerprint:
            self.built[id_] = BuiltImage(fingerprint)

    def remove(self, image_id: str) -> None:
        """Remove an image without a tag by its id, or a tag."""
        if not image_id.startswith("sha256:"):
            self._here.pop(ImageRef.parse(image_id).tagged, None)
            return
        if any(image_id == found for found, _ in self._here.values()):
            raise EngineError(f"the image {image_id} has a tag")
        self._untagged.discard(image_id)

    def save(self, refs: Sequence[str]) -> bytes:
        """The archive of images. It has the layout of `docker save`: a manifest that names the configuration and the tags of each."""
        manifest, files = [], {}
        for ref in refs:
            found = self.get(ref)
            if found is None:
                raise EngineError(f"reference does not exist: {ref}")
            name = f"{found[0].removeprefix('sha256:')}.json"
            files[name] = msgspec.json.encode(found[1])
            tags = None if ref == found[0] else [ImageRef.parse(ref).tagged]
            manifest.append({"Config": name, "RepoTags": tags, "Layers": []})
        files["manifest.json"] = msgspec.json.encode(manifest)
        written = io.BytesIO()
        with tarfile.open(fileobj=written, mode="w") as archive:
            for name, data in files.items():
                member = tarfile.TarInfo(name)
                member.size = len(data)
                archive.addfile(member, io.BytesIO(data))
        return written.getvalue()

    def load(self, archive: bytes) -> None:
        with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
            files = {each.name: file.read() for each in tar.getmembers() if (file := tar.extractfile(each))}
        for image in msgspec.json.decode(files["manifest.json"]):
            id_ = f"sha256:{image['Config'].removesuffix('.json')}"
            config = msgspec.json.decode(files[image["Config"]], type=ImageConfig)
            for tagged in image["RepoTags"] or ():
                if tagged in self._here and self._here[tagged][0] != id_:
                    self._untagged.add(self._here[tagged][0])
                self._here[tagged] = (id_, config)
            self._untagged.discard(id_)

    def _put(self, tagged: str, config: ImageConfig, fingerprint: str = "") -> str:
        source = f"{tagged}#{self._revisions.get(tagged, 0)}{fingerprint}"
        digest = hashlib.sha256(source.encode()).hexdigest()
        if tagged in self._here:
            self._untagged.add(self._here[tagged][0])
        self._here[tagged] = (f"sha256:{digest}", config)
        self._untagged.discard(f"sha256:{digest}")
        return f"sha256:{digest}"
