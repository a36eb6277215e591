"""Whatever happens to a call of a deploy, the run must say what is so, and the next deploy must make it good."""

from __future__ import annotations

import itertools

import pytest
from deployed import NOTHING, Deployed
from faulty import FAULTS, KILLS, at
from proxy import RecordingProxy
from test_deploy_kill import is_right, write

pytestmark = [pytest.mark.docker, pytest.mark.slow, pytest.mark.timeout(1800)]
pytest_plugins = ["swarm_fixtures"]

each_fault = pytest.mark.parametrize("fault", [name for name in FAULTS if name not in KILLS])


def disturbed(swarm: Deployed, recorder: RecordingProxy, number: int, fault: str, *args: str) -> bool | None:
    """Run; the `number`th call that writes meets the fault. Whether the run ended with 0; None if it made fewer calls."""

    def kill() -> None:
        pytest.fail("no fault of these kills")

    env = {"STACKCTL_ENGINE_TIMEOUT": "2"} if fault == "stalled" else {}
    with at(recorder, number, FAULTS[fault], kill) as met:
        done = swarm.run(*args, code=None, env=env)
        recorder.settle()
    assert done.code == 0 or swarm.name in done.output, done.output
    return done.code == 0 if met else None


@each_fault
def test_a_fault_at_any_write_of_a_rotation_must_be_made_good(
    swarm: Deployed, recorder: RecordingProxy, fault: str
) -> None:
    write(swarm, 10)
    swarm.run("deploy")
    for number in itertools.count(1):
        write(swarm, 10 + number)
        ended = disturbed(swarm, recorder, number, fault, "deploy")
        # What was said to be gone when it was to be removed goes with the next deploy.
        if ended and fault != "404":
            is_right(swarm, 10 + number)
        swarm.run("deploy")
        is_right(swarm, 10 + number)
        if ended is None:
            assert number > 6, "a rotation writes six times"
            return


@each_fault
def test_a_fault_at_any_write_of_the_first_deploy_and_of_down_must_be_made_good(
    swarm: Deployed, recorder: RecordingProxy, fault: str
) -> None:
    write(swarm, 1)
    for number in itertools.count(1):
        up = disturbed(swarm, recorder, number, fault, "deploy")
        if up:
            is_right(swarm, 1)
        swarm.run("deploy")
        is_right(swarm, 1)
        down = disturbed(swarm, recorder, number, fault, "deploy", "down")
        if down:
            assert swarm.left() == NOTHING
        swarm.run("deploy", "down")
        assert swarm.left() == NOTHING
        if up is None and down is None:
            assert number > 5, "a deploy and a down write five times"
            return
