"""From compose files to a stack: every value means what it means to Compose."""

from functools import partial
from pathlib import Path

import pytest
from test_files import load, problems, write

from stackctl.errors import SpecError, UsageError
from stackctl.planner.world.desire import desire
from stackctl.spec.lint.rules import lint
from stackctl.spec.model import Condition, Service, Stack
from stackctl.spec.model.keys import lines_of_hosts
from stackctl.spec.source.names import names
from stackctl.spec.source.request import StackRequest
from stackctl.spec.values import Duration


def read(directory: Path, text: str, **options: object) -> Stack:
    write(directory, {"compose.yaml": text})
    return load(directory, **options)  # type: ignore[arg-type]


def service(directory: Path, text: str, **options: object) -> Service:
    """A service with these lines. The lines of other services and of the top may follow."""
    lines = "".join(f"    {line}\n" for line in text.splitlines())
    return read(directory, f"services:\n  a:\n    image: i\n{lines}", **options).services["a"]


def test_what_is_left_out_is_said_in_full(tmp_path: Path) -> None:
    text = """\
depends_on: [b]
ports: [8000:80, 81, "127.0.0.1:82:82", "::1:83:83/udp", {target: 84, mode: host}]
volumes: [./src:/src/, data:/data:cached, {type: bind, source: /x, target: /x}, {type: bind, source: /y, target: /y, bind: {}}]
"""
    rest = "\nvolumes:\n  data:\n"
    lines = "".join(f"    {line}\n" for line in text.splitlines())
    stack = read(tmp_path, f"services:\n  b: {{image: postgres:15}}\n  a:\n    image: i\n{lines}{rest}")
    a, b = stack.services["a"], stack.services["b"]
    assert (a.init, a.builtin_check) == (False, False)
    assert a.depends_on["b"].condition is Condition.started
    assert [(port.host_ip, str(port.published or ""), str(port.target)) for port in a.ports] == [
        ("*", "8000", "80"),
        ("*", "", "81"),
        ("127.0.0.1", "82", "82"),
        ("::1", "83", "83"),
        ("*", "", "84"),
    ]
    made = [(mount.target, bool(mount.bind and mount.bind.create_host_path)) for mount in a.volumes]
    assert made == [("/src", True), ("/data", False), ("/x", False), ("/y", True)]
    desired = {each.service: each for each in desire(stack, instance="").containers}
    assert [port.host_ip for port in desired["a"].ports] == ["", "", "127.0.0.1", "::1", ""]
    assert desired["b"].probes == ()
    assert b.known is not None


def test_what_the_engine_reads_in_its_own_way(tmp_path: Path) -> None:
    text = 'network_mode: default\nhealthcheck: {test: [CMD-SHELL, "pg_isready", "-d", "x"]}\n'
    found = service(tmp_path, text)
    assert found.network_mode
    assert found.network_mode.mode == "bridge"
    assert found.healthcheck
    assert found.healthcheck.test
    assert found.healthcheck.test.test == ("CMD-SHELL", "pg_isready")
    (told,) = (
        each
        for each in read(tmp_path, f"services:\n  a:\n    image: i\n    {text.splitlines()[1]}\n").problems
    )
    assert str(told).startswith(
        "compose.yaml:4:19: services.a.healthcheck.test: the shell runs only 'pg_isready'"
    )
    ports = service(tmp_path, "ports: [{target: 1, published: 2, protocol: UDP}]").ports
    assert [port.protocol for port in ports] == ["udp"]


def test_an_image_with_a_name_and_a_build_is_pulled_first(tmp_path: Path) -> None:
    assert service(tmp_path, "build: .\n").pull_policy == "missing"
    assert service(tmp_path, "build: .\npull_policy: build\n").pull_policy == "build"
    assert service(tmp_path, "").pull_policy is None


def test_of_several_networks_the_first_by_name_comes_first(tmp_path: Path) -> None:
    """Through it the container reaches the world."""
    stack = read(
        tmp_path, "services: {a: {image: i, networks: [front, back]}}\nnetworks: {front: , back: }\n"
    )
    assert list(stack.services["a"].networks) == ["back", "front"]


def test_a_stack_toml_may_say_the_same(tmp_path: Path) -> None:
    """Nothing after the reader knows which of the two files it was."""
    toml = """\
[services.a]
image = "i"
init = false
builtin_check = false
ports = ["*:8000:80"]
depends_on = { b = { condition = "service_started" } }
[services.b]
image = "i"
init = false
builtin_check = false
"""
    write(tmp_path, {"stack.toml": toml, "b/compose.yaml": ""})
    text = "services:\n  a: {image: i, ports: [8000:80], depends_on: [b]}\n  b: {image: i}\n"
    of_compose = desire(read(tmp_path / "b", text, name="x"), instance="").containers
    of_toml = desire(load(tmp_path, name="x"), instance="").containers
    assert [each.digest for each in of_compose] == [each.digest for each in of_toml]
    assert [each.needs for each in of_compose] == [each.needs for each in of_toml]


def test_forms_of_values(tmp_path: Path) -> None:
    text = """\
init: yes
tty: "true"
command: echo "a b" c
entrypoint:
environment: {A: 1.10, B: true, C: , D: x=y, E: "$$x"}
labels: [a, b=1]
env_file: {path: e.env, required: false}
healthcheck: {test: [CMD, x], disable: true, retries: "2"}
build: {context: ., args: {X: 1}}
extra_hosts: ["h:1.1.1.1", "g=1.1.1.2"]
tmpfs: /run
dns: 1.1.1.1
expose: ["", 80]
stop_grace_period: 1m
networks: {default: , other: {aliases: [x]}}
x-own: 1
"""
    found = service(tmp_path, text + "\n", environ={"C": "c"}, selection={"services": ["none"]}, checks=[])
    assert (found.init, found.tty, found.entrypoint) == (True, True, None)
    assert found.command
    assert found.command.argv == ("echo", "a b", "c")
    assert dict(found.resolved) == {"A": "1.1", "B": "true", "C": "c", "D": "x=y", "E": "$x"}
    assert dict(found.labels) == {"a": "", "b": "1"}
    assert found.env_file[0].path == "e.env"
    assert found.healthcheck
    assert (found.healthcheck.disable, found.healthcheck.test) == (True, None)
    assert dict(found.extra_hosts) == {"h": "1.1.1.1", "g": "1.1.1.2"}
    assert [*found.networks] == ["default", "other"]
    assert found.expose == ("80",)
    assert found.stop_grace_period == Duration(60)


def test_variables_that_are_not_set_are_empty_with_one_warning_each(tmp_path: Path) -> None:
    write(tmp_path, {".env": "SET=1\nOTHER=$NOWHERE\n", "e.env": "IN_FILE=$NOWHERE\n"})
    text = """\
services:
  a:
    image: i:${TAG}
    environment: {A: "$TAG", B: "${SET}${COMPOSE_PROJECT_NAME}", C: "${X:-d}"}
    env_file: e.env
  b: {image: "${TAG}"}
"""
    stack = read(tmp_path, text, selection={"services": ["a"]}, name="shop")
    assert dict(stack.services["a"].resolved) == {"IN_FILE": "", "A": "", "B": "1shop", "C": "d"}
    (problem,) = stack.problems
    assert str(problem).startswith(
        "compose.yaml:3:5: services.a.image: TAG is not set (looked in: shell, .env): it is empty"
    )
    assert load(tmp_path, strict=False).problems == ()


def test_a_variable_with_a_question_mark_must_be_set(tmp_path: Path) -> None:
    text = "services:\n  a: {image: 'i:${TAG:?which one}'}\n  b: {image: i}\n"
    write(tmp_path, {"compose.yaml": text})
    assert problems(tmp_path)[0].startswith("compose.yaml:2:7: services.a.image: which one: TAG is not set")
    assert load(tmp_path, strict=False).services["b"].image == "i"


def test_mistakes_have_their_places(tmp_path: Path) -> None:
    text = """\
services:
  web:
    imge: nginx
    ports:
      - "80:http"
    depends_on: [api]
    environment:
      - A=${1x}
    healthcheck:
      tcp: 80
jobs:
  a: {image: i}
"""
    write(tmp_path, {"compose.yaml": text})
    assert [each.split(" (")[0] for each in problems(tmp_path, checks=[lint])] == [
        "compose.yaml:3:5: services.web.imge: unknown key 'imge'",
        "compose.yaml:5:9: services.web.ports[0]: expected \"[ADDRESS:][HOST_PORT:]PORT[/tcp|/udp]\", found '80:http'",
        'compose.yaml:6:18: services.web.depends_on.api: web waits for "api", which is neither a service nor a job',
        'compose.yaml:8:9: services.web.environment[0]: "${1x}" is not a variable',
        "compose.yaml:10:7: services.web.healthcheck.tcp: Compose has no key 'tcp': only a stack.toml has it",
        "compose.yaml:11:1: jobs: Compose has no key 'jobs': only a stack.toml has it",
    ]


@pytest.mark.parametrize(
    ("text", "environ", "options", "name"),
    [
        ("", {}, {}, "thedir"),
        ("name: My App", {}, {}, "myapp"),
        ("name: ${N:-x}-y", {"N": "n"}, {}, "n-y"),
        ("name: x", {"COMPOSE_PROJECT_NAME": "given"}, {}, "given"),
        ("name: x", {"COMPOSE_PROJECT_NAME": "given"}, {"name": "p"}, "p"),
    ],
)
def test_the_name(
    tmp_path: Path, text: str, environ: dict[str, str], options: dict[str, str], name: str
) -> None:
    stack = read(tmp_path / "The.Dir", f"{text}\nservices: {{a: {{image: i}}}}\n", environ=environ, **options)
    assert stack.project == name


def test_a_name_that_somebody_gives_must_be_right(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"COMPOSE_PROJECT_NAME: 'A b' is not a project's name"):
        read(tmp_path, "services: {a: {image: i}}\n", environ={"COMPOSE_PROJECT_NAME": "A b"})


def test_toml_laid_over_a_compose_file(tmp_path: Path) -> None:
    write(tmp_path, {"stack.toml": 'services.a.environment.B = "${B}"\nservices.a.ports = ["81:81"]\n'})
    write(tmp_path, {"compose.yaml": "services: {a: {image: i, ports: [80:80], environment: [A=$$1]}}\n"})
    found = load(tmp_path, "compose.yaml", "stack.toml", environ={"B": "b"}).services["a"]
    assert dict(found.resolved) == {"A": "$1", "B": "b"}
    assert [str(port.target) for port in found.ports] == ["81"]
    with pytest.raises(SpecError, match="B is not set"):
        load(tmp_path, "compose.yaml", "stack.toml")


def test_ports_without_a_network_have_no_effect(tmp_path: Path) -> None:
    stack = read(tmp_path, "services: {a: {image: i, network_mode: host, ports: [80]}}\n")
    assert stack.services["a"].ports == ()
    assert [problem.severity for problem in stack.problems] == ["note"]


def test_what_compose_ignores_has_no_effect(tmp_path: Path) -> None:
    text = """\
services:
  a:
    image: i
    credential_spec: {file: x.json}
    pull_refresh_after: 1h
    secrets: [own]
    deploy:
      resources: {reservations: {memory: 1m, generic_resources: [{discrete_resource_spec: {kind: gpu, value: 2}}]}}
secrets:
  own: {environment: HOME, labels: {a: b}}
  of-nobody: {external: true}
configs:
  of-nobody: {content: x, labels: [a]}
"""
    stack = read(tmp_path, text, environ={"HOME": "/"})
    noted = {".".join(map(str, problem.path)) for problem in stack.problems if "no effect" in problem.message}
    assert noted == {
        "services.a.credential_spec",
        "services.a.pull_refresh_after",
    }
    assert {problem.severity for problem in stack.problems} == {"note"}
    assert stack.secrets.keys() == {"own"}


def test_secrets_and_configs_of_a_swarm(tmp_path: Path) -> None:
    text = """\
services: {a: {image: i, secrets: [pw, old, vault], configs: [c]}}
secrets:
  pw: {external: true, name: shop-pw}
  old: {external: {name: older}}
  vault: {driver: vault, driver_opts: {path: x}}
configs:
  c: {content: x, labels: [a=b], template_driver: golang}
"""
    stack = read(tmp_path, text)
    assert stack.problems == ()
    pw, old, vault, config = (*(stack.secrets[name] for name in ("pw", "old", "vault")), stack.configs["c"])
    assert [(each.external, each.name) for each in (pw, old, vault)] == [
        (True, "shop-pw"),
        (True, "older"),
        (False, None),
    ]
    assert (vault.driver, vault.driver_opts) == ("vault", {"path": "x"})
    assert (config.labels, config.template_driver) == ({"a": "b"}, "golang")
    assert [each.swarm_only for each in (pw, old, vault, config)] == [
        "external",
        "external",
        "driver",
        "template_driver",
    ]


@pytest.mark.parametrize(
    "written",
    [
        '["a:10.0.0.1", "a=10.0.0.2", "b=[::1]"]',
        '{a: [10.0.0.1, 10.0.0.2], b: "::1"}',
        '{a: "10.0.0.1,10.0.0.2", b: "::1"}',
    ],
)
def test_a_host_may_have_several_addresses(tmp_path: Path, written: str) -> None:
    found = service(tmp_path, f"extra_hosts: {written}").extra_hosts
    assert lines_of_hosts(found) == ["a:10.0.0.1", "a:10.0.0.2", "b:::1"]


def test_limits_of_processes_may_be_texts(tmp_path: Path) -> None:
    limits = service(tmp_path, 'ulimits: {nproc: "100", nofile: {soft: "1", hard: "2"}}').ulimits
    assert {name: str(limit) for name, limit in limits.items()} == {"nproc": "100", "nofile": "1:2"}


def test_a_way_out_is_written_in_yaml(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "compose.yaml": "services:\n  web: {image: i, ports: 80, volumes: [data:/d], depends_on: [api], build: {x: 1}}\n"
        },
    )
    hints = [each[each.rindex("(") :] for each in problems(tmp_path, checks=[lint]) if each.endswith(")")]
    assert hints[:3] == [
        "(write [80])",
        '(add volumes.data, or write "./data" for a directory)',
        "(add services.api, or take it out)",
    ]
    text = """\
services:
  web: {image: i, depends_on: [db]}
  db: {image: "postgres:15", environment: {POSTGRES_PASSWORD: x}}
  migrate: {image: i, restart: always, init: false, command: [sh, -c, "a; b"]}
"""
    stack = read(tmp_path, text, checks=[partial(lint, info=True)])
    found = {problem.rule: (problem.severity, problem.hint) for problem in stack.problems}
    assert found["SC202"] == ("info", "write condition: service_healthy, and give db a healthcheck")
    assert found["SC401"][1] == 'add volumes: ["db-data:/var/lib/postgresql/data"] and volumes.db-data'
    assert found["SC212"][1] == "remove restart"
    assert found["SC605"][1] == "write init: true, or write exec before the last command"


def test_a_comment_allows_what_a_rule_says(tmp_path: Path) -> None:
    text = """\
services:
  # don't care
  db:  # stackctl: allow SC401 — a cache
    image: "postgres:15"
    environment: {POSTGRES_PASSWORD: x}
"""
    assert read(tmp_path, text, checks=[lint]).problems == ()


def test_names_to_complete(tmp_path: Path) -> None:
    def found(text: str) -> tuple[list[str], set[str]]:
        write(tmp_path, {"compose.yaml": text})
        return names(StackRequest(directory=tmp_path, environ={}))

    assert found("services:\n  a: {profiles: [p]}\n  b:\n") == (["a", "b"], {"p"})
    assert found("name: x\nservices:\n   a:\n     image: [i\n   b-1:\nvolumes:\n   c:\n") == (
        ["a", "b-1"],
        set(),
    )
    assert found("services: [") == ([], set())
