"""Write a plan as a bash script: the same networks, volumes, images and containers, made by the Docker CLI.

The script needs bash and docker, nothing else. Its words are quoted so that no value of a stack.toml can run a command.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec import Struct

from stackctl.planner.steps import actions
from stackctl.planner.steps.plan import Plan, Step
from stackctl.planner.world.desired import Desired, DesiredContainer, DesiredFile, Need
from stackctl.planner.world.probes import CommandProbe, ProtocolProbe
from stackctl.spec.model import Condition
from stackctl.teach.commands import DIRECTORY, Argument, CommandLine, Docker
from stackctl.teach.new_containers import new_containers
from stackctl.teach.questions import (
    CommandQuestion,
    HealthQuestion,
    HttpQuestion,
    LogQuestion,
    PortQuestion,
    Question,
    StateQuestion,
    questions,
)
from stackctl.teach.script_variables import ScriptVariables, named_words
from stackctl.teach.shell import command, comment, literal, word

_HELPERS = {
    "wait_until": """\
# wait_until CONTAINER COMMAND...: ask again and again until the command says yes.
# It gives up when the container has ended, or after WAIT_SECONDS.
wait_until() {
  local container=$1 deadline=$((SECONDS + WAIT_SECONDS))
  shift
  until "$@" >/dev/null 2>&1; do
    case "$(state "$container")" in
      exited* | dead*) fail "$container has ended before it was ready" "$container" ;;
    esac
    if ((SECONDS >= deadline)); then
      fail "$container is not ready after $WAIT_SECONDS s" "$container"
    fi
    sleep 0.5 # between two questions, so that asking does not keep the machine busy
  done
}""",
    "wait_for_end": """\
# wait_for_end CONTAINER: wait until a job has done its work; fail if it failed.
wait_for_end() {
  local deadline=$((SECONDS + WAIT_SECONDS))
  until [[ "$(state "$1")" == exited* ]]; do
    if ((SECONDS >= deadline)); then
      fail "$1 still runs after $WAIT_SECONDS s" "$1"
    fi
    sleep 0.5
  done
  if [[ "$(state "$1")" != "exited 0"* ]]; then
    fail "$1 has failed" "$1"
  fi
}""",
    "is_up": """\
# is_up CONTAINER: it runs, and its health check, if the image has one, passes.
is_up() {
  case "$(state "$1")" in
    "running 0 healthy" | "running 0 none" | "exited 0"*) return 0 ;;
    *) return 1 ;;
  esac
}""",
    "is_healthy": """\
# is_healthy CONTAINER: the health check of its image passes.
is_healthy() {
  [[ "$(state "$1")" == "running 0 healthy" ]]
}""",
    "accepts": """\
# accepts NETWORK HOST PORT: can another container connect? Asked from inside the
# network: on this machine Docker's proxy accepts at once, whoever listens behind.
accepts() {
  docker run --rm --network "$1" busybox nc -w 2 "$2" "$3" -e true
}""",
    "answers": """\
# answers NETWORK HOST PORT PATH: does the server answer another container with 2xx or 3xx?
answers() {
  local said
  said=$(docker run --rm --network "$1" busybox \\
    timeout 5 wget -q -S -O /dev/null --header "Host: localhost" "http://$2:$3$4" 2>&1)
  [[ $said == *HTTP/1.?" "[23]* ]]
}""",
    "log_has": """\
# log_has CONTAINER GREP-OPTION PATTERN: is there such a line in its log?
log_has() {
  docker logs "$1" 2>&1 | grep "$2" -e "$3"
}""",
    "put_file": """\
# put_file CONTAINER DIRECTORY PATH OWNER MODE: what comes in becomes a file of the container.
# A container that never runs on makes the archive, so that nothing stays on this machine.
put_file() {
  docker run --rm -i busybox sh -ec '
    mkdir -p "/new/$(dirname "$1")"
    cat >"/new/$1"
    chown "$2" "/new/$1"
    chmod "$3" "/new/$1"
    tar -C /new -c -f - "$1"
  ' put_file "$3" "$4" "$5" | docker cp - "$1:$2"
}""",
}  # fmt: skip
"""The functions that a script may need. Each uses `state` and `fail`."""

_ALWAYS = """\
say() { printf '%s\\n' "$*" >&2; }

# fail MESSAGE CONTAINER: say what went wrong, with the last lines of its log.
fail() {
  say "$1. The end of its log:"
  docker logs --tail 15 "$2" >&2 || true
  exit 1
}

# state CONTAINER: what it does, its exit code, its health.
state() {
  docker inspect --format \\
    '{{.State.Status}} {{.State.ExitCode}} {{if .State.Health}}{{.State.Health.Status}}{{else}}none{{end}}' \\
    "$1"
}"""

_ENCODE = """\
# percent_encode TEXT: for a part of a URL. A password with an @ would cut the URL in two.
percent_encode() {
  local LC_ALL=C text=$1 byte code i
  for ((i = 0; i < ${#text}; i++)); do
    byte=${text:i:1}
    case "$byte" in
      [a-zA-Z0-9._~-]) printf '%s' "$byte" ;;
      *)
        printf -v code '%02X' "'$byte"
        printf '%%%s' "${code: -2}"
        ;;
    esac
  done
}"""

_REMOVE = """\
# remove CONTAINER: ask it to stop, so that it can finish its work, then remove it.
remove() {
  docker container inspect "$1" >/dev/null 2>&1 || return 0
  docker stop "$1" >/dev/null
  docker rm "$1" >/dev/null
}"""

_TRAP = """  trap '[[ $? = 0 ]] || say "up has failed: bash $0 down takes away what it made"' EXIT"""

_MAIN = """\
case "${1:-up}" in
  up) up ;;
  down) down "${2:-}" ;;
  *)
    say "usage: bash $0 [up | down | down --volumes]"
    exit 2
    ;;
esac"""


class BashScript(Struct):
    """A script that is being written."""

    docker: Docker
    desired: Desired
    plan: Plan
    variables: ScriptVariables
    helpers: set[str]

    def line(self, line: CommandLine, *, indent: str = "  ") -> str:
        """A command of the script: a line for each option, if one line is not enough, and one for the words after them."""
        unset = [part for name in line.unset for part in ("-u", literal(name))]
        groups = [[*(["env", *unset] if unset else []), *line.verb]]
        operands = False
        for argument, words in self.variables.pieces(line):
            written = [word(pieces) for pieces in words]
            if operands:
                groups[-1] += written
            else:
                groups.append(written)
            operands = operands or argument.words[0] == "--" or not argument.words[0].startswith("-")
        return command(groups, indent=indent)


def bash(docker: Docker, desired: Desired, plan: Plan, *, source: str) -> str:
    """The script for a plan of `up`. `source` is the name of the stack's file, for people."""
    script = BashScript(docker, desired, plan, ScriptVariables.of(desired), set())
    parts_of_plan = _collected(script)
    up = [*_up(script, parts_of_plan)]
    down = [*_down(script)]
    head = [
        "#!/usr/bin/env bash",
        f"# The stack {comment(desired.project)}, written by `stackctl export bash` from {comment(source)}.",
        "#",
        "#   bash SCRIPT                  bring it up",
        "#   bash SCRIPT down             take it away; volumes, which hold the data, stay",
        "#   bash SCRIPT down --volumes   take the data away, too",
        "",
        "# Stop at the first command that fails (-e), also within a pipe (pipefail),",
        "# and at a variable that is not set (-u).",
        "set -euo pipefail",
        "",
        *_top(script),
    ]
    functions = [_ALWAYS]
    if any(each.encoded for each in script.variables.found.values()):
        functions.append(_ENCODE)
    functions += [text for name, text in _HELPERS.items() if name in script.helpers]
    functions.append(_REMOVE)
    body = "\n\n".join([*functions, *_secrets(script), "\n".join(up), "\n".join(down), _MAIN])
    if re.search(r"'[^'\n]*[$`]", "\n".join(up).replace(_TRAP, "")):
        head.insert(1, "# shellcheck disable=SC2016 # a $ in single quotes is for a shell in a container")
    return "\n".join(head) + "\n" + body + "\n"


class Do(Struct, frozen=True):
    """One command of `up`. `unless`: it is not needed if this command succeeds. `optional`: `up` goes on if it fails."""

    line: CommandLine
    owner: str = ""
    unless: CommandLine | None = None
    optional: bool = False
    text: Argument | None = None
    """What it reads: a text."""
    file: Argument | None = None
    """What it reads: a file."""


class Section(Struct, frozen=True):
    """Commands that belong together, and why they stand here."""

    why: tuple[str, ...]
    commands: tuple[Do, ...]


def _collected(script: BashScript) -> list[Section]:
    """The plan in blocks. The variables of all of their commands are found."""
    blocks = [*_sections(script)]
    for spec in script.desired.containers:
        for line in script.docker.stop_hooks(spec):
            script.variables.add(named_words(line), spec.service)
    for block in blocks:
        for do in block.commands:
            for line in (do.line, *([do.unless] if do.unless else []), *_read(do)):
                script.variables.add(named_words(line), do.owner)
    return blocks


def _sections(script: BashScript) -> Iterator[Section]:
    steps = script.plan.steps
    yield from _external(script.desired)
    together = {
        (actions.PullImage, actions.BuildImage): (
            "Images first: a download or a build that fails leaves nothing half started.",
        ),
        (actions.CreateNetwork,): (
            "Networks: only in a network of its own do containers find each other by name.",
        ),
        (actions.CreateVolume,): ("Volumes hold the data. They stay when containers go.",),
    }
    new = new_containers(steps)
    done: set[int] = set()
    for step in steps:
        if step.id in done:
            continue
        for kinds, why in together.items():
            if isinstance(step.action, kinds) and step.id in _leading(steps, done, kinds):
                same = [each for each in steps if each.id in _leading(steps, done, kinds)]
                done |= {each.id for each in same}
                commands = tuple(_do(script, each) for each in same)
                notes = (f"Note: {note}." for do in commands for note in do.line.notes)
                yield Section((*why, *notes), commands)
                break
        else:
            done.add(step.id)
            yield from _step(script, step, new)


def _leading(steps: Sequence[Step], done: set[int], kinds: tuple[type, ...]) -> set[int]:
    """The steps of these kinds that come one after the other from the first that is not done."""
    found: set[int] = set()
    for step in steps:
        if step.id in done:
            continue
        if not isinstance(step.action, kinds):
            break
        found.add(step.id)
    return found


def _external(desired: Desired) -> Iterator[Section]:
    """What must be there already."""
    lines = [_inspect("network", each.name) for each in desired.networks if each.external]
    lines += [_inspect("volume", each.name) for each in desired.volumes if each.external]
    if lines:
        why = "These are not made here, and must be there."
        yield Section((why,), tuple(Do(line) for line in lines))


def _inspect(kind: str, name: str) -> CommandLine:
    guard = ("--",) if name.startswith("-") else ()
    return CommandLine(("docker", *kind.split(), "inspect"), (Argument((*guard, name)),))


def _do(script: BashScript, step: Step) -> Do:
    line = script.docker.command(step.action)
    assert line is not None
    match step.action:
        case actions.CreateNetwork(network):
            return Do(line, unless=_inspect("network", network.name))
        case actions.CreateVolume(volume):
            return Do(line, unless=_inspect("volume", volume.name))
        case actions.PullImage(image, "build"):
            return Do(script.docker.build(image), step.service, unless=line)
        case actions.PullImage(image) if image.policy != "always":
            return Do(line, step.service, unless=_inspect("image", image.ref))
    return Do(line, step.service)


def _step(script: BashScript, step: Step, new: Mapping[str, DesiredContainer]) -> Iterator[Section]:
    """The commands of a step. Those that create and connect a new container go with its start."""
    match step.action:
        case actions.CreateContainer(_, name) | actions.ConnectNetwork(name) if name in new:
            return
        case actions.StartContainer(name) if name in new:
            yield _start(script, new[name])
        case actions.StartContainer(name, _, files) if files:
            line = CommandLine(("docker", "start"), (Argument((name,)),))
            commands = (*_puts(script, name, files, step.service), Do(line, step.service))
            yield Section((f"{step.why[:1].upper()}{step.why[1:]}.",), commands)
        case actions.WaitFor():
            yield _wait(script, step, step.action)
        case _:
            yield Section((f"{step.why[:1].upper()}{step.why[1:]}.",), (_do(script, step),))


def _start(script: BashScript, spec: DesiredContainer) -> Section:
    needs = [f"{need.service}{_how(need)}" for need in spec.needs]
    what = f"{spec.service}, a {spec.kind}" + (f": it needs {', '.join(needs)}" if needs else "")
    why = [what + "."]
    lines = script.docker.run(spec)
    if len(lines) > 1:
        if len(spec.networks) > 1:
            why.append("A new container joins one network; the others it must join before it starts.")
        if spec.files:
            why.append("Its secrets and configs must be there before it starts.")
    why += (f"Note: {note}." for note in lines[0].notes)
    paths = tuple(
        Do(CommandLine(("mkdir", "-p", "--"), (Argument((script.docker.path(mount.source),)),)))
        for mount in spec.mounts
        if mount.create_host_path
    )
    commands = [Do(line, spec.service) for line in lines if line.verb != ("docker", "cp")]
    commands[len(commands) - 1 :] = [*_puts(script, spec.name, spec.files, spec.service), commands[-1]]
    return Section(tuple(why), (*paths, *commands))


def _puts(script: BashScript, container: str, files: Iterable[DesiredFile], owner: str) -> Iterator[Do]:
    """The commands that put secrets and configs into a container."""
    for file in files:
        script.helpers.add("put_file")
        source, key = script.docker.content(file)
        path = file.target.removeprefix(file.base).lstrip("/")
        place = (container, file.base, path, f"{file.uid}:{file.gid}", f"{file.mode:04o}")
        line = CommandLine(("put_file",), tuple(Argument((each,)) for each in place))
        content = Argument((source,), key)
        if key[2] == "file":
            yield Do(line, owner, file=content)
        else:
            yield Do(line, owner, text=content)


def _read(do: Do) -> list[CommandLine]:
    """The command that writes what a command reads."""
    if do.text is not None:
        return [CommandLine(("printf", "%s"), (do.text,))]
    return [CommandLine(("cat",), (do.file,))] if do.file is not None else []


def _how(need: Need) -> str:
    """How a container needs another one, if not in the usual way: until it is ready."""
    words = [
        *(["only started"] if need.condition is Condition.started else []),
        *(["healthy"] if need.condition is Condition.healthy else []),
        *([] if need.required else ["optional"]),
    ]
    return f" ({' and '.join(words)})" if words else ""


def _wait(script: BashScript, step: Step, wait: actions.WaitFor) -> Section:
    spec = next((each for each in script.desired.containers if each.name == wait.name), None)
    asked: list[tuple[Argument, ...]] = [()]
    if wait.condition is Condition.completed:
        helper = "wait_for_end"
        why = f"{step.service} must have done its work."
    else:
        helper = "wait_until"
        asked = [_asked(each, wait.container, spec) for each in questions(wait, spec, wait.container)]
        why = f"{step.service} must be ready."
        if any(isinstance(probe, CommandProbe | ProtocolProbe) for probe in wait.probes):
            why = f"{step.service} must answer: the container runs at once, the server in it needs longer."
    script.helpers |= {helper, *(words[0].words[0] for words in asked if words)}
    lines = (CommandLine((helper, wait.container), words) for words in asked)
    return Section((why,), tuple(Do(line, step.service, optional=step.optional) for line in lines))


def _asked(question: Question, container: str, spec: DesiredContainer | None) -> tuple[Argument, ...]:
    """The words of a command of the script that asks the question."""
    key = (spec.kind + "s", spec.service, "healthcheck") if spec else ()
    match question:
        case CommandQuestion(words):
            test = (Argument((each,), (*key, "test")) for each in words)
            return (Argument(("docker", "exec", container)), *test)
        case PortQuestion(network, host, port):
            return _words("accepts", network, host, str(port))
        case HttpQuestion(network, host, port, path):
            return (*_words("answers", network, host, str(port)), Argument((path,), key))
        case LogQuestion(option, pattern):
            return (*_words("log_has", container, option), Argument((pattern,), key))
        case HealthQuestion():
            return _words("is_healthy", container)
        case StateQuestion():
            return _words("is_up", container)


def _words(*words: str) -> tuple[Argument, ...]:
    return tuple(Argument((each,)) for each in words)


def _up(script: BashScript, blocks: Sequence[Section]) -> Iterator[str]:
    yield "up() {"
    yield "  # If a command fails, what was made stays, to be looked at."
    yield _TRAP
    if _needed(script.variables):
        yield "  require_secrets"
    for block in blocks:
        yield ""
        yield from (f"  # {comment(line)}" for line in block.why)
        yield from (_text(script, do) for do in block.commands)
    if not script.plan.changes:
        yield "  # Nothing to do: everything is there."
    yield ""
    yield f"  say {literal(script.desired.project + ' is up')}"
    for spec in script.desired.containers:
        for port in spec.ports:
            if port.host_port is not None and port.protocol == "tcp":
                address = f"[{port.host_ip}]" if ":" in port.host_ip else port.host_ip or "*"
                yield f"  say {literal(f'{spec.service} listens on {address}:{port.host_port}')}"
    yield "}"


def _text(script: BashScript, do: Do) -> str:
    if do.file is not None:
        [words] = (words for _, words in script.variables.pieces(_read(do)[0]))
        text = f"{script.line(do.line)} <{word(words[0])}"
    elif do.text is not None:
        text = f"{script.line(_read(do)[0])} |\n{script.line(do.line, indent='    ')}"
    elif do.unless is None:
        text = script.line(do.line)
    else:
        guard = script.line(do.unless)
        text = f"{guard} >/dev/null 2>&1 ||\n{script.line(do.line, indent='    ')}"
    return f'{text} ||\n    say "going on without it"' if do.optional else text


def _down(script: BashScript) -> Iterator[str]:
    desired = script.desired
    yield "down() {"
    yield "  # In reverse order: nobody loses what it still uses."
    for spec in reversed(desired.containers):
        for line in script.docker.stop_hooks(spec):
            yield f"{script.line(line)} || true"
        yield f"  remove {literal(spec.name)}"
    for network in reversed(desired.networks):
        if not network.external:
            there = script.line(_inspect("network", network.name))
            remove = script.docker.command(actions.RemoveNetwork("", network.name))
            assert remove is not None
            yield f"{there} >/dev/null 2>&1 &&\n{script.line(remove, indent='    ')}"
    volumes = [each for each in desired.volumes if not each.external and not each.protect]
    if volumes:
        names = " ".join(literal(volume.name) for volume in volumes)
        yield "  if [[ ${1:-} == --volumes ]]; then"
        yield f"    docker volume rm --force -- {names}"
        yield "  else"
        yield f"    say {literal(f'The data stay, in {names}')}"
        yield "  fi"
    yield "  return 0"
    yield "}"


def _needed(variables: ScriptVariables) -> bool:
    return any(each.default is None or each.encoded for each in variables.found.values())


def _top(script: BashScript) -> Iterator[str]:
    """What may be set from outside."""
    found = script.variables.found.values()
    yield "# What may be different on another machine:  NAME=value bash SCRIPT"
    if script.variables.directory:
        directory = literal(script.variables.directory)
        yield f"{DIRECTORY}=${{{DIRECTORY}:-{directory}}} # where stack.toml stands"
    yield from (
        f"{each.name}=${{{each.name}:-{literal(each.default)}}}" for each in found if each.default is not None
    )
    yield "WAIT_SECONDS=${WAIT_SECONDS:-120} # how long to wait for each service"
    yield ""


def _secrets(script: BashScript) -> Iterator[str]:
    needed = [each for each in script.variables.found.values() if each.default is None or each.encoded]
    if not needed:
        return
    lines = [
        "# Secrets do not stand in a script. Export them first, for example from a file",
        "# that git ignores:  set -a; source .env; set +a",
    ]
    lines.append("require_secrets() {")
    lines += [f'  : "${{{each.name}:?export {each.name} first}}"' for each in needed if each.default is None]
    lines += [f'  {each.in_url}=$(percent_encode "${each.name}")' for each in needed if each.encoded]
    yield "\n".join([*lines, "}"])
