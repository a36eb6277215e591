"""What a deploy of many services costs: on a real Swarm of three engines on this machine, beside `docker stack deploy`; and with a
simulated manager, what 1,000 services on 100 nodes ask of stackctl itself. Prints the tables of docs/scale.md.

Needs root, Docker's own command line, and `busybox` on the engine of this machine.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "tests" / part) for part in ("engine", "swarm", "docker", "faults")]

from cluster import Cluster, Node  # noqa: E402
from proxy import RecordingProxy  # noqa: E402

import stackctl  # noqa: E402
from stackctl.deploying import Deploying  # noqa: E402
from stackctl.engine.memory import MemoryEngine  # noqa: E402
from stackctl.engine.memory.swarm import MemorySwarm  # noqa: E402
from stackctl.planner.steps.outcome import outcome  # noqa: E402
from stackctl.planner.world.observed import ImageConfig, ObservedEngine  # noqa: E402
from stackctl.spec.selection import Selection  # noqa: E402

LOOK = 6
"""The calls of one look: info, nodes, services, networks, secrets, configs. The real Swarm counts them, too."""


def stack_of(services: int, replicas: int) -> str:
    return "".join(
        f"[services.s{number}]\nimage = 'busybox'\ncommand = 'sleep infinity'\nenvironment.N = '{number}'\n"
        f"deploy = {{ replicas = {replicas}, endpoint_mode = 'dnsrr' }}\n"
        for number in range(services)
    )


def compose_of(services: int) -> str:
    return "services:\n" + "".join(
        f"  s{number}:\n    image: busybox\n    command: sleep infinity\n    environment: {{N: '{number}'}}\n"
        "    deploy: {replicas: 0, endpoint_mode: dnsrr}\n"
        for number in range(services)
    )


def took(argv: list[str], directory: Path, host: str, **env: str) -> float:
    began = time.perf_counter()
    done = subprocess.run(
        argv,
        cwd=directory,
        env={**os.environ, "DOCKER_HOST": host, "NO_COLOR": "1", **env},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(argv)}: {done.stderr}")
    return time.perf_counter() - began


def size(node: Node, paths: list[str]) -> int:
    """The bytes of what the engine answers to these paths."""
    with closing(node.api) as api:
        return sum(len(api.get(f"{api.base_url}/v{api._version}{path}").content) for path in paths)


def real(counts: list[int], rounds: int) -> None:
    print("| services | first deploy | second deploy | its calls | its writes | its bytes | `docker stack deploy`, second | its calls | its writes |")  # fmt: skip
    print("|--:|--:|--:|--:|--:|--:|--:|--:|--:|")
    with Cluster(3) as cluster, tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        with RecordingProxy(cluster.manager.socket, directory / "engine.sock") as proxy:
            host = f"unix://{proxy.path}"
            ours = [sys.executable, "-m", "stackctl", "deploy"]
            theirs = ["docker", "stack", "deploy", "--resolve-image=never", "-c", "compose.yaml", "theirs"]
            own = {"STACKCTL_PROJECT": "ours", "PYTHONPATH": str(ROOT)}
            for count in counts:
                (directory / "stack.toml").write_text(stack_of(count, 0))
                (directory / "compose.yaml").write_text(compose_of(count))
                first = took(ours, directory, host, **own)
                took(theirs, directory, host)
                seconds: dict[str, list[float]] = {"ours": [], "theirs": []}
                asked = {}
                for _ in range(rounds):  # in turns, so that both have the same load
                    for tool, argv, env in (("ours", ours, own), ("theirs", theirs, {})):
                        proxy.forget()
                        seconds[tool].append(took(argv, directory, host, **env))
                        asked[tool] = [each for each in proxy.requests if each.path != "/_ping"]
                mine, other = asked["ours"], asked["theirs"]
                read = size(cluster.manager, [each.path for each in mine if not each.writes])
                print(
                    f"| {count} | {first:.1f} s | {statistics.median(seconds['ours']):.2f} s | {len(mine)} "
                    f"| {sum(each.writes for each in mine)} | {read:,} "
                    f"| {statistics.median(seconds['theirs']):.2f} s | {len(other)} "
                    f"| {sum(each.writes for each in other)} |",
                    flush=True,
                )


def simulated(sizes: list[tuple[int, int]]) -> None:
    print("| services | nodes | tasks | second deploy: calls | writes | seconds of the processor | one service changed: writes |")  # fmt: skip
    print("|--:|--:|--:|--:|--:|--:|--:|")
    for services, nodes in sizes:
        engine = MemoryEngine(
            {"busybox": ImageConfig()}, info=ObservedEngine(id=f"bench-{services}"), swarm=MemorySwarm(nodes)
        )
        looks = {"looks": 0, "tasks": 0}
        observe, tasks = engine.observe_swarm, engine.swarm_tasks

        def counted_observe(project: str, observe=observe, looks=looks):
            looks["looks"] += 1
            return observe(project)

        def counted_tasks(project: str, tasks=tasks, looks=looks):
            looks["tasks"] += 1
            return tasks(project)

        with tempfile.TemporaryDirectory() as name:
            file = Path(name, "stack.toml")

            def deploy(text: str, file: Path = file, engine: MemoryEngine = engine) -> None:
                file.write_text('name = "bench"\nnetworks.default.ipam.config = [{ subnet = "10.20.0.0/16" }]\n' + text)  # fmt: skip
                stack = stackctl.load(file, environ={}, strict=False)
                result = outcome(Deploying(stack, engine).deploy(Selection()))
                assert not result.failures, result.failures[0]

            text = stack_of(services, 3)
            deploy(text)
            engine.observe_swarm, engine.swarm_tasks = counted_observe, counted_tasks
            before, began = engine.writes, time.process_time()
            deploy(text)
            seconds, writes = time.process_time() - began, engine.writes - before
            calls = looks["looks"] * LOOK + looks["tasks"]
            before, there = engine.writes, len(tasks("bench"))
            deploy(text.replace("N = '7'", "N = 'seven'"))
            print(
                f"| {services:,} | {nodes} | {there:,} | {calls} | {writes} | {seconds:.2f} "
                f"| {engine.writes - before} |",
                flush=True,
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--services", type=int, nargs="+", default=[10, 50, 100, 200])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--simulated-only", action="store_true")
    options = parser.parse_args()
    if not options.simulated_only:
        real(options.services, options.rounds)
        print()
    simulated([(10, 3), (100, 10), (200, 100), (1000, 100)])


if __name__ == "__main__":
    main()
