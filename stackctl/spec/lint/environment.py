"""Rules about environment variables."""

from collections.abc import Iterator

from stackctl.errors import Problem
from stackctl.spec.known import KnownImage
from stackctl.spec.lint.members import Member, members
from stackctl.spec.lint.words import misspelt
from stackctl.spec.model import Stack

_SHORTEST_PART = 5
"""Names of the application's own variables are compared from this length on: in short ones a letter makes another word."""


def missing_variables(stack: Stack) -> Iterator[Problem]:
    """An image refuses to start without a variable that is not set, such as `POSTGRES_PASSWORD`.

    `docker run -d` prints an id and ends with 0 all the same; the container dies a moment later. Nothing is said of a
    service whose data lies on an external volume: what is there was set up before.

    Fix: set the variable, best as `"${NAME}"` with the value in `.env`, which git does not see.
    """
    for member in members(stack):
        known = member.server
        if not known or _brings_data(stack, member, known):
            continue
        for first, *others in known.missing(member.service.resolved):
            yield Problem(
                member.path,
                f"{known.name} refuses to start without {first}; "
                "docker run -d would still have printed an id and returned 0",
                f"set {first}" + (f", or one of {', '.join(others)}" if others else ""),
            )


def misspelt_variables(stack: Stack) -> Iterator[Problem]:
    """A variable's name is a letter or two away from one that the image reads, or that the same image is given elsewhere.

    Images ignore what they do not know: the setting would silently not be there.

    Fix: correct the name.
    """
    everyone = [*members(stack)]
    for member in everyone:
        known = member.server
        if known and known.variables:
            for name in member.service.resolved:
                meant = sorted(each for each in known.variables if misspelt(name, each))
                if meant and name not in known.variables:
                    yield Problem(
                        member.variable(name),
                        f"{name} means nothing to {known.name}",
                        f"did you mean {meant[0]}?",
                    )
        elif not known:
            yield from _unlike_siblings(member, [each for each in everyone if _same_program(each, member)])


def _unlike_siblings(member: Member, siblings: list[Member]) -> Iterator[Problem]:
    """Each variable that a sibling lacks, if the sibling has one of nearly the same name that the member lacks."""
    own = member.service.resolved
    told: set[str] = set()
    for sibling in siblings:
        theirs = sibling.service.resolved
        for name in sorted(own.keys() - theirs.keys() - told):
            meant = sorted(
                each for each in theirs.keys() - own.keys() if misspelt(name, each, _SHORTEST_PART)
            )
            if meant:
                told.add(name)
                yield Problem(
                    member.variable(name),
                    f"{sibling.name} runs the same image and calls it {meant[0]}",
                    f"did you mean {meant[0]}?",
                )


def _same_program(one: Member, other: Member) -> bool:
    if one.name == other.name:
        return False
    if one.service.build or other.service.build:
        return one.service.build == other.service.build
    return one.service.image == other.service.image


def _brings_data(stack: Stack, member: Member, known: KnownImage) -> bool:
    """Whether the data may have been set up before: it lies on an external volume."""
    paths = known.data_paths(member.service.resolved, member.command)
    sources = [mount.source or "" for mount in member.service.volumes if mount.target in paths]
    return any(name in stack.volumes and stack.volumes[name].external for name in sources)
