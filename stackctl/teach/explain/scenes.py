"""A plan as a lesson: each scene is a command that one would type, what the engine does, where the file says so, what it
prevents, and what one would see without it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from msgspec import Struct

from stackctl.planner.steps import actions
from stackctl.planner.steps.plan import Step
from stackctl.planner.world.desired import DesiredContainer
from stackctl.planner.world.probes import CommandProbe
from stackctl.show.words import describe
from stackctl.spec.model import Condition, Stack
from stackctl.spec.output.redact import redacted
from stackctl.spec.text.parts import written
from stackctl.teach.commands import CommandLine, Docker
from stackctl.teach.explain.keys import folded, shell, shell_words
from stackctl.teach.explain.notation import Path, file_name, in_file, line_of
from stackctl.teach.explain.up import question
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


class FileLine(Struct, frozen=True):
    """A line of the stack's file: where it is, its key path, and what it says."""

    where: str
    path: Path
    text: str


class Scene(Struct, frozen=True, kw_only=True):
    """`steps` are the steps of the plan that the command stands for. `mistakes` are the numbers of the mistakes it prevents."""

    title: str
    command: str
    call: str
    """The calls of the engine's API."""
    does: str
    sources: tuple[FileLine, ...] = ()
    prevents: str
    mistakes: tuple[int, ...] = ()
    forgotten: str
    see: str = ""
    """A command that shows what was made."""
    steps: tuple[Step, ...]


def scenes(docker: Docker, steps: Iterable[Step], containers: Iterable[DesiredContainer]) -> list[Scene]:
    """The scenes of a plan, in an order in which they can be done one by one.

    Creating, connecting and starting a new container is one scene, as it is one `docker run`.
    """
    steps = tuple(steps)
    specs = {spec.name: spec for spec in containers}
    parts: dict[str, list[Step]] = {}
    new = new_containers(steps)
    found: list[Scene] = []
    for step in steps:
        match step.action:
            case actions.CreateContainer(_, name) | actions.ConnectNetwork(name) if name in new:
                parts.setdefault(name, []).append(step)
            case actions.StartContainer(name) if name in new:
                found.append(_run(docker, new[name], (*parts.pop(name, ()), step)))
            case actions.WaitFor():
                found.append(_wait(docker, step, step.action, specs.get(step.action.name)))
            case actions.CreateContainer(spec):
                found.append(_create(docker, spec, step))
            case actions.StartContainer(_, name) if name in specs:
                found.append(_start(docker, specs[name], step))
            case actions.RunHook(_, name) if name in specs:
                found.append(_hook(docker, specs[name], step))
            case _:
                found.append(_single(docker, step))
    return found


def _create(docker: Docker, spec: DesiredContainer, step: Step) -> Scene:
    """A container that is not started at once, because something comes between."""
    line = docker.command(step.action)
    assert line is not None
    return Scene(
        title=describe(step.action),
        command=_text(line),
        call="POST /containers/create",
        does="It joins the layers of the image with a new layer for what the container writes. No process runs yet.",
        sources=tuple(_sources(docker.stack, _of_service(docker.stack, spec, _keys(line)))),
        prevents="What must be there before its first process starts comes between: its secrets, or the work of pre_start.",
        forgotten=f"Error response from daemon: No such container: {spec.name}.",
        see=f"docker inspect {shell([spec.name])}",
        steps=(step,),
    )


def _start(docker: Docker, spec: DesiredContainer, step: Step) -> Scene:
    """The start of a container that is there. Its secrets and configs are copied into it before."""
    line = docker.command(step.action)
    assert line is not None
    lines = [*docker.copies(spec), line]
    files = [path for each in lines[:-1] for path in _keys(each)]
    copied = "The engine unpacks the files into the layer of the container. Then it" if files else "It"
    return Scene(
        title=describe(step.action),
        command="\n".join(map(_text, lines)),
        call=("PUT /containers/ID/archive, " if files else "") + "POST /containers/ID/start",
        does=f"{copied} gives the container namespaces, a cgroup and an address, and starts its first process.",
        sources=tuple(_sources(docker.stack, _of_service(docker.stack, spec, files))),
        prevents="Its files are those of today, however it was stopped."
        if files
        else "What it needs is done before.",
        forgotten="The container stays in the state Created: nothing runs, and its name is taken.",
        see=f"docker logs {shell([spec.name])}",
        steps=(step,),
    )


def _hook(docker: Docker, spec: DesiredContainer, step: Step) -> Scene:
    """A command in a container that has just started."""
    line = docker.command(step.action)
    assert line is not None
    key: Path = (_section(docker.stack, spec), spec.service, "post_start")
    return Scene(
        title=describe(step.action),
        command=_text(line),
        call="POST /containers/ID/exec, POST /exec/ID/start",
        does="It starts one more process in the namespaces of the container, and waits for its end.",
        sources=tuple(_sources(docker.stack, [key])),
        prevents="It is done after each start by stackctl. If it fails, the start has failed, and `up` says so.",
        forgotten="The container runs without it, until somebody remembers.",
        see=f"docker logs {shell([spec.name])}",
        steps=(step,),
    )


def _section(stack: Stack, spec: DesiredContainer) -> str:
    """The section of the file that describes a container, also one that runs for another one."""
    return "jobs" if spec.service in stack.jobs else "services"


def _of_service(stack: Stack, spec: DesiredContainer, paths: Iterable[Path]) -> list[Path]:
    """The keys of a container's service among these, without what lies below them."""
    table = (_section(stack, spec), spec.service)
    return [(*table, *path[2:3]) for path in paths if path[:2] == table]


def _single(docker: Docker, step: Step) -> Scene:
    line = docker.command(step.action)
    assert line is not None
    title = describe(step.action)
    if isinstance(step.action, actions.BuildImage):
        title = f"Build image {step.action.image.ref}"
    match step.action:
        case actions.CreateNetwork(network):
            sources = tuple(_sources(docker.stack, [("networks", network.key)]))
            unsaid = (
                "" if sources else " No line asks for it: it is the network of services that name no other."
            )
            return Scene(
                title=title,
                command=_text(line),
                call="POST /networks/create",
                does="It makes a bridge, a switch inside of the kernel, with a range of addresses, and a DNS server that knows the "
                f"names of the containers in it.{unsaid}",
                sources=sources,
                prevents="Containers of other stacks are not in it, and cannot reach these.",
                mistakes=(1,),
                forgotten=f"docker: Error response from daemon: network {network.name} not found. Exit code 125.",
                see=f"docker network inspect {shell([network.name])}",
                steps=(step,),
            )
        case actions.CreateVolume(volume):
            return Scene(
                title=title,
                command=_text(line),
                call="POST /volumes/create",
                does="It makes an empty directory that belongs to no container, so that it stays when containers go.",
                sources=tuple(_sources(docker.stack, [("volumes", volume.key)])),
                prevents="The data outlive `docker rm`, and the next container finds them.",
                mistakes=(5,),
                forgotten="Nothing, until the rows are gone.",
                see=f"docker volume inspect {shell([volume.name])}",
                steps=(step,),
            )
        case actions.PullImage(image):
            return Scene(
                title=title,
                command=_text(line),
                call="POST /images/create",
                does="It downloads the layers of the image that are not here yet, and unpacks them.",
                sources=tuple(_sources(docker.stack, _keys(line))),
                prevents="All images are here before anything starts: a download that fails leaves nothing half started.",
                forgotten="`docker run` pulls it by itself, while what was started before it waits.",
                see=f"docker image ls {shell([image.ref])}",
                steps=(step,),
            )
        case actions.BuildImage(image):
            return Scene(
                title=title,
                command=_text(line),
                call="POST /build",
                does="It sends the directory to the builder, which runs the lines of the Dockerfile one by one; each makes a layer.",
                sources=tuple(_sources(docker.stack, _keys(line))),
                prevents="The image is the one of this directory. `stackctl up --build` builds it again.",
                forgotten=f'Unable to find image "{image.ref}" locally; or the image of last week runs.',
                see=f"docker image history {shell([image.ref])}",
                steps=(step,),
            )
    return Scene(
        title=title,
        command=_text(line),
        call="",
        does=f"The reason: {step.why}.",
        prevents=f"What is there becomes what {file_name(docker.stack)} says, and what fits already is left alone.",
        forgotten="The old state stays.",
        steps=(step,),
    )


def _run(docker: Docker, spec: DesiredContainer, steps: tuple[Step, ...]) -> Scene:
    lines = docker.run(spec)
    connect = "POST /networks/ID/connect, " if len(lines) > 1 else ""
    if spec.kind == "run":
        return _before_start(docker, spec, steps, "\n".join(map(_text, lines)))
    paths = _of_service(docker.stack, spec, [path for line in lines for path in _keys(line)])
    notes, mistakes, forgotten = _prevented(spec)
    return Scene(
        title=f"Run {spec.service}, a {spec.kind}",
        command="\n".join(map(_text, lines)),
        call=f"POST /containers/create, {connect}POST /containers/ID/start",
        does="It joins the layers of the image with a new layer for what the container writes, gives it namespaces, a cgroup and an "
        "address, and starts its first process.",
        sources=tuple(_sources(docker.stack, paths)),
        prevents=" ".join(notes),
        mistakes=tuple(mistakes),
        forgotten=" ".join(forgotten),
        see=f"docker logs {shell([spec.name])}",
        steps=steps,
    )


def _before_start(docker: Docker, spec: DesiredContainer, steps: tuple[Step, ...], command: str) -> Scene:
    """A container of `pre_start`."""
    return Scene(
        title=f"Run pre_start of {spec.service}",
        command=command,
        call="POST /containers/create, POST /containers/ID/start",
        does=f"It starts a container with the volumes and the networks of {spec.service}, which does its work and ends.",
        sources=tuple(_sources(docker.stack, [(_section(docker.stack, spec), spec.service, "pre_start")])),
        prevents=f"The work is done before {spec.service} starts for the first time. If it fails, {spec.service} does not start.",
        forgotten=f"{spec.service} starts, and does not find what the work makes: a table, a file, the right owner.",
        see=f"docker logs {shell([spec.name])}",
        steps=steps,
    )


def _prevented(spec: DesiredContainer) -> tuple[list[str], list[int], list[str]]:
    """What the options of a container prevent, the numbers of the mistakes, and what one would see without the options."""
    notes, mistakes, forgotten = [], [], []
    if spec.networks:
        notes.append(
            f"The key {spec.service} is the name that others find it by, so a typo is an error of a line."
        )
        mistakes += [1, 2]
        forgotten.append(
            f"Without --network: bad address '{spec.service}', from each container that asks for it."
        )
    if spec.environment:
        notes.append("What it needs to know stands beside it, and is checked before it starts.")
        mistakes.append(3)
        forgotten.append(
            "Without --env: an id is printed, the exit code is 0, and the container ends two seconds later."
        )
    if any(mount.type == "volume" and mount.source for mount in spec.mounts):
        notes.append("Its data are in a volume with a name.")
        mistakes.append(5)
        forgotten.append("Without --mount: nothing, until the data are gone.")
    if spec.ports:
        notes.append("stackctl asks whether the port is free before it makes anything.")
        mistakes.append(6)
        forgotten.append('Without --publish: your browser says "connection refused".')
    return (
        notes or ["Its settings are written down, in one place."],
        mistakes,
        forgotten or ["It does not run."],
    )


def _wait(docker: Docker, step: Step, wait: actions.WaitFor, spec: DesiredContainer | None) -> Scene:
    asked = [question(probe) for probe in wait.probes]
    runs = any(isinstance(probe, CommandProbe) for probe in wait.probes)
    done = wait.condition is Condition.completed
    does = f"It asks until {' and '.join(asked)}." if asked else "It asks for the state of the container."
    waiters = [
        (f"{other.KIND}s", name, "depends_on", step.service)
        for name, other in docker.stack.everything.items()
        if step.service in other.depends_on
    ]
    own = [(f"{spec.kind}s", spec.service, "healthcheck")] if spec else []
    return Scene(
        title=f"Wait until {step.service} {'has done its work' if done else 'is ready'}",
        command="\n".join(_loops(wait, spec)),
        call="GET /containers/ID/json" + (", POST /containers/ID/exec" if runs else ""),
        does=does,
        sources=tuple(_sources(docker.stack, [*waiters, *own])),
        prevents="What comes next finds it ready. A container that runs may hold a server that still starts.",
        mistakes=(4,),
        forgotten='It works here, and fails on a slower machine: "connection refused". Of 49 public scripts 48 leave this line out.',
        see=f"docker inspect -f '{{{{json .State}}}}' {shell([wait.name])}",
        steps=(step,),
    )


def _loops(wait: actions.WaitFor, spec: DesiredContainer | None) -> Iterator[str]:
    """Loops of a shell that ask the same."""
    name = shell([wait.name])
    if wait.condition is Condition.completed:
        yield f'[ "$(docker wait {name})" = 0 ]'
        return
    for each in questions(wait, spec, wait.name):
        yield f"until {_test(each, name)}\ndo sleep 0.5; done"


def _test(asked: Question, name: str) -> str:
    """A command that says yes or no. `name`: the container, as the shell reads it."""
    match asked:
        case CommandQuestion(words):
            said = [written(word) for word in words]
            safe = redacted(said)  # a secret that stands in the command itself, not in a variable
            shown = (
                word if one == other else other for word, one, other in zip(words, said, safe, strict=True)
            )
            return folded([f"docker exec {name}", *(shell([word]) for word in shown)])
        case PortQuestion(network, host, port):
            return f"docker run --rm --network {shell([network])} busybox nc -z -w 2 {shell([host])} {port}"
        case HttpQuestion(network, host, port, path):
            url = shell([f"http://{host}:{port}{path}"])
            return f"docker run --rm --network {shell([network])} busybox \\\n  wget -q -O /dev/null {url}"
        case LogQuestion(option, pattern):
            return f"docker logs {name} 2>&1 | grep {option} -e {shell([pattern])} >/dev/null"
        case HealthQuestion():
            return f"[ \"$(docker inspect -f '{{{{.State.Health.Status}}}}' {name})\" = healthy ]"
        case StateQuestion():
            return f"[ \"$(docker inspect -f '{{{{.State.Running}}}}' {name})\" = true ]"


def _text(line: CommandLine) -> str:
    return folded(shell_words(line))


def _keys(line: CommandLine) -> list[Path]:
    return [argument.key for argument in line.arguments if argument.key]


def _sources(stack: Stack, paths: Iterable[Path]) -> Iterator[FileLine]:
    """The lines that these keys stand on, each once, in the order of the file."""
    found: Mapping[Path, str] = {path: where for path in paths if (where := line_of(stack, path))}
    written = [FileLine(where, path, in_file(stack, path)) for path, where in found.items()]
    yield from sorted(dict.fromkeys(written), key=lambda source: _number(source.where))


def _number(where: str) -> tuple[str, int]:
    file, _, line = where.rpartition(":")
    return file, int(line)
