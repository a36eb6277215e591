"""Rules about health checks that say yes too early, or no without reason."""

import re
from collections.abc import Iterator

from stackctl.errors import Problem
from stackctl.spec.lint.members import Member, Path
from stackctl.spec.lint.subject import Subject

_ENDS_A_COMMAND = r"[^;&|]*"


def unchecked_servers(subject: Subject) -> Iterator[Problem]:
    """Others wait for a server that stackctl knows but cannot ask, and the file gives it no health check.

    Then "ready" only means "started". stackctl asks most known servers itself, in their own protocol; for nginx, Kafka and
    Mosquitto the configuration decides what they answer.

    Fix: add a health check: `healthcheck = { http = ":80/" }` or `healthcheck = { tcp = 9092 }`.

    Evidence: 65 of 107 services of known images in 30 public compose files have no health check.
    """
    waited_for = {name: member for member in subject.members for name in member.service.depends_on}
    for member in subject.members:
        known = member.server
        if known and not known.protocol and not member.service.healthcheck and member.name in waited_for:
            check = f'http = ":{known.port}/"' if known.scheme == "http" else f"tcp = {known.port}"
            hint = "add a healthcheck" if subject.stack.in_yaml else f"add healthcheck = {{ {check} }}"
            yield Problem(
                member.path,
                f"{waited_for[member.name].name} waits for {member.name}, but nothing tells whether {known.name} answers",
                hint,
            )


def socket_checks(subject: Subject) -> Iterator[Problem]:
    """The health check of Postgres is `pg_isready` without a host, so that it asks the Unix socket.

    At its first start the image runs a temporary server, which listens on the socket only. `pg_isready` says yes, and clients
    are refused. stackctl asks over TCP as well, but the health that Docker shows, and other tools wait for, is wrong.

    Fix: `pg_isready -h 127.0.0.1`, or remove the check: stackctl has one of its own.

    Evidence: docker-library/postgres#146 and #880; healthy after 1.25 s, then down for 2.7 s (keploy/samples-go#241). 17 such
    checks in 15 public compose files.
    """
    for member, path, test in _tests(subject):
        found = re.search(rf"\bpg_isready\b({_ENDS_A_COMMAND})", test)
        if member.server and member.server.name == "postgres" and found and not _names_host(found[1]):
            yield Problem(
                path,
                "pg_isready without a host asks the Unix socket: at the first start it says yes before clients can connect",
                "add -h 127.0.0.1",
            )


def mysql_checks(subject: Subject) -> Iterator[Problem]:
    """The health check of MySQL or MariaDB is `mysqladmin ping` over the Unix socket.

    At its first start the image runs a temporary server, which listens on the socket only. For these programs, `localhost`
    means the socket, too.

    Fix: `mysqladmin ping -h 127.0.0.1`; for MariaDB `healthcheck.sh --connect --innodb_initialized`.

    Evidence: docker-library/mysql#930, RotherOSS/otobo#1875, appwrite/appwrite#13652.
    """
    for member, path, test in _tests(subject):
        found = re.search(rf"\b(?:mysqladmin|mariadb-admin)\b({_ENDS_A_COMMAND})", test)
        if (
            member.server
            and member.server.name in ("mysql", "mariadb")
            and found
            and re.search(r"\bping\b", found[1])
            and (not _names_host(found[1]) or re.search(r"(-h|--host)[ =]?localhost", found[1]))
            and not re.search(r"(?i)--protocol[ =]?tcp", found[1])
        ):
            yield Problem(
                path,
                "mysqladmin ping without -h 127.0.0.1 asks the Unix socket: at the first start it says yes before clients "
                "can connect",
                "add -h 127.0.0.1",
            )


def _names_host(options: str) -> bool:
    return bool(re.search(r"(^|\s)(-h\s*\S|--host\b)", options))


def localhost_checks(subject: Subject) -> Iterator[Problem]:
    """A health check uses `wget` with `http://localhost`.

    In images with BusyBox, such as those on Alpine, `wget` tries only the first address of `localhost`, which may be `::1`.
    A server that listens on IPv4 then never becomes healthy. If the tag does not say Alpine, this is only a remark.

    Fix: write `127.0.0.1`, or `healthcheck = { http = ":8000/" }`.

    Evidence: 19 such checks in 12 public compose files; kellnr/kellnr#802, wallabag/docker#407.
    """
    for member, path, test in _tests(subject):
        if found := re.search(rf"\bwget\b{_ENDS_A_COMMAND}https?://localhost\b", test):
            small = re.search(r"alpine|busybox", member.service.image or "")
            yield Problem(
                path,
                'wget of BusyBox tries only the first address of "localhost", which may be ::1',
                "use 127.0.0.1",
                severity="warning" if small and found else "info",
            )


def redis_checks(subject: Subject) -> Iterator[Problem]:
    """The health check of Redis or Valkey is `redis-cli ping`, and nothing reads the answer.

    `redis-cli` ends with 0 whatever the answer is, even for `LOADING`: Redis still reads its data, and refuses every other
    command. A server that keeps no data on a disk has nothing to load: for it, this is only a remark.

    Fix: `redis-cli ping | grep -q PONG`, or remove the check: stackctl has one of its own.

    Evidence: the exit code of redis-cli tells about the connection, not about the answer (Redis, "Redis CLI").
    """
    for member, path, test in _tests(subject):
        known = member.server
        found = re.search(r"\b(redis|valkey)-cli\b[^|]*\bping\b(.*)", test)
        if (
            known
            and known.name in ("redis", "valkey")
            and found
            and "grep" not in found[2]
            and "PONG" not in test
        ):
            keeps = known.data_paths(member.service.resolved, member.command)
            yield Problem(
                path,
                f"{found[1]}-cli ping ends with 0 whatever the answer is, even while {known.name} loads its data",
                f"write {found[1]}-cli ping | grep -q PONG",
                severity="warning" if keeps else "info",
            )


def hasty_checks(subject: Subject) -> Iterator[Problem]:
    """A health check gives up before a server that starts slowly can be ready.

    A container counts as unhealthy when `start_period` is over and then `retries` checks, one in each `interval`, have
    failed. Servers such as MySQL, Elasticsearch and Cassandra need longer at their first start.

    Fix: set `start_period = "60s"`: failures in it do not count.

    Evidence: truenas/apps#514.
    """
    for member in subject.members:
        check, known = member.service.healthcheck, member.server
        if not known or not known.boot or not check or not check.test or check.test.test == ("NONE",):
            continue
        interval = check.interval.seconds if check.interval else 30
        period = check.start_period.seconds if check.start_period else 0
        retries = 3 if check.retries is None else check.retries or 3
        if period + interval * retries < known.boot:
            yield Problem(
                (*member.path, "healthcheck"),
                f"{member.name} counts as unhealthy after {period + interval * retries:g} s; "
                f"the first start of {known.name} may take {known.boot} s",
                f'set start_period = "{known.boot}s"',
            )


def _tests(subject: Subject) -> Iterator[tuple[Member, Path, str]]:
    """The commands of health checks as text, with the member and the place."""
    for member in subject.members:
        check = member.service.healthcheck
        if check and check.test:
            yield member, (*member.path, "healthcheck", "test"), " ".join(check.test.test[1:])
