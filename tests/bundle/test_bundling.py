"""A stack goes into one file and comes out of it, on engines in memory."""

from __future__ import annotations

import hashlib
import tarfile
from collections.abc import Mapping
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

import stackctl
from stackctl.bundle.archive import Bundle, BundledFile, Inventory, read, write
from stackctl.bundle.collecting import Collected, collect
from stackctl.bundle.unpacking import check_target, load_images, write_files
from stackctl.engine.memory import MemoryEngine
from stackctl.errors import EngineError, UsageError
from stackctl.planner.before.images import ImageOptions
from stackctl.planner.view.slots import UpOptions
from stackctl.planner.world.observed import ImageConfig
from stackctl.project import Project
from stackctl.spec.model import PullPolicy
from stackctl.spec.selection import Selection
from stackctl.spec.source.loading import recording

PINNED = f"registry.example/cache:7@sha256:{'ab' * 32}"
FILE = f"""
name = "${{NAME:-shop}}"
include = ["more/stack.toml"]
[services.web]
image = "web:${{TAG:-1}}"
env_file = "${{ENV:-web}}.env"
secrets = ["pw"]
configs = ["site"]
volumes = ["./conf:/conf:ro", "data:/data"]
[services.cache]
image = "{PINNED}"
pull_policy = "always"
[secrets.pw]
file = "${{PW:-pw}}.txt"
[configs.site]
file = "site.conf"
[volumes.data]
"""
FILES = {
    "stack.toml": FILE,
    "more/stack.toml": '[services.other]\nimage = "other"\n',
    ".env": "A=1\n",
    ".env.example": "A=change-me\n",
    "web.env": "B=2\n",
    "pw.txt": "hunter2",
    "site.conf": "listen",
    "conf/a": "1",
    "conf/.env.local": "C=3",
    "conf/.git/config": "x",
    "not/of/the/stack": "x",
}
HERE = {"web:1": ImageConfig(command=("serve",)), PINNED: ImageConfig(), "other": ImageConfig()}


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    directory = tmp_path / "shop"
    for name, text in FILES.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (directory / "conf" / "empty").mkdir()
    (directory / "pw.txt").chmod(0o600)
    return directory


def collected(
    directory: Path, engine: MemoryEngine | None = None, *, with_secrets: bool = False
) -> tuple[Collected, MemoryEngine]:
    engine = engine or MemoryEngine(HERE)
    with recording() as found:
        stack = stackctl.load(directory / "stack.toml", environ={})
    observed = engine.observe("shop")
    return collect(stack, found, observed, Selection(), with_secrets=with_secrets), engine


def bundled(directory: Path, *, with_secrets: bool = False) -> Path:
    made, engine = collected(directory, with_secrets=with_secrets)
    path = directory.parent / "shop.tar"
    with path.open("wb") as out:
        write(out, made.about, made.contents, engine.save_images(made.images), made.tags)
    return path


def names(bundle: Bundle) -> set[str]:
    return {file.path for file in bundle.about.files}


OPEN = {"stack.toml", "more/stack.toml", ".env.example", "site.conf", "conf/a"}
SECRET = {".env", "web.env", "pw.txt", "conf/.env.local"}


def test_on_another_engine_nothing_is_pulled_and_the_images_are_the_same(shop: Path, tmp_path: Path) -> None:
    bundle = read(bundled(shop, with_secrets=True))
    there, target = MemoryEngine(), tmp_path / "there"
    check_target(bundle, target, force=False)
    load_images(bundle, there)
    assert write_files(bundle, target) == len(OPEN | SECRET)
    assert (target / "pw.txt").stat().st_mode & 0o777 == 0o600
    assert (target / "conf" / "empty").is_dir()
    same = (OPEN | SECRET) - {"stack.toml"}
    assert {path: (target / path).read_text() for path in same} == {path: FILES[path] for path in same}
    stack = stackctl.load(target / "stack.toml", environ={})
    here = MemoryEngine(HERE).observe("shop").images
    tag = f"registry.example/cache:bundled-{'ab' * 6}"
    assert stack.services["cache"].image == tag
    assert there.observe("shop").images[tag] == here[PINNED]
    assert there.observe("shop").images["web:1"] == here["web:1"]
    plan = Project(stack, there).plan(
        Selection(), UpOptions(), ImageOptions(pull=PullPolicy.parse("missing"))
    )
    assert "PullImage" not in str(plan)
    assert "CreateContainer shop-web-1" in str(plan)


def test_secrets_are_left_out_and_named_unless_they_are_asked_for(shop: Path) -> None:
    bundle = read(bundled(shop))
    assert names(bundle) == OPEN
    for name in SECRET:
        assert f"left out: {name}: it holds secrets: --with-secrets takes it" in bundle.about.notes
    assert b"hunter2" not in bundle.path.read_bytes()
    asked = read(bundled(shop, with_secrets=True))
    assert names(asked) == OPEN | SECRET
    assert (
        "it holds secrets, which whoever has the file can read: .env, conf/.env.local, pw.txt, web.env"
        in asked.about.notes
    )


def test_what_people_have_to_know(shop: Path) -> None:
    outside = shop.parent / "outside"
    outside.write_text("x")
    (shop / "stack.toml").write_text(
        FILE.replace("./conf:/conf:ro", f"{outside}:/o:ro") + "[networks.default]\nexternal = true\n"
    )
    notes = collected(shop)[0].about.notes
    assert f"left out: {outside}: it is outside of {shop}" in notes
    assert (
        "cache: pull_policy is always, so up asks a registry; without one: stackctl up --pull missing"
        in notes
    )
    assert "data are not in it: data will be empty" in notes
    assert "network default is external: it must be on the other engine" in notes
    assert any(note.startswith(f"{PINNED} is registry.example/cache:bundled-abab") for note in notes)


def test_what_cannot_be_bundled(shop: Path) -> None:
    with pytest.raises(EngineError, match=r"not on this engine: other, web:1 \(stackctl pull\)"):
        collected(shop, MemoryEngine({PINNED: ImageConfig()}))
    (shop / "stack.toml").write_text(
        FILE.replace(PINNED, "${NAME:-registry.example}/cache:7@sha256:" + "ab" * 32)
    )
    with pytest.raises(UsageError, match="no file of the stack says it in one piece"):
        collected(shop)


def test_a_file_that_is_cut_off_or_damaged_is_told(shop: Path) -> None:
    path = bundled(shop)
    whole = path.read_bytes()
    end = whole.rindex(b"stackctl/end")
    for length in (1000, end // 2, end - 1, end, end + 512):
        path.write_bytes(whole[:length])
        with pytest.raises(UsageError, match=r"cut off or damaged|no bundle of stackctl"):
            read(path)
    for place in (whole.index(b"listen"), end - 2000, whole.index(b'"project"') + 12):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(UsageError, match="cut off or damaged"):
            read(path)
    path.write_bytes(whole)
    assert names(read(path)) == OPEN


@pytest.mark.parametrize("data", [b"", b"x" * 5000])
def test_what_is_no_bundle_is_told(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "x.tar").write_bytes(data)
    with pytest.raises(UsageError, match=r"x\.tar is no bundle of stackctl"):
        read(tmp_path / "x.tar")
    with pytest.raises(UsageError, match="cannot be read: No such file"):
        read(tmp_path / "y.tar")


def made(path: Path, files: Mapping[str, bytes], **changes: object) -> Path:
    """A bundle that says what it is told to say."""
    described = [
        BundledFile(path=name, sha256=hashlib.sha256(data).hexdigest(), size=len(data))
        for name, data in files.items()
    ]
    about = Inventory(
        stackctl="1", project="shop", named=True, directory=".", spec=(), files=tuple(described), images=()
    )
    with path.open("wb") as out:
        write(out, replace(about, **changes), files, (), {})
    return path


@pytest.mark.parametrize("name", ["../x", "/etc/x", "a/../../x", "link/x"])
def test_nothing_is_written_outside_of_the_directory(tmp_path: Path, name: str) -> None:
    target = tmp_path / "there"
    target.mkdir()
    (target / "link").symlink_to(tmp_path)
    bundle = read(made(tmp_path / "x.tar", {name: b"1"}))
    with pytest.raises(UsageError, match="wants to write outside of"):
        check_target(bundle, target, force=True)
    empty = read(made(tmp_path / "x.tar", {}, directories=(name,)))
    with pytest.raises(UsageError, match="wants to write outside of"):
        check_target(empty, target, force=True)


def test_a_bundle_names_no_directory_elsewhere(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is no bundle of stackctl"):
        read(made(tmp_path / "x.tar", {}, project="../x"))


def test_files_with_names_of_their_own_are_named_again(shop: Path) -> None:
    assert collected(shop)[0].about.spec == ()
    (shop / "stack.toml").rename(shop / "shop.toml")
    (shop / "more" / "also.toml").write_text('[services.other]\nimage = "other"\ntty = true\n')
    stack = stackctl.load(shop / "shop.toml", shop / "more" / "also.toml", environ={})
    with recording() as found:
        stackctl.load(shop / "shop.toml", shop / "more" / "also.toml", environ={})
    about = collect(stack, found, MemoryEngine(HERE).observe("shop"), Selection()).about
    assert about.spec == ("shop.toml", "more/also.toml")


def test_what_is_there_stays_unless_it_is_the_same_or_forced(tmp_path: Path) -> None:
    bundle = read(made(tmp_path / "x.tar", {"a": b"1", "b": b"2", "c": b"3"}))
    target = tmp_path / "there"
    target.mkdir()
    (target / "a").write_text("1")
    (target / "b").write_text("mine")
    with pytest.raises(UsageError, match=r"there with another content in .*: b \(--force"):
        check_target(bundle, target, force=False)
    assert sorted(each.name for each in target.iterdir()) == ["a", "b"]
    check_target(bundle, target, force=True)
    assert write_files(bundle, target) == 2
    assert [(target / name).read_text() for name in "abc"] == ["1", "2", "3"]


def test_a_newer_bundle_and_another_image_are_told(shop: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"written by a newer stackctl \(1\)"):
        read(made(tmp_path / "x.tar", {}, format=2))
    bundle = read(bundled(shop))
    other = tuple(replace(image, id="sha256:other") for image in bundle.about.images)
    with pytest.raises(EngineError, match="has another image than the bundle for other, web:1"):
        load_images(replace(bundle, about=replace(bundle.about, images=other)), MemoryEngine())


def test_the_engine_gets_the_images_alone(shop: Path, tmp_path: Path) -> None:
    bundle = read(bundled(shop, with_secrets=True))
    (tmp_path / "images.tar").write_bytes(b"".join(bundle.images()))
    with tarfile.open(tmp_path / "images.tar") as archive:
        assert not [name for name in archive.getnames() if name.startswith("stackctl/")]
        rows = msgspec.json.decode(archive.extractfile("manifest.json").read())  # type: ignore[union-attr]
    assert {tag for row in rows for tag in row["RepoTags"]} == {
        "web:1",
        "other:latest",
        f"registry.example/cache:bundled-{'ab' * 6}",
    }
