"""Two and three runs of one project at once: each ends with 0 or says that another one holds the project, and nothing is corrupt.

A trial puts a project into a state, starts its runs at random moments, and looks at what they leave. The runs of some trials have
lock directories of their own, as those of two machines that use one engine: then only the engine keeps them apart.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from private_engine import Machine, alone, why_not
from scenario import NOTHING, SLEEP, Project, eventually

pytestmark = [pytest.mark.docker, pytest.mark.skipif(bool(why_not()), reason=why_not())]

OFFSET = 2.0
"""The second run begins up to so many seconds after the first one."""
SEED = int(os.environ.get("STACKCTL_TEST_SEED", "13"))
ENDS = (0, 3)
"""It is done, or another run holds the project."""


def stack(value: str, web: int = 1) -> str:
    return f"""
checkouts = "shared"
[services.db]
{SLEEP}environment.A = "{value}"
volumes = ["data:/data"]
stop_grace_period = "0s"
[services.web]
{SLEEP}depends_on = ["db"]
stop_grace_period = "0s"
deploy.replicas = {web}
[volumes.data]
"""


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    with alone(images=["busybox"]) as machine:
        yield machine


@pytest.fixture
def project(machine: Machine, tmp_path: Path) -> Iterator[Project]:
    with machine.project(tmp_path / "project") as made:
        yield made


@dataclass(frozen=True)
class Run:
    """A run of a trial. `leaves` is what the project has if this run ends last: the value of the variable in `db` and the number of
    containers of `web`. Or nothing; or, with "", what was there before.
    """

    args: tuple[str, ...]
    leaves: tuple[str, int] | None
    text: str = ""
    at: str = "."
    """The checkout, below the directory of the project."""


UNCHANGED = ("", 0)
"""What a run leaves that changes nothing: what the run before it leaves."""
TESTS = """
def test_it(stack):
    assert stack["db"].exec("true").exit_code == 0
"""


def up(value: str, *, web: int = 1, at: str = ".") -> Run:
    return Run(("up",), (value, web), stack(value, web), at)


DOWN = Run(("down",), None)


@dataclass(frozen=True)
class Kind:
    """What runs together, and what was there before: the value of the variable in `db`; "" for nothing."""

    runs: tuple[Run, ...]
    before: str = ""


KINDS: Mapping[str, Kind] = {
    "up-up": Kind((up("0"), up("0"))),
    "up-up-up": Kind((up("0"), up("0"), up("0"))),
    "recreate": Kind((up("1"), up("2")), "0"),
    "same-recreate": Kind((up("1"), up("1")), "0"),
    "up-down": Kind((up("1"), DOWN), "0"),
    "up-up-down": Kind((up("1"), up("2"), DOWN), "0"),
    "down-down": Kind((DOWN, DOWN), "0"),
    "up-scale": Kind((up("0"), up("0", web=3)), "0"),
    "gc-up": Kind((up("1"), Run(("gc", "--yes"), UNCHANGED)), "0"),
    "run-up": Kind((up("1"), Run(("run", "--rm", "--no-deps", "web", "true"), UNCHANGED)), "0"),
    "pytest-up": Kind((up("1"), Run(("pytest",), UNCHANGED, TESTS)), "0"),
    "checkouts": Kind((up("1"), up("1", at="elsewhere")), "0"),
}


@dataclass
class Ended:
    run: Run
    code: int
    output: str
    at: float


def trial(project: Project, kind: Kind, seed: int, *, apart: bool = False) -> Counter[int]:
    """One trial. Returns how often each exit code came. Afterwards the project is as it is before a trial."""
    rng = random.Random(seed)
    name = project.name
    project.write(stack(kind.before or "0"))
    if kind.before and not project.containers():
        project.run("up")
        project.inside("db", "touch", "/data/kept")
    offsets = [0.0, *(rng.uniform(0, OFFSET) * rng.choice((0.1, 0.3, 1)) for _ in kind.runs[1:])]
    rng.shuffle(offsets)
    ended = together(project, kind.runs, offsets, apart=apart)
    told = f"offsets {offsets}\n" + "\n".join(f"{' '.join(e.run.args)}: {e.code}\n{e.output}" for e in ended)
    assert not any("Traceback" in e.output for e in ended), told
    if not apart:
        assert {e.code for e in ended} <= {*ENDS}, told
        left: tuple[str, int] | None = (kind.before, 1)
        for each in sorted(ended, key=lambda e: e.at):
            left = each.run.leaves if each.code == 0 and each.run.leaves != UNCHANGED else left
        assert state(project) == left, told
    project.run("up", "--lock-timeout", "0")  # nobody holds the lock
    assert state(project) == (kind.before or "0", 1), told
    assert project.resources() == {
        "containers": [f"{name}-db-1", f"{name}-web-1"],
        "networks": [f"{name}_default"],
        "volumes": [f"{name}_data"],
    }, told
    assert [n["Name"] for n in project.api.networks() if n["Name"].startswith(name)] == [f"{name}_default"], (
        told
    )
    project.inside("web", "ping", "-c", "1", "-W", "2", "db")
    if kind.before:
        assert project.inside("db", "ls", "/data") == "kept\n", told
    else:
        project.run("down", "--volumes")
        assert project.resources() == NOTHING, told
    return Counter(e.code for e in ended)


def state(project: Project) -> tuple[str, int] | None:
    """The value in `db`, and how many `web` there are; None if there is no container. All must run."""
    eventually(lambda: all(c["State"] != "removing" for c in project.containers()))
    containers = project.containers()
    if not containers:
        return None
    assert {c["State"] for c in containers} == {"running"}, project.story()
    (db,) = (c for c in containers if c["Labels"]["stackctl.service"] == "db")
    environment = project.api.inspect_container(db["Id"])["Config"]["Env"]
    (value,) = (line[2:] for line in environment if line.startswith("A="))
    return value, len(containers) - 1


def start(project: Project, run: Run, file: Path, env: Mapping[str, str]) -> subprocess.Popen[str]:
    if run.args != ("pytest",):
        return project.start("-f", str(file), *run.args, env=env, at=file.parent)
    tests = file.parent / "test_it.py"
    tests.write_text(run.text)
    variables = {**project.environment, **project.env, **env}
    del variables["STACKCTL_PROJECT"]
    return subprocess.Popen(
        [*project.entering, sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tests)],
        cwd=file.parent,
        env=variables,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def together(project: Project, runs: tuple[Run, ...], offsets: list[float], *, apart: bool) -> list[Ended]:
    """Start each run at its time, and wait for all."""
    ended: list[Ended] = []
    began = time.monotonic()

    def one(number: int, run: Run, offset: float) -> None:
        directory = project.directory / run.at
        directory.mkdir(exist_ok=True)
        file = directory / f"stack{number}.toml"
        file.write_text(run.text if run.text.startswith("\nch") else stack("0"))
        env = {}
        if apart:
            locks = project.directory / f"host{number}"
            locks.mkdir(exist_ok=True)
            env["XDG_RUNTIME_DIR"] = str(locks)
        time.sleep(max(0.0, began + offset - time.monotonic()))
        process = start(project, run, file, env)
        output, err = process.communicate(timeout=120)
        ended.append(Ended(run, process.returncode, output + err, time.monotonic()))

    threads = [
        threading.Thread(target=one, args=(number, run, offset))
        for number, (run, offset) in enumerate(zip(runs, offsets, strict=True))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ended) == len(runs)
    return ended


def tried(project: Project, kind: str, wanted: int, *, apart: bool) -> None:
    """Try so often, and tell how it went. Fails with every trial that was not right."""
    codes: Counter[int] = Counter()
    failures = []
    for number in range(wanted):
        try:
            codes += trial(project, KINDS[kind], SEED * 1000 + number, apart=apart)
        except AssertionError as error:
            failures.append(f"trial {number}: {error}")
            project.clean()
    print(
        f"{kind}{' apart' if apart else ''}: {wanted - len(failures)} of {wanted} right, exit codes {dict(codes)}"
    )
    assert not failures, "\n\n".join(failures)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("kind", KINDS)
def test_runs_of_one_machine_must_agree(project: Project, times: Callable[[int], int], kind: str) -> None:
    tried(project, kind, times(17), apart=False)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("kind", ["up-up", "up-up-up", "recreate", "same-recreate", "up-down", "down-down"])
def test_runs_of_two_machines_must_be_made_good(
    project: Project, times: Callable[[int], int], kind: str
) -> None:
    """They have no lock in common. A run may fail; it says why, and the next `up` makes all good."""
    tried(project, kind, times(17), apart=True)


@pytest.mark.parametrize("kind", ["recreate", "up-down"])
def test_two_and_three_runs_at_once_must_agree(project: Project, kind: str) -> None:
    tried(project, kind, 1, apart=False)


def test_two_machines_must_use_one_network(project: Project) -> None:
    tried(project, "up-up", 1, apart=True)


@pytest.mark.slow
def test_what_is_removed_while_it_is_waited_for_must_be_made_again(project: Project) -> None:
    project.write(f"""
[services.db]
{SLEEP}healthcheck = {{ test = "test -e /data/ok", interval = "1s", start_period = "2m" }}
volumes = ["data:/data"]
stop_grace_period = "0s"
[services.web]
{SLEEP}depends_on = ["db"]
[volumes.data]
""")
    process = project.start("up")
    eventually(lambda: project.states().get("db") == "running", 60)
    first = project.ids()["db"]
    project.api.remove_container(first, force=True)
    eventually(lambda: project.states().get("db") == "running" and project.ids()["db"] != first, 60)
    project.inside("db", "touch", "/data/ok")
    _, said = process.communicate(timeout=120)
    assert process.returncode == 0, said
    assert project.states() == {"db": "running", "web": "running"}
