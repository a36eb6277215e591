"""Plan the steps from what a Swarm has to what a stack asks for: networks, secrets and configs, then services in the order of their
dependencies. A service comes after the waits for what it needs; a service that is as it should be gets no call.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from stackctl.planner.steps.actions import (
    CreateConfig,
    CreateNetwork,
    CreateSecret,
    CreateService,
    LabelNode,
    RefreshAuth,
    RemoveConfig,
    RemoveSecret,
    RemoveService,
    UpdateService,
    WaitForService,
)
from stackctl.planner.steps.facts import (
    Created,
    Fact,
    FileThere,
    ImageHere,
    Met,
    NameFree,
    NetworkThere,
    NodeLabelled,
)
from stackctl.planner.steps.plan import Draft, Plan
from stackctl.planner.swarm.placing import chosen_nodes, nodes_for
from stackctl.planner.world import labels
from stackctl.planner.world.replica import Replica
from stackctl.planner.world.swarm_desired import DesiredService, DesiredSwarm, SwarmGoal
from stackctl.planner.world.swarm_observed import ObservedService, ObservedSwarm, ObservedSwarmFile
from stackctl.spec.model import Condition

Resolve = Literal["changed", "always", "never"]


class DeployOptions(Struct, frozen=True, kw_only=True):
    """How to deploy a stack. Times are in seconds.

    `resolve`: when a registry is asked for the digest of an image: for new and changed services, always, never. `detach`: the last
    waits are left out; those between services stay. `rollback`: after a failure, what this run has changed goes back. `lenient`:
    keys that a Swarm does not have are left out instead of refused. `no_build`: nodes have the images that are built. `refresh`:
    the login at a registry is sent again for every service that is not changed.
    """

    resolve: Resolve = "changed"
    detach: bool = False
    rollback: bool = False
    lenient: bool = False
    strict: bool = False
    build: bool = False
    no_build: bool = False
    refresh: bool = False
    remove_orphans: bool = False
    wait_timeout: float = 120.0


class DeployPlan(Plan, frozen=True, kw_only=True):
    """The plan of a `deploy`, and what it was made from."""

    desired: DesiredSwarm
    options: DeployOptions = DeployOptions()


class Resting(Struct, frozen=True):
    """What the tasks say of services, by key."""

    reached: frozenset[str] = frozenset()
    """Those that have come to their goal."""
    failed: frozenset[str] = frozenset()
    """The jobs that have failed."""
    stuck: frozenset[str] = frozenset()
    """The services whose update waits for a lost node alone."""


def ours(observed: ObservedSwarm, desired: DesiredSwarm) -> Mapping[str, ObservedService]:
    """The services of this project that stackctl made, by key."""
    return {
        service.key: service
        for service in observed.services
        if service.project == desired.project and service.instance == desired.instance
    }


def goal_of(want: DesiredService, observed: ObservedSwarm, *, started: bool = False) -> SwarmGoal:
    """What the service must come to."""
    checked = want.template.healthcheck is not None and want.template.healthcheck.test != ("NONE",)
    nodes: frozenset[str] = frozenset()
    if want.mode.startswith("global"):
        nodes = frozenset(node.id for node in nodes_for(want, observed.nodes))
    return SwarmGoal(
        name=want.name,
        digest=want.digest,
        task_digest=want.task_digest,
        image=want.image,
        mode=want.mode,
        tasks=len(nodes) if want.mode.startswith("global") else want.replicas,
        nodes=nodes,
        settle=0.0 if checked else want.update.monitor,  # a task with a check runs only once it is healthy
        monitor=want.update.monitor,
        started=started and not want.job,
    )


def differences(want: DesiredService, have: ObservedService) -> tuple[str, ...]:
    """Why a service must be updated: one reason for each field that differs; no reason if it fits."""
    reasons: list[str] = []
    if have.digest != want.digest:
        before, after = have.fields, want.fields
        changed = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
        reasons += [_change(name, before, after) for name in changed] or ["its definition changed"]
    elif have.replicas != want.replicas and not want.mode.startswith("global"):
        reasons.append(f"it has {have.replicas} replicas, not {want.replicas}")
    if have.image != want.image and "image changed" not in reasons:
        reasons.append(f"{want.template.image} is another image now")
    if not reasons and have.update_state in ("paused", "rollback_paused"):
        reasons.append("its update has stopped")
    return tuple(reasons)


def images_to_resolve(
    desired: DesiredSwarm, observed: ObservedSwarm, options: DeployOptions
) -> tuple[str, ...]:
    """The references whose digest a registry is asked for."""
    if options.resolve == "never":
        return ()
    there = ours(observed, desired)
    found = {
        want.image
        for want in desired.services
        if "@" not in want.image
        and (
            options.resolve == "always"
            or (have := there.get(want.service)) is None
            or want.image not in (have.image, have.image.partition("@")[0])
        )
    }
    return tuple(sorted(found))


def with_images(
    desired: DesiredSwarm, observed: ObservedSwarm, found: Mapping[str, str | None]
) -> DesiredSwarm:
    """Give each service the image that is sent. `found`: the digests that registries know, for the references that were asked for. A
    service whose image is not asked for keeps the one that it has.
    """
    there = ours(observed, desired)

    def sent(want: DesiredService) -> DesiredService:
        if (digest := found.get(want.image)) is not None:
            return replace(want, image=f"{want.image}@{digest}")
        have = there.get(want.service)
        if want.image not in found and have and have.image.partition("@")[0] == want.image:
            return replace(want, image=have.image)
        return want

    return replace(desired, services=tuple(map(sent, desired.services)))


def plan_deploy(
    desired: DesiredSwarm,
    observed: ObservedSwarm,
    options: DeployOptions | None = None,
    *,
    resting: Resting | None = None,
    images: Plan | None = None,
) -> Plan:
    """Plan the steps from what is there to what should be. `images` is the plan that builds and pushes images, if both are shown as one."""
    return _Work(desired, observed, options or DeployOptions(), resting or Resting(), images or Plan()).plan()


def _change(name: str, before: Mapping[str, str], after: Mapping[str, str]) -> str:
    verb = "added" if name not in before else "removed" if name not in after else "changed"
    return f"{name} {verb}"


class _Work:
    def __init__(
        self,
        desired: DesiredSwarm,
        observed: ObservedSwarm,
        options: DeployOptions,
        resting: Resting,
        images: Plan,
    ) -> None:
        self._desired = desired
        self._observed = observed
        self._options = options
        self._images = images
        self._resting = resting
        self._draft = Draft(desired.project)
        self._there = ours(observed, desired)
        self._want = {want.service: want for want in desired.services}
        self._why = {want.service: self._reason(want) for want in desired.services}
        self._follows = self._followers()
        """The services that change only because what they need gets new tasks, with the reason."""
        self._why |= self._follows
        self._gates_of: dict[str, list[Fact]] = {}

    def plan(self) -> Plan:
        for step in self._images.steps:
            image = getattr(step.action, "image", None)
            makes = [ImageHere(image.ref)] if image else []
            self._draft.add(step.action, step.why, *step.after, makes=makes, of=step.of)
        self._label_nodes()
        self._networks()
        self._files()
        for want in self._desired.services:
            self._service(want)
        for want in self._desired.services if not self._options.detach else ():
            self._met(want, Condition.ready, "deploy waits for it")
        self._orphans()
        self._old_files()
        self._notes()
        return self._draft.plan()

    def _reason(self, want: DesiredService) -> str:
        """Why a call is made for the service; "" for none."""
        have = self._there.get(want.service)
        if have is None:
            return "not there"
        if reasons := differences(want, have):
            return ", ".join(reasons)
        if want.service in self._resting.failed:
            return "it has failed before"
        if want.service in self._resting.stuck:
            return "its update waits for a node that is lost"
        return "it runs every time" if want.template.always else ""

    def _followers(self) -> dict[str, str]:
        """Those that are to restart with what they need (`depends_on.NAME.restart`), also with one that follows itself."""
        renewed = {
            name for name, why in self._why.items() if why and name in self._there and self._is_renewed(name)
        }
        found: dict[str, str] = {}
        for want in self._desired.services:  # in the order of their dependencies
            causes = [need.service for need in want.needs if need.restart and need.service in renewed]
            if causes and want.service in self._there and not self._why[want.service]:
                found[want.service] = f"it restarts with {' and '.join(causes)}"
                renewed.add(want.service)
        return found

    def _is_renewed(self, service: str) -> bool:
        """Whether the service gets new tasks."""
        want, have = self._want[service], self._there[service]
        return have.task_digest != want.task_digest or have.image != want.image

    def _label_nodes(self) -> None:
        for label, node in chosen_nodes(self._desired, self._observed).items():
            volume = label.rpartition(".")[2]
            self._draft.add(
                LabelNode(node.id, node.name, {label: "1"}),
                f"volume {volume} stays on one node",
                makes=[NodeLabelled(label)],
            )

    def _networks(self) -> None:
        there = {network.name for network in self._observed.networks}
        used = {
            place.network
            for want in self._desired.services
            if self._why[want.service]
            for place in want.template.networks
        }
        for network in self._desired.networks:
            if network.name in used and network.name not in there and not network.external:
                self._draft.add(CreateNetwork(network), "not there", makes=[NetworkThere(network.name)])

    def _files(self) -> None:
        there = {(section, each.name) for section, each in _observed_files(self._observed)}
        used = {use.name for want in self._desired.services if self._why[want.service] for use in want.files}
        for file in self._desired.files:
            if file.external or file.name not in used or (file.section, file.name) in there:
                continue
            action = CreateSecret(file) if file.section == "secrets" else CreateConfig(file)
            older = any(
                each.key == file.key for _, each in _observed_files(self._observed) if self._is_ours(each)
            )
            why = "its content changed" if older else "not there"
            self._draft.add(action, why, makes=[FileThere(file.name)])

    def _service(self, want: DesiredService) -> None:
        why = self._why[want.service]
        if not why:
            if self._options.refresh and (there := self._there.get(want.service)):
                action = RefreshAuth(there.id, there.name)
                self._draft.add(action, "asked to refresh the login", of=Replica(want.service))
            return
        have, replica = self._there.get(want.service), Replica(want.service)
        needs: list[Fact] = [
            ImageHere(want.template.image),
            *(NetworkThere(place.network) for place in want.template.networks),
            *(FileThere(use.name) for use in want.files),
            *(NodeLabelled(label) for label in self._desired.sticky.values()),
            *self._gates(want),
        ]
        makes: list[Fact] = [Created(replica)]
        if have is not None and have.mode != want.mode:
            needs.append(NameFree(want.name))
            self._draft.add(
                RemoveService(have.id, have.name),
                f"it becomes {want.mode}, and a Swarm changes no mode",
                *needs,
                makes=[NameFree(want.name)],
                of=replica,
            )
            have = None
        if have is None:
            self._draft.add(CreateService(want), why, *needs, makes=makes, of=replica)
            return
        again = (
            want.service in self._resting.failed
            or want.service in self._follows
            or (want.template.always and not differences(want, have))
        )
        spec = replace(want, force=have.force + again)
        if want.service in self._resting.stuck:  # another label begins a new update, and makes no new task
            spec = replace(spec, labels={**spec.labels, labels.AGAIN: str(have.version)})
        self._draft.add(UpdateService(have.id, have.version, spec), why, *needs, makes=makes, of=replica)

    def _gates(self, want: DesiredService) -> list[Fact]:
        """What must be true before the service is sent. Order passes through services that need no call."""
        if want.service not in self._gates_of:
            found: dict[Fact, None] = {}
            for need in want.needs:
                if other := self._want.get(need.service):
                    why = f"{want.service} needs it"
                    found |= dict.fromkeys(self._met(other, need.condition, why, required=need.required))
                    if not self._why[other.service]:
                        found |= dict.fromkeys(self._gates(other))
            self._gates_of[want.service] = [*found]
        return self._gates_of[want.service]

    def _met(
        self, want: DesiredService, condition: Condition, why: str, *, required: bool = True
    ) -> list[Fact]:
        """The fact that the service has come to its goal, with the wait for it; none if the snapshot shows it."""
        if not self._why[want.service] and want.service in self._resting.reached:
            return []
        replica = Replica(want.service)
        started = condition is Condition.started
        met = Met(replica, Condition.started if started else Condition.ready, required)
        if not self._draft.makes(met):
            goal = goal_of(want, self._observed, started=started)
            self._draft.add(
                WaitForService(goal, self._desired.project, self._options.wait_timeout),
                why,
                Created(replica),
                makes=[met],
                of=replica,
                optional=not required,
            )
        return [met]

    def _all_met(self) -> list[Fact]:
        return [Met(Replica(want.service), Condition.ready) for want in self._desired.services]

    def _orphans(self) -> None:
        orphans = [have for key, have in self._there.items() if key not in self._desired.known]
        if not self._options.remove_orphans:
            if orphans:
                names = ", ".join(sorted(have.name for have in orphans))
                self._draft.notes.append(
                    f"not in the spec, left alone: {names} (--remove-orphans removes them)"
                )
            return
        for have in orphans:
            self._draft.add(
                RemoveService(have.id, have.name),
                "it is not in the spec",
                *self._all_met(),
                makes=[NameFree(have.name)],
                of=Replica(have.key),
            )

    def _old_files(self) -> None:
        """Remove the versions of secrets and configs that nothing uses, and to which nothing can go back."""
        if self._options.detach:
            return
        changed = [key for key, why in self._why.items() if why]
        kept = {file.name for file in self._desired.files}
        used = _used_after(self._there, changed, self._options.remove_orphans, self._desired.known)
        waits = [*self._all_met(), *(NameFree(have.name) for have in self._there.values())]
        for section, file in _observed_files(self._observed):
            if not self._is_ours(file) or file.name in kept or file.id in used:
                continue
            action = (
                RemoveSecret(file.id, file.name) if section == "secrets" else RemoveConfig(file.id, file.name)
            )
            self._draft.add(action, "no service uses it, and none can go back to it", *waits)

    def _is_ours(self, file: ObservedSwarmFile) -> bool:
        return file.project == self._desired.project and file.instance == self._desired.instance

    def _notes(self) -> None:
        for want in self._desired.services:
            open_ports = [
                str(port.published or port.target)
                for port in want.ports
                if want.template.settings.ports[port.index].host_ip is None
            ]
            if open_ports and self._why[want.service]:
                where = "every node" if want.ports[0].mode == "ingress" else "every node that runs it"
                self._draft.notes.append(
                    f"{want.service}: {where} publishes port {', '.join(open_ports)} at every address (up: on 127.0.0.1 alone)"
                )


def _observed_files(observed: ObservedSwarm) -> list[tuple[str, ObservedSwarmFile]]:
    return [
        *(("secrets", secret) for secret in observed.secrets),
        *(("configs", config) for config in observed.configs),
    ]


def _used_after(
    there: Mapping[str, ObservedService], changed: Collection[str], prune: bool, known: Collection[str]
) -> set[str]:
    """The ids of secrets and configs that services use after the plan, or can go back to."""
    found: set[str] = set()
    for key, have in there.items():
        if prune and key not in known:
            continue
        found |= have.present_files if key in changed else have.secrets | have.configs
    return found
