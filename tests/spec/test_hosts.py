"""Hosts in text, found once for the rules and for the environment outside the stack."""

import pytest

from stackctl.spec.known_images import BUILT_IN
from stackctl.spec.text.hosts import Hosts, addresses, replaced


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("postgresql+asyncpg://u:p@db:5432/x", [Hosts("postgresql", ("db:5432",))]),
        ("mongodb://a:1,b:2/x", [Hosts("mongodb", ("a:1", "b:2"))]),
        ("nats://a:4222,nats://b", [Hosts("nats", ("a:4222",)), Hosts("nats", ("b",))]),
        ("db:5432,cache", [Hosts("", ("db:5432", "cache"))]),
        ("mongodb+srv://db/x", []),
        ("s3://bucket/x", []),
        ("db", []),
        ("postgres://u:p/x@db/y", []),
    ],
)
def test_where_hosts_stand(text: str, found: list[Hosts]) -> None:
    assert list(addresses(text)) == found


def test_other_hosts_stand_where_they_stood() -> None:
    assert (
        replaced("a://u:p@db:1/x db:2 db", lambda address: f"<{address.hosts[0]}>")
        == "a://u:p@<db:1>/x <db:2> db"
    )


def test_schemes_are_known_by_their_servers() -> None:
    assert (
        BUILT_IN.server_schemes["postgres"],
        BUILT_IN.server_schemes["amqps"],
        BUILT_IN.server_schemes["clickhouse"],
    ) == (
        5432,
        5671,
        0,
    )
    assert "http" not in BUILT_IN.server_schemes
    assert (
        BUILT_IN.scheme_ports["https"],
        BUILT_IN.scheme_ports["redis"],
        "clickhouse" in BUILT_IN.scheme_ports,
    ) == (
        443,
        6379,
        False,
    )
