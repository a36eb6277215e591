"""What the scenarios speak in: a project of its own, the command line run in it, and what the engine then has."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol

import docker
import forked
from proxy import RecordingProxy, Request

from stackctl.engine import host

ROOT = Path(__file__).parents[2]
NOTHING: dict[str, list[str]] = {"containers": [], "networks": [], "volumes": []}
SLEEP = 'image = "busybox"\ncommand = "sleep infinity"\n'
"""What a service does that does nothing. It stops at once, for stackctl gives it an init."""


class Killable(Protocol):
    """A process."""

    def kill(self) -> None: ...


@dataclass(frozen=True)
class Result:
    code: int
    stdout: str
    stderr: str

    @property
    def output(self) -> str:
        return self.stdout + self.stderr


@dataclass
class Project:
    """A directory with a stack.toml, a project name of its own, and the command line run in it as a user would."""

    name: str
    directory: Path
    api: docker.APIClient
    env: dict[str, str] = field(default_factory=dict)
    """More environment for every run."""
    network_of: int | None = None
    """A process in whose network every run is; None: in that of the tests."""

    def write(self, text: str, file: str = "stack.toml") -> Path:
        path = self.directory / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def start(
        self, *args: str, env: Mapping[str, str] | None = None, at: Path | None = None
    ) -> subprocess.Popen[str]:
        """Begin `stackctl ARGS`, and return while it runs."""
        return subprocess.Popen(
            [*self.entering, sys.executable, "-m", "stackctl", *args],
            cwd=at or self.directory,
            env=self.environment | self.env | dict(env or {}),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(
        self,
        *args: str,
        code: int | None = 0,
        env: Mapping[str, str] | None = None,
        stdin: str = "",
        at: Path | None = None,
        begun: Callable[[Killable], None] = lambda _: None,
    ) -> Result:
        """Run `stackctl ARGS` and check its exit code (None: any). `begun` gets the process that has begun."""
        given = self.environment | self.env | dict(env or {})
        if stdin or not forked.can_run(given):
            result = self._started(*args, env=env, at=at, stdin=stdin, begun=begun)
        else:
            with TemporaryDirectory() as output:
                returned = forked.run(
                    args, at or self.directory, given, Path(output), 180, self.network_of, begun
                )
                result = Result(returned, *(Path(output, name).read_text() for name in ("stdout", "stderr")))
        assert "Traceback" not in result.output, result.output
        assert code is None or result.code == code, f"exit {result.code} of {args}\n{result.output}"
        return result

    def _started(
        self,
        *args: str,
        env: Mapping[str, str] | None,
        at: Path | None,
        stdin: str,
        begun: Callable[[Killable], None],
    ) -> Result:
        with self.start(*args, env=env, at=at) as process:
            begun(process)
            try:
                stdout, stderr = process.communicate(stdin, timeout=180)
            except BaseException:
                process.kill()
                raise
        return Result(process.returncode, stdout, stderr)

    @property
    def entering(self) -> tuple[str, ...]:
        """The words before each command."""
        return ("nsenter", "-t", str(self.network_of), "-n") if self.network_of else ()

    def json(self, *args: str) -> Any:
        return json.loads(self.run(*args, "--json").stdout)

    @property
    def environment(self) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("STACKCTL_", "COMPOSE_"))}
        return {**kept, "STACKCTL_PROJECT": self.name, "PYTHONPATH": str(ROOT), "NO_COLOR": "1"}

    # What the engine has, without asking the tool under test

    @property
    def _label(self) -> dict[str, str]:
        return {"label": f"stackctl.project={self.name}"}

    def containers(self) -> list[dict[str, Any]]:
        """The project's containers, as the engine's list call says it."""
        found: list[dict[str, Any]] = self.api.containers(all=True, filters=self._label)
        return found

    def ids(self) -> dict[str, str]:
        """The id of each service's container. There must be no second one."""
        containers = self.containers()
        found = {c["Labels"]["stackctl.service"]: c["Id"] for c in containers}
        assert len(found) == len(containers)
        return found

    def inspect(self, service: str) -> dict[str, Any]:
        found: dict[str, Any] = self.api.inspect_container(self.ids()[service])
        return found

    def states(self) -> dict[str, str]:
        """By service: created, running, exited …"""
        return {c["Labels"]["stackctl.service"]: c["State"] for c in self.containers()}

    def names(self) -> dict[str, str]:
        return {c["Labels"]["stackctl.service"]: c["Names"][0].removeprefix("/") for c in self.containers()}

    def recreated(self, before: Mapping[str, str]) -> set[str]:
        """The services whose container is another one than in `before`, which `ids` gave."""
        now = self.ids()
        return {service for service in before.keys() | now.keys() if before.get(service) != now.get(service)}

    def inside(self, service: str, *argv: str) -> str:
        """What a command says in a service's container; it must end with 0."""
        made = self.api.exec_create(self.ids()[service], list(argv))
        output: str = self.api.exec_start(made["Id"]).decode()
        assert self.api.exec_inspect(made["Id"])["ExitCode"] == 0, output
        return output

    def resources(self) -> dict[str, list[str]]:
        """Every container, network and volume that has this project's label or name."""
        return {
            "containers": sorted(self._mine(self.containers(), self.api.containers(all=True))),
            "networks": sorted(self._mine(self.api.networks(filters=self._label), self.api.networks())),
            "volumes": sorted(
                self._mine(
                    self.api.volumes(filters=self._label)["Volumes"] or [],
                    self.api.volumes()["Volumes"] or [],
                )
            ),
        }

    def _mine(self, labelled: list[dict[str, Any]], every: list[dict[str, Any]]) -> set[str]:
        def name(row: dict[str, Any]) -> str:
            return str(row["Names"][0] if row.get("Names") else row.get("Name", row.get("Id"))).lstrip("/")

        return {name(r) for r in labelled} | {name(r) for r in every if name(r).startswith(self.name)}

    def clean(self) -> None:
        """Remove what the project left, without the tool under test."""
        for container in self.resources()["containers"]:
            with unless_it_goes():
                self.api.remove_container(container, force=True, v=True)
        there = self.resources()
        # By id: an engine before API 1.44 may give two networks one name, if a killed run's request comes late.
        for network in (each for each in self.api.networks() if each["Name"] in there["networks"]):
            with unless_it_goes():
                for endpoint in (self.api.inspect_network(network["Id"])["Containers"] or {}).values():
                    # Engine 20.10 forgets endpoints when many containers end at once; then nobody can remove the network.
                    with unless_it_goes():
                        self.api.disconnect_container_from_network(
                            endpoint["Name"], network["Id"], force=True
                        )
                self.api.remove_network(network["Id"])
        for volume in there["volumes"]:
            with unless_it_goes():
                self.api.remove_volume(volume, force=True)
        for image in self.api.images(filters={"reference": f"{self.name}*"}):
            for tag in image["RepoTags"]:
                self.api.remove_image(tag, force=True)

    def story(self) -> str:
        """What a reader of a failed scenario wants to see."""
        told = []
        for row in self.containers():
            log = self.api.logs(row["Id"], tail=20).decode(errors="replace")
            told.append(f"{row['Names'][0]}  {row['Status']}\n{log}")
        return "\n".join([*told, json.dumps(self.resources(), indent=2)])


def killed_at(project: Project, recorder: RecordingProxy, number: int, *args: str) -> bool:
    """Run, and kill it when the engine has got its `number`th write. False if it ends with fewer."""
    process = project.start(*args)
    writes: list[Request] = []

    def kill(request: Request) -> None:
        writes.extend([request] if request.writes else [])
        if len(writes) == number:
            process.kill()

    recorder.sent = kill
    try:
        process.communicate(timeout=60)
    finally:
        recorder.sent = lambda _: None
    recorder.settle()  # else the next run could ask for what the engine is making at that moment
    return len(writes) >= number


_GOING = ("already in progress", "marked for removal")


@contextmanager
def unless_it_goes() -> Iterator[None]:
    """Remove something, unless somebody else removes it, a reaper for one."""
    try:
        yield
    except docker.errors.APIError as error:
        if error.status_code != 404 and not any(said in str(error) for said in _GOING):
            raise


def sleepers(**keys: str) -> str:
    """A stack of services that do nothing: by name, what else is said of each."""
    return "".join(f"[services.{name}]\n{SLEEP}{more}\n" for name, more in keys.items())


def servers(**keys: str) -> str:
    """A stack of services that answer on port 80, `/passwd` for one."""
    return sleepers(**keys).replace("sleep infinity", "httpd -f -p 80 -h /etc")


@contextmanager
def recorded(project: Project, engine: Path, path: Path, port: int = 0) -> Iterator[RecordingProxy]:
    """The project's way to the engine leads through a proxy at that path, or that port, which records every request."""
    with RecordingProxy(engine, path, port) as proxy:
        project.env["DOCKER_HOST"] = proxy.host
        yield proxy


def eventually(check: Callable[[], bool], seconds: float = 10.0) -> None:
    """Wait for something the engine does in its own time."""
    deadline = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < deadline, f"not so after {seconds:g} s"
        time.sleep(0.05)


def free_ports(number: int) -> list[int]:
    """Host ports that nobody holds at the moment, all different."""
    return host.free_ports(["tcp"] * number)
