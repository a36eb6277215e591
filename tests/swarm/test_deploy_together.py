"""Two deploys of one stack at the same time."""

from __future__ import annotations

import pytest
from deployed import SLEEP, Deployed
from proxy import RecordingProxy

pytestmark = [pytest.mark.docker, pytest.mark.slow]
pytest_plugins = ["swarm_fixtures"]


def test_two_deploys_at_once_must_both_end_well_from_one_machine_and_from_two(
    swarm: Deployed, recorder: RecordingProxy
) -> None:
    """The lock is a file of the machine: with other directories of locks, only the versions of the Swarm keep them apart."""
    text = f"[services.a]\n{SLEEP}[services.b]\n{SLEEP}depends_on = ['a']\nenvironment.N = '%s'\n"
    swarm.write(text % 0)
    for number, states in enumerate([("one", "two"), ("one", "one"), ("one", "two")]):
        swarm.write(text % number)
        for state in states:
            (swarm.directory / state).mkdir(exist_ok=True)
        runs = [
            swarm.start("deploy", env={"XDG_RUNTIME_DIR": str(swarm.directory / state)}) for state in states
        ]
        for run in runs:
            with run:
                _, told = run.communicate(timeout=120)
            assert run.returncode == 0, told
        assert swarm.environment_of("b") == [f"N={number}"]
        left = swarm.left()
        assert (len(left["services"]), left["networks"]) == (2, [f"{swarm.name}_default"])
        recorder.forget()
        swarm.run("deploy")
        assert recorder.writes == []
