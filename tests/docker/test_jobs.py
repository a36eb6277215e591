"""A job must run when it has reason to, and only then. How often it ran is counted in a volume that it writes to."""

from __future__ import annotations

import pytest
from scenario import Project, sleepers

pytestmark = pytest.mark.docker

RUN = "echo run >> /runs/log"


def stack(job: str = 'volumes = ["runs:/runs"]', command: str = RUN, image: str = 'image = "busybox"') -> str:
    """A job that counts its runs, and a service that needs it and can read the count."""
    counter = sleepers(counter='depends_on = ["seed"]\nvolumes = ["runs:/runs"]')
    return f"""
[jobs.seed]
{image}
command = ["sh", "-c", "{command}"]
{job}
{counter}
[volumes.runs]
"""


def runs(project: Project) -> int:
    return project.inside("counter", "cat", "/runs/log").count("run\n")


def ups(project: Project) -> int:
    """How often the job has run after one more `up`."""
    project.run("up")
    return runs(project)


def test_a_job_must_run_once_and_again_when_its_definition_changed(project: Project) -> None:
    project.write(stack())
    assert [ups(project), ups(project)] == [1, 1]
    before = project.ids()
    project.write(stack(command=f"{RUN}; true"))
    assert [ups(project), ups(project)] == [2, 2]
    assert project.recreated(before) == {"seed"}, "what depends on it goes on"
    project.api.remove_container(project.ids()["seed"])
    assert [ups(project), ups(project)] == [3, 3]


def test_a_job_must_run_again_when_its_image_changed(project: Project) -> None:
    dockerfile = "FROM busybox\nENV VERSION=1\n"
    project.write(dockerfile, "app/Dockerfile")
    project.write(stack(image='build = "app"'))
    assert ups(project) == 1
    project.run("up", "--build")
    assert runs(project) == 1, "the build came out the same"
    project.write(dockerfile.replace("1", "2"), "app/Dockerfile")
    project.run("up", "--build")
    assert runs(project) == 2


def test_a_job_must_run_again_when_its_inputs_changed(project: Project) -> None:
    volumes = 'volumes = ["runs:/runs", "./data:/data:ro"]'
    project.write(stack(f'{volumes}\ninputs = ["data/**"]'))
    project.write("one", "data/a.txt")
    project.write("not an input", "notes.txt")
    assert [ups(project), ups(project)] == [1, 1]
    project.write("two", "data/a.txt")
    assert [ups(project), ups(project)] == [2, 2]
    added = project.write("one", "data/deep/b.txt")
    assert [ups(project), ups(project)] == [3, 3]
    added.touch()
    project.write("another text", "notes.txt")
    assert ups(project) == 3, "only names and contents of inputs count"
    added.unlink()
    assert [ups(project), ups(project)] == [4, 4]
    assert "inputs" in _why(project, "a text that differs")


def _why(project: Project, text: str) -> str:
    """Why `plan` would run the job again, were that the content of an input."""
    project.write(text, "data/a.txt")
    (change,) = project.json("plan")["changes"]
    assert (change["name"], change["change"]) == ("seed", "recreate")
    return str(change["why"])


def test_inputs_that_name_no_file_must_be_an_error_with_a_place(project: Project) -> None:
    project.write(stack('volumes = ["runs:/runs"]\ninputs = ["dta/**"]'))
    told = project.run("up", code=2).stderr
    assert "stack.toml:" in told
    assert "dta/**" in told
    assert project.containers() == []


def test_a_job_with_a_bind_mount_must_run_every_time_unless_it_names_inputs(project: Project) -> None:
    project.write("one", "data/a.txt")
    project.write(stack('volumes = ["runs:/runs", "./data:/data:ro"]'))
    assert [ups(project), ups(project), ups(project)] == [1, 2, 3]


def test_a_job_must_run_again_when_what_it_filled_is_gone(project: Project) -> None:
    """The volume of a dependency was removed by hand: the new one has not seen the job."""
    job = 'volumes = ["runs:/runs"]\ndepends_on = ["db"]'
    database = '[services.db]\nimage = "busybox"\ncommand = ["sh", "-c", "touch /data/$$(date +%s%N); sleep infinity"]\n'
    project.write(f'{database}volumes = ["data:/data"]\n{stack(job)}[volumes.data]\n')
    assert [ups(project), ups(project)] == [1, 1]
    project.api.restart(project.ids()["db"], timeout=1)  # it writes to its volume: that makes it no newer
    assert ups(project) == 1
    project.api.remove_container(project.ids()["db"], force=True)
    project.api.remove_volume(f"{project.name}_data")
    assert [ups(project), ups(project)] == [2, 2]


def test_a_job_that_failed_must_run_again_once_it_is_corrected(project: Project) -> None:
    project.write(stack(command=f"{RUN}; echo no such table; exit 3"))
    told = project.run("up", code=5).stderr
    assert project.states() == {"seed": "exited", "counter": "created"}
    assert "no such table" in told
    assert "3" in told
    project.run("up", code=5)  # nothing changed: it is tried again
    project.write(stack())
    assert [ups(project), ups(project)] == [3, 3]
    assert project.states() == {"seed": "exited", "counter": "running"}


def test_a_job_that_is_running_must_be_waited_for_not_begun_again(project: Project) -> None:
    project.write(stack(command=f"{RUN}; sleep 3"))
    with project.start("up") as first:
        while not project.containers() or project.states().get("seed") != "running":
            assert first.poll() is None
        first.kill()
    assert project.states() == {"seed": "running", "counter": "created"}
    assert ups(project) == 1
