"""`import --record`: a script runs where nothing can leave, and its docker commands are written down."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
from commandline import Run

from stackctl.cli import sandbox
from stackctl.errors import UsageError

pytest_plugins = ["commandline_fixtures"]


def isolated() -> str:
    """Why a script cannot be isolated on this machine; "" if it can."""
    try:
        sandbox.record("true")
    except UsageError as error:
        return str(error)
    return ""


WHY_NOT = isolated()
needs_isolation = pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT)


def said(script: str) -> list[str]:
    """The words of the calls `docker say …` that the script reaches."""
    return [" ".join(words[2:]) for _, words in sandbox.record(script).calls if words[1] == "say"]


@needs_isolation
def test_what_loops_and_substitutions_make_is_recorded() -> None:
    script = """
for i in $(seq 2 3 | sort -r); do docker run -d --name "w$i" -v "$(pwd)/d $i:/d" -v ~/x:/x busybox; done
cd /tmp && sudo -u me docker build -t me . && docker run -d me "$1"
"""
    assert sandbox.record(script, ["a b"]).text == (
        'HERE=$PWD; docker run -d --name w3 -v "$HERE"\'/d 3:/d\' -v "$HOME"/x:/x busybox\n'
        'docker run -d --name w2 -v "$HERE"\'/d 2:/d\' -v "$HOME"/x:/x busybox\n'
        "(cd /tmp && docker build -t me .)\n"
        "(cd /tmp && docker run -d me 'a b')\n"
    )


@needs_isolation
def test_nothing_of_this_machine_is_there(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("x")
    paths = f"/etc/shadow {tmp_path}/mine {Path.home()}/. /var /sys /run/docker.sock /var/run/docker.sock {Path.cwd()}"
    assert said(f"for f in {paths}; do [ -e $f ] && docker say $f; done; docker say end") == ["end"]


@needs_isolation
@pytest.mark.parametrize(
    "where", ["/usr/x", "/bin/x", "/etc/alternatives/x", "/dev/null/x", "/proc/sys/kernel/hostname"]
)
def test_what_is_shown_of_this_machine_cannot_be_written(where: str) -> None:
    assert said(f"(echo x > {where}) 2>/dev/null && docker say wrote; docker say end") == ["end"]


@needs_isolation
def test_what_the_script_writes_is_thrown_away() -> None:
    assert said(
        "echo x > ~/x && echo x > ./x && echo x > /tmp/stackctl-x && cat ~/x ./x && docker say wrote"
    ) == ["wrote"]
    assert not Path("/tmp/stackctl-x").exists()
    assert not Path("/home/user/x").exists()


@needs_isolation
def test_files_of_this_machine_survive_a_script_that_removes_all(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("x")
    sandbox.record(f"rm -rf {tmp_path} {Path.home()}/* /tmp/* ~ /usr/bin/env /home /etc")
    assert (tmp_path / "mine").read_text() == "x"
    assert Path("/usr/bin/env").exists()
    assert Path("/etc/passwd").exists()


@needs_isolation
def test_the_network_is_not_there() -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        port = server.getsockname()[1]
        script = f"(echo x > /dev/tcp/127.0.0.1/{port}) 2>/dev/null && docker say reached; docker say end"
        assert said(script) == ["end"]
    assert said("docker say $(grep -c : /proc/net/dev)") == ["1"]  # lo alone


@needs_isolation
def test_rights_are_gone() -> None:
    script = "mount -t tmpfs x /tmp && docker say mount; chroot / true && docker say chroot; docker say $(grep CapEff /proc/self/status)"
    assert said(script) == ["CapEff: 0000000000000000"]


@needs_isolation
def test_other_processes_are_not_there_and_none_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    assert said(f"kill -9 {os.getpid()} 2>/dev/null && docker say killed; docker say end") == ["end"]
    name = f"stackctl-{os.getpid()}"
    bomb = f"cp /bin/sleep /tmp/{name}; /tmp/{name} 1000 & b() {{ b | b & }}; b; b; wait; /bin/sleep 1000"
    monkeypatch.setattr(sandbox, "SECONDS", 2)
    assert sandbox.record(bomb).ended == "it ran for more than 2 s, and was ended"

    def left() -> bool:
        return any(name.encode() in cmdline(each) for each in Path("/proc").glob("[0-9]*/cmdline"))

    while left():  # the test's own time limit ends this
        os.sched_yield()


def cmdline(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


@needs_isolation
def test_too_much_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "_LONGEST", 1000)
    assert sandbox.record("while :; do docker say x; done").ended.startswith("it gave more commands")
    assert sandbox.record("docker say x; exit 3").ended == "it ended with exit code 3"


@needs_isolation
def test_the_command(run: Run, tmp_path: Path) -> None:
    (tmp_path / "run.sh").write_text(
        "for i in $(echo a b | tr ' ' '\\n'); do docker run -d --name $i x:1; done; exit 1"
    )
    ran = run("import", "--record", "--yes", "run.sh")
    assert ran.code == 0
    assert "run.sh, recorded:2\n[services.b]" in ran.out
    assert "it ended with exit code 1: what it would do after that is not imported" in ran.err


def test_nobody_who_could_be_asked(run: Run, tmp_path: Path) -> None:
    (tmp_path / "run.sh").write_text("docker run -d x:1")
    ran = run("import", "--record", "run.sh")
    assert (ran.code, ran.out) == (2, "")
    assert "nobody can be asked here" in ran.err


def test_where_nothing_can_be_isolated_nothing_runs(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "run.sh").write_text(f"touch {tmp_path}/ran")
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(sandbox, "_path", lambda: "/nowhere")
    ran = run("import", "--record", "--yes", "run.sh")
    assert (ran.code, ran.out) == (2, "")
    assert "a script cannot be isolated here" in ran.err
    assert not (tmp_path / "ran").exists()
