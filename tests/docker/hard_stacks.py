"""Stacks that are hard to write down for another tool: every kind of key, and texts that need quoting."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tomli_w
from scenario import free_ports

from stackctl.spec.output.write import literal

HARD = {
    "SPACE": "a  b ",
    "QUOTES": 'it\'s "quoted" `echo no` $(touch injected) ${HOME} $HOME',
    "LINES": "one\ntwo\r\n\tthree\\n",
    "UNICODE": "naïve 🐳 漢字 \u202e\u00a0\u2019",
    "DASH": "-x --privileged",
    "EMPTY": "",
    "ESCAPES": '\\ \\\\ \\" ! # ; & | < > * ? [a] {b,c} ~ %s \x01\x7f\x1b[0m',
    "-LEADING": "=a=b",
    "with space": "x",
}
LABELS = {name: text for name, text in HARD.items() if " " not in name}
"""The Docker CLI refuses white space in the name of a label."""
SLEEP = {"image": "busybox", "command": ["sleep", "infinity"], "stop_grace_period": "1s"}
TEXTS = [text for text in HARD.values() if text]


def web(**keys: Any) -> dict[str, Any]:
    return {"services": {"web": {**SLEEP, **keys}}}


def _ports() -> dict[str, Any]:
    first, second = free_ports(2)
    ports = [f"127.0.0.1:{first}:80", f"0.0.0.0:{second}:53/udp", "8080-8081"]
    return web(
        command=["httpd", "-f", "-p", "80"],
        ports=ports[:2],
        expose=["9000-9002/udp"],
        healthcheck={"tcp": 80},
    )


def _keys() -> dict[str, Any]:
    return web(
        hostname="host-a", domainname="example.org", user="1000:1000", working_dir="/tmp/a b", stop_signal="SIGKILL",
        tty=True, stdin_open=True, read_only=True, cap_add=["NET_ADMIN"], cap_drop=["MKNOD"], pids_limit=50,
        dns=["1.1.1.1"], shm_size="32m", extra_hosts={"other": "10.0.0.1", "me": "host-gateway"}, init=False,
        restart="on-failure:3", container_name="{project}-own-name",
    )  # fmt: skip


def _storage() -> dict[str, Any]:
    return {
        **web(
            volumes=[
                "/cache",
                "data:/data:ro",
                {"type": "bind", "source": 'a, "b" $c', "target": "/b c"},
                {"type": "bind", "source": "made", "target": "/made", "bind": {"create_host_path": True}},
                "./plain:/plain:z",
                {"type": "tmpfs", "target": "/t1", "tmpfs": {"size": "1m", "mode": 0o700}},
                {"type": "volume", "source": "data", "target": "/copy", "volume": {"nocopy": True}},
            ],
            tmpfs=["/t2:size=1m,noexec", "/t3"],
        ),
        "volumes": {"data": {"labels": LABELS}},
    }


def _networks() -> dict[str, Any]:
    return {
        "services": {
            "web": {
                **SLEEP,
                "networks": {"back": {"aliases": ["db", "other"]}, "front": {}},
                "depends_on": ["none"],
            },
            "none": {**SLEEP, "network_mode": "none"},
            "beside": {**SLEEP, "network_mode": "service:web", "depends_on": ["web"]},
        },
        "networks": {
            "back": {"internal": True, "labels": {"a.b": "c 'd'"}},
            "front": {"driver_opts": {"com.docker.network.bridge.enable_icc": "true"}, "attachable": True},
        },
    }


def _build() -> dict[str, Any]:
    build = {"context": "a b", "dockerfile": "My Dockerfile", "target": "last", "args": {"ARG": "x 'y' $z"}}
    return {"services": {"web": {"build": build}}}


STACKS: Mapping[str, Any] = {
    "environment": lambda: web(environment=HARD),
    "labels": lambda: web(labels=LABELS),
    "command": lambda: web(command=["sh", "-c", 'printf "%s|" "$@"; exec sleep infinity', "sh", *TEXTS, ""]),
    "entrypoint": lambda: web(entrypoint=["sh", "-c", "exec sleep infinity", *TEXTS], command=["-d"]),
    "no-entrypoint": lambda: web(entrypoint="", command="sleep infinity"),
    "check": lambda: web(
        healthcheck={"test": ["CMD", "test", "-n", "it's $HOME `x`"], "interval": "1m30s", "timeout": "1500ms", "retries": 2}
    ),
    "shell-check": lambda: web(
        healthcheck={"test": "test \"$(echo 'a  b')\" = 'a  b' && echo \"$HOME\"", "start_period": "2s"}
    ),
    "no-check": lambda: web(healthcheck={"disable": True}),
    "ports": _ports,
    "keys": _keys,
    "storage": _storage,
    "networks": _networks,
    "build": _build,
    "job": lambda: {
        "services": {"web": {**SLEEP, "depends_on": ["seed"]}},
        "jobs": {"seed": {"image": "busybox", "command": ["sh", "-c", "sleep 1; echo it\\'s done"]}},
    },
    "log": lambda: web(
        command=["sh", "-c", "echo 'ready: [1]'; exec sleep infinity"], healthcheck={"log": r"^ready: \[\d\]$"}
    ),
    "http": lambda: web(
        command=["httpd", "-f", "-p", "8000", "-h", "/etc"], healthcheck={"http": ":8000/passwd?a=1&b='c'"}
    ),
}  # fmt: skip
"""By name, a function that gives the tree of a stack.toml."""


def all_in_one() -> dict[str, Any]:
    """Every stack in one. A stack that has one service gives it its own name."""
    tree: dict[str, dict[str, Any]] = {}
    for name, stack in STACKS.items():
        for kind, table in stack().items():
            alone = kind == "services" and table.keys() == {"web"}
            named = {name: table["web"]} if alone else table
            assert not tree.setdefault(kind, {}).keys() & named.keys(), name
            tree[kind] |= named
    return tree


def write(tree: dict[str, Any], directory: Path, project: str) -> None:
    """Write a stack, and the files that it names."""
    text = tomli_w.dumps(literal(tree)).replace("{project}", project)
    (directory / "stack.toml").write_text(text)
    for folder in ('a, "b" $c', "plain", "a b"):
        (directory / folder).mkdir(exist_ok=True)
    (directory / "a b" / "My Dockerfile").write_text(
        'FROM busybox AS first\nFROM first AS last\nARG ARG\nLABEL got=$ARG\nCMD ["sleep", "infinity"]\n'
    )
