"""Addresses before the first import, and host ports of the file: suites whose tests know nothing of stackctl."""

from __future__ import annotations

import pytest
from scenario import NOTHING, servers
from suite import Suite

pytestmark = pytest.mark.docker

SETTINGS = """
    import os

    URL = os.environ["WEB_URL"]
"""
TESTS = """
    from urllib.request import urlopen

    import pytest
    import settings

    @pytest.mark.parametrize("number", range(4))
    def test_it(number):
        assert b"root" in urlopen(f"{settings.URL}/passwd").read()
        with open("urls", "a") as file:
            print(settings.URL, file=file)
"""
INI = "[pytest]\nstack_autouse = true\nstack_env = WEB_URL=${services.web.url}\n"


@pytest.fixture
def suite(suite: Suite) -> Suite:
    suite.stack()
    suite.write("pytest.ini", INI)
    suite.write("conftest.py", "import settings\n")
    suite.write("settings.py", SETTINGS)
    suite.write("test_it.py", TESTS)
    return suite


def test_tests_that_know_nothing_must_reach_the_stack_of_all_workers_or_of_their_own(suite: Suite) -> None:
    suite.env["WEB_URL"] = "http://127.0.0.1:1"
    suite.run("-n", "2", passed=4)
    assert len(set(suite.told("urls"))) == 1
    suite.run("-n", "2", "--dist=each", "--stack-xdist=per-worker", passed=8)
    assert len(set(suite.told("urls"))) == 3
    assert suite.project.resources() == NOTHING


def test_a_reused_stack_must_keep_its_ports_and_its_container(suite: Suite) -> None:
    suite.write(
        "test_id.py", "def test_id(stack): open('ids', 'a').write(stack['web'].container.id + '\\n')\n"
    )
    for _ in range(2):
        suite.run("--stack-reuse", passed=5)
    assert len(set(suite.told("urls"))) == len(set(suite.told("ids"))) == 1
    assert len(suite.told("ids")) == 2


@pytest.mark.slow
def test_a_port_that_tests_know_by_heart_must_be_theirs_or_name_its_holder(
    suite: Suite, free_port: int
) -> None:
    suite.stack(servers(web=f'ports = ["{free_port}:80"]\nhealthcheck = {{ tcp = 80 }}'))
    suite.write("settings.py", f'URL = "http://127.0.0.1:{free_port}"\n')
    suite.write("pytest.ini", "[pytest]\nstack_autouse = true\nstack_ports = file\n")
    suite.project.run("up")
    told = suite.run("-n", "2", code=1, errors=4).output
    assert f"host port {free_port} is taken by container {suite.project.name}-web-1" in told
    suite.project.run("down")
    assert suite.project.resources() == NOTHING
    told = suite.run("-n", "2", "--stack-xdist=per-worker", code=4).output
    assert "stack_ports = file gives the stack of every worker the same ports" in told
    suite.run("-n", "2", passed=4)
    assert suite.project.resources() == NOTHING
