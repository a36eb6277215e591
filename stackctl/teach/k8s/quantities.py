"""Amounts as Kubernetes writes them."""

from __future__ import annotations

from stackctl.spec.values import ByteSize, Cpus


def memory(size: ByteSize) -> str:
    """`512Mi`: the size in the largest unit that gives a whole number."""
    power = next((power for power in (4, 3, 2, 1) if size.bytes and not size.bytes % 1024**power), 0)
    return f"{size.bytes // 1024**power}{('', 'Ki', 'Mi', 'Gi', 'Ti')[power]}"


def processors(cpus: Cpus) -> str:
    """`2`, `500m`: rounded up to a thousandth, the smallest part that Kubernetes knows."""
    thousandths = -(-cpus.nano // 1_000_000)
    return f"{thousandths}m" if thousandths % 1000 else str(thousandths // 1000)
