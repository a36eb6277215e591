"""A snapshot as a file: what is written is read again, and nothing else is taken for it."""

from __future__ import annotations

import io
import tarfile

import pytest

from stackctl.engine.talk.snapshot_file import Contents, read, write
from stackctl.errors import UsageError
from stackctl.planner.data.snapshots import Saved

CONTENTS = Contents(
    project="shop",
    name="seeded",
    created=1_700_000_000.0,
    saved=(Saved("data", "volume-1", ("db",)), Saved("cache:/data", "volume-2", ("cache",))),
)


def archive() -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        member = tarfile.TarInfo("data/0/file")
        member.size = 3
        tar.addfile(member, io.BytesIO(b"one"))
    return packed.getvalue()


def written(pieces: list[bytes] | None = None) -> io.BytesIO:
    file = io.BytesIO()
    write(file, CONTENTS, [archive()] if pieces is None else pieces)
    file.seek(0)
    return file


def test_what_is_written_is_read_again() -> None:
    data = archive()
    file = written([data[:700], data[700:701], data[701:]])
    told = read(file, "s.tar")
    assert (told.project, told.name, told.created) == ("shop", "seeded", 1_700_000_000.0)
    assert told.saved == (Saved("data", "data/0", ("db",)), Saved("cache:/data", "data/1", ("cache",)))
    assert file.read() == data


def test_tar_can_read_it() -> None:
    with tarfile.open(fileobj=written()) as tar:
        assert tar.getnames() == ["stackctl-snapshot.json", "data/0/file"]


def test_an_archive_that_ends_too_early_is_no_snapshot() -> None:
    for pieces in ([], [archive()[:1024]], [bytes(100)]):
        with pytest.raises(ValueError, match="only a part"):
            written(pieces)


@pytest.mark.parametrize("damage", ["cut", "changed", "longer", "empty"])
def test_a_damaged_file_is_told(damage: str) -> None:
    whole = written().getvalue()
    data = {
        "cut": whole[:-512],
        "changed": whole.replace(b"one", b"two"),
        "longer": whole + b"x",
        "empty": whole[: len(whole) - len(archive())],
    }[damage]
    with pytest.raises(UsageError, match=r"s\.tar is damaged"):
        read(io.BytesIO(data), "s.tar")


@pytest.mark.parametrize("data", [b"", b"text", bytes(2048), archive(), written().getvalue()[:600]])
def test_another_file_is_told(data: bytes) -> None:
    with pytest.raises(UsageError, match=r"s\.tar is no snapshot"):
        read(io.BytesIO(data), "s.tar")


def test_a_file_of_a_newer_version_is_told() -> None:
    data = written().getvalue().replace(b'"version": 1', b'"version": 2')
    with pytest.raises(UsageError, match="was written by a newer stackctl"):
        read(io.BytesIO(data), "s.tar")
