"""What one service needs to know of another: `${services.NAME.ATTRIBUTE}`."""

from collections.abc import Callable
from pathlib import Path

import pytest

from stackctl.errors import SpecError
from stackctl.spec.model import Condition, Dependency, Healthcheck, Stack
from stackctl.spec.output.write import plain, toml
from stackctl.spec.source.reading import read
from stackctl.spec.source.request import StackRequest
from stackctl.spec.values import Command, HealthTest

DATABASE = """
name = "shop"
[services.db]
image = "postgres:15"
environment = { POSTGRES_PASSWORD = "p@ss/word", POSTGRES_USER = "me", POSTGRES_DB = "a b" }
[services.cache]
image = "redis:7"
"""


Load = Callable[[str], Stack]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    def load(text: str) -> Stack:
        (tmp_path / "stack.toml").write_text(text)
        return read(StackRequest(directory=tmp_path, environ={}))

    return load


def problems(load: Load, text: str) -> list[str]:
    with pytest.raises(SpecError) as caught:
        load(text)
    return [f"{problem.rule} {problem.where}: {problem.message}" + (f" ({problem.hint})" if problem.hint else "") for problem in caught.value.problems]  # fmt: skip


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("db.url", "postgresql://me:p%40ss%2Fword@db:5432/a%20b"),
        ("db.host", "db"),
        ("db.port", "5432"),
        ("db.user", "me"),
        ("db.password", "p@ss/word"),
        ("db.database", "a b"),
        ("cache.url", "redis://cache:6379"),
    ],
)
def test_the_attributes_of_known_images(load: Load, reference: str, expected: str) -> None:
    api = f'[services.api]\nimage = "api"\nenvironment = ["X=<${{services.{reference}}}>"]\n'
    assert load(DATABASE + api).services["api"].resolved == {"X": f"<{expected}>"}


def test_they_work_in_commands_and_health_tests_and_after_the_words_are_split(load: Load) -> None:
    api = """
[services.api]
image = "api"
command = "run ${services.db.database} now"
healthcheck.test = "ask ${services.db.host}"
"""
    service = load(DATABASE + api).services["api"]
    assert service.command == Command(("run", "a b", "now"))
    assert service.healthcheck == Healthcheck(test=HealthTest(("CMD-SHELL", "ask db")))


def test_they_imply_a_dependency_unless_there_is_one(load: Load) -> None:
    api = """
[services.api]
image = "api"
environment = { A = "${services.db.url}", B = "${services.cache.url}" }
depends_on.db.condition = "service_started"
"""
    assert load(DATABASE + api).services["api"].depends_on == {
        "db": Dependency(condition=Condition.started),
        "cache": Dependency(),
    }


def test_a_service_may_refer_to_itself(load: Load) -> None:
    text = DATABASE.replace(
        "[services.cache]", 'healthcheck.test = "pg_isready -U ${services.db.user}"\n[services.cache]'
    )
    db = load(text).services["db"]
    assert db.healthcheck == Healthcheck(test=HealthTest(("CMD-SHELL", "pg_isready -U me")))
    assert db.depends_on == {}


def test_a_doubled_dollar_is_no_reference(load: Load) -> None:
    api = '[services.api]\nimage = "api"\nenvironment.A = "$${services.db.url}"\n'
    service = load(DATABASE + api).services["api"]
    assert service.resolved == {"A": "${services.db.url}"}
    assert service.depends_on == {}


def test_a_setting_may_itself_be_a_reference(load: Load) -> None:
    more = """
[services.copy]
image = "postgres:15"
environment = { POSTGRES_PASSWORD = "${services.db.password}" }
[services.api]
image = "api"
environment.A = "${services.copy.url}"
"""
    stack = load(DATABASE + more)
    assert stack.services["api"].resolved == {"A": "postgresql://postgres:p%40ss%2Fword@copy:5432/postgres"}
    assert set(stack.services["copy"].depends_on) == {"db"}


def test_every_reference_that_cannot_be_resolved_says_why(load: Load) -> None:
    api = """
[services.api]
image = "api"
working_dir = "${services.db.host}"
environment = [
  "A=${services.bd.url}",
  "B=${services.db.urll}",
  "C=${services.db}",
  "D=${services.api.host}",
  "E=${services.cache.password}",
  "F=${services.db.url:-x}",
]
"""
    expected = (
        "expected ${services.NAME.ATTRIBUTE} with one of url, host, port, user, password, database, found"
    )
    assert problems(load, DATABASE + api) == [
        "SC112 services.api.working_dir: references work in environment, command and healthcheck.test only",
        "SC101 services.api.environment[0]: no service 'bd' in this stack (did you mean 'db'?)",
        f"SC112 services.api.environment[1]: {expected} ${{services.db.urll}} (did you mean 'url'?)",
        f"SC112 services.api.environment[2]: {expected} ${{services.db}}",
        "SC112 services.api.environment[3]: nothing is known of the image 'api' for service 'api' (write the value out)",
        "SC112 services.api.environment[4]: the password of service 'cache' is not set (redis has none)",
        f"SC112 services.api.environment[5]: {expected} ${{services.db.url:-x}} (did you mean 'url'?)",
    ]


def test_a_setting_that_needs_itself_is_a_mistake(load: Load) -> None:
    text = DATABASE.replace('"me"', '"${services.db.user}"')
    assert problems(load, text) == [
        "SC112 services.db.environment.POSTGRES_USER: the user of service 'db' needs itself (write the value out)"
    ]


def test_addresses_for_tests_stay_references_and_logins_do_not(load: Load) -> None:
    tests = """
[services.environment]
build = "."
[tests.environment]
A = "${services.db.url}/${services.db.password}"
B = "http://environment:8000"
C = "${services.environment.url}"
"""
    stack = load(DATABASE + tests)
    assert stack.tests.environment == {
        "A": "${services.db.url}/p@ss/word",
        "B": "http://environment:8000",
        "C": "${services.environment.url}",
    }
    assert "p@ss" not in repr(stack.tests)
    assert stack.services["environment"].depends_on == {}
    assert load(toml(plain(stack))).tests == stack.tests


def test_mistakes_in_the_environment_of_tests_have_places(load: Load) -> None:
    tests = """
[tests]
variables = {}
[tests.environment]
A = "${services.bd.url}"
B = "${services.db.urll}"
C = "${services.cache.user}"
D = "${NO_SUCH}"
"""
    with pytest.raises(SpecError) as caught:
        load(DATABASE + tests)
    assert [
        f"{each.place.line} {each.rule} {each.where}" for each in caught.value.problems if each.place
    ] == [
        "10 SC112 tests.variables",
        "12 SC101 tests.environment.A",
        "13 SC112 tests.environment.B",
        "14 SC112 tests.environment.C",
        "15 SC303 tests.environment.D",
    ]
