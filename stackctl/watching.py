"""Keep containers in step with the files of their developer: `develop.watch`.

`handle` gets each batch of changes, decides, and does it. It asks for the containers each time, so that one that somebody has made
again is found: it gets all that was copied since the watching began.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from stackctl.engine.build_context import ignored
from stackctl.engine.execute import Cancel
from stackctl.engine.file_changes import Changes, below, seen
from stackctl.engine.hooks import exec_of_hook, last_lines
from stackctl.engine.protocol import Engine, Exec
from stackctl.engine.talk.syncing import already_there, archive, unreadable
from stackctl.engine.talk.tars import content
from stackctl.engine.transport.client import RefusedError
from stackctl.errors import EngineError, Problem, SpecError, StackError
from stackctl.operating import Operating
from stackctl.planner.before.images import ImageOptions
from stackctl.planner.life.options import StartOptions
from stackctl.planner.steps.actions import RemoveImage
from stackctl.planner.steps.events import Event
from stackctl.planner.view.slots import UpOptions
from stackctl.planner.watch import (
    NOTHING,
    Item,
    WatchRule,
    WatchTold,
    WatchWork,
    covering,
    decide,
    followers,
    mounted_below,
    owner,
    shared,
)
from stackctl.planner.world.desire import host_path
from stackctl.planner.world.observed import ObservedContainer
from stackctl.project import Project, Waiting
from stackctl.spec.choosing import select
from stackctl.spec.model import Stack, WatchAction
from stackctl.spec.scaling import scaled
from stackctl.spec.selection import Selection
from stackctl.spec.source.reading import place

_FEW = 20
"""So many removals are looked at one by one: a look is quicker than an exec."""

Follow = Callable[[Callable[[Cancel], Iterator[Event]]], int]
"""Follows an execution, and returns its exit code."""


class WatchOptions(Struct, frozen=True, kw_only=True):
    """`prune`: remove the image that a rebuild has replaced, if nothing uses it. `dry_run`: only tell what would be done."""

    prune: bool = False
    dry_run: bool = False
    lock_timeout: float = 60.0


class _Synced(Struct, frozen=True):
    """What was done to the files of a container, and the work that this was."""

    container: ObservedContainer
    work: WatchWork
    copies: Sequence[Item]
    removed: Sequence[Item]


class Watching(Operating):
    """A project whose containers follow the files of their developer. `tell` gets what is done; `follow` follows rebuilds and restarts.

    Raises SpecError if the file asks for what cannot be, UsageError for an unknown service, EngineError.
    """

    engine: Engine

    def __init__(
        self,
        stack: Stack,
        engine: Engine,
        selection: Selection,
        options: WatchOptions | None = None,
        *,
        tell: Callable[[WatchTold], None],
        follow: Follow,
        waiting: Waiting | None = None,
    ) -> None:
        self._options = options or WatchOptions()
        super().__init__(stack, engine, lock_timeout=self._options.lock_timeout, waiting=waiting)
        self._selection, self._tell, self._follow = selection, tell, follow
        self._shares_paths = True
        self.rules = self._rules()
        self._known: set[str] = set()
        """The ids of the containers that have all that was copied."""
        self._touched: dict[str, set[Path]] = defaultdict(set)
        """By service: what was copied or removed since the watching began."""
        self._owners: dict[str, tuple[int, int]] = {}
        self._said: set[tuple[str, str]] = set()
        self._pending: dict[Path, bool] = {}
        self.waits = False
        """Whether changes wait for the engine: `handle` should be called again soon, even without further changes."""

    @property
    def roots(self) -> tuple[Path, ...]:
        """What to watch."""
        return tuple(dict.fromkeys(rule.root for rule in self.rules))

    def handle(self, changes: Changes) -> None:
        """Do what a batch asks for. A failure is told, and ends nothing. Call it once with no changes, when the watching begins: that
        copies what `initial_sync` asks for.
        """
        for path, new in changes.items():
            self._pending[path] = self._pending.get(path, False) or new
        try:
            self._serve(decide(self.rules, seen(self._pending, self.rules)))
        except EngineError as error:
            if not self.waits:
                self._tell(WatchTold(what="failed", text=f"{error}; the changes wait"))
            self.waits = True
            return
        if self.waits:
            self._tell(WatchTold(what="note", text="the engine answers again"))
        self.waits = False
        self._pending.clear()

    # What is watched

    def _rules(self) -> tuple[WatchRule, ...]:
        chosen = select(
            self.stack,
            self._selection.services,
            self._selection.profiles,
            dependencies=self._selection.dependencies,
        )
        desired, observed = self.desired_and_observed(self._selection, strangers=False)
        self._shares_paths = observed.engine.shares_paths
        builds = {
            name: i.build for i in desired.images if i.build and not i.build.remote for name in i.services
        }
        built = {name for i in desired.images if i.build for name in i.services}
        own = [file.resolve() for file in self.stack.files]
        rules: list[WatchRule] = []
        problems: list[Problem] = []
        for name, service in chosen.items():
            build = builds.get(name)
            for number, watch in enumerate(service.develop.watch if service.develop else ()):
                root = host_path(self.stack, watch.path)
                if watch.action is WatchAction.rebuild and name not in built:
                    table = "jobs" if name in self.stack.jobs else "services"
                    key = (table, name, "develop", "watch", number, "action")
                    problems.append(
                        Problem(key, f"{name} has no build", "add build, or choose another action")
                    )
                rules.append(
                    WatchRule.of(
                        name,
                        watch,
                        root,
                        is_directory=root.is_dir() or not (root.exists() or root.suffix),
                        context=build.context.resolve() if build else None,
                        dockerignore=ignored(build) if build else NOTHING,
                        own=own,
                    )
                )
        if problems:
            raise SpecError(place(self.stack, problems))
        return tuple(rules)

    # What is done

    def _serve(self, works: Sequence[WatchWork]) -> None:
        if self._options.dry_run:
            for work in works:
                self._say_what_would_be(work)
            return
        for work in works:
            self._touched[work.service].update(item.path for item in work.synced().items)
        if rebuild := [work for work in works if work.rebuild]:
            self._rebuild(rebuild)
        running = self._running()
        by_service = {work.service: work for work in works}
        restart: dict[str, tuple[Path, ...]] = {}
        hooks: list[tuple[WatchRule, ObservedContainer]] = []
        for service in dict.fromkeys(rule.service for rule in self.rules):
            work = by_service.get(service, WatchWork(service, ()))
            replicas = running.get(service, [])
            done = [did for each in replicas if (did := self._sync(each, work))]
            self._say_synced(service, done)
            if work.items and not work.rebuild and not replicas:
                self._tell(WatchTold(what="note", service=service, text="it does not run: nothing is done"))
            causes = [path for each in (*(did.work for did in done), work.others()) for path in each.restart]
            if causes and replicas:
                restart[service] = tuple(dict.fromkeys(causes))
            hooks += [(rule, did.container) for did in done for rule in did.work.hooks]
        if restart:
            self._restart(restart)
        for rule, container in hooks:
            self._exec(rule, container)

    def _running(self) -> dict[str, list[ObservedContainer]]:
        found: dict[str, list[ObservedContainer]] = {}
        for container in sorted(self._there(), key=lambda c: c.number):
            if container.kind in ("service", "job") and container.state == "running":
                found.setdefault(container.service, []).append(container)
        return found

    # Files

    def _sync(self, container: ObservedContainer, work: WatchWork) -> _Synced | None:
        """Copy and remove. Return what was done, with what follows from it; None if nothing was, or if it has failed."""
        try:
            work = (work if container.id in self._known else self._lacking(container)).synced()
            there = self._mounted(container, work)
            copies = [item for item in work.copies if item.target not in there]
            removals = [item for item in work.removals if item.target not in there]
            self._copy(container, copies)
            removed = self._remove(container, removals)
        except RefusedError as error:
            self._known.discard(container.id)
            self._tell(WatchTold(what="failed", service=container.service, text=f"cannot sync: {error}"))
            return None
        self._known.add(container.id)
        kept = {item.target for item in removals} - {item.target for item in removed}
        done = replace(work, items=tuple(i for i in work.items if i.target not in kept))
        return _Synced(container, done, copies, removed) if done.items else None

    def _lacking(self, container: ObservedContainer) -> WatchWork:
        """All that a container lacks which was not there when the watching began, or before the last batch."""
        service = container.service
        mine = [rule for rule in self.rules if rule.service == service and rule.syncs]
        items: list[Item] = []
        for rule in mine:
            if rule.watch.initial_sync:
                items += [i for w in decide([rule], dict(below(rule.root, [rule]))) for i in w.items]
        touched = seen(dict.fromkeys(self._touched[service], False), mine)
        items += [item for work in decide(mine, touched) for item in work.items]
        work = WatchWork(service, tuple(items))
        if not items:
            return work
        there = self._mounted(container, work)
        missing = [item for item in work.items if item.target not in there]
        return work.without(there | already_there(self.engine, container.id, missing))

    def _mounted(self, container: ObservedContainer, work: WatchWork) -> frozenset[str]:
        """The targets that are the files of this machine already."""
        if not self._shares_paths:
            return frozenset()
        there = shared(work.items, container.mounts)
        if there and (mount := covering(next(iter(sorted(there))), container.mounts)):
            self._say_once(
                work.service,
                f"{mount.target} is {self._short(Path(mount.name))} itself, by a bind mount: nothing is copied there",
            )
        return there

    def _copy(self, container: ObservedContainer, copies: Sequence[Item]) -> None:
        if not copies:
            return
        for path in unreadable(copies):
            self._say_once(container.service, f"cannot read {self._short(path)}: it is not copied")
        mounts = {mount.target for item in copies if (mount := covering(item.target, container.mounts))}
        inside = all(covering(item.target, container.mounts) for item in copies)
        directory = next(iter(mounts)) if len(mounts) == 1 and inside else "/"
        self.engine.unpack(container.id, directory, archive(copies, directory, self._owner(container)))

    def _remove(self, container: ObservedContainer, removals: Sequence[Item]) -> list[Item]:
        """Remove what is there, and return it. A mount is not emptied."""
        kept: list[Item] = []
        for item in removals:
            if mount := mounted_below(item.target, container.mounts):
                self._say_once(item.rule.service, f"{item.target} stays: {mount.target} is mounted there")
            else:
                kept.append(item)
        if len(kept) <= _FEW:
            gone = already_there(self.engine, container.id, kept)
            kept = [item for item in kept if item.target not in gone]
        for number in range(0, len(kept), 1000):  # a command line has an end
            targets = [item.target for item in kept[number : number + 1000]]
            command = Exec(container=container.id, argv=("rm", "-rf", "--", *targets), user="0")
            result = self.engine.exec(command)
            if result.exit_code:
                raise RefusedError(
                    f"rm ended with exit code {result.exit_code}: {' '.join(last_lines(result)[-1:])}"
                )
        return kept

    def _owner(self, container: ObservedContainer) -> tuple[int, int]:
        """The numbers of the container's user and its group."""
        if container.id not in self._owners:
            user = self.engine.inspect(container.id).user
            known = (
                (self._file(container, "/etc/passwd"), self._file(container, "/etc/group"))
                if user
                else ("", "")
            )
            self._owners[container.id] = owner(user, *known)
        return self._owners[container.id]

    def _file(self, container: ObservedContainer, path: str) -> str:
        if self.engine.path(container.id, path) is None:
            return ""
        return content(self.engine.pack(container.id, path)).decode(errors="replace")

    # Containers

    def _rebuild(self, works: Sequence[WatchWork]) -> None:
        services = [work.service for work in works]
        for work in works:
            self._tell(WatchTold(what="rebuild", service=work.service, files=self._names(work.rebuild)))
        before = [c for c in self._there() if c.service in services]
        alone = replace(self._selection, services=services, dependencies=False)
        if not self._ran("build", services, lambda cancel: self.build(alone, cancel=cancel)):
            return
        there = {container.service for container in self._there()}
        restarted = [name for name in followers(self.stack, services) if name in there]
        whole = replace(alone, services=[*services, *restarted])
        project = Project(
            self._as_many(whole.services), self.engine, lock_timeout=self._lock_timeout, waiting=self._waiting
        )
        images = ImageOptions(no_build=True)
        if not self._ran(
            "up", services, lambda cancel: project.up(whole, UpOptions(), images, cancel=cancel)
        ):
            return
        for service in services:
            self._tell(WatchTold(what="rebuilt", service=service, text="rebuilt"))
        if self._options.prune:
            self._prune(before)

    def _as_many(self, services: Collection[str]) -> Stack:
        """The stack with as many containers of these services as there are: `up --scale` holds until the next `up`."""
        there = [c.service for c in self._there() if c.kind == "service"]
        counts = {
            name: there.count(name) for name in services if name in self.stack.services and name in there
        }
        return scaled(self.stack, counts)

    def _restart(self, causes: dict[str, tuple[Path, ...]]) -> None:
        for service, paths in causes.items():
            self._tell(WatchTold(what="restart", service=service, files=self._names(paths)))
        options = StartOptions(services=tuple(causes))
        self._ran("restart", [*causes], lambda cancel: self.restart(options, self._selection, cancel=cancel))

    def _ran(self, what: str, services: Sequence[str], events: Callable[[Cancel], Iterator[Event]]) -> bool:
        """Whether it went well. What went wrong is told."""
        why = ""
        try:
            if self._follow(events) == 0:
                return True
        except StackError as error:
            why = f": {error}"
        running = self._running()
        for service in services:
            goes_on = "; the container that is there goes on" if service in running else ""
            self._tell(WatchTold(what="failed", service=service, text=f"{what} failed{why}{goes_on}"))
        return False

    def _prune(self, before: Iterable[ObservedContainer]) -> None:
        """Remove the images that have been replaced, unless a container uses one or it has another tag."""
        used = {container.image_id for container in self.engine.containers("")}
        replaced = {c.image_id: c.image for c in before if c.image_id not in used}
        for image in self.engine.images(list(replaced)).values():
            if not image.tags:
                try:
                    self.engine.perform(RemoveImage(image.id, replaced[image.id]), lambda _: None)
                except RefusedError:  # another image is built on it
                    continue

    def _exec(self, rule: WatchRule, container: ObservedContainer) -> None:
        hook = rule.watch.exec
        assert hook is not None
        command = exec_of_hook(container.id, hook)
        try:
            result = self.engine.exec(command)
        except RefusedError as error:
            self._tell(
                WatchTold(what="failed", service=rule.service, text=f"cannot run {command.title}: {error}")
            )
            return
        self._tell(
            WatchTold(
                what="exec",
                service=rule.service,
                text=command.title,
                exit_code=result.exit_code,
                output=tuple(last_lines(result)),
            )
        )

    # What is told

    def _say_synced(self, service: str, done: Sequence[_Synced]) -> None:
        for what, items in (
            ("sync", [did.copies for did in done]),
            ("delete", [did.removed for did in done]),
        ):
            files = dict.fromkeys(item.path for each in items for item in each if item.kind != "directory")
            if files:
                number = sum(bool(each) for each in items)
                self._tell(WatchTold(what=what, service=service, files=self._names(files), containers=number))  # type: ignore[arg-type]

    def _say_what_would_be(self, work: WatchWork) -> None:
        def say(what: str, paths: Iterable[Path], text: str = "") -> None:
            if names := self._names(paths):
                self._tell(WatchTold(what=what, service=work.service, files=names, text=text, dry=True))  # type: ignore[arg-type]

        say("rebuild", work.rebuild)
        say("sync", dict.fromkeys(i.path for i in work.copies if i.kind != "directory"))
        say("delete", dict.fromkeys(i.path for i in work.removals))
        say("restart", work.restart)
        for rule in work.hooks:
            assert rule.watch.exec
            title = exec_of_hook("", rule.watch.exec).title
            say("exec", [i.path for i in work.items if i.rule is rule], title)

    def _say_once(self, service: str, text: str) -> None:
        if (service, text) not in self._said:
            self._said.add((service, text))
            self._tell(WatchTold(what="note", service=service, text=text))

    def _names(self, paths: Iterable[Path]) -> tuple[str, ...]:
        return tuple(map(self._short, paths))

    def _short(self, path: Path) -> str:
        """As a person at the stack calls it."""
        there = os.path.relpath(path, self.stack.directory.resolve())
        return str(path) if there.startswith("../..") else there
