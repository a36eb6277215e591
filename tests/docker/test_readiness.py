"""Order: what is started must wait until what it needs is ready, and no longer; and not at all where that will never be."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from scenario import Project, servers, sleepers

pytestmark = pytest.mark.docker

CHECKS = {
    "test": ("touch /ready; sleep infinity", '{ test = ["CMD", "test", "-f", "/ready"] }'),
    "tcp": ("httpd -f -p 8000 -h /etc", "{ tcp = 8000 }"),
    "http": ("httpd -f -p 8000 -h /etc", '{ http = ":8000/passwd" }'),
    "log": ("echo it is done; sleep infinity", '{ log = "is done$" }'),
}
BROKEN = """
[services.db]
image = "busybox"
command = ["sh", "-c", "echo the disk is full; exit 7"]
healthcheck = { tcp = 5432 }
"""


def started(project: Project, service: str) -> datetime:
    return _time(project.inspect(service), "StartedAt")


def _time(inspected: dict[str, Any], what: str) -> datetime:
    return datetime.fromisoformat(inspected["State"][what])


@pytest.mark.parametrize(("command", "check"), CHECKS.values(), ids=CHECKS)
def test_a_dependent_must_start_once_the_check_succeeds(project: Project, command: str, check: str) -> None:
    project.write(
        f'[services.db]\nimage = "busybox"\ncommand = ["sh", "-c", "sleep 1.5; {command}"]\nhealthcheck = {check}\n'
        + sleepers(web='depends_on = ["db"]')
    )
    project.run("up")
    waited = (started(project, "web") - started(project, "db")).total_seconds()
    assert 1.5 <= waited < 8, "the engine's own interval is 30 s"


def test_a_dependent_must_start_after_a_job_completed(project: Project) -> None:
    project.write(
        '[jobs.migrate]\nimage = "busybox"\ncommand = ["sleep", "1"]\n'
        + sleepers(web='depends_on = ["migrate"]')
    )
    project.run("up")
    assert project.states() == {"migrate": "exited", "web": "running"}
    assert started(project, "web") >= _time(project.inspect("migrate"), "FinishedAt")


def test_a_completed_job_must_not_run_again(project: Project) -> None:
    project.write(
        '[jobs.migrate]\nimage = "busybox"\ncommand = ["true"]\n' + sleepers(web='depends_on = ["migrate"]')
    )
    project.run("up")
    before, ran = project.ids(), started(project, "migrate")
    project.run("up")
    assert project.recreated(before) == set()
    assert started(project, "migrate") == ran
    project.run("up", "--rerun")
    assert project.recreated(before) == {"migrate"}


def test_a_dependency_that_exits_must_fail_at_once_with_its_code_and_log(project: Project) -> None:
    project.write(BROKEN + sleepers(web='depends_on = ["db"]', other=""))
    told = project.run("up", code=5)
    assert "ended with exit code 7" in told.stderr
    assert "the disk is full" in told.stderr
    assert project.states() == {"db": "exited", "web": "created", "other": "running"}


def test_a_container_that_the_engine_restarts_forever_must_fail_early(project: Project) -> None:
    project.write(BROKEN + 'restart = "always"\n')
    told = project.run("up", code=5)
    assert "the disk is full" in told.stderr


@pytest.mark.parametrize("restart", ["no", "always"])
def test_a_container_without_memory_must_fail_early_and_say_so(project: Project, restart: str) -> None:
    keys = f'image = "busybox"\ncommand = "tail /dev/zero"\nmem_limit = "16m"\nrestart = "{restart}"\n'
    project.write(f"[services.db]\n{keys}" + sleepers(web='depends_on = ["db"]'))
    told = project.run("up", code=5).stderr
    assert "137 (SIGKILL)" in told
    if restart == "no":  # what runs again has memory again, by the engine's word
        assert f"{project.name}-db-1 ended with exit code 137, out of memory" in told


LIVES = """
[services.worker]
image = "busybox"
command = ["sh", "-c", '''echo >>/shared/lives; LIFE''']
restart = "always"
volumes = ["lives:/shared"]
[services.db]
image = "busybox"
command = "sleep infinity"
volumes = ["lives:/shared"]
healthcheck = { test = "test $$(wc -l </shared/lives) -ge 2", interval = "1s" }
[volumes.lives]
"""
"""The database is healthy while the worker, which the engine has restarted, lives for the second time."""


def test_a_restart_loop_that_runs_at_the_end_must_fail(project: Project) -> None:
    project.write(LIVES.replace("LIFE", "sleep 2; echo the disk is full; exit 3"))
    told = project.run("up", code=5)
    assert f"worker: {project.name}-worker-1 restarts again and again, last exit code 3" in told.stderr
    assert "the disk is full" in told.stderr
    assert "running     db\n" in told.stderr


def test_a_service_that_runs_after_one_restart_must_count_as_running(project: Project) -> None:
    project.write(
        LIVES.replace("LIFE", "test $$(wc -l </shared/lives) -ge 2 || { sleep 2; exit 3; }; sleep 100")
    )
    project.run("up")
    assert project.states() == {"worker": "running", "db": "running"}


def test_a_job_that_fails_must_hold_its_dependents_back_and_run_again(project: Project) -> None:
    job = '[jobs.migrate]\nimage = "busybox"\ncommand = ["sh", "-c", "test -f /data/go"]\nvolumes = ["data:/data"]\n'
    project.write(f'{job}{sleepers(web="""depends_on = ["migrate"]""")}[volumes.data]\n')
    project.run("up", code=5)
    assert project.states() == {"migrate": "exited", "web": "created"}
    project.write(
        f'{job}{sleepers(web="""depends_on = ["migrate"]""", hand="""volumes = ["data:/data"]""")}[volumes.data]\n'
    )
    project.run("up", "hand")
    project.inside("hand", "touch", "/data/go")
    project.run("up")
    assert project.states() == {"migrate": "exited", "web": "running", "hand": "running"}


def test_a_service_that_never_gets_healthy_must_end_the_wait(project: Project) -> None:
    project.write(
        sleepers(
            db='healthcheck = { test = "echo no disk yet; false", start_period = "1s" }',
            web='depends_on = ["db"]',
        )
    )
    told = project.run("up", "--wait-timeout", "3", code=4)
    assert "no disk yet" in told.stderr
    assert project.states() == {"db": "running", "web": "created"}
    project.write(sleepers(db="", web='depends_on = ["db"]'))
    project.run("up")
    assert project.states() == {"db": "running", "web": "running"}


def test_an_optional_dependency_must_not_stop_its_dependent(project: Project) -> None:
    project.write(BROKEN + sleepers(web="depends_on.db = { required = false }"))
    told = project.run("up", code=5)
    assert project.states() == {"db": "exited", "web": "running"}
    assert told.stderr.count("the disk is full") == 1


def test_a_program_that_cannot_run_must_fail_up_every_time(project: Project) -> None:
    for _ in range(4):
        project.write('[services.api]\nimage = "python:3.11-slim"\ncommand = ["python", "nosuch.py"]\n')
        told = project.run("up", code=5)
        assert "can't open file" in told.stderr
        assert "running  " not in told.stderr
        project.run("down")


def test_a_worker_that_ends_while_others_are_waited_for_must_fail_up(project: Project) -> None:
    project.write(
        '[services.worker]\nimage = "busybox"\ncommand = ["sh", "-c", "sleep 1; echo no queue; exit 4"]\n'
        '[services.db]\nimage = "busybox"\ncommand = ["sh", "-c", "sleep 3; touch /ready; sleep infinity"]\n'
        'healthcheck = { test = ["CMD", "test", "-f", "/ready"] }\n'
    )
    told = project.run("up", code=5)
    assert "ended with exit code 4" in told.stderr
    assert "no queue" in told.stderr
    assert "running     db\n" in told.stderr


def test_a_service_that_ends_with_0_must_suggest_a_job(project: Project) -> None:
    project.write('[services.migrate]\nimage = "busybox"\ncommand = ["true"]\n' + sleepers(web=""))
    told = project.run("up")
    assert (
        "ended with exit code 0: migrate (a program that runs to its end belongs under [jobs] of a stack.toml)"
        in told.stderr
    )


def test_status_must_say_why_a_check_fails(project: Project) -> None:
    project.write(servers(web='healthcheck = { http = ":80/nothing", interval = "200ms", retries = 1 }'))
    project.run("up", "--wait-timeout", "2", code=None)
    (row,) = project.json("status")["services"]
    assert (row["health"], row["drift"]) == ("failing", ["failing · http :80/nothing: 404 Not Found"])
    assert "failing · http :80/nothing: 404 Not Found" in project.run("status").stdout


def test_the_engines_healthy_must_end_the_wait_though_our_own_check_hangs(project: Project) -> None:
    project.write(
        sleepers(db='healthcheck = { test = "mkdir /lock && exec sleep 77; true", interval = "1s" }')
    )
    project.run("up")
    assert "sleep 77" in project.inside("db", "ps"), "the check that came first is still under way"
