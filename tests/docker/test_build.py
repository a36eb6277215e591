"""Images must be built with what the stack says, by either builder; and what cannot be had must be said, quickly."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
from typing import Any

import pytest
from scenario import NOTHING, ROOT, Project, sleepers

pytestmark = pytest.mark.docker

NO_DOCKER_COMMAND = {"PATH": "/nonexistent"}
DOCKERFILE = """\
FROM busybox AS first
ARG WHO=nobody
RUN echo hello $WHO | tee /said
COPY . /context
CMD ["sleep", "infinity"]
FROM first AS last
RUN false
"""
STACK = """
[services.app]
build = { context = "app", dockerfile = "app.Dockerfile", target = "first", args = { WHO = "${NAME}" } }
"""


@pytest.fixture(scope="session")
def with_buildx() -> dict[str, str]:
    """The environment in which the docker command has buildx: this machine's own, else with a plugin fetched once."""
    if subprocess.run(["docker", "buildx", "version"], capture_output=True, check=False).returncode == 0:
        return {}
    fetched = subprocess.run(
        [ROOT / "tools/cli-plugin", "buildx"], stdout=subprocess.PIPE, check=True, text=True
    )
    return {"DOCKER_CONFIG": fetched.stdout.strip()}


@pytest.fixture(params=["classic", "buildx"])
def builder(request: pytest.FixtureRequest, project: Project) -> str:
    """The project's commands build with this one."""
    buildx = request.param == "buildx"
    project.env |= request.getfixturevalue("with_buildx") if buildx else NO_DOCKER_COMMAND
    return str(request.param)


def image(project: Project) -> dict[str, Any]:
    """What the service's image is; there must be one."""
    found: list[dict[str, Any]] = project.api.images(f"{project.name}-app")
    assert len(found) == 1
    return found[0]


def engine_version(project: Project) -> int:
    return int(project.api.version()["Version"].split(".")[0])


def test_arguments_target_dockerfile_and_ignored_files_must_count(project: Project, builder: str) -> None:
    project.write(STACK)
    project.env["NAME"] = "wörld"
    project.write(DOCKERFILE, "app/app.Dockerfile")
    for name in ("kept", "secret", "logs/a.log", "logs/keep.log"):
        project.write("", f"app/{name}")
    project.write("# what stays here\nsecret\n*.Dockerfile\nlogs/*\n!logs/keep.log\n", "app/.dockerignore")
    told = project.run("build").stderr
    assert "hello wörld" in told
    assert "app" in told
    assert ("exporting layers" in told) == (builder == "buildx")
    project.run("up")
    assert project.inside("app", "cat", "/said") == "hello wörld\n"
    files = set(project.inside("app", "find", "/context", "-type", "f").split())
    assert files - {"/context/.dockerignore"} == {"/context/kept", "/context/logs/keep.log"}


def test_the_output_must_come_while_it_is_built(project: Project, builder: str) -> None:
    """The build goes on only once its first line was seen here."""
    (bridge, *_) = project.api.inspect_network("bridge")["IPAM"]["Config"]
    with socket.create_server((bridge["Gateway"], 0)) as gate:
        gate.settimeout(60)
        address, port = gate.getsockname()
        wait = f'test "$(nc -w 60 {address} {port})" = "go on"'
        project.write('[services.app]\nbuild = "app"\n')
        # The quotes: the lines of the step's own text do not end like those that it writes.
        step = f"echo {project.name}; echo be''gun; {wait} && echo en''ded"
        project.write(f"FROM busybox\nRUN {step}\n", "app/Dockerfile")
        with project.start("--progress", "json", "build") as process:
            assert process.stdout
            told = map(json.loads, process.stdout)
            said = (event["text"] for event in told if event["event"] == "progress")
            assert any(text.endswith("begun") for text in said)
            connection, _ = gate.accept()
            with connection:
                connection.sendall(b"go on\n")
            assert any(text.endswith("ended") for text in said)
    assert process.returncode == 0


def test_a_second_build_must_be_cached(project: Project, builder: str) -> None:
    project.write('[services.app]\nbuild = "app"\n')
    project.write(f"FROM busybox\nRUN sleep 2; echo {project.name} >/name\n", "app/Dockerfile")
    assert "ache" not in project.run("build").stderr
    first = image(project)["Id"]
    again = project.run("build")
    assert ("CACHED" if builder == "buildx" else "Using cache") in again.stderr
    assert image(project)["Id"] == first
    assert project.run("--progress", "quiet", "build").output == ""


def test_changed_code_must_be_told_and_what_did_not_change_must_not_be_recreated(
    project: Project, builder: str
) -> None:
    """Compose: TestUpBuildUnchangedContext. A file that .dockerignore leaves out is no code."""
    project.write('[services.app]\nbuild = "app"\ninit = true\nstop_grace_period = "0s"\n')
    project.write("FROM busybox\nCOPY . /app\nCMD sleep infinity\n", "app/Dockerfile")
    project.write("*.log\n", "app/.dockerignore")
    project.write(project.name, "app/code")

    def seen() -> tuple[str, str | None]:
        (row,) = project.json("status")["services"]
        return row["id"], row["outdated"]

    assert "changed since" not in project.run("up").stderr
    first = seen()
    project.write("", "app/run.log")
    (project.directory / "app/code").touch()
    project.run("up", "--build")
    assert seen() == first == (first[0], None)
    project.write(project.name[::-1], "app/code")
    assert seen() == (first[0], "code")
    assert "app: the code changed since the image was built (up --build" in project.run("up").stderr
    assert "app: the code changed" in project.run("plan").stdout
    assert "changed since" not in project.run("up", "--build").stderr
    assert seen()[0] != first[0]
    assert seen()[1] is None
    assert project.inside("app", "cat", "/app/code") == project.name[::-1]


ALL_KEYS = """
[services.app]
command = "sleep infinity"
init = true
stop_grace_period = "0s"
[services.app.build]
context = "app"
dockerfile_inline = '''
FROM busybox
ARG WHO
RUN cat /etc/hosts >/said; echo $$WHO >>/said; ulimit -n >>/said; cat /proc/self/mountinfo >>/said; ls -d /sys/class/net/* >>/said
COPY . /context
'''
args = { WHO = "me" }
cache_from = ["busybox"]
extra_hosts = { there = "10.1.2.3" }
labels = { "org.example.key" = "${VALUE:-$$a b}" }
network = "none"
no_cache = true
platforms = ["linux/amd64"]
shm_size = "3m"
tags = ["PROJECT-more:2"]
ulimits = { nofile = { soft = 111, hard = 222 } }
"""


def test_every_key_must_reach_the_builder(project: Project, builder: str) -> None:
    project.write(ALL_KEYS.replace("PROJECT", project.name))
    project.write("", "app/kept")
    project.run("up")
    said = project.inside("app", "cat", "/said")
    assert "10.1.2.3\tthere" in said
    assert "\nme\n" in said
    # The BuildKit of older engines does not know these two.
    if builder == "classic" or engine_version(project) >= 23:
        assert "\nme\n111\n" in said
        assert "size=3072k" in said
    assert said.split("/sys/class/net/", 1)[1] == "lo\n"
    assert project.inside("app", "ls", "/context").split() == ["kept"]
    (more,) = project.api.images(f"{project.name}-more:2")
    labels = more["Labels"]
    assert labels["org.example.key"] == "$a b"
    assert project.json("status")["services"][0]["outdated"] is None
    project.write(ALL_KEYS.replace("PROJECT", project.name).replace("COPY", "ADD"))
    assert project.json("status")["services"][0]["outdated"] == "build"


def test_further_contexts_must_be_built_on(project: Project, builder: str) -> None:
    project.write("""
[services.app]
depends_on = ["base"]
[services.app.build]
context = "app"
additional_contexts = { files = "files", below = "service:base" }
[services.base]
build = "base"
init = true
stop_grace_period = "0s"
""")
    project.write("FROM below\nCOPY --from=files one /two\n", "app/Dockerfile")
    project.write(f"FROM busybox\nRUN echo {project.name} >/below\nCMD sleep infinity\n", "base/Dockerfile")
    project.write("1", "files/one")
    if builder == "classic":
        for command in ("build", "up", "plan"):
            told = project.run(command, code=1).stderr
            assert "stack.toml:6:1" in told
            assert (
                f"building {project.name}-app needs BuildKit (additional_contexts), which is not installed"
                in told
            )
            assert "install Docker's buildx plugin" in told
        assert project.resources() == NOTHING
        assert project.api.images(f"{project.name}-base") == [], "nothing was begun"
        return
    if engine_version(project) < 23:
        told = project.run("up", code=5).stderr
        assert "Engine 23" in told
        return
    project.run("up")
    assert project.inside("app", "cat", "/below", "/two") == f"{project.name}\n1"
    project.write("2", "files/one")
    assert [row["outdated"] for row in project.json("status")["services"]] == [None, "code"]


def test_secrets_must_reach_a_build_and_stay_out_of_the_image(project: Project, builder: str) -> None:
    project.write("""
[secrets.token]
environment = "TOKEN"
[secrets.key]
file = "key"
[services.app]
build = { context = "app", secrets = ["token", { source = "key", target = "other" }] }
command = "sleep infinity"
init = true
stop_grace_period = "0s"
""")
    project.write(
        # A secret does not count for the builder's cache: the project's name keeps this layer apart from those of other runs.
        f"FROM busybox\nRUN --mount=type=secret,id=token --mount=type=secret,id=other cat /run/secrets/* >/said; : {project.name}\n"
        "RUN ls /run >/seen\n",
        "app/Dockerfile",
    )
    project.write("from a file", "key")
    project.env["TOKEN"] = f"se,cret${{x}} {project.name}\n"
    if builder == "classic":
        assert "needs BuildKit (secrets), which is not installed" in project.run("up", code=1).stderr
        return
    project.run("up")
    assert project.inside("app", "cat", "/said") == f"from a filese,cret${{x}} {project.name}\n"


def test_an_interrupted_build_must_end_its_builder(project: Project, builder: str) -> None:
    """Compose: TestComposeCancel. The builder is silent, so nothing but the signal ends it."""
    project.write('[services.app]\nbuild = "app"\n')
    project.write(f"FROM busybox\nRUN echo {project.name}; echo beg''un; sleep 600\n", "app/Dockerfile")
    with project.start("build") as process:
        assert process.stderr
        while not process.stderr.readline().rstrip().endswith("begun"):
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=120)
    assert process.returncode == 130
    assert not project.api.images(f"{project.name}-app")
    running = subprocess.run(["ps", "-eo", "args"], capture_output=True, check=True, text=True).stdout
    assert f"echo {project.name}" not in running


def test_a_step_that_fails_must_stop_it_with_its_last_lines(project: Project, builder: str) -> None:
    project.write(f'[services.app]\nbuild = "app"\n{sleepers(other="")}')
    script = "for n in 1 2 3; do echo line $n; done; echo the disk is full; exit 7"
    project.write(f"FROM busybox\nRUN echo {project.name}; {script}\n", "app/Dockerfile")
    for command in ("build", "up"):
        told = project.run(command, code=1).stderr
        cause = told[told.index("✘") :]
        assert f"✘ app: building {project.name}-app failed: RUN echo {project.name}; for n in 1 2 3;" in cause
        assert "… ended with 7: the disk is full\n" in cause
        assert "line 3\n" in cause
        assert "#" not in told
    assert project.resources() == NOTHING, "nothing is begun without the images"


def test_what_needs_buildkit_must_say_so_where_it_is_not(project: Project, builder: str) -> None:
    project.write('[services.app]\nbuild = "app"\n')
    project.write(
        "FROM busybox\nRUN --mount=type=cache,target=/cache echo done >/said\nCMD sleep infinity\n",
        "app/Dockerfile",
    )
    if builder == "buildx":
        project.run("up")
        assert project.inside("app", "cat", "/said") == "done\n"
        return
    told = project.run("up", code=1)
    assert "needs BuildKit (line 2: RUN --mount)" in told.stderr
    assert "install Docker's buildx plugin" in told.stderr


def test_build_must_take_what_is_named_and_leave_what_is_pulled(project: Project) -> None:
    project.env |= NO_DOCKER_COMMAND
    project.write(sleepers(pulled="") + '[services.app]\nbuild = "app"\n[services.other]\nbuild = "other"\n')
    project.write("FROM busybox\n", "app/Dockerfile")
    project.run("build", "app")
    assert image(project)
    assert not project.api.images(f"{project.name}-other")
    assert "nothing to build" in project.run("build", "pulled").stderr
    assert "no such service: appp" in project.run("build", "appp", code=2).stderr


def test_options_of_a_build_must_count(project: Project, builder: str) -> None:
    project.write(
        f"{sleepers(pulled='')}[services.app]\nbuild = {{ context = 'app', args = {{ A = 'file', B = 'file' }} }}\n"
        "init = true\nstop_grace_period = '0s'\ndepends_on = ['base']\n[services.base]\nbuild = 'app'\nscale = 0\n"
    )
    project.write(
        f"FROM busybox\nARG A\nARG B\nRUN echo {project.name} A=$A B=$B\nCMD sleep infinity\n",
        "app/Dockerfile",
    )
    missing = project.run("up", "--no-build", "app", code=1).stderr
    assert f"image {project.name}-app is not here, and --no-build forbids to build it" in missing
    assert project.resources() == NOTHING
    told = project.run("build", "--build-arg", "A=line", "--build-arg", "B", "app", env={"B": "env"}).stderr
    assert f"{project.name} A=line B=env" in told
    assert not project.api.images(f"{project.name}-base")
    again = project.run("build", "--no-cache", "--build-arg", "A=line", "--build-arg", "B=env", "app").stderr
    assert "ached" not in again
    assert "Using cache" not in again
    assert project.api.images(f"{project.name}-app")[0]["RepoTags"]
    quiet = project.run("--progress", "plain", "up", "--build", "--quiet-build", "app").stderr
    assert "A=file" not in quiet
    assert "built in" in quiet
    project.run("build", "--with-dependencies", "-q", "app")
    assert project.api.images(f"{project.name}-base")
    assert "exclude each other" in project.run("up", "--build", "--no-build", code=2).stderr


def test_options_of_a_pull_must_count(project: Project) -> None:
    project.env |= NO_DOCKER_COMMAND
    project.write(f"""
[services.app]
image = "127.0.0.1:1/{project.name}:1"
build = "app"
pull_policy = "missing"
depends_on = ["gone"]
[services.gone]
image = "127.0.0.1:1/gone:1"
""")
    told = project.run("pull", "app", code=1).stderr
    assert f"cannot pull 127.0.0.1:1/{project.name}:1" in told
    assert "127.0.0.1:1/gone:1" not in told
    assert "127.0.0.1:1/gone:1" in project.run("pull", "--include-deps", "app", code=1).stderr
    assert "nothing to pull" in project.run("pull", "--ignore-buildable", "app").stderr
    ignored = project.run("pull", "--ignore-pull-failures").stderr
    assert "cannot pull 127.0.0.1:1/gone:1" in ignored


def test_down_must_remove_images_when_asked_for_and_none_that_is_used(project: Project) -> None:
    project.env |= NO_DOCKER_COMMAND
    own, named = f"{project.name}-app", f"{project.name}-named:1"
    project.write(
        f'[services.app]\nbuild = "app"\ncommand = "true"\n[services.other]\nimage = "{named}"\nbuild = "other"\ncommand = "true"\n'
    )
    for name in ("app", "other"):
        project.write(f"FROM busybox\nLABEL of={project.name}-{name}\n", f"{name}/Dockerfile")
    project.run("build")
    stranger = project.api.create_container(named)
    try:
        assert "2 to remove" not in project.run("down").stderr
        assert project.api.images(own)
        told = project.run("down", "--rmi", "all").stderr
        assert f"image {named} is kept: " in told
        assert not project.api.images(own)
        assert project.api.images(named)
    finally:
        project.api.remove_container(stranger)
    project.run("down", "--rmi", "local")
    assert project.api.images(named)
    project.run("down", "--rmi", "all")
    assert not project.api.images(named)


def test_a_missing_dockerfile_must_be_told(project: Project) -> None:
    project.write('[services.app]\nbuild = "app"\n')
    project.write("", "app/notes")
    told = project.run("up", code=None)
    assert told.code in (1, 2)
    assert "Dockerfile" in told.stderr
    assert project.resources() == NOTHING


@pytest.mark.parametrize("ref", ["127.0.0.1:1/nothing:1", "registry.invalid/nothing:1"])
def test_an_image_that_cannot_be_had_must_be_told(project: Project, ref: str) -> None:
    project.write(f'[services.app]\nimage = "{ref}"\n{sleepers(other="")}')
    for command in ("pull", "up"):
        told = project.run(command, *(["app"] if command == "pull" else []), code=1)
        assert f"cannot pull {ref}" in told.stderr
        assert "check the network" in told.stderr
    assert project.resources() == NOTHING


def test_what_cannot_be_pulled_must_be_built(project: Project) -> None:
    """As with Compose, if the file says when to pull. An old image that cannot be had again is kept."""
    project.env |= NO_DOCKER_COMMAND
    ref = f"127.0.0.1:1/{project.name}:1"
    text = f'[services.app]\nimage = "{ref}"\nbuild = "app"\ninit = true\nstop_grace_period = "0s"\npull_policy = "POLICY"\n'
    project.write("FROM busybox\nCMD sleep infinity\n", "app/Dockerfile")
    try:
        project.write(text.replace("POLICY", "missing"))
        assert "could not be pulled, so it was built" in project.run("up").stderr
        assert project.run("plan").stdout.startswith("Nothing to do")
        project.write(text.replace("POLICY", "every_1us"))
        assert "pull_policy is every_1us" in project.run("plan").stdout
        assert "the one that is here is kept" in project.run("up").stderr
        project.write(text.replace("POLICY", "daily"))
        assert "Nothing to do" in project.run("plan").stdout
    finally:
        project.run("down")
        project.api.remove_image(ref)


def test_what_is_here_must_not_be_pulled_by_up(project: Project) -> None:
    project.write(sleepers(app=""))
    assert "pull" not in project.run("up").stderr.lower()
    assert "nothing to pull" in project.run("pull", "--policy", "missing").stderr


def test_values_of_arguments_must_not_be_on_the_command_line(
    project: Project, with_buildx: dict[str, str]
) -> None:
    """A command line is for everybody on the machine to read."""
    project.env |= with_buildx
    secret = os.urandom(8).hex()
    project.write(f'[services.app]\nbuild = {{ context = "app", args = {{ TOKEN = "{secret}" }} }}\n')
    project.write(f"FROM busybox\nARG TOKEN\nRUN echo {project.name}; sleep 3\n", "app/Dockerfile")
    with project.start("build") as process:
        assert process.stderr
        while "sleep 3" not in process.stderr.readline():
            assert process.poll() is None
        shown = subprocess.run(["ps", "-eo", "args"], capture_output=True, check=True, text=True).stdout
        assert "docker buildx bake" in shown
        assert secret not in shown.replace(f"TOKEN={secret} /bin/sh", "")
        process.communicate()
    assert process.returncode == 0


def test_arguments_must_not_change_what_the_docker_command_does(project: Project, builder: str) -> None:
    """Names that the docker command reads from its environment, and signs that a bake file would fill in."""
    project.write("""
[services.app]
build = { context = "app", args = { DOCKER_HOST = "tcp://127.0.0.1:1", HTTP_PROXY = "http://127.0.0.1:1", LD_PRELOAD = "", SIGNS = "$${a} %{b} 'c'" } }
""")
    project.write(
        f'FROM busybox\nARG DOCKER_HOST\nARG SIGNS\nRUN echo "{project.name} $DOCKER_HOST $HTTP_PROXY $SIGNS"\n',
        "app/Dockerfile",
    )
    told = project.run("build").stderr
    assert f"{project.name} tcp://127.0.0.1:1 http://127.0.0.1:1 ${{a}} %{{b}} 'c'\n" in told
