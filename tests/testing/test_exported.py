"""Addresses of the stack as variables, before anything of the project is imported; and host ports that the file gives."""

from __future__ import annotations

import os
import socket
from typing import Any

import pytest

from stackctl import api
from stackctl.engine.host import free_ports
from stackctl.errors import EngineError

pytest_plugins = ["memory_fixtures"]
pytestmark = pytest.mark.filterwarnings(
    "ignore::pluggy.PluggyTeardownRaisedWarning"
)  # pytest 7, of its own hook

STACK = """
[services.db]
image = "postgres:15"
environment = { POSTGRES_PASSWORD = "secret", POSTGRES_DB = "shop" }
[services.api]
image = "busybox"
command = "sleep infinity"
ports = [8000, "8025:25"]
"""
CONFTEST = """
import os
URL = os.environ["DATABASE_URL"]
"""
SAME = """
import conftest
def test_it(stack): assert conftest.URL == stack["db"].url() == stack.env()["DATABASE_URL"]
"""
INI = """
[pytest]
stack_env =
    DATABASE_URL=${services.db.url}
"""


@pytest.fixture
def suite(suite: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    suite.stack(STACK)
    suite.write(conftest=CONFTEST, test_it=SAME)
    return suite


def ini(suite: Any, text: str = INI) -> None:
    (suite.pytester.path / "pytest.ini").write_text(text)


def refusal(suite: Any) -> str:
    """What pytest says that does not even begin."""
    result = suite.pytester.runpytest_inprocess("-p", "no:cacheprovider", "-p", "no:xdist")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    return str(result.stderr)


def test_a_variable_is_there_when_the_conftest_is_imported_and_leads_to_the_stack(suite: Any) -> None:
    ini(suite)
    suite.run(passed=1)
    assert suite.projects() == set()
    assert "DATABASE_URL" not in os.environ


def test_the_table_of_the_file_does_the_same_and_the_ini_file_is_laid_over_it(suite: Any) -> None:
    suite.stack(
        STACK
        + """
[tests.environment]
DATABASE_URL = "${services.db.url}"
MAIL = "smtp://api:25/${services.db.password}"
PLAIN = "${NO_SUCH:-x}"
"""
    )
    ini(suite, "[pytest]\nstack_env = PLAIN=y z\n  PORT=${services.db.port}\n")
    suite.write(
        test_it=SAME
        + """
import os
WAS = dict(os.environ)
def test_more(stack):
    assert WAS["MAIL"] == f"smtp://127.0.0.1:{stack['api'].port(25)}/secret"
    assert (WAS["PLAIN"], WAS["PORT"]) == ("y z", str(stack["db"].port()))
    assert WAS.items() >= {name: stack.env()[name] for name in ("MAIL", "PLAIN", "PORT")}.items()
"""
    )
    suite.run(passed=2)


def test_a_variable_that_is_set_already_is_set_anew_unless_the_text_names_it(
    suite: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "mine")
    ini(suite)
    suite.run(passed=1)
    assert os.environ["DATABASE_URL"] == "mine"
    ini(suite, INI.replace("${services.db.url}", "${DATABASE_URL:-${services.db.url}}"))
    suite.write(test_it="import conftest\ndef test_it(): assert conftest.URL == 'mine'\n")
    suite.run(passed=1)


@pytest.mark.parametrize(
    "arguments", [("--collect-only",), ("--collect-only", "--stack-reuse"), ("-k", "no")]
)
def test_no_engine_is_asked_where_nothing_is_run(
    suite: Any, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    ini(suite)
    asked = []
    monkeypatch.setattr("stackctl.api.connect", lambda: asked.append(""))
    assert "collected 1 item" in suite.run(*arguments)
    assert not asked


def test_a_stack_that_is_used_again_keeps_its_ports(suite: Any) -> None:
    ini(suite)
    suite.write(
        test_it=SAME
        + "def test_told():\n    with open('urls', 'a') as file: print(conftest.URL, file=file)\n"
    )
    for arguments in ((), (), ("--stack-recreate",)):
        suite.run("--stack-reuse", *arguments, passed=2)
    first, second, third = (suite.pytester.path / "urls").read_text().splitlines()
    assert first == second != third


def test_an_external_stack_has_the_ports_that_it_has(suite: Any) -> None:
    ini(suite)
    (port,) = free_ports(["tcp"])
    stack = api.load(
        suite.pytester.path / "stack.toml", overrides={"services": {"db": {"ports": [f"{port}:5432"]}}}
    )
    list(api.up(stack, suite.engine))
    suite.write(test_it=SAME + f"def test_port(): assert ':{port}/' in conftest.URL\n")
    suite.run("--stack-external", passed=2)


def test_an_external_stack_that_does_not_run_is_told(suite: Any) -> None:
    ini(suite, INI + "stack_external = true\n")
    assert "nothing of project shop runs" in refusal(suite)


@pytest.mark.parametrize("option", ["--stack-reuse", "--stack-external", "--stack-memory"])
def test_without_an_engine_the_first_test_that_needs_it_says_so(
    suite: Any, monkeypatch: pytest.MonkeyPatch, option: str
) -> None:
    def connect() -> None:
        raise EngineError("no engine answers")

    monkeypatch.setattr("stackctl.api.connect", connect)
    ini(suite)
    suite.write(test_it=SAME + "def test_other(): assert conftest.URL\n")
    suite.run(option, passed=1, errors=1)
    suite.run(option, "--stack-no-docker=skip", passed=1, skipped=1)


def test_all_mistakes_are_told_before_anything_is_imported(suite: Any) -> None:
    ini(suite, "[pytest]\nstack_env =\n  A=${services.bd.url}\n  B=${NO_SUCH}\n  C=${services.db.urll}\n")
    told = refusal(suite)
    assert "KeyError" not in told
    for words in ("no service 'bd' in this stack", "NO_SUCH is not set", "did you mean 'url'"):
        assert words in told


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("stack_env = DATABASE_URL", "'DATABASE_URL' is no variable"),
        ("stack_scope = module\nstack_env = A=b", "each module has its own stack"),
        ("stack_env = A=${services.silent.url}", "silent does not publish any port"),
        ("stack_file = no.toml\nstack_env = A=b", "no such file"),
    ],
)
def test_what_cannot_be_exported_says_why(suite: Any, text: str, words: str) -> None:
    suite.stack(STACK + '[services.silent]\nimage = "busybox"\n')
    ini(suite, f"[pytest]\n{text}\n")
    assert words in refusal(suite)


def test_a_change_that_comes_too_late_is_told(suite: Any) -> None:
    ini(suite)
    suite.write(
        conftest=CONFTEST
        + """
def pytest_stack_overrides():
    return {"services": {"db": {"environment": {"POSTGRES_DB": "other"}}}}
"""
    )
    told = suite.run(failed=0, errors=1)
    assert "DATABASE_URL: set before the first import" in told
    assert "secret" not in told


def test_an_isolated_stack_has_other_addresses(suite: Any) -> None:
    ini(suite)
    suite.write(
        test_it=SAME
        + """
import pytest
@pytest.mark.stack_isolated
def test_alone(stack): assert conftest.URL != stack["db"].url() == stack.env()["DATABASE_URL"]
def test_another(stack_factory): assert conftest.URL != stack_factory()["db"].url()
"""
    )
    suite.run(passed=3)


# The start without the fixture


def test_a_marker_starts_the_stack_before_every_other_fixture(suite: Any) -> None:
    suite.write(
        conftest="""
        import pytest
        @pytest.fixture(scope="session", autouse=True)
        def early():
            with open("told", "a") as file: file.write("early ")
        def pytest_stack_ready(stack):
            with open("told", "a") as file: file.write(f"{sorted(stack.containers())} ")
        """,
        test_it="""
        import pytest
        @pytest.mark.stack(services=["db"])
        def test_it(): pass
        """,
    )
    suite.run(passed=1)
    assert (suite.pytester.path / "told").read_text() == "['db'] early "


READY = """
from pathlib import Path
def pytest_stack_ready(stack): Path("ready").write_text("x")
"""


def test_a_setting_starts_the_stack_for_every_test(suite: Any) -> None:
    ini(suite, INI + "stack_autouse = true\n")
    suite.write(
        conftest=READY,
        test_it="""
        import unittest
        from pathlib import Path
        class ItTest(unittest.TestCase):
            @classmethod
            def setUpClass(cls): cls.told = Path("ready").read_text()
            def test_it(self): self.assertEqual(self.told, "x")
        """,
    )
    suite.run(passed=1)


def test_a_setting_starts_the_stack_for_doctests(suite: Any) -> None:
    """Not in pytest 7, which keeps no list of the fixtures of a doctest: the guide says so."""
    ini(suite, INI + "stack_autouse = true\naddopts = --doctest-modules\n")
    suite.write(
        conftest=READY,
        test_it="",
        module="""
        import os
        from pathlib import Path
        URL = os.environ["DATABASE_URL"]
        def f():
            '''
            >>> Path("ready").read_text()
            'x'
            >>> URL.startswith("postgresql://postgres:secret@127.0.0.1:")
            True
            '''
        """,
    )
    suite.run(**({"passed": 1} if pytest.version_tuple >= (8,) else {"failed": 1}))


# The ports of the file


def test_the_ports_of_the_file_are_kept_on_request(suite: Any) -> None:
    ini(suite, INI + "stack_ports = file\n")
    suite.write(
        test_it=SAME
        + """
import pytest
def test_ports(stack): assert stack["api"].port(25) == 8025
@pytest.mark.stack_isolated
def test_alone(stack): assert stack["api"].port(25) != 8025
"""
    )
    suite.run(passed=3)


def test_a_port_of_the_file_that_is_taken_is_told_before_anything_is_made(suite: Any) -> None:
    (port,) = free_ports(["tcp"])
    suite.stack(STACK.replace("8025", str(port)))
    ini(suite, "[pytest]\nstack_ports = file\n")
    suite.write(conftest="", test_it="def test_it(stack): pass")
    with socket.create_server(("127.0.0.1", port)):
        told = suite.run(errors=1)
    assert f"host port {port} is taken by process {os.getpid()}" in told
    assert "stop that one" in told
    assert "take a free port" not in told
    assert suite.engine.performed == []


# Others on the way


def test_a_chosen_port_that_somebody_takes_before_the_start_is_told(suite: Any) -> None:
    ini(suite)
    suite.write(
        conftest=CONFTEST
        + """
import socket
from urllib.parse import urlsplit
server = socket.create_server(("127.0.0.1", urlsplit(URL).port))
def pytest_unconfigure(): server.close()
"""
    )
    told = suite.run(errors=1)
    assert f"is taken by process {os.getpid()}" in told
    assert "variables with this port were set when the run began: run the tests again" in told
    assert suite.engine.performed == []


@pytest.mark.parametrize("order", ["tryfirst=True", "hookwrapper=True", ""])
def test_plugins_that_import_settings_before_conftest_files_find_the_variables(
    suite: Any, order: str
) -> None:
    ini(suite)
    suite.write(
        conftest="",
        test_it="def test_it(): pass",
        early=f"""
        import os
        import pytest
        @pytest.hookimpl({order})
        def pytest_load_initial_conftests(early_config):
            print("early", os.environ["DATABASE_URL"])
            {"yield" if "wrapper" in order else ""}
        """,
    )
    suite.pytester.syspathinsert()
    assert "early postgresql://" in suite.run("-s", "-p", "early", passed=1)


def test_an_engine_elsewhere_gives_the_host(suite: Any, remote: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://10.0.0.5:2376")
    monkeypatch.setattr("stackctl.api.connect", lambda: remote)
    monkeypatch.setenv("STACKCTL_PUBLISH_HOST", "10.0.0.5")
    ini(suite)
    suite.write(test_it=SAME + "def test_host(): assert '@10.0.0.5:' in conftest.URL\n")
    suite.run(passed=2)
