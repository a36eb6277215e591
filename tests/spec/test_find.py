"""Which files make up the stack, and what the project is called."""

import os
from pathlib import Path

import pytest

from stackctl.errors import UsageError
from stackctl.spec.source.discovery import find, lenient_project_name, locations, merge, project_name
from stackctl.spec.source.request import StackRequest


def write(path: Path, text: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_the_nearest_file_wins_with_the_override_beside_it(tmp_path: Path) -> None:
    write(tmp_path / "stack.toml")
    spec = write(tmp_path / "a/stack.toml")
    override = write(tmp_path / "a/stack.override.toml")
    (tmp_path / "a/b/c").mkdir(parents=True)
    assert find(tmp_path / "a/b/c") == (spec, override)
    assert find(tmp_path / "a") == (spec, override)
    assert find(tmp_path) == (tmp_path / "stack.toml",)


def test_no_file_is_an_error_with_a_way_out(tmp_path: Path) -> None:
    with pytest.raises(
        UsageError, match=r"no stack\.toml or compose\.yaml in .* or above it \(stackctl init writes one"
    ):
        find(tmp_path)


def test_the_nearest_file_may_be_a_compose_file(tmp_path: Path) -> None:
    write(tmp_path / "stack.toml")
    last = write(tmp_path / "a/docker-compose.yaml")
    (tmp_path / "a/b").mkdir()
    assert find(tmp_path / "a/b") == (last,)
    old = write(tmp_path / "a/docker-compose.yml")
    override = write(tmp_path / "a/docker-compose.override.yaml")
    assert find(tmp_path / "a") == (old, override)
    usual = write(tmp_path / "a/compose.yml")
    assert find(tmp_path / "a") == (usual, override)
    spec = write(tmp_path / "a/stack.toml")
    assert find(tmp_path / "a") == (spec,)


def test_compose_file_names_the_files_unless_there_is_a_stack_toml(tmp_path: Path) -> None:
    write(tmp_path / "stack.toml")
    write(tmp_path / "a/.env", "COMPOSE_FILE=x.yaml,b/y.yaml\nCOMPOSE_PATH_SEPARATOR=,\n")

    def found(environ: dict[str, str]) -> tuple[Path, ...]:
        return locations(StackRequest(directory=tmp_path / "a", environ=environ))[0]

    assert found({}) == (tmp_path / "a/x.yaml", tmp_path / "a/b/y.yaml")
    assert found({"COMPOSE_FILE": "z.yaml"}) == (tmp_path / "a/z.yaml",)
    assert found({"COMPOSE_DISABLE_ENV_FILE": "1"}) == (tmp_path / "stack.toml",)
    assert found({"COMPOSE_ENV_FILES": "/dev/null"}) == (tmp_path / "stack.toml",)
    write(tmp_path / "a/stack.toml")
    assert found({"COMPOSE_FILE": "z.yaml"}) == (tmp_path / "a/stack.toml",)


@pytest.mark.parametrize(
    ("line", "environ", "expected"),
    [
        ("name: My Shop # x", {}, "myshop"),
        ("services: {", {"COMPOSE_PROJECT_NAME": "given"}, "given"),
        ("services: {", {}, "thedir"),
    ],
)
def test_the_name_of_a_broken_compose_file(
    tmp_path: Path, line: str, environ: dict[str, str], expected: str
) -> None:
    write(tmp_path / "The.Dir/compose.yaml", line)
    request = StackRequest(directory=tmp_path / "The.Dir", environ=environ)
    assert lenient_project_name(request) == expected


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give files away")
def test_a_file_above_must_not_be_a_strangers(tmp_path: Path) -> None:
    spec = write(tmp_path / "stack.toml")
    (tmp_path / "a").mkdir()
    os.chown(spec, 12345, 12345)
    with pytest.raises(UsageError, match="belongs to another user"):
        find(tmp_path / "a")
    assert find(tmp_path) == (spec,)


@pytest.mark.parametrize(
    ("given", "environ", "declared", "expected"),
    [
        ("p", {"STACKCTL_PROJECT": "e"}, "n", "p"),
        (None, {"STACKCTL_PROJECT": "e"}, "n", "e"),
        (None, {}, "n", "n"),
        (None, {}, None, "my-app_2"),
    ],
)
def test_the_projects_name(
    given: str | None, environ: dict[str, str], declared: str | None, expected: str
) -> None:
    assert project_name(given, environ, declared, Path("/srv/_My-App_2!")) == expected


def test_a_name_that_was_asked_for_is_not_changed() -> None:
    with pytest.raises(UsageError, match=r"-p: 'My App' is not a project's name: .*did you mean 'myapp'"):
        project_name("My App", {}, None, Path("/x"))
    with pytest.raises(UsageError, match="STACKCTL_PROJECT: '-x' is not"):
        project_name(None, {"STACKCTL_PROJECT": "-x"}, None, Path("/x"))


def test_a_directory_without_a_usable_name_needs_another() -> None:
    with pytest.raises(UsageError, match="gives no project name"):
        project_name(None, {}, None, Path("/"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('name = "shop"\n[services.a\n', "shop"),
        ("# c\n  name='shop' # d\nbroken", "shop"),
        ('[volumes.a]\nname = "other"\n', "dir"),
        ("", "dir"),
    ],
)
def test_the_name_of_a_broken_stack_is_still_found(tmp_path: Path, text: str, expected: str) -> None:
    directory = write(tmp_path / "dir/stack.toml", text).parent
    assert lenient_project_name(StackRequest(name=None, environ={}, directory=directory)) == expected


def test_the_name_of_a_missing_stack_is_the_directorys(tmp_path: Path) -> None:
    (tmp_path / "dir").mkdir()
    assert lenient_project_name(StackRequest(name=None, environ={}, directory=tmp_path / "dir")) == "dir"


def test_a_name_that_depends_on_a_variable_is_not_guessed(tmp_path: Path) -> None:
    write(tmp_path / "stack.toml", 'name = "${NAME}"\n')
    with pytest.raises(UsageError, match="depends on a variable"):
        lenient_project_name(StackRequest(name=None, environ={}, directory=tmp_path))
    assert lenient_project_name(StackRequest(name="p", environ={}, directory=tmp_path)) == "p"


def test_tables_merge_and_everything_else_is_replaced() -> None:
    below = {"a": {"b": 1, "c": [1, 2]}, "d": {"e": 1}, "f": 1}
    above = {"a": {"c": [3], "g": 2}, "d": 2, "f": {"h": 1}}
    assert merge([below, above]) == {"a": {"b": 1, "c": [3], "g": 2}, "d": 2, "f": {"h": 1}}
    assert below == {"a": {"b": 1, "c": [1, 2]}, "d": {"e": 1}, "f": 1}


@pytest.mark.parametrize("what", ["directory", "loop", "missing.toml"])
def test_a_stack_toml_that_is_no_file_is_not_passed_over(tmp_path: Path, what: str) -> None:
    """Else a stack.toml further up would be taken for it."""
    (tmp_path / "stack.toml").write_text("")
    here = tmp_path / "below" / "stack.toml"
    here.parent.mkdir()
    if what == "directory":
        here.mkdir()
    else:
        here.symlink_to(here if what == "loop" else what)
    with pytest.raises(UsageError, match=r"below/stack\.toml is not a file"):
        find(here.parent)
