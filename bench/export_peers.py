"""Measure decomposerize beside `export bash` over compose files that work, and over this project's own stacks.

    python bench/export_peers.py DIRECTORY [--verbose]

Both get the same stacks (those of `rules.py recall`), as a stack.toml and as a compose file; builds, profiles and files of variables
are left out. Their scripts run where `docker` is recorded. The Docker CLI makes requests of the recorded words, and these are compared with what
stackctl asks the engine for, once as `import_peers.py` compares (image, command, variables, published ports) and once as
`import_scripts.py` does (nearly everything). That an array becomes words of a shell counts for nothing: `docker run` has no other way. Nor
does the address on which a port is published: the two tools take different ones if none is given.
"""

from __future__ import annotations

import argparse
import contextlib
import copy
import itertools
import json
import re
import shlex
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from unittest import mock

import rules
import yaml
from import_peers import of_request, tool
from import_scripts import API, asked_by_docker, normal
from tabulate import tabulate

import stackctl.teach.bash
from stackctl.cli import sandbox
from stackctl.engine.docker import bodies
from stackctl.planner.world.observed import ImageConfig
from stackctl.teach.lab.mutations import Tree
from stackctl.teach.script_variables import ScriptVariables

sys.path.insert(0, str(rules.ROOT / "tests" / "teach"))
import written_script

ALL_IS_WELL = """\
#!{bash}
printf '%s\\0' "$@" END >>"$LOG"
case "$1 $2" in
  "inspect --format")
    case " JOBS " in
      *" $4 "*) printf 'exited 0 none\\n' ;;
      *) printf 'running 0 healthy\\n' ;;
    esac ;;
  *" inspect") exit 1 ;;
  "run --rm") printf 'HTTP/1.0 200 OK\\r\\n' ;;
esac
"""
"""Stands for `docker`: nothing is there before it is made, then each question of the script has the answer that it waits for."""
QUESTION = ["run", "--rm"]
"""How a call of the script begins that asks a server over the network."""

Calls = Sequence[Sequence[str]]
"""The words of each call of `docker`, without `docker`."""


def common(tree: Tree) -> Tree:
    """The stack with what both tools are asked for: every service is up and has an image, and nothing is there before."""
    tree = copy.deepcopy(tree)
    for name, service in rules.services(tree):
        service.pop("profiles", None)
        service.pop("env_file", None)
        if service.pop("build", None) is not None:
            service.setdefault("image", f"built-{name}")
    for kind in ("networks", "volumes"):
        for settings in tree.get(kind, {}).values():
            settings.pop("external", None)
    return tree


def written_with_secrets(tree: Tree, work: Path, environ: Mapping[str, str]) -> written_script.Written:
    """The script of a stack, and the values of the variables that it asks for."""
    variables = ScriptVariables()
    with mock.patch.object(stackctl.teach.bash, "ScriptVariables", return_value=variables):
        written = written_script.Written(tree, work, **environ)
    for variable in variables.found.values():
        written.environ.setdefault(variable.name, variable.text)
    return written


def decomposerized(command: Path, tree: Tree, environ: Mapping[str, str]) -> tuple[int, Calls]:
    """How many commands decomposerize prints, and what docker gets if bash runs them with these variables."""
    done = subprocess.run(
        [str(command)],
        input=yaml.safe_dump(rules.for_compose(tree), sort_keys=False),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    commands = re.split(r"(?m)^(?=docker )", done.stdout)
    variables = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in environ.items())
    # Each by itself: a command with wrong quotes does not take the next ones with it.
    recorded = sandbox.record(variables + "".join(f"bash -c {shlex.quote(each)}\n" for each in commands))
    count = sum(each.startswith("docker run") for each in commands)
    return count, [words[1:] for _, words in recorded.calls]


def named(calls: Calls, services: Sequence[str]) -> int:
    """How many containers the others find under the name of the service."""
    names: set[str] = set()
    for words in calls:
        for flag, value in itertools.pairwise(words):
            if flag in ("--name", "--network-alias", "--alias"):
                names.add(value)
        names |= {
            word.partition("=")[2] for word in words if word.startswith(("--name=", "--network-alias="))
        }
    return sum(service in names for service in services)


def as_docker_run(body: dict[str, Any]) -> dict[str, Any]:
    """The request as `docker run` can make it, in one spelling: an entrypoint of one word, a check as words, full names of
    capabilities, and no address of a port.
    """
    body = copy.deepcopy(body)
    for bound in ((body.get("HostConfig") or {}).get("PortBindings") or {}).values():
        for each in bound:
            each["HostIp"] = ""
    if entrypoint := body.get("Entrypoint"):
        body["Entrypoint"] = entrypoint[:1]
        body["Cmd"] = [*entrypoint[1:], *(body.get("Cmd") or ())]
    check = body.get("Healthcheck") or {}
    match check.get("Test"):
        case ["CMD", *words]:
            check["Test"] = words
        case ["CMD-SHELL", text]:
            with contextlib.suppress(ValueError):  # no words of a shell
                check["Test"] = shlex.split(text)
    for key in ("CapAdd", "CapDrop"):
        names = (body.get("HostConfig") or {}).get(key) or ()
        body["HostConfig"][key] = [
            name if name == "ALL" else f"CAP_{name.removeprefix('CAP_')}" for name in names
        ]
    return body


def weak(body: dict[str, Any]) -> str:
    return of_request(as_docker_run(body))


def strong(body: dict[str, Any]) -> str:
    return json.dumps(normal(as_docker_run(body)), sort_keys=True)


def judged(calls: Calls, wanted: Sequence[dict[str, Any]], work: Path) -> Counter[str]:
    with tempfile.TemporaryDirectory() as name:
        asked = asked_by_docker(calls, Path(name), str(work))
    result: Counter[str] = Counter({"requests": len(asked)})
    for title, seen in (("equal", weak), ("equal in everything", strong)):
        common_ones = Counter(map(seen, wanted)) & Counter(map(seen, asked))
        result[title] = common_ones.total()
        result[f"stacks {title}"] = common_ones.total() == len(wanted)
    return result


def measured(directory: Path, *, verbose: bool) -> Iterator[tuple[str, Counter[str]]]:
    command = tool("install_composerize.sh") / "decomposerize"
    for name, tree, work in rules.working(directory, rules.Compose()):
        environ = rules.values(tree)
        stack = common(tree)
        written = written_with_secrets(stack, work, environ)
        wanted = [bodies.container(each, api=API, image=ImageConfig()) for each in written.containers]
        services = [service for service, _ in rules.services(stack)]
        jobs = re.findall(r"(?m)^ *wait_for_end (\S+)$", written.text)
        written_script.RECORDER = ALL_IS_WELL.replace("JOBS", " ".join(jobs))
        ours = [call for call in written.run()[0] if call[:2] != QUESTION]
        lines, theirs = decomposerized(command, stack, environ)
        for who, calls in (("export bash", ours), ("decomposerize", theirs)):
            result = judged(calls, wanted, work)
            result["stacks"], result["containers"] = 1, len(wanted)
            result["commands"] = lines if who == "decomposerize" else len(wanted)
            result["found by name"] = named(calls, services)
            yield who, result
            if verbose:
                print(f"{name}: {who}: {dict(result)}", file=sys.stderr)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("directory", type=Path)
    parser.add_argument("--verbose", action="store_true", help="tell the result of each stack")
    options = parser.parse_args()
    results: dict[str, Counter[str]] = {}
    for who, result in measured(options.directory, verbose=options.verbose):
        results.setdefault(who, Counter()).update(result)
    keys = ["stacks", "containers", "commands", "requests", "found by name", "equal", "equal in everything",
            "stacks equal", "stacks equal in everything"]  # fmt: skip
    rows = [[key, *(result[key] for result in results.values())] for key in keys]
    print(tabulate(rows, ["", *results], tablefmt="github"))


if __name__ == "__main__":
    main()
