"""The contents of secrets and configs: of a file, of a variable of the caller, or as the stack's file writes them."""

from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

from msgspec import structs

from stackctl.errors import Problem
from stackctl.secret import Secret
from stackctl.spec.model import ConfigSource, FileSource, Stack
from stackctl.spec.source.loading import join, open_file
from stackctl.spec.text.interpolate import RULE, Lookup

LARGEST = 16 << 20
"""Bytes of a content. It is held in memory."""

F = TypeVar("F", bound=FileSource)


def resolve(stack: Stack, lookup: Lookup) -> tuple[Stack, list[Problem]]:
    """Fill in the value of every secret and config that a service or job uses."""
    used = {
        (section, name)
        for service in stack.everything.values()
        for section, name, _ in stack.sources_of(service)
    }
    problems: list[Problem] = []

    def finish(section: str, sources: Mapping[str, F]) -> dict[str, F]:
        finished = dict(sources)
        for name, source in sources.items():
            if (section, name) in used:
                value, found = _read(source, stack.directory, lookup)
                problems.extend(structs.replace(each, path=(section, name, *each.path)) for each in found)
                finished[name] = structs.replace(source, value=value)
        return finished

    secrets, configs = finish("secrets", stack.secrets), finish("configs", stack.configs)
    return structs.replace(stack, secrets=secrets, configs=configs), problems


def _read(source: FileSource, directory: Path, lookup: Lookup) -> tuple[Secret | None, list[Problem]]:
    if source.file is not None:
        return _read_file(source.file, directory)
    if source.environment is not None:
        value = lookup.get(source.environment)
        if value is None:
            name = source.environment
            return None, [Problem(("environment",), lookup.unset(name), lookup.near(name), RULE)]
        return Secret(value), []
    content = source.content if isinstance(source, ConfigSource) else None
    return (None if content is None else Secret(str(content))), []


def _read_file(name: str, directory: Path) -> tuple[Secret | None, list[Problem]]:
    def wrong(why: str, hint: str = "") -> tuple[None, list[Problem]]:
        return None, [Problem(("file",), f"the file {name!r} {why}", hint)]

    try:
        with open_file(join(directory, Path(name))) as file:
            data = file.read(LARGEST + 1)
    except FileNotFoundError:
        return wrong("does not exist", "create it; paths are relative to the stack's file")
    except IsADirectoryError:
        return wrong("is a directory", "name a file")
    except OSError as error:
        return wrong(f"cannot be read: {error.strerror}")
    if len(data) > LARGEST:
        return wrong(f"is larger than {LARGEST >> 20} MiB", "mount it as a volume")
    return Secret(data.decode(errors="surrogateescape")), []
