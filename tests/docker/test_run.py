"""`run` must give a command a container of its own, with all that its service has, and pass everything through."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from scenario import NOTHING, Project, eventually, free_ports, sleepers
from terminal import open_terminal

pytestmark = pytest.mark.docker

QUICK = 'stop_grace_period = "0s"\n'


def stack(port: int) -> str:
    return sleepers(
        db=QUICK + 'healthcheck = { test = "true", interval = "1s" }',
        api=QUICK
        + f'depends_on = ["db"]\nports = ["{port}:80"]\nrestart = "always"\nenvironment.A = "1"\n'
        + 'pre_start = [{ command = "false" }]\npost_start = [{ command = "touch /tmp/hooked" }]',
        web=QUICK + 'depends_on = ["api"]',
    )


def one_offs(project: Project) -> list[str]:
    return [c["Names"][0] for c in project.containers() if c["Labels"]["stackctl.kind"] == "run"]


def test_a_run_must_pass_input_output_signals_and_the_exit_code(project: Project) -> None:
    (port,) = free_ports(1)
    project.write(stack(port))
    (project.directory / "more.env").write_text("B=2\n")
    script = "cat | wc -c; until [ -e /tmp/hooked ]; do sleep 0.1; done; echo $A$B$C; id -u; pwd; echo to stderr >&2; exit 7"
    given = ("--env-from-file", "more.env", "-e", "C=3", "-u", "1000", "-w", "/tmp")
    ran = project.run("run", "--rm", *given, "api", "sh", "-c", script, stdin="x" * 300_000, code=7)
    assert ran.stdout == "300000\n123\n1000\n/tmp\n"
    assert "to stderr\n" in ran.stderr
    assert project.states() == {"db": "running"}, "what it depends on, not more"
    assert one_offs(project) == []

    trap = "trap 'echo got it; exit 9' TERM; echo begun; while :; do sleep 0.1; done"
    with project.start("run", "--rm", "-q", "api", "sh", "-c", trap) as process:
        assert process.stdout
        assert process.stdout.readline() == "begun\n"
        process.send_signal(signal.SIGTERM)
        said, _ = process.communicate(timeout=60)
    assert (process.returncode, said) == (9, "got it\n")
    eventually(lambda: not one_offs(project))

    with project.start("run", "--rm", "-q", "api", "sh", "-c", "echo begun; sleep 600") as process:
        assert process.stdout
        assert process.stdout.readline() == "begun\n"
        process.kill()
    (left,) = one_offs(project)
    assert left.startswith(f"/{project.name}-api-run-")
    project.run("run", "--rm", "-q", "--no-deps", "api", "no-such-program", code=127)
    project.run("down")
    assert project.resources() == NOTHING


def test_a_detached_run_must_be_a_one_off_that_others_leave_alone(project: Project, tmp_path: Path) -> None:
    (port,) = free_ports(1)
    project.write(stack(port) + '[jobs.seed]\nimage = "busybox"\ncommand = "sh -c \'exit 3\'"\n')
    mine = f"{project.name}-mine"
    (tmp_path / "host").mkdir()
    (tmp_path / "host/file").write_text("here\n")
    volume = ("-v", f"{tmp_path}/host:/host:ro")
    id_ = project.run(
        "run", "-d", "-P", "--use-aliases", "--name", mine, *volume, "api", "sleep", "600"
    ).stdout
    made = project.api.inspect_container(id_.strip())
    assert (made["Name"], made["State"]["Running"]) == (f"/{mine}", True)
    assert made["HostConfig"]["RestartPolicy"]["Name"] == "no"
    assert made["NetworkSettings"]["Ports"]["80/tcp"][0]["HostPort"] == str(port)
    assert {"api", mine} <= set(made["NetworkSettings"]["Networks"][f"{project.name}_default"]["Aliases"])
    assert made["Config"]["Labels"]["com.docker.compose.oneoff"] == "True"
    assert project.run("exec", mine, "cat", "/host/file").stdout == "here\n"
    project.run("run", "-q", "seed", code=3)
    assert "has no container to wait for" in project.run("wait", "seed", code=1).stderr
    project.run("stop")
    project.run("restart", "db")
    assert project.api.inspect_container(mine)["State"]["StartedAt"] == made["State"]["StartedAt"]
    assert mine in project.run("ps", "-a").stdout
    project.run("up", "--remove-orphans", "db")
    assert one_offs(project) == [f"/{mine}"], "the job's, which has ended, is gone"
    project.run("kill", mine)
    project.run("down")
    assert project.resources() == NOTHING


def test_a_run_on_a_terminal_must_have_it_to_itself(project: Project) -> None:
    project.write(sleepers(api=QUICK))
    with open_terminal(project, "run", "--rm", "api", "sh", columns=90, lines=20) as terminal:
        terminal.expect("created")
        terminal.expect("# ")
        assert terminal.settings() != terminal.before, "every key goes to the shell"
        for columns, lines in ((90, 20), (70, 30)):
            terminal.type(
                f"until stty size | grep -q '{lines} {columns}'; do sleep 0.1; done; echo si''zed\n"
            )
            terminal.resize(columns, lines)
            terminal.expect("sized")
        trap = 'trap "echo $((3*111)); exit" INT; echo $((2*111)); while :; do sleep 0.1; done'
        terminal.type(f"sh -c '{trap}'\n")
        terminal.expect("222")
        terminal.type("\x03")
        terminal.expect("333")
        terminal.type("exit 5\n")
        assert terminal.end() == 5
        assert terminal.settings() == terminal.before
    with open_terminal(project, "run", "--name", f"{project.name}-left", "api", "sh") as terminal:
        terminal.expect("# ")
        terminal.type("\x10\x11")
        assert terminal.end() == 0
    assert project.api.inspect_container(f"{project.name}-left")["State"]["Running"]
    project.run("down")
    assert project.resources() == NOTHING
