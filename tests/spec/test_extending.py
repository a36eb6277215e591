"""Templates and `extends` in a stack.toml."""

from pathlib import Path

import pytest
from test_files import load, problems, write

TEXT = """\
[templates.base]
image = "i:${TAG}"
environment = { A = "1", B = "1" }
ports = ["80:80", "81:81"]
healthcheck = { test = "x", retries = 2 }

[templates.web]
extends = "base"
restart = "always"

[services.one]
extends = "web"
environment = { B = "2" }
ports = ["90:80"]
healthcheck = { test = "y" }

[services.two]
extends = { service = "one" }
container_name = "second"

[jobs.migrate]
extends = "base"
command = "migrate"

[services.far]
extends = { service = "there", file = "more.toml" }
user = "1"
"""
MORE = '[templates.there]\nextends = "x"\nworking_dir = "/w"\n[services.x]\nimage = "far"\n'


def test_a_service_has_what_it_extends(tmp_path: Path) -> None:
    write(tmp_path, {"stack.toml": TEXT, "more.toml": MORE})
    stack = load(tmp_path, environ={"TAG": "1"})
    one, two, migrate, far = (stack.everything[name] for name in ("one", "two", "migrate", "far"))
    assert [*stack.everything] == ["one", "two", "far", "migrate"]
    assert (one.image, one.restart.policy, dict(one.resolved)) == ("i:1", "always", {"A": "1", "B": "2"})
    assert [str(port.published) for port in one.ports] == ["90"]
    assert one.healthcheck
    assert one.healthcheck.test
    assert (one.healthcheck.test.test[1], one.healthcheck.retries) == ("y", 2)
    assert (two.container_name, two.image, dict(two.resolved)) == ("second", "i:1", dict(one.resolved))
    assert (migrate.KIND, migrate.image, migrate.restart.policy) == ("job", "i:1", "no")
    assert (far.image, far.working_dir, far.user) == ("far", "/w", "1")
    assert not stack.problems


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[templates.base]\nimage = "i"\n[services.a]\nextends = "bse"\nimage = "i"\n', "stack.toml:4:1: services.a.extends: no template or service is called 'bse' (did you mean 'base'?)"),
        ('[services.a]\nextends = "b"\nimage = "i"\n[services.b]\nextends = "a"\n', "stack.toml:2:1: services.a.extends: these extend each other in a circle: a extends b extends a"),
        ('[services.a]\nextends = 1\nimage = "i"\n', "stack.toml:2:1: services.a.extends: expected the name of a template or a service"),
        ('[services.a]\nextends = { service = "b", file = "no.toml" }\nimage = "i"\n', "no.toml: no such file"),
        ('[services.a]\nextends = { service = "b", file = "d/no.toml" }\nimage = "i"\n', "d/no.toml: no such file"),
        ('[services.a]\nextends = { service = "a", file = "stack.toml" }\nimage = "i"\n', "stack.toml:2:1: services.a.extends: 'a' of stack.toml extends itself"),
        ('[templates.b]\nimage = 1\n[services.a]\nextends = "b"\n', "stack.toml:3:11: services.a.image: expected a string"),
    ],
)  # fmt: skip
def test_mistakes(tmp_path: Path, text: str, message: str) -> None:
    write(tmp_path, {"stack.toml": text})
    assert any(each.startswith(message) for each in problems(tmp_path)), problems(tmp_path)


def test_a_file_in_another_directory_keeps_its_own_paths(tmp_path: Path) -> None:
    """As Compose does: paths are relative to their file, variables are those of the stack."""
    near = """\
[services.a]
extends = { service = "base", file = "../shared/stack.toml" }
volumes = ["./mine:/mine"]
[services.b]
extends = { service = "base", file = "../shared/stack.toml" }
command = "$$x"
"""
    there = """\
[templates.base]
extends = { service = "deep", file = "deep/more.toml" }
build = "./app"
env_file = [".env.base"]
command = "echo $$HOME"
"""
    deep = """\
[services.deep]
image = "i:${TAG}"
volumes = ["./${DIR}:/data:ro", "named:/named", "/abs:/abs"]
"""
    files = {
        "here/stack.toml": near + "[volumes.named]\n",
        "shared/stack.toml": there,
        "shared/.env.base": "A=1\n",
    }
    write(tmp_path, {**files, "shared/deep/more.toml": deep, "shared/.env": "TAG=wrong\n"})
    stack = load(tmp_path / "here", environ={"TAG": "2", "DIR": "data"})
    a, b = stack.services["a"], stack.services["b"]
    assert a.build
    assert b.command
    assert (a.image, a.build.context, dict(a.resolved)) == ("i:2", "../shared/app", {"A": "1"})
    assert [mount.source for mount in a.volumes] == ["./mine"]
    assert [mount.source for mount in b.volumes] == ["../shared/deep/data", "named", "/abs"]
    assert a.command
    assert (a.command.argv, b.command.argv) == (("echo", "$HOME"), ("$x",))
    assert not stack.problems


def test_what_is_wrong_in_a_file_in_another_directory(tmp_path: Path) -> None:
    near = '[services.a]\nextends = { service = "b", file = "d/b.toml" }\n'
    write(tmp_path, {"stack.toml": near, "d/b.toml": '[services.b]\nextends = "c"\nimage = "${TAG}"\n'})
    told = problems(tmp_path)
    assert any(
        each.startswith("d/b.toml:2:1: services.b.extends: no template or service is called 'c'")
        for each in told
    ), told
    assert any("services.a.image" in each and "TAG" in each for each in told), told
    write(tmp_path, {"d/b.toml": '[services.b]\nextends = { service = "a", file = "../stack.toml" }\n'})
    assert any("extends itself" in each for each in problems(tmp_path)), problems(tmp_path)


def test_a_template_that_nothing_extends(tmp_path: Path) -> None:
    write(tmp_path, {"stack.toml": '[templates.base]\nimage = "i"\n[services.a]\nimage = "i"\n'})
    (problem,) = load(tmp_path).problems
    assert (
        str(problem)
        == "stack.toml:1:12: templates.base: nothing extends the template 'base' (write extends = \"base\", or take it out)"
    )


INCLUDING = {
    "stack.toml": """\
include = [
  "sub/stack.toml",
  { path = ["deep/a.toml", "deep/b.toml"], project_directory = "sub", env_file = "deep/x.env" },
  "comp/compose.yaml",
]
[services.web]
image = "w"
depends_on = ["db", "redis"]
[services.db]
environment.OVER = "1"
""",
    "sub/stack.toml": """\
name = "another"
include = "more/stack.toml"
[services.db]
image = "db:${PG}"
volumes = ["./pg:/pg", "data:/d", { type = "bind", source = "../up", target = "/up" }]
environment = { X = "${PG}${OUT}", OVER = "0", URL = "$$x" }
env_file = { path = "db.env", required = false }
build = "."
ports = ["80:80"]
depends_on = ["cache"]
[volumes.data]
[tests]
environment.A = "a"
""",
    "sub/.env": "PG=15\nOUT=inner\n",
    "sub/more/stack.toml": '[services.more]\nimage = "m:${PG}"\nbuild = "."\n[jobs.j]\nimage = "j"\nvolumes = ["./j:/j"]\n',
    "deep/a.toml": '[services.cache]\nimage = "c:${TAG}"\nvolumes = ["./c:/c"]\n',
    "deep/b.toml": '[services.cache]\ncommand = "${TAG}"\n',
    "deep/x.env": "TAG=7\n",
    "comp/compose.yaml": "services:\n  redis: {image: 'r:${R}', ports: ['6:6'], volumes: ['./r:/r'], init: }\n",
}


def test_included_files_keep_their_own_meaning(tmp_path: Path) -> None:
    write(tmp_path, INCLUDING)
    stack = load(tmp_path, environ={"OUT": "outer"}, name="x")
    db, cache, more, redis = (stack.services[name] for name in ("db", "cache", "more", "redis"))
    assert [*stack.services] == ["more", "db", "cache", "redis", "web"]
    assert (db.image, dict(db.resolved)) == ("db:15", {"X": "15outer", "OVER": "1", "URL": "$x"})
    assert [mount.source for mount in db.volumes] == ["./sub/pg", "data", "./up"]
    assert db.build
    assert (db.build.context, db.env_file[0].path) == ("./sub", "./sub/db.env")
    assert (db.ports[0].host_ip, db.depends_on["cache"].condition.value, db.init) == (None, "ready", None)
    assert (cache.image, cache.volumes[0].source, cache.command and cache.command.argv) == (
        "c:7",
        "./sub/c",
        ("7",),
    )
    assert more.build
    assert (more.image, more.build.context, stack.jobs["j"].volumes[0].source) == (
        "m:15",
        "./sub/more",
        "./sub/more/j",
    )
    assert (redis.image, redis.ports[0].host_ip, redis.volumes[0].source, redis.init) == (
        "r:",
        "*",
        "./comp/r",
        False,
    )
    assert [str(problem).split(" (")[0] for problem in stack.problems] == [
        "comp/compose.yaml:2:11: services.redis.image: R is not set"
    ]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"stack.toml": 'include = ["no.toml"]\n'}, "stack.toml:1:12: include[0]: there is no file no.toml"),
        ({"stack.toml": "include = [1]\n"}, "stack.toml:1:12: include[0]: expected a file, or path"),
        ({"stack.toml": 'include = "a.toml"\n', "a.toml": 'include = "stack.toml"\n'}, "stack.toml:1:1: include[0]: stack.toml includes itself"),
        ({"stack.toml": 'include = "a.toml"\n', "a.toml": "[services.x]\nimage = 1\nimge = 2\n"}, "a.toml:2:1: services.x.image: expected a string"),
        ({"stack.toml": 'include = "a.toml"\n', "a.toml": '[services.x]\nimage = "${NO}"\n'}, "a.toml:2:1: services.x.image: NO is not set"),
        ({"stack.toml": 'include = "a.toml"\n', "a.toml": "[services.x\n"}, "a.toml:1:12: "),
        ({"stack.toml": 'include = "a.yaml"\n', "a.yaml": "services: [\n"}, "a.yaml:2:1: not YAML"),
    ],
)  # fmt: skip
def test_mistakes_in_what_is_included(tmp_path: Path, files: dict[str, str], message: str) -> None:
    write(tmp_path, files)
    assert any(each.startswith(message) for each in problems(tmp_path)), problems(tmp_path)
