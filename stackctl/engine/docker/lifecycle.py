"""Create, start, stop and remove, and say what the engine's answers mean."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any

from stackctl.engine.transport.client import Client, Json, RefusedError
from stackctl.errors import EngineError, OutOfSequenceError, PortTakenError
from stackctl.planner.world import labels as names
from stackctl.real import monotonic

_BUSY = (0.05, 5.0)
"""Seconds that a busy network or volume is tried again: the first pause, which doubles each time, and all pauses together."""
_FORGOTTEN = (0.05, 25.0)
"""The same for a network that holds nothing but endpoints which the engine forgot to remove."""
_RESERVED = (0.05, 10.0)
"""The same for a name that the engine has reserved for a container which it is making."""
_SEEN, _LEFT = (0.05, 1.0), (0.05, 3.0)
"""The same for other networks of the same name, which other runs take away once they see this one: until it goes itself, and then
until one is left.
"""
_UNIQUE_NETWORKS = (1, 44)
"""The API from which on an engine gives a name to one network only."""
_ALSO_BUSY = ("being used", "in use by task")
"""What Podman says of a volume that is in use, and a Swarm of a network whose tasks are going."""
_GOING = 30.0
"""Seconds to wait for a removal that somebody else began."""
_KILLED = 10.0
"""Seconds until the engine must list a container that it has killed as ended."""

_TAKEN = re.compile(r"port is already allocated|address already in use")
_ADDRESS = re.compile(r"((?:\d+\.){3}\d+|\[[\da-f:]*\]):(\d+)")
_NO_PROGRAM = re.compile(
    r'exec: "(?P<name>[^"]+)": .*(?:not found in \$PATH|no such file or directory|permission denied)'
)

_NO_SUBNET = ("could not find an available", "predefined address pools have been fully subnetted")
"""What an engine says that has given away all of its subnets, or whose subnets all overlap with routes of its machine."""
_FREE_SUBNETS = "stackctl gc removes what is left over; docker network prune removes what nothing uses"

_WRONG_STATE = {
    "is not running": ("it does not run", "start it: stackctl up"),
    "already paused": ("it is paused already", ""),
    "is not paused": ("it is not paused", ""),
}
"""Words in the engine's refusal, and for each: why the engine refuses, and what to do."""


def create_network(client: Client, body: Mapping[str, Any]) -> str:
    """Create the network, and return its id.

    A network of that name with the same labels is the one that is meant: a run that was killed has asked for it, or one on
    another machine asks at the same time. Raises OutOfSequenceError for another one of that name.
    """
    try:
        made = str(client.post("networks", "create", body=body)["Id"])
    except RefusedError as error:
        # A Swarm that has two requests at once refuses the later one with another status.
        if error.status == 409 or "name conflicts with an existing object" in error.message:
            if found := _made_meanwhile(client, body):
                return found
            raise OutOfSequenceError(error.message, error.hint) from error
        if any(words in error.message for words in _NO_SUBNET):
            raise EngineError(f"no network {body['Name']}: {error.message}", _FREE_SUBNETS) from error
        raise
    return made if client.version >= _UNIQUE_NETWORKS else _only_one(client, body, made)


def _made_meanwhile(client: Client, body: Mapping[str, Any]) -> str | None:
    """The id of the network of that name, if it has the same labels. An engine reserves the name first, and lists the network once
    it is made.
    """
    for _ in _pauses(*_RESERVED):
        if _named(client, body["Name"]):
            return min(_like(client, body), default=None)
    return None


def _only_one(client: Client, body: Mapping[str, Any], made: str) -> str:
    """The id of the network that stays if several runs have made one of the same name at once, on an engine that allows it. Raises
    OutOfSequenceError if none stays.

    The run whose network is listed last sees the others. If several see each other, the smallest id stays. A run whose network is
    the smallest, and stays beside another one, was not seen: its own network goes, for the other one is used already.
    """
    for _ in _pauses(*_SEEN):
        ids = _like(client, body)
        if ids == [made]:
            return made
        if made != min(ids, default=made):
            break
    try:
        client.delete("networks", made)
    except RefusedError:
        return made  # somebody uses it already: the next `up` removes the one that is empty
    for _ in _pauses(*_LEFT):
        ids = _like(client, body)
        if len(ids) <= 1:
            break
    if not ids:
        raise OutOfSequenceError(f"another run has removed the network {body['Name']}", "run it again")
    return min(ids)


def _like(client: Client, body: Mapping[str, Any]) -> list[str]:
    return [str(found["Id"]) for found in _named(client, body["Name"]) if _belongs_together(found, body)]


def _named(client: Client, name: str) -> list[Json]:
    return [found for found in client.get("networks", filters={"name": [name]}) if found["Name"] == name]


def _belongs_together(found: Json, body: Mapping[str, Any]) -> bool:
    """Whether a network was made for the same project and definition. The place of the file is another one on another machine."""
    return _unplaced(found["Labels"] or {}) == _unplaced(body["Labels"])


def _unplaced(labels: Mapping[str, str]) -> dict[str, str]:
    return {name: text for name, text in labels.items() if name != names.PLACE}


def create_container(client: Client, name: str, body: Mapping[str, Any], platform: str | None = None) -> Json:
    """Create the container, and return the engine's answer.

    A container of that name with the same labels that has never run is the one that is meant, as with networks.
    """
    try:
        given: dict[str, Any] = {"platform": platform} if platform else {}
        return client.post("containers", "create", name=name, body=body, **given)
    except RefusedError as error:
        found = _created_before(client, name) if error.status == 409 else None
        if found and body["Labels"].items() <= (found["Config"]["Labels"] or {}).items():
            return found
        raise RefusedError(
            f"cannot create {name}: {error.message}", error.hint, status=error.status
        ) from error


def _created_before(client: Client, name: str) -> Json | None:
    """The container, if it has never run. An engine reserves the name first, and shows the container once it is made."""
    for _ in _pauses(*_RESERVED):
        try:
            found = client.get("containers", name, "json")
        except RefusedError as error:
            if error.status != 404:
                raise
        else:
            return found if found["State"]["Status"] == "created" else None
    return None


class _NoProgramError(RefusedError):
    """The image has no such program. The exit code is that of a shell."""

    exit_code = 127


class _NotExecutableError(RefusedError):
    """The program may not be executed. The exit code is that of a shell."""

    exit_code = 126


def start(client: Client, container: str, name: str) -> None:
    try:
        client.post("containers", container, "start")
    except RefusedError as error:
        raise _start_error(error, name) from error


def _start_error(error: RefusedError, name: str) -> EngineError:
    message = error.message
    if _TAKEN.search(message):
        found = _ADDRESS.search(message)
        where = f"port {found[2]} of {found[1]}" if found else "a host port"
        show = f"`ss -ltnp 'sport = :{found[2]}'` shows who" if found else "`ss -ltnp` shows who"
        return PortTakenError(
            f"{name} cannot start: {where} is taken",
            f"stop what listens there ({show}), or publish another host port",
        )
    if found := _NO_PROGRAM.search(message):
        kind = _NotExecutableError if "permission denied" in message else _NoProgramError
        return kind(
            f"{name} cannot start: its image cannot run {found['name']!r}: {message}",
            "check command and entrypoint",
            status=error.status,
        )
    return RefusedError(f"{name} cannot start: {message}", error.hint, status=error.status)


def stop(client: Client, container: str, grace: int) -> str:
    """Stop the container. The engine kills it after `grace` seconds; then the note that is returned says so. A container that
    is gone or stopped is no error.
    """
    began = monotonic()
    try:
        client.post("containers", container, "stop", t=grace, timeout=grace + client.answer_timeout)
        may_have_been_killed = grace > 0 and monotonic() - began >= grace
        if not may_have_been_killed:
            return ""
        answer = client.get("containers", container, "json")
    except RefusedError as error:
        if _is_gone(client, error, "containers", container, "json"):
            return ""
        raise
    return _killed(answer, grace)


def _killed(inspected: Json, grace: int) -> str:
    """The note if the exit code says that the engine killed the container (137 is 128 + SIGKILL), else ""."""
    if inspected["State"].get("ExitCode") != 137:
        return ""
    signal = inspected["Config"].get("StopSignal") or "SIGTERM"
    if inspected["HostConfig"].get("Init"):
        cure = f"let the program end on {signal}, or set stop_signal to a signal on which it ends"
    else:
        cure = f"set init = true, let the program end on {signal}, or set stop_signal to a signal on which it ends"
    return f"killed after {grace} s: it ignored {signal} ({cure})"


def control(client: Client, container: str, name: str, verb: str, *, signal: str | None = None) -> None:
    """Pause, unpause or kill the container (`verb`). Raises `RefusedError` if its state does not allow that."""
    try:
        client.post("containers", container, verb, signal=signal)
    except RefusedError as error:
        told = error.message.rpartition(f"{container}: ")[2]  # newer engines say first what they cannot do
        why, hint = next((said for found, said in _WRONG_STATE.items() if found in told), (told, ""))
        raise RefusedError(f"cannot {verb} {name}: {why}", hint, status=error.status) from error


def kill(client: Client, container: str, name: str, signal: str | None = None) -> None:
    """Send the signal. After SIGKILL the next look finds the container ended: Engine 28 answers some time before it lists it so."""
    control(client, container, name, "kill", signal=signal)
    if signal in (None, "KILL", "SIGKILL"):
        for _ in _pauses(0.02, _KILLED):
            if not client.get("containers", "json", filters={"name": [f"^/?{re.escape(name)}$"]}):
                return


def set_restart(client: Client, container: str, policy: Json) -> None:
    """Change the restart policy.

    Podman 4 has no such call. It needs none: a container that was stopped is not started when Podman is.
    """
    try:
        client.post("containers", container, "update", body={"RestartPolicy": policy})
    except RefusedError as error:
        if (error.status, error.message) != (404, "Not Found"):  # a container that is gone has more words
            raise


def remove_container(client: Client, container: str, *, volumes: bool) -> None:
    """Remove the container, running or not, and wait until it is gone. Raises `EngineError` if that takes too long."""
    try:
        client.delete("containers", container, force=True, v=volumes)
    except RefusedError as error:
        if _is_gone(client, error, "containers", container, "json"):
            return
        if error.status != 409 or "in progress" not in error.message:
            raise
        _await_removal(client, container)


def _await_removal(client: Client, container: str) -> None:
    for _ in _pauses(0.05, _GOING):
        if not _is_there(client, "containers", container, "json"):
            return
    raise EngineError(
        f"the engine has been removing {container} for {_GOING:g} s",
        "look at the engine's log, or restart it",
    )


def remove_network(client: Client, network_id: str, name: str) -> None:
    """Remove the network.

    An engine removes an endpoint a little later than its container, so a busy network is tried again for a while. When
    many containers end at once, the engine may forget some endpoints (seen with 20.10): an endpoint whose container is
    gone is then disconnected by force.
    """
    path = ("networks", network_id)
    refusal = _refused_while_busy(client, path, "active endpoints", _BUSY)
    if refusal is None:
        return
    living, forgotten = _endpoints(client, network_id)
    if living:
        raise _still_used(f"the network {name}", living, refusal)
    for endpoint in forgotten:
        with suppress(RefusedError):  # the next try to remove the network tells whether it is still there
            body = {"Container": endpoint, "Force": True}
            client.post("networks", network_id, "disconnect", body=body)
    refusal = _refused_while_busy(client, path, "active endpoints", _FORGOTTEN)
    if refusal is not None:
        frees = [f"docker network disconnect -f {name} {endpoint}" for endpoint in forgotten]
        raise RefusedError(
            f"the network {name} stays: the engine still counts endpoints of containers that are gone{_listed(forgotten)}",
            "; or ".join([*frees, "restart the engine"]) + "; then: stackctl down",
            status=refusal.status,
        ) from refusal


def _endpoints(client: Client, network_id: str) -> tuple[list[str], list[str]]:
    """The names of the containers in a network: first the containers that are there, then those that are gone. The engine
    lists an endpoint without a container under `ep-` and the endpoint's id.
    """
    inspected = client.get("networks", network_id)
    living: list[str] = []
    forgotten: list[str] = []
    for key, endpoint in (inspected.get("Containers") or {}).items():
        there = not key.startswith("ep-") and _is_there(client, "containers", key, "json")
        (living if there else forgotten).append(endpoint.get("Name") or key)
    return sorted(living), sorted(forgotten)


def _is_gone(client: Client, refusal: RefusedError, *path: str) -> bool:
    """Whether the engine has refused because the thing is not there. What stands between may say so as well, and does not know it."""
    return refusal.status == 404 and not _is_there(client, *path)


def _is_there(client: Client, *path: str) -> bool:
    try:
        client.get(*path)
    except RefusedError as error:
        if error.status == 404:
            return False
        raise
    return True


def remove_volume(client: Client, name: str) -> None:
    refusal = _refused_while_busy(client, ("volumes", name), "in use", _BUSY)
    if refusal is not None:
        rows = client.get("containers", "json", all=True, filters={"volume": [name]})
        users = [row["Names"][0].removeprefix("/") for row in rows if row.get("Names")]
        raise _still_used(f"the volume {name}", users, refusal)


def remove_image(client: Client, image_id: str, name: str) -> None:
    """Remove an image, or one of its tags. What is not there is no error. The engine refuses if a container uses the image, or
    if an image that was to go by its id has a tag again.
    """
    try:
        client.delete("images", image_id)
    except RefusedError as error:
        if not _is_gone(client, error, "images", image_id, "json"):
            raise RefusedError(
                f"cannot remove the image {'' if image_id == name else 'that was '}{name}: {error.message}",
                error.hint,
                status=error.status,
            ) from error


def _refused_while_busy(
    client: Client, path: tuple[str, ...], busy: str, patience: tuple[float, float]
) -> RefusedError | None:
    """Remove what is at the path, again as long as the engine's refusal says `busy`. Return None once it is removed (or was not
    there), else the last refusal.
    """
    refusal = None
    for _ in _pauses(*patience):
        try:
            client.delete(*path)
        except RefusedError as error:
            if _is_gone(client, error, *path):
                return None
            if not any(words in error.message for words in (busy, *_ALSO_BUSY)):
                raise
            refusal = error
        else:
            return None
    return refusal


def _still_used(what: str, users: Iterable[str], refusal: RefusedError) -> RefusedError:
    error = RefusedError(
        f"{what} is still in use{_listed(users, ' by ')}",
        "stop and remove what uses it first",
        status=refusal.status,
    )
    error.__cause__ = refusal
    return error


def _listed(names: Iterable[str], before: str = ": ") -> str:
    found = ", ".join(sorted(filter(None, names)))
    return before + found if found else ""


def _pauses(first: float, total: float) -> Iterator[None]:
    """Yield at once, then again after each pause. Pauses double up to half a second, and last `total` seconds together."""
    deadline = monotonic() + total
    pause = first
    yield
    while (left := deadline - monotonic()) > 0:
        time.sleep(min(pause, left))
        pause = min(pause * 2, 0.5)
        yield
