"""Which files of this machine change, and what is there afterwards."""

from __future__ import annotations

import stat
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from threading import Event, Lock, Thread

from stackctl.errors import StackError
from stackctl.planner.watch import Kind, WatchRule

Changes = Mapping[Path, bool]
"""Paths that have changed. True: something is new there, so that everything in a directory is new."""

_STEP = 50
"""Milliseconds without a change that end a batch."""
_LONGEST = 1600
"""Milliseconds after which a batch ends in any case."""


class FileChanges:
    """Watches files and directories, which need not be there yet. Each batch of changes goes to `tell`, from another thread; so does
    the error that ends the watching.
    """

    def __init__(self, roots: Collection[Path], tell: Callable[[Changes | StackError], None]) -> None:
        """Return once every change that follows is seen. `roots` have no symbolic links in them."""
        self._roots, self._tell = [*roots], tell
        self._guard = Lock()
        self._stops: list[_Stop] = []
        self._deep, self._flat = _places(self._roots)
        self._begin()
        for stop in self._stops:
            stop.begun.wait()

    def close(self) -> None:
        """End the watching. No batch is told afterwards."""
        with self._guard:
            self._end(self._stops)
            self._stops = []

    def _begin(self) -> None:
        for paths, recursive in ((self._deep, True), (self._flat, False)):
            if paths:
                stop = _Stop()
                self._stops.append(stop)
                Thread(target=self._watch, args=(sorted(paths), recursive, stop), daemon=True).start()

    def _end(self, stops: Sequence[_Stop]) -> None:
        for stop in stops:
            stop.set()

    def _watch(self, paths: list[Path], recursive: bool, stop: _Stop) -> None:
        from watchfiles import Change, watch

        try:
            for batch in watch(
                *paths,
                watch_filter=None,
                step=_STEP,
                debounce=_LONGEST,
                stop_event=stop,
                recursive=recursive,
                raise_interrupt=False,
            ):
                changes: dict[Path, bool] = {}
                for change, path in batch:
                    changes[Path(path)] = changes.get(Path(path), False) or change == Change.added
                self._came(changes, stop)
        except (OSError, RuntimeError) as error:  # RuntimeError: watchfiles has no word for it
            if not stop.is_set():
                self._tell(_cannot(error))
        finally:
            stop.begun.set()

    def _came(self, changes: dict[Path, bool], stop: _Stop) -> None:
        """Tell a batch. If a root has come, or has come again, it is watched from now on."""
        with self._guard:
            if stop.is_set():
                return
            deep, flat = _places(self._roots)
            new = {path for path, is_new in changes.items() if is_new}
            came = {r for r in deep if r not in self._deep or new.intersection((r, *r.parents))}
            if came or (deep, flat) != (self._deep, self._flat):
                before, self._stops = self._stops, []
                self._deep, self._flat = deep, flat
                self._begin()
                for each in self._stops:
                    each.begun.wait()
                self._end(before)
            self._tell(changes | dict.fromkeys(came, True))


class _Stop:
    """Ends one watch. The watch asks for the first time once it is set up."""

    def __init__(self) -> None:
        self.begun = Event()
        self._event = Event()

    def set(self) -> None:
        self._event.set()

    def is_set(self) -> bool:
        self.begun.set()
        return self._event.is_set()


def seen(changes: Changes, rules: Sequence[WatchRule]) -> dict[Path, Kind]:
    """What is there now, of the paths that mean something to a rule, and of what is in new directories. What lies behind a symbolic
    link is left out: the link itself is in its place.
    """
    found: dict[Path, Kind] = {}
    for path, new in sorted(changes.items()):
        mine = [rule for rule in rules if rule.covers(path)]
        above = [rule for rule in rules if new and rule.root != path and rule.root.is_relative_to(path)]
        for rule in above:
            found.update(below(rule.root, [rule]))
        if not mine or path in found or path.parent.resolve() != path.parent:
            continue
        kind = _kind(path)
        if kind == "directory":
            found.update(below(path, mine) if new else {})
        elif kind:
            found[path] = kind
    return found


def below(path: Path, rules: Sequence[WatchRule]) -> Iterator[tuple[Path, Kind]]:
    """The path, and everything in it that a rule may take."""
    kind = _kind(path)
    if kind is None or kind == "gone":
        return
    yield path, kind
    if kind != "directory" or all(rule.hides(path) for rule in rules if rule.covers(path)):
        return
    try:
        places = sorted(path.iterdir())
    except OSError:  # it is gone meanwhile, which is a change of its own; or it cannot be read
        return
    for place in places:
        yield from below(place, rules)


def _kind(path: Path) -> Kind | None:
    """None for what cannot be copied: a socket, a device."""
    try:
        mode = path.lstat().st_mode
    except OSError:
        return "gone"
    if stat.S_ISDIR(mode):
        return "directory"
    if stat.S_ISLNK(mode):
        return "link"
    return "file" if stat.S_ISREG(mode) else None


def _places(roots: Collection[Path]) -> tuple[frozenset[Path], frozenset[Path]]:
    """The directories to watch with everything in them, and those to watch alone. A file is watched by its directory, for an editor
    may put another file in its place; so is a directory, for it may be removed and made again.
    """
    deep = {root for root in roots if root.is_dir()}
    deep = {root for root in deep if not deep.intersection(root.parents)}
    alone = {next(parent for parent in root.parents if parent.is_dir()) for root in roots if root.parents}
    flat = {place for place in alone if not deep.intersection((place, *place.parents))}
    return frozenset(deep), frozenset(flat)


def _cannot(error: Exception) -> StackError:
    if "watch limit" in str(error) or getattr(error, "errno", None) in (24, 28):
        return StackError(
            "this machine watches no more files: its limit is reached",
            "raise it: sudo sysctl fs.inotify.max_user_watches=1048576 fs.inotify.max_user_instances=1024",
        )
    return StackError(f"cannot watch files: {error}")
