"""Where each variable of a container gets its value, and what that value hides.

The order is that of the engine and of Compose: `environment`, then the `env_file`s (the last one first), then the image.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal

from msgspec import Struct

from stackctl.errors import Problem
from stackctl.spec.model import Service, Stack
from stackctl.spec.source.locate import place_all
from stackctl.spec.source.reading import Written, variables_files
from stackctl.spec.source.request import StackRequest
from stackctl.spec.text.container_environment import file_values
from stackctl.spec.text.dotenv import key_lines
from stackctl.spec.text.interpolate import Lookup
from stackctl.spec.text.parts import VariableOrigin, parts

Kind = Literal["environment", "shell", "variables", "env_file", "image"]


class Setting(Struct, frozen=True):
    """A place that sets a variable, and the value there; None if it takes the variable away."""

    kind: Kind
    """`shell` and `variables` (a `.env` or a file of `--env-file`) for a variable that is passed through."""
    source: str
    """`stack.toml:12`, `app.env:3`, `redis:7`, `shell`, `.env`."""
    value: str | None
    variables: tuple[VariableOrigin, ...] = ()
    """The variables that are filled into the value."""


class EnvironmentVariable(Struct, frozen=True):
    """A variable of a container: the setting that counts, and those that it hides, the nearest first."""

    name: str
    setting: Setting
    shadowed: tuple[Setting, ...]


def environment_variables(
    stack: Stack,
    name: str,
    written: Written,
    request: StackRequest,
    image: Mapping[str, str],
    ref: str,
) -> tuple[EnvironmentVariable, ...]:
    """The variables of a service's container by name. `image` are the variables of its image, which `ref` names."""
    service = stack.everything[name]
    section = "services" if name in stack.services else "jobs"
    layers = [
        dict(_own(stack, service, (section, name), written.lookup)),
        *reversed([*_files(service, (section, name), written, request)]),
        {key: Setting("image", ref, value) for key, value in image.items()},
    ]
    names = sorted({key for layer in layers for key in layer})
    found = ((key, [layer[key] for layer in layers if key in layer]) for key in names)
    return tuple(EnvironmentVariable(key, first, tuple(rest)) for key, (first, *rest) in found)


def _own(
    stack: Stack, service: Service, path: tuple[str, str], lookup: Lookup
) -> Iterator[tuple[str, Setting]]:
    problems = [Problem((*path, "environment", key), "") for key in service.environment]
    places = {str(each.path[-1]): each.place for each in place_all(problems, stack.sources)}
    for key, variable in service.environment.items():
        at = places.get(key)
        where = f"{at.file}:{at.line}" if at and at.line else "environment"
        if variable.text is not None:
            origins = (part.variable for part in parts(variable.text) if part.variable)
            yield key, Setting("environment", where, variable.text, tuple(dict.fromkeys(origins)))
        elif source := lookup.source(key):
            kind: Kind = "shell" if source.name == "shell" else "variables"
            yield key, Setting(kind, source.name, source.values[key])
        else:
            yield key, Setting("environment", where, None)


def _files(
    service: Service, path: tuple[str, str], written: Written, request: StackRequest
) -> Iterator[dict[str, Setting]]:
    read_file = variables_files(written, request)
    found = file_values(service, path, written.lookup, read_file, strict=False)
    for env_file, (values, _) in zip(service.env_file, found, strict=True):
        source, _ = read_file(env_file.path)
        lines = key_lines(source.text, raw=env_file.format == "raw") if source else {}
        yield {
            key: Setting("env_file", f"{source.file if source else env_file.path}:{lines.get(key, 1)}", value)
            for key, value in values.items()
        }
