"""The named volumes of a stack."""

from collections.abc import Mapping

from msgspec import Struct

from stackctl.spec.model.keys import Check, external_has_no_settings, key, pair
from stackctl.spec.structure import Annotated
from stackctl.spec.text.parts import Text


class Volume(Struct, frozen=True, kw_only=True):
    """A named volume of the stack: data that outlives its containers."""

    name: Annotated[str | None, key("Its name, instead of PROJECT_KEY.")] = None
    external: Annotated[bool, key("It exists already and is neither created nor removed.")] = False
    driver: Annotated[str | None, key("The volume driver (local).")] = None
    driver_opts: Annotated[Mapping[str, Text], key("Options of the driver.")] = {}
    labels: Annotated[Mapping[str, Text], key("Labels of the volume.", listed=pair())] = {}
    protect: Annotated[bool, key("`down --volumes` leaves it alone.", own=True)] = False

    sticky: Annotated[
        bool,
        key(
            "On a Swarm: its services stay on the node where it was made first. A local volume has its data on one node.",
            own=True,
        ),
    ] = False

    def check(self) -> Check:
        if self.external:
            yield from external_has_no_settings(self, "volume")
