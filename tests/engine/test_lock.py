"""The lock, between real processes."""

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from stackctl.engine.lock import holders, lock
from stackctl.engine.machine import machine
from stackctl.errors import CancelledError, LockedError


@pytest.fixture(autouse=True)
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    return tmp_path


HOLD = textwrap.dedent("""
    import sys
    from stackctl.engine.lock import lock
    with lock("engine", "shop", timeout=5, command="stackctl up"):
        print("held", flush=True)
        sys.stdin.read()
""")


@pytest.fixture
def holder() -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the project until its stdin closes."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_a_second_run_is_told_who_holds_the_project(holder: subprocess.Popen[str]) -> None:
    with pytest.raises(LockedError) as caught, lock("engine", "shop", timeout=0):
        pass
    assert caught.value.exit_code == 3
    assert f"held by process {holder.pid} (stackctl up), since" in caught.value.message


def test_a_run_waits_for_its_turn_and_tells_once(holder: subprocess.Popen[str]) -> None:
    told: list[str] = []

    def waiting(who: str) -> None:
        told.append(who)
        assert holder.stdin
        holder.stdin.close()

    with lock("engine", "shop", timeout=10, waiting=waiting):
        assert holder.wait(5) == 0
    assert len(told) == 1
    assert str(holder.pid) in told[0]


def test_who_waits_may_give_up(holder: subprocess.Popen[str]) -> None:
    told: list[str] = []
    with (
        pytest.raises(CancelledError, match=f"held by process {holder.pid}"),
        lock("engine", "shop", timeout=600, waiting=told.append, cancelled=lambda: bool(told)),
    ):
        pass


def test_a_killed_holder_leaves_nothing_behind(holder: subprocess.Popen[str]) -> None:
    holder.send_signal(signal.SIGKILL)
    holder.wait(5)
    with lock("engine", "shop", timeout=0):
        pass


def test_who_holds_a_project_is_told(holder: subprocess.Popen[str]) -> None:
    with lock("an-engine", "my-shop_2", timeout=0, command="stackctl down"):
        mine, other = holders()
    assert (mine[:2], other[:2]) == (("my-shop_2", os.getpid()), ("shop", holder.pid))
    assert other[2].startswith(f"process {holder.pid} (stackctl up), since")
    (held,) = machine(root="", takes_resolvers=False, chosen="", others=()).locks
    assert (held.project, held.pid, held.state) == ("shop", holder.pid, "alive")
    holder.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, holder.pid, os.WSTOPPED | os.WNOWAIT)
    assert [each.state for each in machine(root="", takes_resolvers=False, chosen="", others=()).locks] == [
        "stopped"
    ]
    holder.kill()
    holder.wait(5)
    assert list(holders()) == []


def test_other_projects_and_engines_are_free(holder: subprocess.Popen[str]) -> None:
    assert holder.poll() is None
    with lock("engine", "blog", timeout=0), lock("other engine", "shop", timeout=0):
        pass


def test_within_one_process_too() -> None:
    with lock("engine", "a", timeout=0), pytest.raises(LockedError), lock("engine", "a", timeout=0.05):
        pass
    with lock("engine", "a", timeout=0):
        pass


def test_names_of_engines_and_projects_make_no_paths(runtime: Path) -> None:
    with lock("7:../../x", "a/b-c", timeout=0), lock("7:../../x", "a-b/c", timeout=0):
        files = list((runtime / "stackctl").iterdir())
    assert len(files) == 2


def test_the_file_is_the_users_alone(runtime: Path) -> None:
    with lock("engine", "a", timeout=0):
        assert (runtime / "stackctl").stat().st_mode & 0o777 == 0o700
        (file,) = (runtime / "stackctl").iterdir()
        assert file.stat().st_mode & 0o077 == 0


def test_a_directory_that_others_may_write_to_is_refused(
    runtime: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime / "not-there"))
    monkeypatch.setattr("tempfile.tempdir", str(runtime))
    theirs = runtime / f"stackctl-{os.getuid()}"
    theirs.mkdir()
    theirs.chmod(0o777)
    with pytest.raises(LockedError, match="not a directory of this user alone"), lock("e", "p"):
        pass
    theirs.rmdir()
    (runtime / "elsewhere").mkdir(mode=0o700)
    theirs.symlink_to(runtime / "elsewhere")
    with pytest.raises(LockedError), lock("e", "p"):
        pass
