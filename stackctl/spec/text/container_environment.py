"""The environment and the labels of each container: `environment` wins over the `env_file`s, and a later file wins over an earlier one.

A name without a value takes the value of the caller. If the caller has none, the variable is removed, even if the image
sets it (as in Compose). Labels come from `labels` and each `label_file` in the same way.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

from msgspec import structs

from stackctl.errors import Key, Problem
from stackctl.spec.model import EnvFile, Hook, InitHook, Service, Stack
from stackctl.spec.source.locate import Source
from stackctl.spec.text.dotenv import inherit, parse, parse_raw
from stackctl.spec.text.interpolate import Lookup, Variables
from stackctl.spec.text.parts import Text
from stackctl.spec.values import Variable

H = TypeVar("H", Hook, InitHook)
ReadFile = Callable[[str], tuple[Source | None, list[Problem]]]
"""Reads a file, whose name is relative to the stack's directory. Gives None and no problem if there is no such file."""


def resolve(
    stack: Stack, lookup: Lookup, read_file: ReadFile, *, strict: bool
) -> tuple[Stack, list[Problem]]:
    """Fill in `resolved` and the labels from files of every service and job, and the build arguments that take their value from the caller."""
    problems: list[Problem] = []

    def finish(section: str, services: Mapping[str, Any]) -> dict[str, Any]:
        finished = {}
        for name, service in services.items():
            finished[name], found = _finish(service, (section, name), lookup, read_file, strict=strict)
            problems.extend(found)
        return finished

    services, jobs = finish("services", stack.services), finish("jobs", stack.jobs)
    return structs.replace(stack, services=services, jobs=jobs), problems


def _finish(
    service: Service, path: tuple[Key, ...], lookup: Lookup, read_file: ReadFile, *, strict: bool
) -> tuple[Service, list[Problem]]:
    own = own_values(service, lookup)
    problems: list[Problem] = []
    filed: dict[str, str] = {}
    for values, found in file_values(service, path, lookup, read_file, strict=strict):
        filed |= values
        problems += found
    labels: dict[str, Text] = {}
    for n, file in enumerate(service.label_file):
        values, found = _read(EnvFile(path=file), (*path, "label_file", n), lookup, read_file, strict=strict)
        labels |= {name: Text.parse(value) for name, value in values.items()}
        problems += found
    build = service.build
    if build is not None:
        texts = {
            name: arg.text if arg.text is not None else lookup.get(name) for name, arg in build.args.items()
        }
        args = {name: Variable(text) for name, text in texts.items() if text is not None}
        build = structs.replace(build, args=args)
    hooks: dict[str, Any] = {
        key: tuple(_with_values(hook, lookup) for hook in getattr(service, key))
        for key in ("pre_start", "post_start", "pre_stop")
        if getattr(service, key)
    }
    develop = service.develop
    if develop:
        watch = tuple(
            structs.replace(each, exec=_with_values(each.exec, lookup)) if each.exec else each
            for each in develop.watch
        )
        hooks["develop"] = structs.replace(develop, watch=watch)
    labels |= service.labels
    own_fields = {"build": build, "labels": labels, "resolved": {**filed, **own}}
    return structs.replace(service, **own_fields, **hooks), problems


def _with_values(hook: H, lookup: Lookup) -> H:
    """The hook, with the values of the variables that are passed through."""
    environment = {}
    for name, variable in hook.environment.items():
        part = lookup.part(name) if variable.text is None else None
        if part or variable.text is not None:
            environment[name] = Variable(Text.of((part,))) if part else variable
    return structs.replace(hook, environment=environment)


def own_values(service: Service, lookup: Lookup) -> dict[str, str | None]:
    """What the key `environment` says; None for a name that the caller does not set."""
    given = {name: variable.text for name, variable in service.environment.items()}
    return {name: text if text is not None else lookup.get(name) for name, text in given.items()}


def file_values(
    service: Service, path: tuple[Key, ...], lookup: Lookup, read_file: ReadFile, *, strict: bool
) -> Iterator[tuple[dict[str, str], list[Problem]]]:
    """What each `env_file` says, in order, and what is wrong with it."""
    own = {name: text for name, text in own_values(service, lookup).items() if text is not None}
    scope = Lookup((*lookup.sources, Variables("environment", own)))
    for n, env_file in enumerate(service.env_file):
        yield _read(env_file, (*path, "env_file", n), scope, read_file, strict=strict)


def _read(
    env_file: EnvFile, path: tuple[Key, ...], lookup: Lookup, read_file: ReadFile, *, strict: bool
) -> tuple[dict[str, str], list[Problem]]:
    source, problems = read_file(env_file.path)
    if source is None:
        if env_file.required and not problems:
            example, _ = read_file(f"{env_file.path}.example")
            hint = f"copy {env_file.path}.example" if example else "create it, or write required = false"
            problems = [Problem(path, f"the file {env_file.path!r} does not exist", hint)]
        return {}, [structs.replace(problem, path=path) for problem in problems]
    values, flaws = parse_raw(source) if env_file.format == "raw" else parse(source, lookup, strict=strict)
    return inherit(values, lookup), [*problems, *(structs.replace(flaw, path=path) for flaw in flaws)]
