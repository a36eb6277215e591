"""SC307 and SC408: what a new container cannot change about data that are there."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace
from plan_stories import changed
from plan_world import World, desired

from stackctl.planner.before.images import images_to_look_into
from stackctl.planner.before.preflight import preflight, told_by_images
from stackctl.planner.view.view import View
from stackctl.planner.world.observed import ImageConfig
from stackctl.spec.known_images import BUILT_IN

VOLUME = ("/var/lib/postgresql/data",)
IMAGES = {
    ref: ImageConfig(volumes=VOLUME)
    for ref in ("postgres:15", "postgres:16", "postgres", "pgvector/pgvector:pg15", "pgvector/pgvector:pg16")
} | {
    "mysql:8": ImageConfig(),
    "mysql:9": ImageConfig(),
    "mongo:6": ImageConfig(),
    "mongo:8": ImageConfig(),
}
DB = """
[services.db]
image = "postgres:15"
environment = { POSTGRES_PASSWORD = "old", POSTGRES_USER = "shop", TZ = "UTC" }
volumes = ["data:/var/lib/postgresql/data"]
[volumes.data]
"""


def found(before: str, after: str, **container: Any) -> list[str]:
    """`rule severity path: message` for one `up` of `after` where `before` ran, with other fields of its container."""
    observed = World(images=IMAGES).up(before).engine.observe()
    if container:
        observed = changed(observed, "shop-db-1", **container)
    problems = preflight(View.of(desired(after), observed))
    return [f"{p.rule} {p.severity} {p.where}: {p.message}" for p in problems]


def rules(before: str, after: str, **container: Any) -> list[str]:
    return [line.partition(" services")[0] for line in found(before, after, **container)]


def image(ref: str) -> str:
    return DB.replace("postgres:15", ref)


def test_a_password_that_changed() -> None:
    (told,) = found(DB, DB.replace('"old"', '"new"'))
    assert told == (
        "SC307 warning services.db.environment.POSTGRES_PASSWORD: POSTGRES_PASSWORD changed, and postgres reads it only"
        " while its data directory is empty: volume shop_data is kept, with what was set up in it before"
    )


def test_one_that_is_new_and_one_that_is_gone() -> None:
    after = DB.replace('POSTGRES_USER = "shop"', 'POSTGRES_DB = "shop"')
    assert [line.partition(": ")[2].partition(",")[0] for line in found(DB, after)] == [
        "POSTGRES_DB is new",
        "POSTGRES_USER is gone",
    ]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (DB, DB),
        (DB, DB.replace("UTC", "CET")),
        (DB, DB.replace('"old"', '"new"').replace("data:/var", "other:/var") + "[volumes.other]\n"),
        (DB, DB.replace('"old"', '"new"').replace('image = "postgres:15"', 'image = "app:1"')),
    ],
    ids=["nothing changed", "another variable", "another volume", "another image"],
)
def test_nothing_is_said_where_nothing_is_lost(before: str, after: str) -> None:
    assert found(before, after) == []


def test_nor_of_data_that_lie_in_the_container() -> None:
    lost = DB.replace('volumes = ["data:/var/lib/postgresql/data"]', 'tmpfs = ["/var/lib/postgresql/data"]')
    assert found(lost, lost.replace('"old"', '"new"')) == []


def test_an_anonymous_volume_is_kept_too() -> None:
    bare = DB.partition("volumes")[0]
    assert (
        "the anonymous volume at /var/lib/postgresql/data is kept"
        in found(bare, bare.replace('"old"', '"new"'))[0]
    )


def test_so_is_a_directory_of_the_host() -> None:
    bound = DB.replace("data:/var", "/srv/data:/var").partition("[volumes")[0]
    assert "/srv/data is kept" in found(bound, bound.replace('"old"', '"new"'))[0]


@pytest.mark.parametrize(
    ("container", "said"),
    [
        ({"state": "exited", "exit_code": 1}, False),
        ({"state": "created"}, False),
        ({"state": "restarting", "exit_code": 1}, False),
        ({"state": "exited", "exit_code": 0}, True),
        ({"state": "exited", "exit_code": 137}, True),
    ],
)
def test_a_server_that_never_ran_has_set_up_nothing(container: dict[str, Any], said: bool) -> None:
    assert bool(found(DB, DB.replace('"old"', '"new"'), **container)) == said
    assert bool(found(DB, image("postgres:16"), **container)) == said


def test_data_that_the_server_does_not_open_stop_up() -> None:
    assert found(DB, image("postgres:16")) == [
        "SC408 error services.db.image: volume shop_data holds data of postgres 15, and postgres 16 does not open them"
    ]


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("postgres:16", "postgres:15", ["SC408 error"]),
        ("postgres:15", "pgvector/pgvector:pg15", []),
        ("postgres:15", "pgvector/pgvector:pg16", ["SC408 error"]),
        ("postgres:15", "postgres", []),
        ("mysql:8", "mysql:9", ["SC408 warning"]),
        ("mysql:9", "mysql:8", ["SC408 error"]),
        ("mongo:6", "mongo:8", ["SC408 error"]),
    ],
)
def test_versions(before: str, after: str, said: list[str]) -> None:
    path = {"mysql": "/var/lib/mysql", "mongo": "/data/db"}.get(before.partition(":")[0], VOLUME[0])

    def stack(ref: str) -> str:
        given = 'environment = { MYSQL_ROOT_PASSWORD = "x", POSTGRES_PASSWORD = "x" }'
        return f'[services.db]\nimage = "{ref}"\n{given}\nvolumes = ["data:{path}"]\n[volumes.data]\n'

    assert rules(stack(before), stack(after)) == said


@pytest.mark.parametrize(
    ("server", "before", "after", "opens"),
    [
        ("postgres", 15, 15, True),
        ("postgres", 15, 16, False),
        ("mysql", 8, 9, True),
        ("mysql", 9, 8, False),
        ("mongo", 6, 7, True),
        ("mongo", 5, 7, False),
        ("mongo", 7, 6, False),
        ("mariadb", 11, 10, True),
        ("redis", 7, 7, True),
    ],
)
def test_who_opens_whose_data(server: str, before: int, after: int, opens: bool) -> None:
    known = BUILT_IN.of(server)
    assert known
    assert known.opens_data_of(before, after) == opens


@pytest.mark.parametrize(
    ("server", "environment", "major"),
    [
        ("postgres", {"PG_MAJOR": "16"}, 16),
        ("mysql", {"MYSQL_MAJOR": "8.4"}, 8),
        ("mariadb", {"MARIADB_VERSION": "1:10.11.2+maria~ubu2204"}, 10),
        ("mongo", {"MONGO_MAJOR": "7.0"}, 7),
        ("postgres", {}, None),
        ("redis", {"REDIS_VERSION": "7"}, None),
    ],
)
def test_the_version_that_an_image_tells_of_itself(
    server: str, environment: dict[str, str], major: int | None
) -> None:
    known = BUILT_IN.of(server)
    assert known
    assert known.major(environment) == major


def test_where_the_tag_tells_no_version_the_images_do() -> None:
    """`latest` was pulled again: the engine lists the old container with an id in place of its tag."""
    latest = image("postgres")
    observed = World(images=IMAGES).up(latest).engine.observe()
    (old,) = observed.containers
    observed = replace(
        changed(observed, "shop-db-1", image=old.image_id),
        images={**observed.images, "postgres:latest": "new"},
    )
    observed = replace(observed, images={**observed.images, "postgres": "new"})
    view = View.of(desired(latest), observed)
    assert view.slots.by_service["db"][0].old, "it is recreated"
    assert images_to_look_into(view) == {"postgres", old.image_id}
    assert told_by_images(view) == ()
    told = view.with_configs(
        {
            old.image_id: ImageConfig(environment={"PG_MAJOR": "16"}),
            "postgres": ImageConfig(environment={"PG_MAJOR": "17"}),
        }
    )
    assert [problem.message for problem in told_by_images(told)] == [
        "volume shop_data holds data of postgres 16, and postgres 17 does not open them"
    ]


def test_initial_variables_are_variables_of_their_image() -> None:
    for server in ("postgres", "mysql", "mariadb", "mongo", "rabbitmq"):
        known = BUILT_IN.of(server)
        assert known
        assert known.initial
        assert known.initial <= known.variables
