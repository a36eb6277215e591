"""Rules about the order of services."""

from collections.abc import Iterator

from stackctl.errors import Edit, Problem
from stackctl.spec.lint.circles import circles
from stackctl.spec.lint.members import Path
from stackctl.spec.lint.subject import Subject
from stackctl.spec.model import Condition, Service


def circular_dependencies(subject: Subject) -> Iterator[Problem]:
    """Services wait for each other in a circle, so none of them can start.

    A reference such as `${services.db.url}` makes a service wait, too. So does `network_mode = "service:NAME"`.

    Fix: remove one `depends_on`. Most often one of the services can start without the other and try again until it is there.

    Evidence: measured, Compose 5.6.1 refuses it, too: `dependency cycle detected: api -> worker -> api`. A bash script cannot wait for
    both, so it leaves one of the two waits out.
    """
    return circles(subject.stack, subject.dependencies)


def unwaited_services(subject: Subject) -> Iterator[Problem]:
    """A service names another one in a URL or a host variable, but does not wait for it.

    If the service starts too early, it does not find the other one. With `depends_on` it starts once the other is ready. It
    is enough to wait for a service that waits for the other. The rule says nothing if the other service waits for this
    one, or if each names the other: one of them must start first.

    Fix: add the name to `depends_on`, or write the URL as `${services.NAME.url}`, which implies it.

    Evidence: 70 URLs and 23 host variables in 56 public compose files name a service that is not waited for.
    """
    everything = subject.stack.everything
    reached = subject.dependencies.reached()
    used: dict[str, dict[str, tuple[Path, str]]] = {}
    for member in subject.members:
        for use in subject.uses[member.name]:
            if (owner := subject.owners.get(use.host)) and owner.name != member.name:
                used.setdefault(member.name, {}).setdefault(owner.name, (use.path, use.source))
    for name, others in used.items():
        for other, (path, source) in others.items():
            mutual = name in used.get(other, {}) or reached(other, name)
            if mutual or reached(name, other) or not _always_with(everything[name], everything[other]):
                continue
            yield Problem(
                path,
                f"{name} uses {other} ({source}) but does not wait for it",
                f'add "{other}" to depends_on of {name}',
                fix=(Edit((*path[:2], "depends_on"), (other,)),),
            )


def started_only(subject: Subject) -> Iterator[Problem]:
    """A service waits only until a database or queue has started: `condition = "service_started"`.

    Started means that the process exists, not that it answers. Postgres may need half a minute at its first start.

    Fix: take the condition out. Without one, stackctl waits until the server answers. In a compose.yaml, write `condition:
    service_healthy`, and give the server a health check. There this is only a remark: Compose waits so if the file says nothing.

    Evidence: 133 such waits in 28 of 55 public compose files, because Compose waits in this way by default;
    docker-library/docs#2467.
    """
    members = {member.name: member for member in subject.members}
    for member in subject.members:
        for name, dependency in member.service.depends_on.items():
            known = members[name].server if name in members else None
            if dependency.condition is Condition.started and known and known.protocol:
                hint = "take the condition out: then it waits until the server answers"
                if in_yaml := subject.stack.in_yaml:
                    hint = "write condition: service_healthy"
                    hint += "" if members[name].service.healthcheck else f", and give {name} a healthcheck"
                yield Problem(
                    (*member.path, "depends_on", name),
                    f"{member.name} waits until {name} has started: the process exists, but {known.name} may not answer yet",
                    hint,
                    severity="info" if in_yaml else "warning",
                )


def _always_with(one: Service, other: Service) -> bool:
    """Whether the profiles start `other` whenever they start `one`."""
    return not other.profiles or (bool(one.profiles) and set(one.profiles) <= set(other.profiles))
