"""However a deploy ends, the next one must reach the state that an uninterrupted one would have reached."""

from __future__ import annotations

import itertools

import pytest
from deployed import NOTHING, SLEEP, Deployed
from proxy import RecordingProxy
from scenario import killed_at

pytestmark = pytest.mark.docker
pytest_plugins = ["swarm_fixtures"]


def spec(value: object) -> str:
    """Two services, the secret and the config of one of which have this value."""
    return f"""
[services.db]
{SLEEP}
secrets = ["pw"]
configs = ["settings"]
[services.web]
{SLEEP}
environment = {{ A = "{value}" }}
depends_on = ["db"]
[secrets.pw]
environment = "PW"
[configs.settings]
content = "a = {value}"
"""


def write(swarm: Deployed, value: object) -> None:
    swarm.write(spec(value))
    swarm.env["PW"] = str(value)


def is_right(swarm: Deployed, value: object) -> None:
    """The whole state, and nothing besides but what a rollback needs."""
    left = swarm.left()
    assert left["services"] == [f"{swarm.name}_db", f"{swarm.name}_web"]
    assert left["networks"] == [f"{swarm.name}_default"]
    for section in ("secrets", "configs"):
        assert 1 <= len(left[section]) <= 2, left
    assert swarm.environment_of("web") == [f"A={value}"]
    assert swarm.within("db", "cat", "/run/secrets/pw", "/settings") == f"{value}a = {value}"
    swarm.run("deploy", "plan", "--detailed-exitcode")


@pytest.mark.slow
def test_a_kill_at_any_write_of_a_rotation_must_be_made_good(
    swarm: Deployed, recorder: RecordingProxy
) -> None:
    write(swarm, 10)
    swarm.run("deploy")
    for number in itertools.count(1):
        write(swarm, 10 + number)
        came_to_it = killed_at(swarm, recorder, number, "deploy")
        swarm.run("deploy")
        is_right(swarm, 10 + number)
        if not came_to_it:
            assert number > 6, "a rotation writes six times"
            return


@pytest.mark.slow
def test_a_kill_at_any_write_of_the_first_deploy_and_of_down_must_be_made_good(
    swarm: Deployed, recorder: RecordingProxy
) -> None:
    write(swarm, 1)
    for number in itertools.count(1):
        came = [killed_at(swarm, recorder, number, "deploy")]
        swarm.run("deploy")
        is_right(swarm, 1)
        came.append(killed_at(swarm, recorder, number, "deploy", "down"))
        swarm.run("deploy", "down")
        assert swarm.left() == NOTHING
        if not any(came):
            assert number > 5, "a deploy and a down write five times"
            return
