"""A sandbox provider for Inspect (`inspect_ai`): `sandbox="stackctl"` gives each sample a stack of its own from a stack.toml.

Inspect loads this module by the entry point `stackctl` of the group `inspect_ai`. Its contract is the class `SandboxEnvironment` of
`inspect_ai.util`.
"""

from __future__ import annotations

import errno
import os
import posixpath
import re
import secrets
import shlex
from collections.abc import Callable, Mapping
from contextlib import closing
from functools import partial
from typing import Literal, TypeVar, overload

import anyio.to_thread
from inspect_ai._util.error import PrerequisiteError
from inspect_ai.util import (
    ExecResult,
    OutputLimitExceededError,
    SandboxConnection,
    SandboxEnvironment,
    SandboxEnvironmentConfigType,
    SandboxEnvironmentLimits,
    SandboxUnavailableError,
    SandboxUserUnsupportedError,
    sandboxenv,
)
from inspect_ai.util._sandbox.environment import HostMapping, PortMapping

from stackctl import api
from stackctl.comparing import Comparing
from stackctl.engine import protocol
from stackctl.errors import EngineError, ExecTimeoutError, StackError
from stackctl.planner.before.images import ImageOptions, plan_images
from stackctl.planner.reach.places import ServicePlace
from stackctl.planner.steps.outcome import succeed
from stackctl.planner.world import labels
from stackctl.real import monotonic
from stackctl.show.error_text import error_text
from stackctl.testing.runs.run import current
from stackctl.testing.runs.running import Recipe, RunRequest, enter, remove, start
from stackctl.testing.stack import Running, RunningService

_T = TypeVar("_T")

PREFIX = "inspect-"
"""How the names of all projects begin that Inspect starts."""

_FILE_TIMEOUT = 600
"""Seconds that the reading or writing of a file may take."""
_HOME = "PATH=/usr/sbin:/usr/bin:/sbin:/bin; export PATH; export LC_ALL=C; "
"""The scripts of this module run as the container's user, often root. They take no command from a directory to which the
sandbox can write."""
_READ = _HOME + 'exec head -c "$2" -- "$1"'
_WRITE = _HOME + 'mkdir -p -- "$2" && exec cat > "$1"'
_REFUSALS: Mapping[str, type[OSError]] = {
    "No such file or directory": FileNotFoundError,
    "Not a directory": NotADirectoryError,
    "Permission denied": PermissionError,
    "Is a directory": IsADirectoryError,
}
_NOT_EXECUTABLE = re.compile(r"(OCI runtime|crun)[^\n]*permission denied[^\n]*\s*", re.IGNORECASE)
_NO_USER = re.compile(r"unable to find (user|group)|no matching entries in", re.IGNORECASE)
_ENDED_BY_TIMEOUT = (124, 137, 143)
"""Exit codes of a command that `timeout` has ended. Other signals give them, too."""

_started: dict[str, Running] = {}
"""The stacks that this process has started and not yet removed, by project."""


@sandboxenv(name="stackctl")
class StackctlSandbox(SandboxEnvironment):
    """One service of a sample's stack."""

    def __init__(self, service: RunningService) -> None:
        super().__init__()
        self.service = service
        self._directory = ""

    # A task: its file is read and its images are made. A sample: its stack is started.

    @classmethod
    def config_files(cls) -> list[str]:
        return ["stack.toml"]

    @classmethod
    def default_concurrency(cls) -> int | None:
        return 2 * (os.cpu_count() or 1)

    @classmethod
    async def task_init(cls, task_name: str, config: SandboxEnvironmentConfigType | None) -> None:
        try:
            await _in_thread(_make_images, _files(config))
        except StackError as error:
            raise PrerequisiteError(error_text(error)) from error

    @classmethod
    async def sample_init(
        cls, task_name: str, config: SandboxEnvironmentConfigType | None, metadata: dict[str, str]
    ) -> dict[str, SandboxEnvironment]:
        services = await _in_thread(_start, _files(config))
        return {service.name: cls(service) for service in services}

    @classmethod
    async def sample_cleanup(
        cls,
        task_name: str,
        config: SandboxEnvironmentConfigType | None,
        environments: dict[str, SandboxEnvironment],
        interrupted: bool,
    ) -> None:
        for project in {each.as_type(cls).service.app.project for each in environments.values()}:
            await _in_thread(_remove, _started.pop(project))

    @classmethod
    async def task_cleanup(
        cls, task_name: str, config: SandboxEnvironmentConfigType | None, cleanup: bool
    ) -> None:
        """Remove the stacks of samples that had no cleanup, or leave them if the user has asked for that."""
        while _started:
            project, app = _started.popitem()
            await _in_thread(_remove if cleanup else _leave, app)
            if not cleanup:
                current().keep(project)
                print(
                    f"stack kept: {project}\n"
                    f"  look at it:  stackctl -p {project} ps, logs, exec SERVICE sh\n"
                    f"  remove it:   inspect sandbox cleanup stackctl {project}"
                )

    @classmethod
    async def cli_cleanup(cls, id: str | None) -> None:
        """Remove one project, or all that Inspect has started and that are left."""
        await _in_thread(_clean, id)

    # A sample's commands and files

    async def exec(
        self,
        cmd: list[str],
        input: str | bytes | None = None,
        cwd: str | None = None,
        env: dict[str, str] | None = None,
        user: str | None = None,
        timeout: int | None = None,
        timeout_retry: bool = True,
        concurrency: bool = True,
    ) -> ExecResult[str]:
        command = protocol.Exec(
            container=self.service.container_name,
            argv=tuple(cmd),
            environment=env,
            user=user,
            working_dir=await self._absolute(cwd) if cwd else None,
            output_limit=SandboxEnvironmentLimits.MAX_EXEC_OUTPUT_SIZE,
        )
        done = await self._run(command, input, timeout)
        stdout, stderr = done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")
        if done.exit_code == 126 and _NOT_EXECUTABLE.fullmatch(stdout or stderr):
            raise PermissionError(errno.EACCES, (stdout or stderr).strip(), cmd[0])
        return ExecResult(done.exit_code == 0, done.exit_code, stdout, stderr)

    async def write_file(self, file: str, contents: str | bytes) -> None:
        result = await self._script(_WRITE, file, posixpath.dirname(file) or ".", contents=contents)
        _check(result, file)

    @overload
    async def read_file(self, file: str, text: Literal[True] = True) -> str: ...

    @overload
    async def read_file(self, file: str, text: Literal[False]) -> bytes: ...

    async def read_file(self, file: str, text: bool = True) -> str | bytes:
        limit = SandboxEnvironmentLimits.MAX_READ_FILE_SIZE
        result = await self._script(_READ, file, str(limit + 1))
        _check(result, file)
        if len(result.stdout) > limit:
            raise OutputLimitExceededError(SandboxEnvironmentLimits.MAX_READ_FILE_SIZE_STR, None)
        return result.stdout.decode() if text else result.stdout

    async def connection(self, *, user: str | None = None) -> SandboxConnection:
        container = self.service.container_name
        place = (await _in_thread(self.service.app.places)).get(self.service.name)
        if place is None:
            raise ConnectionError(f"{self.service.name} does not run")
        as_user = ["--user", user] if user else []
        return SandboxConnection(
            type="stackctl",
            command=shlex.join(["docker", "exec", "-it", *as_user, container, "sh", "-l"]),
            vscode_command=None if user else ["remote-containers.attachToRunningContainer", container],
            ports=_ports(place),
            container=container,
        )

    def default_polling_interval(self) -> float:
        return 0.2

    async def _script(self, script: str, *arguments: str, contents: str | bytes = b"") -> protocol.ExecResult:
        command = protocol.Exec(
            container=self.service.container_name, argv=("/bin/sh", "-c", script, "sh", *arguments)
        )
        return await self._run(command, contents, _FILE_TIMEOUT)

    async def _run(
        self, command: protocol.Exec, given: str | bytes | None, timeout: float | None
    ) -> protocol.ExecResult:
        """Raises TimeoutError, SandboxUnavailableError, SandboxUserUnsupportedError."""
        stdin = given.encode() if isinstance(given, str) else given
        began = monotonic()
        try:
            call = partial(self.service.app.engine.exec, command, timeout=timeout, stdin=stdin)
            done = await _in_thread(call, abandon=True)
        except ExecTimeoutError as error:
            raise _timed_out(timeout, error.stdout + error.stderr) from error
        except EngineError as error:
            if _NO_USER.search(error.message):
                raise SandboxUserUnsupportedError(error.message) from error
            raise SandboxUnavailableError(error_text(error)) from error
        late = timeout is not None and monotonic() - began >= timeout
        if late and done.exit_code in _ENDED_BY_TIMEOUT:
            raise _timed_out(timeout, done.stdout + done.stderr)
        return done

    async def _absolute(self, path: str) -> str:
        """A path relative to the container's working directory, as an absolute path."""
        if not path.startswith("/") and not self._directory:
            self._directory = (await self._script("pwd -P")).stdout.decode().rstrip("\n")
        return posixpath.join(self._directory, path)


async def _in_thread(function: Callable[..., _T], *arguments: object, abandon: bool = False) -> _T:
    """`abandon`: whoever is cancelled does not wait for the end of the call."""
    call = partial(function, *arguments)
    result: _T = await anyio.to_thread.run_sync(call, abandon_on_cancel=abandon)
    return result


def _files(config: SandboxEnvironmentConfigType | None) -> tuple[str, ...]:
    """The file that the task names, or none: then it is the stack.toml here or above."""
    if config is None or isinstance(config, str):
        return (config,) if config else ()
    raise PrerequisiteError(
        f'sandbox="stackctl" takes the path of a stack.toml, not a {type(config).__name__}'
    )


def _recipe(files: tuple[str, ...]) -> Recipe:
    """The stack of the file under another name: its images are not those of the stack that the user may have up."""
    return Recipe(files=files, overrides={"name": PREFIX + api.load(*files).project}, build=False)


def _make_images(files: tuple[str, ...]) -> None:
    """Build and pull everything that the samples need. Raises StackError."""
    stack = _recipe(files).load()
    with closing(api.connect()) as engine:
        desired, observed = Comparing(stack, engine).desired_and_observed(api.Selection())
        succeed(api.execute(plan_images(desired, observed, ImageOptions(build=True)), engine))


def _start(files: tuple[str, ...]) -> list[RunningService]:
    """Start a stack for a sample. Its services that run; `default` is the first, if there is one. Raises StackError."""
    recipe = _recipe(files)
    stack, run, engine = recipe.load(), current(), api.connect()
    project = f"{stack.project}-{secrets.token_hex(3)}"
    try:
        enter(run, engine)
        app = start(RunRequest(recipe, stack, run, project, run.marks), engine)
        there = app.containers()
    except BaseException:
        remove(engine, project, stack)
        engine.close()
        raise
    _started[project] = app
    return sorted(
        (app[name] for name, container in there.items() if container.running),
        key=lambda service: service.name != "default",
    )


def _remove(app: Running) -> None:
    _leave(app)
    with closing(api.connect()) as engine:
        remove(engine, app.project, app.stack)


def _leave(app: Running) -> None:
    app.close()
    app.engine.close()


def _clean(project: str | None) -> None:
    with closing(api.connect()) as engine:
        observed = engine.observe()
        things = (*observed.containers, *observed.networks, *observed.volumes)
        made = {thing.project or "" for thing in things if labels.RUN in thing.labels}
        for name in sorted(made if project is None else made & {project}):
            if name.startswith(PREFIX):
                remove(engine, name)


def _ports(place: ServicePlace) -> list[PortMapping]:
    return [
        PortMapping(
            container_port=port, protocol="tcp", mappings=[HostMapping(host_ip=host, host_port=number)]
        )
        for port, (host, number) in place.published.items()
    ]


def _check(result: protocol.ExecResult, file: str) -> None:
    """Raise what the command said, as the error of a file operation here would."""
    if result.exit_code:
        said = (result.stderr or result.stdout).decode(errors="replace").strip()
        kind = next((kind for text, kind in _REFUSALS.items() if text in said), None)
        if kind is None:
            raise RuntimeError(f"{file}: {said or f'exit code {result.exit_code}'}")
        raise kind(said)


def _timed_out(seconds: float | None, output: bytes) -> TimeoutError:
    error = TimeoutError(f"the command still ran after {seconds:g} s")
    error.truncated_output = output.decode(errors="replace")  # type: ignore[attr-defined]  # Inspect shows it
    return error
