"""Do the actions on a Swarm through the Docker SDK."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, TypeVar, assert_never

from stackctl.engine.docker.bodies import Body
from stackctl.engine.docker.images.pulling import auth_header
from stackctl.engine.docker.look import DockerLook
from stackctl.engine.docker.swarm import bodies, look, snapshot
from stackctl.engine.protocol import Report
from stackctl.engine.ready import swarm as waiting
from stackctl.engine.ready.swarm import Polls
from stackctl.engine.transport.client import Json, RefusedError
from stackctl.engine.transport.link import Link
from stackctl.errors import EngineError, OutOfSequenceError
from stackctl.planner.steps import actions
from stackctl.planner.steps.actions import SwarmAction
from stackctl.planner.world import labels as names
from stackctl.planner.world.observed import ImageConfig
from stackctl.planner.world.swarm_desired import DesiredService, DesiredSwarmFile, Section
from stackctl.planner.world.swarm_observed import ObservedTask
from stackctl.real import monotonic

_TRIES = 5
"""How often a small change is sent again, if somebody else has changed the same object meanwhile."""
_PATIENCE, _PAUSE = 5.0, 0.1
"""Seconds until a Swarm must have begun to end the tasks of a job, and between two looks."""
_MOMENT = 0.5
"""Seconds in which a Swarm that remembers the ended tasks of a removed job begins to remove them."""
_ELECTION = 20.0
"""Seconds in which the managers that are left must have chosen a leader (swarmkit: an election begins after 10 s at most)."""
_SERVICE_ID = "com.docker.swarm.service.id"
"""The label with which an engine says on a container to which service it belongs."""
_LEADERLESS = "does not have a leader"
_TAKEN = ("already exists", "name conflicts with an existing object")
_AGAIN = "run stackctl deploy again: it looks again"


T = TypeVar("T")


class SwarmPerform:
    """Safe to share between threads."""

    def __init__(self, link: Link, looking: DockerLook) -> None:
        self._link = link
        self._looking = looking
        self._lock = threading.Lock()
        self._polls: dict[str, Polls] = {}
        self._files: dict[tuple[str, str], str] = {}
        """The ids of secrets and configs by section and name."""

    def perform(
        self, action: SwarmAction, report: Report, cancelled: Callable[[], bool] = lambda: False
    ) -> str:
        """Do one action. Return a note that is worth telling, or ""."""
        try:
            return while_leaderless(lambda: self._perform(action, report, cancelled), cancelled)
        except RefusedError as error:
            raise _explained(error) from error

    def _perform(self, action: SwarmAction, report: Report, cancelled: Callable[[], bool]) -> str:
        match action:
            case actions.WaitForService():
                return waiting.for_service(action, self._shared(action.project), report, cancelled)
            case actions.WaitForTasksGone():
                polls = self._shared(action.project)
                return waiting.for_tasks_gone(action, polls, self._containers_here, report, cancelled)
            case actions.CreateSecret(file) | actions.CreateConfig(file):
                self._create_file(file)
            case actions.RemoveSecret(id_):
                return self._remove_file("secrets", id_)
            case actions.RemoveConfig(id_):
                return self._remove_file("configs", id_)
            case actions.CreateService(spec):
                return self._create(spec, report)
            case actions.UpdateService(id_, version, spec):
                answer = self._update(id_, version, self._body(spec), auth_header(spec.image, report))
                return _warned(answer)
            case actions.RefreshAuth(id_):
                self._resend(id_, report)
            case actions.RollBackService(id_):
                self._roll_back(id_, report)
            case actions.RemoveService(id_):
                return self._remove_service(id_)
            case actions.LabelNode(id_, _, labels):
                self._label(id_, labels)
            case _:
                assert_never(action)
        return ""

    def _shared(self, project: str) -> Polls:
        with self._lock:
            if project not in self._polls:
                client = self._link.client
                self._polls[project] = Polls(
                    lambda nodes: while_leaderless(lambda: look.progress(client, project, nodes=nodes))
                )
            return self._polls[project]

    def _create(self, spec: DesiredService, report: Report) -> str:
        """Create the service. One of that name with the same labels is the one that is meant: a run that was killed has asked for
        it, and the answer was lost.
        """
        body = self._body(spec)
        try:
            answer = self._link.changing.post(
                "services", "create", body=body, headers=auth_header(spec.image, report)
            )
        except RefusedError as error:
            if error.status == 409 or any(words in error.message for words in _TAKEN):
                found = self._link.changing.get("services", filters={"name": [spec.name]})
                for row in found:
                    if (row["Spec"]["Name"], row["Spec"].get("Labels")) == (spec.name, body["Labels"]):
                        return ""
                raise OutOfSequenceError(f"cannot create {spec.name}: it already exists", _AGAIN) from error
            raise RefusedError(
                f"cannot create {spec.name}: {look.plain(error.message)}", error.hint, status=error.status
            ) from error
        return _warned(answer)

    def _body(self, spec: DesiredService) -> Body:
        instance = spec.labels.get(names.INSTANCE)
        template = spec.template
        inherits = template.settings.init is None or template.command == ()
        return bodies.service(
            spec,
            api=self._link.client.version,
            image=(self._looking.image_config(spec.template.image) if inherits else None) or ImageConfig(),
            networks={
                place.network: self._looking.networks.id_of(place.network, instance)
                for place in template.networks
            },
            files={use.name: self._file_id(use.section, use.name) for use in spec.files},
        )

    def _update(
        self, service: str, version: int, body: Json, headers: Mapping[str, str], rollback: str | None = None
    ) -> Json:
        return self._link.changing.post(
            "services", service, "update", body=body, headers=headers, version=version, rollback=rollback
        )

    def _resend(self, service: str, report: Report) -> None:
        """Send the service as it is, with the present login."""

        def send() -> None:
            row = self._link.changing.get("services", service)
            image = row["Spec"]["TaskTemplate"]["ContainerSpec"]["Image"]
            self._update(service, row["Version"]["Index"], row["Spec"], auth_header(image, report))

        _again(send)

    def _roll_back(self, service: str, report: Report) -> None:
        def send() -> None:
            row = self._link.changing.get("services", service)
            if (row.get("UpdateStatus") or {}).get("State", "").startswith("rollback"):
                return
            image = row["Spec"]["TaskTemplate"]["ContainerSpec"]["Image"]
            headers = auth_header(image, report)
            self._update(service, row["Version"]["Index"], row["Spec"], headers, rollback="previous")

        _again(send)

    def _remove_service(self, service: str) -> str:
        """Remove the service, which may be gone. The note names the nodes on which ended containers of a job stay."""
        try:
            row = self._link.changing.get("services", service)
            is_job = "Job" in "".join(row["Spec"]["Mode"])
            if is_job:
                _again(lambda: self._end_job(service))
        except RefusedError as error:
            if error.status != 404:
                raise
            return ""
        self._ignoring_gone("services", service)
        project = (row["Spec"].get("Labels") or {}).get(names.STACK)
        return self._clear(self._forgotten(project, service)) if is_job and project else ""

    def _end_job(self, service: str) -> None:
        """Begin an iteration without tasks. A Swarm goes on with the tasks of a job that is removed, but it ends those of an earlier
        iteration (seen with 20.10).
        """
        client = self._link.changing
        row = client.get("services", service)
        spec = row["Spec"]
        if "ReplicatedJob" in spec["Mode"]:
            spec["Mode"] = {"ReplicatedJob": {"MaxConcurrent": 0, "TotalCompletions": 0}}
        else:
            spec["TaskTemplate"]["Placement"] = {"Constraints": ["node.id==none"]}
        self._update(service, row["Version"]["Index"], spec, {})
        deadline = monotonic() + _PATIENCE
        while monotonic() < deadline and any(
            not task.ended and task.desired_state != "remove" for task in self._tasks_of(service)
        ):
            time.sleep(_PAUSE)

    def _forgotten(self, project: str, service: str) -> list[ObservedTask]:
        """The ended tasks of a removed job that the Swarm does not mean to remove: Engine 20.10 forgets them all, Engine 28 removes
        them a moment later.
        """
        deadline = monotonic() + _MOMENT
        while True:
            found = [
                task
                for task in look.tasks(self._link.client, project)
                if task.service_id == service and task.container and not task.stays
            ]
            if not found or monotonic() >= deadline:
                return found
            time.sleep(_PAUSE)

    def _clear(self, forgotten: Iterable[ObservedTask]) -> str:
        """Remove those of the forgotten containers that this engine has. The note says where there are others."""
        here, nodes = self._looking.node_id if forgotten else "", set()
        for task in forgotten:
            if task.node_id == here:
                self._ignoring_gone("containers", task.container)
            else:
                nodes.add(task.node_id)
        if not nodes:
            return ""
        found = map(snapshot.node, self._link.client.get("nodes"))
        names = sorted(node.name for node in found if node.id in nodes)
        return f"its ended containers stay on {', '.join(names)}: the Swarm forgets them (docker container prune)"

    def _tasks_of(self, service: str) -> Iterable[ObservedTask]:
        return map(snapshot.task, self._link.client.get("tasks", filters={"service": [service]}) or ())

    def _containers_here(self, services: Collection[str]) -> int:
        """How many containers of the services this engine still has."""
        rows = self._link.client.get("containers", "json", all=True, filters={"label": [_SERVICE_ID]})
        return sum(row["Labels"].get(_SERVICE_ID) in services for row in rows)

    def _label(self, node: str, labels: Mapping[str, str]) -> None:
        def send() -> None:
            client = self._link.changing
            row = client.get("nodes", node)
            spec = {**row["Spec"], "Labels": {**(row["Spec"].get("Labels") or {}), **labels}}
            client.post("nodes", node, "update", body=spec, version=row["Version"]["Index"])

        _again(send)

    def _create_file(self, file: DesiredSwarmFile) -> None:
        body = bodies.secret(file) if file.section == "secrets" else bodies.config(file)
        try:
            id_ = self._link.changing.post(file.section, "create", body=body)["ID"]
        except RefusedError as error:
            if error.status != 409:
                raise RefusedError(
                    f"cannot create {file.name}: {look.plain(error.message)}", error.hint, status=error.status
                ) from error
            # Its name has the digest of its content. With the same labels it is the one that a killed run has asked for.
            found = (
                row
                for row in self._link.changing.get(file.section, filters={"name": [file.name]})
                if (row["Spec"]["Name"], row["Spec"].get("Labels") or {}) == (file.name, dict(file.labels))
            )
            row = next(found, None)
            if row is None:
                raise
            id_ = row["ID"]
        with self._lock:
            self._files[file.section, file.name] = id_

    def _remove_file(self, section: Section, id_: str) -> str:
        """Remove a secret or config. The Swarm refuses if it is in use; then it is left for the next run."""
        try:
            self._ignoring_gone(section, id_)
        except RefusedError as error:
            if "in use" not in error.message:
                raise
            return "it stays: it is still in use"
        return ""

    def _file_id(self, section: Section, name: str) -> str:
        with self._lock:
            if (section, name) not in self._files:
                rows = self._link.client.get(section)
                self._files |= {(section, row["Spec"]["Name"]): row["ID"] for row in rows}
            if id_ := self._files.get((section, name)):
                return id_
        kind = section.removesuffix("s")
        raise EngineError(f"there is no {kind} {name}", f"create it: docker {kind} create {name} FILE")

    def _ignoring_gone(self, *path: str) -> None:
        try:
            self._link.changing.delete(*path)
        except RefusedError as error:
            if error.status != 404:
                raise


def while_leaderless(
    do: Callable[[], T],
    cancelled: Callable[[], bool] = lambda: False,
    now: Callable[[], float] = monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> T:
    """Do it again as long as the Swarm has no leader, but not for longer than an election takes: what a Swarm without a leader refuses
    has had no effect.
    """
    deadline = now() + _ELECTION
    while True:
        try:
            return do()
        except RefusedError as error:
            if _LEADERLESS not in error.message or now() >= deadline or cancelled():
                raise
        sleep(_PAUSE)


def _again(send: Callable[[], None]) -> None:
    for left in reversed(range(_TRIES)):
        try:
            return send()
        except RefusedError as error:
            if not left or not _out_of_sequence(error):
                raise
    return None


def _out_of_sequence(error: RefusedError) -> bool:
    return "update out of sequence" in error.message


def _explained(error: RefusedError) -> EngineError:
    """The error in words that say what to do."""
    message = look.plain(error.message)
    if _out_of_sequence(error):
        return OutOfSequenceError("somebody else has changed the service meanwhile", _AGAIN)
    if any(words in message for words in (_LEADERLESS, "context deadline exceeded")):
        return RefusedError(
            f"the Swarm does not answer, because most of its managers cannot be reached: {message}",
            "bring the managers back; docker node ls shows them",
            status=error.status,
        )
    return RefusedError(message, error.hint, status=error.status)


def _warned(answer: Any) -> str:
    warnings: Iterable[str] = (answer or {}).get("Warnings") or ()
    return "; ".join(warnings)
