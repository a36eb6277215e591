"""References of images, taken apart as distribution/reference has them: `[REGISTRY/]REPOSITORY[:TAG][@DIGEST]`."""

import functools
import re
from typing import Self

from msgspec import Struct

_GRAMMAR = re.compile(r"[\w./-]+(:\d+/[\w./-]+)?(:[\w.-]{1,128})?(@\w+:\w+)?", re.ASCII)
"""As far as it matters here."""


class ImageRef(Struct, frozen=True):
    """A reference in its parts; "" for one that is not given."""

    registry: str
    """With a port, if it has one: `localhost:5000`. Docker Hub's is left out as people leave it out."""
    repository: str
    """Without the `library/` of Docker Hub's own images."""
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
        """Without tag and digest."""
        return f"{self.registry}/{self.repository}" if self.registry else self.repository

    @property
    def familiar(self) -> str:
        """As people write it: `docker.io/library/redis:7` is `redis:7`."""
        return self.name + (f":{self.tag}" if self.tag else "") + (f"@{self.digest}" if self.digest else "")

    @property
    def tagged(self) -> str:
        """With the tag it implies: `redis` is `redis:latest`."""
        return self.familiar if self.tag or self.digest else f"{self.name}:latest"


def _is_registry(part: str) -> bool:
    return "." in part or ":" in part or part == "localhost"


def is_reference(text: str) -> bool:
    """Whether a text can be the reference of an image."""
    return bool(_GRAMMAR.fullmatch(text))
