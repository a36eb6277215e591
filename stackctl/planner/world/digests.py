"""Digests that tell whether a definition changed. Labels keep them; only a comparison computes them."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Mapping
from typing import Any

from stackctl.secret import Secret

_DIGEST_VERSION = "1"
_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode


def field_digests(definition: Mapping[str, Any]) -> dict[str, str]:
    """One short digest per field of a definition; the values are plain JSON."""
    return {name: _sha256(value)[:8] for name, value in sorted(definition.items())}


def digest(definition: Mapping[str, Any]) -> str:
    """The digest of a whole definition. It changes only when a field does, or the rules of digesting."""
    return _sha256([_DIGEST_VERSION, sorted(definition.items())])[:32]


@functools.lru_cache(maxsize=256)
def content_digest(content: Secret, instance: str) -> str:
    """The digest of the content of a secret or config, salted with the instance of the project.

    It stands in labels, and whoever reads labels may try many passwords. scrypt makes each try cost about 10 ms of a
    processor (n = 2^12, r = 8: 4 MiB of memory), and so a secret adds these 10 ms to a command.
    """
    data, salt = content.reveal().encode(errors="surrogateescape"), instance.encode()
    return hashlib.scrypt(data, salt=salt, n=1 << 12, r=8, p=1, dklen=16).hex()


def _sha256(value: Any) -> str:
    return hashlib.sha256(_encode(value).encode()).hexdigest()
