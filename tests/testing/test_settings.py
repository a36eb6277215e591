"""The settings of test runs: an argument goes before the command line, that before a variable, that before the ini file."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from stackctl.errors import UsageError
from stackctl.testing.plugin.settings import PluginSettings, fields, files, option, read


def settings(pytester: pytest.Pytester, *arguments: str, ini: str = "", **environ: str) -> PluginSettings:
    pytester.makeini(f"[pytest]\n{ini}")
    pytester.makefile(".toml", stack='services.web.image = "busybox"')
    return read(pytester.parseconfig(*arguments), environ)


def test_nothing_said_is_the_default(pytester: pytest.Pytester) -> None:
    assert settings(pytester) == PluginSettings()


@pytest.mark.parametrize("field", fields(), ids=lambda field: field.name)
def test_every_setting_is_an_option_and_an_ini_key(
    field: dataclasses.Field[Any], pytester: pytest.Pytester
) -> None:
    choices = field.metadata["choices"]
    usual = {bool: "true", float: "7.5", int: "7"}.get(type(field.default), "X=y")
    text = choices[-1] if choices else usual
    value: Any = {bool: True, float: 7.5, int: 7}.get(type(field.default), text)
    value = (value,) if isinstance(field.default, tuple) else value
    by_ini = settings(pytester, ini=f"stack_{field.name} = {text}")
    given = (option(field),) if isinstance(field.default, bool) else (f"{option(field)}={text}",)
    by_option = settings(pytester, *given)
    found = getattr(by_ini, field.name)
    assert getattr(by_option, field.name) == found
    assert (tuple(Path(file).name for file in found) if field.name == "file" else found) == value


def test_the_command_line_goes_before_a_variable_and_that_before_the_ini_file(
    pytester: pytest.Pytester,
) -> None:
    ini = "stack_keep = never\nstack_reuse = no"
    assert settings(pytester, ini=ini).keep == "never"
    assert settings(pytester, ini=ini, STACKCTL_KEEP="failed").keep == "failed"
    assert settings(pytester, "--stack-keep=always", ini=ini, STACKCTL_KEEP="failed").keep == "always"
    assert settings(pytester, ini=ini, STACKCTL_REUSE="1").reuse
    assert not settings(pytester, "--no-stack-reuse", ini=ini, STACKCTL_REUSE="1").reuse


@pytest.mark.parametrize(
    ("ini", "environ", "arguments", "reuse"),
    [
        ("yes", {}, (), False),
        ("yes", {"STACKCTL_REUSE": "yes"}, (), True),
        ("yes", {}, ("--stack-reuse",), True),
    ],
)
def test_in_ci_reuse_must_be_said_expressly(
    pytester: pytest.Pytester, ini: str, environ: dict[str, str], arguments: tuple[str, ...], reuse: bool
) -> None:
    assert settings(pytester, *arguments, ini=f"stack_reuse = {ini}", CI="1", **environ).reuse == reuse


def test_files_are_relative_to_where_they_are_named(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    below = pytester.mkdir("below")
    assert settings(pytester, ini="stack_file = a.toml b.toml").file == tuple(
        str(pytester.path / f) for f in ("a.toml", "b.toml")
    )
    monkeypatch.chdir(below)
    pytester.chdir = lambda: None  # type: ignore[method-assign]  # stay below
    named = settings(pytester, "--stack-file=c.toml", f"--rootdir={pytester.path}", STACKCTL_FILE="d.toml")
    assert named.file == (str(below / "c.toml"),)
    assert settings(pytester, STACKCTL_FILE="d.toml:e.toml").file == (
        str(below / "d.toml"),
        str(below / "e.toml"),
    )


@pytest.mark.parametrize(
    ("ini", "environ", "said"),
    [
        ("stack_keep = sometimes", {}, "stack_keep: 'sometimes' is none of never, failed, always"),
        ("stack_timeout = inf", {}, "stack_timeout: inf is no number of seconds"),
        ("stack_timeout = soon", {}, "stack_timeout: 'soon' is no number"),
        ("", {"STACKCTL_REUSE": "maybe"}, "STACKCTL_REUSE: 'maybe' is neither yes nor no"),
        ("", {"STACKCTL_KEEP": "maybe"}, "stack_keep: 'maybe' is none of"),
    ],
)
def test_what_cannot_be_understood_is_refused(
    pytester: pytest.Pytester, ini: str, environ: dict[str, str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytester.makeini(f"[pytest]\n{ini}")
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    result = pytester.runpytest_subprocess()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert said in str(result.stderr)
    assert "Traceback" not in str(result.stderr)
    with pytest.raises(UsageError):
        PluginSettings(keep="sometimes")


def test_help_tells_of_every_option(pytester: pytest.Pytester) -> None:
    told = str(pytester.runpytest_subprocess("--help").stdout)
    assert [option(field) for field in fields() if option(field) not in told] == []


def test_the_markers_are_known(pytester: pytest.Pytester) -> None:
    told = str(pytester.runpytest_subprocess("--markers").stdout)
    assert all(f"@pytest.mark.{name}" in told for name in ("stack(", "stack_reset(", "stack_isolated"))


def test_a_file_is_looked_for_here_and_in_tests(tmp_path: Path) -> None:
    assert files(PluginSettings(), tmp_path) == ()
    (tmp_path / "tests").mkdir()
    for name in ("tests/docker-compose.yml", "tests/stack.toml", "compose.yaml", "stack.toml"):
        (tmp_path / name).touch()
        assert files(PluginSettings(), tmp_path) == (tmp_path / name,)
