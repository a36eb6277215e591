"""Rules about how containers start again and stop."""

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from stackctl.errors import Problem
from stackctl.spec.lint.subject import Subject
from stackctl.spec.model import Job

_ONCE = (
    r"(?i)(^|[-_.])(migrat(e|ion|ions|or)|init|seed|seeder|setup|bootstrap|createbuckets)([-_.]?\d*$|[-_.])"
)
"""Names of services that do something once."""
_FOR_EVER = frozenset({"always", "unless-stopped"})
_SHELLS = frozenset({"sh", "bash", "ash", "dash"})
_SHORTEST_STOP = 5
"""Seconds. A database that is killed earlier may have to recover at its next start."""


def endless_jobs(subject: Subject) -> Iterator[Problem]:
    """Something that runs once, a migration or a seed, is started again for ever: `restart = "always"` or `"unless-stopped"`.

    The engine starts a container again even if it has ended well. So a job with such a `restart` never counts as completed.

    Fix: remove `restart`, and make it a job: `[jobs.migrate]`. `restart = "on-failure"` is right for a job that may fail.

    Evidence: courses teach `restart: unless-stopped` instead of a wait for the database. A service may need that; a
    migration does not.
    """
    for member in subject.members:
        policy = member.service.restarts.policy
        if policy in _FOR_EVER and (isinstance(member.service, Job) or re.search(_ONCE, member.name)):
            yield Problem(
                (*member.path, *member.service.restart_key),
                f'{member.name} runs once, but restart = "{policy}" starts it again for ever',
                "remove restart"
                if isinstance(member.service, Job)
                else "remove restart"
                if subject.stack.in_yaml
                else f"remove restart, or write [jobs.{member.name}]",
            )


def deaf_shells(subject: Subject) -> Iterator[Problem]:
    """A shell is the first process of a container, and `init = false`: the container stops only after ten seconds.

    The kernel gives process 1 no default handlers of signals, and the shell does not pass SIGTERM on. By default stackctl
    puts a small init there.

    Fix: remove `init = false`, or write `exec` before the last command.

    Evidence: measured: `sh -c 'sleep 300; true'` stops after 10.14 s with 137; with an init after 0.11 s with 143.
    """
    for member in subject.members:
        words = (*(member.entrypoint or ()), *(member.command or ()))
        if (
            member.service.init is False
            and len(words) > 2
            and PurePosixPath(words[0]).name in _SHELLS
            and re.fullmatch(r"-\w*c", words[1])
            and not re.search(r"(^|[;&|]\s*)exec\s", words[2])
        ):
            yield Problem(
                (*member.path, "init"),
                f"a shell is process 1 of {member.name} and does not pass SIGTERM on: each stop takes until it is killed",
                f"{'write init: true' if subject.stack.in_yaml else 'remove init = false'}, or write exec before the last command",
            )


def killed_servers(subject: Subject) -> Iterator[Problem]:
    """A database is killed before it can shut down: `stop_signal = "SIGKILL"`, or a `stop_grace_period` of less than 5 s.

    Its files are not lost, but the server must repair them at the next start, which takes time. What was only in memory is
    lost.

    Fix: remove the key. The images of databases choose the signal themselves, and the usual grace is 10 s.

    Evidence: Docker sends SIGKILL when the grace is over; the page of the Postgres image explains its choice of SIGINT.
    """
    for member in subject.members:
        known, service = member.server, member.service
        if not known or not known.data_paths(service.resolved, member.command):
            continue
        if (service.stop_signal or "").upper().removeprefix("SIG") in ("KILL", "9"):
            yield Problem(
                (*member.path, "stop_signal"),
                f"{known.name} cannot shut down: it is killed at once",
                "remove stop_signal",
            )
        grace = service.stop_grace_period
        if grace is not None and grace.seconds < _SHORTEST_STOP:
            yield Problem(
                (*member.path, "stop_grace_period"),
                f"{known.name} is killed after {grace}, perhaps before it has shut down",
                f'remove stop_grace_period, or give at least "{_SHORTEST_STOP}s"',
            )


def idle_terminals(subject: Subject) -> Iterator[Problem]:
    """A server has a terminal (`tty`) or an open standard input (`stdin_open`), as `docker run -it` gives.

    In the background nobody types. Programs that see a terminal may write colours into the log and buffer in another way.

    Fix: remove the keys. `stackctl exec SERVICE sh` opens a terminal when you need one.

    Evidence: 23 of 89 recorded `docker run` of public scripts combine `-d` with `-i` or `-t`.
    """
    for member in subject.members:
        keys = [key for key in ("tty", "stdin_open") if getattr(member.service, key)]
        if keys and member.server:
            yield Problem(
                (*member.path, keys[0]),
                f"{member.name} runs in the background, where nobody uses {' and '.join(keys)}",
                f"remove {' and '.join(keys)}",
            )
