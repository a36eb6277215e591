"""The `docker` commands of a script as one stack: what they make, what belongs together, and what has to come first."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from msgspec import Struct

from stackctl.convert.bash.script import DockerCommand, Note, Reading
from stackctl.convert.bash.shell import Word
from stackctl.convert.docker.flags import (
    BUILD,
    CONNECT,
    GLOBAL,
    NETWORK,
    PLAIN,
    RUN,
    VOLUME,
    Divided,
    divide,
)
from stackctl.convert.docker.paths import host_path
from stackctl.convert.docker.service import Path, Table, service_table
from stackctl.convert.unset import is_known, plain
from stackctl.errors import Problem, Severity
from stackctl.spec.image_ref import ImageRef, is_reference
from stackctl.spec.source.locate import Source

_OTHER_WORLDS = {
    "compose": "a compose file is no script: `stackctl` reads only a stack.toml",
    "stack": "it has a meaning only in a Swarm",
    "service": "it has a meaning only in a Swarm",
    "swarm": "it has a meaning only in a Swarm",
}
_REMOVING = frozenset("stop rm kill start restart pause unpause rename update attach wait".split())
_DONE_BY_UP = frozenset({"pull", "login", "logout", "tag"})
_MODES = frozenset({"none", "host", "bridge"})
BY_HAND = "by-hand"
"""The profile of containers that a person starts for a session at the terminal."""


class Container(Struct):
    """A container that the script makes. `section` is `services` or `jobs`."""

    name: str
    section: str
    table: Table
    command: DockerCommand
    detached: bool

    @property
    def path(self) -> Path:
        return (self.section, self.name)


class ScriptStack:
    """What a script makes, as the tree of a stack.toml. Values still hold the marks of unset variables."""

    def __init__(self, reading: Reading) -> None:
        self.reading = reading
        self.source = Source(reading.script.file, reading.script.source.decode(errors="replace"))
        self.containers: dict[str, Container] = {}
        self.networks: dict[str, dict[str, Any]] = {}
        self.volumes: dict[str, dict[str, Any]] = {}
        self.built: dict[str, tuple[dict[str, Any], DockerCommand]] = {}
        self.places: dict[Path, int] = {}
        self.notes: list[tuple[int, str]] = []
        self.findings: list[Problem] = []
        self.strangers: dict[str, int] = {}
        """The containers that the script stops or starts, and where."""
        self.engines: set[str] = set()
        """The engines on which it makes containers; "" for the usual one."""
        self.reasons: dict[tuple[str, str], str] = {}
        """Why one container waits for another."""
        for command in reading.commands:
            self._command(command)
        self._finish()

    # What is told

    def note(self, at: int, message: str) -> None:
        self.notes.append((at, message))

    def find(self, rule: str, at: int, message: str, hint: str = "", severity: Severity = "error") -> None:
        line, column = self.reading.script.place(at)
        place = self.source.at(line, column)
        self.findings.append(Problem((), message, hint, rule=rule, severity=severity, place=place))

    def all_notes(self) -> list[Note]:
        own = (Note(*self.reading.script.place(at), message) for at, message in self.notes)
        return sorted(dict.fromkeys([*self.reading.notes, *own]))

    # The commands

    def _command(self, command: DockerCommand) -> None:
        globally = divide(command.words[1:], GLOBAL)
        at = command.words[0].at
        host = globally.last("host") or globally.last("context")
        if host:
            self.note(
                at, f"this runs on the engine {plain(host)}: give it to stackctl as --host or --context"
            )
        words = globally.words
        if words and words[0].text in ("container", "image", "builder", "buildx"):
            words = words[1:]
        if not words:
            return
        name, rest = plain(words[0].text), words[1:]
        if name in ("network", "volume") and rest:
            self._resource(name, plain(rest[0].text), rest[1:])
        elif name in ("run", "create"):
            self.engines.add(host)
            self._run(command, rest, detached=name == "create")
        elif name == "build":
            self._build(command, rest)
        elif name in _REMOVING:
            for word in self._divide(rest, PLAIN).words:
                self.strangers.setdefault(plain(word.text), word.at)
        elif name == "exec":
            self._exec(at, rest)
        elif name in _OTHER_WORLDS:
            self.note(at, f"docker {name} is not imported: {_OTHER_WORLDS[name]}")
        elif name not in _DONE_BY_UP:
            self.note(at, f"docker {name} is not imported: it makes no part of a stack")

    def _divide(self, words: Sequence[Word], grammar: Any) -> Divided:
        divided = divide(words, grammar)
        for at, message in divided.wrong:
            self.note(at, f"{plain(message)}; the flag is not imported")
        return divided

    def _exec(self, at: int, words: Sequence[Word]) -> None:
        inside = [plain(word.text) for word in divide(words, RUN).words]
        if inside:
            self.note(
                at,
                f"docker exec is not imported: after `up`, `stackctl exec {' '.join(inside)[:60]}` does the same",
            )

    def _resource(self, kind: str, verb: str, words: Sequence[Word]) -> None:
        if kind == "network" and verb == "connect":
            self._connect(words)
        elif verb == "create":
            given = self._divide(words, NETWORK if kind == "network" else VOLUME)
            names = [*given.words, *(Word(option.value, option.at) for option in given.all("name"))]
            for word in names[:1]:
                there = self.networks if kind == "network" else self.volumes
                there[plain(word.text)] = self._settings(kind, given)
                self.places[f"{kind}s", plain(word.text)] = word.at

    def _settings(self, kind: str, given: Divided) -> dict[str, Any]:
        usual = "bridge" if kind == "network" else "local"
        settings: dict[str, Any] = {}
        for option in given.options:
            key, _, value = option.value.partition("=")
            match option.name:
                case "driver" if option.value != usual:
                    settings["driver"] = option.value
                case "internal" | "attachable" if option.on:
                    settings[option.name] = True
                case "opt":
                    settings.setdefault("driver_opts", {})[plain(key)] = value
                case "label":
                    settings.setdefault("labels", {})[plain(key)] = value
                case "driver" | "name" | "internal" | "attachable":
                    pass
                case _:
                    self.note(
                        option.at, f"--{option.name} {plain(option.value)} of the {kind} is not imported"
                    )
        return settings

    def _connect(self, words: Sequence[Word]) -> None:
        given = self._divide(words, CONNECT)
        if len(given.words) != 2:
            return
        network, name = (plain(word.text) for word in given.words)
        container = self.containers.get(name)
        if container is None:
            self.strangers.setdefault(name, given.words[1].at)
            return
        table = container.table
        if "network_mode" in table.values:
            self.note(given.words[0].at, f"{name} cannot join {network} beside its network mode")
            return
        if "networks" not in table.values:
            table.put("networks", "default", {}, given.words[0].at)
        aliases = [option.value for option in given.all("alias")]
        table.put("networks", network, {"aliases": aliases} if aliases else {}, given.words[0].at)

    def _build(self, command: DockerCommand, words: Sequence[Word]) -> None:
        given = self._divide(words, BUILD)
        context = given.words[0].text if given.words else "."
        if re.match(r"-$|https?:|git@|git:", context):
            self.note(command.words[0].at, f"a build from {plain(context)!r} is not imported")
            return
        path = host_path(
            context if context.startswith(("/", "~")) or not is_known(context) else f"./{context}",
            command.directory,
        )
        build: dict[str, Any] = {"context": path}
        if file := given.last("file"):
            build["dockerfile"] = posixpath.relpath(file, context) if is_known(file + context) else file
        if target := given.last("target"):
            build["target"] = target
        arguments = [option.value.partition("=") for option in given.all("build-arg")]
        if arguments:
            build["args"] = {plain(k): v if equals else {"from_env": True} for k, equals, v in arguments}
        for option in given.options:
            if option.name not in (
                "file",
                "target",
                "build-arg",
                "tag",
                "quiet",
                "pull",
                "rm",
                "force-rm",
                "load",
                "progress",
            ):
                self.note(option.at, f"--{option.name} of docker build is not imported")
        tags = given.all("tag")
        if not tags:
            self.note(
                command.words[0].at,
                "a build without -t: no container of the script can use its image by name",
            )
        for tag in tags:
            self.built[_tagged(plain(tag.value))] = build, command
            early = [
                each
                for each in self.containers.values()
                if _tagged(plain(each.table.values["image"])) == _tagged(plain(tag.value))
            ]
            for container in early:
                self.find(
                    "",
                    container.table.places["image",],
                    f"{container.name} runs the image {plain(tag.value)} before the script builds it",
                    "build first; stackctl always does",
                    "warning",
                )

    def _run(self, command: DockerCommand, words: Sequence[Word], *, detached: bool) -> None:
        given = self._divide(words, RUN)
        if not given.words or not given.words[0].text.strip():
            self.note(command.words[0].at, "docker run has no image here: nothing is imported")
            return
        image = given.words[0]
        if is_known(image.text) and not _is_image(image.text):
            self.find(
                "",
                image.at,
                f"{image.text!r} is not the name of an image: docker refuses this command, and it is not imported",
                "often a space is missing before the \\ at the end of the line above",
            )
            return
        table = service_table(given, command.directory)
        detached = detached or given.on("detach")
        name = self._name(given)
        written = plain(given.last("name"))
        if name in self.containers:
            self._again(self.containers[name], table, command)
            return
        if given.on("rm"):
            self.note(
                next(option.at for option in given.options if option.name == "rm"),
                f"--rm of {name} is dropped: `stackctl down` removes containers",
            )
        section = "services"
        if not detached and given.on("rm") and not given.on("tty") and "command" in table.values:
            section = "jobs"
        if (
            not detached
            and given.on("tty")
            and given.on("interactive")
            and (given.on("rm") or "command" in table.values)
        ):
            table.set("profiles", [BY_HAND], command.words[0].at)
            self.note(
                command.words[0].at,
                f"{name} is a session at the terminal: `up` leaves it out, `stackctl --profile {BY_HAND} up {name}` starts it",
            )
        if written and written != name:
            self.note(
                command.words[0].at, f"{written!r} cannot be the name of a service: it is called {name}"
            )
        self.containers[name] = Container(name, section, table, command, detached)
        self._networks(name, table, given)
        for volume, at in table.volumes.items():
            self.volumes.setdefault(volume, {})
            self.places.setdefault(("volumes", volume), at)

    def _name(self, given: Divided) -> str:
        """The name of the service: that of the container, else that of the image."""
        if written := given.last("name"):
            return re.sub(r"[^a-zA-Z0-9._-]+", "-", plain(written)).lstrip("._-") or "service"
        repository = ImageRef.parse(plain(given.words[0].text)).repository.rpartition("/")[2]
        name = re.sub(r"[^a-zA-Z0-9._-]+", "-", repository).strip("._-") or "service"
        number = 1
        while (free := name if number == 1 else f"{name}-{number}") in self.containers:
            number += 1
        return free

    def _again(self, first: Container, table: Table, command: DockerCommand) -> None:
        line = first.command.line
        if first.table.values == table.values:
            self.note(command.words[0].at, f"the same container as in line {line}")
        else:
            self.find(
                "SC109",
                command.words[0].at,
                f"a second container called {first.name!r}: the first one is made in line {line}; only that one is imported",
                "give each container its own name",
            )

    def _networks(self, name: str, table: Table, given: Divided) -> None:
        networks = given.all("network")
        aliases = [option.value for option in given.all("network-alias")]
        for option in networks:
            network = plain(option.value)
            if network in _MODES or network.startswith("container:"):
                table.set("network_mode", network, option.at)
                continue
            parts = dict(part.partition("=")[::2] for part in network.split(",") if "=" in part)
            network = parts.get("name", network)
            given_alias = [parts["alias"]] if "alias" in parts else []
            table.put(
                "networks",
                network,
                {"aliases": [*aliases, *given_alias]} if aliases or given_alias else {},
                option.at,
            )
        for option in given.all("link"):
            self._link(name, table, option.value, option.at)

    def _link(self, name: str, table: Table, value: str, at: int) -> None:
        target, _, alias = plain(value).partition(":")
        other = self.containers.get(target)
        if other is None or target == name:
            self.note(at, f"--link {plain(value)}: the script does not make {target} before this line")
            return
        self._wait(self.containers[name], target, "--link")
        alias = alias.rpartition("/")[2] or target
        if alias == target:
            return
        shared = set(table.values.get("networks", {"default": {}})) & set(
            other.table.values.get("networks", {"default": {}})
        )
        for network in sorted(shared):
            if "networks" not in other.table.values:
                other.table.put("networks", network, {}, at)
            use = other.table.values["networks"][network]
            if alias not in use.setdefault("aliases", []):
                use["aliases"].append(alias)

    # What follows from all of them

    def _wait(self, container: Container, other: str, why: str) -> None:
        if other not in container.table.values.setdefault("depends_on", []):
            container.table.values["depends_on"].append(other)
            self.reasons[container.name, other] = why

    def wait(self, name: str, other: str, why: str) -> None:
        """Let a container wait for another one, unless the other one waits for it."""
        if name != other and name not in self._before(other):
            self._wait(self.containers[name], other, why)

    def _before(self, name: str) -> set[str]:
        """Everything that a container waits for, and itself."""
        seen: set[str] = set()
        todo = [name]
        while todo:
            if (each := todo.pop()) not in seen and each in self.containers:
                seen.add(each)
                todo += self.containers[each].table.values.get("depends_on", [])
        return seen

    def _finish(self) -> None:
        for container in self.containers.values():
            values = container.table.values
            mode = values.get("network_mode", "")
            if mode.startswith("container:") and mode.removeprefix("container:") in self.containers:
                values["network_mode"] = f"service:{mode.removeprefix('container:')}"
            if found := self.built.get(_tagged(plain(values["image"]))):
                values["build"] = found[0]
            for network in values.get("networks", {}):
                if network not in self.networks and network != "default":
                    self._forgotten(container, network)
            for at, message in container.table.notes:
                self.note(at, message)
        self._blocking()
        for name, at in self.strangers.items():
            if name not in self.containers and is_known(name):
                self.note(
                    at, f"the script does not make the container {name!r}: it belongs to something else"
                )

    def _forgotten(self, container: Container, network: str) -> None:
        at = container.table.places["networks", network]
        self.networks[network] = {}
        self.places["networks", network] = at
        self.find(
            "SC101",
            at,
            f"{container.name} joins the network {network!r}, which the script never creates",
            f'docker stops at "network {network} not found", and a dead container keeps the name; here the stack creates it',
        )

    def _blocking(self) -> None:
        containers = list(self.containers.values())
        for container in containers[:-1]:
            if (
                not container.detached
                and container.section == "services"
                and "profiles" not in container.table.values
            ):
                self.note(
                    container.command.words[0].at,
                    f"without -d the script stops here until {container.name} ends; stackctl starts it in the background",
                )

    def tree(self) -> dict[str, Any]:
        """The stack as the tree of a stack.toml."""
        sections: dict[str, dict[str, Any]] = {"services": {}, "jobs": {}}
        for container in self.containers.values():
            sections[container.section][container.name] = container.table.values
        return {**sections, "networks": self.networks, "volumes": self.volumes}

    def every_place(self) -> dict[Path, int]:
        """Where each part of the tree stands in the script, as offsets."""
        places = dict(self.places)
        for container in self.containers.values():
            places[container.path] = container.command.words[0].at
            places |= {(*container.path, *path): at for path, at in container.table.places.items()}
        return places


def texts(tree: Any, change: Callable[[str], Any]) -> Any:
    """The tree with each of its texts changed."""
    match tree:
        case dict():
            return {key: texts(item, change) for key, item in tree.items()}
        case list():
            return [texts(item, change) for item in tree]
        case str():
            return change(tree)
    return tree


def every_text(tree: Any, path: Path = ()) -> Iterator[tuple[Path, str]]:
    """Each text of the tree with its path."""
    items = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, item in items:
        if isinstance(item, str):
            yield (*path, key), item
        else:
            yield from every_text(item, (*path, key))


def _is_image(text: str) -> bool:
    """Whether a text can name an image. Only the tag may have capital letters."""
    return is_reference(text) and not re.search("[A-Z]", ImageRef.parse(text).repository)


def _tagged(image: str) -> str:
    return ImageRef.parse(image).tagged
