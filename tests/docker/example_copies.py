"""Copies of the repository's examples with names and host ports of their own: several can run on one engine."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from scenario import ROOT, Project, free_ports


def lesson_in(project: Project) -> int:
    """The stack at the top of the repository. Returns the host port of its API."""
    shutil.copytree(ROOT / "examples/api", project.directory / "examples/api")
    shutil.copy(ROOT / "stack.toml", project.directory)
    shutil.copy(ROOT / ".env.example", project.directory / ".env")
    (port,) = free_ports(1)
    project.write(f'[services.api]\nports = ["{port}:8000"]\n', "stack.override.toml")
    return port


def fullstack_in(project: Project) -> int:
    """examples/fullstack. Returns the host port of its web server."""
    _copy("fullstack", project.directory)
    shutil.copy(project.directory / ".env.example", project.directory / ".env")
    (port,) = free_ports(1)
    project.write(f'[services.web]\nports = ["{port}:80"]\n', "stack.override.toml")
    return port


def django_in(project: Project) -> int:
    """examples/django, both of its stacks. The names of its containers begin with the project's. Returns the host port of its
    backend.
    """
    there = project.directory
    _copy("django", there)
    shutil.copy(there / "server/.env.example", there / "server/.env")
    port, postgres_port = free_ports(2)
    own = {
        '"postgres-container"': f'"{project.name}-postgres"',
        '"django-container"': f'"{project.name}-django"',
        '"5433:5432"': f'"{postgres_port}:5432"',
        '"8001:8000"': f'"{port}:8000"',
    }
    _edit(there / "stack.toml", own)
    _edit(there / "stack.jobs.toml", {**own, '"django-lecture-backend"': f'"{project.name}-backend"'})
    return port


def _copy(example: str, directory: Path) -> None:
    left_out = shutil.ignore_patterns(".env", "__pycache__")
    shutil.copytree(ROOT / "examples" / example, directory, ignore=left_out, dirs_exist_ok=True)


def _edit(file: Path, own: Mapping[str, str]) -> None:
    text = file.read_text()
    for old, new in own.items():
        assert old in text
        text = text.replace(old, new)
    file.write_text(text)
