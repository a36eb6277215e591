"""What a script waits for becomes a check, and an order."""

import tomllib
from typing import Any

import pytest

from stackctl.convert.importing import import_script

APP = "docker run -d --name app -p 8000:80 app:1\n"
DB = "docker run -d --name db -p 5433:5432 -e POSTGRES_PASSWORD=x postgres:15\n"
NEXT = "\ndocker run -d --name next next:1\n"


def services(script: str) -> dict[str, dict[str, Any]]:
    tree = tomllib.loads(import_script("run.sh", script).text)
    return {**tree.get("services", {}), **tree.get("jobs", {})}


def notes(script: str) -> list[str]:
    return [f"{note.line}: {note.message}" for note in import_script("run.sh", script).notes]


@pytest.mark.parametrize(
    ("wait", "check"),
    [
        ("until docker exec app test -f /ready; do sleep 1; done", {"test": ["CMD", "test", "-f", "/ready"]}),
        ("until docker exec -it app /bin/sh -c 'a && b'; do sleep 1; done", {"test": "a && b"}),
        ("while ! docker exec app a $X >/dev/null 2>&1; do echo .; sleep 1; done", {"test": ["CMD", "a", "${X:-}"]}),
        ("for i in {1..30}; do docker exec app a && break; sleep 1; done", {"test": ["CMD", "a"]}),
        ("timeout 60 bash -c 'until docker exec app a; do sleep 1; done'", {"test": ["CMD", "a"]}),
        ('f() { until "$@"; do sleep 1; done; }\nf docker exec app a', {"test": ["CMD", "a"]}),
        ("until curl -sf http://localhost:8000/health; do sleep 1; done", {"http": ":80/health"}),
        ("until curl -f 127.0.0.1:8000; do sleep 1; done", {"http": ":80/"}),
        ("until wget -q -O /dev/null http://localhost:8000/a?b=c; do sleep 1; done", {"http": ":80/a?b=c"}),
        ("until curl -s localhost:8000/x | grep -q ok; do sleep 1; done", {"http": ":80/x"}),
        ("while [ \"$(curl -s -o /dev/null -w '%{http_code}' http://localhost:8000/h)\" != 200 ]; do sleep 1; done", {"http": ":80/h"}),
        ("until docker run --rm --network n busybox wget -q http://app:81/x; do sleep 1; done", {"http": ":81/x"}),
        ("until docker run --rm --network n busybox nc -z app 81; do sleep 1; done", {"tcp": 81}),
        ("until docker run --rm --network container:app busybox nc -z 127.0.0.1 8000; do sleep 1; done", {"tcp": 8000}),
        ("until docker logs app 2>&1 | grep -q 'Started (ok)'; do sleep 1; done", {"log": r"Started \(ok\)"}),
        ("until docker logs app | grep -Ei 'up|ready'; do sleep 1; done", {"log": "(?i)up|ready"}),
        ("docker logs -f app | grep -m1 'a.b'", {"log": "a.b"}),
        # What `up` does by itself.
        ("until curl -s localhost:8000; do sleep 1; done", None),
        ("until nc -z localhost 8000; do sleep 1; done", None),
        ("until (echo > /dev/tcp/localhost/8000) 2>/dev/null; do sleep 1; done", None),
        ("./wait-for-it.sh localhost:8000 -t 30", None),
        ('until [ "$(docker inspect -f {{.State.Running}} app)" = true ]; do sleep 1; done', None),
    ],
)  # fmt: skip
def test_a_wait_becomes_a_check(wait: str, check: dict[str, Any] | None) -> None:
    found = services(APP + wait + NEXT)
    assert found["app"].get("healthcheck") == check
    assert found["next"]["depends_on"] == ["app"]
    assert found.keys() == {"app", "next"}


@pytest.mark.parametrize(
    "wait",
    [
        "until docker exec db pg_isready -U postgres; do sleep 1; done",
        "until docker exec db psql -U postgres -c 'select 1'; do sleep 1; done",
        "until pg_isready -h localhost -p 5433; do sleep 1; done",
        "until docker run --rm --network n postgres:15 pg_isready -h db; do sleep 1; done",
        "until nc -z localhost 5433; do sleep 1; done",
    ],
)
def test_a_known_server_needs_no_check(wait: str) -> None:
    found = services(DB + wait + NEXT)
    assert found["db"].get("healthcheck", {}).get("test") == (["CMD", "psql", "-U", "postgres", "-c", "select 1"] if "psql" in wait else None)  # fmt: skip
    assert found["next"]["depends_on"] == ["db"]


def test_the_health_of_an_image_is_waited_for() -> None:
    loop = 'while true; do S=$(docker inspect -f {{.State.Health.Status}} app); [ "$S" = healthy ] && break; sleep 1; done'
    assert services(APP + loop + NEXT)["next"]["depends_on"] == {"app": {"condition": "service_healthy"}}


@pytest.mark.parametrize(
    "wait",
    [
        "docker wait app",
        "until [ \"$(docker inspect -f '{{.State.Status}}' app)\" = exited ]; do sleep 1; done",
    ],
)
def test_a_container_whose_end_is_waited_for_is_a_job(wait: str) -> None:
    tree = tomllib.loads(import_script("run.sh", f"docker run -d --name app app:1\n{wait}{NEXT}").text)
    assert tree["jobs"].keys() == {"app"}
    assert tree["services"]["next"]["depends_on"] == ["app"]


def test_the_order_of_a_script_is_kept() -> None:
    script = (
        f"{DB}until docker exec db pg_isready; do sleep 1; done\n"
        "docker run -d --name cache redis:7\n"
        f"docker run --rm --name migrate app:1 migrate\n{APP}"
    )
    found = services(script)
    assert {name: each.get("depends_on") for name, each in found.items()} == {
        "db": None,
        "cache": None,  # a database needs nobody
        "migrate": ["db"],
        "app": ["migrate"],
    }
    comment = next(
        line for line in import_script("run.sh", script).text.splitlines() if '["migrate"]' in line
    )
    assert comment.endswith("# line 4 runs it to its end first")


def test_a_wait_is_told() -> None:
    assert notes(f"{DB}until docker exec db pg_isready; do sleep 1; done") == [
        "2: this waits for db: dropped, `up` asks postgres until it answers"
    ]
    assert notes(f"{APP}until test -f here; do sleep 1; done") == [
        "2: what this waits for is not known: it is dropped, `up` waits until each service is ready"
    ]


def test_directories_that_the_script_makes() -> None:
    script = "mkdir -p data other\ndocker run -d --name a -v $PWD/data:/d -v ./x:/x a:1"
    made = {"type": "bind", "source": "./data", "target": "/d", "bind": {"create_host_path": True}}
    assert services(script)["a"]["volumes"] == [made, "./x:/x"]
    assert notes(script) == ["1: mkdir ./other: only docker commands are imported"]
