"""Rules about the files that a stack names: files of variables, mounted files, scripts."""

import os
import re
import shlex
import stat
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path, PurePosixPath

from msgspec import Struct

from stackctl.errors import Place, Problem
from stackctl.spec.lint.grants import mounted
from stackctl.spec.lint.members import Member
from stackctl.spec.lint.names import has_other_neighbours
from stackctl.spec.lint.proxies import proxy_of, upstreams
from stackctl.spec.lint.rule import Rule
from stackctl.spec.lint.subject import Subject
from stackctl.spec.model import Mount, Stack
from stackctl.spec.source.loading import join, open_file
from stackctl.spelling import did_you_mean

_LARGEST = 1 << 18
"""Of a longer file only the beginning is looked at, in bytes."""
_BOM = b"\xef\xbb\xbf"
_FILE_ENDINGS = frozenset(".cfg .cnf .conf .env .ini .js .json .py .sh .sql .toml .xml .yaml .yml".split())
_DIRECTORIES = frozenset({"/docker-entrypoint-initdb.d", "/etc/nginx/conf.d", "/etc/nginx/templates"})
_COPY = r"(?im)^[ \t]*(?:COPY|ADD)[ \t]+((?:--\S+[ \t]+)*)(.+)$"
_STARTS = r"(?im)^[ \t]*(?:ENTRYPOINT|CMD)[ \t]+(.+)$"


class StackFiles(Struct, frozen=True):
    """A stack with what the rules of the stage "files" need."""

    subject: Subject
    directory: Path
    """The user's directory: names of files are shown relative to it."""
    tracked: frozenset[Path] = frozenset()
    """The files of `secret_files` that git has in its index."""

    def path(self, name: str) -> Path:
        """A path of the stack."""
        return join(self.subject.stack.directory, Path(name))

    def shown(self, path: Path) -> str:
        """The name of a file, for messages."""
        inside = path.is_relative_to(self.directory)
        return str(path.relative_to(self.directory) if inside else path)


def variable_files(stack: Stack) -> Collection[Path]:
    """The files of variables that the stack reads: `.env`, and every `env_file`."""
    named = (file.path for service in stack.everything.values() for file in service.env_file)
    return tuple(dict.fromkeys(stack.directory / name for name in (".env", *named)))


def secret_files(stack: Stack) -> Collection[Path]:
    """The files of the stack that hold secrets: those of variables, and those of `[secrets.NAME]`."""
    named = (join(stack.directory, Path(secret.file)) for secret in stack.secrets.values() if secret.file)
    return tuple(dict.fromkeys((*variable_files(stack), *named)))


def hidden_grants(files: StackFiles) -> Iterator[Problem]:
    """A path that is mounted leads over a symbolic link to the socket of an engine, or to the files of the system.

    The engine follows the link. So the container has what the link leads to: see SC606.

    Fix: mount what the program needs, without the link.

    Evidence: mount(2) follows links; Docker's page on security, "Docker daemon attack surface".
    """
    for member, index, mount, path in _bind_mounts(files):
        there = os.path.realpath(path)
        told = mounted(there, read_only=mount.read_only)
        if told and not mounted(str(path), read_only=mount.read_only):
            what, hint, severity = told
            where = (*member.path, "volumes", index)
            yield Problem(
                where, f"{files.shown(path)} leads to {there}: {member.name} {what}", hint, severity=severity
            )


def readable_secrets(files: StackFiles) -> Iterator[Problem]:
    """The file of a secret can be read by every user of this machine.

    In the container, `uid`, `gid` and `mode` say who may read it. Here everybody can.

    Fix: `chmod 600 FILE`.

    Evidence: CWE-732 (incorrect permission assignment for critical resource). Docker Compose mounts the file as it is, and so makes
    people open it for all (docker/compose#9648).
    """
    for name, secret in files.subject.stack.secrets.items():
        if secret.file is None:
            continue
        path = files.path(secret.file)
        try:
            mode = path.stat().st_mode
        except (OSError, ValueError):
            continue
        if mode & stat.S_IROTH:
            yield Problem(
                ("secrets", name, "file"),
                f"every user of this machine can read {files.shown(path)}",
                f"chmod 600 {shlex.quote(files.shown(path))}",
            )


def unknown_upstreams(files: StackFiles) -> Iterator[Problem]:
    """The mounted configuration of a proxy (nginx, HAProxy, Caddy) passes requests on to a host that no container has, or to a
    service that the proxy does not wait for.

    nginx and HAProxy look the names up when they start. If one is missing, they end: `host not found in upstream`. Names with a
    dot, and names with a variable, are not checked.

    Fix: correct the name, or add the service to `depends_on` of the proxy.

    Evidence: `[emerg] host not found in upstream "backend"` is a frequent question about nginx in containers.
    """
    subject = files.subject
    reached = subject.dependencies.reached()

    def ordered(one: str, other: str) -> bool:
        return one == other or reached(one, other) or reached(other, one)

    for member, index, mount, path in _bind_mounts(files):
        proxy = proxy_of(mount.target)
        if proxy is None or has_other_neighbours(subject.stack, member):
            continue
        text = _beginning(path).decode(errors="replace")
        where = (*member.path, "volumes", index)
        own = {host.lower() for host in member.service.extra_hosts}
        for upstream in {each.host: each for each in upstreams(proxy, text)}.values():
            line = f"{files.shown(path)}:{upstream.line}"
            owner = subject.owners.get(upstream.host)
            if owner is None and upstream.host not in own:
                hint = did_you_mean(upstream.host, subject.owners, "correct the name")
                yield Problem(
                    where, f'{line} passes on to "{upstream.host}", which no container is called', hint
                )
            elif owner and upstream.at_start and not ordered(member.name, owner.name):
                hint = f'add "{owner.name}" to depends_on of {member.name}'
                message = f"{line} passes on to {owner.name}, and {member.name} does not wait for it"
                yield Problem(where, message, hint)


def tracked_secrets(files: StackFiles) -> Iterator[Problem]:
    """Git tracks a file of variables, such as `.env`, or the file of a secret.

    Such a file holds passwords. Everyone who can read the repository can read them, also after the file is removed: git keeps
    what was committed.

    Fix: `git rm --cached FILE`, add the file to `.gitignore`, and change the passwords. Commit an example without values.

    Evidence: CWE-540 (inclusion of sensitive information in source code).
    """
    for path in secret_files(files.subject.stack):
        if path in files.tracked:
            name = files.shown(path)
            yield Problem(
                (),
                "git tracks this file: who reads the repository reads the passwords in it",
                f"git rm --cached {name}, and add it to .gitignore",
                place=Place(name),
            )


def untidy_variables(files: StackFiles) -> Iterator[Problem]:
    """A file of variables has Windows line ends, a byte order mark, or a space behind a value.

    stackctl reads such a file as it is meant. A shell (`source .env`), `docker run --env-file` and `format = "raw"` do not: the
    carriage return or the space becomes a part of the value, and a login fails with a password that looks right.

    Fix: save the file with Unix line ends (LF), as UTF-8 without a byte order mark, and without spaces at line ends.

    Evidence: docker/compose#2854, #3702, #4921, #8479.
    """
    for path in variable_files(files.subject.stack):
        data = _beginning(path)
        name = files.shown(path)
        if data.startswith(_BOM):
            hint = "save it as UTF-8 without a byte order mark"
            yield Problem((), "the file begins with a byte order mark", hint, place=Place(name, 1, 1))
        lines = data.split(b"\n")
        variables = [
            (n, line) for n, line in enumerate(lines, 1) if re.match(rb"\s*(export\s+)?\w+\s*=", line)
        ]
        for what, ends, hint in (
            (
                "ends with a carriage return (a Windows line end)",
                rb"\r\Z",
                "save it with Unix line ends (LF)",
            ),
            ("has a space behind its value", rb"=[^'\"#]*[^\s#][ \t]+\r?\Z", "remove the space"),
        ):
            found = [number for number, line in variables if re.search(ends, line)]
            if found:
                more = f" (as {len(found)} lines do)" if len(found) > 1 else ""
                message = f"the line {what}: other programs take it as a part of the value{more}"
                yield Problem((), message, hint, place=Place(name, found[0], 1))


def mixed_up_mounts(files: StackFiles) -> Iterator[Problem]:
    """A directory of the host is mounted where the container has a file, or a file where it has a directory.

    Docker does not start such a container: `not a directory: Are you trying to mount a directory onto a file (or vice-versa)?`
    Often Docker itself has made the directory, at a time when the file did not exist.

    Fix: remove the directory if it is empty and create the file, or correct one of the two paths.

    Evidence: docker/compose#3978; moby/moby#13121.
    """
    for member, index, mount, path in _bind_mounts(files):
        target = PurePosixPath(mount.target)
        where = (*member.path, "volumes", index)
        if path.is_dir() and target.suffix in _FILE_ENDINGS:
            hint = "remove it if it is empty, and create the file"
            message = f"{files.shown(path)} is a directory, but {mount.target} looks like a file"
            yield Problem(where, message, hint)
        elif path.is_file() and (mount.target.endswith("/") or str(target) in _DIRECTORIES):
            hint = f"mount it as {target / path.name}"
            yield Problem(where, f"{files.shown(path)} is a file, but {mount.target} is a directory", hint)


def windows_scripts(files: StackFiles) -> Iterator[Problem]:
    r"""A script that a container runs has Windows line ends. It is mounted, or a Dockerfile copies it or starts it.

    The kernel looks for a program whose name ends with a carriage return. The container ends with `no such file or directory`,
    though the script is there. Git on Windows makes such files (`core.autocrlf`).

    Fix: save the script with Unix line ends (LF), and write `*.sh text eol=lf` to `.gitattributes`.

    Evidence: aws/graph-explorer#198, CTFd/CTFd#2598.
    """
    for member, index, _, path in _bind_mounts(files):
        scripts = sorted(path.glob("*.sh")) if path.is_dir() else [path]
        for script in filter(_has_windows_ends, scripts):
            yield _windows_script(files, script, f"{member.name} mounts it", (*member.path, "volumes", index))
    for member in files.subject.members:
        for script in filter(_has_windows_ends, _built_scripts(files, member)):
            yield _windows_script(files, script, f"{member.name} is built with it", (*member.path, "build"))


RULES: Mapping[str, Rule] = {
    "SC115": Rule("Proxy to an unknown host", "warning", unknown_upstreams, "files"),
    "SC305": Rule("Secrets in git", "warning", tracked_secrets, "files"),
    "SC306": Rule("File of variables that others read differently", "warning", untidy_variables, "files"),
    "SC312": Rule("File of a secret that everybody can read", "warning", readable_secrets, "files"),
    "SC404": Rule("Directory on a file, or file on a directory", "warning", mixed_up_mounts, "files"),
    "SC604": Rule("Script with Windows line ends", "warning", windows_scripts, "files"),
    "SC607": Rule("Link to what root may do", "warning", hidden_grants, "files"),
}
"""The rules that look into the files of a stack, by number."""


def lint_files(stack: Stack, directory: Path, tracked: frozenset[Path] = frozenset()) -> tuple[Problem, ...]:
    """The problems that the rules find in the files that a stack names. A file that cannot be read has none."""
    files = StackFiles(Subject(stack), directory, tracked)
    return tuple(problem for number, rule in RULES.items() for problem in rule.problems(number, files))


def _bind_mounts(files: StackFiles) -> Iterator[tuple[Member, int, Mount, Path]]:
    for member in files.subject.members:
        for index, mount in enumerate(member.service.volumes):
            if mount.type == "bind" and mount.source:
                yield member, index, mount, files.path(mount.source)


def _windows_script(files: StackFiles, script: Path, why: str, path: tuple[str | int, ...]) -> Problem:
    return Problem(
        path,
        f'{files.shown(script)} has Windows line ends, and {why}: Linux would say "no such file or directory"',
        "save it with Unix line ends (LF)",
    )


def _has_windows_ends(path: Path) -> bool:
    """Whether a file is a script whose first line ends with a carriage return."""
    return re.match(rb"#![^\n]*\r\n", _beginning(path)) is not None


def _built_scripts(files: StackFiles, member: Member) -> list[Path]:
    """The files of the build's context that its Dockerfile copies or starts, as far as it names them."""
    build = member.service.build
    if build is None or build.remote or build.dockerfile_inline is not None:
        return []
    context = files.path(build.context)
    text = (
        _beginning(context / build.dockerfile).decode(errors="replace").replace("\r", "").replace("\\\n", " ")
    )
    words = [
        word
        for flags, copied in re.findall(_COPY, text)
        if "--from" not in flags
        for word in _words(copied)[:-1]
    ]
    words += [PurePosixPath(word).name for line in re.findall(_STARTS, text) for word in _words(line)]
    return list(dict.fromkeys(context / word.lstrip("/") for word in words if word.strip("/.")))


def _words(text: str) -> list[str]:
    return [word for word in re.split(r"[\s\[\],\"']+", text) if word]


def _beginning(path: Path) -> bytes:
    """The first bytes of a file; none of what is no regular file: to read a pipe or a terminal may never end."""
    try:
        with open_file(path) as stream:
            return stream.read(_LARGEST)
    except OSError:
        return b""
