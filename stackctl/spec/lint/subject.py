"""A stack as the rules look at it."""

from collections.abc import Mapping, Sequence
from functools import cached_property

from msgspec import Struct

from stackctl.spec.graph import Walk
from stackctl.spec.lint.circles import dependencies
from stackctl.spec.lint.members import Member
from stackctl.spec.lint.uses import Use, uses
from stackctl.spec.model import Stack


class Subject(Struct, frozen=True, dict=True):
    """A stack. What several rules ask about it is found out once."""

    stack: Stack

    @cached_property
    def members(self) -> Sequence[Member]:
        """Its services, then its jobs."""
        services = (Member(("services", name), name, each) for name, each in self.stack.services.items())
        jobs = (Member(("jobs", name), name, each) for name, each in self.stack.jobs.items())
        return (*services, *jobs)

    @cached_property
    def uses(self) -> Mapping[str, Sequence[Use]]:
        """The hosts that the values of each service and job name."""
        return {member.name: tuple(uses(member)) for member in self.members}

    @cached_property
    def owners(self) -> Mapping[str, Member]:
        """The services by the names under which others find them, in lower case."""
        return {
            host: member for member in self.members if member.path[0] == "services" for host in member.hosts
        }

    @cached_property
    def dependencies(self) -> Walk:
        """What each service and job directly waits for."""
        return dependencies(self.stack)
