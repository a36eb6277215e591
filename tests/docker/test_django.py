"""The backend lecture, examples/django: Django under gunicorn, which reloads what is edited, and Postgres; migrated by hand or by a job."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest
from example_copies import django_in
from scenario import Project, Result, eventually
from terminal import open_terminal

pytestmark = pytest.mark.docker

CONNECT = "exec 3<>/dev/tcp/$0/5432"
DEFINED = 'command = "python manage.py migrate --noinput"'
"""The job, as stack.jobs.toml writes it."""


@dataclass
class Lecture:
    """A copy of the example, with container names, an image name and host ports of its own."""

    project: Project
    port: int

    @property
    def db(self) -> str:
        """The name of the database's container."""
        return f"{self.project.name}-postgres"

    @property
    def backend(self) -> str:
        return f"{self.project.name}-django"

    def ask(self, path: str = "/", **form: str) -> tuple[int, str]:
        """One request from the host; with a form it is a POST."""
        data = urllib.parse.urlencode(form).encode() if form else None
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", data, timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def answers(self, text: str) -> bool:
        """Whether `/` says so; it may not answer while gunicorn changes workers."""
        try:
            return text in self.ask()[1]
        except OSError:
            return False

    def replace(self, file: str, old: str, new: str) -> None:
        """Edit a file as an editor does."""
        path = self.project.directory / file
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    def jobs(self, *args: str, code: int = 0) -> Result:
        return self.project.run("-f", "stack.jobs.toml", *args, code=code)


def lecture_in(project: Project) -> Lecture:
    return Lecture(project, django_in(project))


@pytest.fixture(scope="module")
def lecture(shared: Project) -> Lecture:
    """It is up, and answers the first request."""
    made = lecture_in(shared)
    shared.run("up")
    assert made.ask() == (200, "Hello from Django. Edit me in server/tasks/views.py.\n")
    return made


@pytest.fixture
def with_job(lecture: Lecture, project: Project) -> Lecture:
    """Another copy, not up yet. The first one's image keeps the layers that both have in common."""
    return lecture_in(project)


def test_the_containers_must_have_the_names_that_the_lecture_uses(lecture: Lecture) -> None:
    assert lecture.project.names() == {"db": lecture.db, "backend": lecture.backend}


def test_an_edited_view_must_answer_anew_in_the_same_container(lecture: Lecture) -> None:
    before = lecture.project.inspect("backend")
    said = "Hello from Django"
    for number in range(5):
        edited = f"Edit number {number}"
        lecture.replace("server/tasks/views.py", said, edited)
        eventually(partial(lecture.answers, edited))
        said = edited
        time.sleep(0.3)
    now = lecture.project.inspect("backend")
    assert (now["Id"], now["State"]["StartedAt"]) == (before["Id"], before["State"]["StartedAt"])
    assert lecture.project.json("status")["services"][1]["drift"] == []


def test_the_database_must_answer_under_both_its_names(lecture: Lecture) -> None:
    for host in ("db", lecture.db):
        lecture.project.run("exec", "backend", "bash", "-c", CONNECT, host)
    lecture.project.run("exec", "backend", "bash", "-c", CONNECT, "postgres-contianer", code=1)


def test_migrations_must_run_by_hand(lecture: Lecture) -> None:
    manage = ("python", "manage.py")
    code, text = lecture.ask("/tasks/")
    assert code == 503
    assert "tasks_task" in text
    assert "No changes detected" in lecture.project.run("exec", "backend", *manage, "makemigrations").stdout
    told = lecture.project.run("exec", lecture.backend, *manage, "migrate").stdout
    assert "Applying tasks.0001_initial... OK" in told
    assert lecture.ask("/tasks/", title="learn")[0] == 201
    assert json.loads(lecture.ask("/tasks/")[1]) == {"tasks": [{"id": 1, "title": "learn", "done": False}]}


@pytest.mark.parametrize("by", ["service", "container"])
def test_a_shell_must_be_a_real_terminal(lecture: Lecture, by: str) -> None:
    name = "backend" if by == "service" else lecture.backend
    with open_terminal(lecture.project, "exec", "-it", name, "bash") as terminal:
        terminal.expect("# ")
        # The size comes a moment after the shell: an old engine takes it only once the shell runs.
        terminal.type('until [ "$(stty size)" = "30 100" ]; do sleep 0.1; done; echo $((6*7))\r')
        terminal.expect("42\r\n")
        assert terminal.settings() != terminal.before, "keys go to the shell one by one"
        terminal.resize(123, 45)
        terminal.type(
            'until [ "$(stty size)" = "45 123" ]; do sleep 0.1; done; echo the size is "$(stty size)"\r'
        )
        terminal.expect("the size is 45 123")
        terminal.type("sleep 600\r")
        terminal.expect("sleep 600")
        time.sleep(0.3)
        terminal.type("\x03")  # for the command, not for us
        terminal.expect("# ")
        terminal.type("exit 7\r")
        assert terminal.end() == 7
        assert terminal.settings() == terminal.before


def events(told: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in told.stdout.splitlines()]


def done(told: Result, action: str) -> list[str]:
    """The services for which an action was done."""
    return [e["service"] for e in events(told) if e["event"] == "done" and e["action"] == action]


def test_a_job_must_migrate_before_the_backend_with_one_image_for_both(with_job: Lecture) -> None:
    project = with_job.project
    told = with_job.jobs("--progress", "json", "up")
    assert with_job.ask("/tasks/") == (200, '{"tasks": []}')
    assert len(done(told, "BuildImage")) == 1
    job, backend = project.inspect("migrate"), project.inspect("backend")
    assert job["Image"] == backend["Image"]
    assert job["State"]["FinishedAt"] < backend["State"]["StartedAt"]

    before = project.ids()
    assert {e["event"] for e in events(with_job.jobs("--progress", "json", "up"))} == {"planned", "ended"}
    assert project.recreated(before) == set()

    with_job.jobs("up", "--rerun")
    assert project.recreated(before) == {"migrate"}

    before = project.ids()
    with_job.replace("stack.jobs.toml", DEFINED, DEFINED.replace("--noinput", "--noinput --verbosity=2"))
    with_job.jobs("up")
    assert project.recreated(before) == {"migrate"}
    assert with_job.ask("/tasks/")[0] == 200


def test_a_job_that_fails_must_keep_the_backend_from_starting(with_job: Lecture) -> None:
    project = with_job.project
    with_job.replace("stack.jobs.toml", DEFINED, DEFINED.replace("migrate", "migrate no_such_app"))
    told = with_job.jobs("up", code=5).stderr
    assert project.states() == {"db": "running", "migrate": "exited", "backend": "created"}
    assert "No installed app with label 'no_such_app'" in told, "the job's own words"
    assert "stackctl logs migrate" in told
    with_job.replace("stack.jobs.toml", " no_such_app", "")
    with_job.jobs("up")
    assert with_job.ask("/tasks/")[0] == 200
