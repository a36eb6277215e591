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
        ('[services.a]\nextends = { service = "b", file = "d/no.toml" }\nimage = "i"\n', "d/no.toml: d/no.toml stands in another directory"),
        ('[templates.b]\nimage = 1\n[services.a]\nextends = "b"\n', "stack.toml:3:11: services.a.image: expected a string"),
    ],
)  # fmt: skip
def test_mistakes(tmp_path: Path, text: str, message: str) -> None:
    write(tmp_path, {"stack.toml": text})
    assert any(each.startswith(message) for each in problems(tmp_path)), problems(tmp_path)


def test_a_template_that_nothing_extends(tmp_path: Path) -> None:
    write(tmp_path, {"stack.toml": '[templates.base]\nimage = "i"\n[services.a]\nimage = "i"\n'})
    (problem,) = load(tmp_path).problems
    assert (
        str(problem)
        == "stack.toml:1:12: templates.base: nothing extends the template 'base' (write extends = \"base\", or take it out)"
    )
