"""Say with the Docker CLI what a plan does through the API: for each action the `docker` command that does the same.

A command is made of arguments, and each knows the key of stack.toml that it comes from. Words keep their origin (`Text`): a
script can write the name of a variable instead of a secret.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct, field, structs

from stackctl.errors import Key
from stackctl.planner.steps import actions
from stackctl.planner.world import labels
from stackctl.planner.world.desired import (
    USUAL_NETWORK_DRIVER,
    USUAL_VOLUME_DRIVER,
    Attachment,
    DesiredBuild,
    DesiredContainer,
    DesiredFile,
    DesiredMount,
    DesiredNetwork,
    DesiredPort,
    DesiredVolume,
    Image,
    stop_hooks,
)
from stackctl.planner.world.inits import wants_init
from stackctl.planner.world.observed import ImageConfig
from stackctl.spec import flags
from stackctl.spec.model import Build, ConfigSource, FileSource, Hook, PullPolicy, Stack
from stackctl.spec.model.images import is_remote
from stackctl.spec.source.loading import join
from stackctl.spec.text.parts import Part, Text, VariableOrigin, parts
from stackctl.spec.values import Duration

KeyPath = tuple[Key, ...]

DIRECTORY = "STACK_DIR"
"""The variable that stands for the directory of stack.toml in paths below it."""

START_INTERVAL = (1, 44)
"""The first API version with which the CLI accepts `--health-start-interval`."""

OURS = (labels.PREFIX, "com.docker.compose.")
_LONG_NETWORK = r"\w+=\w+"
"""What makes the CLI read the value of `--network` as a list of `name=value`."""


class Argument(Struct, frozen=True):
    """An option with its value, or a word without an option; and the key path in stack.toml that it comes from, if any."""

    words: tuple[str, ...]
    key: KeyPath = ()


class CommandLine(Struct, frozen=True):
    """A `docker` command."""

    verb: tuple[str, ...]
    """What stands before the arguments: `docker network create`."""
    arguments: tuple[Argument, ...] = ()
    unset: tuple[str, ...] = ()
    """Variables that must not be in the environment of the command: `--env NAME` would take their value."""
    notes: tuple[str, ...] = ()
    """What the engine is asked by stackctl and cannot be asked with this command."""

    @property
    def argv(self) -> tuple[str, ...]:
        return (*self.verb, *(word for argument in self.arguments for word in argument.words))


class Docker(Struct, frozen=True):
    """Writes commands for a stack.

    `configs` says what images bring along, by reference, as far as that is known. `api` is the version of the engine's API;
    without it, commands use nothing that old engines refuse.
    """

    stack: Stack
    configs: Mapping[str, ImageConfig] = field(default_factory=dict)
    api: tuple[int, int] = (1, 41)

    def command(self, action: actions.Action) -> CommandLine | None:
        """The command that does what the action does; None for a wait, which is no single command (see `questions.py`), and
        for what is done on a Swarm.
        """
        match action:
            case actions.PullImage(image):
                where = (*self._table(image.services[0]), "platform")
                platform = [Argument(("--platform", image.platform), where)] if image.platform else []
                return CommandLine(("docker", "pull"), (*platform, self._image(image.ref, image.services[0])))
            case actions.BuildImage(image):
                return self.build(image)
            case actions.PushImage(image):
                return CommandLine(("docker", "push"), (self._image(image.ref, image.services[0]),))
            case actions.CreateNetwork(network):
                return self.network(network)
            case actions.CreateVolume(volume):
                return self.volume(volume)
            case actions.CreateContainer(spec, name):
                return self.container(spec, name=name)
            case actions.ConnectNetwork(container, attachment, _):
                aliases = (Argument(("--alias", alias)) for alias in attachment.aliases)
                links = (Argument(("--link", link)) for link in attachment.links)
                return _command(
                    "network connect",
                    *aliases,
                    *links,
                    *_place(attachment, ()),
                    *_operands(attachment.network, container),
                )
            case actions.DisconnectNetwork(container, _, network):
                return _command("network disconnect", Argument(("--force",)), *_operands(network, container))
            case actions.StartContainer(container, _, files):
                copied = tuple(f"copy {file.section}.{file.key} to {file.target} first" for file in files)
                return structs.replace(_command("start", *_operands(container)), notes=copied)
            case actions.RunHook(container, _, hook):
                return _hook(container, hook)
            case actions.StopContainer(container, _, grace, hooks):
                line = _command("stop", Argument(("-t", str(grace))), *_operands(container))
                first = tuple(f"run pre_stop[{number}] first" for number, _ in enumerate(hooks))
                return structs.replace(line, notes=first)
            case actions.PauseContainer(container):
                return _command("pause", *_operands(container))
            case actions.UnpauseContainer(container):
                return _command("unpause", *_operands(container))
            case actions.KillContainer(container, _, signal):
                return _command("kill", Argument(("--signal", signal)), *_operands(container))
            case actions.SetRestart(container, _, policy, times):
                restart = f"{policy}:{times}" if times else policy
                return _command("update", Argument(("--restart", restart)), *_operands(container))
            case actions.RenameContainer(container, _, to):
                return _command("rename", *_operands(container, to))
            case actions.RemoveContainer(container, _, volumes):
                with_volumes = (Argument(("--volumes",)),) if volumes else ()
                return _command("rm", Argument(("--force",)), *with_volumes, *_operands(container))
            case actions.RemoveNetwork(_, name):
                return _command("network rm", *_operands(name))
            case actions.RemoveVolume(name):
                return _command("volume rm", *_operands(name))
            case actions.RemoveImage(image_id):
                return _command("image rm", *_operands(image_id))
            case _:
                return None

    def network(self, network: DesiredNetwork) -> CommandLine:
        key: KeyPath = ("networks", network.key) if network.key in self.stack.networks else ()
        line = _command("network create", *_network(network, key), *_operands(network.name, key=key))
        return structs.replace(line, notes=tuple(_refused(network.labels)))

    def volume(self, volume: DesiredVolume) -> CommandLine:
        key = ("volumes", volume.key)
        driver = () if volume.driver == USUAL_VOLUME_DRIVER else ("--driver", volume.driver)
        line = _command(
            "volume create",
            *([Argument(driver, (*key, "driver"))] if driver else []),
            *_pairs("--opt", volume.options, (*key, "driver_opts")),
            *_pairs("--label", _own(volume.labels), (*key, "labels")),
            *_operands(volume.name, key=key),
        )
        return structs.replace(line, notes=tuple(_refused(volume.labels)))

    def build(self, image: Image) -> CommandLine:
        assert image.build is not None
        build, key = image.build, (*self._table(image.services[0]), "build")
        dockerfile = build.dockerfile if build.remote else self.path(build.context / build.dockerfile)
        usual = build.dockerfile == "Dockerfile"
        inline = build.settings.dockerfile_inline
        line = _command(
            "build",
            Argument(("--tag", image.ref), key),
            *([] if usual else [Argument(("--file", dockerfile), (*key, "dockerfile"))]),
            *_pairs("--build-arg", build.args, (*key, "args")),
            *_build_flags(build.settings, key),
            *self._contexts(build, key),
            *self._build_secrets(build, key),
            Argument((build.remote or self.path(build.context),), (*key, "context")),
        )
        if inline is None:
            return line
        return structs.replace(
            line, notes=("the Dockerfile stands in the file of the stack: write it into a Dockerfile first",)
        )

    def _build_secrets(self, build: DesiredBuild, key: KeyPath) -> Iterator[Argument]:
        for use in build.settings.secrets:
            source = self.stack.secrets[use.source]
            where = (
                joined("src=", self.path(self.stack.directory / source.file))
                if source.file
                else f"env={source.environment}"
            )
            yield Argument(("--secret", joined(f"id={use.target or use.source},", where)), (*key, "secrets"))

    def _contexts(self, build: DesiredBuild, key: KeyPath) -> Iterator[Argument]:
        for name, place in build.contexts.items():
            where = place if "://" in place or is_remote(place) else self.path(Path(place))
            yield Argument(("--build-context", joined(name, "=", where)), (*key, "additional_contexts", name))

    def container(self, spec: DesiredContainer, *, name: str = "", start: bool = False) -> CommandLine:
        """Create a container, under another name if one is given. `start`: start it at once, in the background.

        The container joins its first network; `connect` gives the commands for the others.
        """
        key = (spec.kind + "s", spec.service)
        verb = ("docker", "run", "--detach") if start else ("docker", "create")
        image = self.configs.get(spec.image, ImageConfig())
        entrypoint = spec.entrypoint
        if spec.command == () and entrypoint is None:
            entrypoint = image.entrypoint  # else an empty command means the image's command
        # `--entrypoint` takes one word. The others go before the command: the container runs the same words.
        behind = entrypoint[1:] if entrypoint else ()
        arguments = (
            Argument(("--name", name or spec.name), _first_given(spec, key, "container_name")),
            *_places(spec, key),
            *_environment(spec, key),
            *(_port(port, key) for port in spec.ports),
            *(Argument(("--expose", port), (*key, "expose")) for port in _exposed(spec)),
            *(self._mount(mount, index, spec, key) for index, mount in enumerate(spec.mounts)),
            *_checks(spec, key, self.api),
            *_restart(spec, key),
            *_plain(spec, key),
            *(
                [Argument(("--init",), _first_given(spec, key, "init"))]
                if wants_init(spec, image)
                else _no_init(spec, key)
            ),
            *_pairs("--label", _own(spec.labels), (*key, "labels")),
            *([Argument(("--pull", "never"), (*key, "pull_policy"))] if _never(spec) else []),
            *([] if entrypoint is None else [_entrypoint(entrypoint, key)]),
            *_operands(spec.image, key=(*key, "build" if spec.settings.image is None else "image")),
            *(Argument((word,), (*key, "entrypoint")) for word in behind),
            *(Argument((word,), (*key, "command")) for word in spec.command or ()),
        )
        unset = tuple(variable for variable, value in spec.environment.items() if value is None)
        return CommandLine(verb, arguments, unset, tuple(_notes(spec, image, self.api)))

    def connect(self, spec: DesiredContainer) -> Iterator[CommandLine]:
        """The commands with which a container joins its other networks, before it is started."""
        keys = spec.settings.joined
        for place, network in zip(spec.networks[1:], keys[1:], strict=False):
            key = (spec.kind + "s", spec.service, "networks", network)
            aliases = (Argument(("--alias", alias), key) for alias in _aliases(place.aliases, spec.name))
            links = _links(spec, place.links, key[:2])
            yield _command(
                "network connect",
                *aliases,
                *links,
                *_place(place, key),
                *_operands(place.network, key=key),
                *_operands(spec.name),
            )

    def run(self, spec: DesiredContainer) -> list[CommandLine]:
        """The commands that make a new container and start it. One of several networks is joined by `docker run`; the others must
        be joined, and secrets and configs copied, before the start.
        """
        between = [*self.connect(spec), *self.copies(spec)]
        start = [CommandLine(("docker", "start"), (Argument((spec.name,)),))] if between else []
        return [self.container(spec, start=not between), *between, *start]

    def stop_hooks(self, spec: DesiredContainer) -> Iterator[CommandLine]:
        """The commands that run what is to be run before a container is stopped."""
        return (_hook(spec.name, hook) for hook in stop_hooks(spec.settings))

    def copies(self, spec: DesiredContainer) -> Iterator[CommandLine]:
        """The commands that copy secrets and configs into a container. With `-`, the command reads a tar archive."""
        paths = {
            use.path: (spec.kind + "s", spec.service, section, index)
            for section in ("secrets", "configs")
            for index, use in enumerate(getattr(spec.settings, section))
        }
        for file in spec.files:
            source, where = self.content(file)
            from_file = where[2] == "file"
            target = f"{spec.name}:{file.target if from_file else '/'}"
            words = (source, target) if from_file else ("-", target)
            line = _command("cp", Argument(words, paths.get(file.target, ())))
            note = f"stackctl gives {file.target} to {file.uid}:{file.gid}, mode {file.mode:04o}"
            yield structs.replace(line, notes=(note,))

    def content(self, file: DesiredFile) -> tuple[str, KeyPath]:
        """Where the content of a secret or config is: the path of its file, or the text; and the key that says so."""
        key: KeyPath = (file.section, file.key)
        source: FileSource = getattr(self.stack, file.section)[file.key]
        if source.file is not None:
            return self.path(join(self.stack.directory, Path(source.file))), (*key, "file")
        if source.environment is not None:
            variable = Part(file.content.reveal(), VariableOrigin(source.environment, "shell"))
            return Text.of((variable,)), (*key, "environment")
        if source.swarm_only in source.ELSEWHERE:
            return "", (*key, source.swarm_only)
        assert isinstance(source, ConfigSource)
        return source.content or "", (*key, "content")

    def _table(self, service: str) -> KeyPath:
        return ("jobs" if service in self.stack.jobs else "services", service)

    def _image(self, ref: str, service: str) -> Argument:
        return Argument(tuple(_guarded(ref)), (*self._table(service), "image"))

    def path(self, path: Path | str) -> str:
        """A path of the host. Below the stack's directory it begins with the variable that stands for the directory."""
        directory = self.stack.directory.resolve()
        text = str(path)
        if not Path(text).is_relative_to(directory):
            return text
        return Text.of(
            (Part(str(directory), VariableOrigin(DIRECTORY, "")), Part(text.removeprefix(str(directory))))
        )

    def _mount(self, mount: DesiredMount, index: int, spec: DesiredContainer, key: KeyPath) -> Argument:
        volumes = len(spec.settings.volumes)
        where = (*key, "volumes", index) if index < volumes else (*key, "tmpfs", index - volumes)
        if mount.contents:
            where = (*key, "secrets")
        source = self.path(mount.source) if mount.type == "bind" else mount.source
        if mount.tmpfs_options:
            return Argument(("--tmpfs", f"{mount.target}:{mount.tmpfs_options}"), where)
        if mount.selinux:
            options = ",".join(
                filter(None, ("ro" if mount.read_only else "rw", mount.selinux, mount.propagation))
            )
            return Argument(("--volume", joined(source, f":{mount.target}:{options}")), where)
        fields = [
            f"type={mount.type}",
            *([joined("source=", source)] if source else []),
            f"target={mount.target}",
            *(["readonly"] if mount.read_only else []),
            *(["volume-nocopy"] if mount.nocopy else []),
            *([f"bind-propagation={mount.propagation}"] if mount.propagation else []),
            *([f"bind-recursive={mount.recursive}"] if mount.recursive else []),
            *([f"{mount.type}-subpath={mount.subpath}"] if mount.subpath else []),
            *(joined("volume-label=", name, "=", text) for name, text in mount.own_labels.items()),
            *([f"tmpfs-size={mount.tmpfs_size}"] if mount.tmpfs_size is not None else []),
            *([f"tmpfs-mode={mount.tmpfs_mode:o}"] if mount.tmpfs_mode is not None else []),
        ]
        return Argument(("--mount", _csv(fields)), where)


def joined(*pieces: str) -> Text:
    """The pieces as one text, which knows where each piece comes from."""
    return Text.of(part for piece in pieces for part in parts(piece))


def _command(verb: str, *arguments: Argument) -> CommandLine:
    return CommandLine(("docker", *verb.split()), arguments)


def _hook(container: str, hook: Hook) -> CommandLine:
    """The command that runs a hook in a container."""
    return _command(
        "exec",
        *([Argument(("--user", hook.user))] if hook.user else []),
        *([Argument(("--privileged",))] if hook.privileged else []),
        *([Argument(("--workdir", hook.working_dir))] if hook.working_dir else []),
        *(
            Argument(("--env", joined(name, "=", value.text or "")))
            for name, value in hook.environment.items()
        ),
        Argument((container,)),
        *(Argument((word,)) for word in hook.command.argv),
    )


def _operands(*words: str, key: KeyPath = ()) -> list[Argument]:
    return [Argument((word,), key) for word in _guarded(*words)]


def _guarded(*words: str) -> Iterator[str]:
    """Words that are no options. `--` ends the options where a word begins like one."""
    if any(word.startswith("-") for word in words):
        yield "--"
    yield from words


def _own(given: Mapping[str, str]) -> dict[str, str]:
    """The labels of the file, without those that stackctl adds, and without those that the CLI refuses."""
    return {
        name: value for name, value in given.items() if not name.startswith(OURS) and not _is_refused(name)
    }


def _is_refused(label: str) -> bool:
    """Whether the CLI refuses a label of this name."""
    return not label or any(letter.isspace() for letter in label)


def _refused(given: Mapping[str, str]) -> Iterator[str]:
    for label in filter(_is_refused, given):
        yield f"the label {label!r} is left out: docker refuses a name with white space in it"


def _pairs(option: str, table: Mapping[str, str], key: KeyPath) -> Iterator[Argument]:
    for name, value in table.items():
        yield Argument((option, joined(name, "=", value)), (*key, name))


def _csv(fields: Iterable[str]) -> str:
    """One line of CSV (RFC 4180): so the CLI reads the value of `--mount`."""
    pieces = [piece for each in fields for piece in (",", _csv_field(each))]
    return joined(*pieces[1:])


def _csv_field(text: str) -> str:
    if not re.search(r'[,"\r\n]', text):
        return text
    doubled = (Part(part.text.replace('"', '""')) if '"' in part.text else part for part in parts(text))
    return joined('"', Text.of(doubled), '"')


def _first_given(spec: DesiredContainer, key: KeyPath, name: str) -> KeyPath:
    """The path of a key that the file may leave out: then the service itself is the reason."""
    return key if getattr(spec.settings, name) is None else (*key, name)


def _places(spec: DesiredContainer, key: KeyPath) -> Iterator[Argument]:
    """Where the container stands: its first network, or its mode."""
    if spec.network_mode:
        yield Argument(("--network", spec.network_mode), (*key, "network_mode"))
    for option, mode in (("--ipc", spec.ipc), ("--pid", spec.pid)):
        if mode:
            yield Argument((option, mode), (*key, option.removeprefix("--")))
    for index, source in enumerate(spec.volumes_from):
        yield Argument(("--volumes-from", source), (*key, "volumes_from", index))
    if spec.settings.platform:
        yield Argument(("--platform", spec.settings.platform), (*key, "platform"))
    for place in spec.networks[:1]:
        declared = next(iter(spec.settings.joined), None)
        where = (*key, "networks", declared) if declared else ()
        name = place.network
        # With a `=` in it the CLI would read the name as a list of settings.
        more = [f"driver-opt={option}" for option in _options(place)]
        more += [f"gw-priority={place.use.gw_priority}"] if place.use.gw_priority else []
        long = more or re.search(_LONG_NETWORK, name)
        yield Argument(("--network", _csv([f"name={name}", *more]) if long else name), where)
        if place.use.mac_address:
            yield Argument(("--mac-address", place.use.mac_address), where)
        for alias in _aliases(place.aliases, spec.name):
            yield Argument(("--network-alias", alias), key if alias == spec.service else where)
        yield from _links(spec, place.links, key)
        yield from _addresses(place, where)


def _links(spec: DesiredContainer, links: Iterable[str], key: KeyPath) -> Iterator[Argument]:
    own = len(spec.settings.links)
    for index, link in enumerate(links):
        where = ("links", index) if index < own else ("external_links", index - own)
        yield Argument(("--link", link), (*key, *where))


def _place(place: Attachment, key: KeyPath) -> Iterator[Argument]:
    """The options of `docker network connect` for a place."""
    yield from _addresses(place, key)
    yield from (Argument(("--driver-opt", option), key) for option in _options(place))
    if place.use.gw_priority:
        yield Argument(("--gw-priority", str(place.use.gw_priority)), key)


def _addresses(place: Attachment, key: KeyPath) -> Iterator[Argument]:
    use = place.use
    for option, address in (("--ip", use.ipv4_address), ("--ip6", use.ipv6_address)):
        if address:
            yield Argument((option, address), key)
    yield from (Argument(("--link-local-ip", address), key) for address in use.link_local_ips)


def _options(place: Attachment) -> Iterator[str]:
    yield from (joined(name, "=", text) for name, text in place.use.driver_opts.items())
    if place.use.interface_name:
        yield f"com.docker.network.endpoint.ifname={place.use.interface_name}"


def _aliases(aliases: Iterable[str], name: str) -> Iterator[str]:
    """The names to ask for: a container answers to its own name without being told."""
    return (alias for alias in aliases if alias != name)


def _environment(spec: DesiredContainer, key: KeyPath) -> Iterator[Argument]:
    for name, value in spec.environment.items():
        where = (*key, "environment", name) if name in spec.settings.environment else (*key, "env_file")
        yield Argument(("--env", name if value is None else joined(name, "=", value)), where)


def _port(port: DesiredPort, key: KeyPath) -> Argument:
    address = f"[{port.host_ip}]" if ":" in port.host_ip else port.host_ip
    protocol = "" if port.protocol == "tcp" else f"/{port.protocol}"
    places = f"{address}:{port.published}:" if address else port.published and f"{port.published}:"
    text = f"{places}{port.target}{protocol}"
    return Argument(("--publish", text), (*key, "ports", port.index))


def _exposed(spec: DesiredContainer) -> tuple[str, ...]:
    """The engine refuses exposed ports in the network of another container."""
    return () if (spec.network_mode or "").startswith("container:") else spec.settings.expose


def _checks(spec: DesiredContainer, key: KeyPath, api: tuple[int, int]) -> Iterator[Argument]:
    check, key = spec.healthcheck, (*key, "healthcheck")
    if check is None:
        return
    if check.test == ("NONE",):
        yield Argument(("--no-healthcheck",), key)
        return
    if check.test:
        yield Argument(("--health-cmd", shell_line(check.test)), (*key, "test"))
    for option, seconds in (
        ("interval", check.interval),
        ("timeout", check.timeout),
        ("start_period", check.start_period),
        ("start_interval", check.start_interval if api >= START_INTERVAL else None),
    ):
        if seconds is not None:
            flag = f"--health-{option.replace('_', '-')}"
            yield Argument((flag, str(Duration(seconds))), (*key, option))
    if check.retries is not None:
        yield Argument(("--health-retries", str(check.retries)), (*key, "retries"))


def shell_line(test: tuple[str, ...]) -> str:
    """A health test as the one line that `--health-cmd` takes; the words of `CMD` are quoted for the shell."""
    if test[0] == "CMD-SHELL":
        return test[1]
    pieces = [piece for word in test[1:] for piece in (" ", _quoted(word))]
    return joined(*pieces[1:])


def _quoted(word: str) -> str:
    """A word in quotes where a shell needs them. Each part keeps its origin."""
    if not word:
        return "''"
    pieces: list[str] = []
    for part in parts(word):
        if part.literal:
            pieces.append(shlex.quote(part.text))
        else:
            inside = structs.replace(part, text=part.text.replace("'", "'\\''"))
            pieces += ("'", Text.of((inside,)), "'")
    return joined(*pieces)


def _restart(spec: DesiredContainer, key: KeyPath) -> Iterator[Argument]:
    if spec.restart != "no":
        yield Argument(("--restart", str(spec.settings.restarts)), (*key, *spec.settings.restart_key))
    if spec.settings.stop_grace_period is not None:
        yield Argument(("--stop-timeout", str(spec.grace)), (*key, "stop_grace_period"))


def _build_flags(build: Build, key: KeyPath) -> Iterator[Argument]:
    """The options of `docker build` for the keys of `build`."""
    for flag in flags.by_key("build").values():
        if (value := flag.value(build)) is not None:
            yield from _flag(flag, value, (*key, *flag.key))
    if build.privileged:
        yield Argument(("--allow", "security.insecure"), (*key, "privileged"))


def _plain(spec: DesiredContainer, key: KeyPath) -> Iterator[Argument]:
    given: set[str] = set()
    for flag in flags.by_key().values():
        value = flag.value(spec.settings) if flag.plain else None
        where, found = (*key, *flag.key), flag.kind in ("list", "table") or flag.name not in given
        if value is not None and found:
            given.add(flag.name)
            yield from _flag(flag, value, where)


def _flag(flag: flags.Flag, value: Any, where: KeyPath) -> Iterator[Argument]:
    match value:
        case "":
            pass
        case bool() if flag.kind == "switch":
            yield from [Argument((flag.option,), where)] if value else []
        case tuple(items):
            yield from (Argument((flag.option, _word(item)), where) for item in items)
        case Mapping() as table:
            for name, item in table.items():
                yield Argument((flag.option, joined(name, flag.between, _word(item))), (*where, name))
        case _:
            yield Argument((flag.option, _word(value)), where)


def _word(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return value if isinstance(value, str) else str(value)


def _no_init(spec: DesiredContainer, key: KeyPath) -> list[Argument]:
    """A daemon may be set to give every container an init."""
    return [Argument(("--init=false",), (*key, "init"))] if spec.settings.init is False else []


def _never(spec: DesiredContainer) -> bool:
    return spec.settings.pull_policy == PullPolicy.never and spec.settings.build is None


def _entrypoint(words: tuple[str, ...], key: KeyPath) -> Argument:
    return Argument(("--entrypoint", words[0] if words else ""), (*key, "entrypoint"))


def _network(network: DesiredNetwork, key: KeyPath) -> Iterator[Argument]:
    if network.driver != USUAL_NETWORK_DRIVER:
        yield Argument(("--driver", network.driver), (*key, "driver"))
    if network.internal:
        yield Argument(("--internal",), (*key, "internal"))
    if network.attachable:
        yield Argument(("--attachable",), (*key, "attachable"))
    if network.enable_ipv6:
        yield Argument(("--ipv6",), (*key, "enable_ipv6"))
    if network.enable_ipv4 is False:
        yield Argument(("--ipv4=false",), (*key, "enable_ipv4"))
    if network.ipam.driver:
        yield Argument(("--ipam-driver", network.ipam.driver), (*key, "ipam", "driver"))
    for index, config in enumerate(network.ipam.config):
        where = (*key, "ipam", "config", index)
        for option, text in (
            ("subnet", config.subnet),
            ("ip-range", config.ip_range),
            ("gateway", config.gateway),
        ):
            if text:
                yield Argument((f"--{option}", text), where)
        yield from _pairs("--aux-address", config.aux_addresses, (*where, "aux_addresses"))
    yield from _pairs("--ipam-opt", network.ipam.options, (*key, "ipam", "options"))
    yield from _pairs("--opt", network.options, (*key, "driver_opts"))
    yield from _pairs("--label", _own(network.labels), (*key, "labels"))


def _notes(spec: DesiredContainer, image: ImageConfig, api: tuple[int, int]) -> Iterator[str]:
    """What is not the same as with stackctl."""
    check = spec.healthcheck
    if check and check.start_interval is not None and api < START_INTERVAL:
        yield "start_interval is left out: engines before 25 refuse it"
    if check and check.test[:1] == ("CMD",):
        yield "--health-cmd takes a line for a shell, so Docker runs the check in /bin/sh"
    yield from _refused(spec.labels)
    if spec.command == () and spec.entrypoint is None and not image.entrypoint:
        yield "an empty command cannot be said here: the image's command runs"
