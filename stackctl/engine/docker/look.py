"""Look at a Docker engine (or at Podman, which speaks the Docker API)."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from socket import gethostname
from typing import TYPE_CHECKING

from stackctl.engine.docker import asked, snapshot
from stackctl.engine.docker.network_ids import NetworkIds
from stackctl.engine.docker.sharing import sharing
from stackctl.engine.transport.client import Found, Json, RefusedError, WireClient
from stackctl.engine.transport.endpoint import Endpoint
from stackctl.planner.world import labels as names
from stackctl.planner.world.inspected import Inspected
from stackctl.planner.world.observed import ImageConfig, Observed, ObservedContainer, ObservedEngine
from stackctl.planner.world.probes import Probe
from stackctl.real import real_time

if TYPE_CHECKING:
    from stackctl.planner.same.side import Thing
    from stackctl.planner.world.arrangement import Arrangement
    from stackctl.planner.world.asked import Counters, ObservedImage, Processes
    from stackctl.planner.world.examined import ExaminedEngine
    from stackctl.planner.world.swarm_observed import ObservedSwarm, ObservedTask

Call = tuple[tuple[str, ...], Mapping[str, object]]

_CONFLICT = 409

_INFO: Call = (("info",), {})


def _containers(project: str) -> Call:
    """The call that lists all containers, or only the containers with that project's label."""
    filters = {"label": [f"{names.PROJECT}={project}"]} if project else None
    return ("containers", "json"), {"all": True, "filters": filters}


def _lists(project: str) -> Sequence[Call]:
    return (_containers(project), (("networks",), {}), (("volumes",), {}), (("images", "json"), {}))


class DockerLook:
    """Makes no call that writes. Safe to share between threads."""

    def __init__(self, client: WireClient, endpoint: Endpoint) -> None:
        self.client = client
        self.endpoint = endpoint
        self.networks = NetworkIds(client)
        self._asking = threading.Lock()
        self._engine: ObservedEngine | None = None
        self._expected_engine: Callable[[], ObservedEngine] | None = None
        self._expected: dict[str, Callable[[], list[Found]]] = {}
        """By project: the lists that were asked for and are not read yet."""
        self._info: Json | None = None
        """What the engine has said about itself, until a look at the Swarm has used it."""
        self._image_ids: Mapping[str, str] = {}
        self._configs: dict[str, ImageConfig] = {}

    @property
    def id(self) -> str:
        return self.engine.id

    @property
    def engine(self) -> ObservedEngine:
        """Which engine this is, and what it shares with this process. The engine is asked once."""
        with self._asking:
            if self._engine is None:
                expected, self._expected_engine = self._expected_engine, None
                self._engine = (expected or self._ask_engine())()
            return self._engine

    def expect(self, project: str | None = None) -> None:
        """Makes one call unless the engine is known, and with a project four more, all at once."""
        with self._asking:
            if self._engine is None and self._expected_engine is None:
                self._expected_engine = self._ask_engine()
        if project is not None:
            self._expected[project] = self.client.ask_all(*_lists(project))

    def observe(self, project: str = "") -> Observed:
        """Makes four calls, the first time five, all at once."""
        if project not in self._expected:
            self.expect(project)
        lists = self._expected.pop(project, None) or self.client.ask_all(*_lists(project))
        containers, networks, volumes, images = lists()
        observed = snapshot.observed(
            self.engine,
            time=real_time() + self.engine.clock_ahead,
            containers=containers.body,
            networks=networks.body,
            volumes=volumes.body,
            images=images.body,
        )
        self.networks.learn(observed)
        self._image_ids = observed.images
        return observed

    def containers(self, project: str) -> tuple[ObservedContainer, ...]:
        (rows,) = self.client.ask_all(_containers(project))()
        return tuple(snapshot.container(row, {}) for row in rows.body)

    def inspect(self, container: str) -> Inspected:
        return snapshot.inspected(self.client.get("containers", container, "json"))

    def made(self, containers: Collection[str]) -> tuple[Thing, ...]:
        from stackctl.engine.docker.inspecting import made  # most looks compare no container

        return made(self.client, containers)

    def arrangement(self, containers: Collection[str], networks: Collection[str]) -> Arrangement:
        from stackctl.engine.docker.arranging import arrangement  # most looks put nothing back

        return arrangement(self.client, containers, networks)

    def image_configs(self, refs: Collection[str]) -> Mapping[str, ImageConfig]:
        """Makes one call for each image that was not asked for before."""
        configs = {ref: self.image_config(ref) for ref in refs}
        return {ref: config for ref, config in configs.items() if config is not None}

    def images(self, ids: Collection[str]) -> Mapping[str, ObservedImage]:
        """Makes one call for each image, all at once."""
        answers = self.client.ask_each(*((("images", id_, "json"), {}) for id_ in ids))
        return {id_: asked.image(answer) for id_, answer in zip(ids, answers, strict=True) if answer}

    def processes(self, container: str, options: str = "") -> Processes:
        try:
            answer = self.client.get("containers", container, "top", ps_args=options or None)
        except RefusedError as error:
            if error.status == _CONFLICT:
                raise RefusedError(
                    f"{container} does not run", "stackctl up starts it", status=_CONFLICT
                ) from error
            raise
        return asked.processes(answer)

    def counters(self, containers: Collection[str]) -> Mapping[str, Counters]:
        """Makes one call for each container, all at once."""
        once = {"stream": False, "one-shot": True}
        answers = self.client.ask_each(*((("containers", id_, "stats"), once) for id_ in containers))
        now = real_time()
        return {
            id_: asked.counters(answer, now)
            for id_, answer in zip(containers, answers, strict=True)
            if answer
        }

    def has_buildkit(self) -> bool:
        from stackctl.engine.docker.images.buildx import has_buildx  # most looks ask for no builder

        return has_buildx()

    def volume_sizes(self) -> Mapping[str, int]:
        from stackctl.engine.docker.disk_usage import disk_usage  # most looks count nothing

        usage = disk_usage(self.client, "volume")
        sizes = {v["Name"]: (v.get("UsageData") or {}).get("Size", -1) for v in usage.get("Volumes") or ()}
        return {name: size for name, size in sizes.items() if size >= 0}

    def examined(self, *, sizes: bool = False) -> ExaminedEngine:
        from stackctl.engine.docker.examining import examined  # only `doctor` examines an engine

        return examined(self.client, podman=self.engine.name == "podman", sizes=sizes)

    def answers_from_outside(
        self, probes: Mapping[str, Sequence[Probe]], observed: Observed
    ) -> Mapping[str, str]:
        from stackctl.engine.ready.answers import answers_from_outside  # most looks ask no container

        return answers_from_outside(probes, observed)

    def observe_swarm(self, project: str = "") -> ObservedSwarm:
        """Makes six calls, or one if the engine is no manager."""
        from stackctl.engine.docker.swarm.look import observe  # only `deploy` looks at a Swarm

        engine = self.engine
        info, self._info = self._info, None
        found = observe(
            self.client,
            engine,
            self.client.get("info") if info is None else info,
            project,
            time=real_time() + engine.clock_ahead,
        )
        self.networks.learn_networks(found.networks)
        return found

    @property
    def node_id(self) -> str:
        """The node that the engine is in its Swarm; "" if it is in none."""
        info = self.client.get("info")
        return str((info.get("Swarm") or {}).get("NodeID") or "")

    def swarm_tasks(self, project: str = "") -> tuple[ObservedTask, ...]:
        from stackctl.engine.docker.swarm.look import tasks

        return tasks(self.client, project)

    def image_digest(self, ref: str) -> str | None:
        from stackctl.engine.docker.swarm.look import image_digest

        return image_digest(self.client, ref)

    def image_config(self, ref: str) -> ImageConfig | None:
        """None if the engine does not have the image."""
        known = self._configs.get(self._image_ids.get(ref, ""))
        if known is not None:
            return known
        try:
            answer = self.client.get("images", ref, "json")
        except RefusedError as error:
            if error.status == 404:
                return None
            raise
        config = snapshot.image_config(answer)
        self._configs[answer["Id"]] = config
        return config

    def _ask_engine(self) -> Callable[[], ObservedEngine]:
        asked = real_time()
        answer = self.client.ask_all(_INFO)
        return lambda: self._who(answer()[0], asked)

    def _who(self, found: Found, asked: float) -> ObservedEngine:
        """The engine, from its answer to GET /info. `asked` is the time of the question in seconds since the epoch."""
        info = self._info = found.body
        podman = "libpod-api-version" in found.headers
        socket = self.endpoint.socket
        engine_id = str(info.get("ID") or self.endpoint.host)
        if podman and socket:  # Podman has another id after each start
            stat = socket.stat()
            engine_id = f"{stat.st_dev}:{stat.st_ino}"
        shared = sharing(self.endpoint.host, info, platform=sys.platform, hostname=gethostname())
        return ObservedEngine(
            id=engine_id,
            name="podman" if podman else "docker",
            version=str(info.get("ServerVersion") or ""),
            api=self.client.version,
            endpoint=self.endpoint.host,
            shares_loopback=shared.loopback,
            shares_paths=shared.paths,
            reaches_containers=shared.addresses,
            clock_ahead=0.0 if shared.clock else snapshot.clock_ahead(info, asked, real_time()),
        )
