import json
import re

import pytest

from stackctl.planner.down import LostVolume
from stackctl.planner.status import StatusRow
from stackctl.planner.world.labels import NUMBER, PROJECT, SERVICE
from stackctl.planner.world.observed import Joined, Mounted, ObservedContainer, PublishedPort
from stackctl.show.lists.containers import FIELDS, containers_as_compose, containers_text
from stackctl.show.lost import lost_text
from stackctl.show.tables import (
    endpoints,
    status_json,
    status_text,
    urls,
    variables_text,
)
from stackctl.show.text.style import Style

ROWS = (
    StatusRow(
        service="postgres",
        container="myapp-postgres-1",
        state="running",
        health="healthy",
        ports=(PublishedPort(5432, "tcp", "127.0.0.1", 5433),),
        since="Up 3 minutes (healthy)",
        image="postgres:15",
    ),
    StatusRow(
        service="api",
        container="myapp-api-1",
        state="running",
        health="starting",
        ports=(PublishedPort(8000, "tcp", "0.0.0.0", 8000), PublishedPort(8000, "tcp", "::", 8000)),
        since="Up About a minute (health: starting)",
        image="myapp-api",
        drift=("environment.LOG_LEVEL changed", "is not in network myapp_back"),
    ),
    StatusRow(
        service="migrate",
        kind="job",
        state="exited",
        exit_code=0,
        since="Exited (0) 2 minutes ago",
        image="x",
    ),
    StatusRow(
        service="seed", kind="job", state="exited", exit_code=3, since="Exited (3) 2 minutes ago", image="x"
    ),
    StatusRow(service="web", image="nginx", drift=("not created",)),
)


def test_status_stands_beside_what_should_be() -> None:
    assert (
        status_text(ROWS)
        == """\
SERVICE    STATE       HEALTH    PORTS                        SINCE               IMAGE
postgres   running     healthy   postgresql://localhost:5433  3 minutes ago       postgres:15
api        running     starting  http://localhost:8000        about a minute ago  myapp-api
migrate    completed                                          2 minutes ago       x
seed       exited (3)                                         2 minutes ago       x
web        missing                                                                nginx

Differs from the spec:
  ~ api  environment.LOG_LEVEL changed, is not in network myapp_back
  ~ web  not created"""
    )


def test_no_drift_no_word_of_it() -> None:
    assert "Differs" not in status_text(ROWS[:1])
    assert status_text([]) == "Nothing is there."


def test_two_containers_of_a_service_are_told_apart() -> None:
    new = StatusRow(service="api", container="myapp-api-1.new", state="created", drift=("not running",))
    old = StatusRow(service="api", container="myapp-api-1", state="running", drift=("it was being replaced",))
    assert (
        status_text([new, old, StatusRow(service="web", container="myapp-web-1", state="running")])
        == """\
SERVICE                STATE    HEALTH    PORTS    SINCE    IMAGE
api (myapp-api-1.new)  created
api (myapp-api-1)      running
web                    running

Differs from the spec:
  ~ api (myapp-api-1.new)  not running
  ~ api (myapp-api-1)      it was being replaced"""
    )


def test_colour_does_not_shift_the_columns() -> None:
    from stackctl.show.text.safe import clean

    assert clean(status_text(ROWS, style=Style(color=True))) == status_text(ROWS)
    assert "\x1b[31mmissing\x1b[0m" in status_text(ROWS, style=Style(color=True))


@pytest.mark.parametrize(
    ("port", "image", "url"),
    [
        (PublishedPort(8000, "tcp", "127.0.0.1", 8000), "myapp-api", "http://localhost:8000"),
        (PublishedPort(8000, "tcp", "192.168.1.5", 80), "myapp-api", "http://192.168.1.5:80"),
        (PublishedPort(8000, "tcp", "fe80::1", 80), "myapp-api", "http://[fe80::1]:80"),
        (PublishedPort(443, "tcp", "::1", 8443), "nginx", "https://localhost:8443"),
        (PublishedPort(6379, "tcp", "", 6380), "redis:7", "redis://localhost:6380"),
        (PublishedPort(53, "udp", "127.0.0.1", 5353), "dns", "localhost:5353/udp"),
    ],
)
def test_urls(port: PublishedPort, image: str, url: str) -> None:
    assert urls(StatusRow(service="x", image=image, ports=(port,))) == [url]


def test_a_port_whose_numbers_differ_for_ipv4_and_ipv6_has_one_address() -> None:
    """Another container may have the number for IPv6 as its own for IPv4."""
    both = (PublishedPort(80, "tcp", "::", 32828), PublishedPort(80, "tcp", "0.0.0.0", 32829))
    assert urls(StatusRow(service="x", ports=both)) == ["http://localhost:32829"]
    alone = (PublishedPort(80, "tcp", "::", 32828), PublishedPort(80, "udp", "0.0.0.0", 32829))
    assert len(urls(StatusRow(service="x", ports=alone))) == 2


def test_endpoints_are_lines_to_click() -> None:
    assert endpoints(ROWS) == (
        "postgres  postgresql://localhost:5433\n"
        "api       http://localhost:8000  PUBLIC 0.0.0.0:8000, past ufw\n"
    )
    assert endpoints(ROWS[2:]) == ""


@pytest.mark.parametrize(
    ("engine", "since"),
    [
        ("Up Less than a second", "less than a second ago"),
        ("Up 2 hours (Paused)", "2 hours ago"),
        ("Restarting (1) 3 seconds ago", "3 seconds ago"),
        ("Created", ""),
        ("", ""),
    ],
)
def test_since(engine: str, since: str) -> None:
    assert (
        status_text([StatusRow(service="x", since=engine)]).splitlines()[1].partition("missing")[2].strip()
        == since
    )


def test_what_changed_since_the_image_was_built_stands_below() -> None:
    rows = [
        StatusRow(service="api", drift=("not running",), outdated="code"),
        StatusRow(service="worker", outdated="build"),
        StatusRow(service="db"),
    ]
    below = status_text(rows).partition("\n\n")[2]
    assert below == (
        "Differs from the spec:\n  ~ api  not running\n\n"
        "Changed since the image was built (stackctl up --build builds it again):\n"
        "  ~ api     the code\n  ~ worker  the Dockerfile or a setting of the build"
    )
    assert [row["outdated"] for row in status_json(rows, "x")["services"]] == ["code", "build", None]


def test_status_as_json() -> None:
    told = status_json(ROWS, "myapp")
    assert (told["version"], told["project"], len(told["services"])) == (2, "myapp", 5)
    assert told["services"][0] == {
        "service": "postgres",
        "kind": "service",
        "container": "myapp-postgres-1",
        "id": "",
        "state": "running",
        "health": "healthy",
        "exit_code": None,
        "ports": [
            {
                "url": "postgresql://localhost:5433",
                "host_ip": "127.0.0.1",
                "published": 5433,
                "target": 5432,
                "protocol": "tcp",
            }
        ],
        "status": "Up 3 minutes (healthy)",
        "created": None,
        "image": "postgres:15",
        "drift": [],
        "outdated": None,
    }
    json.dumps(told)


API = ObservedContainer(
    id="0123456789abcdef",
    name="myapp-api-1",
    image="myapp-api",
    command="gunicorn --bind 0.0.0.0:8000 app:app",
    state="running",
    health="healthy",
    status="Up 2 minutes (healthy)",
    created=1_700_000_000.0,
    labels={PROJECT: "myapp", SERVICE: "api", NUMBER: "1"},
    ports=(PublishedPort(8000, "tcp", "127.0.0.1", 8000), PublishedPort(8000, "tcp", "::1", 8000)),
    mounts=(Mounted("volume", "myapp_uploads", "/uploads"),),
    networks=(Joined("myapp_default", "net", "10.0.0.2"),),
)


NOW = 1_700_000_125.0


def test_ps_is_composes_table() -> None:
    assert (
        containers_text([API], now=NOW)
        == """\
NAME         IMAGE      COMMAND                 SERVICE    CREATED        STATUS                  PORTS
myapp-api-1  myapp-api  "gunicorn --bind 0.0…"  api        2 minutes ago  Up 2 minutes (healthy)  127.0.0.1:8000->8000/tcp, [::1]:8000->8000/tcp"""
    )
    assert containers_text([]).split() == [
        "NAME",
        "IMAGE",
        "COMMAND",
        "SERVICE",
        "CREATED",
        "STATUS",
        "PORTS",
    ]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "Less than a second"),
        (1, "1 second"),
        (59, "59 seconds"),
        (60, "About a minute"),
        (3599, "59 minutes"),
        (3600, "About an hour"),
        (47 * 3600, "47 hours"),
        (3 * 86400, "3 days"),
        (21 * 86400, "3 weeks"),
        (100 * 86400, "3 months"),
        (800 * 86400, "2 years"),
    ],
)
def test_ages_are_in_dockers_words(seconds: float, words: str) -> None:
    assert f"{words} ago" in containers_text([API], now=API.created + seconds)


def test_ps_as_json_has_the_keys_programs_read() -> None:
    other = ObservedContainer(id="1", name="x", exit_code=3, state="exited")
    api, other_one = containers_as_compose([API, other], now=NOW)
    assert list(api) == FIELDS
    assert {key: api[key] for key in ("ID", "Name", "Project", "Service", "State", "Health", "ExitCode")} == {
        "ID": "0123456789ab",
        "Name": "myapp-api-1",
        "Project": "myapp",
        "Service": "api",
        "State": "running",
        "Health": "healthy",
        "ExitCode": 0,
    }
    assert api["Publishers"] == [
        {"URL": "127.0.0.1", "TargetPort": 8000, "PublishedPort": 8000, "Protocol": "tcp"},
        {"URL": "::1", "TargetPort": 8000, "PublishedPort": 8000, "Protocol": "tcp"},
    ]
    assert api["Command"] == '"gunicorn --bind 0.0.0.0:8000 app:app"'
    assert api["CreatedAt"] == "2023-11-14 22:13:20 +0000 UTC"
    assert api["Labels"] == f"{NUMBER}=1,{PROJECT}=myapp,{SERVICE}=api"
    assert (api["LocalVolumes"], api["RunningFor"], api["Size"]) == ("1", "2 minutes ago", "0B")
    assert (other_one["ExitCode"], other_one["Project"], other_one["Publishers"]) == (3, "", [])


def test_what_is_about_to_be_lost_has_owner_age_and_size() -> None:
    volumes = [
        LostVolume("myapp_pgdata", "pgdata", anonymous=False, created=1, size=41_000_000),
        LostVolume("a" * 64, "redis", anonymous=True, created=3000, size=None),
        LostVolume("myapp_old", "old", anonymous=False, created=0, size=1000),
    ]
    assert (
        lost_text(volumes, now=3601)
        == """\
VOLUME        OF                   CREATED            SIZE
myapp_pgdata  pgdata               About an hour ago  41 MB
aaaaaaaaaaaa  anonymous, of redis  10 minutes ago
myapp_old     old                                     1.0 kB"""
    )


def widest(text: str) -> int:
    return max(len(re.sub(r"\x1b\[[0-9;]*m", "", line)) for line in text.splitlines())


def test_tables_fit_a_narrow_terminal() -> None:
    for color in (False, True):
        text = status_text(ROWS, style=Style(color=color, width=60))
        assert widest(text.partition("Differs")[0]) <= 60
        assert all(url in text for row in ROWS for url in urls(row)), "addresses are never cut"
        assert "SERVICE" in text
        assert "IMAGE" not in text
        assert "…" not in text, "half a time says nothing"
    assert status_text(ROWS, style=Style(width=200)) == status_text(ROWS)
    for width in (60, 80, 100):
        assert widest(containers_text([API], now=NOW, style=Style(width=width))) <= width
    assert (
        containers_text([API], now=NOW, style=Style(width=60))
        == """\
SERVICE  STATUS                  PORTS
api      Up 2 minutes (healthy)  127.0.0.1:8000->8000/tcp,
                                 [::1]:8000->8000/tcp"""
    )
    assert containers_text([], style=Style(width=60)).startswith("NAME  IMAGE")
    whole = containers_text([API], now=NOW, style=Style(width=60), whole=True)
    assert '"gunicorn --bind 0.0.0.0:8000 app:app"' in whole


def test_what_is_cut_ends_in_a_sign() -> None:
    rows = [("PASSWORD", "x" * 80, ".env"), ("A", "b", "the shell")]
    text = variables_text(rows, style=Style(width=40))
    assert widest(text) == 40
    assert "…  .env" in text
    assert text.splitlines()[2] == f"A         b{' ' * 20}the shell"
