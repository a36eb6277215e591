"""Several compose files become one: laid over each other, included, extended. What is expected here is what Compose v5.6.1 prints."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from test_files import load, problems, write

from stackctl.spec.model import Service, Stack


def read(directory: Path, files: Mapping[str, str], *names: str, **options: Any) -> Stack:
    write(directory, files)
    return load(directory, *(names or ("compose.yaml",)), **options)


def ports(service: Service) -> list[str]:
    return [f"{port.host_ip}:{port.published or ''}:{port.target}" for port in service.ports]


BELOW = """\
name: below
services:
  a:
    image: i
    build: .
    command: [x]
    environment: {A: 1, B: 1}
    labels: [l=1]
    ports: ["80:80", "81:81"]
    volumes: [data:/data, ./x:/x]
    depends_on: {b: {condition: service_healthy}}
    healthcheck: {test: x, retries: 2}
    env_file: [{path: e.env, required: false}]
    cap_add: [A]
    networks: [one]
    tmpfs: /run
    profiles: [p]
    dns: [1.1.1.1]
  b: {image: i}
networks: {one: , two: }
volumes: {data: , other: }
"""
OVER = """\
name: over
services:
  a:
    build: {target: t}
    command: [y]
    environment: [B=2, C=2]
    labels: {l: 2, m: 2}
    ports: ["0.0.0.0:80:80", "8081:81"]
    volumes: [other:/data]
    depends_on: [b]
    healthcheck: {test: y}
    env_file: [{path: e.env, required: false}, {path: f.env, required: false}]
    cap_add: [A, B]
    networks: {two: {aliases: [z]}}
    tmpfs: /tmp
    dns: 8.8.8.8
  c: {image: i}
"""


def test_files_laid_over_each_other(tmp_path: Path) -> None:
    stack = read(tmp_path, {"compose.yaml": BELOW, "over.yaml": OVER}, "compose.yaml", "over.yaml")
    a = stack.services["a"]
    assert (stack.project, [*stack.services]) == ("over", ["a", "b", "c"])
    assert a.build
    assert (a.build.context, a.build.target) == (".", "t")
    assert a.command
    assert a.command.argv == ("y",)
    assert dict(a.resolved) == {"A": "1", "B": "2", "C": "2"}
    assert dict(a.labels) == {"l": "2", "m": "2"}
    assert ports(a) == ["0.0.0.0:80:80", "*:81:81", "*:8081:81"]
    assert [(mount.source, mount.target) for mount in a.volumes] == [("other", "/data"), ("./x", "/x")]
    assert a.depends_on["b"].condition.value == "service_started"
    assert a.healthcheck
    assert a.healthcheck.test
    assert (a.healthcheck.test.test, a.healthcheck.retries) == (("CMD-SHELL", "y"), 2)
    assert [file.path for file in a.env_file] == ["e.env", "f.env"]
    assert a.cap_add == ("A", "B")
    assert {name: use.aliases for name, use in a.networks.items()} == {"one": (), "two": ("z",)}
    assert [tmpfs.path for tmpfs in a.tmpfs] == ["/run", "/tmp"]
    assert a.dns == ("1.1.1.1", "8.8.8.8")


def test_reset_and_override(tmp_path: Path) -> None:
    over = """\
services:
  a:
    command: !reset null
    ports: !override ["9:9"]
    environment: {A: !reset null}
    labels: !reset {}
    depends_on: !reset []
    healthcheck: !override {retries: 1}
  b: !reset null
"""
    stack = read(
        tmp_path,
        {"compose.yaml": BELOW, "compose.override.yaml": over},
        "compose.yaml",
        "compose.override.yaml",
    )
    a = stack.services["a"]
    assert [*stack.services] == ["a"]
    assert (a.command, ports(a), dict(a.resolved), a.labels, a.depends_on) == (
        None,
        ["*:9:9"],
        {"B": "1"},
        {},
        {},
    )
    assert a.healthcheck
    assert (a.healthcheck.test, a.healthcheck.retries) == (None, 1)


def test_the_documents_of_one_file_are_laid_over_each_other(tmp_path: Path) -> None:
    stack = read(
        tmp_path, {"compose.yaml": "services: {a: {image: i}}\n---\nservices: {a: {image: !override j}}\n"}
    )
    assert stack.services["a"].image == "j"


def test_a_mistake_stands_where_the_value_was_written(tmp_path: Path) -> None:
    write(
        tmp_path, {"compose.yaml": BELOW, "over.yaml": "services:\n  a:\n    ports: ['x:y']\n    imge: x\n"}
    )
    found = problems(tmp_path, "compose.yaml", "over.yaml")
    assert [each.split(": ")[0] for each in found] == ["over.yaml:3:13", "over.yaml:4:5"]


INCLUDING = {
    "compose.yaml": """\
include:
  - sub/compose.yaml
  - path: [sub/deep/a.yaml, sub/deep/b.yaml]
    project_directory: sub
    env_file: sub/deep/x.env
services:
  web: {image: w, depends_on: [db]}
  db:
    environment: {OVER: 1}
volumes: {data: {name: mine}}
""",
    "sub/compose.yaml": """\
name: another
services:
  db:
    image: db:${PG}
    volumes: [./pg:/pg, data:/d, ~/h:/h, {type: bind, source: ../up, target: /up}]
    environment: {X: "${PG}${OUT}", OVER: 0}
    env_file: [{path: db.env, required: false}]
    build: .
volumes: {data: {name: theirs}}
""",
    "sub/.env": "PG=15\nOUT=inner\n",
    "sub/deep/a.yaml": "services:\n  cache: {image: 'c:${TAG}', volumes: [./c:/c], build: {context: 'https://x.org/y.git'}}\n",
    "sub/deep/b.yaml": "services:\n  cache: {command: '${TAG}'}\n",
    "sub/deep/x.env": "TAG=7\n",
}


def test_included_files_have_their_own_directory_and_variables(tmp_path: Path) -> None:
    stack = read(tmp_path / "dir", INCLUDING, environ={"OUT": "outer"})
    db, cache = stack.services["db"], stack.services["cache"]
    assert stack.project == "dir"
    assert stack.volumes["data"].name == "mine"
    assert (db.image, dict(db.resolved)) == ("db:15", {"X": "15outer", "OVER": "1"})
    assert [mount.source for mount in db.volumes] == ["./sub/pg", "data", "~/h", "./up"]
    assert db.build
    assert (db.build.context, db.env_file[0].path) == ("./sub", "./sub/db.env")
    assert cache.build
    assert (cache.image, cache.volumes[0].source, cache.build.context) == (
        "c:7",
        "./sub/c",
        "https://x.org/y.git",
    )
    assert cache.command
    assert cache.command.argv == ("7",)
    assert {source.file for source in stack.sources} == INCLUDING.keys() - {"sub/.env", "sub/deep/x.env"}


EXTENDING = {
    "compose.yaml": """\
services:
  web:
    extends: {file: ext/base.yaml, service: base}
    environment: {B: 2}
    ports: ["81:81"]
  api:
    extends: web
    command: own
    environment: !override {C: 3}
    ports: !reset []
""",
    "ext/base.yaml": """\
services:
  base:
    extends: root
    image: base
    volumes: [./data:/data, named:/n]
    ports: ["80:80"]
    environment: [A=1, B=1]
  root:
    command: [x, y]
    env_file: root.env
    build: ./ctx
""",
    "ext/root.env": "ROOT=1\n",
    "over.yaml": "volumes: {named: }\n",
}


def test_a_service_has_what_it_extends(tmp_path: Path) -> None:
    stack = read(tmp_path, EXTENDING, "compose.yaml", "over.yaml")
    web, api = stack.services["web"], stack.services["api"]
    assert [*stack.services] == ["web", "api"]
    assert dict(web.resolved) == {"ROOT": "1", "A": "1", "B": "2"}
    assert ports(web) == ["*:80:80", "*:81:81"]
    assert [mount.source for mount in web.volumes] == ["./ext/data", "named"]
    assert web.build
    assert web.build.context == "./ext/ctx"
    assert (dict(api.resolved), api.ports, api.image) == ({"ROOT": "1", "C": "3"}, (), "base")
    assert api.command
    assert api.command.argv == ("own",)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (
            {"compose.yaml": "include: [a.yaml]\n", "a.yaml": "include: [b.yaml]\n", "b.yaml": "include: [a.yaml]\n"},
            "b.yaml:1:11: the files include each other in a circle: compose.yaml includes a.yaml includes b.yaml includes a.yaml",
        ),
        ({"compose.yaml": "include: [no.yaml]\n"}, "compose.yaml:1:11: there is no file no.yaml"),
        ({"compose.yaml": "include:\n- 1\n"}, "compose.yaml:2:3: expected a file, or path, project_directory and env_file"),
        (
            {"compose.yaml": "include: [{path: a.yaml, env_file: x}]\n", "a.yaml": "services: {a: {image: i}}\n"},
            "compose.yaml:1:26: there is no file x",
        ),
        (
            {"compose.yaml": "services:\n  a: {extends: b}\n  b: {extends: a}\n"},
            "compose.yaml:2:7: the services extend each other in a circle: a of compose.yaml extends b of compose.yaml",
        ),
        (
            {"compose.yaml": "services:\n  abc: {image: i}\n  b: {extends: abd}\n"},
            "compose.yaml:3:7: no service is called 'abd' (did you mean 'abc'?)",
        ),
        (
            {"compose.yaml": "services:\n  a: {extends: {file: x.yaml, service: y}}\n", "x.yaml": "services: {z: {image: i}}\n"},
            "compose.yaml:2:31: no service is called 'y' in x.yaml (there are: z)",
        ),
        (
            {"compose.yaml": "services:\n  a: {extends: {file: x.yaml, service: y}}\n"},
            "compose.yaml:2:17: there is no file x.yaml",
        ),
        ({"compose.yaml": "services:\n  a: {extends: 1}\n"}, "compose.yaml:2:7: expected the name of a service"),
    ],
)  # fmt: skip
def test_mistakes(tmp_path: Path, files: dict[str, str], message: str) -> None:
    write(tmp_path, files)
    assert any(each.startswith(message) for each in problems(tmp_path)), problems(tmp_path)
