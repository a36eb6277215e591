"""The rules about the files that a stack names: files in, problems out."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from stackctl.checking import check
from stackctl.spec.lint.tracked import tracked
from stackctl.spec.source.request import StackRequest

Find = Callable[..., list[str]]
WEB = '[services.web]\nimage = "nginx:1"\n'


@pytest.fixture
def find(tmp_path: Path) -> Find:
    """Write files, and give back what the rules about files say: `SC306 .env:2: …`."""

    def run(text: str, **files: bytes) -> list[str]:
        (tmp_path / "stack.toml").write_text(text)
        for name, content in files.items():
            path = tmp_path / name.replace("__", "/").replace("_", ".")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        found = check(StackRequest(directory=tmp_path, environ={})).problems
        return [
            f"{p.rule} {p.place and f'{p.place.file}:{p.place.line}'}: {p.message}"
            for p in found
            if p.rule in ("SC115", "SC305", "SC306", "SC312", "SC404", "SC604", "SC607")
        ]

    return run


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"A=1\nB='x '\n# c \nC=\"y \"\nD= # none\nE=a # b\n\n", []),
        (b"A=1\nB=2\r\nexport C=3\r\n", ["SC306 .env:2: the line ends with a carriage return"]),
        (b"\xef\xbb\xbfA=1\n", ["SC306 .env:1: the file begins with a byte order mark"]),
        (b"A=1\nB=secret \n", ["SC306 .env:2: the line has a space behind its value"]),
        (b"# only a comment\r\n", []),
    ],
)
def test_a_file_of_variables_that_others_read_differently(
    find: Find, content: bytes, told: list[str]
) -> None:
    found = find(WEB, _env=content)
    assert len(found) == len(told)
    assert all(line.startswith(start) for line, start in zip(found, told, strict=True)), found


def test_an_env_file_is_looked_at_too_and_its_values_are_never_shown(find: Find) -> None:
    found = find(WEB + 'env_file = "web.env"\n', web_env=b"PASSWORD=hunter2\r\nB=1\r\n")
    (line,) = found
    assert line == (
        "SC306 web.env:1: the line ends with a carriage return (a Windows line end): "
        "other programs take it as a part of the value (as 2 lines do)"
    )


def test_git_must_not_track_a_file_of_variables(find: Find, tmp_path: Path) -> None:
    def git(*words: str) -> None:
        subprocess.run(["git", "-C", str(tmp_path), *words], check=True, capture_output=True)

    git("init")
    text = WEB + 'env_file = "web.env"\n'
    assert find(text, _env=b"A=1\n", web_env=b"B=1\n") == []
    git("add", ".env", "web.env")
    assert [line.partition(": ")[0] for line in find(text)] == ["SC305 .env:0", "SC305 web.env:0"]
    git("rm", "--cached", ".env", "web.env")
    assert find(text) == []


@pytest.mark.parametrize("kind", ["plain", "4", "with longer entries", "worktree", "relative"])
def test_what_git_tracks_is_read_from_its_index(tmp_path: Path, kind: str) -> None:
    def git(*words: str, where: str = "main") -> None:
        who = ("-c", "user.name=a", "-c", "user.email=a@example.org")
        subprocess.run(["git", "-C", str(tmp_path / where), *who, *words], check=True, capture_output=True)

    (tmp_path / "main").mkdir()
    git("init")
    if kind == "4":
        git("config", "index.version", "4")
    names = [f"{'x' * n}/{name}" for n in range(1, 10) for name in (".env", ".env.local", "app/.env")]
    for name in (*names, ".env", "ignored/.env", "new"):
        (tmp_path / "main" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "main" / name).write_text("A=1\n")
    git("add", ".env", *names)
    place = "main"
    if kind == "with longer entries":
        git("add", "--intent-to-add", "new")
    elif kind != "plain" and kind != "4":
        git("commit", "-m", "one")
        git("worktree", "add", "../other")
        place = "other"
        if kind == "relative":
            file = tmp_path / "other" / ".git"
            file.write_text(file.read_text().replace(str(tmp_path / "main"), "../main"))
    there = {tmp_path / place / name for name in (".env", *names)}
    assert tracked([*there, tmp_path / place / "ignored/.env"]) == there


@pytest.mark.parametrize(
    "text", [b"", b"DIRC", b"DIRC\0\0\0\2\xff\xff\xff\xff", b"DIRC\0\0\0\4\0\0\0\1" + 70 * b"\xff"]
)
def test_a_damaged_index_tracks_nothing(tmp_path: Path, text: bytes) -> None:
    (tmp_path / ".env").write_text("A=1\n")
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "index").write_bytes(text)
    assert not tracked([tmp_path / ".env"])
    (tmp_path / ".git" / "index").unlink()
    os.mkfifo(tmp_path / ".git" / "index")
    assert not tracked([tmp_path / ".env"])


@pytest.mark.parametrize(
    ("volume", "told"),
    [
        ("./nginx.conf:/etc/nginx/nginx.conf", []),
        ("./conf:/etc/nginx/conf.d", []),
        (
            "./conf:/etc/nginx/nginx.conf",
            ["conf is a directory, but /etc/nginx/nginx.conf looks like a file"],
        ),
        ("./nginx.conf:/etc/nginx/conf.d", ["nginx.conf is a file, but /etc/nginx/conf.d is a directory"]),
        ("./nginx.conf:/data/", ["nginx.conf is a file, but /data/ is a directory"]),
        ("./missing:/etc/nginx/nginx.conf", []),
        ("conf:/etc/x.conf", []),
    ],
)
def test_a_file_on_a_directory(find: Find, volume: str, told: list[str]) -> None:
    text = WEB + f'volumes = ["{volume}"]\n[volumes.conf]\n'
    found = find(text, nginx_conf=b"", conf__a_conf=b"")
    assert found == [f"SC404 stack.toml:3: {line}" for line in told]


WINDOWS, UNIX = b"#!/bin/sh\r\necho\r\n", b"#!/bin/sh\necho\n"


@pytest.mark.parametrize(
    ("text", "dockerfile", "wrong"),
    [
        ('volumes = ["./a.sh:/a.sh"]', b"", ["a.sh"]),
        ('volumes = ["./scripts:/docker-entrypoint-initdb.d"]', b"", ["scripts/b.sh"]),
        ('volumes = ["./unix.sh:/a.sh"]', b"", []),
        ('build = "."', b"FROM x\nCOPY --chmod=755 a.sh unix.sh /\n", ["a.sh"]),
        ('build = "."', b'FROM x\r\nADD ["a.sh", "/"]\r\n', ["a.sh"]),
        ('build = "."', b'FROM x\nCOPY . /app\nENTRYPOINT ["/app/a.sh"]\n', ["a.sh"]),
        ('build = "."', b"FROM x\nCOPY --from=other a.sh /\n", []),
        ('build = "."', b"FROM x\nCOPY unix.sh missing.sh /\n", []),
        ('build = "https://host/repo.git"', b"FROM x\nCOPY a.sh /\n", []),
    ],
)
def test_a_script_with_windows_line_ends(find: Find, text: str, dockerfile: bytes, wrong: list[str]) -> None:
    spec = f'[services.web]\nimage = "nginx:1"\n{text}\n'
    found = find(
        spec, a_sh=WINDOWS, unix_sh=UNIX, scripts__b_sh=WINDOWS, scripts__c_sh=UNIX, Dockerfile=dockerfile
    )
    assert [line.split()[2] for line in found] == wrong
    assert all(line.startswith("SC604 stack.toml:3: ") for line in found)


PROXY = """
[services.proxy]
image = "nginx:1"
volumes = ["./web.conf:{target}"]
depends_on = ["api"]
[services.api]
image = "app:1"
[services.other]
image = "app:1"
networks = {{ default = {{ aliases = ["also"] }} }}
"""
NGINX = "/etc/nginx/conf.d/default.conf"


@pytest.mark.parametrize(
    ("target", "conf", "told"),
    [
        (NGINX, "proxy_pass http://api:8000/;", ""),
        (NGINX, "\nproxy_pass http://apis:8000;", '2 passes on to "apis", which no container is called'),
        (NGINX, "proxy_pass http://other;", "1 passes on to other, and proxy does not wait for it"),
        (NGINX, "proxy_pass http://also;", "1 passes on to other, and proxy does not wait for it"),
        (NGINX, "upstream back {\n  server api:80 weight=2;\n}\nproxy_pass http://back;", ""),
        (
            NGINX,
            "upstream back {\n  server apy:80 weight=2;\n}",
            '2 passes on to "apy", which no container is called',
        ),
        (NGINX, "server {\n  listen 80;\n  server_name web;\n}\nproxy_pass http://$host;", ""),
        (NGINX, "proxy_pass http://example.com; # proxy_pass http://nobody;", ""),
        (NGINX, "proxy_pass http://127.0.0.1:80; proxy_pass http://unix:/run/x;", ""),
        (NGINX, "fastcgi_pass php:9000;", '1 passes on to "php", which no container is called'),
        (
            "/etc/caddy/Caddyfile",
            ":80\nreverse_proxy /x/* apx:80",
            '2 passes on to "apx", which no container is called',
        ),
        ("/etc/caddy/Caddyfile", ":80\nreverse_proxy other:80", ""),
        ("/usr/local/etc/haproxy/haproxy.cfg", "  server one api:80 check", ""),
        (
            "/usr/local/etc/haproxy/haproxy.cfg",
            "  server one db:80",
            '1 passes on to "db", which no container is called',
        ),
        ("/app/other.conf", "proxy_pass http://nobody;", ""),
    ],
)
def test_a_proxy_to_an_unknown_host(find: Find, target: str, conf: str, told: str) -> None:
    found = find(PROXY.format(target=target), web_conf=conf.encode())
    assert found == ([f"SC115 stack.toml:4: web.conf:{told}"] if told else [])


def test_a_proxy_on_an_external_network_may_know_more_hosts(find: Find) -> None:
    text = PROXY.format(target=NGINX) + "[networks.default]\nexternal = true\n"
    assert find(text, web_conf=b"proxy_pass http://nobody;") == []


def test_a_pipe_that_nobody_writes_to_is_not_read(find: Find, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.sh")
    assert find(WEB + 'volumes = ["./pipe.sh:/etc/nginx/nginx.conf"]\n') == []


def test_a_link_to_a_socket_is_found(find: Find, tmp_path: Path) -> None:
    (tmp_path / "sock").symlink_to("/var/run/docker.sock")
    (tmp_path / "all").symlink_to("/")
    (tmp_path / "same").symlink_to(tmp_path)
    text = WEB + 'volumes = ["./sock:/x:ro", "./all:/y", "./same:/z", "/var/run/docker.sock:/v"]\n'
    assert find(text) == [
        "SC607 stack.toml:3: sock leads to /run/docker.sock: web has the socket of an engine: with it, it may do to this machine what root may",
        "SC607 stack.toml:3: all leads to /: web may change every file of this machine",
    ]


@pytest.mark.parametrize(("mode", "told"), [(0o600, 0), (0o640, 0), (0o644, 1), (0o604, 1)])
def test_the_file_of_a_secret_that_everybody_can_read(
    find: Find, tmp_path: Path, mode: int, told: int
) -> None:
    (tmp_path / "key").write_text("secret")
    (tmp_path / "key").chmod(mode)
    found = find(WEB + 'secrets = ["key"]\n[secrets]\nkey = { file = "key" }\ngone = { file = "gone" }\n')
    assert found == ["SC312 stack.toml:5: every user of this machine can read key"] * told
