"""A container of the in-memory engine, as a wait sees it."""

from __future__ import annotations

from collections.abc import Callable

from stackctl.engine.memory.container import MemoryContainer
from stackctl.engine.ready import probe
from stackctl.engine.ready.target import ContainerState, Target
from stackctl.planner.world.probes import CommandProbe, LogProbe, Probe


class MemoryTarget:
    """A `Target`. A pause moves the container's clock. `find` gives the container, None once it is gone."""

    def __init__(
        self,
        find: Callable[[], MemoryContainer | None],
        run: Callable[[MemoryContainer, tuple[str, ...]], tuple[int, str]],
    ) -> None:
        self._find = find
        self._run = run
        self._waited = 0.0

    @property
    def ready(self) -> bool:
        container = self._find()
        return container is not None and container.lived >= container.behaviour.ready_after

    def inspect(self) -> ContainerState | None:
        container = self._find()
        return container.as_running() if container else None

    def log(self, tail: int | None = None) -> str:
        container = self._find()
        lines = [f"{line.text}\n" for line in container.log[container.log_start :]] if container else []
        return "".join(lines[-tail:] if tail else lines)

    def exec(self, argv: tuple[str, ...], timeout: float) -> tuple[int | None, str]:
        container = self._find()
        return self._run(container, argv) if container else (None, "")

    def pause(self, seconds: float) -> None:
        self._waited += seconds
        if (container := self._find()) and container.state != "paused":
            container.clock += seconds

    def now(self) -> float:
        return self._waited


def ask(question: Probe, running: ContainerState, target: Target, timeout: float) -> probe.ProbeAnswer:
    """Run a probe: it fails until the container's behaviour says that the container is ready. Then log checks read the log,
    commands are run, and all other probes pass.
    """
    assert isinstance(target, MemoryTarget)
    if not target.ready:
        return probe.ProbeAnswer(False, "not ready yet")
    match question:
        case LogProbe():
            return probe.ask(question, running, target, timeout)
        case CommandProbe(test):
            code, _ = target.exec(("/bin/sh", "-c", test[1]) if test[0] == "CMD-SHELL" else test[1:], timeout)
            if code == 127:
                return probe.ProbeAnswer(True, "a program that is not known here")
            return probe.ask(question, running, target, timeout)
    return probe.ProbeAnswer(True, "accepts connections")
