"""Digests that tell whether a definition changed. Labels keep them; only a comparison computes them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

_DIGEST_VERSION = "1"
_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode


def field_digests(definition: Mapping[str, Any]) -> dict[str, str]:
    """One short digest per field of a definition; the values are plain JSON."""
    return {name: _sha256(value)[:8] for name, value in sorted(definition.items())}


def digest(definition: Mapping[str, Any]) -> str:
    """The digest of a whole definition. It changes only when a field does, or the rules of digesting."""
    return _sha256([_DIGEST_VERSION, sorted(definition.items())])[:32]


def _sha256(value: Any) -> str:
    return hashlib.sha256(_encode(value).encode()).hexdigest()
