"""The labels of stackctl, and digests as they are packed into one."""

from pathlib import Path
from typing import Any

import pytest
from plan_world import stack

from stackctl.planner.world import digests, labels
from stackctl.planner.world.naming import first_instance


def test_the_names_of_the_labels_never_change() -> None:
    assert {name: value for name, value in vars(labels).items() if name.isupper() and "." in str(value)} == {
        "PREFIX": "stackctl.",
        "PROJECT": "stackctl.project",
        "SERVICE": "stackctl.service",
        "NUMBER": "stackctl.number",
        "KIND": "stackctl.kind",
        "INSTANCE": "stackctl.instance",
        "DIGEST": "stackctl.digest",
        "FIELDS": "stackctl.fields",
        "SOURCE": "stackctl.source",
        "CHECKOUT": "stackctl.checkout",
        "PLACE": "stackctl.place",
        "REPLACES": "stackctl.replaces",
        "PROTECT": "stackctl.protect",
        "RUN": "stackctl.run",
        "OWNER": "stackctl.owner",
        "BUILD": "stackctl.build",
        "VERSION": "stackctl.version",
        "CREATED": "stackctl.created",
        "SNAPSHOT": "stackctl.snapshot",
        "SNAPSHOT_OF": "stackctl.snapshot.project",
        "SNAPSHOT_ID": "stackctl.snapshot.id",
        "SNAPSHOT_PART": "stackctl.snapshot.part",
        "SNAPSHOT_PARTS": "stackctl.snapshot.parts",
        "COPY": "stackctl.copy",
        "FOR": "stackctl.for",
        "DEPENDS": "stackctl.depends",
        "AGAIN": "stackctl.again",
        "STACK": "com.docker.stack.namespace",
        "STACK_IMAGE": "com.docker.stack.image",
        "COMPOSE_PROJECT": "com.docker.compose.project",
        "COMPOSE_SERVICE": "com.docker.compose.service",
        "COMPOSE_NUMBER": "com.docker.compose.container-number",
        "COMPOSE_ONEOFF": "com.docker.compose.oneoff",
        "COMPOSE_HASH": "com.docker.compose.config-hash",
        "COMPOSE_NETWORK": "com.docker.compose.network",
        "COMPOSE_DIRECTORY": "com.docker.compose.project.working_dir",
        "COMPOSE_FILES": "com.docker.compose.project.config_files",
    }


def test_a_digest_does_not_depend_on_the_order_of_keys() -> None:
    one: dict[str, Any] = {"b": {"y": 1, "x": [1, 2]}, "a": "ü"}
    other: dict[str, Any] = {"a": "ü", "b": {"x": [1, 2], "y": 1}}
    assert digests.digest(one) == digests.digest(other)
    assert digests.digest(one) == "be411d205386ba4a2411be7ea7ba2485"
    assert digests.field_digests(one) == digests.field_digests(other)


def test_a_digest_depends_on_names_values_and_their_kinds() -> None:
    different: list[dict[str, Any]] = [
        {},
        {"a": "1"},
        {"a": 1},
        {"b": "1"},
        {"a": ["1"]},
        {"a": None},
        {"a": "1", "b": "1"},
    ]
    assert len({digests.digest(definition) for definition in different}) == len(different)


def test_field_digests_name_every_field_and_hide_its_value() -> None:
    fields = digests.field_digests({"environment.PASSWORD": "secret", "image": "app:1"})
    assert {name: len(short) for name, short in fields.items()} == {"environment.PASSWORD": 8, "image": 8}
    assert "secret" not in labels.pack_fields(fields)


def test_packed_fields_are_read_back() -> None:
    fields = {"b": "2", "a.ü": "1"}
    packed = labels.pack_fields(fields)
    assert labels.unpack_fields(packed) == fields
    assert packed == labels.pack_fields(dict(reversed(fields.items())))


@pytest.mark.parametrize("broken", [None, "", "{", "[]", "1", '"x"', "null"])
def test_a_broken_label_counts_as_empty(broken: str | None) -> None:
    assert labels.unpack_fields(broken) == {}


def test_runs_that_begin_a_project_at_once_choose_one_instance(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()

    def of(engine: str, name: str = "shop", directory: Path = here, checkouts: str = "refuse") -> str:
        text = f'checkouts = "{checkouts}"\nservices.web.image = "app"'
        return first_instance(stack(text, name=name, directory=directory), engine)

    assert of("one") == of("one")
    assert len({of("one"), of("two"), of("one", "other"), of("one", directory=there)}) == 4
    assert of("one", checkouts="shared") == of("one", directory=there, checkouts="shared")
