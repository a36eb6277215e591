"""Each setting of a mount: what the engine is asked, the option of `docker run`, and the way back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from msgspec import Struct

from stackctl.convert.bash.shell import Word
from stackctl.convert.docker.flags import RUN, divide
from stackctl.convert.docker.service import service_table
from stackctl.engine.docker import bodies
from stackctl.errors import SpecError
from stackctl.planner.before.missing import needed_versions
from stackctl.planner.same.desired import container_thing
from stackctl.planner.world.desired import DesiredContainer
from stackctl.planner.world.observed import ImageConfig
from stackctl.spec.model import Stack
from stackctl.spec.selection import Selection
from stackctl.spec.source.reading import read
from stackctl.spec.source.request import StackRequest
from stackctl.teach.commands import Docker
from stackctl.teach.compose.file import compose
from stackctl.teach.from_nothing import from_nothing


class Row(Struct, frozen=True):
    """A mount in TOML, its part of the request, its option, what `import` reads from it, and the first API that knows it."""

    value: str
    sent: Any
    option: str
    imported: Any
    since: tuple[int, int] | None = None


NOTHING: dict[str, Any] = {"NoCopy": False, "Labels": {}}
ROWS = (
    Row('{ type = "volume", source = "data", target = "/d", volume = { subpath = "a/b" } }', {"Type": "volume", "Source": "shop_data", "Target": "/d", "ReadOnly": False, "VolumeOptions": NOTHING | {"Subpath": "a/b"}}, "type=volume,source=shop_data,target=/d,volume-subpath=a/b", {"type": "volume", "source": "shop_data", "target": "/d", "volume": {"subpath": "a/b"}}, (1, 45)),
    Row('{ type = "volume", source = "data", target = "/d", volume = { nocopy = true, labels = { a = "b" } } }', {"Type": "volume", "Source": "shop_data", "Target": "/d", "ReadOnly": False, "VolumeOptions": {"NoCopy": True, "Labels": {"a": "b"}}}, "type=volume,source=shop_data,target=/d,volume-nocopy,volume-label=a=b", {"type": "volume", "source": "shop_data", "target": "/d", "volume": {"nocopy": True, "labels": {"a": "b"}}}),
    Row('{ type = "bind", source = "/etc", target = "/e", bind = { propagation = "rslave", recursive = "disabled" } }', {"Type": "bind", "Source": "/etc", "Target": "/e", "ReadOnly": False, "BindOptions": {"Propagation": "rslave", "NonRecursive": True}}, "type=bind,source=/etc,target=/e,bind-propagation=rslave,bind-recursive=disabled", {"type": "bind", "source": "/etc", "target": "/e", "bind": {"propagation": "rslave", "recursive": "disabled"}}),
    Row('{ type = "bind", source = "/etc", target = "/e", read_only = true, bind = { recursive = "readonly" } }', {"Type": "bind", "Source": "/etc", "Target": "/e", "ReadOnly": True, "BindOptions": {"ReadOnlyForceRecursive": True}}, "type=bind,source=/etc,target=/e,readonly,bind-recursive=readonly", {"type": "bind", "source": "/etc", "target": "/e", "read_only": True, "bind": {"recursive": "readonly"}}, (1, 44)),
    Row('"/etc:/e:ro,rshared,cached"', {"Type": "bind", "Source": "/etc", "Target": "/e", "ReadOnly": True, "BindOptions": {"Propagation": "rshared"}}, "type=bind,source=/etc,target=/e,readonly,bind-propagation=rshared", {"type": "bind", "source": "/etc", "target": "/e", "read_only": True, "bind": {"propagation": "rshared"}}),
    Row('{ type = "image", source = "nginx", target = "/i", image = { subpath = "etc" } }', {"Type": "image", "Source": "nginx", "Target": "/i", "ReadOnly": False, "ImageOptions": {"Subpath": "etc"}}, "type=image,source=nginx,target=/i,image-subpath=etc", {"type": "image", "source": "nginx", "target": "/i", "image": {"subpath": "etc"}}, (1, 48)),
    Row('{ type = "tmpfs", target = "/t", tmpfs = { size = "1m", mode = 0o700 } }', {"Type": "tmpfs", "Target": "/t", "ReadOnly": False, "TmpfsOptions": {"SizeBytes": 1 << 20, "Mode": 0o700}}, "type=tmpfs,target=/t,tmpfs-size=1048576,tmpfs-mode=700", {"type": "tmpfs", "target": "/t", "tmpfs": {"size": 1 << 20, "mode": 0o700}}),
)  # fmt: skip


class Given:
    def __init__(self, mount: str, directory: Path) -> None:
        (directory / "stack.toml").write_text(
            f'[services.web]\nimage = "busybox"\nvolumes = [{mount}]\n[volumes.data]\n'
        )
        request = StackRequest(files=[directory / "stack.toml"], directory=directory, environ={}, name="shop")
        self.stack: Stack = read(request)
        self.desired = from_nothing(self.stack, Selection())[0].desired

    @property
    def web(self) -> DesiredContainer:
        return self.desired.containers[0]


@pytest.mark.parametrize("row", ROWS, ids=[row.option for row in ROWS])
def test_a_mount_has_one_meaning_everywhere(row: Row, tmp_path: Path) -> None:
    given = Given(row.value, tmp_path)
    assert bodies.container(given.web, api=(1, 51), image=ImageConfig())["HostConfig"]["Mounts"] == [row.sent]
    line = Docker(given.stack).container(given.web).argv
    assert line[line.index("--mount") + 1] == row.option
    words = [Word(text, at) for at, text in enumerate(["--mount", row.option, "busybox"])]
    table = service_table(divide(words, RUN))
    assert (table.values["volumes"], table.notes) == ([row.imported], [])
    assert [since for _, since in needed_versions(given.web)] == ([row.since] if row.since else [])
    text = compose(given.stack, given.desired, source="stack.toml")
    (written,) = yaml.safe_load(text)["services"]["web"]["volumes"]
    again = Given(toml(written), tmp_path)
    assert container_thing(again.web).values == container_thing(given.web).values
    assert again.web.digest == given.web.digest


def toml(table: dict[str, Any]) -> str:
    inner = (
        f"{key} = {toml(value) if isinstance(value, dict) else word(value)}" for key, value in table.items()
    )
    return "{ " + ", ".join(inner) + " }"


def word(value: Any) -> str:
    if isinstance(value, str):
        return f'"{value}"'
    return str(value).lower()


def test_an_image_that_is_mounted_is_pulled_before(tmp_path: Path) -> None:
    given = Given('{ type = "image", source = "nginx", target = "/i" }', tmp_path)
    assert [image.ref for image in given.desired.images] == ["busybox", "nginx"]


@pytest.mark.parametrize(
    ("mount", "message"),
    [
        ('{ type = "npipe", source = "x", target = "/i" }', "named pipes are not supported"),
        ('{ type = "cluster", source = "x", target = "/i" }', "cluster volumes are not supported"),
        ('{ type = "image", target = "/i" }', "which image is mounted?"),
        ('{ type = "volume", source = "data", target = "/d", volume = { subpath = "../x" } }', "the subpath '../x' leaves the volume"),
        ('{ type = "volume", source = "data", target = "/d", image = { subpath = "x" } }', "settings of type image on a mount of type volume"),
        ('"data:/d:roo"', "unknown mount option 'roo'"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_told(mount: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(SpecError) as caught:
        Given(mount, tmp_path)
    assert any(problem.message.startswith(message) for problem in caught.value.problems)


def test_what_no_engine_reads_is_noted(tmp_path: Path) -> None:
    given = Given('{ type = "bind", source = "/etc", target = "/e", consistency = "cached" }', tmp_path)
    assert [(each.severity, each.message) for each in given.stack.problems] == [
        ("note", "no engine reads it: leave it out")
    ]
