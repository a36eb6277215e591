"""Random stacks: few names, ports and volumes, so that they get into each other's way."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any, Protocol, TypeVar

from hypothesis import strategies as st

T = TypeVar("T")

NAMES = ("a", "b", "c", "d")
ANY_OF = range(2001, 2021)
"""Host ports of which the engine chooses one for each container that wants one."""


class Choose(Protocol):
    """Where the choices come from."""

    def one(self, options: Sequence[T]) -> T: ...
    def some(self, options: Sequence[T], most: int) -> list[T]:
        """None to `most` of them, in any order."""
        ...


class Drawn:
    """Choices of hypothesis: it makes them smaller when a test fails."""

    def __init__(self, draw: st.DrawFn) -> None:
        self._draw = draw

    def one(self, options: Sequence[T]) -> T:
        return self._draw(st.sampled_from(options))

    def some(self, options: Sequence[T], most: int) -> list[T]:
        return self._draw(st.lists(st.sampled_from(options), unique=True, max_size=most))


class Dice:
    """Choices that follow from a number: a hundred times as fast."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def one(self, options: Sequence[T]) -> T:
        return self._random.choice(options)

    def some(self, options: Sequence[T], most: int) -> list[T]:
        return self._random.sample(options, self._random.randint(0, min(most, len(options))))


@st.composite
def stacks(draw: st.DrawFn) -> str:
    """A stack of up to four services and jobs that compete for three ports and two names."""
    names = draw(st.lists(st.sampled_from(NAMES), unique=True, min_size=1))
    return stack_text(Drawn(draw), names)


def stack_of(seed: int, size: int, *, rich: bool = True) -> str:
    """The stack that follows from a number, of so many services and jobs."""
    dice = Dice(seed)
    return stack_text(dice, random.Random(seed).sample(NAMES, size), rich=rich)


def stack_text(choose: Choose, names: Sequence[str], *, rich: bool = False) -> str:
    """A stack of these services and jobs. `rich`: also with secrets and hooks."""
    owners = {port: choose.one([*names, None]) for port in (1001, 1002, 1003)}
    called = {choose.one([*names, None]): name for name in ("one", "two")}
    text = ""
    placed: list[str] = []
    for name in names:
        ports = [port for port, owner in owners.items() if owner == name]
        job, given = member(choose, sharable(text, placed), ports, called.get(name))
        if rich:
            given |= extras(choose, job=job)
        placed.append(name)
        text += toml("jobs" if job else "services", name, given)
    for key in ("default", "back"):
        internal, other_name = choose.one([False, True]), choose.one(range(6)) == 5
        text += toml(
            "networks", key, {"internal": internal} | ({"name": f"other_{key}"} if other_name else {})
        )
    text += toml("volumes", "data", {"labels": {"v": choose.one("01")}}) + toml("volumes", "cache", {})
    return text + ('[secrets.pw]\nenvironment = "PW"\n' if rich else "")


def member(
    choose: Choose, before: list[str], ports: list[int], called: str | None
) -> tuple[bool, dict[str, Any]]:
    """A service, or a job (True), that may need the ones before it."""
    job = choose.one(range(5)) == 4
    given: dict[str, Any] = {
        "image": choose.one(["app:1", "app:2"]),
        "environment": {"X": choose.one("01")},
        "volumes": choose.some(["data:/data", "cache:/cache", "/own"], 2),
    }
    scaled = not job and not called and not ports
    if called:
        given["container_name"] = called
    if scaled:
        given["scale"] = choose.one([1, 1, 0, 2, 3])
    if job:
        given["command"] = "true"
    else:
        given["restart"] = choose.one(["no", "always"])
        if choose.one([False, True]):
            given["healthcheck"] = choose.one([{"tcp": 1}, {"test": ["CMD", "true"]}, {"disable": True}])
    needed = choose.some(before, 2) if before else []
    given["depends_on"] = {
        other: {
            "condition": choose.one(["ready", "service_started"]),
            "required": choose.one([False, True]),
            "restart": choose.one([False, True]),
        }
        for other in needed
    }
    if before and not ports and choose.one(range(4)) == 3:
        given["network_mode"] = f"service:{choose.one(before)}"
    else:
        if before and choose.one(range(6)) == 5:
            given["ipc"] = f"service:{choose.one(before)}"
        if before and choose.one(range(6)) == 5:
            given["volumes_from"] = [choose.one(before)]
        given["ports"] = [f"127.0.0.1:{port}:{port}" for port in ports]
        if scaled and choose.one([False, True]):
            given["ports"] = [f"127.0.0.1:{ANY_OF.start}-{ANY_OF.stop - 1}:80"]
        if networks := choose.some(["default", "back"], 2):
            given["networks"] = {key: {"aliases": choose.one([[], ["x"]])} for key in networks}
    return job, given


def extras(choose: Choose, *, job: bool) -> dict[str, Any]:
    """Secrets and hooks of a service or job."""
    given: dict[str, Any] = {}
    if choose.one(range(4)) == 3:
        given["secrets"] = ["pw"]
    if not job and choose.one(range(5)) == 4:
        given["post_start"] = [{"command": ["true"]}]
    if not job and choose.one(range(5)) == 4:
        given["pre_stop"] = [{"command": ["true"]}]
    return given


def sharable(text: str, placed: list[str]) -> list[str]:
    """Those that others may need: all but the ones that have no network of their own to share."""
    return [name for name in placed if f"services.{name}]\n" in text and not shares(text, name)]


def shares(text: str, name: str) -> bool:
    _, _, rest = text.partition(f"[services.{name}]\n")
    own = rest.partition("\n[")[0]
    return "network_mode" in own or "scale = 0\n" in own


def toml(section: str, name: str, given: dict[str, Any]) -> str:
    return f"[{section}.{name}]\n".replace(".]", "]") + "".join(
        f"{key} = {value_of(value)}\n" for key, value in given.items()
    )


def value_of(value: Any) -> str:
    match value:
        case bool():
            return str(value).lower()
        case dict():
            return "{" + ", ".join(f"{key} = {value_of(each)}" for key, each in value.items()) + "}"
        case list():
            return "[" + ", ".join(map(value_of, value)) + "]"
        case str():
            return f'"{value}"'
    return str(value)
