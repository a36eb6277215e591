"""The check that a service gets because the script waits for it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping

from msgspec import Struct

from stackctl.convert.bash.script import DockerCommand
from stackctl.convert.docker.questions import AskedContainer, AskedState
from stackctl.convert.docker.table import Path, Table
from stackctl.convert.unset import plain
from stackctl.spec.known import KnownImage
from stackctl.spec.known_images import KnownImages

_NO_PROGRAMS = frozenset({"quiet", "silent", "HOSTNAME", "adminCommand"})
"""Words in the probes of known images that are no programs."""


class Container(Struct):
    """A container that the script makes. `section` is `services` or `jobs`."""

    name: str
    section: str
    table: Table
    command: DockerCommand
    detached: bool
    named: bool
    """Whether the command gives the name. Else docker makes one up."""

    @property
    def path(self) -> Path:
        return (self.section, self.name)


def target(container: Container, called: Mapping[str, str]) -> AskedContainer:
    """The container as questions reach it. `called`: the keys of the containers by their names."""
    names = {name for name, key in called.items() if key == container.name} | {container.name}
    for network in container.table.values.get("networks", {}).values():
        names |= {plain(alias) for alias in network.get("aliases", ())}
    ports = (
        re.fullmatch(r"(?:.*:)?(\d+):(\d+)(?:/tcp)?", port)
        for port in map(plain, container.table.values.get("ports", ()))
    )
    return AskedContainer(
        container.name, frozenset(names), {int(port[1]): int(port[2]) for port in ports if port}
    )


def check(container: Container, asked: AskedState, at: int, images: KnownImages, *, exported: bool) -> str:
    """Give a service the check that asks what the script asks, unless `up` asks it by itself. Tells what `up` does.

    `exported`: stackctl has written the script.
    """
    values = container.table.values
    there = values.get("healthcheck", {})
    usual = "dropped, `up` waits by itself"
    test = asked.check.get("test")
    if asked.state == "ended":
        return "it is a job, and `up` waits for its end"
    if not asked.check or there.keys() & {"tcp", "http", "log", "disable"}:
        return usual
    if "test" in there:
        words = test[1:] if isinstance(test, list) else ["/bin/sh", "-c", test or ""]
        if exported and shlex.join(words) == there["test"]:
            there["test"] = ["CMD", *words]
        return usual
    if known := known_server(container, images):
        # In a script that was exported, a check of the file stands in --health-cmd, too.
        same = test and (exported or _asks_the_same(test, known))
        if same or asked.check.get("tcp") in (known.port, *known.ports):
            return f"dropped, `up` asks {known.name} until it answers"
    published = {re.sub("/tcp$", "", plain(port).rpartition(":")[2]) for port in values.get("ports", ())}
    if str(asked.check.get("tcp")) in published:
        return "dropped, `up` waits until its published ports answer"
    for key, value in asked.check.items():
        container.table.put("healthcheck", key, value, at)
    return "it becomes the health check"


def known_server(container: Container, images: KnownImages) -> KnownImage | None:
    """The known image whose server the container runs, if `up` knows how to ask it."""
    values = container.table.values
    command, entrypoint = (
        [plain(word) for word in values[key]] if key in values else None for key in ("command", "entrypoint")
    )
    known = images.of(plain(values["image"]))
    return known if known and known.protocol and known.runs_server(command, entrypoint) else None


def _asks_the_same(test: str | list[str], known: KnownImage) -> bool:
    """Whether the check of a known image makes this one needless."""
    words = test if isinstance(test, str) else " ".join(test)
    programs = re.findall(r"[\w-]{5,}", " ".join(known.probe))
    return any(program in words for program in programs if program not in _NO_PROGRAMS)
