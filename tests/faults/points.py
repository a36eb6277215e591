"""Let one call of a command meet one fault, and judge what the command and the next run of it have made."""

from __future__ import annotations

import io
import re
import shlex
import signal
import tarfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import docker
import faulty
from proxy import RecordingProxy, Request
from scenario import Killable, Project, Result

PATIENCE = 2.0
"""Seconds that a run waits for an answer that is held."""

Command = str | Callable[..., Result]
"""Words of the command line, or a function that gets the project and what `Project.run` gets."""


@dataclass(frozen=True)
class Scenario:
    """A command that meets faults. What an undisturbed run of it leaves is what must be there in the end."""

    command: Command
    stack: str
    """The stack.toml that the command finds."""
    before: Sequence[Command]
    """What makes the state that the command finds, from any that it may leave."""
    old: str | None = None
    """The stack.toml that `before` finds, if it is another one."""
    again: Command | None = None
    """What is run afterwards, if it is not the same command."""
    refusal: str = ""
    """Why the run afterwards may refuse, if all was done the first time."""
    quiet: str = "up"
    """What then has nothing to write."""
    untouched: tuple[str, ...] = ()
    """The services whose containers must stay, and run on."""
    kept: str = ""
    """A volume whose files must stay, as `name:/target in a container`."""
    check: Callable[[Project], None] = lambda _: None
    env: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Point:
    """What a fault at one call has led to."""

    scenario: str
    number: int
    fault: str
    call: str
    code: int
    verdict: str
    """within: right when the run ended with 0. rerun: right after another run. wrong: neither."""
    why: str = ""

    @property
    def row(self) -> list[str]:
        return [self.scenario, self.fault, self.verdict]

    def __str__(self) -> str:
        said = f"{self.scenario} · call {self.number} · {self.fault} · exit {self.code} · {self.verdict} · {self.call}"
        return f"{said}\n{self.why}" if self.why else said


class Trial:
    """A scenario in a project of its own."""

    def __init__(self, name: str, scenario: Scenario, project: Project, proxy: RecordingProxy) -> None:
        self.name, self.scenario, self.project, self.proxy = name, scenario, project, proxy
        project.env |= scenario.env
        self.calls: list[str] = []
        """The calls of an undisturbed run that write."""
        self.seconds = 0.0
        """How long such a run took."""

    def learn(self) -> None:
        """Run undisturbed, and remember the calls and what they have made."""
        self._prepare()
        self.proxy.forget()
        began = time.monotonic()
        self._run(self.scenario.command)
        self.seconds = time.monotonic() - began
        self.calls = self.proxy.writes
        self._run(self._again, may_refuse=True)
        self._run(self.scenario.quiet)
        self._wanted = portrait(self.project)

    def points(self, faults: Sequence[str] = tuple(faulty.FAULTS)) -> Iterator[Point]:
        """Every fault at every call. Each call meets one fault, then each the next."""
        self.learn()
        names = [*faults]
        for shift in range(len(names)):
            for number in range(1, len(self.calls) + 1):
                yield self.point(number, names[(number + shift) % len(names)])

    def some_points(self, shift: int) -> Iterator[Point]:
        """A kill and another fault at every call; the same ones each time."""
        self.learn()
        others = [name for name in faulty.FAULTS if name not in faulty.KILLS]
        for number in range(1, len(self.calls) + 1):
            yield self.point(number, faulty.KILLS[number % 2])
            yield self.point(number, others[(2 * number + shift) % len(others)])

    def point(self, number: int, fault: str) -> Point:
        """One fault at one call."""
        return self._tried(
            number, fault, lambda kill: faulty.at(self.proxy, number, faulty.FAULTS[fault], kill)
        )

    def moment(self, number: int, seconds: float) -> Point:
        """A kill after that time."""
        return self._tried(number, "killed sometime", lambda kill: faulty.after(self.proxy, seconds, kill))

    def _tried(
        self,
        number: int,
        fault: str,
        disturbed: Callable[[faulty.Kill], AbstractContextManager[list[Request]]],
    ) -> Point:
        before, running = self._prepare(), self._running()
        processes: list[Killable] = []
        env = {"STACKCTL_ENGINE_TIMEOUT": str(PATIENCE)} if fault == "stalled" else {}

        def kill() -> None:
            for process in processes:
                process.kill()

        code, within, why = 0, False, ""
        with disturbed(kill) as met:
            try:
                done = self._run(self.scenario.command, code=None, env=env, begun=processes.append)
                self.proxy.settle()
                code, first = done.code, portrait(self.project)
                within = code == 0 and not differences(self._wanted, first)
                if code != -signal.SIGKILL:
                    self._told(done, before, first, within=within)
                self._run(self._again, may_refuse=True)
                self._is_right(running)
            except (AssertionError, docker.errors.APIError) as error:
                why = str(error) or repr(error)
                self.project.clean()
                self.learn()
        verdict = "wrong" if why else "within" if within else "rerun"
        return Point(self.name, number, fault, ", ".join(map(str, met)), code, verdict, why)

    @property
    def _again(self) -> Command:
        return self.scenario.command if self.scenario.again is None else self.scenario.again

    def _prepare(self) -> dict[str, Any]:
        scenario = self.scenario
        self._write(scenario.stack if scenario.old is None else scenario.old)
        for command in scenario.before:
            self._run(command)
        if scenario.kept:
            self._keep()
        self._write(scenario.stack)
        return portrait(self.project)

    def _write(self, stack: str) -> None:
        self.project.write(stack.replace("PROJECT", self.project.name))

    def _run(
        self, command: Command, *, may_refuse: bool = False, code: int | None = 0, **given: Any
    ) -> Result:
        if callable(command):
            return command(self.project, code=code, **given)
        words = shlex.split(command.replace("PROJECT", self.project.name))
        done = self.project.run(*words, code=None if may_refuse else code, **given)
        if may_refuse and done.code:
            assert self.scenario.refusal, f"{command} again ends with {done.code}: {done.output}"
            assert self.scenario.refusal in done.output
        return done

    def _told(self, done: Result, before: dict[str, Any], first: dict[str, Any], *, within: bool) -> None:
        """What the run said is true."""
        if done.code == 0:
            assert within, f"it ends with 0, and is wrong: {differences(self._wanted, first)}\n{done.output}"
            return
        assert done.code > 0
        names = set(re.findall(r"[\w.-]+", " ".join([*before, *self._wanted]))) | {self.project.name}
        assert any(name in done.output for name in names), f"nothing is named: {done.output}"
        changed = differences(before, first)
        assert not (changed and "nothing changed" in done.output), f"{changed}\n{done.output}"

    def _is_right(self, running: dict[str, tuple[str, str]]) -> None:
        wrong = differences(self._wanted, portrait(self.project))
        assert not wrong, f"after the next run: {wrong}"
        now = self._running()
        for service in self.scenario.untouched:
            assert now[service] == running[service], f"{service} was touched"
        if self.scenario.kept:
            assert self._is_kept(), f"{self.scenario.kept} has lost its files"
        self.scenario.check(self.project)
        self._is_quiet()

    def _is_quiet(self) -> None:
        """Another run has nothing to do."""
        self.proxy.forget()
        self._run(self.scenario.quiet)
        assert not self.proxy.writes, f"a run that has nothing to do writes: {self.proxy.writes}"

    def _running(self) -> dict[str, tuple[str, str]]:
        """By service: the container and when it was started."""
        rows = [self.project.api.inspect_container(row["Id"]) for row in _mine(self.project)]
        return {
            row["Config"]["Labels"].get("stackctl.service", ""): (row["Id"], row["State"]["StartedAt"])
            for row in rows
        }

    # The files of a volume

    def _keep(self) -> None:
        volume, target = self.scenario.kept.split(":")
        with _holder(self.project, volume, target) as container:
            archive = io.BytesIO()
            with tarfile.open(fileobj=archive, mode="w") as tar:
                tar.addfile(tarfile.TarInfo("kept"))
            assert self.project.api.put_archive(container, target, archive.getvalue())

    def _is_kept(self) -> bool:
        volume, target = self.scenario.kept.split(":")
        with _holder(self.project, volume, target) as container:
            try:
                self.project.api.get_archive(container, f"{target}/kept")
            except docker.errors.NotFound:
                return False
            return True


_ID_OF_SNAPSHOT = r"(?<=-snapshot-one)-[0-9a-f]{8}"
_LABELS = ("project", "service", "number", "kind", "digest")
"""What the labels say that is the same in each run."""


def portrait(project: Project) -> dict[str, Any]:
    """All that the engine has of the project, but for what differs from run to run: ids, addresses and times."""
    api, found = project.api, {}
    for row in _mine(project):
        with suppress(docker.errors.NotFound):  # it goes at this moment
            found[f"container {row['Names'][0][1:]}"] = _container(api.inspect_container(row["Id"]))
    there = project.resources()
    for network in api.networks(names=there["networks"]) if there["networks"] else ():
        if network["Name"] in there["networks"]:
            key = f"network {network['Name']}"
            assert key not in found, f"there are two: {key}"
            found[key] = {name: network[name] for name in ("Driver", "Internal", "Options")} | _labels(
                network["Labels"]
            )
    for name in there["volumes"]:
        volume = api.inspect_volume(name)
        key = f"volume {re.sub(_ID_OF_SNAPSHOT, '', name)}"
        while key in found:
            key += " again"
        found[key] = {"Driver": volume["Driver"]} | _labels(volume["Labels"] or {})
    return found


def _container(inspected: dict[str, Any]) -> dict[str, Any]:
    config, host = inspected["Config"], inspected["HostConfig"]
    return _labels(config["Labels"]) | {
        "image": inspected["Image"],
        "state": inspected["State"]["Status"],
        "command": (config["Entrypoint"], config["Cmd"]),
        "environment": sorted(config["Env"] or ()),
        "restart": host["RestartPolicy"],
        "ports": host["PortBindings"],
        "mounts": sorted(
            (m.get("Name", m["Source"]), m["Destination"], m["RW"]) for m in inspected["Mounts"]
        ),
        "networks": {
            name: sorted({*(place["Aliases"] or ())} - {inspected["Id"][:12]})
            for name, place in inspected["NetworkSettings"]["Networks"].items()
        },
    }


def _labels(labels: Mapping[str, str]) -> dict[str, Any]:
    return {"labels": {name: labels.get(f"stackctl.{name}") for name in _LABELS}}


def differences(wanted: Mapping[str, Any], there: Mapping[str, Any]) -> list[str]:
    """In words what `there` has that is not `wanted`, and the other way round."""
    return [
        *(f"no {key}" for key in wanted.keys() - there.keys()),
        *(f"{key} besides" for key in there.keys() - wanted.keys()),
        *(
            f"{key}: {part} is {there[key].get(part)}, not {wanted[key].get(part)}"
            for key in wanted.keys() & there.keys()
            for part in wanted[key]
            if wanted[key][part] != there[key].get(part)
        ),
    ]


def _mine(project: Project) -> list[dict[str, Any]]:
    names = project.resources()["containers"]
    return [row for row in project.api.containers(all=True) if (row["Names"] or ["/"])[0][1:] in names]


@contextmanager
def _holder(project: Project, volume: str, target: str) -> Iterator[str]:
    """A container that has the volume: one of the project, or else one that is never started."""
    api, name = project.api, f"{project.name}_{volume}"
    if there := api.containers(all=True, filters={"volume": name}):
        yield there[0]["Id"]
        return
    bound = api.create_host_config(binds=[f"{name}:{target}"])
    made = api.create_container("busybox", host_config=bound)["Id"]
    try:
        yield made
    finally:
        api.remove_container(made, force=True)


def figures(rows: Sequence[Sequence[str]], part: int) -> str:
    """A table of rows as `Point.row` makes them: by scenario (part 0) or by fault (part 1) how many points there were, how many were
    right within the run, how many after the next one, and how many were wrong.
    """
    lines: list[tuple[str, ...]] = [("", "points", "within", "rerun", "wrong")]
    for name in [*dict.fromkeys(row[part] for row in rows), "all"]:
        verdicts = Counter(row[2] for row in rows if name in (row[part], "all"))
        numbers = (verdicts.total(), *(verdicts[verdict] for verdict in lines[0][2:]))
        lines.append((name, *map(str, numbers)))
    return "\n".join(
        "".join(f"{cell:>9}" if at else f"{cell:<20}" for at, cell in enumerate(line)) for line in lines
    )
