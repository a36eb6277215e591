"""stackctl version"""

from __future__ import annotations

import json
import platform
from importlib import metadata
from typing import Any

import click

from stackctl.cli.options import pass_settings
from stackctl.cli.settings import Settings
from stackctl.errors import StackError
from stackctl.version import __version__

VERSION = 1
"""The version of the JSON; version 1 only ever gains keys."""


@click.command("version")
@click.option("--short", is_flag=True, help="Only stackctl's own.")
@click.option(
    "-f",
    "--format",
    "form",
    type=click.Choice(["pretty", "json"]),
    default="pretty",
    help="json is Compose's: the version of stackctl alone.",
)
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@pass_settings
def command(settings: Settings, short: bool, form: str, as_json: bool) -> int:
    """Print the versions of stackctl and of the engine

    Put what it prints into a bug report. It is no error if no engine answers.

    \b
    Examples:
      stackctl version
      stackctl version --short
    """
    if short:
        print(__version__)
        return 0
    if form == "json" and not as_json:
        print(json.dumps({"version": f"v{__version__}"}))
        return 0
    engine, problem = _engine(settings)
    found = {
        "stackctl": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "docker_sdk": metadata.version("docker"),
    }
    if as_json:
        print(json.dumps({"version": VERSION, **found, "engine": engine, "problem": problem}, indent=2))
        return 0
    for label, value in zip(("stackctl", "Python", "platform", "Docker SDK"), found.values(), strict=True):
        print(f"{label:<11} {value}")
    print(f"{'engine':<11} {_words(engine) if engine else problem}")
    return 0


def _engine(settings: Settings) -> tuple[dict[str, Any] | None, str]:
    """The engine that answers, or why none does."""
    try:
        engine = settings.engine().observe().engine
    except StackError as error:
        return None, error.message
    api = ".".join(map(str, engine.api))
    return {"name": engine.name, "version": engine.version, "api": api, "endpoint": engine.endpoint}, ""


def _words(engine: dict[str, Any]) -> str:
    return f"{engine['name']} {engine['version']} (API {engine['api']}) at {engine['endpoint']}"
