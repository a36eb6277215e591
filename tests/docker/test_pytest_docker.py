"""The real pytest-docker must run on `stackctl` as its `docker_compose_command`, with a stack.toml as its file.

What it calls and what it makes of the answers is told in its `plugin.py`: `up --build --wait`, `port SERVICE PORT`, `down -v`.
"""

from __future__ import annotations

import sys

import pytest
from scenario import servers
from suite import Suite

pytestmark = pytest.mark.docker

CONFTEST = f"""
    import os, pytest

    @pytest.fixture(scope="session")
    def docker_compose_command():
        return "{sys.executable} -m stackctl"

    @pytest.fixture(scope="session")
    def docker_compose_file(pytestconfig):
        return str(pytestconfig.rootpath / "FILE")

    @pytest.fixture(scope="session")
    def docker_compose_project_name():
        return f"NAME-{{os.getpid()}}"

    @pytest.fixture(scope="session")
    def docker_setup():
        return SETUP

    @pytest.fixture(scope="session")
    def docker_cleanup():
        return CLEANUP
"""

TESTS = """
    import urllib.request

    def answers(url):
        try:
            return b"root" in urllib.request.urlopen(url, timeout=1).read()
        except OSError:
            return False

    def test_services(docker_ip, docker_services):
        port = docker_services.port_for("web", 80)
        assert port == docker_services.port_for("web", 80) > 0
        url = f"http://{docker_ip}:{port}/passwd"
        docker_services.wait_until_responsive(lambda: answers(url), timeout=10, pause=0.1)
        assert answers(url)

    def test_what_it_has_beneath(docker_services, docker_compose_project_name):
        compose = docker_services._docker_compose
        assert b"web" in compose.execute("ps")
        compose.execute('exec -T web sh -c "echo said > /proc/1/fd/1"')
        assert b"said" in compose.execute("logs web")
        assert f"{docker_compose_project_name}-web-1" in compose.execute("ps -a").decode()

    def test_a_port_that_is_not_published(docker_services):
        try:
            docker_services.port_for("web", 81)
        except Exception as error:
            assert "does not publish port 81" in str(error)
        else:
            assert False
"""


NOW = (["up --build --wait"], ["down -v"])
"""What it calls since 3.2.5."""
BEFORE = (["down -v", "up --build -d"], "down -v")


def conftest(suite: Suite, setup: list[str], cleanup: list[str] | str, file: str = "stack.toml") -> None:
    text = CONFTEST.replace("NAME", suite.project.name).replace("FILE", file)
    suite.write("conftest.py", text.replace("SETUP", repr(setup)).replace("CLEANUP", repr(cleanup)))


@pytest.fixture
def shop(suite: Suite) -> Suite:
    suite.stack(
        servers(web='ports = ["80"]\nvolumes = ["data:/data"]\nhealthcheck = { tcp = 80 }')
        + "[volumes.data]\n"
    )
    conftest(suite, *NOW)
    suite.write("test_it.py", TESTS)
    return suite


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        pytest.param(("--container-scope=function",), marks=pytest.mark.slow),
        pytest.param(("-n", "2"), marks=pytest.mark.slow),
    ],
)
def test_its_fixtures_must_work(shop: Suite, arguments: tuple[str, ...]) -> None:
    shop.run(*arguments, passed=3)
    assert shop.left() == []


def test_what_older_versions_call_must_work(shop: Suite) -> None:
    conftest(shop, *BEFORE)
    shop.run(passed=3)
    assert shop.left() == []


def test_a_compose_file_must_do_as_well(shop: Suite) -> None:
    conftest(shop, *NOW, file="compose.yaml")
    shop.write(
        "compose.yaml",
        "services: {web: {image: busybox, init: true, command: httpd -f -p 80 -h /etc, ports: [80]}}\n",
    )
    shop.run(passed=3)
    assert shop.left() == []


def test_a_stack_that_does_not_start_must_fail_with_the_cause(shop: Suite) -> None:
    shop.stack(
        '[services.web]\nimage = "busybox"\ncommand = ["sh", "-c", "echo no disk; exit 7"]\nhealthcheck = { tcp = 80 }\n'
    )
    told = shop.run(code=1, errors=3).output
    assert "no disk" in told
    assert "exit code" in told
