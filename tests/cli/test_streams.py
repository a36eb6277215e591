"""What the process writes to: any encoding, closed or full."""

import ast
import codecs
import os
import subprocess
import sys
from pathlib import Path

import pytest
from escapes import harm
from terminal import Terminal, screen

from stackctl.cli.streams import plain

ROOT = Path(__file__).parents[2]
SHOWN = [
    *(ROOT / "stackctl/show").rglob("*.py"),
    *(ROOT / "stackctl/cli").rglob("*.py"),
    ROOT / "stackctl/secret.py",
]


codecs.register_error("stackctl", plain)


def stackctl(tmp_path: Path, *args: str, **more: object) -> subprocess.CompletedProcess[bytes]:
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "ascii"}
    command = [sys.executable, "-m", "stackctl", *args]
    return subprocess.run(command, cwd=tmp_path, env=env, check=False, stderr=subprocess.PIPE, **more)  # type: ignore[call-overload,no-any-return]


def test_every_sign_that_is_printed_has_one_of_ascii() -> None:
    signs = {
        char
        for path in SHOWN
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        for char in node.value
        if not char.isascii()
    }
    assert len(signs) > 20
    for sign in signs:
        instead = sign.encode("ascii", "stackctl")
        assert len(instead) == 1
        assert instead != b"?", sign


def test_what_was_no_text_stays_the_bytes_it_was() -> None:
    text = os.fsdecode(b"caf\xe9 \xf0\x9f")
    assert text.encode("utf-8", "stackctl") == b"caf\xe9 \xf0\x9f"
    assert "\ud800".encode("utf-8", "stackctl") == b"?"


def test_mistakes_are_told_in_ascii(tmp_path: Path) -> None:
    (tmp_path / "stack.toml").write_text('[services.web]\nimage = "nginx:1"\nschnée = 1\n')
    ran = stackctl(tmp_path, "config", stdout=subprocess.PIPE)
    assert ran.returncode == 2
    assert ran.stderr.isascii()
    assert b"schn?e" in ran.stderr
    assert b"Traceback" not in ran.stderr


def test_a_disk_that_is_full_is_told(tmp_path: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        ran = stackctl(tmp_path, "version", "--short", stdout=full)
        silent = stackctl(tmp_path, "--progress", "json", "up", stdout=full)
    for each in (ran, silent):
        assert each.stderr.splitlines()[-1] == b"error: cannot write the output: No space left on device"
    assert (ran.returncode, ran.stderr.count(b"\n")) == (1, 1)


def test_a_directory_that_is_gone_is_told(tmp_path: Path) -> None:
    script = f'rmdir "$PWD"; exec "{sys.executable}" -m stackctl "$@"'
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    for args in (["status"], ["up"], ["check"], ["ls"]):
        (tmp_path / "gone").mkdir()
        ran = subprocess.run(
            ["sh", "-c", script, "sh", *args],
            cwd=tmp_path / "gone", env=env, check=False, capture_output=True,
        )  # fmt: skip
        assert ran.returncode == 1
        assert ran.stderr.startswith(b"error: the current directory is not there any more\n")


def test_ctrl_c_before_a_command_has_begun_prints_no_traceback(tmp_path: Path) -> None:
    code = f"""
import os, signal, sys
sys.path.insert(0, {str(ROOT)!r})
class Early:
    def find_spec(self, name, *_):
        if name == "stackctl.cli":
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Early())
from stackctl.__main__ import main
main(["version"])
"""
    ran = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=False, capture_output=True)
    assert (ran.returncode, ran.stdout, ran.stderr) == (130, b"", b"")


@pytest.mark.parametrize("stream", ["<&-", ">&-", "2>&-"])
def test_a_stream_that_is_closed_is_no_matter(tmp_path: Path, stream: str) -> None:
    (tmp_path / "stack.toml").write_text('[services.web]\nimage = "nginx:1"\n')
    script = f'"{sys.executable}" -m stackctl config {stream}'
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    ran = subprocess.run(["sh", "-c", script], cwd=tmp_path, env=env, check=False, capture_output=True)
    assert (ran.returncode, ran.stderr) == (0, b"")


def test_a_terminal_gets_no_escape_sequences_whoever_prints(tmp_path: Path) -> None:
    script = (
        "import sys, click; from stackctl.cli.streams import prepare; prepare()\n"
        "evil = '\\x1b]0;title\\x07\\x1b[2J\\x9b5A\\u202e\\x1b[1mbold\\x1b[0m'\n"
        "print('one', evil); click.echo(f'two {evil}'); print('three', evil, file=sys.stderr); click.echo(f'four {evil}', err=True)"
    )
    with Terminal(
        [sys.executable, "-c", script], cwd=tmp_path, env={**os.environ, "PYTHONIOENCODING": "utf-8"}
    ) as terminal:
        assert terminal.end() == 0
    assert harm(terminal.said.replace("\r\n", "\n")) == []
    assert screen(terminal.said) == [f"{word} bold" for word in ("one", "two", "three", "four")] + [""]
