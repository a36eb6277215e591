"""How a container is asked whether it is ready: the check it is given, and those that stackctl asks itself."""

import pytest
from plan_world import desired

from stackctl.planner.world.desired import DesiredContainer, DesiredHealthcheck
from stackctl.planner.world.probes import CommandProbe, HttpProbe, LogProbe, ProtocolProbe, TcpProbe, Timing
from stackctl.secret import Secret


def only(text: str) -> DesiredContainer:
    """The one container of a stack."""
    (found,) = desired(text).containers
    return found


def web(keys: str) -> DesiredContainer:
    return only(f'[services.web]\nimage = "app:1"\n{keys}\n')


@pytest.mark.parametrize(
    ("check", "probe", "written"),
    [
        (
            'test = ["CMD", "true"]',
            CommandProbe(("CMD", "true")),
            DesiredHealthcheck(test=("CMD", "true"), interval=5),
        ),
        (
            'test = "true"',
            CommandProbe(("CMD-SHELL", "true")),
            DesiredHealthcheck(test=("CMD-SHELL", "true"), interval=5),
        ),
        ("tcp = 80", TcpProbe(80), None),
        ('http = ":80/health"', HttpProbe(80, "/health"), None),
        ('log = "ready"', LogProbe("ready"), None),
    ],
)
def test_checks(check: str, probe: object, written: DesiredHealthcheck | None) -> None:
    container = web(f'healthcheck = {{ {check}, interval = "5s" }}')
    assert container.probes == (probe,)
    assert container.healthcheck == written
    assert container.timing == Timing(interval=5)


def test_a_check_of_the_image_may_be_timed_or_turned_off() -> None:
    timed = web(
        'healthcheck = { interval = "1s", timeout = "2s", retries = 4, start_period = "3s", start_interval = "500ms" }'
    )
    assert timed.healthcheck == DesiredHealthcheck(
        interval=1, timeout=2, retries=4, start_period=3, start_interval=0.5
    )
    assert timed.timing == Timing(interval=1, timeout=2, retries=4, start_period=3, start_interval=0.5)
    assert timed.probes == ()
    for off in ("disable = true", 'test = ["NONE"]'):
        assert web(f"healthcheck = {{ {off} }}").healthcheck == DesiredHealthcheck(test=("NONE",))


POSTGRES = (
    '[services.db]\nimage = "postgres:15"\nenvironment = { POSTGRES_PASSWORD = "pw", POSTGRES_DB = "shop" }\n'
)


def test_a_known_image_brings_its_own_check() -> None:
    (probe,) = only(POSTGRES).probes
    assert isinstance(probe, ProtocolProbe)
    assert (probe.protocol, probe.port, probe.user, probe.database) == ("postgres", 5432, "postgres", "shop")
    assert probe.password == Secret("pw")


def test_a_known_image_is_asked_beside_the_check_that_is_given() -> None:
    kinds = [type(probe) for probe in only(POSTGRES + "healthcheck = { test = 'pg_isready' }\n").probes]
    assert kinds == [CommandProbe, ProtocolProbe]


@pytest.mark.parametrize(
    "keys", ['command = "bash"', 'entrypoint = "sh"', 'build = "."', "healthcheck = { disable = true }"]
)
def test_nothing_is_asked_where_the_server_does_not_run(keys: str) -> None:
    assert only(f"{POSTGRES}{keys}\n").probes == ()


def test_a_job_with_a_known_image_is_not_asked() -> None:
    assert only(POSTGRES.replace("services", "jobs")).probes == ()
