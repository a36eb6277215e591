"""Rules about what a stack needs and the engine or the machine does not have."""

from __future__ import annotations

from collections.abc import Iterator

from stackctl.errors import Key, Problem
from stackctl.planner.before.images import ImageOptions, missing_images
from stackctl.planner.before.situation import Situation, bind_mounts, where
from stackctl.planner.view.slots import Slot
from stackctl.planner.world.desired import DesiredContainer, Image
from stackctl.planner.world.matching import ours
from stackctl.planner.world.observed import Observed
from stackctl.spec import plain_keys
from stackctl.spec.choosing import sharing, table
from stackctl.spec.model import Condition, NetworkUse
from stackctl.spec.structure import forms, told


def missing_sources(situation: Situation) -> Iterator[Problem]:
    """A service mounts a file or directory of the host that does not exist.

    Docker would create an empty directory of that name, owned by root. A program that expects a file would fail with "not a
    directory".

    Fix: create it, or correct the path. With `bind = { create_host_path = true }` stackctl creates the directory.

    Evidence: moby/moby#13121, #35821; docker/compose#11935.
    """
    placed, host = situation.view.slots, situation.host
    for slot in placed:
        for mount in bind_mounts(slot.want) if slot.starts else ():
            if mount.source in host.missing:
                yield Problem(
                    where(slot.want, "volumes"),
                    f"{mount.source} does not exist; Docker would create an empty directory of that name, owned by root",
                    "create it, correct the path, or let stackctl make the directory with bind = { create_host_path = true }",
                )


def missing_externals(situation: Situation) -> Iterator[Problem]:
    """A network or volume is declared `external`, and the engine has no network or volume of that name.

    stackctl creates no network and no volume that belongs to somebody else.

    Fix: create it (`docker network create NAME`), correct its `name`, or remove `external = true`.

    Evidence: measured. `docker run --network NAME` ends with 125, and a dead container keeps the service's name. `docker run -v
    NAME:/data` makes a new, empty volume and says nothing. `docker compose config` 5.6.1 accepts the file; its `up` stops with
    `declared as external, but could not be found`.
    """
    desired, observed = situation.view.desired, situation.view.observed
    for kind, wanted, here in (
        ("network", desired.networks, {n.name for n in observed.networks}),
        ("volume", desired.volumes, {v.name for v in observed.volumes}),
    ):
        for thing in wanted:
            if thing.external and thing.name not in here:
                yield Problem(
                    (f"{kind}s", thing.key),
                    f"{kind} {thing.name} is declared external, and there is none of that name",
                    f"create it (docker {kind} create {thing.name}), or drop external = true",
                )


def only_on_a_swarm(situation: Situation) -> Iterator[Problem]:
    """A container uses a secret or config whose content only a Swarm has: it is `external`, or has a `driver` or a `template_driver`.

    An engine that is no Swarm keeps no secrets, and stackctl cannot read the content of one, so the container would miss its file.

    Fix: give `file` or `environment` in a file for this machine (`-f stack.toml -f local.toml`), or run the stack on a Swarm with
    `stackctl deploy`.

    Evidence: `docker compose up` 5.6.1 ends with `unsupported external secret`. An engine has no call that tells the content of a
    secret.
    """
    seen: dict[tuple[str, str], None] = {}
    for want in situation.view.desired.containers:
        for file in want.files:
            if (key := file.source.swarm_only) and (file.section, file.key) not in seen:
                seen[file.section, file.key] = None
                kind = file.section.removesuffix("s")
                yield Problem(
                    (file.section, file.key, key),
                    f"{want.service} uses the {kind} {file.key}, and {_ELSEWHERE[key]}",
                    "stackctl deploy runs the stack on a Swarm; here, give file or environment instead",
                )


_ELSEWHERE = {
    "external": "only a Swarm keeps such contents",
    "driver": "only a Swarm asks a driver for the content",
    "template_driver": "only a Swarm fills in such a template",
}


_SHARED = {
    "network_mode": "network namespace",
    "ipc": "IPC namespace",
    "pid": "PID namespace",
    "volumes_from": "volumes",
}
"""What a container has of another one, by key, in the words of Compose."""


def missing_holders(situation: Situation) -> Iterator[Problem]:
    """A service shares the network, memory, processes or volumes of another service, which has no container and is not started
    (`--no-deps`).

    A container that runs without the one whose network it shares has no network at all.

    Fix: start the other service as well: leave out `--no-deps`.

    Evidence: measured. After `docker rm -f` of the container whose network it shares, the other container runs on with no way in or
    out. Compose 5.6.1 says `cannot share network namespace with service db: container missing`.
    """
    view = situation.view
    there = {
        c.service for c in ours(view.observed, view.desired.project, view.desired.instance) if c.kind != "run"
    }
    for name, service in view.desired.services.items():
        for key, holder in sharing(service) if service.replicas else ():
            if key in _SHARED and holder not in there and holder not in view.desired.services:
                yield Problem(
                    (table(service), name, key),
                    f"cannot share {_SHARED[key]} with service {holder}: container missing",
                    f"start {holder} as well: leave out --no-deps",
                )


def too_new(situation: Situation) -> Iterator[Problem]:
    """A service has a key that the engine does not know, because the engine is too old.

    The engine would leave it out and say nothing, or refuse the container after others have been started.

    Fix: remove the key, or use a newer engine.

    Evidence: measured. Engine 20.10 (API 1.41) creates a container with `annotations` and drops them without a word.
    """
    view = situation.view
    api = view.observed.engine.api
    needed = [*_needed_by_networks(situation)]
    for slot in view.slots:
        if slot.current is None:
            needed += ((where(slot.want, *path), since) for path, since in needed_versions(slot.want))
    for path, since in needed:
        if since > api:
            yield Problem(
                path,
                f"the engine is too old: {_IMAGE_MOUNT if path[-1] == 'type' else path[-1]} needs its API {since[0]}.{since[1]}, and it has {api[0]}.{api[1]}",
                "remove the key, or use a newer engine",
            )


_IMAGE_MOUNT = "a mounted image"


def _needed_by_networks(situation: Situation) -> Iterator[tuple[tuple[Key, ...], tuple[int, int]]]:
    for network in situation.view.desired.networks:
        if network.enable_ipv4 is False and network.name not in situation.view.slots.networks.meant:
            yield ("networks", network.key, "enable_ipv4"), (1, 48)


def needed_versions(want: DesiredContainer) -> Iterator[tuple[tuple[Key, ...], tuple[int, int]]]:
    """The keys of a container that not every engine knows, each with the first version of the API that does."""
    for key, _ in plain_keys.given(want.settings):
        if key.since > (0, 0):
            yield key.path, key.since
    for index, mount in enumerate(want.settings.volumes):
        if mount.type == "image":
            yield ("volumes", index, "type"), (1, 48)
        if mount.volume and mount.volume.subpath:
            yield ("volumes", index, "volume", "subpath"), (1, 45)
        if mount.bind and mount.bind.recursive in ("writable", "readonly"):
            yield ("volumes", index, "bind", "recursive"), (1, 44)
    for index, (name, place) in enumerate(zip(want.settings.joined, want.networks, strict=False)):
        given = told(place.use)
        for form in forms(NetworkUse).values():
            if form.key in given and "since" in form.metadata:
                yield ("networks", name, form.key), form.metadata["since"]
        if place.use.mac_address and index:
            yield ("networks", name, "mac_address"), (1, 44)


def missing_image(situation: Situation) -> Iterator[Problem]:
    """An image is not on this engine, and `pull_policy` does not allow to pull it.

    Fix: run `docker pull`, or remove `pull_policy`.

    Evidence: measured. `docker run --pull never` ends with 125 and `No such image`; the containers that a script has started before
    run on.
    """
    desired, observed, options = situation.view.desired, situation.view.observed, situation.images
    of_containers = {want.image: want.settings for want in desired.containers}
    for image in missing_images(desired, observed, options):
        # The service of a one-off is not selected; an image that only a build uses has no container.
        settings = desired.services.get(image.services[0]) or of_containers.get(image.ref)
        yield Problem(
            (table(settings) if settings else "services", image.services[0], "image"),
            f"image {image.ref} is not here, and {_forbidden(image, options)}",
            f"stackctl build {image.services[0]}, or leave --no-build out"
            if image.build
            else f"docker pull {image.ref}, or drop pull_policy",
        )


def _forbidden(image: Image, options: ImageOptions) -> str:
    if image.build:
        return "--no-build forbids to build it"
    return f"pull_policy {options.pull or image.policy} forbids to pull it"


def waits_without_check(situation: Situation) -> Iterator[Problem]:
    """A service waits until another one is healthy (`condition = "service_healthy"`), but neither the other service nor its
    image has a healthcheck.

    The service would wait until the timeout. The image tells whether it has a check. While the image is not on the engine,
    the rule says nothing.

    Fix: give the other service a healthcheck, or use the short form `depends_on = ["NAME"]`, which waits until it is ready.

    Evidence: Compose says `dependency failed to start: container … has no healthcheck configured`, after it has created all.
    """
    placed, observed = situation.view.slots, situation.view.observed
    for slot in placed:
        for need in slot.want.needs:
            others = placed.by_service[need.service]
            if need.condition is Condition.healthy and not all(_can_be_healthy(o, observed) for o in others):
                yield Problem(
                    where(slot.want, "depends_on", need.service),
                    f"{slot.want.service} waits for {need.service} to be healthy, but {need.service} has no healthcheck:"
                    " that would never come",
                    f"give {need.service} a healthcheck, or use the short form, which waits for what there is",
                )


def _can_be_healthy(slot: Slot, observed: Observed) -> bool:
    """Whether the service has a check: its own, or the check of its image. An image that is not known yet may have one."""
    own, config = slot.want.healthcheck, observed.configs.get(slot.want.image)
    if slot.want.probes or (slot.current and slot.current.health):
        return True
    return not (own and own.test) and (config is None or config.healthcheck)
