"""A compose.yaml becomes a stack.toml: the keys stay, and each difference in meaning is written out or noted."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from stackctl.convert.composed import import_compose
from stackctl.errors import SpecError, UsageError


def imported(text: str, directory: Path | None = None, **variables: str) -> tuple[dict[str, Any], list[str]]:
    """What stands in the stack.toml, and the notes with their lines."""
    found = import_compose("compose.yaml", text, directory=directory, variables=variables)
    assert found.runs, found.problems
    return tomllib.loads(found.text), [f"{note.line}: {note.message}" for note in found.notes]


def service(text: str, directory: Path | None = None, **variables: str) -> tuple[dict[str, Any], list[str]]:
    """The only service, and the notes without the one about init."""
    tree, notes = imported(f"services:\n  a:\n    image: i\n    {text}\n", directory, **variables)
    return tree["services"]["a"], [note for note in notes if "an init" not in note]


def test_keys_stay_as_they_are() -> None:
    tree, notes = imported("""
version: "3"
name: Shop.One
x-common: &common {restart: always}
services:
  api:
    <<: *common
    build: {context: ., args: {A: 1}}
    environment: {A: 1, B: true, C: , D: 1.5}
    networks: {back: {aliases: [x]}, front: }
    healthcheck: {test: [CMD, ls], interval: 5s}
    x-own: 1
networks: {back: , front: {internal: true}}
volumes: {unused: }
""")
    assert tree == {
        "name": "shopone",
        "services": {
            "api": {
                "restart": "always",
                "build": {"context": ".", "args": {"A": 1}},
                "environment": {"A": 1, "B": True, "C": {"from_env": True}, "D": 1.5},
                "networks": {"back": {"aliases": ["x"]}, "front": {}},
                "healthcheck": {"test": ["CMD", "ls"], "interval": "5s"},
            }
        },
        "networks": {"back": {}, "front": {"internal": True}},
        "volumes": {"unused": {}},
    }
    assert len(notes) == 1
    assert notes[0].startswith("6: a container gets an init as its first process")


def test_ports_without_an_address_are_still_published_on_every_address() -> None:
    found, notes = service(
        'ports: ["80:80", 81, "1.2.3.4:82:82", {target: 83, published: 83, mode: host}, "${HERE}:84"]',
        HERE="127.0.0.1:84",
    )
    assert found["ports"] == [
        "*:80:80",
        "*::81",
        "1.2.3.4:82:82",
        {"target": 83, "published": 83, "host_ip": "*"},
        "${HERE}:84",
    ]
    assert notes == [
        '4: published on every address of this machine, as in Compose: without "*" only this machine reaches it'
    ]


def test_what_is_waited_for_is_noted_where_it_is_more_now() -> None:
    tree, notes = imported(
        "services: {a: {image: i, init: true, depends_on: [b]}, b: {image: i, init: true, depends_on: {c: {required: false}}},"
        " c: {image: i, init: true}}"
    )
    assert tree["services"]["a"]["depends_on"] == ["b"]
    assert tree["services"]["b"]["depends_on"] == {"c": {"required": False, "condition": "service_started"}}
    assert [note for note in notes if "as soon as" in note] == notes
    assert len(notes) == 1


def test_variables_that_are_not_set_stay_empty() -> None:
    found, notes = service('command: "$SET ${UNSET} ${UNSET:-d} $$UNSET $1 $UNSET"', SET="s")
    assert found["command"] == "$SET ${UNSET:-} ${UNSET:-d} $$UNSET $$1 ${UNSET:-}"
    assert notes == [
        "4: UNSET is not set: ${UNSET:-} stands for nothing, as in Compose; ${UNSET} would be an error"
    ]


def test_a_missing_directory_is_made_and_options_without_effect_go(tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    found, notes = service(
        'volumes: ["./here:/h:ro,cached", "./gone:/g:ro", data:/d]\nvolumes: {data: }', tmp_path
    )
    assert found["volumes"] == [
        "./here:/h:ro",
        {
            "type": "bind",
            "source": "./gone",
            "target": "/g",
            "read_only": True,
            "bind": {"create_host_path": True},
        },
        "data:/d",
    ]
    assert notes == [
        "4: cached is left out: it has no effect here",
        "4: ./gone is made if it is not there, as in Compose: create_host_path",
    ]


def test_what_a_stack_toml_cannot_hold_is_left_out_with_a_note() -> None:
    found, notes = service("provider: {type: x}\n    network_mode: host\n    ports: ['80:80']")
    assert found == {"image": "i", "network_mode": "host"}
    assert [note.partition(":")[0] for note in notes] == ["4", "6"]
    assert "provider is left out" in notes[0]
    assert "network_mode host publishes none" in notes[1]


def test_a_known_server_is_asked_by_stackctl_itself() -> None:
    _, notes = imported("services: {db: {image: 'redis:7', init: true}}")
    assert len(notes) == 1
    assert "builtin_check = false" in notes[0]


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("services: [", SpecError),
        ("- a", UsageError),
        ("a: 1\n---\nb: 1", UsageError),
        ("services: {a: {}}", UsageError),
    ],
)
def test_what_is_no_compose_file_is_refused(text: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        import_compose("compose.yaml", text)


def test_an_image_that_is_built_here_is_pulled_first_in_compose() -> None:
    _, notes = service("build: .")
    assert any(
        'Compose looks first whether a registry has the image: pull_policy = "missing"' in note
        for note in notes
    )
    _, notes = service("build: .\n    pull_policy: build")
    assert not any("pull_policy" in note for note in notes)


def test_a_mount_may_have_a_variable_with_a_default(tmp_path: Path) -> None:
    found, _ = service("volumes: ['${DATA:-/no/such}/a:/a:ro', '${DATA:-/no/such}/b:/b']", tmp_path)
    assert [(each["source"], each["target"], each.get("read_only", False)) for each in found["volumes"]] == [
        ("${DATA:-/no/such}/a", "/a", True),
        ("${DATA:-/no/such}/b", "/b", False),
    ]
