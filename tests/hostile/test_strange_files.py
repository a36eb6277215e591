"""What a stack names may be a pipe, a device or a socket: it is refused in words, and nothing waits for it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from strange_files import MADE, pipe

from stackctl.cli import cli
from stackctl.cli.exit_codes import guarded
from stackctl.engine.build_context import fingerprint
from stackctl.errors import SpecError
from stackctl.planner.world.desire import desire
from stackctl.spec.lint.rules import lint
from stackctl.spec.source.loading import open_file, read_file
from stackctl.spec.source.reading import read
from stackctl.spec.source.request import StackRequest
from stackctl.spec.text import inputs

TOML = '[services.a]\nimage = "a"\n'
YAML = "services:\n  a:\n    image: a\n"
NAMED = {
    "the stack's file": ("", "stack.toml", ("stack.toml",)),
    "a compose file": ("", "compose.yaml", ("compose.yaml",)),
    "a file laid over it": (TOML, "over.toml", ("stack.toml", "over.toml")),
    "known.toml": (TOML, "known.toml", ()),
    ".env": (TOML, ".env", ()),
    "include": (f'include = ["x.toml"]\n{TOML}', "x.toml", ()),
    "include of a compose file": (f'include = ["x.yaml"]\n{TOML}', "x.yaml", ()),
    "env_file of include": (f'include = [{{ path = "b.toml", env_file = "x" }}]\n{TOML}', "x", ()),
    "extends": (f'{TOML}extends = {{ file = "x.toml", service = "a" }}\n', "x.toml", ()),
    "env_file": (f'{TOML}env_file = "x"\n', "x", ()),
    "label_file": (f'{TOML}label_file = "x"\n', "x", ()),
    "a secret": (f'{TOML}secrets = ["s"]\n[secrets.s]\nfile = "x"\n', "x", ()),
    "a config": (f'{TOML}configs = ["s"]\n[configs.s]\nfile = "x"\n', "x", ()),
    "the inputs of a job": ('[jobs.a]\nimage = "a"\ninputs = ["x"]\n', "x", ()),
    "include in a compose file": (f"include: [x.yaml]\n{YAML}", "x.yaml", ()),
    "extends in a compose file": (f"{YAML}    extends: {{file: x.yaml, service: b}}\n", "x.yaml", ()),
    "env_file in a compose file": (f"{YAML}    env_file: x\n", "x", ()),
    "env_file of include in a compose file": (
        f"include: [{{path: b.yaml, env_file: x}}]\n{YAML}",
        "x",
        (),
    ),
}
"""The text of a stack, the path in it that is no regular file, and the files named on the command line."""


def written(directory: Path, text: str, files: tuple[str, ...]) -> StackRequest:
    name = "compose.yaml" if YAML in text else "stack.toml"
    if text:
        (directory / name).write_text(text)
    (directory / "b.toml").write_text('[services.b]\nimage = "b"\n')
    (directory / "b.yaml").write_text("services: {b: {image: b}}\n")
    return StackRequest(directory=directory, environ={}, files=[Path(file) for file in files])


@pytest.mark.parametrize("where", NAMED)
def test_it_is_refused_in_words(tmp_path: Path, where: str) -> None:
    text, path, files = NAMED[where]
    for number, (kind, (make, said)) in enumerate(MADE.items()):
        directory = tmp_path / str(number)
        directory.mkdir()
        request = written(directory, text, files)
        make(directory / path)
        with pytest.raises(SpecError) as caught:
            read(request, [lint])
        if where == "the inputs of a job" and kind != "the memory of this process":
            said = "no file matches 'x'"
        assert any(said in str(problem) for problem in caught.value.problems), kind
        assert all(problem.place for problem in caught.value.problems)


def test_the_null_device_is_an_empty_file(tmp_path: Path) -> None:
    text = f'{TOML}env_file = "/dev/null"\nsecrets = ["s"]\n[secrets.s]\nfile = "/dev/null"\n'
    stack = read(written(tmp_path, text, ()), [])
    assert (
        stack.services["a"].resolved,
        str(stack.secrets["s"].value and stack.secrets["s"].value.reveal()),
    ) == ({}, "")


@pytest.mark.parametrize("name", ["-", "/dev/fd/{}"])
def test_a_stack_cannot_read_what_the_caller_is_given(tmp_path: Path, name: str) -> None:
    """Only who calls the command may name the standard input, or a descriptor that a shell has opened."""
    ours, theirs = os.pipe()
    try:
        for key in ('[services.a]\nimage = "a"\nenv_file = "{}"\n', 'include = ["{}"]\n'):
            with pytest.raises(SpecError):
                read(written(tmp_path, key.format(name.format(ours)), ()))
    finally:
        os.close(ours)
        os.close(theirs)


def test_a_shell_may_give_a_descriptor(tmp_path: Path) -> None:
    """As `--env-file <(sops decrypt env)` does."""
    ours, theirs = os.pipe()
    os.write(theirs, b"TAG=7\n")
    os.close(theirs)
    request = written(tmp_path, '[services.a]\nimage = "a:${TAG}"\n', ())
    try:
        stack = read(StackRequest(directory=tmp_path, environ={}, env_files=[Path(f"/dev/fd/{ours}")]))
    finally:
        os.close(ours)
    assert (str(stack.services["a"].image), request.env_files) == ("a:7", ())


def test_what_takes_the_place_of_a_file_is_not_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the look and the opening somebody puts a pipe there."""
    file = tmp_path / "x"
    file.write_text("A=1\n")
    before = os.stat(file)  # noqa: PTH116
    file.unlink()
    pipe(file)
    with monkeypatch.context() as patched:
        patched.setattr(Path, "stat", lambda *_, **__: before)
        with pytest.raises(OSError, match="it is a named pipe"):
            open_file(file)


def test_a_file_that_grows_is_read_to_the_limit(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(bytes(11))
    with pytest.raises(OSError, match="it is larger than 10 bytes"):
        read_file(tmp_path / "x", 10)
    with pytest.raises(OSError, match="no file can have this name"):
        read_file(tmp_path / "x\0y", 10)


@pytest.mark.parametrize("name", ["Dockerfile", ".dockerignore"])
def test_a_build_does_not_wait(tmp_path: Path, name: str) -> None:
    (tmp_path / "Dockerfile").write_text("FROM a\n")
    (tmp_path / name).unlink(missing_ok=True)
    pipe(tmp_path / name)
    stack = read(written(tmp_path, '[services.a]\nbuild = "."\n', ()), [lint])
    (image,) = desire(stack, instance="i").images
    assert image.build
    assert (fingerprint(image.build) is None) == (name == "Dockerfile")


COMMANDS = (
    ("check", "--offline"),
    ("check", "--offline", "--fix"),
    ("config",),
    ("-f", "pipe", "config", "--no-interpolate"),
    ("export", "bash"),
    ("export", "compose"),
    ("export", "k8s"),
    ("explain",),
    ("import", "compose.yaml"),
    ("import", "pipe"),
    ("same", "pipe", "pipe"),
    ("init",),
    ("add", "redis"),
    ("env", "--write", "pipe"),
    ("lab", "check"),
    ("-f", "pipe", "config"),
    ("--env-file", "pipe", "config"),
)


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_no_command_waits(
    tmp_path: Path,
    words: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "stack.toml").write_text(f'{TOML}env_file = "pipe"\n')
    for name in (
        "pipe",
        ".env",
        ".env.example",
        "compose.yaml",
        "known.toml",
        "lab.jsonl",
        "Dockerfile",
    ):
        pipe(tmp_path / name)
    (tmp_path / ".env").unlink() if words[0] not in ("init", "add") else None
    code = guarded(lambda: cli.main(list(words), prog_name="stackctl", standalone_mode=False))
    said = capsys.readouterr()
    assert code in (1, 2), said.out
    assert "pipe" in said.out + said.err or "exists" in said.err


def test_the_inputs_of_a_job_have_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for n in range(3):
        (tmp_path / f"{n}.sql").write_text("select 1")
    request = written(tmp_path, '[jobs.a]\nimage = "a"\ninputs = ["*.sql"]\n', ())
    for limit, most, said in (
        ("MOST_FILES", 2, "stack.toml:3:11: jobs.a.inputs[0]: more than 2 files match '*.sql'"),
        (
            "MOST_BYTES",
            23,
            "stack.toml:3:1: jobs.a.inputs: the files cannot be read: they have more than 0 MiB",
        ),
    ):
        with monkeypatch.context() as patched:
            patched.setattr(inputs, limit, most)
            with pytest.raises(SpecError) as caught:
                read(request)
        assert str(caught.value).startswith(said)
    assert read(request).jobs["a"].inputs_digest
