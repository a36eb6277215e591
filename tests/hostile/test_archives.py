"""Archives that somebody else has made: nothing is written outside of the place that is meant, and what is there stays on a failure."""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Callable
from pathlib import Path
from tarfile import TarInfo

import pytest
from msgspec.structs import replace

from stackctl.bundle.archive import BundledFile, Inventory, write
from stackctl.bundle.archive import read as read_bundle
from stackctl.bundle.unpacking import check_target, write_files
from stackctl.engine.talk import snapshot_file
from stackctl.engine.talk.snapshot_file import Contents, read
from stackctl.errors import UsageError
from stackctl.planner.data.snapshots import Saved


def member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "", **more: object) -> TarInfo:
    made = TarInfo(name)
    made.type, made.linkname = kind, link
    for key, value in more.items():
        setattr(made, key, value)
    return made


LINK, HARD, DIR = tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE
REFUSED = {
    "above": ([member("../x")], "lies outside of its volume"),
    "above, from within": ([member("data/0/../../x")], "lies outside of its volume"),
    "absolute": ([member("/etc/passwd")], "lies outside of its volume"),
    "no volume": ([member("data/7/x")], "lies outside of its volume"),
    "beside the volumes": ([member("data/x")], "lies outside of its volume"),
    "another root": ([member("etc/passwd")], "lies outside of its volume"),
    "a long name of pax": (
        [member(f"data/0/{'a/' * 200}../../{'../' * 300}x")],
        "lies outside of its volume",
    ),
    "behind a link": (
        [member("data/0/l", LINK, "/etc"), member("data/0/l/x")],
        "lies behind a symbolic link",
    ),
    "deep behind a link": (
        [member("data/0/d", DIR), member("data/0/d/l", LINK, ".."), member("data/0/d/l/a/b")],
        "lies behind a symbolic link",
    ),
    "a link in place of a volume": ([member("data/0", LINK, "/etc")], "is a link in place of a volume"),
    "a link in place of all": ([member("data", LINK, "/etc")], "lies outside of its volume"),
    "a hard link out": ([member("data/0/h", HARD, "etc/shadow")], "lies outside of its volume"),
    "a hard link above": ([member("data/0/h", HARD, "data/0/../../x")], "lies outside of its volume"),
    "a hard link to another volume": ([member("data/0/h", HARD, "data/1/x")], "outside of its volume"),
    "a hard link through a link": (
        [member("data/0/l", LINK, "/etc"), member("data/0/h", HARD, "data/0/l/shadow")],
        "lies behind a symbolic link",
    ),
    "a disk": ([member("data/0/d", tarfile.BLKTYPE, devmajor=8)], "is neither a file nor a directory"),
    "the memory": ([member("data/0/d", tarfile.CHRTYPE, devmajor=1)], "is neither a file nor a directory"),
    "holes": (
        [member("data/0/s", pax_headers={"GNU.sparse.map": "0,1", "GNU.sparse.size": str(10 << 30)})],
        "is neither a file nor a directory",
    ),
}
KEPT = [
    member("data", DIR),
    member("data/0", DIR),
    member("data/0/file"),
    member("data/0/absolute", LINK, "/etc/localtime"),
    member("data/0/above", LINK, "../../x"),
    member("data/0/again", HARD, "data/0/file"),
    member("data/0/pipe", tarfile.FIFOTYPE),
    member("data/1/", DIR),
    member(f"data/1/{'long/' * 60}x"),
]


def packed(members: list[TarInfo]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for each in members:
            archive.addfile(each)
    return out.getvalue()


def snapshot(archive: bytes, change: Callable[[bytes], bytes] = lambda text: text) -> io.BytesIO:
    """A file that says of itself what `change` makes of the truth, with the right digest of the archive."""
    saved = (Saved("a", "v"), Saved("b", "w"))
    contents = Contents(project="shop", name="seeded", created=1.0, saved=saved)
    first = snapshot_file._first_member(contents, hashlib.sha256(archive).hexdigest())
    text = change(first[512:].rstrip(b"\0"))
    about = member("stackctl-snapshot.json", size=len(text)).tobuf()
    return io.BytesIO(about + text + bytes(-len(text) % 512) + archive)


@pytest.mark.parametrize("kind", REFUSED)
def test_a_snapshot_stays_in_its_volumes(kind: str) -> None:
    members, said = REFUSED[kind]
    with pytest.raises(UsageError, match=said) as caught:
        read(snapshot(packed([*KEPT[:3], *members])), "s.tar")
    assert "s.tar is not a snapshot to trust" in str(caught.value)


def test_what_an_engine_packs_is_a_snapshot() -> None:
    archive = packed(KEPT)
    file = snapshot(archive)
    assert [each.volume for each in read(file, "s.tar").saved] == ["data/0", "data/1"]
    assert file.read() == archive


@pytest.mark.parametrize("mode", ["w:gz", "w:bz2", "w:xz"])
def test_a_compressed_archive_is_not_given_to_the_engine(mode: str) -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as archive:  # type: ignore[call-overload]
        archive.addfile(member("data/0/x"))
    with pytest.raises(UsageError, match=r"s\.tar is damaged"):
        read(snapshot(out.getvalue()), "s.tar")


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace(b'"shop"', b'"../x"'),
        lambda text: text.replace(b'"shop"', b"7"),
        lambda text: text.replace(b'"data"', b'"date"'),
        lambda text: text.replace(b'"seeded"', b'"-x y"'),
        lambda text: text.replace(b'"services": []', b'"services": 1'),
        lambda text: text.replace(b'"shop"', b"[" * 100_000),
        lambda text: text.replace(b'"created": 1.0', b'"created": "x"'),
        lambda _: b"[]",
        lambda _: b"\xff",
    ],
)
def test_what_a_snapshot_says_of_itself_is_examined(change: Callable[[bytes], bytes]) -> None:
    with pytest.raises(UsageError):
        read(snapshot(packed(KEPT), change), "s.tar")


def bundle(path: Path, *, file: str = "stack.toml", directories: tuple[str, ...] = ()) -> Path:
    data = b'[services.a]\nimage = "a"\n'
    entry = BundledFile(path=file, sha256=hashlib.sha256(data).hexdigest(), size=len(data))
    about = Inventory(
        stackctl="0.1", project="shop", named=True, directory="", spec=(), files=(entry,), directories=directories, images=()
    )  # fmt: skip
    with path.open("wb") as out:
        write(out, about, {file: data}, [], {})
    return path


@pytest.mark.parametrize("name", ["../x", "/x", "a/../../x", "link/x", ".", "", "a/.."])
def test_a_bundle_stays_in_its_directory(tmp_path: Path, name: str) -> None:
    target = tmp_path / "in"
    target.mkdir()
    (target / "link").symlink_to(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    for given in ({"file": name}, {"directories": (name,)}):
        found = read_bundle(bundle(tmp_path / "b.tar", **given))
        with pytest.raises(UsageError, match="wants to write outside of"):
            check_target(found, target, force=True)
    assert sorted(tmp_path.rglob("*")) == sorted([*before, tmp_path / "b.tar"])


def test_a_file_of_a_bundle_replaces_a_link_and_does_not_follow_it(tmp_path: Path) -> None:
    target, other = tmp_path / "in", tmp_path / "other"
    target.mkdir()
    other.write_text("kept")
    (target / "stack.toml").symlink_to(other)
    found = read_bundle(bundle(tmp_path / "b.tar"))
    check_target(found, target, force=True)
    assert write_files(found, target) == 1
    assert (other.read_text(), (target / "stack.toml").is_symlink()) == ("kept", False)


def test_a_file_of_a_bundle_that_is_not_what_it_says_leaves_the_old_one(tmp_path: Path) -> None:
    (tmp_path / "stack.toml").write_text("old")
    found = read_bundle(bundle(tmp_path / "b.tar"))
    lying = replace(
        found, about=replace(found.about, files=(replace(found.about.files[0], sha256="0" * 64),))
    )
    with pytest.raises(UsageError, match="is not as it was written"):
        write_files(lying, tmp_path)
    assert (tmp_path / "stack.toml").read_text() == "old"
    assert {path.name for path in tmp_path.iterdir()} == {"stack.toml", "b.tar"}


def test_a_bundle_whose_inventory_is_a_bomb_is_none(tmp_path: Path) -> None:
    text = b"[" * 1_000_000
    with tarfile.open(tmp_path / "b.tar", "w") as archive:
        archive.addfile(member("stackctl/bundle.json", size=len(text)), io.BytesIO(text))
    with pytest.raises(UsageError, match=r"b\.tar is cut off or damaged"):
        read_bundle(tmp_path / "b.tar")
