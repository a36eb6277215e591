"""The pytest plugin: a stack for tests, its settings, markers and hooks."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress

import pytest
from docker.errors import NotFound
from scenario import NOTHING, Project, eventually, servers, sleepers
from suite import WEB, Suite

pytestmark = pytest.mark.docker

GET = """
    from urllib.request import urlopen

    def test_it(stack):
        assert b"root" in urlopen(stack["web"].url("/passwd")).read()
"""


def test_a_stack_must_be_isolated_on_loopback_and_gone_afterwards(suite: Suite, free_port: int) -> None:
    suite.stack(servers(web=f'ports = ["0.0.0.0:{free_port}:80"]\nhealthcheck = {{ tcp = 80 }}'))
    suite.write(
        "test_it.py",
        f"""
        from urllib.request import urlopen

        def test_it(stack):
            web = stack["web"]
            assert web.port() != {free_port}
            assert {{port.host_ip for port in web.container.ports}} == {{"127.0.0.1"}}
            assert stack.project != stack.stack.name
            assert b"root" in urlopen(web.url("/passwd")).read()
        """,
    )
    suite.project.run("up")
    suite.run(passed=1)
    assert suite.left() == [f"{suite.project.name}-web-1", f"{suite.project.name}_default"]


def test_the_stack_of_a_developer_and_its_image_must_not_be_touched(suite: Suite) -> None:
    api = suite.project.api

    def dangling() -> set[str]:
        """The images without a name that were built of this program, not of that of another test."""
        found = set()
        for row in api.images(filters={"dangling": True}):
            with suppress(NotFound):
                image = api.inspect_image(row["Id"])  # type: ignore[no-untyped-call]
                if suite.project.name in str(image["Config"]["Cmd"]):
                    found.add(row["Id"])
        return found

    def program(text: str) -> None:
        suite.write("app/Dockerfile", f"FROM busybox\nCMD echo {suite.project.name} {text} && sleep 600\n")

    suite.stack('[services.app]\nbuild = "app"\ninit = true\n')
    suite.write("test_it.py", "def test_it(stack): print(next(stack.logs()).text)\n")
    program("first")
    suite.project.run("up")
    (image,) = {row["Id"] for row in api.images(name=f"{suite.project.name}-app")}
    before = dangling()
    assert suite.project.json("plan")["steps"] == []
    assert "first" in suite.run("-rP", passed=1).output
    assert {row["Id"] for row in api.images(name=f"{suite.project.name}-app")} == {image}
    for text in ("second", "third"):
        program(text)
        assert text in suite.run("-rP", passed=1).output, "a change of the code is tested"
        assert suite.project.json("plan")["steps"] == []
        assert dangling() == before


@pytest.mark.parametrize("arguments", [("--collect-only",), ("-k", "other"), ("-m", "no", "-n", "2")])
def test_without_a_test_that_needs_it_nothing_must_be_started(
    suite: Suite, arguments: tuple[str, ...]
) -> None:
    suite.stack("[services.web]\nimage = 'there is no such image'\n")
    suite.write("test_it.py", GET + "\n    def test_other(): pass\n")
    suite.env["DOCKER_HOST"] = "unix:///nowhere.sock"
    suite.run(*arguments, code=None)
    assert suite.run("-k", "other", passed=1)


def test_the_plugin_must_load_without_docker() -> None:
    program = (
        "import sys, pytest, stackctl.pytest_plugin\n"
        "heavy = {'docker', 'requests', 'click', 'rich', 'yaml', 'tabulate', 'dotenv'}\n"
        "print(sorted({name.partition('.')[0] for name in sys.modules} & heavy), 'stackctl.api' in sys.modules)"
    )
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert told.stdout == "[] False\n"


def test_the_ready_hook_must_be_called_once_whatever_the_number_of_workers(suite: Suite) -> None:
    suite.stack()
    suite.write(
        "conftest.py",
        """
        def pytest_stack_ready(stack):
            with open("ready", "a") as file:
                file.write(stack.project + "\\n")
        """,
    )
    suite.write(
        "test_it.py",
        """
        import pytest

        @pytest.mark.parametrize("number", range(8))
        def test_it(stack, number):
            with open("used", "a") as file:
                file.write(stack.project + "\\n")
        """,
    )
    suite.run("-n", "4", passed=8)
    assert len(suite.told("ready")) == 1
    assert set(suite.told("used")) == set(suite.told("ready"))
    assert suite.left() == []


def test_per_worker_must_give_each_worker_a_stack_that_starts_and_ends_beside_the_others(
    suite: Suite,
) -> None:
    suite.stack()
    suite.write(
        "conftest.py",
        """
        import os, pathlib, subprocess, time

        def pytest_stack_ready(stack):
            pathlib.Path("starts-" + os.environ["PYTEST_XDIST_WORKER"]).touch()
            deadline = time.monotonic() + 60
            while len(list(pathlib.Path().glob("starts-*"))) < 2:  # no lock is held while a stack starts
                assert time.monotonic() < deadline
                time.sleep(0.02)

        def pytest_testnodedown(node):
            ours = f"name=PROJECT-test-.*-{node.gateway.id}-web-1"
            left = subprocess.run(["docker", "ps", "-aq", "--filter", ours], capture_output=True, check=True).stdout
            with open("ended", "a") as file:
                file.write(f"{node.gateway.id} {left}\\n")
        """.replace("PROJECT", suite.project.name),
    )
    suite.write(
        "test_it.py",
        """
        import pytest

        @pytest.mark.parametrize("number", range(4))
        def test_it(stack, number, worker_id):
            with open("used", "a") as file:
                file.write(worker_id + " " + stack.project + "\\n")
        """,
    )
    suite.run("-n", "2", "--stack-xdist=per-worker", passed=4)
    used = {line.split()[0]: line.split()[1] for line in suite.told("used")}
    assert len(set(used.values())) == len(used) == 2
    assert sorted(suite.told("ended")) == ["gw0 b''", "gw1 b''"], "each worker removes its own"
    assert suite.left() == []


def test_overrides_must_be_laid_over_the_file(suite: Suite) -> None:
    suite.stack(sleepers(web="environment = { A = '1', B = '2' }"))
    suite.write(
        "conftest.py",
        """
        import pytest

        def pytest_stack_overrides(config):
            return {"services": {"web": {"environment": {"A": "of the hook"}}}}

        @pytest.fixture(scope="session")
        def stack_overrides(stack_overrides):
            return {**stack_overrides, "x-mine": 1}
        """,
    )
    suite.write(
        "test_it.py",
        """
        def test_it(stack, stack_factory):
            assert stack["web"].exec("sh", "-c", "echo $A $B").stdout == "of the hook 2\\n"
            other = stack_factory(overrides={"services": {"web": {"environment": {"B": "other"}}}})
            assert other.project != stack.project
            assert other["web"].exec("sh", "-c", "echo $A $B").stdout == "of the hook other\\n"
        """,
    )
    suite.run(passed=1)
    assert suite.left() == []


def test_a_mistake_must_be_told_without_a_traceback_and_leave_nothing(suite: Suite) -> None:
    suite.stack("[services.web]\nimage = 'busybox'\nprots = ['80']\n")
    suite.write("test_it.py", GET + "\n    def test_again(stack): pass\n")
    told = suite.run(code=1, errors=2).output
    assert "stack.toml:4:1" in told
    assert "did you mean 'ports'?" in told
    assert "Traceback" not in told
    assert "session.py" not in told
    assert suite.left() == []


def test_a_start_that_fails_must_be_tried_once_and_explained_to_all(suite: Suite) -> None:
    suite.stack(
        '[services.web]\nimage = "busybox"\ncommand = ["sh", "-c", "echo no disk; exit 7"]\nhealthcheck = { tcp = 80 }\n'
    )
    suite.write(
        "test_it.py", "import pytest\n@pytest.mark.parametrize('n', range(6))\ndef test_it(stack, n): pass\n"
    )
    for arguments in ((), ("-n", "3")):
        told = suite.run(*arguments, code=1, errors=6).output
        assert told.count("web-1 ended with exit code 7\n") == 1
        assert told.count("\nno stack: see test_it.py::test_it[") == 5, "whichever worker was the first"
        assert "\n  no disk\n" in told
        assert "site-packages" not in told
        assert suite.left() == []


def test_without_an_engine_tests_must_fail_or_be_skipped(suite: Suite) -> None:
    suite.stack()
    suite.write("test_it.py", GET)
    suite.env["DOCKER_HOST"] = "unix:///nowhere.sock"
    assert "nowhere.sock" in suite.run(code=1, errors=1).output
    suite.run("--stack-no-docker=skip", skipped=1)


def test_fixtures_of_ones_own_must_be_easy_to_make(suite: Suite) -> None:
    suite.stack(servers(web="healthcheck = { tcp = 80 }", other=""))
    suite.write(
        "conftest.py",
        """
        from stackctl.testing import service_fixture, stack_fixture

        alone = stack_fixture(services=("web",), scope="module")
        web = service_fixture("web", stack="alone", scope="module")
        """,
    )
    suite.write(
        "test_it.py",
        """
        def test_it(alone, stack, web, stack_services, stack_docker):
            assert alone.project != stack.project
            assert set(alone.containers()) == {"web"}
            assert set(stack.containers()) == {"web", "other"} == set(stack_services)
            assert web.port() == alone["web"].port()
            assert stack_docker.observe().containers
        """,
    )
    suite.run(passed=1)
    assert suite.left() == []


def test_a_narrower_scope_must_give_a_stack_each(suite: Suite) -> None:
    suite.stack(sleepers(web=""))
    suite.write(
        "test_it.py",
        """
        import pytest

        @pytest.mark.parametrize("number", range(2))
        def test_it(stack, number):
            assert stack["web"].exec("ls", "/mine").exit_code
            stack["web"].exec("touch", "/mine")
        """,
    )
    suite.run("--stack-scope=function", passed=2)
    assert suite.left() == []


def test_markers_must_say_what_is_started(suite: Suite) -> None:
    suite.stack(sleepers(a="", b="", c='profiles = ["more"]'))
    suite.write(
        "test_it.py",
        """
        import pytest

        @pytest.mark.stack(services=["a"])
        def test_a(stack):
            assert set(stack.containers()) == {"a"}

        @pytest.mark.stack_isolated
        @pytest.mark.stack(services=["b", "c"], profiles=["more"])
        @pytest.mark.parametrize("number", range(2))
        def test_alone(stack, number):
            assert set(stack.containers()) == {"b", "c"}
            assert stack["b"].exec("ls", "/mine").exit_code
            stack["b"].exec("touch", "/mine")

        @pytest.mark.stack_isolated
        @pytest.mark.stack(services=["b"])
        def test_alone_again(stack):
            assert set(stack.containers()) == {"b"}
            assert stack["b"].exec("ls", "/mine").exit_code

        @pytest.mark.stack(services=["a"])
        def test_back(stack):
            assert set(stack.containers()) == {"a"}
        """,
    )
    suite.run(passed=5)
    assert suite.left() == []


def test_a_running_project_must_be_usable_and_left_as_it_is(suite: Suite, free_port: int) -> None:
    suite.stack(servers(web=f'ports = ["{free_port}:80"]'))
    suite.write("test_it.py", GET + f"        assert stack['web'].port() == {free_port}\n")
    assert "stackctl up" in suite.run("--stack-external", code=1, errors=1).output
    suite.project.run("up", "-d")
    before = suite.project.ids()
    suite.run("--stack-external", passed=1)
    assert suite.project.ids() == before


@pytest.mark.parametrize("arguments", [(), ("--stack-reuse",), ("--stack-reuse", "--stack-recreate")])
def test_a_name_that_somebody_has_must_be_refused_and_no_data_lost(
    suite: Suite, arguments: tuple[str, ...]
) -> None:
    suite.stack(WEB + 'volumes = ["data:/data"]\n[volumes.data]\n')
    suite.write("test_it.py", "def test_it(stack): pass\n")
    suite.project.run("up")
    suite.project.inside("web", "touch", "/data/precious")
    suite.project.run("down")
    before = suite.left()
    told = suite.run(f"--stack-project={suite.project.name}", *arguments, code=1, errors=1).output
    assert f"change and remove: {suite.project.name}_data" in told
    assert suite.left() == before == [f"{suite.project.name}_data"]
    suite.project.run("up")
    # Engine 20.10 may lose what an exec says that ends at once. Data that are lost stay lost.
    eventually(lambda: suite.project.inside("web", "ls", "/data") == "precious\n")


def test_what_an_engine_does_must_be_told_without_a_traceback_through_stackctl(suite: Suite) -> None:
    suite.stack()
    suite.write(
        "test_it.py",
        """
        import subprocess

        def test_it(stack):
            web = stack["web"]
            with web.stopped():
                subprocess.run(["docker", "rm", "-f", web.container.id], check=True)
        """,
    )
    told = suite.run(code=1, failed=1).output
    assert "web has no container any more" in told
    assert "with web.stopped():" in told
    assert "faults.py" not in told
    assert "contextlib.py" not in told


# Keep and reuse


@pytest.mark.parametrize(
    ("arguments", "env", "failing", "kept"),
    [
        (("--stack-keep=always",), {}, False, True),
        (("--stack-keep=failed", "-n", "2"), {}, False, False),
        (("--stack-keep=failed", "-n", "2"), {}, True, True),
        ((), {"STACKCTL_KEEP": "failed"}, True, True),
        ((), {}, True, False),
    ],
)
def test_a_stack_must_be_kept_when_asked_to(
    suite: Suite, arguments: tuple[str, ...], env: dict[str, str], failing: bool, kept: bool
) -> None:
    suite.stack()
    suite.write("test_it.py", f"def test_it(stack): assert not {failing}\n")
    suite.env |= env
    told = suite.run(*arguments, code=int(failing)).output
    assert bool(suite.left()) == kept
    if not kept:
        return
    kept_project = told.partition("stack kept: ")[2].partition("\n")[0]
    suite.env.clear()
    suite.run(code=int(failing))
    assert suite.left(), "a later run must leave it alone"
    suite.project.run("-p", kept_project, "logs", "web")
    suite.project.run("-p", kept_project, "down", "--volumes")
    assert suite.left() == []


REUSED = """
    def test_it(stack):
        with open("ids", "a") as file:
            file.write(f"{stack['web'].container.id} {stack.reused}\\n")
"""


def test_a_reused_stack_must_stay_and_change_with_its_definition_only(suite: Suite) -> None:
    suite.stack()
    suite.write("test_it.py", REUSED)
    try:
        suite.run("--stack-reuse", passed=1)
        suite.env["STACKCTL_REUSE"] = "1"
        suite.run("-n", "2", passed=1)
        suite.stack(WEB + "environment.A = '1'\n")
        suite.run(passed=1)
        suite.run("--stack-recreate", passed=1)
        ids, reused = zip(*(line.split() for line in suite.told("ids")), strict=True)
        assert ids[0] == ids[1] != ids[2] != ids[3]
        assert reused == ("False", "True", "True", "False")
    finally:
        kept = {
            c["Labels"]["stackctl.project"]
            for c in suite.project.api.containers(all=True)
            if suite.project.name in c["Names"][0]
        }
        for name in kept:
            suite.project.run("-p", name, "down", "--volumes")
    assert suite.left() == []


def test_a_stack_in_use_must_not_be_reused_by_another_run(suite: Suite) -> None:
    suite.stack()
    suite.write(
        "test_it.py",
        REUSED
        + "        open('begun', 'w'); import time; time.sleep(float(__import__('os').environ['TIME']))\n",
    )
    suite.env |= {"STACKCTL_REUSE": "1", "TIME": "60"}
    with suite.begun() as first:
        suite.env["TIME"] = "0"
        suite.run(passed=1)
        first.terminate()
    ids = [line.split()[0] for line in suite.told("ids")]
    assert ids[0] != ids[1]
    suite.run(passed=1)
    assert suite.told("ids")[2] == f"{ids[0]} True"


def test_ci_must_ignore_reuse_from_the_ini_file_alone(suite: Suite) -> None:
    suite.stack()
    suite.write(
        "test_it.py",
        "def test_it(stack_config): assert stack_config.reuse == (__import__('os').environ.get('CI') is None)\n",
    )
    suite.write("pytest.ini", "[pytest]\nstack_reuse = true\n")
    suite.run(passed=1)
    suite.env["CI"] = "true"
    suite.run(passed=1)


# Logs


@pytest.mark.parametrize("arguments", [(), ("-n", "2", "--dist=loadfile")])
def test_a_failed_test_must_show_what_was_written_since_it_began(
    suite: Suite, arguments: tuple[str, ...]
) -> None:
    suite.stack(
        sleepers(web="", quiet="", gone="").replace("sleep infinity", "sh -c 'echo started; sleep infinity'")
    )
    suite.write(
        "test_it.py",
        """
        def say(stack, text):
            stack["web"].exec("sh", "-c", f"echo {text} > /proc/1/fd/1")

        def test_before(stack):
            say(stack, "of-the-test-before")

        def test_it(stack):
            say(stack, "what-went-wrong")
            with stack["gone"].killed():
                assert False
        """,
    )
    told = suite.run(*arguments, code=1, failed=1, passed=1).output
    assert "what-went-wrong" in told
    assert "of-the-test-before" not in told
    assert "web: running" in told
    assert "quiet: running" in told
    assert ": quiet --" not in told, "a service that said nothing has no section"


def test_workers_that_share_a_stack_must_be_told_how_they_disturb_each_other(suite: Suite) -> None:
    suite.stack('[services.cache]\nimage = "redis:7"\n')
    suite.write(
        "test_it.py",
        """
        def test_flushes(stack):
            assert stack["cache"].exec("redis-cli", "flushall").stdout == "OK\\n"
            with stack["cache"].database():
                assert False

        def test_writes_to_the_log(stack):
            stack["cache"].exec("sh", "-c", "echo a-line > /proc/1/fd/1")
            assert False
        """,
    )
    told = suite.run("-n", "2", code=1, failed=2).output
    assert told.count("2 workers use this stack at the same time") == 2
    assert "tests have called FLUSHALL (calls: 1), which removes the keys of all workers" in told
    assert "FLUSHDB" not in told, "that was `database`, which disturbs nobody"
    assert ": cache, lines of all 2 workers --" in told


def test_a_hook_that_fails_must_show_what_the_services_wrote_meanwhile(suite: Suite) -> None:
    suite.stack(sleepers(db="").replace("sleep infinity", "sh -c 'echo initdb; sleep infinity'"))
    suite.write(
        "conftest.py",
        """
        def pytest_stack_ready(stack):
            stack["db"].exec("sh", "-c", "echo no-such-column > /proc/1/fd/1; exit 3", check=True)
        """,
    )
    suite.write("test_it.py", "def test_one(stack): pass\ndef test_other(stack): pass\n")
    told = suite.run(code=1, errors=2).output
    assert "db: running" in told
    assert told.count("\nno-such-column\n") == 1, "the report of the first test is enough"
    assert "\ninitdb\n" not in told


def test_what_was_written_while_the_stack_started_must_be_in_no_report(suite: Suite) -> None:
    suite.stack(sleepers(db="").replace("sleep infinity", "sh -c 'echo initdb; sleep infinity'"))
    suite.write(
        "test_it.py",
        """
        def test_first(stack):
            assert [line.text for line in stack.logs()] == ["initdb"]
            assert False
        """,
    )
    told = suite.run(code=1, failed=1).output
    assert "db: running" in told
    assert ": db --" not in told


def test_logs_in_reports_must_be_bounded_and_whole_in_files(suite: Suite) -> None:
    suite.stack(sleepers(web=""))
    suite.write(
        "test_it.py",
        """
        def test_it(stack):
            stack["web"].exec("sh", "-c", "for n in $(seq 100); do echo line-$n > /proc/1/fd/1; done; "
                              "head -c 3000 /dev/zero | tr '\\\\0' x > /proc/1/fd/1; echo > /proc/1/fd/1")
            assert False
        """,
    )
    told = suite.run("--stack-logs-tail=10", "--stack-logs-dir=logs", code=1).output
    assert "line-93" in told
    assert "line-60" not in told
    assert "only the last 10 lines" in told
    assert "x" * 500 in told
    assert "x" * 501 not in told
    (log,) = (suite.project.directory / "logs").rglob("web.log")
    assert "line-1\n" in log.read_text()
    assert "x" * 3000 in log.read_text()
    assert (
        "line" not in suite.run("--stack-logs=none", "-rN", "--tb=no", code=1).output.partition("FAILURES")[2]
    )


def test_the_failed_hook_must_be_called_with_the_stack(suite: Suite) -> None:
    suite.stack()
    suite.write(
        "conftest.py",
        """
        def pytest_stack_failed(stack, report):
            print("hook:", report.nodeid, stack.project, len(report.sections))
        """,
    )
    suite.write("test_it.py", "def test_it(stack): assert False\ndef test_other(): assert False\n")
    told = suite.run("-s", code=1, failed=2).output
    assert told.count("hook: test_it.py::test_it") == 1


# What dead runs left


def test_a_later_run_must_remove_what_dead_runs_left_and_nothing_else(
    suite: Suite, neighbour: Project
) -> None:
    suite.stack(WEB + 'volumes = ["data:/data", "/cache"]\n[volumes.data]\n')
    suite.write("test_it.py", "def test_it(stack):\n    open('begun', 'w'); import time; time.sleep(60)\n")
    suite.write("test_other.py", "def test_other(stack): pass\n")
    with suite.begun("test_it.py") as dead, suite.begun("test_it.py") as alive:
        for reaper in suite.reapers(dead.pid):
            os.kill(reaper, signal.SIGKILL)
        dead.kill()
        dead.wait()
        assert len(suite.project.resources()["containers"]) == 2
        neighbour.write(sleepers(web=""))
        neighbour.run("up")
        suite.run("test_other.py", passed=1)
        assert len(suite.project.resources()["containers"]) == 1
        assert alive.poll() is None
        assert neighbour.states() == {"web": "running"}
        alive.kill()
    eventually(lambda: suite.project.resources() == NOTHING)
