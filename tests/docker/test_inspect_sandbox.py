"""Inspect's own checks of a sandbox provider must pass on stackctl's. `make inspect` runs them."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from inspect_ai.util import SandboxUnavailableError
from inspect_ai.util._sandbox.self_check import *  # noqa: F403

from stackctl.inspect_sandbox import StackctlSandbox

pytestmark = [pytest.mark.docker, pytest.mark.anyio]

STACK = """
name = "checked"

[services.other]
image = "busybox"
command = "sleep infinity"

[services.default]
image = "python:3.11-slim"
command = "sleep infinity"
user = "nobody"
working_dir = "/var/tmp"
init = true

[jobs.first]
image = "busybox"
command = "true"
"""


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
async def sample(
    tmp_path_factory: pytest.TempPathFactory, anyio_backend: str
) -> AsyncIterator[dict[str, StackctlSandbox]]:
    file = tmp_path_factory.mktemp("task") / "stack.toml"
    file.write_text(STACK)
    await StackctlSandbox.task_init("startup", str(file))
    made = await StackctlSandbox.sample_init("checks", str(file), {})
    yield {name: sandbox.as_type(StackctlSandbox) for name, sandbox in made.items()}
    await StackctlSandbox.sample_cleanup("checks", str(file), made, interrupted=False)
    await StackctlSandbox.task_cleanup("shutdown", str(file), cleanup=True)


@pytest.fixture
def sandbox_env(sample: dict[str, StackctlSandbox]) -> StackctlSandbox:
    return sample["default"]


async def test_the_services_that_run_must_be_the_sandboxes_the_default_first(
    sample: dict[str, StackctlSandbox],
) -> None:
    assert list(sample) == ["default", "other"]


async def test_nothing_of_a_command_must_be_left_after_its_timeout(sandbox_env: StackctlSandbox) -> None:
    """Inspect's check asks `ps`, which an image may not have."""
    with pytest.raises(TimeoutError) as caught:
        await sandbox_env.exec(["sh", "-c", "echo begun; sleep 3456 & sleep 4567"], timeout=1)
    assert getattr(caught.value, "truncated_output", "") == "begun\n"
    there = await sandbox_env.exec(["sh", "-c", "cat /proc/[0-9]*/cmdline | tr '\\0' ' '"])
    assert "cat " in there.stdout
    assert "3456" not in there.stdout
    assert "4567" not in there.stdout


async def test_a_path_that_is_not_absolute_must_begin_in_the_working_directory(
    sandbox_env: StackctlSandbox,
) -> None:
    await sandbox_env.write_file("below/file", "x")
    assert (await sandbox_env.exec(["pwd"], cwd="below")).stdout == "/var/tmp/below\n"


async def test_output_beyond_the_limit_must_not_be_collected(
    sandbox_env: StackctlSandbox,
) -> None:
    from inspect_ai.util._sandbox.limits import override_max_exec_output_size

    with override_max_exec_output_size(10):
        result = await sandbox_env.exec(["seq", "100000"])
    assert result.stdout == "999\n100000\n"[-10:]


async def test_a_sandbox_that_does_not_run_must_be_unavailable(sample: dict[str, StackctlSandbox]) -> None:
    other = sample["other"]
    connection = await other.connection()
    assert connection.container == other.service.container_name
    with other.service.stopped(grace=0):
        with pytest.raises(SandboxUnavailableError):
            await other.exec(["true"])
        with pytest.raises(ConnectionError):
            await other.connection()
