"""Programs that are made to be the first process of a container."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath

from stackctl.planner.world.desired import DesiredContainer
from stackctl.planner.world.observed import ImageConfig

INITS = frozenset(
    "catatonit docker-init dumb-init init my_init pid1 runit-init runsvdir s6-overlay-init s6-svscan systemd tini tini-static".split()
)
"""Programs that are made to be PID 1. Another init before them is useless, and some (s6-overlay, systemd) refuse it."""


def brings_init(argv: Sequence[str]) -> bool:
    """Whether the command is an init itself."""
    return bool(argv) and PurePosixPath(argv[0]).name in INITS


def wants_init(spec: DesiredContainer, image: ImageConfig) -> bool:
    """Whether the engine puts its init before the container's command. Without a word about it in the spec it does, unless
    the command is an init itself, or the container lives among the processes of another one, which have their process 1 already.
    """
    if spec.settings.init is not None:
        return spec.settings.init
    if spec.pid:
        return False
    entrypoint = image.entrypoint if spec.entrypoint is None else spec.entrypoint
    # A container with its own entrypoint does not get the image's command.
    command = (image.command if spec.entrypoint is None else ()) if spec.command is None else spec.command
    return not brings_init([*entrypoint, *command])
