"""stackctl config"""

from __future__ import annotations

import json
import sys
from collections.abc import Collection, Mapping
from typing import Any

import click
import tomli_w
from msgspec.structs import replace

from stackctl.cli.options import output_option, pass_settings, services_argument
from stackctl.cli.output import write_text
from stackctl.cli.settings import Settings
from stackctl.errors import UsageError
from stackctl.planner.world.desire import desire
from stackctl.planner.world.desired import Desired
from stackctl.show.tables import variables_text
from stackctl.show.text.style import Style, columns
from stackctl.spec.model import Stack
from stackctl.spec.output.redact import redacted
from stackctl.spec.output.write import plain, toml, understood
from stackctl.spec.scaling import one_each
from stackctl.spec.source.discovery import is_compose, locations
from stackctl.spec.source.reading import Written, gather, placing
from stackctl.spec.text.parts import pending
from stackctl.spec.text.variables import mentions

VERSION = 1
"""The version of the JSON; version 1 only ever gains keys."""

_OF_COMPOSE = ("services", "images", "volumes", "networks")
"""The lists that have Compose's order and extent for compose files."""

View = tuple[dict[str, Any], str]
"""One answer in two forms: JSON and text."""

_HIDDEN = "# Secrets are shown as dots; --show-secrets shows them.\n\n"


@click.command("config")
@services_argument
@click.option("-q", "--quiet", "view", flag_value="quiet", help="Print nothing, only check.")
@click.option("--services", "view", flag_value="services", help="The names of services and jobs.")
@click.option("--images", "view", flag_value="images", help="The images.")
@click.option("--volumes", "view", flag_value="volumes", help="The names of volumes.")
@click.option("--networks", "view", flag_value="networks", help="The names of networks.")
@click.option("--profiles", "view", flag_value="profiles", help="The names of profiles.")
@click.option(
    "--variables", "view", flag_value="variables", help="The variables: value, and where it is set."
)
@click.option(
    "--environment", "view", flag_value="environment", help="The variables that files can use, in clear text."
)
@click.option("--hash", "hashed", metavar="SERVICE|*", help="The digest that decides what is recreated.")
@click.option(
    "--no-interpolate", is_flag=True, help="As it is written, files merged, variables not filled in."
)
@click.option("--show-secrets", is_flag=True, help="Passwords and the like in clear text.")
@click.option("--strict", is_flag=True, help="Warnings are errors, too.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["toml", "json", "yaml"]),
    help="json, yaml: as `docker compose config` prints it, secrets in clear text.",
)
@click.option("--json", "as_json", is_flag=True, help="Everything, in stackctl's own JSON.")
@output_option
@pass_settings
def command(
    settings: Settings,
    /,
    services: tuple[str, ...],
    view: str | None,
    hashed: str | None,
    form: str | None,
    output: str,
    *,
    no_interpolate: bool,
    show_secrets: bool,
    strict: bool,
    as_json: bool,
) -> int:
    """Show the stack as it is understood, variables filled in

    Reports every mistake at once, with its place; then the exit code is 2. What it prints stackctl can read again. Services that
    no active profile enables are left out. Paths stay relative to the stack.toml. A compose.yaml is shown as Docker Compose shows it.
    So is a stack.toml with --format yaml or json, which programs read: every value in its long form, and secrets in clear text.

    \b
    Examples:
      stackctl config -q               is everything right?
      stackctl config api              one service and what it depends on
      stackctl config --variables      what comes from .env, what from the shell?
      stackctl config --format json    as `docker compose config --format json`
      stackctl config --json | jq .stack.services.api.environment
    """
    settings = settings.of_file()
    composed = form in ("json", "yaml") or (form is None and _is_compose(settings))
    if composed and not (view or hashed or no_interpolate or as_json):
        from stackctl.cli.composed_config import composed_config

        text = composed_config(settings, services, form or "yaml", secrets=show_secrets or form is not None)
        write_text(output, text, secret=True)
        return 0
    if view == "environment":
        data, text = _environment(_written(settings))
    elif view == "variables":
        data, text = _variables(_written(settings), show_secrets=show_secrets)
    elif no_interpolate:
        data, text = _merged(_written(settings), show_secrets=show_secrets)
    elif view in _OF_COMPOSE and (names := _names_of_compose(settings, services, view)) is not None:
        data, text = {view: names}, "".join(f"{name}\n" for name in names)
    else:
        stack, desired = _checked(settings, services, strict=strict)
        if view == "quiet":
            return 0
        if hashed is not None:
            data, text = _hashes(desired, hashed)
        elif view:
            names = _names(view, stack, desired)
            data, text = {view: names}, "".join(f"{name}\n" for name in names)
        else:
            data, text = _whole(_narrowed(stack, _chosen(desired)), show_secrets=show_secrets)
    if as_json or form == "json":
        text = json.dumps({"version": VERSION, **data}, indent=2) + "\n"
    write_text(output, text, secret=show_secrets or view == "environment")
    return 0


def _checked(settings: Settings, services: tuple[str, ...], *, strict: bool) -> tuple[Stack, Desired]:
    """The stack, and what the services asked for come to. Raises SpecError for every mistake that stops `up`."""
    stack = settings.load_asked(services, strict=strict)
    with placing(stack):
        return stack, desire(one_each(stack), instance="", services=services, profiles=settings.profiles)


def _narrowed(stack: Stack, chosen: Collection[str]) -> Stack:
    """The stack without the services that were not chosen."""

    def only(everything: Mapping[str, Any]) -> dict[str, Any]:
        return {
            name: replace(service, depends_on={k: v for k, v in service.depends_on.items() if k in chosen})
            for name, service in everything.items()
            if name in chosen
        }

    environment = {
        name: text
        for name, text in stack.tests.environment.items()
        if all(reference.service in chosen for reference in pending(text))
    }
    tests = replace(stack.tests, environment=environment)
    return replace(stack, services=only(stack.services), jobs=only(stack.jobs), tests=tests)


def _written(settings: Settings) -> Written:
    return gather(settings.request(), fill=False)


def _whole(stack: Stack, *, show_secrets: bool) -> View:
    stack = understood(stack)
    long, short = plain(stack), plain(stack, short=True)
    shown = short if show_secrets else redacted(short)
    data = {
        "project": stack.project,
        "directory": str(stack.directory),
        "files": [str(file) for file in stack.files],
        "stack": long if show_secrets else redacted(long),
    }
    return data, ("" if shown == short else _HIDDEN) + toml(shown)


def _merged(written: Written, *, show_secrets: bool) -> View:
    found = written.tree if written.said is None else written.said
    tree = found if show_secrets else redacted(found)
    hidden = "" if tree == found else _HIDDEN
    if written.said is None:
        return {"stack": tree}, hidden + tomli_w.dumps(tree)
    from stackctl.teach.compose.yaml import document

    return {"stack": tree}, hidden + document(tree)


def _chosen(desired: Desired) -> set[str]:
    return {container.service for container in desired.containers}


def _names(view: str, stack: Stack, desired: Desired) -> list[str]:
    match view:
        case "services":
            return [name for name in stack.everything if name in _chosen(desired)]
        case "images":
            return [*dict.fromkeys(image.ref for image in desired.images)]
        case "volumes":
            return [*stack.volumes]
        case "networks":
            return [*dict.fromkeys([*(network.key for network in desired.networks), *stack.networks])]
    return sorted({name for each in stack.everything.values() for name in each.profiles})


def _names_of_compose(settings: Settings, services: tuple[str, ...], view: str) -> list[str] | None:
    """The names that Compose lists; None if the stack is not made of compose files."""
    if not _is_compose(settings):
        return None
    from stackctl.cli.composed_config import names_of_compose

    return names_of_compose(settings, services, view)


def _is_compose(settings: Settings) -> bool:
    paths, _ = locations(settings.request())
    return is_compose(paths[0])


def _environment(written: Written) -> View:
    """The variables that can be used in the files, with their values."""
    found: dict[str, str] = {}
    for source in reversed(written.lookup.sources):
        found |= source.values
    if written.said is not None:
        found["COMPOSE_PROJECT_NAME"] = written.tree["name"]
    return {"environment": found}, "".join(f"{name}={found[name]}\n" for name in sorted(found))


def _hashes(desired: Desired, asked: str) -> View:
    digests = {container.service: container.digest for container in desired.containers}
    names = list(digests) if asked == "*" else asked.split(",")
    if unknown := [name for name in names if name not in digests]:
        raise UsageError(f"no such service: {unknown[0]}", f"there are: {', '.join(digests)}")
    shown = {name: digests[name] for name in names}
    return {"hashes": shown}, "".join(f"{name} {digest}\n" for name, digest in shown.items())


def _variables(written: Written, *, show_secrets: bool) -> View:
    rows, data = [], []
    for each in mentions(written.tree if written.said is None else written.said, written.lookup):
        value, default = (
            text if show_secrets else redacted(text, each.name) for text in (each.value, each.default)
        )
        data.append({"name": each.name, "value": value, "source": each.source, "default": default})
        source = each.source or ("not set" if default is None else "default")
        rows.append((each.name, (default if value is None else value) or "", source))
    style = Style(width=columns(sys.stdout))
    return {"variables": data}, f"{variables_text(rows, style=style)}\n" if rows else ""
