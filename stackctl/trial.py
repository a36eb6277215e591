"""Bring the stack of a lab up, as a project of its own, and see what works. Nothing of it is left."""

from __future__ import annotations

import json
import secrets
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from http.client import HTTPException
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from stackctl import api
from stackctl.engine.protocol import Engine
from stackctl.errors import EngineError, StackError
from stackctl.planner.down import DownOptions
from stackctl.planner.steps.outcome import succeed
from stackctl.spec.lint.subject import Subject
from stackctl.spec.model import Healthcheck, Stack
from stackctl.spec.server import connection
from stackctl.spec.values import Pattern
from stackctl.teach.lab.goals import members
from stackctl.teach.lab.judging import Shown, Trial
from stackctl.teach.lab.labs import API_PORT
from stackctl.teach.lab.making import Made
from stackctl.testing.live_stack import publish_host
from stackctl.testing.runs.run import current
from stackctl.testing.runs.running import Recipe, RunRequest, attach, enter, remove, start
from stackctl.testing.stack import Running, RunningService

_TIMEOUT = 60.0
"""Seconds that a service may take to be ready, and a command in a container to end."""
_ANSWER = 30.0
"""Seconds that the program may take from its start to its first answer."""
_PAUSE = 0.2
_GRACE = 5
_READY = "^listening on "
"""What the program says when it listens."""
_MARK = "stackctl_lab"
"""The name of what is written to see whether it stays."""
_GET = "import urllib.request as r, sys; sys.stdout.write(r.urlopen(sys.argv[1], timeout=10).read().decode())"
_POST = "import urllib.request as r, sys; r.urlopen(sys.argv[1], data=b'', timeout=10)"
_CONNECT = "import socket, sys; socket.create_connection((socket.gethostbyname(socket.gethostname()), int(sys.argv[1])), 5)"


def try_out(made: Made, stack_file: Path, engine: Engine) -> Trial:
    """Bring the stack of a file up on free host ports, and ask it for each goal of the lab. Then remove it with its volumes.

    Raises SpecError for a file that cannot be brought up, EngineError if the engine does not answer. A stack that does not come up
    is no error: the trial says why.
    """
    with _brought_up(stack_file, engine) as (written, app, failure):
        asked = _Asked(made, written, app)
        shown = dict(asked.shown())
        trouble = failure or asked.trouble
        if not trouble:
            shown |= dict(asked.kept())
        return Trial(shown, trouble)


@contextmanager
def _brought_up(stack_file: Path, engine: Engine) -> Iterator[tuple[Stack, Running, str]]:
    """The stack as it is written, the running one, and why it did not come up wholly ("" if it did)."""
    recipe = Recipe(files=(stack_file,), environ={}, timeout=_TIMEOUT, build=False)
    stack = _with_check(recipe.load())
    run = current()
    project = f"{stack.project}-{secrets.token_hex(3)}"
    request = RunRequest(recipe, stack, run, project, run.marks)
    with ExitStack() as cleanup:
        enter(run, engine)
        cleanup.callback(remove, engine, project, stack)
        failure = ""
        try:
            app = start(request, engine)
        except StackError as error:
            app = attach(request, engine)
            failure = "; ".join([error.message, *_last_words(app)])
        cleanup.callback(app.close)
        yield stack, app, failure


def _with_check(stack: Stack) -> Stack:
    """The stack whose program is ready once it says so: whoever reaches it is asked later. A check of its own stays."""
    programs = [each.name for each in members(Subject(stack), "python") if each.service.healthcheck is None]
    check = Healthcheck(log=Pattern(_READY))
    return replace(
        stack,
        services={
            name: replace(service, healthcheck=check) if name in programs else service
            for name, service in stack.services.items()
        },
    )


def _last_words(app: Running) -> Iterator[str]:
    """What the containers that have failed said last."""
    for name, container in app.containers().items():
        if container.exit_code and not container.running:
            yield from (f"{name} says: {line.text}" for line in app.logs(name, tail=1))


class _Asked:
    """The questions to a running stack. A goal about which nothing can be said is left out."""

    def __init__(self, made: Made, written: Stack, app: Running) -> None:
        self._made = made
        self._written = Subject(written)
        self._app = app
        self.trouble = ""
        """Why the program does not answer."""

    def shown(self) -> Iterator[tuple[str, Shown]]:
        """What the program says, and who reaches it."""
        page, self.trouble = self._page()
        if page is None:
            return
        for key in ("rows", "visits"):
            if any(goal.key == key for goal in self._made.goals):
                told = page.get(key, "none, for the program was not told where to look")
                works = isinstance(told, int)
                yield key, Shown(works, "" if works else f"the page says of {key}: {told}")
        works = page["title"] == self._made.names.title
        yield "title", Shown(works, "" if works else f"the page says: {page['title']}")
        listens = self._reached_from_outside()
        yield "listens", listens
        if listens.works:
            yield "page", self._reached_from_here()

    def kept(self) -> Iterator[tuple[str, Shown]]:
        """What is there after `down` and `up` of what was written before."""
        marks = [
            (f"kept {what}", write, read)
            for what, write, read in (
                ("rows", self._write_row, self._has_row),
                ("notes", self._write_note, self._has_note),
                ("visits", self._write_key, self._has_key),
            )
            if any(goal.key == f"kept {what}" for goal in self._made.goals)
        ]
        written = [(key, read) for key, write, read in marks if _quietly(write)]
        if not written:
            return
        self._app.close()
        with suppress(StackError):
            self._down_and_up()
        for key, read in written:
            works = _quietly(read)
            yield key, Shown(works, "" if works else "written before down, gone after up")

    # The program

    def _page(self) -> tuple[dict[str, Any] | None, str]:
        """What the program says from inside its container, where its address does not matter; else why it says nothing."""
        service = self._one("python")
        if service is None:
            return None, "there is no service for the program"
        deadline = time.monotonic() + _ANSWER
        while True:
            with suppress(EngineError, ValueError):
                said = service.exec("python", "-c", _GET, self._inside("/"), timeout=_TIMEOUT)
                if said.exit_code == 0:
                    page: dict[str, Any] = json.loads(said.stdout)
                    return page, ""
            if not service.container.running:
                return (
                    None,
                    f"{service.name} has ended: {' '.join(line.text for line in service.logs(tail=1))}",
                )
            if time.monotonic() > deadline:
                return None, f"{service.name} does not answer"
            time.sleep(_PAUSE)

    def _reached_from_outside(self) -> Shown:
        """Whether the program answers at the address that other containers use."""
        service = self._one("python")
        assert service is not None
        works = service.exec("python", "-c", _CONNECT, str(self._port), timeout=_TIMEOUT).exit_code == 0
        return Shown(
            works, "" if works else "it answers at 127.0.0.1 inside, and at its own address nobody answers"
        )

    def _reached_from_here(self) -> Shown:
        """Whether the port that the lab names leads to the program. Here it is another one, that is free."""
        names = self._made.names
        role = "nginx" if "web" in self._made.lab.parts else "python"
        found = members(self._written, role)
        service = self._one(role)
        target = next(
            (
                port.target.first
                for member in found
                for port in member.service.ports
                if port.published and port.published.first == names.port
            ),
            None,
        )
        if service is None or target is None:
            return Shown(works=False, told=f"nothing leads from port {names.port} to it")
        url = f"http://{service.host}:{service.port(target)}/"
        deadline = time.monotonic() + _ANSWER
        while True:
            try:
                with urllib.request.urlopen(url, timeout=_ANSWER) as answer:
                    return Shown("title" in json.load(answer))
            except (OSError, ValueError, HTTPException) as error:
                proxy = role == "nginx" and service.container.running and time.monotonic() < deadline
                if not proxy:
                    reason = getattr(error, "reason", error)
                    return Shown(
                        works=False, told=f"port {names.port} leads to port {target} inside: {reason}"
                    )
            time.sleep(_PAUSE)

    # Data

    def _write_row(self) -> bool:
        return self._sql(f"CREATE TABLE {_MARK} ()") is not None

    def _has_row(self) -> bool:
        return self._sql(f"SELECT to_regclass('{_MARK}')") == _MARK

    def _write_note(self) -> bool:
        return self._in("python", "python", "-c", _POST, self._inside("/notes")) is not None

    def _has_note(self) -> bool:
        page, _ = self._page()
        return bool(page and page["notes"])

    def _write_key(self) -> bool:
        return self._in("redis", "redis-cli", "SET", _MARK, "1") == "OK"

    def _has_key(self) -> bool:
        return self._in("redis", "redis-cli", "GET", _MARK) == "1"

    def _sql(self, text: str) -> str | None:
        service = self._one("postgres")
        told = connection(service.spec) if service else None
        if told is None:
            return None
        return self._in("postgres", "psql", "-U", told.user, "-d", told.database, "-tAc", text)

    def _in(self, role: str, *argv: str) -> str | None:
        """What a command says in a service's container; None if it fails."""
        service = self._one(role)
        said = service.exec(*argv, timeout=_TIMEOUT) if service else None
        return said.stdout.strip() if said and said.exit_code == 0 else None

    # The stack

    def _one(self, role: str) -> RunningService | None:
        found = members(self._written, role)
        return self._app[found[0].name] if len(found) == 1 else None

    def _inside(self, path: str) -> str:
        return f"http://127.0.0.1:{self._port}{path}"

    @property
    def _port(self) -> int:
        """The port inside on which the program listens."""
        service = self._one("python")
        text = (service.spec.resolved.get("PORT") or "") if service else ""
        return int(text) if text.isdigit() else API_PORT

    def _down_and_up(self) -> None:
        app = self._app
        options = DownOptions(grace=_GRACE)
        succeed(api.down(app.project, app.engine, stack=app.stack, options=options))
        selection = api.Selection(publish_host=publish_host())
        succeed(
            api.up(app.stack, app.engine, selection=selection, options=api.UpOptions(wait_timeout=_TIMEOUT))
        )


def _quietly(ask: Callable[[], bool]) -> bool:
    """The answer; no if the container cannot be asked."""
    try:
        return ask()
    except StackError:
        return False
