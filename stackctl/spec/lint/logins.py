"""Rules about logins: the user, password and database in a URL must be those that the server was told."""

import re
from collections.abc import Iterator, Mapping
from urllib.parse import unquote

from msgspec import Struct

from stackctl.errors import Problem
from stackctl.spec.lint.members import Member, Path
from stackctl.spec.lint.subject import Subject
from stackctl.spec.lint.uses import Kind
from stackctl.spec.text.hosts import plain_scheme
from stackctl.spec.text.parts import parts

_URL = r"([a-zA-Z][a-zA-Z0-9+.-]*)://(?:([^\s/?#\"']*)@)?([\w.-]+)(?::\d+)?(?:/([^\s?#/\"']*))?(?=$|[\s?#/\"',;])"
"""Scheme, login, host and path."""
_RAW = r"([a-zA-Z][a-zA-Z0-9+.-]*)://([^\s/@:?#]*):(\S*)@([\w.-]+)(?::\d+)?(?=$|[\s/?\"'])"
"""Scheme, user, password as it stands, and host: the password ends at the last `@`."""
_RESERVED = r"[@/?#]|%(?![0-9a-fA-F]{2})"
"""What a password in a URL must not hold as it is (RFC 3986, 3.2.1): each of them ends the password, or begins a code."""
_LONGEST_URL = 4096
_IN_LOGIN = r"://[^\s/?#@]*$"

_OWN_LOGINS = frozenset({"postgres", "mysql", "mariadb", "mongo", "redis", "valkey", "rabbitmq"})
"""Servers that nobody can log in to with another password than the one that they were told at the start."""
_ALWAYS_THERE: Mapping[str, frozenset[str]] = {
    "postgres": frozenset({"postgres", "template0", "template1"}),
    "mysql": frozenset({"mysql", "information_schema", "performance_schema", "sys"}),
    "mariadb": frozenset({"mysql", "information_schema", "performance_schema", "sys"}),
}
"""Databases that a server has by itself. Of other servers, a client needs no database that was made before."""
_SETUP = "/docker-entrypoint-initdb.d"
"""Scripts in this directory may create further users and databases."""


class _Login(Struct, frozen=True):
    """A login that a client uses."""

    path: Path
    source: str
    host: str
    user: str
    password: str
    database: str

    def __repr__(self) -> str:
        return f"_Login({self.source})"


def wrong_logins(subject: Subject) -> Iterator[Problem]:
    """The user, the password or the database in a URL, or in variables such as `DB_PASSWORD`, is not what the server was told.

    A wrong password is an error: the server would refuse every login. A wrong user or database is a warning, because
    somebody may create it later. Mounted setup scripts may create users and databases: beside them, only a wrong password
    is reported, as a warning. The rule says nothing if the data were set up elsewhere, or if a secret comes from a file. It
    never prints a password.

    Fix: use one variable in both places, or `${services.db.url}`, which takes everything from the server's own settings.

    Evidence: docker-library/postgres#283 and #679: the client gets `FATAL: password authentication failed`.
    """
    for member in subject.members:
        told: set[tuple[str, str]] = set()
        for login in (*_in_urls(member), *_in_variables(subject, member)):
            other = subject.owners.get(login.host)
            if other is None or other.name == member.name or (login.source, other.name) in told:
                continue
            told.add((login.source, other.name))
            if _is_certain(subject, other):
                yield from _compared(member, login, other)


def _compared(member: Member, login: _Login, other: Member) -> Iterator[Problem]:
    known = other.server
    assert known is not None
    accounts = known.accounts(other.service.resolved, other.command)
    hint = f"use the same variable in both places, or ${{services.{other.name}.url}}"
    who = f"{login.source} in {member.name}"
    nameless = {user: password for user, password in accounts.items() if not user}
    if nameless or known.name in ("redis", "valkey"):
        told = nameless.get("", "")
        if told and login.user in ("", "default") and login.password != told:
            what = "another password than" if login.password else "no password, but"
            yield Problem(login.path, f"{who} has {what} {other.name} was told with --requirepass", hint)
        return
    if login.user in accounts:
        told = accounts[login.user]
        if told and login.password and login.password != told:
            yield Problem(
                login.path,
                f'{who} logs in as "{login.user}" with another password than {other.name} was told',
                hint,
                severity="warning" if _has_setup(other) else "error",
            )
    elif _has_setup(other):
        return
    elif login.user and accounts:
        yield Problem(
            login.path,
            f'{who} logs in as "{login.user}"; {other.name} creates only {_quoted(accounts)}',
            hint,
            severity="warning",
        )
        return
    there = _ALWAYS_THERE.get(known.name)
    made = other.connection.database if other.connection else ""
    if (
        there
        and made
        and login.database
        and not _has_setup(other)
        and login.database not in {made, *there, *accounts}
    ):
        yield Problem(
            login.path,
            f'{who} wants the database "{login.database}"; {other.name} creates "{made}"',
            hint,
            severity="warning",
        )


def _is_certain(subject: Subject, other: Member) -> bool:
    """Whether the server's settings alone decide who can log in."""
    known, environment = other.server, other.service.resolved
    if known is None or known.name not in _OWN_LOGINS:
        return False
    if environment.get("POSTGRES_HOST_AUTH_METHOD") == "trust":
        return False
    if any(name in known.variables and name.endswith("_FILE") and text for name, text in environment.items()):
        return False
    for mount in other.service.volumes:
        volume = subject.stack.volumes.get(mount.source or "")
        if (volume and volume.external) or mount.target.endswith(".conf"):
            return False
    return True


def _has_setup(other: Member) -> bool:
    return any(mount.target.startswith(_SETUP) for mount in other.service.volumes)


def _in_urls(member: Member) -> Iterator[_Login]:
    for name, text in member.service.resolved.items():
        for match in re.finditer(_URL, text) if text and "://" in text else ():
            scheme, login, host, database = match.groups("")
            if "$" not in login and plain_scheme(scheme) in member.service.known_images.server_schemes:
                user, _, password = login.partition(":")
                yield _Login(
                    member.variable(name),
                    name,
                    host.lower(),
                    unquote(user),
                    unquote(password),
                    unquote(database),
                )


_PARTS: Mapping[str, tuple[str, ...]] = {
    "user": ("USER", "USERNAME"),
    "password": ("PASSWORD", "PASS", "PASSWD"),
    "database": ("NAME", "DATABASE", "DB"),
}
"""The ends of the variables beside `…_HOST`."""


def _in_variables(subject: Subject, member: Member) -> Iterator[_Login]:
    """The logins in variables such as `DB_HOST`, `DB_USER` and `DB_PASSWORD`."""
    given = member.service.resolved
    for use in subject.uses[member.name]:
        if use.scheme or use.kind is not Kind.server or not (match := re.fullmatch("(.+_)HOST", use.source)):
            continue
        found = {
            part: next((f"{match[1]}{end}" for end in ends if given.get(f"{match[1]}{end}")), "")
            for part, ends in _PARTS.items()
        }
        if found["user"] and found["password"]:
            yield _Login(
                member.variable(found["password"]),
                found["password"],
                use.host,
                *(given.get(found[part]) or "" for part in _PARTS),
            )


def _quoted(names: Mapping[str, object]) -> str:
    return " and ".join(f'"{name}"' for name in sorted(names))


def raw_passwords(subject: Subject) -> Iterator[Problem]:
    """A password in a URL holds a character that means something in a URL: `@`, `/`, `?`, `#` or `%`.

    The password ends there, and the rest is read as the host. Clients then say "could not translate host name". The rule
    looks at variables within the URL, and at passwords that stand in it.

    Fix: use `${services.db.url}`, which encodes the password, or encode it yourself: `@` is `%40`.

    Evidence: umami-software/umami#1480, karakeep-app/karakeep#2825, sosedoff/pgweb#754.
    """
    for member in subject.members:
        for name, text in member.service.resolved.items():
            if text and "://" in text and len(text) <= _LONGEST_URL and (what := _raw(text, subject)):
                yield Problem(
                    member.variable(name),
                    f"{what} in {name} has a character that ends it in a URL (one of @ / ? # %)",
                    "use ${services.NAME.url}, which encodes it, or percent-encode it: @ is %40",
                )


def _raw(text: str, subject: Subject) -> str:
    """What stands as it is in the login of a URL, although it must be encoded; "" if nothing does."""
    before = ""
    for part in parts(text):
        if part.variable and re.search(_IN_LOGIN, before) and re.search(_RESERVED, part.text):
            rest = text[len(before) + len(part.text) :]
            if re.match(r"[^\s/?#]*@", rest):
                return f"the value of ${{{part.variable.name}}}"
        before += part.text
    for match in re.finditer(_RAW, text):
        scheme, user, password, host = match.groups()
        if user.lower() in subject.owners and password[:1].isdigit():
            continue  # a host and a port, and an `@` later in the URL
        named = (
            host.lower() in subject.owners
            and plain_scheme(scheme) in subject.stack.known_images.server_schemes
        )
        if named and "://" not in password and re.search(_RESERVED, password):
            return "the password"
    return ""
