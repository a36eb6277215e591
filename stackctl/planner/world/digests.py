"""Digests that tell whether a definition changed. Labels keep them; only a comparison computes them."""

from __future__ import annotations

import functools
import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from stackctl.secret import Secret
from stackctl.spec.output.redact import in_clear

_DIGEST_VERSION = "1"
_DIGESTED = ("secrets.", "configs.")
"""Fields that hold a digest already."""
_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode


def field_digests(definition: Mapping[str, Any]) -> dict[str, str]:
    """One short digest per field of a definition; the values are plain JSON."""
    return {name: _sha256(value)[:8] for name, value in sorted(definition.items())}


def digest(definition: Mapping[str, Any]) -> str:
    """The digest of a whole definition. It changes only when a field does, or the rules of digesting."""
    return _sha256([_DIGEST_VERSION, sorted(definition.items())])[:32]


@functools.lru_cache(maxsize=256)
def content_digest(content: Secret, instance: str) -> str:
    """The digest of a secret, or of the content of a config, salted with the instance of the project.

    It stands in labels, and whoever reads labels may try many passwords. scrypt makes each try cost about 10 ms of a
    processor (n = 2^12, r = 8: 4 MiB of memory), and so a secret adds these 10 ms to a command.
    """
    data, salt = content.reveal().encode(errors="surrogateescape"), instance.encode()
    return hashlib.scrypt(data, salt=salt, n=1 << 12, r=8, p=1, dklen=16).hex()


def hidden(definition: Mapping[str, Any], instance: str) -> dict[str, Any]:
    """The definition with a digest, that of `content_digest`, in the place of each secret. So its own digests tell nobody more."""
    return {name: _hidden(name, value, instance) for name, value in definition.items()}


def _hidden(name: str, value: Any, instance: str) -> Any:
    if name.startswith(_DIGESTED):
        return value
    found = sorted({*in_clear(value, name)}, key=len, reverse=True)
    return (
        _replaced(value, {secret: content_digest(Secret(secret), instance) for secret in found})
        if found
        else value
    )


def _replaced(value: Any, by: Mapping[str, str]) -> Any:
    match value:
        case dict():
            return {key: _replaced(item, by) for key, item in value.items()}
        case list() | tuple():
            return [_replaced(item, by) for item in value]
        case str():
            return re.sub("|".join(map(re.escape, by)), lambda secret: f"\0{by[secret[0]]}\0", value)
    return value


def _sha256(value: Any) -> str:
    return hashlib.sha256(_encode(value).encode()).hexdigest()
