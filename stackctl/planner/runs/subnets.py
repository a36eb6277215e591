"""Small subnets for the networks of isolated stacks.

An engine gives each network a large subnet of its own pools, and these end after about 31 networks (moby/moby#23971). So a network
of an isolated stack takes a small one from another pool. Which one is decided when the network is made: nothing remembers it, and
it does not count for the digest of the network.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping
from ipaddress import IPv4Network, IPv6Network, ip_network

from stackctl.errors import UsageError

VARIABLE = "STACKCTL_SUBNETS"
"""The environment variable that names the pool, or is `engine`: then the engine chooses as for any network."""
_USUAL = "10.223.0.0/16"
"""No engine hands this range out unless it is told to (moby: libnetwork/ipamutils)."""
_ENGINE = ("engine", "off")
_SMALL = 27
"""The usual prefix: 32 addresses, of which 29 are for containers."""
_TAKEN = 3
"""The addresses of a subnet that no container gets: the network's, the gateway's, the broadcast address."""
_SPARE = 8
"""Addresses for one-off containers, and for those that replace others."""


def pool_of(environ: Mapping[str, str]) -> str:
    """The pool for `Stack.subnets`; "" if the engine is to choose. Raises UsageError for what is no pool."""
    text = environ.get(VARIABLE, "") or _USUAL
    if text in _ENGINE:
        return ""
    try:
        pool = ip_network(text)
    except ValueError as error:
        raise UsageError(f"{VARIABLE}: {error}", f'write a range such as {_USUAL}, or "engine"') from error
    if pool.version != 4 or pool.prefixlen > _SMALL:
        raise UsageError(
            f"{VARIABLE}: {text} holds no subnet of /{_SMALL}",
            f"write a larger range of IPv4, such as {_USUAL}",
        )
    return text


def prefix_for(containers: int) -> int:
    """The prefix of the smallest subnet in which that many containers and some more have room, at most 27."""
    return min(_SMALL, 32 - (containers + _SPARE + _TAKEN - 1).bit_length())


def candidates(pool: str, prefix: int, seed: str, taken: Collection[IPv4Network]) -> Iterator[IPv4Network]:
    """Every subnet of the pool that overlaps none of `taken`, in an order that depends on the seed: two runs that choose at the same
    moment rarely begin with the same one. `taken` may grow meanwhile.
    """
    whole = ip_network(pool)
    assert isinstance(whole, IPv4Network)
    count, size = (1 << prefix) >> whole.prefixlen, 1 << (32 - prefix)
    drawn = hashlib.sha256(seed.encode()).digest()
    start, step = int.from_bytes(drawn[:8]), int.from_bytes(drawn[8:16]) | 1
    first = int(whole.network_address)
    for turn in range(count):  # an odd step meets each of 2^n numbers once
        subnet = IPv4Network((first + (start + turn * step) % count * size, prefix))
        if not any(subnet.overlaps(other) for other in taken):
            yield subnet


def unique_local(seed: str) -> IPv6Network:
    """A subnet of IPv6 that nobody else has: a unique local address with 40 bits from the seed (RFC 4193)."""
    drawn = hashlib.sha256(f"ipv6 {seed}".encode()).digest()[:7]
    return IPv6Network((b"\xfd" + drawn + bytes(8), 64))
