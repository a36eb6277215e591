"""Measure `stackctl import` over a directory of recorded scripts: how many load, and how many ask the engine for the same.

    python bench/import_scripts.py DIRECTORY [--verbose]

The directory holds what a recording `docker` saw: `NAME.jsonl`, one JSON array of words for each call. If the script itself is beside it, as
`NAME.sh`, it is imported; else the recorded calls are, as a script without loops and variables.

The judge is the Docker CLI: it gets the recorded words, and an engine that only listens keeps the request that it makes of them. The
imported stack is turned into requests by stackctl. Two requests are the same if they differ only in what `_IGNORED` and `normal`
name.
"""

from __future__ import annotations

import argparse
import json
import os
import pty
import shlex
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingUnixStreamServer
from typing import Any
from urllib.parse import parse_qs, urlparse

from stackctl.convert.bash.shell import Word
from stackctl.convert.docker.flags import GLOBAL, divide
from stackctl.convert.importing import PLACEHOLDER, Imported, import_script
from stackctl.engine.docker import bodies
from stackctl.errors import StackError
from stackctl.planner.world.desire import desire
from stackctl.planner.world.observed import ImageConfig
from stackctl.spec.lint.rules import lint
from stackctl.spec.source.reading import read
from stackctl.spec.source.request import StackRequest

API = (1, 41)
_IGNORED = frozenset(
    "AttachStdin AttachStdout AttachStderr StdinOnce AutoRemove Init Links NetworkingConfig NetworkMode Labels ContainerIDFile ConsoleSize LogConfig.Type "
    "MaskedPaths ReadonlyPaths OnBuild".split()
)
"""How docker run shows what it does; and the ways of the stack: an init, names by DNS instead of links, networks and labels of the project."""


class Listener(BaseHTTPRequestHandler):
    """An engine that refuses everything but the creation of containers, and keeps those requests."""

    created: list[tuple[str, dict[str, Any]]]
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer(200 if "_ping" in self.path else 404, {})

    do_HEAD = do_GET  # noqa: N815 the name that http.server asks for

    def do_POST(self) -> None:
        data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        url = urlparse(self.path)
        if url.path.endswith("/containers/create"):
            name = parse_qs(url.query).get("name", [""])[0]
            self.created.append((name, json.loads(data)))
            self._answer(201, {"Id": "0" * 64, "Warnings": []})
        else:
            self._answer(500, {"message": "this engine only listens"})

    def _answer(self, status: int, body: object) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("API-Version", ".".join(map(str, API)))
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def address_string(self) -> str:
        return "docker"

    def log_message(self, *_: Any) -> None:
        pass


def asked_by_docker(calls: Sequence[Sequence[str]], place: Path, directory: str) -> list[dict[str, Any]]:
    """The requests that the Docker CLI makes of recorded calls, one for each name."""
    Listener.created = []
    socket = place / "engine.sock"
    server = ThreadingUnixStreamServer(str(socket), Listener)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    here = place / "here"
    here.mkdir()
    _, terminal = pty.openpty()
    for call in calls:
        words = [word.text for word in divide([Word(text, 0) for text in call], GLOBAL).words]
        if words[:1] in (["run"], ["create"]) or words[:2] in (["container", "run"], ["container", "create"]):
            environment = {
                "PATH": os.environ["PATH"],
                "HOME": str(place),
                "DOCKER_HOST": f"unix://{socket}",
                "DOCKER_API_VERSION": "1.41",
            }
            subprocess.run(
                ["docker", *words],
                cwd=here,
                env=environment,
                stdin=terminal,
                capture_output=True,
                timeout=30,
                check=False,
            )
    server.shutdown()
    names: set[str] = set()
    found = []
    for name, body in Listener.created:
        if not name or name not in names:
            names.add(name)
            found.append(json.loads(json.dumps(body).replace(str(here), directory)))
    return found


def asked_by_stack(imported: Imported, place: Path, directory: str, home: str) -> list[dict[str, Any]]:
    """The requests that stackctl makes of an imported stack. Variables that nobody sets are empty, as in bash."""
    file = place / "stack.toml"
    file.write_text(imported.text, encoding="utf-8")
    environ = {name: "" if value == PLACEHOLDER else value for name, value in imported.variables.items()}
    environ |= {"PWD": directory, "HOME": home}
    os.environ["HOME"] = home
    request = StackRequest(
        files=[file],
        directory=place,
        project_directory=Path(directory),
        environ=environ,
        name="measure",
        strict=False,
    )
    stack = read(request)
    desired = desire(stack, instance="", profiles=["*"])
    return [bodies.container(each, api=API, image=ImageConfig()) for each in desired.containers]


def normal(body: dict[str, Any]) -> dict[str, Any]:
    """A request without what is empty, without what does not count, and with one form for what has two."""
    flat = {
        **{key: value for key, value in body.items() if key != "HostConfig"},
        **(body.get("HostConfig") or {}),
    }
    flat["Mounts"] = sorted(json.dumps(each, sort_keys=True) for each in _mounts(flat))
    for key in ("Binds", "Volumes", "Hostname" if not body.get("Hostname") else ""):
        flat.pop(key, None)
    flat["Env"] = sorted(flat.get("Env") or ())
    flat["PortBindings"] = {
        port: sorted((each.get("HostIp") or "0.0.0.0", each.get("HostPort") or "") for each in bound)
        for port, bound in (flat.get("PortBindings") or {}).items()
    }
    mode = (body.get("HostConfig") or {}).get("NetworkMode") or ""
    flat["Joins"] = mode if mode in ("host", "none") or mode.startswith("container:") else ""
    if flat["Joins"] == "host":
        flat["PortBindings"] = flat["ExposedPorts"] = {}  # the engine discards them
    if (flat.get("RestartPolicy") or {}).get("Name") in ("no", ""):
        flat.pop("RestartPolicy", None)
    if flat.get("Entrypoint") in ([""], []):
        flat["Entrypoint"] = "none"
    logs = flat.pop("LogConfig", None) or {}
    flat["Logs"] = {key: value for key, value in logs.items() if value}
    usual = {"MemorySwappiness": -1, "StopTimeout": 10}
    return {
        key: value
        for key, value in sorted(flat.items())
        if key not in _IGNORED and value not in (None, "", 0, False, [], {}) and value != usual.get(key)
    }


def _mounts(flat: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for bind in flat.get("Binds") or ():
        source, target, *modes = bind.split(":")
        options = set(modes[0].split(",")) - {"rw"} if modes else set()
        kind = "bind" if source.startswith("/") else "volume"
        yield {
            "type": kind,
            "source": _path(source) if kind == "bind" else source,
            "target": target,
            "options": sorted(options),
        }
    for target in flat.get("Volumes") or ():
        yield {"type": "volume", "source": "", "target": target, "options": []}
    for mount in flat.get("Mounts") or ():
        source = mount.get("Source") or ""
        options = ["ro"] if mount.get("ReadOnly") else []
        options += ["nocopy"] if (mount.get("VolumeOptions") or {}).get("NoCopy") else []
        options += filter(None, [(mount.get("BindOptions") or {}).get("Propagation")])
        yield {
            "type": mount["Type"],
            "source": source.removeprefix("measure_") if mount["Type"] == "volume" else _path(source),
            "target": mount["Target"],
            "options": sorted(options),
        }


def _path(source: str) -> str:
    """A path of the host. stackctl resolves links; docker leaves that to the engine."""
    return str(Path(source).resolve())


def as_script(calls: Sequence[Sequence[str]]) -> str:
    return "".join(f"{shlex.join(['docker', *call])}\n" for call in calls)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("directory", type=Path)
    parser.add_argument(
        "--cwd", default="/home/dev/app", help="the directory in which the scripts were recorded"
    )
    parser.add_argument(
        "--home", default="/home/dev", help="the home directory with which they were recorded"
    )
    parser.add_argument("--verbose", action="store_true", help="show each difference")
    options = parser.parse_args()
    result: Counter[str] = Counter()
    for record in sorted(options.directory.glob("*.jsonl")):
        calls = [json.loads(line) for line in record.read_text().splitlines() if line]
        script = record.with_suffix(".sh")
        text = script.read_text() if script.exists() else as_script(calls)
        result["scripts"] += 1
        with tempfile.TemporaryDirectory() as name:
            place = Path(name)
            wanted = Counter(
                json.dumps(normal(body), sort_keys=True)
                for body in asked_by_docker(calls, place, options.cwd)
            )
            try:
                imported = import_script(record.stem, text, env=True)
                found = Counter(
                    json.dumps(normal(body), sort_keys=True)
                    for body in asked_by_stack(imported, place, options.cwd, options.home)
                )
            except StackError as error:
                print(f"{record.stem}: does not load: {error}")
                continue
        result["load"] += 1
        result["pass the rules"] += not any(each.severity == "error" for each in lint(imported.stack))
        result["scripts without error"] += not any(each.severity == "error" for each in imported.problems)
        result["containers"] += wanted.total()
        result["equal containers"] += (wanted & found).total()
        result["equal"] += wanted == found
        if wanted != found:
            print(
                f"{record.stem}: {(wanted - found).total()} of {wanted.total()} containers differ, {len(imported.notes)} notes"
            )
            if options.verbose:
                for each in (wanted - found).elements():
                    print("   docker  ", each)
                for each in (found - wanted).elements():
                    print("   stackctl", each)
    for key, number in result.items():
        print(f"{key:<22} {number}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
