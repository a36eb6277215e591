"""What `stackctl init` and `stackctl add` write: services of known images, and one that is built from the Dockerfile."""

import json
import re
from collections.abc import Container, Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from stackctl.errors import UsageError
from stackctl.spec.image_ref import ImageRef, is_reference
from stackctl.spec.known import KnownImage
from stackctl.spec.known_images import BUILT_IN, starters
from stackctl.spec.model.keys import resource_name
from stackctl.spec.text.interpolate import variables
from stackctl.spelling import did_you_mean

SCHEMA = "stack.schema.json"
DATABASE = "DATABASE_URL"

_SQL = ("postgresql", "mysql")
_HEADING = """\
# `stackctl up` starts this in order, and waits until each part is ready.
# `stackctl down` removes it and keeps the data.
"""


class Starter(Struct, frozen=True):
    """The text of a stack.toml, and the names of the secrets that it reads from `.env`."""

    text: str
    secrets: tuple[str, ...]


def starter(
    project: str, images: Sequence[str] = (), dockerfile: str | None = None, *, schema: bool = True
) -> Starter:
    """Write a stack.toml.

    Args:
        project: the project's name.
        images: names of known images, with a tag or without: `postgres`, `redis:7`.
        dockerfile: the text of the Dockerfile beside the stack.toml; None if there is none.
        schema: whether the first line names the schema for editors.

    Raises:
        UsageError: an image is not known, has no starter, or is given twice.
    """
    chosen = [pick(image) for image in images]
    names = [each.name for each in chosen]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise UsageError(f"{twice} is given twice", "name each image once")
    parts = [
        "#:schema ./stack.schema.json\n" if schema else "",
        _HEADING,
        f"name = {_toml(project)}\n",
        *(_table(each) for each in chosen),
    ]
    if dockerfile is not None:
        parts.append(_api(dockerfile, chosen))
    else:
        parts += [_example(chosen)] if chosen else [_table(pick("nginx")), _example(())]
    parts += [f"[volumes.{volume_of(each.name)}]\n" for each in chosen if "volumes" in each.service]
    return Starter("\n".join(filter(None, parts)), tuple(_secrets(chosen)))


class Pick(Struct, frozen=True):
    """A known image that the user asked for: the name and the table of its service, and what is known about the image."""

    name: str
    service: Mapping[str, Any]
    known: KnownImage

    @property
    def volume(self) -> str:
        """The name of the volume with its data; "" if it has none."""
        return volume_of(self.name) if "volumes" in self.service else ""

    @property
    def text(self) -> str:
        """Its service as a stack.toml says it."""
        return _table(self)

    def variable(self, taken: Container[str] = ()) -> str:
        """The variable that tells others where the server is. For an SQL database it is DATABASE_URL, the name that frameworks expect,
        unless that is taken.
        """
        if self.known.scheme in _SQL and DATABASE not in taken:
            return DATABASE
        return re.sub(r"\W", "_", self.name).upper() + "_URL"

    @property
    def variables(self) -> tuple[str, ...]:
        """The variables that it reads from `.env`."""
        return tuple(_secrets([self]))


def pick(image: str, name: str | None = None, *, volume: bool | None = None) -> Pick:
    """A service of a known image.

    Args:
        image: the name of a known image, with a tag or without: `postgres`, `redis:7`.
        name: the name of the service; None: that of the image.
        volume: whether it keeps its data in a volume; None: if it keeps data by itself.

    Raises:
        UsageError: the image is not known, or has no data to keep; the name is none.
    """
    server, colon, tag = image.partition(":")
    known = BUILT_IN.of(image)
    if server in starters():
        service = dict(starters()[server])
        if colon:
            service["image"] = f"{ImageRef.parse(service['image']).name}:{tag}"
    elif known and known.name in starters():
        server = known.name
        service = {**starters()[server], "image": image}
    else:
        there = ", ".join(sorted(starters()))
        hint = did_you_mean(server, starters(), "add what else you need to the stack.toml by hand")
        raise UsageError(f"stackctl does not know {image!r}; it knows {there}", hint)
    if not is_reference(service["image"]):
        raise UsageError(f"{image!r} is not the name of an image")
    try:
        resource_name(name or server)
    except ValueError as error:
        raise UsageError(str(error), "name the service with --name NAME") from None
    known = BUILT_IN.of(service["image"])
    assert known is not None
    name = name or server
    service = {key: _named(value, name) for key, value in service.items()}
    if volume and not known.data_paths(service.get("environment", {}), service.get("command")):
        service |= _keeping(known, image)
    paths = known.data_paths(service.get("environment", {}), service.get("command"))
    if paths and volume is not False:
        service["volumes"] = [f"{volume_of(name)}:{paths[0]}"]
    return Pick(name, service, known)


def _named(value: Any, name: str) -> Any:
    match value:
        case str():
            return value.replace("{name}", name)
        case list():
            return [_named(each, name) for each in value]
        case dict():
            return {key: _named(each, name) for key, each in value.items()}
    return value


def _keeping(known: KnownImage, image: str) -> dict[str, Any]:
    """The command with which a server that is a cache by itself keeps its data."""
    option = next((source.removesuffix(" *") for source in known.data_if if source.startswith("--")), None)
    if option is None or not known.data:
        raise UsageError(f"{image} keeps no data that stackctl knows of", "leave --volume out")
    return {"command": [known.programs[0], option, "yes"]}


def volume_of(name: str) -> str:
    """The name of the volume of a service."""
    return f"{name}-data"


def _secrets(chosen: Sequence[Pick]) -> Iterator[str]:
    for each in chosen:
        for value in each.service.get("environment", {}).values():
            yield from (name for name, _ in variables(value))


def _table(pick: Pick) -> str:
    lines = [f"[services.{key_text(pick.name)}]"]
    for key, value in pick.service.items():
        if key != "environment":
            lines.append(f"{key} = {_toml(value)}{_comment(key, value)}")
    return "\n".join(lines) + "\n" + _environment(pick.name, pick.service.get("environment", {}))


def _comment(key: str, value: Any) -> str:
    match key, value:
        case "volumes", _:
            return "  # `down` keeps it"
        case "hostname", _:
            return "  # the data are stored under this name"
        case "ports", [str(port)]:
            return f"  # http://127.0.0.1:{port.partition(':')[0]}"
    return ""


def _environment(name: str, values: Mapping[str, str]) -> str:
    if not values:
        return ""
    lines = [f"\n[services.{key_text(name)}.environment]"]
    for key, value in values.items():
        note = "  # from .env, which git does not track" if "$" in value else ""
        lines.append(f"{key_text(key)} = {_toml(value)}{note}")
    return "\n".join(lines) + "\n"


def _api(dockerfile: str, chosen: Sequence[Pick]) -> str:
    """The service that is built from the Dockerfile."""
    exposed = re.search(r"^\s*EXPOSE\s+(\d+)", dockerfile, re.IGNORECASE | re.MULTILINE)
    port = exposed[1] if exposed else "8000"
    lines = [
        "[services.api]",
        'build = "."  # the directory of the Dockerfile',
        f'{"" if exposed else "# "}ports = ["{port}:{port}"]  # host:container, on 127.0.0.1 alone',
        f'# healthcheck = {{ http = ":{port}/health" }}  # ready when this answers 200',
        *_where(chosen),
    ]
    return "\n".join(lines) + "\n"


def _example(chosen: Sequence[Pick]) -> str:
    """A comment that shows what a service of the user may look like."""
    lines = [
        "A service of your own; `build` names the directory of its Dockerfile:",
        "",
        "[services.api]",
        'build = "."',
        'ports = ["8000:8000"]',
        'healthcheck = { http = ":8000/health" }',
        *_where(chosen),
    ]
    return "".join(f"# {line}".rstrip() + "\n" for line in lines)


def _where(chosen: Sequence[Pick]) -> Iterator[str]:
    """The environment that tells a service where the others are. The first SQL database becomes DATABASE_URL, the name that
    frameworks expect.
    """
    servers = [each for each in chosen if "ports" not in each.service]
    database = next((each for each in servers if each.known.scheme in _SQL), None)
    if servers:
        yield ""
        yield "[services.api.environment]  # stackctl fills these in; api waits until these services are ready"
    for each in servers:
        variable = each.variable(() if each is database else (DATABASE,))
        yield f'{variable} = "${{services.{each.name}.url}}"'


def key_text(name: str) -> str:
    """A key as TOML writes it."""
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else _toml(name)


def _toml(value: str | list[str]) -> str:
    return json.dumps(value, ensure_ascii=False)
