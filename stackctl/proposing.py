"""Propose `develop.watch` for services that are built: what their Dockerfiles copy says what to watch."""

from __future__ import annotations

import json
import os
import posixpath
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from stackctl.engine.build_context import dockerfile_text
from stackctl.engine.docker.images.dockerfile import copied
from stackctl.planner.world.desire import host_path
from stackctl.spec.choosing import select
from stackctl.spec.model import Service, Stack
from stackctl.spec.model.images import is_remote

Rules = Sequence[Mapping[str, object]]

_RELOADS = re.compile(
    r"--reload|--watch|nodemon|runserver|\bdev\b|--debug|air\b|watchexec|livereload|ts-node-dev"
)
"""Words of a command that looks at its files itself."""
_FOREIGN = ("node_modules/", ".venv/", "__pycache__/")
"""What belongs to the machine on which it was made."""


def proposal(stack: Stack, services: Collection[str] = ()) -> str:
    """What could stand in the stack's file: TOML, or YAML for a compose.yaml. "" if no Dockerfile tells anything. A service that has
    `develop` is left out. Raises UsageError for an unknown service.
    """
    chosen = select(stack, services, ["*"], dependencies=not services)
    found = {
        name: rules
        for name, service in chosen.items()
        if not service.develop and (rules := tuple(_rules(stack, service)))
    }
    if not found:
        return ""
    yaml = bool(stack.files) and stack.files[0].suffix in (".yaml", ".yml")
    return _yaml(found) if yaml else _toml(stack, found)


def _rules(stack: Stack, service: Service) -> Iterator[Mapping[str, object]]:
    build = service.build
    if build is None or is_remote(build.context):
        return
    context = host_path(stack, build.context)
    file = context / build.dockerfile
    try:
        text = str(build.dockerfile_inline or "") or dockerfile_text(file)
    except OSError:
        return
    told: set[tuple[str, str]] = set()
    base = Path(os.path.relpath(context, stack.directory.resolve()))
    if not build.dockerfile_inline:
        yield {"path": _path(base / build.dockerfile), "action": "rebuild"}
    action = "sync" if _RELOADS.search(_command(service, text)) else "sync+restart"
    for each in copied(text, build.target):
        for source in _sources(context, each.source):
            place = context / source
            rule: dict[str, object] = {"path": _path(base / source)}
            if each.used or not each.target:
                rule["action"] = "rebuild"
            else:
                into = each.target.endswith("/") and not place.is_dir()
                target = posixpath.join(each.target, posixpath.basename(source)) if into else each.target
                rule |= {"action": action, "target": posixpath.normpath(target)}
            if place.is_dir() and (foreign := [name for name in _FOREIGN if (place / name).is_dir()]):
                rule["ignore"] = foreign
            if (key := (str(rule["path"]), str(rule.get("target")))) not in told:
                told.add(key)
                yield rule


def _sources(context: Path, source: str) -> list[str]:
    """The files of a pattern; else the path itself, if it is there."""
    plain = posixpath.normpath(source.lstrip("/") or ".")
    if any(sign in plain for sign in "*?["):
        return sorted(found.relative_to(context).as_posix() for found in context.glob(plain))
    return [plain] if (context / plain).exists() else []


def _command(service: Service, text: str) -> str:
    """What the container runs, as far as the file and the Dockerfile tell."""
    if service.command is not None:
        return " ".join(service.command.argv)
    lines = [line for line in text.splitlines() if re.match(r"\s*(CMD|ENTRYPOINT)\b", line, re.IGNORECASE)]
    return " ".join(lines[-2:]).replace('"', " ").replace(",", " ")


def _path(path: Path) -> str:
    text = path.as_posix()
    return text if text == "." or text.startswith("..") else f"./{text}"


def _toml(stack: Stack, found: Mapping[str, Rules]) -> str:
    lines: list[str] = []
    for name, rules in found.items():
        table = "jobs" if name in stack.jobs else "services"
        key = name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else json.dumps(name)
        for rule in rules:
            lines.append(f"[[{table}.{key}.develop.watch]]")
            lines += [f"{word} = {json.dumps(value, ensure_ascii=False)}" for word, value in rule.items()]
            lines.append("")
    return "\n".join(lines[:-1]) + "\n"


def _yaml(found: Mapping[str, Rules]) -> str:
    lines = ["services:"]
    for name, rules in found.items():
        lines += [
            f"  {name if re.fullmatch('[A-Za-z][A-Za-z0-9_-]*', name) else json.dumps(name)}:",
            "    develop:",
            "      watch:",
        ]
        for rule in rules:
            words = [f"{word}: {json.dumps(value, ensure_ascii=False)}" for word, value in rule.items()]
            lines += [f"        - {words[0]}", *(f"          {word}" for word in words[1:])]
    return "\n".join(lines) + "\n"
