"""What is done for services when files of their developer change: `develop.watch` of the Compose specification (develop.md).

Values in, values out: rules, and the paths that have changed, with what is there now.
"""

from __future__ import annotations

import posixpath
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from stackctl.planner.world.observed import Mounted
from stackctl.spec.choosing import dependencies_of
from stackctl.spec.dockerignore import Ignored
from stackctl.spec.model import Service, Stack, Watch, WatchAction

Kind = Literal["file", "directory", "link", "gone"]

NEVER = Ignored(
    "\n".join(
        (
            *("**/.git", "**/.DS_Store", "**/.idea"),
            *(
                "**/.#*",
                "**/#*#",
                "**/*~",
                "**/4913",
                "**/.*.sw[a-z]",
                "**/.*.kate-swp",
                "**/.goutputstream-*",
            ),
            *("**/*___jb_tmp___", "**/*___jb_old___"),
        )
    )
)
"""What never counts: the files of git and of file managers, and those with which an editor saves another file."""
NOTHING = Ignored("")
"""Leaves nothing out."""
_SYNC = (WatchAction.sync, WatchAction.sync_restart, WatchAction.sync_exec)
_RESTART = (WatchAction.restart, WatchAction.sync_restart)


class WatchRule(Struct, frozen=True, kw_only=True):
    """One entry of `develop.watch`. `root`: the absolute path that it watches, without symbolic links."""

    service: str
    watch: Watch
    root: Path
    is_directory: bool
    ignore: Ignored
    include: Ignored | None
    context: Path | None
    """The directory of the build, whose .dockerignore counts."""
    dockerignore: Ignored
    own: frozenset[Path]
    """The files that describe the stack. They count only if the rule names them."""

    @classmethod
    def of(
        cls,
        service: str,
        watch: Watch,
        root: Path,
        *,
        is_directory: bool = True,
        context: Path | None = None,
        dockerignore: Ignored = NOTHING,
        own: Iterable[Path] = (),
    ) -> WatchRule:
        """A .dockerignore that leaves out what the rule itself names does not count."""
        named = context and root.is_relative_to(context) and root != context
        left_out = bool(named and context and dockerignore(root.relative_to(context).as_posix()))
        return cls(
            service=service,
            watch=watch,
            root=root,
            is_directory=is_directory,
            ignore=Ignored("\n".join(watch.ignore)),
            include=Ignored("\n".join(watch.include)) if watch.include else None,
            context=context,
            dockerignore=NOTHING if left_out else dockerignore,
            own=frozenset(own),
        )

    @property
    def syncs(self) -> bool:
        return self.watch.action in _SYNC

    def covers(self, path: Path) -> bool:
        """Whether the path is the root or below it."""
        return path.is_relative_to(self.root)

    def leaves_out(self, path: Path) -> bool:
        """Whether a path below the root does not count."""
        below = path.relative_to(self.root).as_posix()
        if below == ".":
            return False
        if NEVER(below) or self.ignore(below) or path in self.own:
            return True
        in_context = self.context is not None and path.is_relative_to(self.context)
        return in_context and self.dockerignore(path.relative_to(self.context or path).as_posix())

    def hides(self, directory: Path) -> bool:
        """Whether nothing in a directory below the root counts, so that nobody needs to look into it."""
        below = directory.relative_to(self.root).as_posix()
        if below == ".":
            return False
        if NEVER(below) or (self.ignore(below) and self.ignore.hides(below)):
            return True
        if self.context is None or not directory.is_relative_to(self.context):
            return False
        there = directory.relative_to(self.context).as_posix()
        return self.dockerignore(there) and self.dockerignore.hides(there)

    def takes(self, path: Path, kind: Kind) -> bool:
        """Whether a change of this path means something to the service."""
        if not self.covers(path) or self.leaves_out(path):
            return False
        below = path.relative_to(self.root).as_posix()
        if below == ".":
            return not self.is_directory and kind != "directory"
        if kind == "directory" and (self.include or not self.syncs):
            return False  # its files count
        return self.include is None or self.include(below)

    def target(self, path: Path) -> str:
        """Where a path is in the container. A file goes into a target that ends with `/`."""
        target, below = self.watch.target or "/", path.relative_to(self.root).as_posix()
        if not self.is_directory and target.endswith("/"):
            below = path.name
        return posixpath.normpath(posixpath.join(target, below))


class Item(Struct, frozen=True):
    """A changed path, and a rule that takes it. `kind`: what is there now."""

    rule: WatchRule
    path: Path
    kind: Kind

    @property
    def target(self) -> str:
        return self.rule.target(self.path)


class WatchWork(Struct, frozen=True):
    """What one batch of changes means to one service. It is done in this order: rebuild, copy and remove, restart, run hooks."""

    service: str
    items: tuple[Item, ...]

    @property
    def rebuild(self) -> tuple[Path, ...]:
        """The files that ask for another image."""
        return self._causes((WatchAction.rebuild,))

    @property
    def copies(self) -> tuple[Item, ...]:
        """What is copied into the containers, each target once, directories before what is in them."""
        found = {i.target: i for i in self.items if i.rule.syncs and i.kind != "gone"}
        return tuple(found[target] for target in sorted(found))

    @property
    def removals(self) -> tuple[Item, ...]:
        """What is removed from the containers. What is in a removed directory goes with it."""
        gone = {i.target: i for i in self.items if i.rule.syncs and i.kind == "gone"}
        return tuple(
            item
            for target, item in sorted(gone.items())
            if not any(target.startswith(f"{other}/") for other in gone)
        )

    @property
    def restart(self) -> tuple[Path, ...]:
        """The files that ask for a restart. A rebuild starts a new container anyway."""
        return () if self.rebuild else self._causes(_RESTART)

    @property
    def hooks(self) -> tuple[WatchRule, ...]:
        """The rules whose command runs, each once."""
        found = {id(i.rule): i.rule for i in self.items if i.rule.watch.exec}
        return tuple(found.values())

    def synced(self) -> WatchWork:
        """The part that puts files into containers, with what follows from that."""
        return replace(self, items=tuple(i for i in self.items if i.rule.syncs))

    def others(self) -> WatchWork:
        """The part that puts no files into containers."""
        return replace(self, items=tuple(i for i in self.items if not i.rule.syncs))

    def without(self, targets: Collection[str]) -> WatchWork:
        """The work, if these paths of the container need nothing."""
        return replace(self, items=tuple(i for i in self.items if not (i.rule.syncs and i.target in targets)))

    def _causes(self, actions: Collection[WatchAction]) -> tuple[Path, ...]:
        causes = [i for i in self.items if i.rule.watch.action in actions and i.kind != "directory"]
        return tuple(dict.fromkeys(item.path for item in causes))


def decide(rules: Iterable[WatchRule], changed: Mapping[Path, Kind]) -> tuple[WatchWork, ...]:
    """What is to be done for each service, in the order of the rules. A path serves each rule that takes it."""
    items: dict[str, list[Item]] = {}
    for rule in rules:
        for path, kind in changed.items():
            if rule.takes(path, kind):
                items.setdefault(rule.service, []).append(Item(rule, path, kind))
    return tuple(WatchWork(service, tuple(found)) for service, found in items.items())


def shared(items: Iterable[Item], mounts: Iterable[Mounted]) -> frozenset[str]:
    """The targets that are the very files of this machine: a bind mount has put them into the container."""
    binds = [m for m in mounts if m.type == "bind"]
    return frozenset(
        item.target
        for item in items
        if (mount := covering(item.target, binds))
        and Path(mount.name, posixpath.relpath(item.target, mount.target)) == item.path
    )


def covering(target: str, mounts: Iterable[Mounted]) -> Mounted | None:
    """The mount in which a path of the container lies: the innermost one."""
    found = [m for m in mounts if _below(target, m.target)]
    return max(found, key=lambda m: len(m.target), default=None)


def mounted_below(target: str, mounts: Iterable[Mounted]) -> Mounted | None:
    """A mount at this path of the container, or below it: who removes the path removes what is in the mount."""
    return next((m for m in mounts if _below(m.target, target)), None)


def _below(path: str, directory: str) -> bool:
    return path == directory or path.startswith(f"{directory.rstrip('/')}/")


def followers(stack: Stack, services: Collection[str]) -> tuple[str, ...]:
    """The services that are to be restarted when one of `services` gets a new container, those that follow them included."""
    found = dict.fromkeys(services)
    everything: Mapping[str, Service] = stack.everything
    before = -1
    while before != len(found):
        before = len(found)
        for name, service in everything.items():
            needs = dependencies_of(service)
            if any(dependency.restart and other in found for other, dependency in needs.items()):
                found.setdefault(name)
    return tuple(name for name in found if name not in services)


def owner(user: str, passwd: str, group: str) -> tuple[int, int]:
    """The numbers of a container's user and its group, by the image's /etc/passwd and /etc/group (docs.docker.com/reference/
    dockerfile, USER). Who is not in them is root, unless it is a number.
    """
    name, _, of_group = user.partition(":")
    if not name:
        return 0, 0
    users = [line.split(":") for line in passwd.splitlines() if line.count(":") >= 3]
    entry = next((u for u in users if name in (u[0], u[2])), None)
    uid = int(name) if name.isdecimal() else int(entry[2]) if entry else 0
    gid = int(entry[3]) if entry else 0
    if of_group:
        groups = [line.split(":") for line in group.splitlines() if line.count(":") >= 2]
        known = next((int(g[2]) for g in groups if g[0] == of_group), 0)
        gid = int(of_group) if of_group.isdecimal() else known
    return uid, gid


class WatchTold(Struct, frozen=True, kw_only=True):
    """What watching has done to a service, will do, or could not do. `files` are relative to the stack's directory."""

    what: Literal["sync", "delete", "rebuild", "rebuilt", "restart", "exec", "failed", "note"]
    service: str = ""
    """"" for what is about all of them."""
    files: tuple[str, ...] = ()
    containers: int = 1
    """In how many containers it was done."""
    text: str = ""
    """The command of a hook; what has failed; the note."""
    exit_code: int | None = None
    """Of a hook."""
    output: tuple[str, ...] = ()
    """The last lines of a hook."""
    dry: bool = False
    """Whether it is only said."""
