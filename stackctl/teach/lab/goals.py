"""What should work in the end, and whether a stack makes it work. Nothing is compared with the text of a file: each right way counts.

A goal finds its services by their images, so a service may have another name. It asks what containers get: variables, mounts,
ports, networks, and for whom they wait.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import StrEnum
from pathlib import PurePosixPath

from msgspec import Struct

from stackctl.spec.image_ref import ImageRef
from stackctl.spec.lint.logins import raw_passwords, wrong_logins
from stackctl.spec.lint.members import Member
from stackctl.spec.lint.subject import Subject
from stackctl.spec.model import Condition, Mount, Service
from stackctl.spec.text.hosts import addresses
from stackctl.teach.lab.labs import API_PORT, COMMAND, NOTES, Lab
from stackctl.teach.lab.variation import Variation

_WILDCARD = ("0.0.0.0", "::", "")  # noqa: S104
_WEB_PORT = 80


class Sight(StrEnum):
    """What the stack alone tells of a goal."""

    whole = "whole"
    broken = "broken"
    unknown = "unknown"
    """Only the running stack can tell."""


def _sight(holds: object) -> Sight:
    return Sight.whole if holds else Sight.broken


class Goal(Struct, frozen=True):
    """`key` says which probe of the running stack tells the same; `text` is for people."""

    key: str
    text: str
    look: Callable[[Subject], Sight]


def goals(lab: Lab, names: Variation) -> tuple[Goal, ...]:
    """What should work in a lab, in the order in which it is told."""
    return tuple(_goals(lab, names))


def _goals(lab: Lab, names: Variation) -> Iterator[Goal]:
    api, db, cache, migrate = names.api, names.db, names.cache, names.migrate
    variable = "DATABASE_URL" if lab.url else ""
    front = names.web if "web" in lab.parts else api
    if "db" in lab.parts:
        yield Goal("starts", f"{db} starts: it is told all that it needs", _starts)
        yield Goal("rows", f"{api} reads and writes rows in {db}", lambda each: _reaches_db(each, variable))
    if "cache" in lab.parts:
        yield Goal(
            "visits", f"{api} counts visits in {cache}", lambda each: _reaches(each, "redis", "CACHE_URL")
        )
    if "migrate" in lab.parts:
        yield Goal(
            "tables", f"{migrate} starts only when {db} answers", lambda each: _waits(each, "job", "postgres")
        )
        yield Goal(
            "order",
            f"{api} starts only after {migrate} has ended well",
            lambda each: _waits(each, "python", "job"),
        )
    elif "db" in lab.parts:
        yield Goal(
            "order", f"{api} starts only when {db} answers", lambda each: _waits(each, "python", "postgres")
        )
    if "cache" in lab.parts:
        yield Goal(
            "cache order",
            f"{api} starts only when {cache} answers",
            lambda each: _waits(each, "python", "redis"),
        )
    yield Goal("title", f'the page has the title "{names.title}"', lambda each: _says(each, names.title))
    yield Goal("listens", f"{api} listens to others, not only to itself", _listens)
    yield Goal(
        "page",
        f"http://localhost:{names.port} leads to {front} alone",
        lambda each: _published(each, "nginx" if "web" in lab.parts else "python", names.port),
    )
    if "db" in lab.parts:
        yield Goal(
            "kept rows",
            f"the rows of {db} are there after down and up",
            lambda each: _keeps(each, "postgres"),
        )
    if "notes" in lab.parts:
        yield Goal(
            "kept notes",
            f"the notes of {api} are there after down and up",
            lambda each: _keeps(each, "python"),
        )
        yield Goal(
            "kept visits",
            f"the visits in {cache} are there after down and up",
            lambda each: _keeps(each, "redis"),
        )


# Roles


def members(subject: Subject, role: str) -> list[Member]:
    """The services with an image, `python` for one; or the jobs, with the role `job`."""
    if role == "job":
        return [each for each in subject.members if each.path[0] == "jobs"]
    return [each for each in subject.members if each.path[0] == "services" and _image(each.service) == role]


def _image(service: Service) -> str:
    return PurePosixPath(ImageRef.parse(service.image).repository).name if service.image else ""


def _one(subject: Subject, role: str) -> Member | None:
    found = members(subject, role)
    return found[0] if len(found) == 1 else None


def _command_as_given(member: Member) -> bool:
    return member.command == tuple(COMMAND) and member.entrypoint is None


# What holds


def _starts(subject: Subject) -> Sight:
    db = _one(subject, "postgres")
    if db is None or db.server is None:
        return Sight.unknown if db else Sight.broken
    return _sight(not db.server.missing(db.service.resolved))


def _reaches_db(subject: Subject, variable: str) -> Sight:
    if variable:
        return _reaches(subject, "postgres", variable)
    api, db = _one(subject, "python"), _one(subject, "postgres")
    if api is None or db is None or db.connection is None:
        return Sight.broken
    given, told = api.service.resolved, db.connection
    owner = subject.owners.get((given.get("PGHOST") or "").lower())
    same = (
        given.get("PGUSER", "postgres") == told.user
        and given.get("PGPASSWORD") == (told.password.reveal() if told.password else "")
        and given.get("PGDATABASE", given.get("PGUSER", "postgres")) == told.database
    )
    return _sight(owner is db and same and _together(subject, api, db))


def _reaches(subject: Subject, role: str, variable: str) -> Sight:
    api, target = _one(subject, "python"), _one(subject, role)
    if api is None or target is None:
        return Sight.broken
    text = api.service.resolved.get(variable) or ""
    found = next((each for each in addresses(text) if each.scheme), None)
    if found is None or target.connection is None:
        return Sight.broken if not text else Sight.unknown
    host, _, port = found.hosts[0].partition(":")
    if host in api.service.extra_hosts or api.service.network_mode:
        return Sight.unknown
    reached = subject.owners.get(host.lower())
    wrong = [*wrong_logins(subject), *raw_passwords(subject)]
    return _sight(
        reached is target
        and int(port or target.connection.port) == target.connection.port
        and found.scheme in target.server.schemes  # type: ignore[union-attr]
        and _together(subject, api, target)
        and not any(problem.path == api.variable(variable) for problem in wrong)
    )


def _together(subject: Subject, one: Member, other: Member) -> bool:
    """Whether both are in a network that is defined."""
    return any(name == "default" or name in subject.stack.networks for name in one.networks & other.networks)


def _waits(subject: Subject, who: str, other: str) -> Sight:
    """Whether the one starts only when the other is ready, or has ended well. It may wait through a third one."""
    waiting, waited = members(subject, who), members(subject, other)
    if len(waiting) != 1 or len(waited) != 1:
        return Sight.broken
    return _sight(_comes_after(subject, waiting[0].name, waited[0].name, set()))


def _comes_after(subject: Subject, name: str, other: str, seen: set[str]) -> bool:
    everything = subject.stack.everything
    seen.add(name)
    for each in subject.dependencies.graph.get(name, ()):
        dependency = everything[name].depends_on.get(each)
        if each == other:
            if dependency is not None and dependency.condition is not Condition.started:
                return True
        elif each not in seen and _comes_after(subject, each, other, seen):
            return True
    return False


def _says(subject: Subject, title: str) -> Sight:
    api = _one(subject, "python")
    if api and not _command_as_given(api):
        return Sight.unknown
    return _sight(api and api.service.resolved.get("TITLE") == title)


def _listens(subject: Subject) -> Sight:
    api = _one(subject, "python")
    if api and (not _command_as_given(api) or api.service.network_mode):
        return Sight.unknown
    return _sight(api and api.service.resolved.get("HOST", "127.0.0.1") in _WILDCARD)


def _published(subject: Subject, role: str, port: int) -> Sight:
    front = _one(subject, role)
    if front is None:
        return Sight.broken
    inside = str(_WEB_PORT)
    if role == "python":
        if not _command_as_given(front):
            return Sight.unknown
        inside = front.service.resolved.get("PORT") or str(API_PORT)
    leads = [
        (member.name, str(each.target))
        for member in subject.members
        for each in member.service.ports
        if each.published and each.protocol == "tcp" and each.published.first <= port <= each.published.last
    ]
    return _sight(leads == [(front.name, inside)])


def _keeps(subject: Subject, role: str) -> Sight:
    member = _one(subject, role)
    if member is None:
        return Sight.broken
    paths: tuple[str, ...] = (member.service.resolved.get("NOTES_DIR") or NOTES,)
    if known := member.server:
        paths = known.data_paths(member.service.resolved, member.command)
        if not paths:
            return Sight.broken  # it is told to keep nothing
    elif role != "python":
        return Sight.unknown
    return _sight(all(_kept(subject, member, path) for path in paths))


def _kept(subject: Subject, member: Member, path: str) -> bool:
    mounts = [each for each in member.service.volumes if _above(each.target, path)]
    hidden = [each.path for each in member.service.tmpfs if _above(each.path, path)]
    if known := member.server:
        mounts = [each for each in mounts if known.holds(each.target, path)]
    nearest = max(mounts, key=lambda each: len(each.target), default=None)
    if nearest is None or any(len(each) > len(nearest.target) for each in hidden):
        return False
    return _stays(subject, nearest)


def _above(mount: str, path: str) -> bool:
    return f"{path.rstrip('/')}/".startswith(f"{mount.rstrip('/')}/")


def _stays(subject: Subject, mount: Mount) -> bool:
    """Whether what is written there is found by the next container."""
    if mount.read_only or mount.type == "tmpfs":
        return False
    return mount.type == "bind" or (mount.source in subject.stack.volumes)


def look(asked: tuple[Goal, ...], subject: Subject) -> dict[str, Sight]:
    """What a stack tells of each goal."""
    return {goal.key: goal.look(subject) for goal in asked}
