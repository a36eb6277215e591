"""A compose.yaml as a commented stack.toml. The keys are the same; what a stack.toml means otherwise is written out, or noted."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct, field, structs

from stackctl.convert.bash.script import Note
from stackctl.convert.importing import Imported, tail
from stackctl.convert.review import examine
from stackctl.errors import Key, Place, SpecError, UsageError
from stackctl.spec.known_images import BUILT_IN, KnownImages
from stackctl.spec.model import Mount, Port, Stack
from stackctl.spec.model.ports import EVERYWHERE
from stackctl.spec.output.document import document, quoted
from stackctl.spec.source.discovery import normal
from stackctl.spec.source.locate import Source
from stackctl.spec.source.nodes import YamlNode, plain
from stackctl.spec.source.yaml_text import parse
from stackctl.spec.text.interpolate import Lookup, Variables, expand

_ROUNDS = 40
"""How often a value that a stack.toml cannot hold is taken out, before the import gives up."""
_WITHOUT_EFFECT = ("mode", "name", "app_protocol")
_VARIABLE = re.compile(r"\$\$|\$(?:([A-Za-z_]\w*)|\{([A-Za-z_]\w*)\})|\$(?![A-Za-z_{])")
_MOUNT_OPTIONS = ("ro", "rw", "z", "Z", "nocopy")


def import_compose(
    file: str,
    text: str,
    *,
    images: KnownImages = BUILT_IN,
    directory: Path | None = None,
    variables: Mapping[str, str] | None = None,
) -> Imported:
    """Import a compose file. `directory` is where the stack.toml will stand: the import looks which directories are there.
    `variables` are those of the shell and of the `.env` there.

    Raises:
        SpecError: the file is no compose file.
        UsageError: it has no service that a stack.toml can hold.
    """
    documents, problems = parse(Source(file, text))
    if problems:
        raise SpecError(problems)
    if len(documents) != 1 or not isinstance(documents[0].value, dict):
        raise UsageError(f"{file} is not one compose file", "merge it first: docker compose config")
    reading = _Reading(documents[0], Lookup((Variables("shell", dict(variables or {})),)), directory, images)
    tree = reading.tree()
    stack = _mended(tree, reading, images)
    final = examine(tree, dict(variables or {}), images, directory=directory or Path("/"))
    review = [structs.replace(each, place=reading.place(each.path)) for each in final.problems]
    notes = tuple(sorted(reading.notes))
    runs = not any(problem.severity == "error" for problem in final.problems)
    heading = [
        f"# Made by `stackctl import` from {file}. What means something else than in Compose is noted at the end.",
        "",
    ]
    if name := tree.get("name"):
        heading += [f"name = {quoted(str(name))}", ""]
    body = document(tree, {}, lambda *_: "")
    told = tail(file, notes, review, what="file")
    return Imported("\n".join(heading) + "\n" + body + told, {}, notes, tuple(review), stack, runs, 0, ())


def _mended(tree: dict[str, Any], reading: _Reading, images: KnownImages) -> Stack:
    """The stack that the tree makes. What a stack.toml cannot hold is taken out of the tree, with a note."""
    for _ in range(_ROUNDS):
        found = examine(tree, dict(reading.lookup.sources[0].values), images, ())
        wrong = [problem for problem in found.problems if problem.severity == "error"]
        if not wrong and found.stack is not None and found.stack.services:
            return found.stack
        if not wrong:
            raise UsageError("no service is left that a stack.toml can hold")
        for problem in wrong:
            reading.note(
                problem.path, f"{problem.path[-1] if problem.path else 'it'} is left out: {problem.message}"
            )
            _take_out(tree, problem.path)
    raise UsageError("the file has too many values that a stack.toml cannot hold")


def _take_out(tree: Any, path: Sequence[Key]) -> None:
    """Remove what is at a path, or the nearest value around it. A service that is wrong as a whole goes."""
    owner, key = None, None
    for step in path:
        try:
            tree[step]
        except (KeyError, IndexError, TypeError):
            break
        owner, key, tree = tree, step, tree[step]
    if owner is not None:
        del owner[key]


class _Reading(Struct):
    """A compose file on its way to a stack.toml."""

    root: YamlNode
    lookup: Lookup
    directory: Path | None
    images: KnownImages
    notes: list[Note] = field(default_factory=list)
    told: set[str] = field(default_factory=set)
    """What is told once for the whole file."""

    def place(self, path: Sequence[Key]) -> Place:
        """The place of a key path in the file, or of the nearest key around it."""
        node = self.root
        for key in path:
            try:
                node = node.value[key]
            except (KeyError, IndexError, TypeError):
                break
        return node.place

    def note(self, path: Sequence[Key], message: str, *, once: str = "") -> None:
        if once in self.told:
            return
        self.told |= {once} - {""}
        place = self.place(path)
        self.notes.append(Note(place.line, place.column, message))

    def tree(self) -> dict[str, Any]:
        """The tree of the stack.toml: without what is empty, with the variables of Compose, and with its meaning."""
        found: dict[str, Any] = self.written(plain(self.root), ())
        found.pop("version", None)
        if isinstance(name := found.get("name"), str) and "$" not in name:
            found["name"] = normal(name)
        for kind in ("services", "networks", "volumes", "secrets", "configs"):
            if isinstance(tables := found.get(kind), dict):
                found[kind] = {key: table if table is not None else {} for key, table in tables.items()}
        for name, service in found.get("services", {}).items():
            if isinstance(service, dict):
                self.service(name, service)
        return found

    def written(self, value: Any, path: tuple[Key, ...]) -> Any:
        """The value with its texts as a stack.toml writes them. Empty keys and those that begin with `x-` are left out."""
        match value:
            case dict():
                return {
                    key: self.written(item, (*path, key))
                    for key, item in value.items()
                    if not key.startswith("x-") and (item is not None or len(path) == 1 or _is_names(path))
                }
            case list():
                return [self.written(item, (*path, n)) for n, item in enumerate(value) if item is not None]
            case str():
                return self.text(value, path)
        return value

    def text(self, text: str, path: tuple[Key, ...]) -> str:
        def write(match: re.Match[str]) -> str:
            name = match[1] or match[2]
            if match[0] == "$":
                return "$$"
            if not name or self.lookup.get(name) is not None:
                return match[0]
            self.note(
                path,
                f"{name} is not set: ${{{name}:-}} stands for nothing, as in Compose; ${{{name}}} would be an error",
                once=name,
            )
            return f"${{{name}:-}}"

        return _VARIABLE.sub(write, text)

    def service(self, name: str, service: dict[str, Any]) -> None:
        """Write out what a service means in Compose, or note what it means now."""
        path: tuple[Key, ...] = ("services", name)
        if "init" not in service:
            message = "a container gets an init as its first process, which Compose does not give: init = false takes it away"
            self.note(path, message, once="an init")
        image = service.get("image")
        if "healthcheck" not in service and isinstance(image, str) and self.images.of(self._expanded(image)):
            message = "stackctl asks a server that it knows itself whether it is ready; Compose does not: builtin_check = false"
            self.note((*path, "image"), message, once="a check")
        if image and "build" in service and "pull_policy" not in service:
            message = (
                'it is built; Compose looks first whether a registry has the image: pull_policy = "missing"'
            )
            self.note((*path, "image"), message)
        if service.get("network_mode") in ("host", "none") and service.pop("ports", None):
            message = f"ports are left out: network_mode {service['network_mode']} publishes none, in Compose neither"
            self.note((*path, "ports"), message)
        for key, change in (("ports", self.port), ("volumes", self.mount)):
            if isinstance(items := service.get(key), list):
                service[key] = [change(item, (*path, key, n)) for n, item in enumerate(items)]
        self.environment(service, path)
        self.order(service, path)
        for key in ("networks", "labels", "sysctls", "annotations"):
            if isinstance(table := service.get(key), dict):
                empty: Any = {} if key == "networks" else ""
                service[key] = {each: empty if value is None else value for each, value in table.items()}

    def environment(self, service: dict[str, Any], path: tuple[Key, ...]) -> None:
        if isinstance(table := service.get("environment"), dict):
            service["environment"] = {
                key: {"from_env": True} if value is None else value for key, value in table.items()
            }

    def order(self, service: dict[str, Any], path: tuple[Key, ...]) -> None:
        needs = service.get("depends_on")
        if isinstance(needs, list) and needs:
            message = (
                f"it starts when {', '.join(map(str, needs))} can be used; in Compose as soon as that is started"
                ' (condition = "service_started")'
            )
            self.note((*path, "depends_on"), message)
        elif isinstance(needs, dict):
            for each in needs.values():
                if isinstance(each, dict):
                    each.setdefault("condition", "service_started")

    def port(self, item: Any, path: tuple[Key, ...]) -> Any:
        """A port without an address is published on every address."""
        found: Any
        if isinstance(item, dict):
            found = {key: value for key, value in item.items() if key not in _WITHOUT_EFFECT}
            if not found.get("host_ip"):
                found["host_ip"] = EVERYWHERE
            else:
                return found
        else:
            meant = self._meant(Port.short, item)
            if meant is None or "host_ip" in meant:
                return item
            found = f"{EVERYWHERE}:{'' if 'published' in meant else ':'}{item}"
        message = f'published on every address of this machine, as in Compose: without "{EVERYWHERE}" only this machine reaches it'
        self.note(path, message, once="every address")
        return found

    def mount(self, item: Any, path: tuple[Key, ...]) -> Any:
        """A directory of the host that is not there is made. Options without an effect are left out."""
        if not isinstance(item, str):
            return item
        parts = re.split(r":(?![^{}]*\})", item)  # a variable may have a default: ${DATA:-./data}
        *kept, options = parts if len(parts) == 3 else (item, "")
        given = [option for option in options.split(",") if option]
        if unknown := [option for option in given if option not in _MOUNT_OPTIONS]:
            self.note(path, f"{','.join(unknown)} is left out: it has no effect here")
        short = ":".join([*kept, *filter(None, [",".join(o for o in given if o in _MOUNT_OPTIONS)])])
        meant = self._meant(Mount.short, short)
        if meant is None or meant["type"] != "bind" or self._is_there(self._expanded(meant["source"])):
            return short
        self.note(path, f"{meant['source']} is made if it is not there, as in Compose: create_host_path")
        table = {
            **Mount.short(":".join(["./x", *short.removeprefix(parts[0]).split(":")[1:]])),
            "source": parts[0],
        }
        return {**table, "bind": {**table.get("bind", {}), "create_host_path": True}}

    def _meant(self, read: Callable[[object], dict[str, Any]], item: Any) -> dict[str, Any] | None:
        """The table that a short form stands for once its variables are replaced; None if it stands for none."""
        try:
            return read(self._expanded(item))
        except ValueError:
            return None

    def _expanded(self, item: Any) -> Any:
        return str(expand(item, self.lookup, strict=False)[0]) if isinstance(item, str) else item

    def _is_there(self, path: str) -> bool:
        return self.directory is None or (self.directory / Path(path).expanduser()).exists()


def _is_names(path: tuple[Key, ...]) -> bool:
    """Whether the keys of the table at a path are names that the file chooses: an empty value says something there."""
    return path[-1] in (
        "environment",
        "args",
        "labels",
        "networks",
        "volumes",
        "secrets",
        "configs",
        "sysctls",
        "annotations",
    )
