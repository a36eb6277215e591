"""A stack with other numbers of containers than its files say."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import structs

from stackctl.errors import UsageError
from stackctl.spec.model import Deploy, Stack
from stackctl.spelling import did_you_mean


def scaled(stack: Stack, counts: Mapping[str, int]) -> Stack:
    """The stack, with so many containers of these services.

    Raises UsageError for a name that is no service, and for a number below 0.
    """
    if not counts:
        return stack
    services = dict(stack.services)
    for name, count in counts.items():
        if name in stack.jobs:
            raise UsageError(f"{name} is a job, which runs once: it has one container", "scale a service")
        if name not in services:
            there = f"there are: {', '.join(services)}" if services else ""
            raise UsageError(f"no service is called {name!r}", did_you_mean(name, services, there))
        if count < 0:
            raise UsageError(f"{name} cannot have {count} containers", "give 0 or more")
        services[name] = structs.replace(
            services[name], scale=count, deploy=_agreeing(services[name].deploy, count)
        )
    return structs.replace(stack, services=services)


def _agreeing(deploy: Deploy | None, count: int) -> Deploy | None:
    return structs.replace(deploy, replicas=count) if deploy else None


def one_each(stack: Stack) -> Stack:
    """The stack with one container of each service: for what tells about services, not about containers."""
    return scaled(stack, {name: 1 for name, each in stack.services.items() if each.replicas != 1})
