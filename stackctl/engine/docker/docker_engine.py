"""A Docker engine that looks, acts and talks. The modules that act or talk are loaded when they are first used."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from stackctl.engine.docker.look import DockerLook
from stackctl.engine.protocol import Attach, Conversation, Exec, ExecResult, LogLine, Report
from stackctl.engine.transport.link import Link

if TYPE_CHECKING:
    from stackctl.engine.docker.perform import DockerPerform
    from stackctl.planner.steps.actions import Action
    from stackctl.planner.world.asked import Happened, Path


class DockerEngine(DockerLook):
    """Keeps the `Engine` protocol. Safe to share between threads. `connect.connect()` makes one."""

    def __init__(self, link: Link) -> None:
        super().__init__(link.client, link.endpoint)
        self.link = link
        self._performer: DockerPerform | None = None
        self._lock = threading.Lock()

    def perform(self, action: Action, report: Report, cancelled: Callable[[], bool] = lambda: False) -> str:
        with self._lock:
            if self._performer is None:
                from stackctl.engine.docker.perform import DockerPerform

                self._performer = DockerPerform(self.link, self)
        return self._performer.perform(action, report, cancelled)

    def logs(
        self,
        containers: Sequence[str],
        *,
        follow: bool = False,
        restarts: bool = False,
        tail: int | None = None,
        since: str | None = None,
        until: str | None = None,
    ) -> Iterator[LogLine]:
        from stackctl.engine.talk import logs

        return logs.logs(
            self.client, containers, follow=follow, restarts=restarts, tail=tail, since=since, until=until
        )

    def service_logs(
        self,
        services: Sequence[str],
        *,
        follow: bool = False,
        tail: int | None = None,
        since: str | None = None,
        until: str | None = None,
    ) -> Iterator[LogLine]:
        from stackctl.engine.docker.swarm import logs

        return logs.logs(self.client, services, follow=follow, tail=tail, since=since, until=until)

    def events(
        self, project: str, *, since: str | None = None, until: str | None = None
    ) -> Iterator[Happened]:
        from stackctl.engine.talk import happened

        return happened.events(self.client, project, since=since, until=until)

    def exec(self, command: Exec, *, timeout: float | None = None, stdin: bytes | None = None) -> ExecResult:
        from stackctl.engine.talk import execs

        return execs.run(self.client, command, timeout=timeout, stdin=stdin)

    def converse(self, command: Exec) -> Conversation:
        from stackctl.engine.talk.conversation import DockerConversation

        return DockerConversation(self.client, command)

    def pack(self, container: str, path: str) -> Iterator[bytes]:
        from stackctl.engine.talk import archives

        return archives.pack(self.client, container, path)

    def path(self, container: str, path: str) -> Path | None:
        from stackctl.engine.talk import archives

        return archives.path(self.client, container, path)

    def unpack(self, container: str, directory: str, archive: Iterable[bytes]) -> None:
        from stackctl.engine.talk import archives

        archives.unpack(self.client, container, directory, archive)

    def save_images(self, refs: Sequence[str]) -> Iterator[bytes]:
        from stackctl.engine.talk import image_archives

        return image_archives.save(self.client, refs)

    def load_images(self, archive: Iterable[bytes]) -> None:
        from stackctl.engine.talk import image_archives

        image_archives.load(self.link.changing, archive)

    def interact(self, command: Exec) -> int:
        from stackctl.engine.talk import terminal

        if command.detach:
            return self.exec(command).exit_code
        return terminal.interact(self.client, command)

    def attach(self, to: Attach, begin: Callable[[], None] = lambda: None) -> int:
        from stackctl.engine.talk import terminal

        return terminal.attach(self.client, to, begin)

    def wait(self, containers: Sequence[str]) -> Iterator[tuple[str, int]]:
        from stackctl.engine.talk.ending import Endings

        endings = Endings(self.client, containers)
        for _ in containers:
            if ended := endings.next():
                yield ended

    def close(self) -> None:
        self.link.close()
