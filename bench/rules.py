"""How precise the rules are, and how much they find.

    .venv/bin/python bench/rules.py precision DIRECTORY     problems by rule in a directory of compose files that work
    .venv/bin/python bench/rules.py recall [DIRECTORY]      share of mistakes found, beside `docker compose config`

`precision` lists every problem: on files that work each error is a false one. `recall` makes one mistake at a time in this
project's own stacks, and in the compose files of the directory that have no error. A mistake counts as caught if an error or a
warning comes up that the stack did not have before.

Compose files are read by hand: keys that stackctl does not know are left out. A variable without a value gets one.
"""

from __future__ import annotations

import argparse
import copy
import os
import re
import subprocess
import sys
import tempfile
import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import tomli_w
import yaml
from tabulate import tabulate

from stackctl.errors import Problem, SpecError
from stackctl.spec.lint.rules import RULES, lint
from stackctl.spec.source.reading import read
from stackctl.spec.source.request import StackRequest
from stackctl.spec.text.interpolate import variables
from stackctl.teach.lab.mutations import KINDS, Tree

ROOT = Path(__file__).resolve().parent.parent
OWN = ("stack.toml", "examples/fullstack/stack.toml", "examples/django/stack.jobs.toml")
_URLS = {
    "${services.db.url}": ("db", "postgresql://guestbook:${POSTGRES_PASSWORD}@db:5432/guestbook"),
    "${services.cache.url}": ("cache", "redis://cache:6379"),
}
"""What Compose gets in place of a reference: the service that it names, and its URL."""
_DROPPED_AT_MOST = 500


# Reading


def adapted(compose: Mapping[str, Any], directory: Path) -> Tree:
    """A compose file as the tree of a stack.toml, without the keys that stackctl does not know."""
    tree: Tree = {
        key: _without_nothing(compose[key]) for key in ("services", "networks", "volumes") if compose.get(key)
    }
    for table in ("networks", "volumes"):
        tree[table] = {name: each or {} for name, each in (tree.get(table) or {}).items()}
    for service in tree["services"].values():
        files = service.pop("env_file", [])
        files = [files] if isinstance(files, str | dict) else files
        service["env_file"] = [
            {"path": each if isinstance(each, str) else each["path"], "required": False} for each in files
        ]
        if isinstance(service.get("networks"), dict):
            service["networks"] = {name: each or {} for name, each in service["networks"].items()}
    for _ in range(_DROPPED_AT_MOST):
        wrong = [problem for problem in problems(tree, directory) if problem.rule == "SC112" and problem.path]
        if not wrong:
            break
        for path in sorted({problem.path for problem in wrong}, key=str, reverse=True):
            _drop(tree, path)
    return tree


def _without_nothing(value: Any) -> Any:
    if isinstance(value, dict):
        # A variable without a value is passed through, and a table without a value has no settings.
        return {
            str(k): {} if v is None and k not in ("command", "entrypoint") else _without_nothing(v)
            for k, v in value.items()
            if not (v is None and k in ("command", "entrypoint"))
        }
    if isinstance(value, list):
        return [_without_nothing(each) for each in value if each is not None]
    return value


def _drop(tree: Any, path: tuple[Any, ...]) -> None:
    """Take out what stands at a path, or the nearest part of the tree above it that exists."""
    *before, last = path
    for key in before:
        try:
            tree, above, step = tree[key], tree, key
        except (KeyError, IndexError, TypeError):
            above[step] = [] if isinstance(tree, list) else {}
            return
    try:
        del tree[last]
    except (KeyError, IndexError, TypeError):
        del above[step]


def values(tree: Tree) -> dict[str, str]:
    """A value for each variable that the tree mentions without a default."""
    mentioned = [mention for text in _texts(tree) for mention in variables(text)]
    defaults = {name: default for name, default in mentioned if default and "$" not in default}
    found: dict[str, str] = {}
    for name in sorted({name for name, default in mentioned if default is None}):
        if re.search(r"(?i)host|server|addr|endpoint|domain|url", name):
            found[name] = defaults.get(name, "example.com")
        else:
            made = str(20000 + len(found)) if "PORT" in name.upper() else f"x{name.lower()}"
            found[name] = defaults.get(name, made)
    return found


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping | list):
        for each in value.values() if isinstance(value, Mapping) else value:
            yield from _texts(each)


def problems(tree: Tree, directory: Path, environ: Mapping[str, str] | None = None) -> tuple[Problem, ...]:
    (directory / "stack.toml").write_text(tomli_w.dumps(tree))
    request = StackRequest(directory=directory, environ=values(tree) if environ is None else environ)
    try:
        return read(request, [partial(lint, info=True)]).problems
    except SpecError as error:
        return error.problems


def compose_files(directory: Path) -> Iterator[tuple[str, Tree, Path]]:
    for file in sorted([*directory.glob("*.yml"), *directory.glob("*.yaml")]):
        work = Path(tempfile.mkdtemp(prefix="rules-"))
        compose = yaml.safe_load(file.read_text())
        if compose.get("services") and "include" not in compose:
            yield file.name, adapted(compose, work), work


# Precision


def precision(directory: Path, only: str) -> None:
    by_rule: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    files = services = 0
    for name, tree, work in compose_files(directory):
        files += 1
        services += len(tree["services"])
        for problem in problems(tree, work):
            by_rule[problem.rule, problem.severity].append(f"{name}: {problem.where}: {problem.message}")
    for (rule, severity), lines in sorted(by_rule.items()):
        if only in (rule, severity) or not only:
            print(f"\n{rule} {severity}", *lines, sep="\n  ")
    rows = [
        [
            rule,
            RULES[rule].title if rule in RULES else "",
            severity,
            len(lines),
            len({line.split(":")[0] for line in lines}),
        ]
        for (rule, severity), lines in sorted(by_rule.items())
    ]
    print(f"\n{files} files, {services} services\n")
    print(tabulate(rows, ["rule", "title", "severity", "problems", "files"], tablefmt="github"))


# Recall


def recall(directory: Path | None, missed: bool) -> None:
    compose = Compose()
    sites: Counter[str] = Counter()
    caught: Counter[str] = Counter()
    by_compose: Counter[str] = Counter()
    rules: defaultdict[str, Counter[str]] = defaultdict(Counter)
    used = 0
    for name, tree, work in working(directory, compose):
        environ = values(tree)
        used += 1
        before = problems(tree, work, environ)
        known = {(problem.rule, problem.where, problem.message) for problem in before}
        for kind, mutate in KINDS.items():
            for what, changed in mutate(tree):
                sites[kind] += 1
                new = {
                    problem.rule
                    for problem in problems(changed, work, environ)
                    if problem.severity in ("error", "warning")
                    and (problem.rule, problem.where, problem.message) not in known
                }
                caught[kind] += bool(new)
                rules[kind].update(new)
                by_compose[kind] += not compose.accepts(changed, work, environ)
                if missed and not new:
                    print(f"missed: {kind}: {name}: {what}")
    rows = [
        [kind, sites[kind], share(caught[kind], sites[kind]), ", ".join(r for r, _ in rules[kind].most_common(3)),
         share(by_compose[kind], sites[kind])]
        for kind in KINDS
    ]  # fmt: skip
    rows.append(
        [
            "all",
            sites.total(),
            share(caught.total(), sites.total()),
            "",
            share(by_compose.total(), sites.total()),
        ]
    )
    print(f"{used} stacks\n")
    headers = ["mistake", "made", "stackctl", "rules", f"docker compose config {compose.version}"]
    print(tabulate(rows, headers, tablefmt="github"))


def working(directory: Path | None, compose: Compose) -> Iterator[tuple[str, Tree, Path]]:
    """This project's own stacks and those of the directory: all in which neither tool finds an error."""
    for name, tree, work in [*_own(), *(compose_files(directory) if directory else ())]:
        environ = values(tree)
        wrong = any(problem.severity == "error" for problem in problems(tree, work, environ))
        if not wrong and compose.accepts(tree, work, environ):
            yield name, tree, work


def share(part: int, whole: int) -> str:
    return f"{part} ({part / whole:.0%})" if whole else "–"


def _own() -> Iterator[tuple[str, Tree, Path]]:
    for file in OWN:
        work = Path(tempfile.mkdtemp(prefix="rules-"))
        tree = tomllib.loads((ROOT / file).read_text())
        for _, service in services(tree):
            environment = service.setdefault("environment", {})
            if service.pop("env_file", None):
                environment |= {"POSTGRES_USER": "u", "POSTGRES_PASSWORD": "p", "POSTGRES_DB": "d"}
                environment["DATABASE_URL"] = "postgresql://u:p@db:5432/d"
            for name, text in environment.items():
                for reference, (other, url) in _URLS.items():
                    if text == reference:
                        environment[name] = url
                        service["depends_on"] = sorted({*service.get("depends_on", ()), other})
        if "db" in tree["services"] and tree["services"]["db"].get("container_name"):
            tree["services"]["db"]["environment"].pop("DATABASE_URL", None)
        yield file, tree, work


def services(tree: Tree) -> Iterator[tuple[str, Tree]]:
    """Each service and each job, with its name."""
    for section in ("services", "jobs"):
        yield from tree.get(section, {}).items()


class Compose:
    """`docker compose config`, which checks a compose file without an engine."""

    def __init__(self) -> None:
        install = subprocess.run(
            [ROOT / "bench/install_compose.sh"], check=True, capture_output=True, text=True, timeout=300,
            env={**os.environ, "PYTHON": sys.executable},
        )  # fmt: skip
        self.directory = install.stdout.strip()
        self.version = self._run("version", "--short").stdout.strip()

    def _run(self, *words: str, **settings: Any) -> subprocess.CompletedProcess[str]:
        program = f"{self.directory}/cli-plugins/docker-compose"
        return subprocess.run(
            [program, *words], check=False, capture_output=True, text=True, timeout=60, **settings
        )

    def accepts(self, tree: Tree, directory: Path, environ: Mapping[str, str]) -> bool:
        (directory / "compose.yaml").write_text(yaml.safe_dump(for_compose(tree)))
        env = {"PATH": os.environ["PATH"], "HOME": str(directory), **environ}
        return self._run("--project-name=x", "config", "--quiet", cwd=directory, env=env).returncode == 0


def for_compose(tree: Tree) -> Tree:
    changed = copy.deepcopy({key: tree[key] for key in ("services", "networks", "volumes") if key in tree})
    changed["services"] |= copy.deepcopy(tree.get("jobs", {}))
    for service in changed["services"].values():
        health = service.get("healthcheck", {})
        if health.keys() & {"http", "tcp", "log"}:
            service["healthcheck"] = {"test": "true"}
        depends = service.get("depends_on")
        if isinstance(depends, dict):
            for each in depends.values():
                each.setdefault("condition", "service_started")
    return changed


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("measure", choices=["precision", "recall"])
    parser.add_argument("directory", type=Path, nargs="?")
    parser.add_argument("--only", default="", help="list only the problems of this rule or severity")
    parser.add_argument("--missed", action="store_true", help="list the mistakes that were not caught")
    options = parser.parse_args()
    if options.measure == "precision":
        if not options.directory:
            parser.error("precision needs a directory of compose files")
        precision(options.directory, options.only)
    else:
        recall(options.directory, options.missed)


if __name__ == "__main__":
    main()
