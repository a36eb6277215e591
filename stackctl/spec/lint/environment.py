"""Rules about environment variables."""

from collections.abc import Iterator, Sequence

from stackctl.errors import Problem
from stackctl.spec.known import KnownImage
from stackctl.spec.lint.members import Member, members
from stackctl.spec.model import Stack
from stackctl.spelling import Neighbours, misspelt

_SHORTEST_PART = 5
"""Names of the application's own variables are compared from this length on: in short ones a letter makes another word."""
_MOST_NAMES = 2000
"""Services of one image that differ in more names are not compared: that is a list of settings, not a slip of the pen."""


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
    programs: dict[str, list[Member]] = {}
    for member in members(stack):
        programs.setdefault(_program(member), []).append(member)
        known = member.server
        if known and known.variables:
            for name in member.service.resolved.keys() - known.variables:
                if meant := sorted(each for each in known.variables if misspelt(name, each)):
                    yield Problem(
                        member.variable(name),
                        f"{name} means nothing to {known.name}",
                        f"did you mean {meant[0]}?",
                    )
    for those in programs.values():
        yield from _unlike_siblings(those)


def _unlike_siblings(those: Sequence[Member]) -> Iterator[Problem]:
    """Each variable that another one lacks, if the other one has one of nearly the same name that the member lacks.

    `those` run the same program; those whose image is known are only compared with.
    """
    holders: dict[str, list[Member]] = {}
    for member in those:
        for name in member.service.resolved:
            holders.setdefault(name, []).append(member)
    differing = [name for name, found in holders.items() if len(found) < len(those)]
    if not 1 < len(differing) <= _MOST_NAMES:
        return
    neighbours = Neighbours(differing)
    near = {
        name: sorted(o for o in neighbours.of(name) if misspelt(name, o, _SHORTEST_PART))
        for name in differing
    }
    for name, others in near.items():
        # Whoever has the name, and who has the other one instead.
        instead = {o: next((m for m in holders[o] if name not in m.service.resolved), None) for o in others}
        for member in holders[name]:
            own = member.service.resolved
            meant = next((o for o, sibling in instead.items() if sibling and o not in own), None)
            if meant and not member.server and (sibling := instead[meant]):
                yield Problem(
                    member.variable(name),
                    f"{sibling.name} runs the same image and calls it {meant}",
                    f"did you mean {meant}?",
                )


def _program(member: Member) -> str:
    """What a service runs: two of them run the same if these texts are equal."""
    build = member.service.build
    if build is None:
        return f"image {member.service.image}"
    return str(
        (build.context, build.dockerfile, build.target, {n: str(arg.text) for n, arg in build.args.items()})
    )


def _brings_data(stack: Stack, member: Member, known: KnownImage) -> bool:
    """Whether the data may have been set up before: it lies on an external volume."""
    paths = known.data_paths(member.service.resolved, member.command)
    sources = [mount.source or "" for mount in member.service.volumes if mount.target in paths]
    return any(name in stack.volumes and stack.volumes[name].external for name in sources)
