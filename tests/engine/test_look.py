"""What a look makes of an engine's refusal."""

from __future__ import annotations

import pytest
from http_server import asking, refuses, tells

from stackctl.engine.docker.examining import examined
from stackctl.engine.docker.look import DockerLook
from stackctl.engine.transport.client import RefusedError, WireClient
from stackctl.engine.transport.endpoint import Endpoint
from stackctl.planner.world.examined import ExaminedEngine, Pool


def look_through(client: WireClient) -> DockerLook:
    return DockerLook(client, Endpoint("unix:///x"))


def test_no_size_is_known_while_the_engine_counts_for_another_caller() -> None:
    with asking(refuses(500, "a disk usage operation is already running")) as client:
        assert look_through(client).volume_sizes() == {}


def test_an_engine_tells_its_pools_its_subnets_and_what_its_data_take() -> None:
    info = {
        "DockerRootDir": "/data",
        "Warnings": ["WARNING: x"],
        "HttpsProxy": "http://user:secret@proxy:3128",
        "DefaultAddressPools": [{"Base": "10.10.0.0/16", "Size": 24}],
    }
    networks = [{"IPAM": {"Config": [{"Subnet": "10.10.1.0/24"}, {"Gateway": "10.10.1.1"}]}}, {"IPAM": None}]
    usage = {
        "LayersSize": 7,
        "Containers": [{"SizeRw": 2}, {}],
        "Volumes": [{"UsageData": {"Size": 3}}, {"UsageData": {"Size": -1}}, {}],
        "BuildCache": [{"Size": 5}],
    }
    with asking(tells(info), tells(networks), tells(usage)) as client:
        found = examined(client, podman=False, sizes=True)
    assert found == ExaminedEngine(
        root="/data",
        warnings=("WARNING: x",),
        proxies=("HTTPS_PROXY",),
        pools=(Pool("10.10.0.0/16", 24),),
        subnets=("10.10.1.0/24",),
        usage={"images": 7, "containers": 2, "volumes": 3, "build cache": 5},
    )
    with asking(tells({}), tells([]), refuses(500, "a disk usage operation is already running")) as client:
        assert examined(client, podman=True, sizes=True) == ExaminedEngine()


def test_another_refusal_to_tell_sizes_is_an_error() -> None:
    with (
        asking(refuses(500, "the disk is gone")) as client,
        pytest.raises(RefusedError, match="disk is gone"),
    ):
        look_through(client).volume_sizes()


def test_an_engine_that_did_not_say_what_it_is_is_asked_again() -> None:
    with asking(refuses(500, "not yet"), refuses(500, "still not")) as client:
        look = look_through(client)
        look.expect()
        for said in ("not yet", "still not"):
            with pytest.raises(RefusedError, match=said):
                look.engine  # noqa: B018
