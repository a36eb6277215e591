"""The view: what should be there beside what is there. It is made once from a snapshot; everything that decides or shows reads
it.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct
from msgspec.structs import replace

from stackctl.planner.view.placing import slots
from stackctl.planner.view.slots import Slots, UpOptions
from stackctl.planner.world.adopting import adopted
from stackctl.planner.world.desired import Desired
from stackctl.planner.world.numbering import renumbered
from stackctl.planner.world.observed import ImageConfig, Observed


class View(Struct, frozen=True):
    """One snapshot, and what becomes of every container in it. Images, checks, plan and status all read this."""

    desired: Desired
    """What should be there, with the numbers that the containers have on the engine."""
    observed: Observed
    options: UpOptions
    slots: Slots

    @classmethod
    def of(cls, desired: Desired, observed: Observed, options: UpOptions | None = None) -> View:
        options = options or UpOptions()
        if options.adopt:
            observed = adopted(desired, observed)
        desired = renumbered(desired, observed)
        return cls(desired, observed, options, slots(desired, observed, options))

    def with_configs(self, configs: Mapping[str, ImageConfig]) -> View:
        """The same view, with what containers inherit from images. No slot depends on that."""
        return replace(self, observed=replace(self.observed, configs=configs))
