"""A deploy that fails on a Swarm: it says why, touches nothing further, and what served goes on serving."""

from __future__ import annotations

import pytest
from deployed import SLEEP, Deployed
from proxy import RecordingProxy

pytestmark = pytest.mark.docker
pytest_plugins = ["swarm_fixtures"]

_UNHEALTHY = 'healthcheck = { test = "false", interval = "200ms", retries = 1 }'
_NEVER_HEALTHY = 'healthcheck = { test = "false", interval = "10s", start_period = "10m" }'


def chain(level: int, api: str = "", web: str = "") -> str:
    """Three services, each of which needs the one before; the last two change with the level."""
    return f"""
[services.db]
{SLEEP}
[services.api]
{SLEEP}
environment = {{ LEVEL = "{level}" }}
depends_on = ["db"]
{api}
[services.web]
{SLEEP}
environment = {{ LEVEL = "{level}" }}
depends_on = ["api"]
{web}
"""


@pytest.mark.slow
def test_a_failed_update_must_go_back_or_stop_at_its_deadline_and_leave_the_rest_alone(
    swarm: Deployed, recorder: RecordingProxy
) -> None:
    swarm.write(chain(1))
    swarm.run("deploy")
    before, (serving,) = swarm.versions(), swarm.tasks("api")

    def others_are_untouched() -> None:
        now = swarm.versions()
        assert {key: now[key] for key in now if not key.endswith("_api")} == {
            key: before[key] for key in before if not key.endswith("_api")
        }
        assert [task["ID"] for task in swarm.tasks("api")] == [serving["ID"]]

    swarm.write(chain(2, _UNHEALTHY))
    told = swarm.run("deploy", code=6)
    assert "unhealthy" in told.stderr
    assert swarm.environment_of("api") == ["LEVEL=1"]
    others_are_untouched()

    swarm.write(chain(2, _NEVER_HEALTHY))
    told = swarm.run("deploy", "--timeout", "2", code=4)
    assert f"{swarm.name}_api has not come to run within 2 s" in told.stderr
    others_are_untouched()

    swarm.write(chain(1))
    swarm.run("deploy")
    others_are_untouched()

    swarm.write(chain(3, _NEVER_HEALTHY))
    swarm.run("deploy", "--timeout", "2", "--rollback", code=6)
    assert swarm.environment_of("api") == ["LEVEL=1"]
    others_are_untouched()

    swarm.write(chain(4))
    swarm.run("deploy")
    assert [swarm.environment_of(key) for key in ("api", "web")] == [["LEVEL=4"], ["LEVEL=4"]]
    recorder.forget()
    swarm.run("deploy")
    assert recorder.writes == []


@pytest.mark.slow
def test_what_no_node_can_run_must_be_refused_or_told_in_the_words_of_the_swarm(
    swarm: Deployed, recorder: RecordingProxy
) -> None:
    swarm.write(
        chain(1, 'deploy.placement.constraints = ["node.labels.disk==ssd"]', 'ports = ["127.0.0.1:80:80"]')
    )
    told = swarm.run("deploy", code=None)
    assert told.code not in (0, 4, 6)
    assert "no node has node.labels.disk" in told.stderr
    assert "docker node update --label-add disk=ssd NODE" in told.stderr
    assert "127.0.0.1" in told.stderr
    assert recorder.writes == []

    swarm.write(chain(1, 'deploy.resources.reservations.cpus = "500"'))
    swarm.run("deploy", "db")
    told = swarm.run("deploy", "--timeout", "3", "--rollback", code=6)
    assert "no suitable node (insufficient resources on 3 nodes)" in told.stderr
    assert swarm.left()["services"] == [f"{swarm.name}_db"]
