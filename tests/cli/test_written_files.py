"""The files that commands write: who may read those with secrets, and what is never overwritten."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from commandline import Run

from stackctl.cli.marked_block import write_block
from stackctl.errors import UsageError

pytest_plugins = ["commandline_fixtures"]

STACK = """
name = "shop"
[services.db]
image = "postgres:15"
environment = { POSTGRES_PASSWORD = "kanari-7d3f", POSTGRES_USER = "me" }
"""


@pytest.mark.parametrize(
    ("command", "private"),
    [
        (("config", "--show-secrets"), True),
        (("config", "--format", "json"), True),
        (("config", "--environment"), True),
        (("export", "k8s", "--secrets"), True),
        (("config",), False),
        (("export", "k8s"), False),
        (("export", "bash"), False),
        (("export", "compose"), False),
    ],
)
def test_a_file_with_secrets_is_of_this_user_alone(
    tmp_path: Path, run: Run, command: tuple[str, ...], private: bool
) -> None:
    (tmp_path / "stack.toml").write_text(STACK)
    os.umask(0o022)
    assert run(*command, "-o", "out").code == 0
    out = tmp_path / "out"
    assert stat.S_IMODE(out.stat().st_mode) == (0o600 if private else 0o644)
    if not private:
        assert "kanari-7d3f" not in out.read_text()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "stack.toml"]


def test_a_device_is_written_to_and_stays(tmp_path: Path, run: Run) -> None:
    (tmp_path / "stack.toml").write_text(STACK)
    assert run("config", "-o", "/dev/null").code == 0
    assert Path("/dev/null").is_char_device()
    ran = run("config", "-o", "no/such/directory")
    assert ran.code == 2
    assert "no/such/directory cannot be written: No such file or directory" in ran.err


def test_variables_are_written_neither_into_a_pipe_nor_through_the_link_of_another_user(
    tmp_path: Path,
) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UsageError, match="a named pipe, not a regular file"):
        write_block(tmp_path / "pipe", ["A=1"])
    if os.geteuid() == 0:
        tmp_path.chmod(0o1777)
        (tmp_path / "treasure").write_text("gold")
        (tmp_path / "link").symlink_to(tmp_path / "treasure")
        os.lchown(tmp_path / "link", 12345, 12345)
        with pytest.raises(UsageError, match="cannot be written: another user has put a link there"):
            write_block(tmp_path / "link", ["A=1"])
        assert (tmp_path / "treasure").read_text() == "gold"
    assert write_block(tmp_path / "new", ["A=1"])
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o600
