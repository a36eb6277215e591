"""From files to a stack, and every mistake on the way at once."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from stackctl.errors import Problem, SpecError, UsageError
from stackctl.spec.model import Stack
from stackctl.spec.selection import Selection
from stackctl.spec.source.reading import Check, place, read
from stackctl.spec.source.request import StackRequest

MINIMAL = '[services.web]\nimage = "nginx:1"\n'


def write(directory: Path, files: Mapping[str, str | bytes]) -> None:
    for name, text in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())


def load(
    directory: Path,
    *files: str,
    environ: Mapping[str, str] | None = None,
    checks: Sequence[Check] = (),
    selection: Mapping[str, Any] = MappingProxyType({}),
    **options: Any,
) -> Stack:
    request = StackRequest(
        files=[Path(file) for file in files],
        directory=directory,
        environ=environ or {},
        selection=Selection(**selection),
        **options,
    )
    return read(request, checks)


def problems(directory: Path, *files: str, **options: Any) -> list[str]:
    with pytest.raises(SpecError) as caught:
        load(directory, *files, **options)
    return [str(problem) for problem in caught.value.problems]


NINE = """\
name = "Shop"

[services.web]
imge = "nginx:1"
ports = ["8080:80", "80:http"]
depends_on = { api = { condition = "helthy" } }
environment = { API = "${services.dbb.url}", TOKEN = "${TOKN}" }

[services.db]
image = "postgres:15"
env_file = "db.env"
stop_grace_period = 5

[services.db.environment]
LEVEL = "info"
volumes = ["data:/data"]
"""


def test_nine_mistakes_at_once_each_with_its_place_and_a_way_out(tmp_path: Path) -> None:
    write(tmp_path, {"stack.toml": NINE, "db.env.example": "A=1\n"})
    expected = """\
stack.toml:1:1: name: a project's name has only a-z, 0-9, '_' and '-' (did you mean 'shop'?)
stack.toml:4:1: services.web.imge: unknown key 'imge' (did you mean 'image'?)
stack.toml:5:21: services.web.ports[1]: expected "[ADDRESS:][HOST_PORT:]PORT[/tcp|/udp]", found '80:http'
stack.toml:6:24: services.web.depends_on.api.condition: expected one of service_started, service_healthy, \
service_completed_successfully, ready, found the string 'helthy'
stack.toml:7:17: services.web.environment.API: no service 'dbb' in this stack (did you mean 'db'?)
stack.toml:7:46: services.web.environment.TOKEN: TOKN is not set (looked in: shell, .env: no such file) \
(did you mean 'TOKEN'?)
stack.toml:11:1: services.db.env_file[0]: the file 'db.env' does not exist (copy db.env.example)
stack.toml:12:1: services.db.stop_grace_period: a duration needs a unit: "5s"
stack.toml:16:1: services.db.environment.volumes: expected a string, a number or true/false, found ['data:/data'] \
(volumes is read as a part of environment: move it above that table's header)
"""
    assert problems(tmp_path, environ={"TOKEN": "x"}) == expected.splitlines()


def test_a_right_stack_knows_where_it_is_from(tmp_path: Path) -> None:
    write(tmp_path, {"shop/stack.toml": 'version = "3"\n' + MINIMAL, "shop/sub/x": ""})
    stack = load(tmp_path / "shop/sub")
    assert (stack.project, stack.directory) == ("shop", tmp_path / "shop")
    assert stack.files == (tmp_path / "shop/stack.toml",)
    assert [(problem.severity, problem.where) for problem in stack.problems] == [("note", "version")]
    found = place(stack, [Problem(("services", "web", "image"), "not here")])
    assert str(found[0]) == f"{tmp_path}/shop/stack.toml:3:1: services.web.image: not here"


def test_later_files_are_laid_over_earlier_ones(tmp_path: Path) -> None:
    override = '[services.web]\nports = ["81:80"]\nenvironment.B = "2"\n'
    first = MINIMAL + 'ports = ["80:80"]\nenvironment = { A = "1", B = "1" }\n'
    write(
        tmp_path, {"stack.toml": first, "stack.override.toml": override, "other.toml": override + "tty = 1\n"}
    )
    web = load(tmp_path).services["web"]
    assert [str(port.published) for port in web.ports] == ["81"]
    assert web.resolved == {"A": "1", "B": "2"}
    assert load(tmp_path, "stack.toml").services["web"].resolved == {"A": "1", "B": "1"}
    assert problems(tmp_path, "stack.toml", "other.toml") == [
        "other.toml:4:1: services.web.tty: expected true or false, found the number 1"
    ]


def test_variables_come_from_the_shell_then_env_files_then_dot_env(tmp_path: Path) -> None:
    text = MINIMAL + 'environment = ["A=$A", "B=$B", "C=$C", "D=${D:-none}"]\n'
    write(
        tmp_path,
        {
            "stack.toml": text,
            ".env": "A=dot\nB=dot\nC=dot\nD=dot\n",
            "1.env": "A=1\nB=1\nC=1\n",
            "2.env": "A=2\nB=2$C\n",
        },
    )
    assert load(tmp_path, environ={"A": "shell"}).services["web"].resolved == {
        "A": "shell", "B": "dot", "C": "dot", "D": "dot",
    }  # fmt: skip
    env_files = [Path("1.env"), Path("2.env")]
    assert load(tmp_path, environ={"A": "shell"}, env_files=env_files).services["web"].resolved == {
        "A": "shell", "B": "21", "C": "1", "D": "none",
    }  # fmt: skip


def test_dot_env_is_the_one_beside_the_stack(tmp_path: Path) -> None:
    write(
        tmp_path,
        {"sub/stack.toml": MINIMAL + 'environment.A = "$A"\n', "sub/.env": "A=sub\n", ".env": "A=here\n"},
    )
    assert load(tmp_path, "sub/stack.toml").services["web"].resolved == {"A": "sub"}
    base = load(tmp_path, "sub/stack.toml", project_directory=Path())
    assert (base.services["web"].resolved, base.directory) == ({"A": "here"}, tmp_path)


def test_an_unset_variable_names_where_it_was_looked_for(tmp_path: Path) -> None:
    write(tmp_path, {"stack.toml": MINIMAL + 'environment.A = "$NOPE"\n', ".env": "", "a.env": ""})
    expected = "stack.toml:3:13: services.web.environment.A: NOPE is not set (looked in: {}) (set it, or write ${{NOPE:-default}})"
    assert problems(tmp_path) == [expected.format("shell, .env")]
    assert problems(tmp_path, env_files=[Path("a.env")]) == [expected.format("shell, a.env")]
    assert problems(tmp_path, env_files=[Path("b.env")]) == ["b.env: no such file"]


def test_an_unset_variable_of_a_command_may_be_one_of_the_container(tmp_path: Path) -> None:
    command = (
        'command = ["sh", "-c", "ping $HOST"]\nhealthcheck.test = "ping $HOST"\nenvironment.HOST = "web"\n'
    )
    write(tmp_path, {"stack.toml": MINIMAL + command})
    ways = 'set it, or write ${HOST:-default}; "$$HOST" leaves it to the shell in the container'
    assert [problem.partition(" (")[2].partition(") (")[2] for problem in problems(tmp_path)] == [
        f"{ways})"
    ] * 2


def test_what_is_the_users_own_is_not_looked_at(tmp_path: Path) -> None:
    write(tmp_path, {"stack.toml": 'x-note = "$NOPE ${"\n' + MINIMAL})
    assert load(tmp_path).problems == ()


def test_variables_may_stand_for_numbers_and_booleans(tmp_path: Path) -> None:
    text = MINIMAL + 'tty = "${TTY}"\nports = ["${PORT}:80"]\nhealthcheck = { tcp = "${PORT}" }\n'
    write(tmp_path, {"stack.toml": text})
    web = load(tmp_path, environ={"TTY": "true", "PORT": "8080"}).services["web"]
    assert (web.tty, str(web.ports[0].published), web.healthcheck and web.healthcheck.tcp) == (
        True,
        "8080",
        8080,
    )


def test_of_a_value_without_its_variable_nothing_else_is_said(tmp_path: Path) -> None:
    write(tmp_path, {"stack.toml": MINIMAL + 'ports = ["x${PORT}"]\n'})
    (problem,) = problems(tmp_path)
    assert "PORT is not set" in problem


def test_the_environment_of_a_container(tmp_path: Path) -> None:
    text = (
        MINIMAL
        + """
env_file = ["one.env", { path = "two.env", required = false }, { path = "raw.env", format = "raw" }, { path = "none.env", required = false }]
environment = { A = "spec", NUMBER = 1.0, YES = true, FROM_SHELL = { from_env = true }, NOWHERE = { from_env = true } }
"""
    )
    files = {
        "stack.toml": text,
        "one.env": "A=one\nB=one\nC=one\nNOWHERE=one\nD=$A-$HOME\n",
        "two.env": "B=two\nHOME\nUNSET\n",
        "raw.env": "C='$HOME'\n",
    }
    write(tmp_path, files)
    assert load(tmp_path, environ={"FROM_SHELL": "s", "HOME": "/root"}).services["web"].resolved == {
        "A": "spec",
        "B": "two",
        "C": "'$HOME'",
        "D": "spec-/root",
        "HOME": "/root",
        "NUMBER": "1.0",
        "YES": "true",
        "FROM_SHELL": "s",
        "NOWHERE": None,
    }


def test_build_arguments_are_passed_through_if_they_are_set(tmp_path: Path) -> None:
    write(tmp_path, {"stack.toml": '[services.web]\nbuild = { context = ".", args = ["A", "B", "C=1"] }\n'})
    build = load(tmp_path, environ={"A": "a"}).services["web"].build
    assert build is not None
    assert {name: value.text for name, value in build.args.items()} == {"A": "a", "C": "1"}


SELECTION = """
[services.web]
image = "web"
depends_on = ["api"]
[services.api]
image = "api"
environment.A = "$API"
network_mode = "service:vpn"
[services.vpn]
image = "vpn"
environment.A = "$VPN"
[services.debug]
image = "debug"
profiles = ["debug"]
env_file = "debug.env"
environment.A = "$DEBUG"
[services.alone]
image = "alone"
environment.A = "$ALONE"
"""


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, ["API", "VPN", "ALONE"]),
        ({"profiles": ["debug"]}, ["API", "VPN", "debug.env", "DEBUG", "ALONE"]),
        ({"profiles": ["*"]}, ["API", "VPN", "debug.env", "DEBUG", "ALONE"]),
        ({"services": ["web"]}, ["API", "VPN"]),
        ({"services": ["debug"]}, ["debug.env", "DEBUG"]),
        ({"services": ["alone", "unknown"]}, ["ALONE"]),
        ({"services": ["debug", "alone"], "dependencies": False}, ["debug.env", "DEBUG", "ALONE"]),
        ({"services": ["api"], "dependencies": False}, ["API"]),
    ],
)
def test_what_is_missing_counts_for_the_services_that_are_asked_for(
    tmp_path: Path, options: dict[str, Any], expected: list[str]
) -> None:
    write(tmp_path, {"stack.toml": SELECTION})
    found = problems(tmp_path, selection=options)
    assert len(found) == len(expected)
    assert all(name in problem for name, problem in zip(expected, found, strict=True))


def test_of_a_service_asked_for_alone_nothing_else_counts(tmp_path: Path) -> None:
    write(tmp_path, {"stack.toml": SELECTION})
    stack = load(tmp_path, selection={"services": ["web"], "dependencies": False})
    assert stack.problems == ()


def test_an_optional_dependency_that_no_profile_enables_does_not_count(tmp_path: Path) -> None:
    text = (
        MINIMAL + 'depends_on = { x = { required = false } }\n[services.x]\nimage = "$X"\nprofiles = ["x"]\n'
    )
    write(tmp_path, {"stack.toml": text})
    assert load(tmp_path, selection={"services": ["web"]}).problems == ()
    assert "X is not set" in problems(tmp_path, selection={"profiles": ["x"]})[0]


@pytest.mark.parametrize("text", ["", "# nothing\n", 'name = "shop"\n', "[networks.back]\n", "[services]\n"])
def test_a_file_without_services(tmp_path: Path, text: str) -> None:
    write(tmp_path, {"stack.toml": text, "more.toml": "[volumes.data]\n"})
    expected = 'no services in {} (add [services.NAME] with image = "…" or build'
    assert problems(tmp_path)[0].startswith(expected.format("stack.toml"))
    assert problems(tmp_path, "stack.toml", "more.toml")[0].startswith(
        expected.format("stack.toml and more.toml")
    )


def test_a_job_alone_is_a_stack(tmp_path: Path) -> None:
    write(tmp_path, {"stack.toml": '[jobs.seed]\nimage = "seed"\n'})
    assert load(tmp_path).problems == ()


def test_a_file_whose_services_cannot_be_read_says_why_and_no_more(tmp_path: Path) -> None:
    write(tmp_path, {"stack.toml": '[service.web]\nimage = "nginx:1"\n'})
    assert problems(tmp_path) == ["stack.toml:1:2: service: unknown key 'service' (did you mean 'services'?)"]


@pytest.mark.parametrize(
    ("profiles", "said"),
    [
        ([], []),
        (["*"], []),
        (["debug"], []),
        (["nosuch", "debug"], ["no service has the profile 'nosuch' (there are: debug)"]),
    ],
)
def test_a_profile_that_no_service_has(tmp_path: Path, profiles: list[str], said: list[str]) -> None:
    write(tmp_path, {"stack.toml": SELECTION, "debug.env": ""})
    environ = dict.fromkeys(("API", "VPN", "DEBUG", "ALONE"), "x")
    stack = load(tmp_path, environ=environ, selection={"profiles": profiles})
    assert [str(problem) for problem in stack.problems] == said
    assert {problem.severity for problem in stack.problems} <= {"warning"}


def test_a_service_that_is_not_asked_for_counts_if_it_cannot_be_read_without_its_variable(
    tmp_path: Path,
) -> None:
    write(tmp_path, {"stack.toml": MINIMAL + '[services.x]\nimage = "x"\nprofiles = ["x"]\nrestart = "$R"\n'})
    (problem,) = problems(tmp_path)
    assert "R is not set" in problem


def test_commands_that_only_look_need_no_variables(tmp_path: Path) -> None:
    text = (
        SELECTION
        + 'ports = ["${PORT}:80"]\n[services.db]\nimage = "postgres:15"\ncommand = "${services.db.password}"\n'
    )
    write(tmp_path, {"stack.toml": text})
    stack = load(tmp_path, strict=False)
    assert stack.problems == ()
    assert stack.services["api"].resolved == {"A": ""}


def test_checks_see_what_could_be_read_and_are_silent_about_what_is_broken(tmp_path: Path) -> None:
    write(tmp_path, {"stack.toml": MINIMAL + 'tyt = true\n[services.b]\nimage = "b"\n'})

    def check(stack: Stack) -> list[Problem]:
        return [Problem(("services", name), f"{name} is checked", rule="SC999") for name in stack.services]

    assert problems(tmp_path, checks=[check]) == [
        "stack.toml:3:1: services.web.tyt: unknown key 'tyt' (did you mean 'tty'?)",
        "stack.toml:4:11: services.b: b is checked",
    ]


def test_warnings_alone_do_not_stop(tmp_path: Path) -> None:
    write(tmp_path, {"stack.toml": MINIMAL})
    stack = load(tmp_path, checks=[lambda _: [Problem(("services", "web"), "hm", severity="warning")]])
    assert [str(problem) for problem in stack.problems] == ["stack.toml:1:11: services.web: hm"]


@pytest.mark.parametrize(
    ("files", "named", "expected"),
    [
        ({}, ["nope.toml"], "nope.toml: no such file"),
        ({"stack.toml/x": ""}, ["stack.toml"], "stack.toml: cannot be read: Is a directory"),
        ({"d/stack.toml": ""}, ["d"], "d: cannot be read: Is a directory (did you mean d/stack.toml?)"),
        ({"s.toml": b"a = '\xff'"}, ["s.toml"], "s.toml:1:6: the byte 0xff is not UTF-8"),
        ({"s.toml": "#" * 10_000_000}, ["s.toml"], "s.toml: the file is larger than 1,048,576 bytes"),
        ({"s.toml": "", ".env": "A='x"}, ["s.toml"], ".env:1:1: the quote is not closed"),
        ({"s.toml": "", ".env": b"A=\xff"}, ["s.toml"], ".env:1:3: the byte 0xff is not UTF-8"),
        ({"s.toml": "", ".env/x": ""}, ["s.toml"], ".env: cannot be read: Is a directory"),
    ],
)
def test_a_file_that_cannot_be_read_is_a_mistake_with_a_place(
    tmp_path: Path, files: Mapping[str, str | bytes], named: list[str], expected: str
) -> None:
    write(tmp_path, files)
    (problem,) = problems(tmp_path, *named)
    assert problem.startswith(expected)


def test_the_mistakes_of_all_files_come_together(tmp_path: Path) -> None:
    write(tmp_path, {"a.toml": "a =", "b.toml": "b", ".env": "a b"})
    assert [problem.split(":")[0] for problem in problems(tmp_path, "a.toml", "b.toml")] == [
        "a.toml",
        "b.toml",
        ".env",
    ]


def test_no_source_line_of_an_env_file_is_shown(tmp_path: Path) -> None:
    write(tmp_path, {"stack.toml": MINIMAL, ".env": b"PASSWORD=secret\xff\n"})
    with pytest.raises(SpecError) as caught:
        load(tmp_path)
    assert "secret" not in repr(caught.value.problems)


def test_a_compose_file_cannot_be_laid_over_toml(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"compose\.yaml cannot be laid over stack\.toml"):
        load(tmp_path, "stack.toml", "compose.yaml")


def test_the_variables_of_this_process_are_not_looked_at(tmp_path: Path) -> None:
    write(tmp_path, {"stack.toml": MINIMAL + 'environment = ["HOME", "PATH=${PATH:-none}"]\n'})
    assert "HOME" in os.environ
    assert load(tmp_path).services["web"].resolved == {"HOME": None, "PATH": "none"}
