"""Rules about environment variables."""

from collections.abc import Iterator, Sequence

from stackctl.errors import Problem
from stackctl.spec.known import KnownImage
from stackctl.spec.lint.members import Member
from stackctl.spec.lint.subject import Subject
from stackctl.spec.model import Stack
from stackctl.spelling import Neighbours, misspelt

_SHORTEST_PART = 5
"""Shorter names of an application's variables are not compared: in a short name, another letter makes another word."""
_MOST_NAMES = 2000
"""Services of one image that differ in more names are not compared: so many names are settings, not spelling mistakes."""


def missing_variables(subject: Subject) -> Iterator[Problem]:
    """An image refuses to start without a variable that is not set, such as `POSTGRES_PASSWORD`.

    `docker run -d` still prints an id and ends with 0; the container dies a moment later. A service whose data lie on an
    external volume is not checked: its data were set up before.

    Fix: set the variable. The best way is `"${NAME}"` with the value in `.env`, which git does not track.

    Evidence: measured with postgres:15: two seconds after `docker run -d` the container has exited with 1.
    """
    for member in subject.members:
        known = member.server
        if not known or _brings_data(subject.stack, member, known):
            continue
        for first, *others in known.missing(member.service.resolved):
            yield Problem(
                member.path,
                f"{known.name} refuses to start without {first}; "
                "docker run -d would still print an id and return 0",
                f"set {first}" + (f", or one of {', '.join(others)}" if others else ""),
            )


def misspelt_variables(subject: Subject) -> Iterator[Problem]:
    """A variable's name differs by one or two letters from a variable that the image reads, or that another service sets for
    the same image.

    An image ignores variables that it does not know: the setting would be missing, and nobody would say so.

    Fix: correct the name.

    Evidence: public repositories have `MYSQL_PASSWD` beside `MYSQL_PASSWORD`; the server ignores the first.
    """
    programs: dict[str, list[Member]] = {}
    for member in subject.members:
        programs.setdefault(_program(member), []).append(member)
        known = member.server
        if known and known.variables:
            for name in member.service.resolved.keys() - known.variables:
                if meant := sorted(each for each in known.variables if misspelt(name, each, 1)):
                    yield Problem(
                        member.variable(name),
                        f"{name} means nothing to {known.name}",
                        f"did you mean {meant[0]}?",
                    )
    for those in programs.values():
        yield from _unlike_siblings(those)


def _unlike_siblings(those: Sequence[Member]) -> Iterator[Problem]:
    """A problem for each variable whose name another service of the same program writes in nearly the same way.

    One service has the one name, another has the other name, and none has both. `those` run the same program. A service
    whose image is known has no problems here, but others are compared with it.
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
        # For each similar name: a service that has the similar name but not this one.
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
    """A text for what a service runs: two services run the same program if their texts are equal."""
    build = member.service.build
    if build is None:
        return f"image {member.service.image}"
    return str(
        (build.context, build.dockerfile, build.target, {n: str(arg.text) for n, arg in build.args.items()})
    )


def _brings_data(stack: Stack, member: Member, known: KnownImage) -> bool:
    """Whether the service's data lie on an external volume. Then they may have been set up before."""
    paths = known.data_paths(member.service.resolved, member.command)
    sources = [mount.source or "" for mount in member.service.volumes if mount.target in paths]
    return any(name in stack.volumes and stack.volumes[name].external for name in sources)
