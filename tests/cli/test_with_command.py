"""`with`: a stack of its own for a command. The commands here are real processes; the engine is in memory."""

import os
import re
import signal
import sys
import tempfile
from pathlib import Path

import pytest
from commandline import Run

from stackctl.cli import child
from stackctl.engine.memory import Behaviour, MemoryEngine
from stackctl.errors import EngineError, UsageError
from stackctl.planner.steps.actions import RemoveNetwork
from stackctl.testing.runs.run import current

pytest_plugins = ["commandline_fixtures"]

STACK = """
name = "shop"
[services.cache]
image = "redis:7"
[services.app]
image = "app:1"
command = "serve"
environment = { CACHE_AT = "${services.cache.url}/1" }
"""


@pytest.fixture(autouse=True)
def _stack(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "stack.toml").write_text(STACK)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path_factory.mktemp("runs")))


def left(memory: MemoryEngine) -> set[str]:
    """The projects of which anything is there."""
    seen = memory.observe()
    return {thing.project or "" for thing in (*seen.containers, *seen.networks, *seen.volumes)} - {""}


def test_the_command_must_have_the_addresses_and_its_exit_code_must_be_that_of_stackctl(
    there: Run, memory: MemoryEngine, tmp_path: Path
) -> None:
    there("up")
    ran = there("with", "--isolated", "-p", "mine", "--", "sh", "-c", "env > told; exit 7", KEPT="yes")
    assert (ran.code, ran.out) == (7, "")
    assert "cache" in ran.err
    told = dict(line.split("=", 1) for line in (tmp_path / "told").read_text().splitlines())
    assert re.fullmatch(r"redis://127\.0\.0\.1:\d+/1", told["CACHE_AT"])
    assert told["CACHE_AT"] == told["CACHE_URL"] + "/1"
    assert told["KEPT"] == "yes"
    assert left(memory) == {"shop"}, "the developer's own stack stays as it was"


def test_what_is_kept_must_be_what_env_prints(there: Run, memory: MemoryEngine, tmp_path: Path) -> None:
    ran = there("with", "--keep", "--progress", "quiet", "cache", "--", "sh", "-c", "env > told; kill -9 $$")
    assert ran.code == 128 + signal.SIGKILL
    (project,) = left(memory)
    assert ran.err == (
        f"note: kept: stackctl -p {project} status; stackctl -p {project} down -v removes it\n"
    )
    assert [c.service for c in memory.observe().containers] == ["cache"]
    printed = there("-p", project, "env").out.splitlines()
    assert set(printed) <= set((tmp_path / "told").read_text().splitlines())
    assert {"CACHE_HOST=127.0.0.1"} < set(printed)
    there("-p", project, "down", "-v")
    assert left(memory) == set()


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["with"], 2, "which command? It stands after --: stackctl with -- npm test"),
        (["with", "npm", "test"], 2, "It stands after --: stackctl with -- npm test"),
        (["with", "cache", "--"], 2, "It stands after --: stackctl with -- cache"),
        (["with", "cahe", "--", "true"], 2, "no such service: cahe"),
        (["--progress", "json", "with", "--", "true"], 2, "belongs to the command"),
        (["with", "--", "no-such-program"], 127, "there is no command 'no-such-program' in PATH"),
        (["with", "--", "sh -c x"], 127, "without the quotes: -- sh -c x"),
        (["with", "--", "./stack.toml"], 126, "chmod +x ./stack.toml"),
        (["with", "--", "./"], 126, "is a directory"),
    ],
)
def test_what_cannot_be_run_must_start_nothing(
    there: Run, memory: MemoryEngine, words: list[str], code: int, told: str
) -> None:
    ran = there(*words)
    assert (ran.code, ran.out) == (code, "")
    assert told in ran.err
    assert left(memory) == set()


def test_a_stack_that_does_not_come_up_must_be_told_as_up_tells_it(
    there: Run, memory: MemoryEngine, tmp_path: Path
) -> None:
    memory.behaviours["app"] = Behaviour(start_error="no such file: serve")
    ran = there("with", "--", "touch", "begun")
    assert ran.code == 5
    assert ran.err.count("✘ app: ") == 1
    assert "error: " not in ran.err, "it is told once"
    assert "next        stackctl with --keep leaves the stack there for a look\n" in ran.err
    assert "logs" not in ran.err
    assert not (tmp_path / "begun").exists()
    assert left(memory) == set()


def test_a_stack_that_may_not_be_copied_must_say_how_to_allow_it(
    there: Run, memory: MemoryEngine, tmp_path: Path
) -> None:
    more = '\n[services.db]\nimage = "redis:7"\nvolumes = ["data:/data"]\n[volumes.data]\nexternal = true\n'
    (tmp_path / "stack.toml").write_text(STACK + more)
    ran = there("with", "--", "true")
    assert ran.code == 2
    assert "stack.toml:13" in ran.err
    assert "--allow-external-volumes of stackctl with" in ran.err
    assert left(memory) == set()


def test_ctrl_c_while_the_stack_comes_up_must_leave_nothing_and_run_nothing(
    there: Run, memory: MemoryEngine, tmp_path: Path
) -> None:
    sent: list[object] = []

    def once(action: object) -> None:
        if not sent:
            sent.append(action)
            os.kill(os.getpid(), signal.SIGINT)

    memory.before = once
    ran = there("with", "--", "touch", "begun")
    assert ran.code == 130
    assert not (tmp_path / "begun").exists()
    assert left(memory) == set()


def test_what_cannot_be_removed_must_be_told_and_keep_the_exit_code(there: Run, memory: MemoryEngine) -> None:
    def refuse(action: object) -> None:
        if isinstance(action, RemoveNetwork):
            raise EngineError("it is busy")

    memory.before = refuse
    ran = there("with", "--progress", "quiet", "--", "sh", "-c", "exit 3")
    assert ran.code == 3
    note = r"note: (shop-\w+) may still be there; stackctl -p \1 down -v removes it"
    assert re.fullmatch(rf"error: it is busy\n{note}\n", ran.err)
    assert current().started, "the reaper tries again"


# The process


def run(*argv: str) -> int:
    return child.run(argv, child.find(argv[0], os.environ["PATH"]), os.environ)


def test_a_command_must_be_found_as_a_shell_finds_it(tmp_path: Path) -> None:
    for directory, mode in (("a", 0o644), ("b", 0o755)):
        (tmp_path / directory).mkdir()
        (tmp_path / directory / "tool").write_text("exit 4")
        (tmp_path / directory / "tool").chmod(mode)
    a, b = str(tmp_path / "a"), str(tmp_path / "b")
    assert child.find("tool", f"{a}:{b}") == f"{b}/tool"
    with pytest.raises(child.NotExecutableError, match=f"{a}/tool may not be executed"):
        child.find("tool", a)
    with pytest.raises(child.NotFoundError, match="there is no command ''"):
        child.find("", b)


def test_the_exit_code_must_be_that_of_a_shell(tmp_path: Path) -> None:
    assert [run("sh", "-c", f"exit {code}") for code in (0, 3, 255)] == [0, 3, 255]
    assert run("sh", "-c", "kill -TERM $$") == 128 + signal.SIGTERM
    script = tmp_path / "script"
    script.write_text('exit "$1"\n')
    script.chmod(0o755)
    assert run(str(script), "9") == 9, "a shell runs it, although no first line says so"
    script.write_text("#!/no/such/interpreter\n")
    with pytest.raises(child.NotFoundError, match="its interpreter is not there"):
        run(str(script))
    assert isinstance(child.NotFoundError("x"), UsageError)


def test_files_that_stackctl_has_inherited_must_be_the_commands_too() -> None:
    reader, writer = os.pipe()
    os.write(writer, b"7")
    os.close(writer)
    os.set_inheritable(reader, True)
    assert run("sh", "-c", f"exit $(cat /dev/fd/{reader})") == 7
    os.close(reader)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT])
def test_a_signal_to_stackctl_alone_must_reach_the_command(number: signal.Signals, tmp_path: Path) -> None:
    """The command sends it to its parent, and ends by what comes back. There is no terminal here: setsid sees to that."""
    wait = f"trap 'exit 42' {number.name.removeprefix('SIG')}; kill -{number} $PPID; while :; do sleep 0.02; done"
    code = f"import os; from stackctl.cli import child; exit(child.run(['sh', '-c', {wait!r}], '/bin/sh', os.environ))"
    assert run("setsid", "--wait", sys.executable, "-c", code) == 42
