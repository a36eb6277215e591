"""Which project and which host ports a checkout has: labels say it, else what is remembered, else the rule."""

from __future__ import annotations

import json
import socket
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from msgspec.structs import replace

from stackctl import api
from stackctl.checkouts import isolated, meant, place_of, project_of
from stackctl.engine.memory import MemoryEngine
from stackctl.planner.world.observed import ImageConfig, ObservedEngine
from stackctl.spec.model import Stack

TEXT = """
name = "${NAME:-shop}"
[services.web]
image = "app:${TAG:-1}"
ports = ["8080:80", "53:53/udp"]
"""


@pytest.fixture
def engine() -> MemoryEngine:
    return MemoryEngine({"app:1": ImageConfig()}, info=ObservedEngine(id="memory", reaches_containers=False))


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "stackctl" / "checkouts.json"


def checkout(path: Path, text: str = TEXT) -> Stack:
    """A checkout of the shop in that directory."""
    path.mkdir(parents=True, exist_ok=True)
    (path / "stack.toml").write_text(text)
    return api.load(path / "stack.toml", environ={})


def ports(stack: Stack) -> list[int]:
    return [port.published.first for port in stack.services["web"].ports if port.published]


def up(stack: Stack, engine: MemoryEngine) -> None:
    assert all(api.up(stack, engine))


def test_name_and_ports_stay_over_down_and_are_remembered(
    tmp_path: Path, engine: MemoryEngine, cache: Path
) -> None:
    given = checkout(tmp_path / "one")
    first = isolated(given, engine)
    assert first.project == "shop-one"
    assert len({*ports(first)}) == 2
    assert all(port >= 10_000 for port in ports(first))
    up(first, engine)
    list(api.down("shop-one", engine))
    assert isolated(given, engine) == first
    assert cache.stat().st_mode & 0o777 == 0o600
    (known,) = json.loads(cache.read_text())["checkouts"]
    assert known["ports"] == dict(zip(["web 80/tcp", "web 53/udp"], ports(first), strict=True))


@pytest.mark.parametrize("damage", ["", "{", '{"checkouts": 3}', "\0\xff"])
def test_a_damaged_cache_is_no_error_and_labels_tell_the_rest(
    tmp_path: Path, engine: MemoryEngine, cache: Path, damage: str
) -> None:
    given = checkout(tmp_path / "one")
    first = isolated(given, engine)
    up(first, engine)
    cache.write_text(damage, encoding="latin-1")
    assert isolated(given, engine) == first, "the containers say which ports they have"
    assert len(json.loads(cache.read_text())["checkouts"]) == 1


def test_a_cache_that_cannot_be_written_is_no_error(
    tmp_path: Path, engine: MemoryEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert len(ports(isolated(checkout(tmp_path / "one"), engine))) == 2


def test_a_remembered_port_that_somebody_else_has_is_chosen_again(
    tmp_path: Path, engine: MemoryEngine
) -> None:
    given = checkout(tmp_path / "one")
    tcp, udp = ports(isolated(given, engine))
    with socket.socket() as somebody:
        somebody.bind(("127.0.0.1", tcp))
        somebody.listen()
        made = isolated(given, engine)
    other, same = ports(made)
    assert (same, other == tcp) == (udp, False)
    assert [str(problem) for problem in made.problems] == [
        f"services.web.ports: port 80 is published on {other} from now on: {tcp} is taken"
    ]
    assert isolated(given, engine).problems == ()


def test_a_remembered_port_that_another_project_publishes_is_chosen_again(
    tmp_path: Path, engine: MemoryEngine
) -> None:
    given = checkout(tmp_path / "one")
    tcp, udp = ports(isolated(given, engine))
    theirs = f'name = "blog"\n[services.web]\nimage = "app:1"\nports = ["{tcp}:80"]\n'
    up(checkout(tmp_path / "blog", theirs), engine)
    other, same = ports(isolated(given, engine))
    assert (same, other == tcp) == (udp, False)


def test_directories_of_one_name_get_different_projects_and_ports_also_at_once(
    tmp_path: Path, engine: MemoryEngine
) -> None:
    given = [checkout(tmp_path / parent / "feature") for parent in "abcd"]
    with ThreadPoolExecutor(4) as pool:
        found = [*pool.map(lambda stack: isolated(stack, engine), given)]
    assert {stack.project for stack in found} == {
        "shop-feature",
        *(f"shop-feature-{number}" for number in (2, 3, 4)),
    }
    assert len({port for stack in found for port in ports(stack)}) == 8
    assert [isolated(stack, engine) for stack in given] == found


def test_a_name_whose_cache_is_lost_is_not_taken_from_another_directory(
    tmp_path: Path, engine: MemoryEngine, cache: Path
) -> None:
    one, other = checkout(tmp_path / "a" / "x"), checkout(tmp_path / "b" / "x")
    up(isolated(one, engine), engine)
    cache.unlink()
    assert isolated(other, engine).project == "shop-x-2"
    assert isolated(one, engine).project == "shop-x"


def test_a_directory_that_is_gone_is_forgotten(tmp_path: Path, engine: MemoryEngine, cache: Path) -> None:
    gone = tmp_path / "a" / "x"
    isolated(checkout(gone), engine)
    (gone / "stack.toml").unlink()
    gone.rmdir()
    assert isolated(checkout(tmp_path / "b" / "x"), engine).project == "shop-x-2"
    assert isolated(checkout(tmp_path / "c" / "y"), engine).project == "shop-y"
    assert {known["project"] for known in json.loads(cache.read_text())["checkouts"]} == {
        "shop-x-2",
        "shop-y",
    }


def test_on_another_machine_the_engine_chooses_the_ports(tmp_path: Path) -> None:
    far = MemoryEngine({"app:1": ImageConfig()}, info=ObservedEngine(id="far", shares_loopback=False))
    assert ports(isolated(checkout(tmp_path / "one"), far)) == []


def test_a_name_that_was_given_stays(tmp_path: Path, engine: MemoryEngine) -> None:
    found = isolated(checkout(tmp_path / "one"), engine, named=True)
    assert (found.project, len(ports(found))) == ("shop", 2)


def test_a_look_at_the_project_of_another_directory_is_not_remembered(
    tmp_path: Path, engine: MemoryEngine, cache: Path
) -> None:
    up(isolated(checkout(tmp_path / "one"), engine), engine)
    there = replace(checkout(tmp_path / "two"), project="shop-one")
    assert ports(isolated(there, engine, named=True)) == [
        port.published for container in engine.observe().containers for port in container.ports
    ]
    assert len(json.loads(cache.read_text())["checkouts"]) == 1


@pytest.mark.parametrize(
    ("key", "variable", "project"),
    [
        ("refuse", "", "shop"),
        ("refuse", "1", "shop-one"),
        ("isolated", "", "shop-one"),
        ("isolated", "no", "shop"),
        ("shared", "", "shop"),
    ],
)
def test_programs_mean_the_stack_that_the_command_line_means(
    tmp_path: Path, engine: MemoryEngine, key: str, variable: str, project: str
) -> None:
    given = checkout(tmp_path / "one", f'checkouts = "{key}"\n{TEXT}')
    assert meant(given, engine, {"STACKCTL_ISOLATED": variable}).project == project
    assert api.isolated(given, engine).project == "shop-one"


def test_a_compose_file_can_be_isolated(tmp_path: Path, engine: MemoryEngine) -> None:
    (tmp_path / "one").mkdir()
    text = 'name: shop\nservices: {web: {image: "app:1", ports: ["8080:80"], container_name: web}}'
    (tmp_path / "one" / "compose.yaml").write_text(text)
    found = isolated(api.load(tmp_path / "one" / "compose.yaml", environ={}), engine)
    up(found, engine)
    assert [container.name for container in engine.observe().containers] == ["shop-one-web-1"]
    assert len(ports(found)) == 1


def git(*args: str, at: Path) -> None:
    subprocess.run(["git", "-c", "user.name=t", "-c", "user.email=t@t", *args], cwd=at, check=True, capture_output=True)  # fmt: skip


def test_git_tells_the_checkout_and_its_branch_which_may_change(tmp_path: Path, engine: MemoryEngine) -> None:
    main = tmp_path / "shop"
    given = checkout(main / "deploy", TEXT)
    git("init", "-q", "-b", "fix/login", at=main)
    git("add", ".", at=main)
    git("commit", "-qm", "all", at=main)
    git("worktree", "add", "-q", str(tmp_path / "review"), "-b", "other", at=main)
    there = tmp_path / "review" / "deploy"
    assert (place_of(there / "stack.toml").checkout, place_of(there / "stack.toml").branch) == (
        "review",
        "other",
    )
    assert isolated(given, engine).project == "shop-fix-login"
    assert isolated(checkout(there), engine).project == "shop-review"
    git("checkout", "-q", "-b", "next", at=main)
    assert place_of(main / "deploy" / "stack.toml").branch == "next"
    assert isolated(given, engine).project == "shop-fix-login"
    assert project_of("shop", main / "deploy" / "stack.toml", engine) == "shop-fix-login"
    git("checkout", "-q", "--detach", at=main)
    assert place_of(main / "deploy" / "stack.toml").branch == ""
