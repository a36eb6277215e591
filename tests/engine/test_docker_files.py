"""Files out of containers and into them, on a real engine."""

from __future__ import annotations

import io
import tarfile

import pytest
from lab import Lab

from stackctl.engine.protocol import Exec
from stackctl.errors import EngineError
from stackctl.planner.steps.actions import StartContainer, StopContainer, WaitFor
from stackctl.planner.world.desired import DesiredMount
from stackctl.planner.world.probes import ProtocolProbe
from stackctl.spec.model import Condition

pytest_plugins = ["lab_fixtures"]
pytestmark = pytest.mark.docker

DATA = "/var/lib/postgresql/data"


def database(lab: Lab, service: str) -> str:
    data = DesiredMount(type="volume", target=DATA, labels=lab.labels)
    return lab.create(
        service,
        image="postgres:15",
        command=None,
        environment={"POSTGRES_PASSWORD": "x"},
        mounts=(data,),
        grace=20,
    )


def psql(lab: Lab, name: str, query: str) -> bytes:
    lab.do(StartContainer(name, name))
    lab.do(WaitFor(name, name, Condition.healthy, (ProtocolProbe("postgres", 5432),)))
    return lab.engine.exec(Exec(container=name, argv=("psql", "-U", "postgres", "-Atc", query))).stdout


def test_a_database_is_taken_from_a_stopped_container_to_one_that_never_ran(lab: Lab) -> None:
    old, new = database(lab, "old"), database(lab, "new")
    psql(lab, old, "CREATE TABLE t AS SELECT generate_series(1, 1000)")
    lab.do(StopContainer(old, old, 20))
    lab.engine.unpack(new, DATA, lab.engine.pack(old, f"{DATA}/."))
    assert psql(lab, new, "SELECT count(*) FROM t") == b"1000\n"
    found = lab.engine.exec(Exec(container=new, argv=("stat", "-c", "%u %g %a", DATA, f"{DATA}/PG_VERSION")))
    assert found.stdout == b"999 999 700\n999 999 600\n"


def test_a_link_is_followed_to_the_directory_to_unpack_into(lab: Lab) -> None:
    name = lab.create()
    links = io.BytesIO()
    with tarfile.open(fileobj=links, mode="w") as archive:
        for link, target in (("here", "tmp"), ("nowhere", "nothing")):
            info = tarfile.TarInfo(link)
            info.type, info.linkname = tarfile.SYMTYPE, target
            archive.addfile(info)
    lab.engine.unpack(name, "/", [links.getvalue()])
    lab.engine.unpack(name, "/here", [*lab.engine.pack(name, "/etc/passwd")])
    assert b"".join(lab.engine.pack(name, "/tmp/passwd"))
    with pytest.raises(EngineError, match=f"there is no directory /nowhere in {name}"):
        lab.engine.unpack(name, "/nowhere", [])


def test_what_may_not_be_written_says_so(lab: Lab) -> None:
    name = lab.create(read_only=True)
    with pytest.raises(EngineError, match=f"cannot unpack into /tmp of {name}: .*read-only"):
        lab.engine.unpack(name, "/tmp", (bytes(1 << 20) for _ in range(20)))


def test_an_archive_is_sent_as_it_is_made(lab: Lab) -> None:
    """It is larger than any buffer, and the first chunk is used up before the last one is made."""
    name = lab.create()
    size, chunk = 64 << 20, 1 << 20
    info = tarfile.TarInfo("large")
    info.size = size
    head = info.tobuf()
    lab.engine.unpack(name, "/tmp", (head if at < 0 else bytes(chunk) for at in range(-1, size // chunk)))
    received = 0
    for piece in lab.engine.pack(name, "/tmp/large"):
        assert len(piece) <= 1 << 20
        received += len(piece)
    assert received >= size
