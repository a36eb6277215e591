"""The settings for the stacks of a test run. Each field is a fixture's argument, a command line option and an ini key at once.

An argument wins over the command line, the command line over an environment variable, the variable over the ini file.
"""

from __future__ import annotations

import argparse
import dataclasses
import math
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from stackctl.errors import UsageError
from stackctl.spec.source.discovery import COMPOSE_NAMES, NAME

PREFIX = "stack_"
_YES = ("1", "true", "yes", "on")
_NO = ("", "0", "false", "no", "off")


def setting(
    doc: str, default: Any, *, choices: tuple[str, ...] = (), variable: str = "", ini: str = ""
) -> Any:
    """Declare a setting: its help line, its choices, the environment variable that also sets it, and its type in the ini file if
    that does not follow from the default.
    """
    return dataclasses.field(
        default=default, metadata={"doc": doc, "choices": choices, "variable": variable, "ini": ini}
    )


@dataclass(frozen=True, kw_only=True)
class PluginSettings:
    """The settings for the stacks of a test run."""

    file: tuple[str, ...] = setting(
        "The stack's file, a later one laid over it (stack.toml or compose.yaml beside the ini file, or in tests/ there).",
        (),
        variable="STACKCTL_FILE",
    )
    project: str = setting("The project's name (the stack's, with the run's id).", "")
    profiles: tuple[str, ...] = setting("Profiles to enable.", ())
    services: tuple[str, ...] = setting("Only these services, and what they depend on.", ())
    scope: str = setting(
        "How long a stack lives: session, package, module, class or function (session).",
        "session",
        choices=("session", "package", "module", "class", "function"),
    )
    autouse: bool = setting("Every test uses the stack, also one that does not ask for it.", False)
    env: tuple[str, ...] = setting(
        "A variable that is set before conftest files and settings are imported: NAME=${services.db.url}."
        " These are laid over tests.environment of the file.",
        (),
        ini="linelist",
    )
    ports: str = setting(
        "The host ports: free ones, or those of the file (free).", "free", choices=("free", "file")
    )
    xdist: str = setting(
        "With several workers: one stack shared by all, or one per-worker (shared).",
        "shared",
        choices=("shared", "per-worker"),
    )
    reuse: bool = setting(
        "Leave the stack running for the next test run, which recreates only what has changed; its data stay."
        " In CI only the command line, a variable or an argument turns it on.",
        False,
        variable="STACKCTL_REUSE",
    )
    recreate: bool = setting("With reuse: begin with a new stack.", False)
    keep: str = setting(
        "Leave the stack on the engine afterwards: always, when a test failed, or never (never).",
        "never",
        choices=("never", "failed", "always"),
        variable="STACKCTL_KEEP",
    )
    external: bool = setting("Use a project that runs already; never start or stop it.", False)
    build: bool = setting("Build images again, in case something has changed (yes).", True)
    memory: bool = setting(
        "Keep the data of known servers in memory: faster, and gone when a container stops.", False
    )
    durable: bool = setting("Let known servers write their data as safely as in production: slower.", False)
    allow_external_volumes: bool = setting("Let tests write to volumes that are not the stack's own.", False)
    allow_data_binds: bool = setting(
        "Let tests write to directories of the host that hold a server's data.", False
    )
    timeout: float = setting("Seconds that each service may take to be ready (120).", 120.0)
    logs: str = setting(
        "Whose report shows what the services wrote meanwhile: failed tests, all, or none (failed).",
        "failed",
        choices=("failed", "all", "none"),
    )
    logs_tail: int = setting("Lines of each service in a report, at most (200).", 200)
    logs_dir: str = setting("A directory for the whole logs of the tests that logs selects.", "")
    no_docker: str = setting("Without an engine: fail, or skip (fail).", "fail", choices=("fail", "skip"))

    @property
    def environment(self) -> dict[str, str]:
        """The variables of `env`, whose references are not resolved. Raises UsageError for a text that is no variable."""
        for text in self.env:
            if "=" not in text:
                raise UsageError(f"{PREFIX}env: {text!r} is no variable", "write NAME=value")
        return dict(text.split("=", 1) for text in self.env)

    def __post_init__(self) -> None:
        """Check the values. Raises UsageError for one that is none of the choices, or a time without an end."""
        if not math.isfinite(self.timeout):
            raise UsageError(f"{PREFIX}timeout: {self.timeout} is no number of seconds", "see pytest --help")
        for field in fields():
            value, choices = getattr(self, field.name), field.metadata["choices"]
            if choices and value not in choices:
                raise UsageError(
                    f"{PREFIX}{field.name}: {value!r} is none of {', '.join(choices)}", "see pytest --help"
                )


def files(settings: PluginSettings, directory: Path) -> tuple[Path, ...]:
    """The files that are set, relative to the ini file; else the one of `usual_files` that is there; () if there is none."""
    if settings.file:
        return tuple(directory / file for file in settings.file)
    return tuple([path for path in usual_files(directory) if path.is_file()][:1])


def usual_files(directory: Path) -> tuple[Path, ...]:
    """Where a stack's file is looked for, in this order."""
    return tuple(
        folder / name for folder in (directory, directory / "tests") for name in (NAME, *COMPOSE_NAMES)
    )


def fields() -> tuple[dataclasses.Field[Any], ...]:
    return dataclasses.fields(PluginSettings)


def add_options(parser: pytest.Parser) -> None:
    """An option and an ini key for each setting."""
    group = parser.getgroup("stack", "stacks of containers (stackctl)")
    for field in fields():
        doc, kind = field.metadata["doc"], _kind(field)
        more: dict[str, Any] = {"type": kind}
        if kind is bool:
            more = {"action": argparse.BooleanOptionalAction}
        elif kind is tuple:
            more = {"action": "append", "metavar": field.name.rstrip("s").upper()}
        elif field.metadata["choices"]:
            more = {"choices": field.metadata["choices"]}
        group.addoption(option(field), dest=PREFIX + field.name, default=None, help=doc, **more)
        ini: Any = field.metadata["ini"] or (
            "bool" if kind is bool else "args" if kind is tuple else "string"
        )
        parser.addini(PREFIX + field.name, doc, type=ini, default=None)


def read(config: pytest.Config, environ: Mapping[str, str] = os.environ) -> PluginSettings:
    """The settings that are given. Raises UsageError for a value that cannot be read."""
    return PluginSettings(**dict(_given(config, environ)))


def _given(config: pytest.Config, environ: Mapping[str, str]) -> Iterator[tuple[str, Any]]:
    for field in fields():
        name, variable = field.name, field.metadata["variable"]
        value, base = _option(config, PREFIX + name), config.invocation_params.dir
        if value is None and variable and variable in environ:
            value = _understood(variable, environ[variable], field)
        if value is None and not (name == "reuse" and environ.get("CI")):
            value, base = config.getini(PREFIX + name), config.rootpath
        if value in (None, "", []):  # pytest 7 calls an ini key that is not there an empty list
            continue
        if _kind(field) in (int, float):
            value = _understood(PREFIX + name, value, field)
        if name == "file":
            value = [str(base / file) for file in value]
        yield name, tuple(value) if _kind(field) is tuple else value


def _option(config: pytest.Config, name: str) -> Any:
    """The value of an option. Before conftest files are imported, pytest has only looked for the options that it knows by then."""
    value = config.getoption(name, None)
    return getattr(config.known_args_namespace, name, None) if value is None else value


def _understood(where: str, value: Any, field: dataclasses.Field[Any]) -> Any:
    """The value that a text means. Raises UsageError."""
    kind = _kind(field)
    if kind is tuple:
        return tuple(str(value).split(os.pathsep))
    if kind is bool:
        if str(value).lower() in (*_YES, *_NO):
            return str(value).lower() in _YES
        raise UsageError(f"{where}: {value!r} is neither yes nor no", "write 1 or 0")
    try:
        return kind(value)
    except ValueError as error:
        raise UsageError(f"{where}: {value!r} is no number", "write one") from error


def _kind(field: dataclasses.Field[Any]) -> type:
    return type(field.default)


def option(field: dataclasses.Field[Any]) -> str:
    """The option: `--stack-no-docker`. An option that is given once for each value has a name for one: `--stack-profile`."""
    name = field.name.rstrip("s") if _kind(field) is tuple else field.name
    return "--stack-" + name.replace("_", "-")
