"""What happens to a running service when files of its developer change (Compose spec, develop): `watch` does it."""

from enum import StrEnum

from msgspec import Struct

from stackctl.spec.model.hooks import Hook
from stackctl.spec.model.keys import Check, home_is_known, key
from stackctl.spec.structure import Annotated


class WatchAction(StrEnum):
    rebuild = "rebuild"
    restart = "restart"
    sync = "sync"
    sync_restart = "sync+restart"
    sync_exec = "sync+exec"


class Watch(Struct, frozen=True, kw_only=True):
    """What to do when files below a path change."""

    path: Annotated[str, key("The file or directory to watch, relative to the stack.toml.")]
    action: Annotated[WatchAction, key("What to do.")]
    target: Annotated[str | None, key("The path in the container to which files are copied.")] = None
    ignore: Annotated[
        tuple[str, ...], key("Patterns of files that do not count, as in a .dockerignore.", one=True)
    ] = ()
    include: Annotated[
        tuple[str, ...], key("Patterns of files that count; without it, all do.", one=True)
    ] = ()
    exec: Annotated[Hook | None, key("The command to run in the container after a `sync+exec`.")] = None
    initial_sync: Annotated[bool, key("When watching begins, copy the files that differ.")] = False

    def check(self) -> Check:
        syncs = self.action in (WatchAction.sync, WatchAction.sync_restart, WatchAction.sync_exec)
        if syncs and not self.target:
            yield (), f"{self.action} needs a target", "name the path in the container"
        if not syncs and self.target is not None:
            yield ("target",), f"{self.action} copies no files: target has no effect", "leave it out"
        if self.target is not None and not self.target.startswith("/"):
            yield (
                ("target",),
                f"{self.target!r} is not an absolute path of the container",
                f'write "/{self.target}"',
            )
        if self.exec and self.action is not WatchAction.sync_exec:
            yield ("exec",), f"{self.action} runs no command", 'set action = "sync+exec", or leave it out'
        if self.action is WatchAction.sync_exec and not self.exec:
            yield (), "sync+exec needs a command", 'add exec = { command = "…" }'
        yield from home_is_known("path", self.path)


class Develop(Struct, frozen=True, kw_only=True):
    """For the time of development."""

    watch: Annotated[tuple[Watch, ...], key("What to do when files change.")] = ()
