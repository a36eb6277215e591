"""Which container somebody means."""

import pytest

from stackctl.errors import UsageError
from stackctl.planner.world import labels
from stackctl.planner.world.containers import containers_of, of_project, other_source, running_container
from stackctl.planner.world.observed import Observed, ObservedContainer, ObservedEngine


def made(
    name: str, service: str, state: str = "running", *, status: str = "", **more: str
) -> ObservedContainer:
    own = {labels.PROJECT: "shop", labels.INSTANCE: "i", labels.SERVICE: service}
    own |= {labels.PREFIX + key: text for key, text in more.items()}
    return ObservedContainer(id=f"id-{name}", name=name, state=state, status=status, labels=own)


OBSERVED = Observed(
    engine=ObservedEngine(id="e"),
    containers=(
        made("shop-web-2", "web", number="2"),
        made("shop-web-run-1", "web", kind="run"),
        made("shop-web-1", "web", "exited", status="Exited (1) 2 hours ago"),
        made("pg", "db"),
        made("db", "old", "created"),
        made("shop-twin-1", "twin", instance="j"),
        ObservedContainer(id="g", name="guest"),
    ),
)

MINE = of_project(OBSERVED.containers, "shop")


def found(*names: str) -> list[str]:
    return [c.name for c in containers_of(MINE, "shop", names, known=["web", "db", "mail"])]


def test_without_a_name_all_of_the_project_in_order() -> None:
    assert found() == [
        "pg",
        "db",
        "shop-web-1",
        "shop-web-2",
        "shop-web-run-1",
    ]


def test_by_service_and_by_container() -> None:
    assert found("web") == [
        "shop-web-1",
        "shop-web-2",
        "shop-web-run-1",
    ]
    assert found("shop-web-1", "web", "pg") == [
        "shop-web-1",
        "shop-web-2",
        "shop-web-run-1",
        "pg",
    ]


def test_a_name_may_be_that_of_a_service_and_of_a_container_of_another() -> None:
    assert found("db") == ["pg", "db"]


def test_a_service_without_a_container_is_no_mistake() -> None:
    assert found("mail") == []


def test_nothing_is_there() -> None:
    assert containers_of(of_project(OBSERVED.containers, "none"), "none") == ()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("wep", "no such service: wep (did you mean 'web'?)"),
        (
            "guest",
            "no such service: guest (project shop has: db, mail, old, pg, shop-web-1, shop-web-2, shop-web-run-1, web)",
        ),
    ],
)
def test_what_is_neither_service_nor_container_of_the_project(name: str, message: str) -> None:
    with pytest.raises(UsageError) as error:
        found(name)
    assert str(error.value) == message


def test_a_project_without_anything() -> None:
    with pytest.raises(UsageError) as error:
        containers_of((), "empty", ["web"])
    assert str(error.value) == "no such service: web (project empty has no containers)"


def running(name: str) -> str:
    return running_container(MINE, "shop", name, known=["web", "db", "mail"]).name


def test_the_first_that_runs_one_offs_last() -> None:
    assert running("web") == "shop-web-2"
    assert running("shop-web-run-1") == "shop-web-run-1"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("shop-web-1", "shop-web-1 is not running (Exited (1) 2 hours ago) (stackctl up starts it)"),
        ("old", "db is not running (created) (stackctl up starts it)"),
        ("mail", "mail has no container (stackctl up mail makes one)"),
    ],
)
def test_none_that_runs(name: str, message: str) -> None:
    with pytest.raises(UsageError) as error:
        running(name)
    assert str(error.value) == message


def test_another_spec_of_the_same_directory_is_no_other_source() -> None:
    here = "/a/stack.toml"
    assert other_source([None, "", here, "/a/stack.prod.toml"], here) is None
    assert other_source([here, "/c/stack.toml", "/b/stack.toml"], here) == "/b/stack.toml"
    assert other_source(["/a/b/stack.toml"], here) == "/a/b/stack.toml"
