"""The `docker` commands of a script as one stack: what they make, what belongs together, and what has to come first."""

from __future__ import annotations

import contextlib
import itertools
import pathlib
import re
import shlex
from collections.abc import Sequence
from typing import Any

from stackctl.convert.bash.script import DockerCommand, Note, Reading, Wait
from stackctl.convert.bash.shell import Word
from stackctl.convert.docker.build import Built, built, tagged
from stackctl.convert.docker.checks import Container, check, known_server, target
from stackctl.convert.docker.exported import Export, Exported, exported
from stackctl.convert.docker.flags import (
    CONNECT,
    GLOBAL,
    NETWORK,
    PLAIN,
    PULL,
    RUN,
    VOLUME,
    Divided,
    Option,
    divide,
)
from stackctl.convert.docker.paths import host_path
from stackctl.convert.docker.questions import question
from stackctl.convert.docker.resources import place, resource_settings
from stackctl.convert.docker.service import service_table
from stackctl.convert.docker.table import Path, Table
from stackctl.convert.unset import is_known, plain
from stackctl.errors import Problem, Severity
from stackctl.spec.image_ref import ImageRef, is_reference
from stackctl.spec.known_images import BUILT_IN, KnownImages
from stackctl.spec.model import Mount
from stackctl.spec.source.locate import Source

_OTHER_WORLDS = {
    "compose": "a compose file is no script: `stackctl` reads only a stack.toml",
    "stack": "it has a meaning only in a Swarm",
    "service": "it has a meaning only in a Swarm",
    "swarm": "it has a meaning only in a Swarm",
}
_REMOVING = frozenset("stop rm kill start restart pause unpause rename update attach wait".split())
_DONE_BY_UP = frozenset({"login", "logout", "wait"})
_BUILDERS = ("image", "builder", "buildx")
_ABOUT_IMAGES = ("build", "pull", "tag")
"""What stands behind one of these words, and is a command of its own."""
_MODES = frozenset({"none", "host", "bridge"})
_MADE = {"bind": {"create_host_path": True}}
"""A directory of the host that is made if it is not there."""
BY_HAND = "by-hand"
"""The profile of containers that a person starts for a session at the terminal."""


class ScriptStack:
    """What a script makes, as the tree of a stack.toml. Values still hold the marks of unset variables.

    `literal`: only what docker makes. No check is taken from a wait, and comments of an exported script count for nothing.
    `directory`: where the stack.toml will stand, to look which directories are there; None if nobody knows.
    """

    def __init__(
        self,
        reading: Reading,
        images: KnownImages = BUILT_IN,
        *,
        literal: bool = False,
        directory: pathlib.Path | None = None,
    ) -> None:
        self.reading = reading
        self.images = images
        self.source = Source(reading.script.file, reading.script.source.decode(errors="replace"))
        self.containers: dict[str, Container] = {}
        self.networks: dict[str, dict[str, Any]] = {}
        self.volumes: dict[str, dict[str, Any]] = {}
        self.secrets: dict[str, dict[str, str]] = {}
        self.built: dict[str, Built] = {}
        """The builds by the names of their images."""
        self.places: dict[Path, int] = {}
        self.notes: list[tuple[int, str]] = []
        self.findings: list[Problem] = []
        self.strangers: dict[str, int] = {}
        """The containers that the script stops or starts, and where."""
        self.engines: set[str] = set()
        """The engines on which it makes containers; "" for the usual one."""
        self.reasons: dict[tuple[str, str], str] = {}
        """Why one container waits for another."""
        self.conditions: dict[tuple[str, str], dict[str, Any]] = {}
        """How one container waits for another, if not in the usual way."""
        self.left_out = 0
        """How many `docker run` cannot be read as a container."""
        self.called: dict[str, str] = {}
        """The keys of the containers by their names."""
        self.created: set[Path] = set()
        """The networks and volumes that the script creates, by section and key."""
        self.pulled: set[str] = set()
        self.healthy: set[str] = set()
        """The containers whose health the script asks the engine for."""
        self.waited: list[tuple[Wait, str]] = []
        """Where the script waits for which container."""
        self.export = None if literal else exported(reading.script)
        """What the script says of itself if stackctl has written it."""
        for command in reading.commands:
            self._command(command)
        if not literal:
            self._questions()
            self._bound_directories(directory)
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
        globally = divide(self.export.words(command)[1:] if self.export else command.words[1:], GLOBAL)
        at = command.words[0].at
        host = globally.last("host") or globally.last("context")
        if host:
            self.note(
                at, f"this runs on the engine {plain(host)}: give it to stackctl as --host or --context"
            )
        words = globally.words
        if words and words[0].text == "container":
            words = words[1:]
        if not words:
            return
        name, rest = plain(words[0].text), words[1:]
        if name in _BUILDERS and rest and rest[0].text in _ABOUT_IMAGES:
            name, rest = rest[0].text, rest[1:]
        if name in ("network", "volume") and rest:
            self._resource(name, plain(rest[0].text), rest[1:])
        elif name in ("run", "create"):
            self.engines.add(host)
            self._run(command, rest, detached=name == "create")
        elif name == "build":
            self._build(command, rest)
        elif name == "tag" and len(rest) == 2:
            self._tag(rest[0], rest[1])
        elif name in _REMOVING:
            for word in self._divide(rest, PLAIN).words:
                self.strangers.setdefault(plain(word.text), word.at)
        elif name == "exec":
            self._exec(at, rest)
        elif name in _OTHER_WORLDS:
            self.note(at, f"docker {name} is not imported: {_OTHER_WORLDS[name]}")
        elif name == "pull":
            self.pulled |= {plain(word.text) for word in self._divide(rest, PULL).words}
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
            name, line = self.called.get(inside[0], inside[0]), shlex.join(inside[1:])
            line = line if len(line) <= 60 else f"{shlex.join(inside[1:2])} …"
            self.note(
                at, f"docker exec is not imported: after `up`, `stackctl exec {name} {line}` does the same"
            )

    def _resource(self, kind: str, verb: str, words: Sequence[Word]) -> None:
        if kind == "network" and verb == "connect":
            self._connect(words)
        elif verb == "create":
            given = self._divide(words, NETWORK if kind == "network" else VOLUME)
            names = [*given.words, *(Word(option.value, option.at) for option in given.all("name"))]
            for word in names[:1]:
                there = self.networks if kind == "network" else self.volumes
                key = self._key(plain(word.text))
                there[key] = self._named(plain(word.text), key) | resource_settings(kind, given, self.note)
                self.places[f"{kind}s", key] = word.at
                self.created.add((f"{kind}s", key))

    def _key(self, name: str) -> str:
        """The key of a network or a volume."""
        return self.export.key(name) if self.export else name

    def _named(self, name: str, key: str) -> dict[str, Any]:
        """The settings that give a network or a volume of an exported stack its own name."""
        return {"name": name} if self.export and not self.export.is_usual(name, key) else {}

    def _connect(self, words: Sequence[Word]) -> None:
        given = self._divide(words, CONNECT)
        if len(given.words) != 2:
            return
        network, name = self._key(plain(given.words[0].text)), plain(given.words[1].text)
        container = self.container(name)
        if container is None:
            self.strangers.setdefault(name, given.words[1].at)
            return
        table = container.table
        if "network_mode" in table.values:
            self.note(given.words[0].at, f"{name} cannot join {network} beside its network mode")
            return
        if "networks" not in table.values:
            table.put("networks", "default", {}, given.words[0].at)
        aliases = self._aliases(container.name, [option.value for option in given.all("alias")])
        use = {"aliases": aliases} if aliases else {}
        table.put("networks", network, use | place(given), given.words[0].at)

    def _build(self, command: DockerCommand, words: Sequence[Word]) -> None:
        table = built(command, words)
        self.notes += table.notes
        if "context" not in table.values:
            return
        self._build_secrets(table)
        for tag in table.tags:
            image = tagged(plain(tag.value))
            self.built[image] = table
            for container in self.containers.values():
                if tagged(plain(container.table.values["image"])) == image:
                    self.find(
                        "",
                        container.table.places["image",],
                        f"{container.name} runs the image {plain(tag.value)} before the script builds it",
                        "build first; stackctl always does",
                        "warning",
                    )

    def _tag(self, source: Word, target: Word) -> None:
        """Another name of an image that the script builds is one more tag of its build."""
        if built := self.built.get(tagged(plain(source.text))):
            built.tags.append(Option("tag", target.text, target.at))
            self.built[tagged(plain(target.text))] = built

    def _build_secrets(self, table: Built) -> None:
        """The secrets of the stack that a build reads. Another secret with the same id gets another name."""
        for index, use in enumerate(table.values.get("secrets", ())):
            source = table.secrets[use]
            names = (use if number == 1 else f"{use}-{number}" for number in itertools.count(1))
            name = next(name for name in names if self.secrets.get(name, source) == source)
            self.secrets[name] = source
            self.places["secrets", name] = table.places["secrets", index]
            if name != use:
                table.values["secrets"][index] = {"source": name, "target": use}

    def _run(self, command: DockerCommand, words: Sequence[Word], *, detached: bool) -> None:
        given = self._divide(words, RUN)
        if not given.words or not given.words[0].text.strip():
            self.left_out += 1
            self.note(command.words[0].at, "docker run has no image here: nothing is imported")
            return
        image = given.words[0]
        if is_known(image.text) and not _is_image(image.text):
            self.left_out += 1
            dash = re.match("[‐-―−]", image.text)
            hint = "often a space is missing before the \\ at the end of the line above"
            if dash:
                hint = f"{dash[0]!r} is no hyphen, it was made by a text editor: write -"
            elif image.text.startswith("="):
                hint = "write NAME=value, without a space on either side of ="
            self.find(
                "SC309",
                image.at,
                f"{image.text!r} is not the name of an image: docker refuses this command, and it is not imported",
                hint,
            )
            return
        table = service_table(given, command.directory, self._key)
        self._quoted_twice(table)
        detached = detached or given.on("detach")
        own = self.export.service(command) if self.export else None
        name = own.service if own and own.service not in self.containers else self._name(given)
        written = plain(given.last("name"))
        if name in self.containers:
            self._again(self.containers[name], table, command)
            return
        if given.on("rm") and (detached or "command" not in table.values):
            self.note(
                next(option.at for option in given.options if option.name == "rm"),
                f"--rm of {name} is dropped: `stackctl down` removes containers",
            )
        section = own.section if own else "services"
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
        if own and self.export:
            self._as_written(table, own, written)
        elif written and written != name:
            self.note(
                command.words[0].at, f"{written!r} cannot be the name of a service: it is called {name}"
            )
        self.containers[name] = Container(name, section, table, command, detached, bool(written))
        self.called[written or name] = name
        self._networks(name, table, given)
        for volume, at in table.volumes.items():
            self.volumes.setdefault(volume, {})
            self.places.setdefault(("volumes", volume), at)

    def _quoted_twice(self, table: Table) -> None:
        for name, value in table.values.get("environment", {}).items():
            if isinstance(value, str) and re.fullmatch(r"(?s)'.*'|\".*\"", value):
                message = f"the quotes belong to the value of {name}: the program gets them, too"
                hint = f"bash takes away only the outer quotes: write -e {name}='…'"
                self.find("SC309", table.places["environment", name], message, hint, "warning")

    def _as_written(self, table: Table, own: Exported, written: str) -> None:
        """Leave out what `up` does by itself for a stack that was exported."""
        assert self.export is not None
        if written != self.export.container_name(own.service):
            table.set("container_name", written, table.places["image",])
        if table.values.get("init") is True:
            del table.values["init"]
        if "ports" in table.values:
            table.values["ports"] = [
                port.removeprefix("127.0.0.1:").removeprefix(":") for port in table.values["ports"]
            ]
        for other, settings in own.needs.items():
            table.values.setdefault("depends_on", []).append(other)
            if settings:
                self.conditions[own.service, other] = dict(settings)

    def container(self, name: str) -> Container | None:
        """The container that docker calls so."""
        return self.containers.get(self.called.get(name, name))

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
        aliases = self._aliases(name, [option.value for option in given.all("network-alias")])
        for option in networks:
            network = plain(option.value)
            if network in _MODES or network.startswith("container:"):
                table.set("network_mode", network, option.at)
                continue
            parts = dict(part.partition("=")[::2] for part in network.split(",") if "=" in part)
            network = self._key(parts.get("name", network))
            given_alias = [parts["alias"]] if "alias" in parts else []
            table.put(
                "networks",
                network,
                ({"aliases": [*aliases, *given_alias]} if aliases or given_alias else {})
                | (place(given) if option is networks[0] else {}),
                option.at,
            )
        for option in given.all("link"):
            self._link(name, table, option.value, option.at)

    def _aliases(self, name: str, given: list[str]) -> list[str]:
        """The aliases that have to be said: a service answers to its own name."""
        return [alias for alias in given if plain(alias) != name] if self.export else given

    def _link(self, name: str, table: Table, value: str, at: int) -> None:
        target, _, alias = plain(value).partition(":")
        other = self.container(target)
        if other is None or other.name == name:
            self.note(at, f"--link {plain(value)}: the script does not make {target} before this line")
            return
        self._wait(self.containers[name], other.name, "--link")
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
        self._directories()
        for container in self.containers.values():
            values = container.table.values
            for key in ("network_mode", "ipc", "pid"):
                mode = str(values.get(key, ""))
                if mode.startswith("container:") and (
                    other := self.container(mode.removeprefix("container:"))
                ):
                    values[key] = f"service:{other.name}"
            for index, source in enumerate(values.get("volumes_from", ())):
                name, colon, access = plain(source).partition(":")
                known = self.container(name)
                values["volumes_from"][index] = (
                    (known.name if known else f"container:{name}") + colon + access
                )
            image = tagged(plain(values["image"]))
            if found := self.built.get(image):
                values["build"] = found.of(image)
                container.table.places |= {("build", *path): at for path, at in found.places.items()}
            for network in values.get("networks", {}):
                if network in self.networks or network == "default":
                    continue
                if self.export or ("network", "inspect", network) in self.reading.inspected:
                    self.networks[network] = {"external": True}
                else:
                    self._forgotten(container, network)
            for at, message in container.table.notes:
                self.note(at, message)
            if self.pulled_first(image) and "build" in values:
                values["pull_policy"] = "missing"
        for volume in self.volumes:
            asked = ("volume", "inspect", volume) in self.reading.inspected
            if asked and ("volumes", volume) not in self.created:
                self.volumes[volume]["external"] = True
        if self.export:
            self._exported(self.export)
        self._blocking()
        for name, at in self.strangers.items():
            if self.container(name) is None and is_known(name):
                self.note(
                    at, f"the script does not make the container {name!r}: it belongs to something else"
                )

    def pulled_first(self, image: str) -> bool:
        """Whether the script pulls an image without asking whether it is there."""
        inspected = {words[-1] for words in self.reading.inspected if words[:2] == ("image", "inspect")}
        return image in {tagged(each) for each in self.pulled - inspected}

    def _exported(self, export: Export) -> None:
        """What is not there in a stack.toml because it is usual."""
        for container in self.containers.values():
            values = container.table.values
            if values.get("networks") == {"default": {}}:
                del values["networks"]
            if self.pulled_first(tagged(plain(values["image"]))) and "build" not in values:
                values["pull_policy"] = "always"
            if "build" in values and values["image"] == f"{export.project}-{container.name}":
                del values["image"]
        if not self.networks.get("default", True):
            del self.networks["default"]

    def _bound_directories(self, directory: pathlib.Path | None) -> None:
        """Docker makes a directory of the host that is not there: `up` does so, too, if it is surely meant as a directory."""
        made = {host_path(path) for path in self.reading.directories}
        for container in self.containers.values() if not self.export else ():
            known = self.images.of(plain(container.table.values["image"]))
            mounts = container.table.values.get("volumes", [])
            for index, mount in enumerate(mounts):
                if not isinstance(mount, str) or not mount.startswith((".", "/", "~")):
                    continue
                with contextlib.suppress(ValueError):  # it is noted where the stack is examined
                    table = Mount.short(mount)
                    if table["type"] != "bind":
                        continue
                    if known and table["target"].rstrip("/") in known.data:
                        mounts[index] = table | _MADE
                    elif (
                        directory
                        and table["source"] not in made
                        and _is_forgotten(directory, table["source"])
                    ):
                        mounts[index] = table | _MADE
                        self.note(
                            container.table.places["volumes", index],
                            f"{table['source']} is not there: `up` makes an empty directory, as docker does",
                        )

    def _directories(self) -> None:
        """A directory that the script makes is made by `up`."""
        made = {
            host_path(self.export.path(path) if self.export else path): at
            for path, at in self.reading.directories.items()
        }
        used = set()
        for container in self.containers.values():
            mounts = container.table.values.get("volumes", [])
            for index, mount in enumerate(mounts):
                if isinstance(mount, str):
                    source = mount.partition(":")[0] if mount.startswith((".", "/", "~")) else ""
                else:
                    source = mount.get("source", "") if mount["type"] == "bind" else ""
                if (source := host_path(source)) in made:
                    used.add(source)
                    with contextlib.suppress(ValueError):  # it is noted where the stack is examined
                        table = Mount.short(mount) if isinstance(mount, str) else mount
                        mounts[index] = {**table, "bind": table.get("bind", {}) | _MADE["bind"]}
        for path, at in made.items():
            if path not in used:
                self.note(at, f"mkdir {plain(path)}: only docker commands are imported")

    def _questions(self) -> None:
        """What the script waits for becomes the check of a service."""
        targets = [target(container, self.called) for container in self.containers.values()]
        for wait in self.reading.waits:
            asked = question(wait, targets)
            if asked is None:
                self.note(
                    wait.at,
                    "what this waits for is not known: it is dropped, `up` waits until each service is ready",
                )
                continue
            container = self.containers[asked.container]
            self.waited.append((wait, container.name))
            if asked.state == "healthy" and not self.export:
                self.healthy.add(container.name)
            if asked.state == "ended":
                container.section = "jobs"
            told = check(container, asked, wait.at, self.images, exported=self.export is not None)
            if not self.export:
                self.note(wait.at, f"this waits for {container.name}: {told}")

    def wait_in_order(self, name: str) -> None:
        """Let a container wait for those that the script waits for, or runs to their end, before it starts the container."""
        container = self.containers[name]
        if known_server(container, self.images):
            return  # a database needs nobody
        commands = self.reading.commands
        at = commands.index(container.command)
        before = [
            (wait.after, other, f"line {self.reading.script.place(wait.at)[0]} waits for it")
            for wait, other in self.waited
        ]
        before += [
            (commands.index(job.command) + 1, other, f"line {job.command.line} runs it to its end first")
            for other, job in self.containers.items()
            if job.section == "jobs" and not job.detached
        ]
        for after, other, why in sorted(before, reverse=True):  # the last one may wait for the others itself
            if after <= at and other not in self._before(name):
                self.wait(name, other, why)
        if container.section == "jobs" and not container.table.values.get("depends_on"):
            self._after_servers(container)

    def _after_servers(self, job: Container) -> None:
        """Let a job, of which nothing tells what it uses, wait for the servers that the script starts before it."""
        joined = set(job.table.values.get("networks", {"default": {}}))
        for other in self.containers.values():
            if other.name == job.name:
                break
            shared = joined & set(other.table.values.get("networks", {"default": {}}))
            if shared and known_server(other, self.images):
                self.wait(job.name, other.name, f"line {other.command.line} starts it before")

    def settle(self) -> None:
        """Write the dependencies that need more than a name as tables."""
        for container in self.containers.values():
            others = container.table.values.get("depends_on", [])
            for other in self.healthy.intersection(others):
                if "healthcheck" not in self.containers[other].table.values:
                    self.conditions[container.name, other] = {"condition": "service_healthy"}
            if any((container.name, other) in self.conditions for other in others):
                container.table.values["depends_on"] = {
                    other: self.conditions.get((container.name, other), {}) for other in others
                }

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
        return {**sections, "networks": self.networks, "volumes": self.volumes, "secrets": self.secrets}

    def every_place(self) -> dict[Path, int]:
        """Where each part of the tree stands in the script, as offsets."""
        places = dict(self.places)
        for container in self.containers.values():
            places[container.path] = container.command.words[0].at
            places |= {(*container.path, *path): at for path, at in container.table.places.items()}
        return places


def _is_forgotten(directory: pathlib.Path, source: str) -> bool:
    """Whether a path beside the script is missing and looks like a directory: `./data/logs`, but not `./nginx.conf` or `./Caddyfile`."""
    name = source.rstrip("/").rpartition("/")[2]
    return bool(
        re.fullmatch("[a-z0-9_-]+", name)
        and source.startswith("./")
        and is_known(source)
        and not (directory / source).exists()
    )


def _is_image(text: str) -> bool:
    """Whether a text can name an image. Only the tag may have capital letters."""
    return is_reference(text) and not re.search("[A-Z]", ImageRef.parse(text).repository)
