"""Take references of images apart, by the grammar of distribution/reference: `[REGISTRY/]REPOSITORY[:TAG][@DIGEST]`."""

import functools
import re
from typing import Self

from msgspec import Struct

_GRAMMAR = r"(?a)[\w./-]+(:\d+/[\w./-]+)?(:[\w.-]{1,128})?(@\w+:\w+)?"
"""A simpler form of the grammar, which is enough here."""


class ImageRef(Struct, frozen=True):
    """The parts of a reference; "" for a part that is not given."""

    registry: str
    """The registry, with its port: `localhost:5000`. Docker Hub is left out, as people leave it out."""
    repository: str
    """The repository, without the `library/` of Docker Hub's official images."""
    tag: str
    digest: str

    @classmethod
    @functools.lru_cache(maxsize=1024)
    def parse(cls, text: str) -> Self:
        rest, _, digest = text.partition("@")
        head, slash, last = rest.rpartition("/")
        last, _, tag = last.partition(":")
        first, between, path = f"{head}{slash}{last}".partition("/")
        registry, repository = (
            (first, path) if between and _is_registry(first) else ("", f"{first}{between}{path}")
        )
        if registry in ("", "docker.io"):
            registry, repository = "", repository.removeprefix("library/")
        return cls(registry, repository, tag, digest)

    @property
    def name(self) -> str:
        """The reference without tag and digest."""
        return f"{self.registry}/{self.repository}" if self.registry else self.repository

    @property
    def familiar(self) -> str:
        """The reference as people write it: `docker.io/library/redis:7` is `redis:7`."""
        return self.name + (f":{self.tag}" if self.tag else "") + (f"@{self.digest}" if self.digest else "")

    @property
    def tagged(self) -> str:
        """The reference with the tag that it implies: `redis` is `redis:latest`."""
        return self.familiar if self.tag or self.digest else f"{self.name}:latest"


def _is_registry(part: str) -> bool:
    return "." in part or ":" in part or part == "localhost"


def is_reference(text: str) -> bool:
    """Whether a text can be the reference of an image."""
    return bool(re.fullmatch(_GRAMMAR, text))
