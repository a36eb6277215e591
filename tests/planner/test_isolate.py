"""A stack beside itself: nothing it has is shared with the one it was made from."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from plan_world import desired, stack

from stackctl.errors import SpecError
from stackctl.planner.runs.isolation import isolate
from stackctl.planner.world.desire import desire

TEXT = """
[services.db]
image = "postgres:15"
container_name = "postgres-container"
ports = ["5433:5432", "0.0.0.0:80:80"]
volumes = ["data:/var/lib/postgresql/data"]
environment = { POSTGRES_PASSWORD = "x" }
[services.api]
build = "."
networks = ["back", "shared"]
[networks.back]
name = "net"
[networks.shared]
external = true
[volumes.data]
name = "precious"
"""


def test_everything_of_its_own() -> None:
    alone = desire(isolate(stack(TEXT), "test-1"), instance="i")
    db, api = alone.containers
    assert (db.name, api.name) == ("test-1-db-1", "test-1-api-1")
    assert [(port.host_ip, port.published) for port in db.ports] == [("127.0.0.1", "")] * 2
    assert db.networks[0].aliases == ("db", "test-1-db-1", "postgres-container")
    assert {network.name for network in alone.networks} == {"test-1_default", "test-1_net", "shared"}
    assert {volume.name for volume in alone.volumes} == {"test-1_precious"}
    assert db.mounts[0].source == "test-1_precious"


def built(text: str = TEXT, directory: str = "/a", **options: Any) -> list[str]:
    """The images of an isolated stack that lies in that directory."""
    there = replace(stack(text), directory=Path(directory))
    isolated = isolate(there, "test-1", **options)
    return [image.ref for image in desire(isolated, instance="i").images]


def test_what_is_built_has_a_tag_that_only_runs_of_this_directory_and_way_share() -> None:
    assert re.fullmatch("shop-api:test-[0-9a-f]{8}", built()[1])
    other = TEXT.replace('build = "."', 'build = { context = ".", target = "last" }')
    tags = {built()[1], built()[1], built(directory="/b")[1], built(other)[1]}
    assert len(tags) == 3
    assert built(own_images=False)[1] == "shop-api", "what is not built anew is what is there"


def test_who_uses_an_image_that_another_service_builds_uses_the_same() -> None:
    text = '[services.api]\nbuild = "."\nimage = "a:5000/api"\n[jobs.migrate]\nimage = "a:5000/api:latest"\n'
    (image,) = built(text)
    assert re.fullmatch("a:5000/api:test-[0-9a-f]{8}", image)


def test_the_rest_stays() -> None:
    one, other = (
        desired(TEXT).containers[0],
        desire(isolate(stack(TEXT), "test-1"), instance="i").containers[0],
    )
    assert (one.environment, one.image, one.probes) == (other.environment, other.image, other.probes)


def test_data_of_others_is_refused_unless_allowed() -> None:
    text = TEXT.replace('name = "precious"', "external = true\n[volumes.other]\nexternal = true")
    with pytest.raises(SpecError) as caught:
        isolate(stack(text), "test-1")
    assert [problem.where for problem in caught.value.problems] == ["volumes.data", "volumes.other"]
    assert isolate(stack(text), "test-1", allow_external_volumes=True).volumes["data"].external


def test_a_writable_directory_of_data_is_refused_unless_allowed() -> None:
    text = TEXT.replace('"data:', '"/srv/data:')
    with pytest.raises(SpecError, match="/srv/data is mounted writable where postgres:15 keeps its data"):
        isolate(stack(text), "test-1")
    assert (
        isolate(stack(text), "test-1", allow_data_binds=True).services["db"].volumes[0].source == "/srv/data"
    )
    assert isolate(stack(text.replace('/data"]', '/data:ro"]')), "test-1").project == "test-1"


NOT_DURABLE = "-c fsync=off -c full_page_writes=off -c log_checkpoints=off"


@pytest.mark.parametrize(
    ("service", "command"),
    [
        ('image = "postgres:15"', f"postgres {NOT_DURABLE}"),
        ('image = "pgvector/pgvector:pg17"', f"postgres {NOT_DURABLE}"),
        (
            'image = "postgres:15"\ncommand = "postgres -c fsync=on"',
            f"postgres {NOT_DURABLE} -c fsync=on",  # the last one wins
        ),
        ('image = "postgres:15"\ncommand = "-c jit=off"', f"{NOT_DURABLE} -c jit=off"),
        (
            'image = "registry.example/own/library/postgres:15"\ncommand = "docker-entrypoint.sh postgres -p 1"',
            f"docker-entrypoint.sh postgres {NOT_DURABLE} -p 1",
        ),
        ('image = "registry.example/library/postgres:15"', None),  # may start with options of its own
        ('image = "postgres:15"\ncommand = ["sh", "-c", "exec postgres"]', "sh -c exec postgres"),
        ('image = "postgres:15"\nentrypoint = "/start"', None),
        ('image = "postgres:15"\ncommand = "pg_dump -h db"', "pg_dump -h db"),
        ('image = "redis:7"', None),
        ('build = "."\nimage = "postgres:15"', None),
    ],
)
def test_a_known_server_does_not_wait_for_the_disk_unless_it_must_be_durable(
    service: str, command: str | None
) -> None:
    given = stack(f"[services.db]\n{service}")
    isolated = isolate(given, "test-1").services["db"].command
    assert (" ".join(isolated.argv) if isolated else None) == command
    assert isolate(given, "test-1", durable=True).services["db"].command == given.services["db"].command
