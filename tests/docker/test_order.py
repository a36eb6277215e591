"""What needs another one must start after it, also where what stands between the two needs no work."""

from __future__ import annotations

import pytest
from scenario import Project, sleepers

pytestmark = pytest.mark.docker

SLOW = """
[services.db]
image = "busybox"
command = ["sh", "-c", "sleep 2; exec httpd -f -p 80 -h /etc"]
healthcheck = { http = ":80/passwd" }
"""
CLIENT = """
[services.api]
image = "busybox"
command = ["sh", "-c", "wget -q -O /dev/null http://db/passwd && exec sleep infinity"]
init = true
"""
"""It ends at once if the other one does not answer."""


def stop(project: Project, *services: str) -> None:
    for service in services:
        project.api.stop(project.ids()[service], timeout=1)


def test_order_must_pass_through_a_job_that_completed(project: Project) -> None:
    job = '[jobs.migrate]\nimage = "busybox"\ncommand = "true"\ndepends_on = ["db"]\n'
    project.write(SLOW + job + CLIENT + 'depends_on = ["migrate"]\n')
    project.run("up")
    stop(project, "api", "db")
    project.run("up")
    assert project.states() == {"db": "running", "migrate": "exited", "api": "running"}


def test_order_must_pass_through_a_service_that_runs(project: Project) -> None:
    project.write(SLOW + sleepers(middle='depends_on = ["db"]') + CLIENT + 'depends_on = ["middle"]\n')
    project.run("up")
    stop(project, "api", "db")
    project.run("up")
    assert project.states() == {"db": "running", "middle": "running", "api": "running"}


def test_failure_must_pass_through_a_job_that_completed(project: Project) -> None:
    jobs = '[jobs.migrate]\nimage = "busybox"\ncommand = "{}"\n[jobs.seed]\nimage = "busybox"\ncommand = "true"\ndepends_on = ["migrate"]\n'
    app = sleepers(app='depends_on = ["seed"]')
    project.write(jobs.format("true") + app)
    project.run("up")
    stop(project, "app")
    project.write(jobs.format("false") + app)
    project.run("up", code=5)
    project.run("up", code=5)
    assert project.states() == {"migrate": "exited", "seed": "exited", "app": "exited"}
