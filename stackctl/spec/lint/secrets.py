"""Rules about secrets and configs, which containers find as files."""

from collections.abc import Iterator

from stackctl.errors import Problem
from stackctl.spec.lint.subject import Subject
from stackctl.spec.model import SecretUse


def missing_secret_files(subject: Subject) -> Iterator[Problem]:
    """A variable such as `DB_PASSWORD_FILE` names a file below `/run/secrets`, but the service has no secret there.

    The program looks for the file when it starts, and ends: `No such file or directory`.

    Fix: add the secret to `secrets` of the service, or correct the path.

    Evidence: a service of Compose gets only the secrets that it lists itself (Compose Specification, 05-services).
    """
    for member in subject.members:
        there = {use.path for use in (*member.service.secrets, *member.service.configs)}
        mounted = [mount.target for mount in member.service.volumes]
        for name, value in member.service.resolved.items():
            path = str(value or "")
            if not name.endswith("_FILE") or not path.startswith(f"{SecretUse.ROOT}/") or path in there:
                continue
            if any(path == target or path.startswith(f"{target.rstrip('/')}/") for target in mounted):
                continue
            secret = path.removeprefix(f"{SecretUse.ROOT}/")
            known = secret in subject.stack.secrets
            yield Problem(
                member.variable(name),
                f"{name} names {path}, but {member.name} has no secret there",
                f'add secrets = ["{secret}"] to {member.name}'
                if known
                else f"add [secrets.{secret}], and use it",
            )


def unused_contents(subject: Subject) -> Iterator[Problem]:
    """A secret or config is defined, and no service uses it.

    A service gets only what it lists in its own `secrets` or `configs`.

    Fix: add the name to the service that reads it, or remove the table.

    Evidence: Compose drops what nothing uses, and says nothing.
    """
    stack = subject.stack
    used = {
        (section, name) for member in subject.members for section, name, _ in stack.sources_of(member.service)
    }
    for section, names in (("secrets", stack.secrets), ("configs", stack.configs)):
        for name in names:
            if (section, name) not in used:
                yield Problem(
                    (section, name),
                    f'no service uses the {section[:-1]} "{name}"',
                    f'add {section} = ["{name}"] to the service that reads it, or remove it',
                )
