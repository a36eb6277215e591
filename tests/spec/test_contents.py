"""Secrets and configs of a stack.toml: where their content comes from, and what is wrong with them before anything is changed."""

import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from stackctl.errors import SpecError
from stackctl.planner.world.desire import desire
from stackctl.secret import DOTS
from stackctl.spec.lint.rules import lint
from stackctl.spec.model import ConfigUse, SecretUse, Stack
from stackctl.spec.output.redact import redacted
from stackctl.spec.output.write import plain, toml
from stackctl.spec.selection import Selection
from stackctl.spec.source.reading import read
from stackctl.spec.source.request import StackRequest
from stackctl.spec.structure import structure

WEB = '[services.web]\nimage = "nginx:1"\n'


def load(
    directory: Path, text: str, environ: Mapping[str, str] = MappingProxyType({}), **options: Any
) -> Stack:
    (directory / "stack.toml").write_text(text)
    return read(StackRequest(directory=directory, environ=environ, **options), [lint])


def test_a_content_comes_from_a_file_a_variable_or_the_file_itself(tmp_path: Path) -> None:
    (tmp_path / "pw").write_bytes(b"hunter2\n\xff")
    stack = load(
        tmp_path,
        WEB + 'secrets = ["pw", "token"]\nconfigs = ["conf"]\n[secrets.pw]\nfile = "./pw"\n'
        '[secrets.token]\nenvironment = "TOKEN"\n[configs.conf]\ncontent = "port ${PORT}, $$HOME"\n',
        {"TOKEN": "", "PORT": "80"},
    )  # fmt: skip
    values = [source.value for _, _, source in stack.files_of(stack.services["web"])]
    assert [value and value.reveal() for value in values] == ["hunter2\n\udcff", "", "port 80, $HOME"]
    assert "hunter2" not in repr(stack)
    assert "port 80" not in repr(stack.configs)


def test_the_files_of_a_service_have_paths_owners_and_modes() -> None:
    def secret(value: object) -> SecretUse:
        read, problems = structure(SecretUse, value)
        assert read, problems
        return read

    assert [secret(each).path for each in (
        "pw", {"source": "pw", "target": "a/b"}, {"source": "pw", "target": "/etc//b"}, {"source": "pw", "target": "//b"},
    )] == ["/run/secrets/pw", "/run/secrets/a/b", "/etc/b", "/b"]  # fmt: skip
    config, _ = structure(ConfigUse, "web.conf")
    assert config
    assert config.path == "/web.conf"
    long = secret({"source": "pw", "uid": "1000", "gid": 5, "mode": "0440"})
    assert (long.uid, long.gid, long.mode) == (1000, 5, 0o440)
    assert (secret("pw").uid, secret("pw").gid, secret("pw").mode) == (0, 0, 0o444)
    assert secret({"source": "pw", "mode": 0o440}) == secret({"source": "pw", "mode": "0o440"})


DEFINED = '[secrets.pw]\nfile = "pw"\n'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('secrets = ["pw"]\n[secrets.pw]\nfile = "nothing"', "stack.toml:5:1: secrets.pw.file: the file 'nothing' does not exist (create it"),
        ('secrets = ["pw"]\n[secrets.pw]\nfile = "."', "stack.toml:5:1: secrets.pw.file: the file '.' is a directory (name a file)"),
        ('secrets = ["pw"]\n[secrets.pw]\nfile = "pipe"', "stack.toml:5:1: secrets.pw.file: the file 'pipe' cannot be read: it is a named pipe, not a regular file"),

        ('secrets = ["pw"]\n[secrets.pw]\nenvironment = "TOKNE"', "stack.toml:5:1: secrets.pw.environment: TOKNE is not set (looked in: shell, .env: no such file)"),
        ('secrets = ["pw"]\n[secrets.pw]', "stack.toml:4:10: secrets.pw: one of file, environment says where the content is, found none of them"),
        ('configs = ["c"]\n[configs.c]\ncontent = "a"\nfile = "b"', "stack.toml:4:10: configs.c: one of file, environment, content says where the content is, found file and content"),
        ('secrets = ["pw"]\n[secrets.pw]\nexternal = true\nfile = "pw"', "stack.toml:6:1: secrets.pw.file: an external secret is taken as it is: file has no effect (leave it out)"),
        ('configs = ["c"]\n[configs.c]\nexternal = true\nlabels = ["a=b"]', "configs.c.labels: an external config is taken as it is: labels has no effect"),
        ('secrets = ["pw"]\n[secrets.pw]\ndriver = "x"\nfile = "pw"', "stack.toml:6:1: secrets.pw.file: the driver x gives the content: file has no effect (give one of the two)"),
        ('secrets = ["pw"]\n[secrets.pw]\nfile = "pw"\ndriver_opts = { a = "b" }', "secrets.pw.driver_opts: options without a driver (write driver, or leave them out)"),
        ('configs = ["c"]\n[configs.c]\ncontent = "a"\ndriver = "x"', "'driver' is a key of Compose that is not supported: a Swarm keeps configs itself"),
        (f'secrets = ["wp"]\n{DEFINED}', "stack.toml:3:12: services.web.secrets[0]: web uses secret \"wp\", which is not defined (did you mean 'pw'?)"),
        ('configs = ["c"]', 'stack.toml:3:12: services.web.configs[0]: web uses config "c", which is not defined (add [configs.c] with file or environment)'),
        (f'secrets = ["pw", "pw"]\n{DEFINED}', "stack.toml:3:18: services.web.secrets[1]: a second use of /run/secrets/pw (use each path once)"),
        (f'secrets = [{{ source = "pw", target = "../x" }}]\n{DEFINED}', "services.web.secrets[0].target: '../x' is not the path of a file in the container"),
        (f'secrets = [{{ source = "pw", mode = 440 }}]\n{DEFINED}', "services.web.secrets[0].mode: the decimal number 440 is the mode 0o670 (write 0o440)"),
        (f'secrets = [{{ source = "pw", uid = "me" }}]\n{DEFINED}', "services.web.secrets[0].uid: expected a number, such as 1000, found 'me': names are known only inside the image"),
        (f'environment.PW_FILE = "/run/secrets/pw"\n{DEFINED}', 'PW_FILE names /run/secrets/pw, but web has no secret there (add secrets = ["pw"] to web)'),
        ('configs = ["c"]\nread_only = true\n[configs.c]\ncontent = "x"', 'services.web.configs[0]: read_only: nothing can be copied to /c (give it a target in a directory of its own: "/run/configs/c")'),
        (f'secrets = [{{ source = "pw", target = "/app/conf/pw" }}]\nvolumes = ["./src:/app"]\n{DEFINED}', "/app/conf/pw lies in ./src, a path of the host: the content would be written there (give it a target outside of /app)"),
        (f'secrets = ["pw"]\ntmpfs = "/run/secrets"\n{DEFINED}', "/run/secrets/pw lies in a tmpfs, which is empty at each start (give it a target outside of /run/secrets)"),
        (f'secrets = ["pw"]\nvolumes = ["v:/run:ro"]\n[volumes.v]\n{DEFINED}', "/run/secrets/pw lies in /run, which is read-only (give it a target outside of /run)"),
        ('develop.watch = [{ path = ".", action = "sync" }]', "services.web.develop.watch[0]: sync needs a target (name the path in the container)"),
        ('develop.watch = [{ path = ".", action = "rebuild", target = "/x" }]', "rebuild copies no files: target has no effect"),
        ('develop.watch = [{ path = ".", action = "sync+exec", target = "x" }]', "'x' is not an absolute path of the container (write \"/x\")"),
        ('develop.watch = [{ path = ".", action = "sync+exec", target = "/x" }]', "sync+exec needs a command"),
        ('develop.watch = [{ path = ".", action = "restart", exec = { command = "a" } }]', "restart runs no command (set action"),
        ('develop.watch = [{ path = ".", action = "snyc", target = "/x" }]', "expected one of rebuild, restart, sync, sync+restart, sync+exec, found the string 'snyc'"),
        ('pre_stop = [{ command = "a" }]\nstop_grace_period = "0s"', "stop_grace_period is 0s, which leaves no time for pre_stop"),
        ("pre_start = [{ per_replica = true }]", "it runs once for all containers of the service"),
        ('post_start = [{ user = "a" }]', "the key 'command' is missing"),
        ('provider = { type = "model" }', "what a provider starts is no container: start it before"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "pw").touch()
    try:
        problems = load(tmp_path, f"{WEB}{text}\n", {"TOKEN": "x"}).problems
    except SpecError as error:
        problems = error.problems
    assert any(said in str(problem) for problem in problems), "\n".join(map(str, problems))


@pytest.mark.parametrize(
    ("keys", "mounts", "bases"),
    [
        ("", [], ["/", "/"]),
        ("read_only = true", [("/run/secrets", True)], ["/run/secrets", "/run/secrets"]),
        ('tmpfs = "/run"', [("/run", False), ("/run/secrets", True)], ["/run/secrets", "/run/secrets"]),
        ('read_only = true\nvolumes = ["/run"]', [("/run", False)], ["/run", "/run"]),
    ],
)  # fmt: skip
def test_a_volume_holds_the_files_where_the_container_cannot(
    tmp_path: Path, keys: str, mounts: list[tuple[str, bool]], bases: list[str]
) -> None:
    (tmp_path / "pw").touch()
    used = 'secrets = ["pw", { source = "pw", target = "more/pw" }]\n'
    stack = load(tmp_path, f"{WEB}{keys}\n{used}{DEFINED}")
    (container,) = desire(stack, instance="i").containers
    assert [(mount.target, mount.contents) for mount in container.mounts] == mounts
    assert [file.base for file in container.files] == bases


def test_only_contents_that_are_asked_for_must_be_there(tmp_path: Path) -> None:
    text = f'{WEB}[services.other]\nimage = "busybox"\nsecrets = ["pw"]\n[secrets.pw]\nfile = "${{UNSET}}"\n[secrets.unused]\nenvironment = "NO"\n'
    assert load(tmp_path, text, selection=Selection(services=["web"]))
    with pytest.raises(SpecError, match="UNSET is not set"):
        load(tmp_path, text)
    assert load(tmp_path, text, strict=False).secrets["pw"].value is None


def test_an_unused_secret_is_a_remark(tmp_path: Path) -> None:
    (tmp_path / "stack.toml").write_text(f"{WEB}[configs.c]\ncontent = ''\n")
    stack = read(StackRequest(directory=tmp_path, environ={}))
    (problem,) = lint(stack, ["SC311"], info=True)
    assert (problem.where, problem.message) == ("configs.c", 'no service uses the config "c"')


def test_what_is_written_reads_back_and_shows_names_only(tmp_path: Path) -> None:
    (tmp_path / "pw").write_text("hunter2")
    text = f'{WEB}secrets = ["pw", {{ source = "pw", target = "b", uid = 5, mode = "0400" }}]\nconfigs = ["c"]\n{DEFINED}[configs.c]\ncontent = "password=hunter2"\n'
    stack = load(tmp_path, text)
    tree = plain(stack, short=True)
    again = load(tmp_path, toml(tree))
    assert again.services["web"].secrets == stack.services["web"].secrets
    assert again.configs == stack.configs
    shown = redacted(tree)
    assert shown["services"]["web"]["secrets"] == [
        "pw",
        {"source": "pw", "target": "b", "uid": 5, "mode": "0400"},
    ]
    assert shown["configs"]["c"]["content"] == f"password={DOTS}"
