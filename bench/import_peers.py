"""Measure composerize over the same recorded scripts as `import_scripts.py`.

    python bench/import_peers.py DIRECTORY

composerize gets the whole script, as a person would paste it. Its compose file counts as accepted if `docker compose config` takes
it, once its placeholder for the project's name has a name. A container is equal if image, command, variables and published ports are those
that the Docker CLI asks for: less than `import_scripts.py` compares.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from import_scripts import as_script, asked_by_docker

HERE = Path(__file__).parent


def tool(script: str) -> Path:
    done = subprocess.run([str(HERE / script)], capture_output=True, text=True, check=True)
    return Path(done.stdout.strip())


def composerized(command: Path, text: str) -> str:
    """The compose file of a script; "" if composerize gives none."""
    done = subprocess.run(
        [str(command), text],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return re.sub(r"(?m)^name: <.*>$", "name: measure", done.stdout) if done.returncode == 0 else ""


def accepted(compose: str, config: Path, place: Path) -> dict[str, Any] | None:
    """The model that Compose reads from the file; None if it refuses the file."""
    file = place / "compose.yaml"
    file.write_text(compose)
    done = subprocess.run(
        ["docker", "compose", "--file", str(file), "config", "--format", "json"],
        env={**os.environ, "DOCKER_CONFIG": str(config)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    model: dict[str, Any] | None = json.loads(done.stdout) if done.returncode == 0 else None
    return model


def of_service(service: dict[str, Any]) -> str:
    ports = [
        (
            f"{each['target']}/{each.get('protocol', 'tcp')}",
            each.get("host_ip", "0.0.0.0"),
            str(each.get("published", "")),
        )
        for each in service.get("ports", ())
    ]
    variables = [
        name if value is None else f"{name}={value}"
        for name, value in (service.get("environment") or {}).items()
    ]
    return _written(service.get("image", ""), service.get("command"), variables, ports)


def of_request(body: dict[str, Any]) -> str:
    bound = (body.get("HostConfig") or {}).get("PortBindings") or {}
    ports = [
        (port, each.get("HostIp") or "0.0.0.0", each.get("HostPort") or "")
        for port, hosts in bound.items()
        for each in hosts
    ]
    return _written(body.get("Image", ""), body.get("Cmd"), body.get("Env") or [], ports)


def _written(image: str, command: Any, variables: list[str], ports: list[tuple[str, str, str]]) -> str:
    # Compose writes a dollar as two.
    words = [str(word).replace("$$", "$") for word in [*(command or ()), *sorted(variables)]]
    return json.dumps([image, words, sorted(ports)])


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("directory", type=Path)
    parser.add_argument(
        "--cwd", default="/home/dev/app", help="the directory in which the scripts were recorded"
    )
    options = parser.parse_args()
    composerize, config = tool("install_composerize.sh") / "composerize", tool("install_compose.sh")
    result: Counter[str] = Counter()
    for record in sorted(options.directory.glob("*.jsonl")):
        calls = [json.loads(line) for line in record.read_text().splitlines() if line]
        script = record.with_suffix(".sh")
        text = script.read_text() if script.exists() else as_script(calls)
        with tempfile.TemporaryDirectory() as name:
            place = Path(name)
            wanted = Counter(map(of_request, asked_by_docker(calls, place, options.cwd)))
            compose = composerized(composerize, text)
            model = accepted(compose, config, place) if compose else None
        services = (model or {}).get("services", {}).values()
        found = Counter(map(of_service, services))
        result["scripts"] += 1
        result["gives a file"] += bool(compose)
        result["accepted by Compose"] += bool(services)
        result["a service for each container"] += bool(services) and len(services) == wanted.total()
        result["containers"] += wanted.total()
        result["equal containers"] += (wanted & found).total()
        result["equal"] += bool(services) and wanted == found
        result["with depends_on"] += any(each.get("depends_on") for each in services)
    for key, number in result.items():
        print(f"{key:<30} {number}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
