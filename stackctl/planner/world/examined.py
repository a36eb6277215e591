"""What an engine says about itself when it is examined."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct


class Pool(Struct, frozen=True):
    """Addresses of which the engine makes the subnets of networks: `base` is cut into subnets with a prefix of `size` bits."""

    base: str
    size: int


USUAL_POOLS = (
    Pool("172.17.0.0/16", 16),
    Pool("172.18.0.0/16", 16),
    Pool("172.19.0.0/16", 16),
    Pool("172.20.0.0/14", 16),
    Pool("172.24.0.0/14", 16),
    Pool("172.28.0.0/14", 16),
    Pool("192.168.0.0/16", 20),
)
"""Those of an engine without a setting (moby, libnetwork/ipamutils)."""


class ExaminedEngine(Struct, frozen=True, kw_only=True):
    """`root` is the directory of its data, "" if it does not say. `proxies` are the names of its settings that have a value."""

    root: str = ""
    warnings: tuple[str, ...] = ()
    proxies: tuple[str, ...] = ()
    pools: tuple[Pool, ...] = ()
    """None are known of Podman."""
    subnets: tuple[str, ...] = ()
    """Those of all its networks."""
    usage: Mapping[str, int] | None = None
    """Bytes of images, containers, volumes and the build cache; None if nobody has counted them."""
