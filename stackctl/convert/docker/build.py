"""One `docker build` as the table `build` of a service: what each flag becomes, and which secrets it needs."""

from __future__ import annotations

import csv
import io
import posixpath
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from stackctl.convert.bash.script import DockerCommand
from stackctl.convert.bash.shell import Word
from stackctl.convert.docker.flags import BUILD, Option, divide
from stackctl.convert.docker.paths import host_path, named_path
from stackctl.convert.docker.table import Table
from stackctl.convert.unset import is_known, plain
from stackctl.spec import flags
from stackctl.spec.image_ref import ImageRef
from stackctl.spec.model.images import is_remote

_ONLY_SHOWS = frozenset({"disable-content-trust", "force-rm", "load", "progress", "quiet", "rm"})
"""What changes neither the image nor how it is built."""
_OTHER = {"push": "`stackctl push` sends the image to its registry"}
_STDIN = "-"
_ARCHIVE = r"\.(tar|tgz|tar\.\w+)$"


class Built(Table):
    """The table of a `docker build`, the names that it gives to the image, and the secrets of the stack that it reads."""

    def __init__(self, command: DockerCommand) -> None:
        super().__init__(command.directory)
        self.command = command
        self.tags: list[Option] = []
        self.secrets: dict[str, dict[str, str]] = {}

    def of(self, image: str) -> dict[str, Any]:
        """The table for a service that runs the image by this name: the other names are further ones."""
        more = [tag.value for tag in self.tags if tagged(plain(tag.value)) != image]
        return self.values | ({"tags": more} if more else {})


def tagged(image: str) -> str:
    """The name of an image with its tag."""
    return ImageRef.parse(image).tagged


def built(command: DockerCommand, words: Sequence[Word]) -> Built:
    """Read a `docker build`; `words` stand behind the verb. Without a context in `values`, it cannot be imported."""
    table = Built(command)
    given = divide(words, BUILD)
    for at, message in given.wrong:
        table.note(at, f"{plain(message)}; the flag is not imported")
    context = given.words[0] if given.words else Word(".", command.words[0].at)
    if not _context(table, context, given.last("file")):
        return table
    for option in given.options:
        _convert(table, option)
    if not table.tags:
        table.note(
            command.words[0].at, "a build without -t: no container of the script can use its image by name"
        )
    return table


def _context(table: Built, context: Word, dockerfile: str) -> bool:
    """Write where the files and the Dockerfile are. Tells whether that is known."""
    at = table.command.words[0].at
    if is_remote(context.text):
        table.set("context", context.text, context.at)
        if dockerfile:
            table.set("dockerfile", dockerfile, at)
        return True
    from_stdin = _STDIN in (context.text, dockerfile)
    path = named_path("." if context.text == _STDIN else context.text, table.directory)
    table.set("context", path, context.at)
    if from_stdin:
        return _from_stdin(table, path)
    if dockerfile:
        table.set("dockerfile", _inside(path, host_path(dockerfile, table.directory)), at)
    return True


def _inside(context: str, dockerfile: str) -> str:
    known = is_known(dockerfile + context) and dockerfile[0] == context[0]
    return posixpath.relpath(dockerfile, context) if known else dockerfile


def _from_stdin(table: Built, path: str) -> bool:
    """Write the Dockerfile that the command reads from its standard input."""
    command, at = table.command, table.command.words[0].at
    given = command.stdin
    if given.file and not re.search(_ARCHIVE, plain(given.file)):
        table.set("dockerfile", _inside(path, named_path(given.file, command.directory)), at)
        return True
    if given.text is not None:
        table.set("dockerfile_inline", given.text, at)
        return True
    del table.values["context"]
    table.note(
        at, "a build from what another command prints is not imported: write the text into a Dockerfile"
    )
    return False


def _convert(table: Built, option: Option) -> None:
    name, value, at = option.name, option.value, option.at
    if name in _SPECIAL:
        _SPECIAL[name](table, option)
    elif flag := flags.by_name("build").get(name):
        table.take(flag, option)
    elif name not in _ONLY_SHOWS and name != "file":
        shown = f"--{name} {plain(value)}" if value != "true" else f"--{name}"
        table.note(
            at, f"{shown} of docker build is not imported: {_OTHER.get(name, 'a stack has no key for it')}"
        )


def _tag(table: Built, option: Option) -> None:
    table.tags.append(option)


def _argument(table: Built, option: Option) -> None:
    name, equals, value = option.value.partition("=")
    table.put("args", plain(name), value if equals else {"from_env": True}, option.at)


def _build_context(table: Built, option: Option) -> None:
    name, _, place = option.value.partition("=")
    is_path = "://" not in place and not is_remote(place)
    table.put(
        "additional_contexts",
        plain(name),
        named_path(place, table.directory) if is_path else place,
        option.at,
    )


def _secret(table: Built, option: Option) -> None:
    """`--secret id=NAME,src=PATH`, `id=NAME,env=VARIABLE`, or `id=NAME` alone: a variable of this name, else a file."""
    fields = dict(part.partition("=")[::2] for part in next(csv.reader(io.StringIO(option.value)), []))
    name = plain(fields.get("id", ""))
    file = fields.get("src", fields.get("source", ""))
    variable = fields.get("env", "")
    if not name:
        table.note(option.at, f"--secret {plain(option.value)} is not imported: it has no id")
        return
    if file and fields.get("type") == "env":
        file, variable = "", file
    if not file and not variable:
        is_variable = fields.get("type") == "env" or re.fullmatch("[A-Z_][A-Z0-9_]*", name)
        file, variable = ("", name) if is_variable else (name, "")
    table.secrets[name] = (
        {"environment": variable} if variable else {"file": named_path(file, table.directory)}
    )
    table.append("secrets", name, option.at)


_SPECIAL: Mapping[str, Callable[[Built, Option], None]] = {
    "tag": _tag,
    "build-arg": _argument,
    "build-context": _build_context,
    "secret": _secret,
}
