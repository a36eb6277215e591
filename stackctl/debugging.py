"""Look around beside a service: a one-off that shares what the service's container has."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from stackctl.engine.execute import Cancel
from stackctl.engine.protocol import Engine
from stackctl.errors import EngineError
from stackctl.one_off import OneOff
from stackctl.planner.life.debug import SHELL, SHELLS, DebugTarget, debugged, image_with_shell, with_target
from stackctl.planner.life.options import RunOptions
from stackctl.planner.steps.plan import Plan
from stackctl.planner.world.containers import containers_of, of_project, with_number
from stackctl.planner.world.desired import Desired
from stackctl.planner.world.matching import image_id
from stackctl.planner.world.naming import Naming
from stackctl.planner.world.observed import Observed, ObservedContainer
from stackctl.project import Events, Waiting
from stackctl.real import monotonic
from stackctl.spec.model import Stack
from stackctl.spec.selection import Selection


class Beside(Struct, frozen=True, kw_only=True):
    """Where a person looks around: the image of the one-off and its shell, and the container beside which it is; None if there is none.
    `borrowed`: the image is not that of the service, which has no shell.
    """

    image: str
    shell: str = SHELL
    target: DebugTarget | None = None
    borrowed: bool = False


def place(
    stack: Stack,
    engine: Engine,
    service: str,
    *,
    index: int | None = None,
    image: str | None = None,
    pull: bool = False,
) -> Beside:
    """Where to look into a service: beside its container that runs, else with what its last container had. Without `image`: in its own
    image if that has a shell, else in one that is here and has one. `pull`: the image may be pulled later.

    Raises UsageError for an unknown service, EngineError if the image is not here, or if no image here has a shell.
    """
    observed = engine.observe(stack.project)
    if image is not None and not pull and not image_id(observed, image):
        raise EngineError(f"image {image} is not here", "--pull pulls it")
    mine = of_project(observed.containers, stack.project)
    found = with_number(containers_of(mine, stack.project, [service], stack.everything), index)
    container = next((each for each in found if each.state == "running"), found[0] if found else None)
    if container is None:
        own = Naming(stack, "").image(service)
        if image is None and not image_id(observed, own):
            raise EngineError(
                f"{service} has no container, and its image {own} is not here",
                f"stackctl up {service}, or --image IMAGE",
            )
        return Beside(image=image or own)
    target = DebugTarget(container=engine.inspect(container.id))
    if image is not None:
        return Beside(image=image, target=target)
    if shell := _shell(engine, container):
        return Beside(image=_image(container, observed), shell=shell, target=target)
    others = (_image(each, observed) for each in mine if _shell(engine, each))
    borrowed = image_with_shell(observed.images) or next(others, None)
    if borrowed is None:
        raise EngineError(
            f"the image of {service} has no shell, and no other image that is here is known to have one",
            "docker pull busybox, or --image IMAGE --pull",
        )
    return Beside(image=borrowed, target=target, borrowed=True)


def _shell(engine: Engine, container: ObservedContainer) -> str | None:
    """The shell that a container's image has; None if it has none."""
    return next((shell for shell in SHELLS if engine.path(container.id, shell)), None)


def _image(container: ObservedContainer, observed: Observed) -> str:
    """The image of a container, by its reference if that still leads to it, else by its id."""
    same = observed.images.get(container.image) == container.image_id
    return container.image if same else container.image_id


class Debugging(OneOff):
    """A one-off beside a container: in its network and process namespaces if it runs, with its volumes."""

    def __init__(
        self,
        stack: Stack,
        engine: Engine,
        service: str,
        options: RunOptions,
        *,
        place: Beside,
        lock_timeout: float = 60.0,
        waiting: Waiting | None = None,
    ) -> None:
        super().__init__(
            debugged(stack, service, place.image, place.target),
            engine,
            service,
            options,
            lock_timeout=lock_timeout,
            waiting=waiting,
        )
        self._target = place.target

    def desired_and_observed(
        self, selection: Selection, *, strangers: bool = True
    ) -> tuple[Desired, Observed]:
        """As it is, with what the one-off shares."""
        desired, observed = super().desired_and_observed(selection, strangers=strangers)
        if self._target is None:
            return desired, observed
        desired = with_target(desired, self._target)
        self._made = desired.containers[-1]
        return desired, observed

    def _do_locked(
        self,
        decide: Callable[[], Plan | None],
        cancel: Cancel | None,
        *,
        again: Callable[[], Plan | None] | None = None,
    ) -> Events:
        """Beside a container that is there nothing but the one-off is made, so no other run is waited for: a person may look
        around while `up` waits for the service.
        """
        if self._target is None:
            yield from super()._do_locked(decide, cancel, again=again)
        elif plan := decide():
            yield from self._do_settled(plan, cancel, monotonic(), again or decide)
