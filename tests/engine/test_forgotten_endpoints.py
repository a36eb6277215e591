"""A network whose endpoints the engine forgot. No engine can be made to forget at will, so its answers are written down here."""

from typing import Any

import pytest

from stackctl.engine.docker import lifecycle
from stackctl.engine.transport.client import RefusedError

BUSY = "error while removing network: network shop_default id 1234 has active endpoints"


class Forgetful:
    """An engine with one network. `stubborn`: not even a forced disconnect frees it."""

    def __init__(self, *endpoints: tuple[str, str], stubborn: bool = False, containers: str = "") -> None:
        self.endpoints = dict(endpoints)
        self.stubborn = stubborn
        self.containers = containers.split()
        self.disconnected: list[Any] = []

    def get(self, *path: str, **_: object) -> Any:
        if path[0] == "networks":
            return {"Containers": {key: {"Name": name} for key, name in self.endpoints.items()}}
        if path[1] not in self.containers:
            raise RefusedError(f"No such container: {path[1]}", status=404)
        return {}

    def post(self, *path: str, body: Any) -> None:
        assert path == ("networks", "net", "disconnect")
        self.disconnected.append(body)
        if not self.stubborn:
            self.endpoints = {key: name for key, name in self.endpoints.items() if name != body["Container"]}

    def delete(self, *path: str) -> None:
        assert path == ("networks", "net")
        if self.endpoints or self.stubborn:
            raise RefusedError(BUSY, status=403)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lifecycle, "_BUSY", (0.001, 0.002))
    monkeypatch.setattr(lifecycle, "_FORGOTTEN", (0.001, 0.002))


def remove(engine: Forgetful) -> None:
    lifecycle.remove_network(engine, "net", "shop_default")  # type: ignore[arg-type]


def test_endpoints_of_containers_that_are_gone_are_disconnected() -> None:
    engine = Forgetful(("ep-1", "shop-a-1"), ("c" * 64, "shop-b-1"))
    remove(engine)
    assert engine.disconnected == [
        {"Container": "shop-a-1", "Force": True},
        {"Container": "shop-b-1", "Force": True},
    ]


def test_a_container_that_is_there_stays_connected() -> None:
    engine = Forgetful(("ep-1", "shop-a-1"), ("other", "their-db-1"), containers="other")
    with pytest.raises(RefusedError, match="shop_default is still in use by their-db-1"):
        remove(engine)
    assert engine.disconnected == []


def test_what_stays_says_what_frees_it() -> None:
    with pytest.raises(RefusedError) as caught:
        remove(Forgetful(("ep-1", "shop-a-1"), stubborn=True))
    assert caught.value.message == (
        "the network shop_default stays: the engine still counts endpoints of containers that are gone: shop-a-1"
    )
    assert caught.value.hint == (
        "docker network disconnect -f shop_default shop-a-1; or restart the engine; then: stackctl down"
    )
    with pytest.raises(RefusedError) as caught:
        remove(Forgetful(stubborn=True))
    assert caught.value.hint == "restart the engine; then: stackctl down"
